import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { type ClientAssertionDeps, createClientAssertionMethods } from './client-assertion.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import { type ClientCertificateDeps, createClientCertificateMethods } from './client-certificate-methods.js'
import type { ClientCredential } from './client-credential.js'
import type { Client } from './client-options.js'
import { CLIENT_SECRET_BASIC, CLIENT_SECRET_POST } from './client-secret-methods.js'

const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']

export interface AuthenticateClientDeps extends ClientAuthMethodDeps {
  /** In the order in which the metadata list them. */
  clientAuthMethods: readonly ClientAuthMethod[]
}

/**
 * The methods that are on, in the order in which the metadata list them. A method is on if a registered client uses it. If
 * clients are looked up, all methods are on.
 *
 * @param clients undefined if clients are looked up
 */
export function createClientAuthMethods(
  clients: readonly Client[] | undefined,
  deps: ClientAssertionDeps & ClientCertificateDeps,
): ClientAuthMethod[] {
  const kinds = clients && new Set(clients.map(({ credential }) => credential?.kind))
  const isOn = (kind: ClientCredential['kind']) => kinds?.has(kind) !== false
  const methods = [
    ...[CLIENT_SECRET_BASIC, CLIENT_SECRET_POST],
    ...createClientAssertionMethods(deps),
    ...createClientCertificateMethods(deps),
  ]
  // Two methods may share a name, and then either handles the requests of both.
  const byName = new Map(methods.filter(({ credentialKind }) => isOn(credentialKind)).map((each) => [each.name, each]))
  return [...byName.values()]
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
 * Whether a request has no `client_id` and no credentials of any method. A request that has one of them must authenticate as a
 * client, and is refused if that fails (RFC 7523 §3.1).
 */
export function isWithoutClient(request: TokenRequest): boolean {
  return request.authorization === undefined && CLIENT_PARAMETERS.every((name) => request.one(name) === undefined)
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
