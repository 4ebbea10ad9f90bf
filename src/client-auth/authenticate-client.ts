import { timingSafeEqual } from 'node:crypto'
import { printable } from '../errors/printable.js'
import { OAuthError } from '../oauth/errors.js'
import { type ClientCredentials, invalidClient } from './client-credentials.js'
import { type Client, digestSecret } from './client-options.js'
import type { FailureLimiter } from './failure-limiter.js'
import type { FindClient } from './find-client.js'

export interface AuthenticateClientDeps {
  /** @throws DependencyUnavailable `client_lookup_failed` */
  findClient: FindClient
  failureLimiter: FailureLimiter
}

/** Stands in for an unknown client, so that it costs the same work as a wrong secret. No secret has this digest. */
const NO_CLIENT_DIGEST = Buffer.alloc(32)

/**
 * The client whose secret was presented (RFC 6749 §3.2.1). Unknown client and wrong secret get the same answer after the
 * same work; after too many failures for one client id, from one address or from everywhere, the secret is not looked at
 * (§2.3.1).
 *
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 */
export async function authenticateClient(
  credentials: ClientCredentials | undefined,
  remoteAddress: string,
  deps: AuthenticateClientDeps,
): Promise<Client> {
  if (credentials === undefined) throw invalidClient('no_client_authentication')
  const { clientId } = credentials
  checkAllowance(clientId, remoteAddress, deps.failureLimiter)
  const client = await deps.findClient(clientId)
  // Once more, and from here on nothing is awaited: attempts in parallel must not pass the limit together.
  checkAllowance(clientId, remoteAddress, deps.failureLimiter)
  const isRightSecret = timingSafeEqual(
    digestSecret(credentials.clientSecret),
    client?.secretDigest ?? NO_CLIENT_DIGEST,
  )
  if (client === undefined || !isRightSecret) {
    deps.failureLimiter.countFailure(clientId, remoteAddress, client !== undefined)
    throw refuse(client)
  }
  deps.failureLimiter.countSuccess(clientId, remoteAddress)
  return client
}

/** The event names a client that was found; what was not found may be a secret in the place of an id. */
function refuse(client: Client | undefined): OAuthError {
  const refusal = invalidClient(client === undefined ? 'unknown_client' : 'wrong_client_secret')
  if (client !== undefined) refusal.context = { clientId: printable(client.clientId) }
  return refusal
}

function checkAllowance(clientId: string, remoteAddress: string, failureLimiter: FailureLimiter): void {
  const retryAfter = failureLimiter.retryAfter(clientId, remoteAddress)
  if (retryAfter === undefined) return
  const refusal = new OAuthError('temporarily_unavailable', 'Too many failed client authentications', {
    status: 429,
    reason: 'too_many_client_failures',
    headers: { 'Retry-After': String(retryAfter) },
  })
  refusal.context = failureLimiter.describe(clientId, remoteAddress)
  throw refusal
}
