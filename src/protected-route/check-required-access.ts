import type { AccessToken } from '../access-token/access-token.js'
import { printable } from '../errors/printable.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import type { ScopeContext, TokenContext } from '../errors/rejections.js'
import type { OAuthError } from '../oauth/errors.js'
import { normaliseResource } from '../oauth/resource.js'
import { findFailing } from '../policy/claim-condition.js'
import { type Challenge, type ChallengedAccess, INVALID_TOKEN } from './challenge.js'
import { hasScope, type ImpliedScopes } from './implied-scopes.js'
import type { RequiredAccess } from './required-access.js'

/** What a route requires of access tokens, and how it refuses those that do not have it. */
export interface RouteAccess {
  access: RequiredAccess
  challenge: Challenge
  /** As configured now. undefined: no scope implies another. */
  impliedScopes: () => ImpliedScopes | undefined
  /** Whether a token is for a route that names no resource, as configured now. */
  isForDefaultResource: (accessToken: AccessToken) => boolean
}

/** What the challenges of a route ask for: all scopes of the operation, also those that a token has, and the resource. */
export function challengedAccess({ scopes, anyScope, resource }: RequiredAccess): ChallengedAccess {
  const all = [...new Set([...scopes, ...anyScope])]
  return { ...(all.length > 0 && { scopes: all }), ...(resource !== undefined && { resource }) }
}

/**
 * Refuses a verified access token that does not have what the route requires.
 *
 * @throws OAuthError 401 `invalid_token` for a token of another issuer or for another resource; otherwise 403
 *   `insufficient_scope`, because RFC 6750 §3.1 has no other code
 */
export function checkRequiredAccess(accessToken: AccessToken, route: RouteAccess): void {
  const { issuers, resource, acceptsSubject, requiredClaims } = route.access
  if (issuers !== undefined && !isFrom(accessToken, issuers)) {
    throw notValidHere('wrong_issuer', { issuer: printable(accessToken.issuer) }, accessToken, route)
  }
  if (!(resource === undefined ? route.isForDefaultResource(accessToken) : isForResource(accessToken, resource))) {
    throw notValidHere('wrong_audience', { audience: printable(accessToken.audience.join(' ')) }, accessToken, route)
  }
  if (!hasScopes(accessToken, route)) throw lacksScope(accessToken, route)
  if (acceptsSubject?.(accessToken.sub) === false) throw notAllowed('subject_not_allowed', {}, accessToken, route)
  const failing = findFailing(requiredClaims, accessToken.payload)
  if (failing === undefined) return
  const { path, expected, message = `expected ${expected}` } = failing
  const context = { claim: printable(path), message: printable(message) }
  throw notAllowed('claim_not_allowed', context, accessToken, route)
}

/** The refusal of a token that is valid and has the scopes: no other scope would help, so the challenge names none. */
export function notAllowed(
  reason: ReasonCode,
  context: TokenContext,
  accessToken: AccessToken,
  { access, challenge }: RouteAccess,
): OAuthError {
  const { scopes: _, ...challenged } = challengedAccess(access)
  const description = 'The access token does not allow this request'
  const refusal = challenge.error('insufficient_scope', description, reason, challenged)
  refusal.context = { ...describeAccess(accessToken, access), ...context }
  return refusal
}

function lacksScope(accessToken: AccessToken, { access, challenge }: RouteAccess): OAuthError {
  const description = 'The access token lacks a required scope'
  const challenged = challengedAccess(access)
  const refusal = challenge.error('insufficient_scope', description, 'insufficient_scope', challenged)
  refusal.context = describeAccess(accessToken, access)
  return refusal
}

/** RFC 6750 §3.1: a token that is not valid for this resource. */
function notValidHere(
  reason: ReasonCode,
  context: TokenContext,
  accessToken: AccessToken,
  { access, challenge }: RouteAccess,
): OAuthError {
  const refusal = challenge.error('invalid_token', INVALID_TOKEN, reason, challengedAccess(access))
  refusal.context = { ...describeAccess(accessToken, access), ...context }
  return refusal
}

function isFrom({ issuer, identityProvider }: AccessToken, issuers: ReadonlySet<string>): boolean {
  return issuers.has(issuer) || (identityProvider !== undefined && issuers.has(identityProvider))
}

/** Whether the `aud` of a token contains a resource, in any spelling that means the same. */
export function isForResource({ audience }: AccessToken, resource: string): boolean {
  const wanted = normaliseResource(resource)
  return audience.some((each) => normaliseResource(each) === wanted)
}

function hasScopes({ scopes }: AccessToken, { access, impliedScopes }: RouteAccess): boolean {
  const { scopes: required, anyScope } = access
  if (required.length + anyScope.length === 0) return true
  const implied = impliedScopes()
  const has = (scope: string) => hasScope(scopes, scope, implied)
  return required.every(has) && (anyScope.length === 0 || anyScope.some(has))
}

/** What the event of a refusal says of a valid token, and of the scopes of the route. */
export function describeAccess(
  { sub, clientId, scopes, identityProvider }: AccessToken,
  { scopes: requiredScopes, anyScope }: RequiredAccess,
): TokenContext & ScopeContext {
  return {
    subject: printable(sub),
    ...(clientId !== undefined && { clientId: printable(clientId) }),
    ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
    scopes: scopes.map(printable),
    ...(requiredScopes.length > 0 && { requiredScopes }),
    ...(anyScope.length > 0 && { anyScope }),
  }
}
