import { timingSafeEqual } from 'node:crypto'
import { printable } from '../errors/printable.js'
import type { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import type { Client } from './client-options.js'
import { digestSecret } from './client-secret.js'

/** What a client presented to authenticate itself (RFC 6749 §2.3.1). */
export interface ClientCredentials {
  clientId: string
  clientSecret: string
}

/** The secret in an `Authorization: Basic` header. A header of another scheme is malformed. */
export const CLIENT_SECRET_BASIC: ClientAuthMethod = {
  name: 'client_secret_basic',
  credentialKind: 'secret',
  applies: ({ authorization }) => authorization !== undefined,
  authenticate: async (request, deps) => {
    const credentials = parseBasicCredentials(request.authorization ?? '')
    const clientId = request.one('client_id')
    if (clientId !== undefined && clientId !== credentials.clientId) throw invalidClient('client_id_mismatch')
    return authenticateBySecret(credentials, request.remoteAddress, deps)
  },
}

/** The secret as a parameter of the form. */
export const CLIENT_SECRET_POST: ClientAuthMethod = {
  name: 'client_secret_post',
  credentialKind: 'secret',
  applies: (request) => request.one('client_secret') !== undefined,
  authenticate: async (request, deps) => {
    const [clientId, clientSecret] = [request.one('client_id'), request.one('client_secret')]
    if (clientId === undefined || clientSecret === undefined) throw invalidClient('no_client_authentication')
    return authenticateBySecret({ clientId, clientSecret }, request.remoteAddress, deps)
  },
}

/** The secrets in a request, even if something else is wrong with it: an event must not show them. */
export function presentedSecrets(request: TokenRequest): readonly string[] {
  const ofHeader = findBasicCredentials(request.authorization ?? '')
  return [...request.all('client_secret'), ...(ofHeader === undefined ? [] : [ofHeader.clientSecret])]
}

/**
 * Compared for an unknown client, and for one without a secret, so that it costs the same work as a wrong secret. No secret
 * has this digest.
 */
const NO_DIGEST = Buffer.alloc(32)

/**
 * The client whose secret was presented (RFC 6749 §3.2.1). Unknown client and wrong secret get the same answer after the
 * same work; after too many failures for one client id, from one address or from everywhere, the secret is not looked at
 * (§2.3.1).
 *
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 */
export async function authenticateBySecret(
  { clientId, clientSecret }: ClientCredentials,
  remoteAddress: string,
  { findClient, failureLimiter }: ClientAuthMethodDeps,
): Promise<Client> {
  failureLimiter.checkAllowance(clientId, remoteAddress)
  const client = await findClient(clientId)
  // Again, and from here on nothing is awaited: attempts in parallel must not pass the limit together.
  failureLimiter.checkAllowance(clientId, remoteAddress)
  const digest = client?.credential?.kind === 'secret' ? client.credential.digest : NO_DIGEST
  const isRightSecret = timingSafeEqual(digestSecret(clientSecret), digest)
  if (client === undefined || !isRightSecret) {
    failureLimiter.countFailure(clientId, remoteAddress, client !== undefined)
    throw refuse(client)
  }
  failureLimiter.countSuccess(clientId, remoteAddress)
  return client
}

/** The event names a client that was found. An id that was not found may be a secret that was sent instead of an id. */
function refuse(client: Client | undefined): OAuthError {
  const refusal = invalidClient(client === undefined ? 'unknown_client' : 'wrong_client_secret')
  if (client !== undefined) refusal.context = { clientId: printable(client.clientId) }
  return refusal
}

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i
const MAX_CREDENTIALS_LENGTH = 4096
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The credentials of an `Authorization: Basic` header. Id and secret were form-urlencoded before they were joined, so
 * both are decoded after splitting at the first colon (RFC 6749 §2.3.1 and App. B).
 *
 * @throws OAuthError `invalid_client`
 */
export function parseBasicCredentials(authorization: string): ClientCredentials {
  const credentials = findBasicCredentials(authorization)
  if (credentials === undefined) throw invalidClient('malformed_credentials')
  return credentials
}

function findBasicCredentials(authorization: string): ClientCredentials | undefined {
  const encoded = authorization.length <= MAX_CREDENTIALS_LENGTH ? BASIC.exec(authorization)?.[1] : undefined
  const decoded = encoded === undefined ? undefined : decodeBase64(encoded)
  const colon = decoded?.indexOf(':') ?? -1
  if (decoded === undefined || colon < 0) return undefined
  const clientId = decodeFormValue(decoded.slice(0, colon))
  const clientSecret = decodeFormValue(decoded.slice(colon + 1))
  return clientId && clientSecret ? { clientId, clientSecret } : undefined
}

function decodeBase64(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}

function decodeFormValue(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
