import type { BearerChallenge } from '../bearer/bearer-challenge.js'
import type { AccessToken } from './access-token.js'

/** The scopes that a route requires, all of them: an array, or one string with spaces between. */
export type RequiredScope = string | readonly string[]

export function readRequiredScope(scope: RequiredScope | undefined): readonly string[] {
  if (scope === undefined) return []
  return typeof scope === 'string' ? scope.split(' ').filter((token) => token !== '') : scope
}

/** @throws OAuthError `insufficient_scope` (RFC 6750 §3.1), naming the scopes that the route requires */
export function checkScopes(accessToken: AccessToken, required: readonly string[], challenge: BearerChallenge): void {
  if (required.every((scope) => accessToken.scopes.includes(scope))) return
  const description = 'The access token does not have the scope that this needs'
  throw challenge.error('insufficient_scope', description, 'insufficient_scope', required.join(' '))
}
