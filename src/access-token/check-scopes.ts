import type { BearerChallenge } from '../bearer/bearer-challenge.js'
import { printable } from '../errors/printable.js'
import type { AccessToken } from './access-token.js'

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
