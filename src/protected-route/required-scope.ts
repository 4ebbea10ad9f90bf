import type { AccessToken } from '../access-token/access-token.js'
import { printable } from '../errors/printable.js'
import { isScopeToken, parseScope } from '../oauth/scope.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { BearerChallenge } from './bearer-challenge.js'

/** The scopes that a route requires, all of them: an array, or one string with spaces between. */
export type RequiredScope = string | readonly string[]

const WANTED = 'at least one scope token of RFC 6749 §3.3, in an array or in a string with spaces between'

/**
 * The scopes that the options of a route require; none where there is no `scope`. Everything that could be a mistake is
 * refused, because a scope that is not understood would leave the route open.
 *
 * @throws ConfigError
 */
export function readRequiredScope(options: unknown): readonly string[] {
  const reader = new OptionReader(options)
  const scopes = reader.isNamed('scope') ? readScopes(reader) : []
  reader.refuseUnknown()
  reader.throwProblems()
  return scopes
}

function readScopes(reader: OptionReader): readonly string[] {
  const scope = reader.value('scope')
  // A copy: what the host does with its array later must not change what the route requires.
  const scopes = typeof scope === 'string' ? parseScope(scope) : Array.isArray(scope) ? [...scope] : []
  if (scopes !== undefined && scopes.length > 0 && scopes.every(isScopeToken)) return scopes
  reader.problem('scope', WANTED)
  return []
}

/** @throws OAuthError `insufficient_scope` (RFC 6750 §3.1), naming the scopes that the route requires */
export function checkScopes(accessToken: AccessToken, required: readonly string[], challenge: BearerChallenge): void {
  if (required.every((scope) => accessToken.scopes.includes(scope))) return
  const description = 'The access token does not have the scope that this needs'
  const refusal = challenge.error('insufficient_scope', description, 'insufficient_scope', required.join(' '))
  refusal.context = describeScopes(accessToken, required)
  throw refusal
}

function describeScopes({ sub, clientId, scopes, identityProvider }: AccessToken, requiredScopes: readonly string[]) {
  return {
    subject: printable(sub),
    clientId: printable(clientId),
    ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
    scopes: scopes.map(printable),
    requiredScopes,
  }
}
