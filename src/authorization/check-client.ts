import type { VerifiedAssertion } from '../assertion/verify-assertion.js'
import type { Client } from '../client-auth/client-options.js'
import { TokenRejected } from '../errors/rejections.js'
import { OAuthError } from '../oauth/errors.js'
import type { RequestingClient } from './authorization.js'
import { checkScopeSyntax, grantScopes } from './bound-access.js'

/**
 * Before the assertion is looked at: what the client can never obtain does not depend on it, so the answer says nothing of
 * it, and it is not used up.
 *
 * @throws OAuthError `invalid_scope` if the scope is malformed, or none of it belongs to the client, if there is one
 */
export function checkScopeOfClient(requested: string | undefined, client: RequestingClient): void {
  if (client.scopes === undefined) checkScopeSyntax(requested)
  else grantScopes(requested, [client.scopes])
}

/** @throws TokenRejected `client_not_allowed` */
export function checkClientMayExchange(client: RequestingClient, { identityProvider }: VerifiedAssertion): void {
  if (client.identityProviders?.has(identityProvider.id) === false) throw new TokenRejected('client_not_allowed')
}

/** @throws OAuthError `unauthorized_client` */
export function checkGrantType(client: Client, grantType: string): void {
  if (client.grantTypes?.has(grantType) === false) {
    throw new OAuthError('unauthorized_client', 'The client may not use this grant type')
  }
}
