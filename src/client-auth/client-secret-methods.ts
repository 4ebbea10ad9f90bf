import { timingSafeEqual } from 'node:crypto'
import { printable } from '../errors/printable.js'
import type { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import type { Client } from './client-options.js'
import { digestSecret } from './client-secret.js'
import type { FailureLimiter } from './failure-limiter.js'
import type { ClientLookup } from './find-client.js'

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
    const readings = parseBasicCredentials(request.authorization ?? '')
    const named = request.one('client_id')
    const [first, second = first] = readings.filter(({ clientId }) => named === undefined || clientId === named)
    if (first === undefined || second === undefined) throw invalidClient('client_id_mismatch')
    return authenticateBySecret([first, second], request.remoteAddress, deps)
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
    return authenticateBySecret([{ clientId, clientSecret }], request.remoteAddress, deps)
  },
}

/** The secrets in a request, even if something else is wrong with it: an event must not show them. */
export function presentedSecrets(request: TokenRequest): readonly string[] {
  const ofHeader = findBasicCredentials(request.authorization ?? '') ?? []
  return [...request.all('client_secret'), ...ofHeader.map(({ clientSecret }) => clientSecret)]
}

/**
 * Compared for an unknown client, and for one without a secret, so that it costs the same work as a wrong secret. No secret
 * has this digest.
 */
const NO_DIGEST = Buffer.alloc(32)

/**
 * The client whose secret was presented (RFC 6749 §3.2.1). Unknown client and wrong secret get the same answer after the
 * same work; after too many failures for one client id, from one address or from everywhere, the secret is not looked at
 * (§2.3.1). Of several readings one must be right. Each is judged by the failures of its own id, and each that is wrong counts
 * as one failure, so that no spelling gets more guesses.
 *
 * @param readings what the request may mean. Its spelling alone decides how often a client is looked up: once for each id
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 */
export async function authenticateBySecret(
  readings: readonly ClientCredentials[],
  remoteAddress: string,
  { findClient, failureLimiter }: ClientAuthMethodDeps,
): Promise<Client> {
  const before = checkAllowances(readings, remoteAddress, failureLimiter)
  const clients = await findClients(before.allowed, findClient)
  // Again, and from here on nothing is awaited: attempts in parallel must not pass the limit together.
  const { allowed, refusal } = checkAllowances(before.allowed, remoteAddress, failureLimiter)
  const authenticated = allowed.map((each) => checkSecret(each, clients.get(each.clientId)))
  const [client, other] = new Set(authenticated.filter((each) => each !== undefined))
  // Two clients with one secret, whose ids are two readings of one header: neither may act as the other.
  if (other !== undefined) throw invalidClient('ambiguous_credentials')
  if (client === undefined) {
    for (const [clientId, found] of clients) {
      const guesses = new Set(allowed.filter((each) => each.clientId === clientId).map((each) => each.clientSecret))
      failureLimiter.countFailure(clientId, remoteAddress, found !== undefined, guesses.size)
    }
    throw before.refusal ?? refusal ?? refuse([...clients.values()].find((each) => each !== undefined))
  }
  failureLimiter.countSuccess(client.clientId, remoteAddress)
  return client
}

/**
 * The readings whose ids may be tried now, and the refusal of the others.
 *
 * @throws OAuthError `temporarily_unavailable` with status 429 if none is allowed
 */
function checkAllowances(
  readings: readonly ClientCredentials[],
  remoteAddress: string,
  failureLimiter: FailureLimiter,
): { allowed: readonly ClientCredentials[]; refusal: OAuthError | undefined } {
  const refusals = readings.map(({ clientId }) => failureLimiter.findRefusal(clientId, remoteAddress))
  const allowed = readings.filter((_, index) => refusals[index] === undefined)
  const refusal = refusals.find((each) => each !== undefined)
  if (allowed.length === 0 && refusal !== undefined) throw refusal
  return { allowed, refusal }
}

/** By id; each is looked up once. */
async function findClients(
  readings: readonly ClientCredentials[],
  findClient: ClientLookup,
): Promise<ReadonlyMap<string, Client | undefined>> {
  const ids = [...new Set(readings.map(({ clientId }) => clientId))]
  const clients = await Promise.all(ids.map(findClient))
  return new Map(ids.map((id, index) => [id, clients[index]]))
}

/** The client if the secret is right. The work is the same if there is no client. */
function checkSecret({ clientSecret }: ClientCredentials, client: Client | undefined): Client | undefined {
  const digest = client?.credential?.kind === 'secret' ? client.credential.digest : NO_DIGEST
  return timingSafeEqual(digestSecret(clientSecret), digest) ? client : undefined
}

/** The event names a client that was found. An id that was not found may be a secret that was sent instead of an id. */
function refuse(client: Client | undefined): OAuthError {
  if (client === undefined) return invalidClient('unknown_client')
  const hasSecret = client.credential?.kind === 'secret'
  const refusal = invalidClient(hasSecret ? 'wrong_client_secret' : 'wrong_client_auth_method')
  refusal.context = { clientId: printable(client.clientId) }
  return refusal
}

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i
const MAX_CREDENTIALS_LENGTH = 4096
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The two readings of an `Authorization: Basic` header, split at the first colon. The first is that of RFC 6749 §2.3.1 and
 * App. B: id and secret were form-urlencoded before they were joined. The second is that of clients that leave this out. Both
 * are the same if the decoding changes nothing or is impossible.
 *
 * @throws OAuthError `invalid_client`
 */
export function parseBasicCredentials(authorization: string): readonly [ClientCredentials, ClientCredentials] {
  const readings = findBasicCredentials(authorization)
  if (readings === undefined) throw invalidClient('malformed_credentials')
  return readings
}

function findBasicCredentials(authorization: string): readonly [ClientCredentials, ClientCredentials] | undefined {
  const encoded = authorization.length <= MAX_CREDENTIALS_LENGTH ? BASIC.exec(authorization)?.[1] : undefined
  const pair = encoded === undefined ? undefined : decodeBase64(encoded)
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon < 0) return undefined
  const asSent = { clientId: pair.slice(0, colon), clientSecret: pair.slice(colon + 1) }
  if (asSent.clientId === '' || asSent.clientSecret === '') return undefined
  const clientId = decodeFormValue(asSent.clientId)
  const clientSecret = decodeFormValue(asSent.clientSecret)
  const isDecoded = clientId !== undefined && clientSecret !== undefined
  return [isDecoded ? { clientId, clientSecret } : asSent, asSent]
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
