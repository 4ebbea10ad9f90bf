import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { AcceptedAccessTokens } from '../identity-provider/identity-provider.js'
import { findBindings } from '../policy/binding.js'
import { type Claims, readClaim } from '../policy/claim-path.js'
import { parseScopes, type ScopeClaim } from '../policy/scope-claim.js'

/**
 * The scopes of an access token: of its claims and its groups together, as far as its issuer may give them.
 *
 * @throws TokenRejected `invalid_claim` for a claim that is neither a string of scopes nor an array of them
 */
export function grantedScopesOf(claims: Claims, { issuer, scopeClaims }: AcceptedAccessTokens): readonly string[] {
  const ofClaims = scopeClaims.flatMap((each) => [...scopesAt(each, claims)])
  const ofGroups = findBindings(issuer.policy.bindings, claims, undefined).flatMap(({ scopes }) => [...scopes])
  const all = [...new Set([...ofClaims, ...ofGroups])]
  return Object.freeze(issuer.scopes === undefined ? all : all.filter((scope) => issuer.scopes?.has(scope)))
}

function scopesAt({ path, at }: ScopeClaim, claims: Claims): ReadonlySet<string> {
  const value = readClaim(claims, at)
  if (value === undefined) return new Set()
  const scopes = parseScopes(value)
  if (scopes !== undefined) return scopes
  const rejected = new TokenRejected('invalid_claim')
  rejected.context = { claim: printable(path) }
  throw rejected
}
