import { type ClientCredentials, invalidClient, parseBasicCredentials } from '../client-auth/client-credentials.js'
import { OAuthError } from '../oauth/errors.js'
import type { TokenRequestParameters } from '../oauth/token-request.js'
import { readHeader } from '../protected-route/read-header.js'
import type { ExpressRequest } from './http.js'

const NEVER_IN_THE_QUERY = ['assertion', 'client_secret', 'client_assertion', 'grant_type']

/**
 * The credentials of `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1), undefined where there are none.
 *
 * @throws OAuthError `invalid_client` for malformed ones, `invalid_request` for two methods at once or credentials in
 * the query
 */
export function readClientCredentials(
  req: ExpressRequest,
  parameters: TokenRequestParameters,
): ClientCredentials | undefined {
  const [authorization, second] = readHeader(req, 'authorization')
  if (second !== undefined) throw new OAuthError('invalid_request', 'The request has two Authorization headers')
  checkQuery(req)
  const clientId = parameters.one('client_id')
  const clientSecret = parameters.one('client_secret')
  const presented = [authorization, clientSecret, parameters.one('client_assertion')]
  if (presented.filter((credential) => credential !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'The request uses more than one client authentication method')
  }
  if (authorization === undefined) {
    return clientId !== undefined && clientSecret !== undefined ? { clientId, clientSecret } : undefined
  }
  const credentials = parseBasicCredentials(authorization)
  if (clientId !== undefined && clientId !== credentials.clientId) throw invalidClient('client_id_mismatch')
  return credentials
}

/** RFC 6749 §2.3.1: never in the URI, which ends up in logs. */
function checkQuery({ url = '' }: ExpressRequest): void {
  const start = url.indexOf('?')
  if (start < 0) return
  const query = new URLSearchParams(url.slice(start + 1))
  if (NEVER_IN_THE_QUERY.some((name) => query.has(name))) {
    throw new OAuthError('invalid_request', 'Credentials and assertions must not be in the URL')
  }
}
