import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { AcceptedAccessTokens } from '../identity-provider/identity-provider.js'
import { findBindings } from '../policy/binding.js'
import { type Claims, readClaim } from '../policy/claim-path.js'
import { parseScopes, type ScopeClaim } from '../policy/scope-claim.js'

const NONE: ReadonlySet<string> = new Set()

/**
 * The scopes of an access token: of its claims and its groups together, as far as its issuer may give them.
 *
 * @throws TokenRejected `invalid_claim` for a claim that is neither a string of scopes nor an array of them
 */
export function grantedScopesOf(claims: Claims, { issuer, scopeClaims }: AcceptedAccessTokens): readonly string[] {
  const granted = new Set<string>()
  for (const each of scopeClaims) for (const scope of scopesAt(each, claims)) granted.add(scope)
  for (const { scopes } of findBindings(issuer.policy.bindings, claims, undefined)) {
    for (const scope of scopes) granted.add(scope)
  }
  const { scopes: allowed } = issuer
  return Object.freeze(allowed === undefined ? [...granted] : [...granted].filter((scope) => allowed.has(scope)))
}

function scopesAt({ path, at }: ScopeClaim, claims: Claims): ReadonlySet<string> {
  const value = readClaim(claims, at)
  if (value === undefined) return NONE
  const scopes = parseScopes(value)
  if (scopes !== undefined) return scopes
  const rejected = new TokenRejected('invalid_claim')
  rejected.context = { claim: printable(path) }
  throw rejected
}
