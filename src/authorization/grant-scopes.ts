import { OAuthError } from '../oauth/errors.js'
import { parseScope } from '../oauth/scope.js'

/**
 * The scopes to issue: requested ∩ the client's ∩ every further bound; without a request, all that all of these have
 * (RFC 6749 §3.3). Narrowing is not an error, but granting none of them is.
 *
 * @throws OAuthError `invalid_scope`
 */
export function grantScopes(
  requested: string | undefined,
  ofClient: readonly string[],
  bounds: readonly (ReadonlySet<string> | undefined)[],
): readonly string[] {
  const wanted = requested === undefined ? ofClient : parseScope(requested)
  if (wanted === undefined) throw new OAuthError('invalid_scope', 'The scope is malformed')
  const granted = wanted.filter((scope) => isWithin(scope, ofClient, bounds))
  if (granted.length === 0 && wanted.length > 0) {
    throw new OAuthError('invalid_scope', 'None of the scopes can be granted')
  }
  return granted
}

function isWithin(scope: string, ofClient: readonly string[], bounds: readonly (ReadonlySet<string> | undefined)[]) {
  return ofClient.includes(scope) && bounds.every((bound) => bound?.has(scope) !== false)
}
