import type { BearerChallenge } from '../bearer/bearer-challenge.js'
import { isScopeToken } from '../oauth/scope.js'
import { ConfigError } from '../option-checks/config-error.js'
import type { AccessToken } from './access-token.js'

/** The scopes that a route requires, all of them: an array, or one string with spaces between. */
export type RequiredScope = string | readonly string[]

/** @throws ConfigError for what is no scope token: no access token can have it, and no challenge can name it */
export function readRequiredScope(scope: RequiredScope = []): readonly string[] {
  const tokens = typeof scope === 'string' ? scope.split(' ').filter((token) => token !== '') : scope
  const problems = tokens
    .filter((token) => !isScopeToken(token))
    .map((token) => ({ path: ['scope'], found: JSON.stringify(token), wanted: 'scope tokens of RFC 6749 §3.3' }))
  if (problems.length > 0) throw new ConfigError(problems)
  return tokens
}

/** @throws OAuthError `insufficient_scope` (RFC 6750 §3.1), naming the scopes that the route requires */
export function checkScopes(accessToken: AccessToken, required: readonly string[], challenge: BearerChallenge): void {
  if (required.every((scope) => accessToken.scopes.includes(scope))) return
  const description = 'The access token does not have the scope that this needs'
  throw challenge.error('insufficient_scope', description, 'insufficient_scope', required.join(' '))
}
