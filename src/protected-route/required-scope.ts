import type { AccessToken } from '../access-token/access-token.js'
import { hasField } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import { isScopeToken, parseScope } from '../oauth/scope.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { Challenge } from './challenge.js'

/** The scopes that a route requires, all of them: an array, or a space-separated string. */
export type RequiredScope = string | readonly string[]

const SCOPES = 'at least one scope token (RFC 6749 §3.3), in an array or a space-separated string'

/**
 * The scopes that the options of a route require; none if there is no `scope`. Everything that could be a mistake is
 * refused, because a scope that is overlooked would leave the route open.
 *
 * @param calledAs the function that was given the options
 * @throws ConfigError
 */
export function readRequiredScope(options: unknown, calledAs: string): readonly string[] {
  const reader = new OptionReader(options, [calledAs], `${calledAs}({ scope: 'orders:read' })`)
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
  reader.problem('scope', SCOPES)
  return []
}

/** The options that are about scopes, even if misspelled. The other options of `passport.authenticate` are Passport's own. */
export function scopeOptions(options: unknown): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  if (typeof options !== 'object' || options === null) return found
  // An inherited scope is meant as well, but not what every object inherits.
  for (const name in options) {
    if (/scop/i.test(name) && hasField(options, name)) found[name] = Reflect.get(options, name)
  }
  // A getter of a class is not enumerable.
  if (hasField(options, 'scope')) found.scope = Reflect.get(options, 'scope')
  return found
}

/** @throws OAuthError `insufficient_scope` (RFC 6750 §3.1), naming the scopes that the route requires */
export function checkScopes(accessToken: AccessToken, required: readonly string[], challenge: Challenge): void {
  if (required.every((scope) => accessToken.scopes.includes(scope))) return
  const description = 'The access token lacks a required scope'
  const refusal = challenge.error('insufficient_scope', description, 'insufficient_scope', { scopes: required })
  refusal.context = describeScopes(accessToken, required)
  throw refusal
}

function describeScopes({ sub, clientId, scopes, identityProvider }: AccessToken, requiredScopes: readonly string[]) {
  return {
    subject: printable(sub),
    ...(clientId !== undefined && { clientId: printable(clientId) }),
    ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
    scopes: scopes.map(printable),
    requiredScopes,
  }
}
