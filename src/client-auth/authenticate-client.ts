import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import type { Client } from './client-options.js'

const PARAMETERS_OF_CLIENTS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']

export interface AuthenticateClientDeps extends ClientAuthMethodDeps {
  /** In the order in which the metadata list them. */
  clientAuthMethods: readonly ClientAuthMethod[]
}

/**
 * The client that sent the request (RFC 6749 §3.2.1).
 *
 * @throws OAuthError `invalid_request` for two methods at once; `invalid_client`; `temporarily_unavailable` with status 429
 * @throws DependencyUnavailable for an outage
 */
export async function authenticateClient(request: TokenRequest, deps: AuthenticateClientDeps): Promise<Client> {
  checkOneAuthentication(request)
  const method = deps.clientAuthMethods.find((each) => each.applies(request))
  if (method === undefined) throw invalidClient('no_client_authentication')
  return method.authenticate(request, deps)
}

/**
 * Whether a request has nothing of a client: no credentials of any method, and no `client_id`. What is present is judged,
 * and a request is never judged without it instead (RFC 7523 §3.1).
 */
export function isWithoutClient(request: TokenRequest): boolean {
  return request.authorization === undefined && PARAMETERS_OF_CLIENTS.every((name) => request.one(name) === undefined)
}

/**
 * RFC 6749 §2.3: a client uses one authentication method in a request. Credentials of a method that is off count, too.
 *
 * @throws OAuthError `invalid_request`
 */
function checkOneAuthentication(request: TokenRequest): void {
  const presented = [request.authorization, request.one('client_secret'), request.one('client_assertion')]
  if (presented.filter((credential) => credential !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'The request uses more than one client authentication method')
  }
}
