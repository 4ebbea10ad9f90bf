import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import { isScopeToken } from '../oauth/scope.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type ClaimPath, type Claims, parseClaimPath, readClaim } from './claim-path.js'

/** The claim of assertions that caps the scopes of their access tokens. */
export interface ScopeClaim {
  /** As it was written. */
  path: string
  at: ClaimPath
}

const SCOPE_CLAIM = 'a claim path without * and without white space around a name, such as scope or realm_access.scopes'

/** The claim that `scopeClaim` names; undefined: assertions cap nothing. */
export function readScopeClaim(reader: OptionReader): ScopeClaim | undefined {
  if (!reader.has('scopeClaim')) return undefined
  const path = reader.string('scopeClaim', SCOPE_CLAIM, isScopeClaim)
  const at = parseClaimPath(path)
  return at && { path, at }
}

/** A claim that is named wrongly caps nothing, so a pattern and a slip of white space are refused. */
function isScopeClaim(text: string): boolean {
  const names = text.includes('*') ? undefined : parseClaimPath(text)?.segments
  return names?.every((name) => name === name.trim()) === true
}

/** The claims that an option lists, each as `scopeClaim` names one; undefined: the option is absent. */
export function readScopeClaims(reader: OptionReader, key: string): readonly ScopeClaim[] | undefined {
  const paths = reader.someStrings(key, SCOPE_CLAIM, isScopeClaim)
  return paths?.flatMap((path) => {
    const at = parseClaimPath(path)
    return at === undefined ? [] : [{ path, at }]
  })
}

/**
 * The scopes beyond which an assertion asks to grant nothing; undefined: it does not say so. None are a cap as well.
 *
 * @throws TokenRejected `invalid_claim` for anything but a string of scopes with spaces between them, or an array of scopes
 */
export function requireScopeCap(claim: ScopeClaim | undefined, claims: Claims): ReadonlySet<string> | undefined {
  const value = claim && readClaim(claims, claim.at)
  if (claim === undefined || value === undefined) return undefined
  const scopes = parseScopes(value)
  if (scopes !== undefined) return scopes
  const rejected = new TokenRejected('invalid_claim')
  rejected.context = { claim: printable(claim.path) }
  throw rejected
}

/** undefined: it is malformed. */
export function parseScopes(value: unknown): ReadonlySet<string> | undefined {
  const scopes: unknown = typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : value
  return Array.isArray(scopes) && scopes.every(isScopeToken) ? new Set(scopes) : undefined
}
