import { timingSafeEqual } from 'node:crypto'
import { OAuthError } from '../oauth/errors.js'
import { type Client, digestSecret } from './client.js'
import { type ClientCredentials, invalidClient } from './client-credentials.js'
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
 * same work; after too many failures for one client id from one address the secret is not looked at (§2.3.1).
 *
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 */
export async function authenticateClient(
  credentials: ClientCredentials | undefined,
  remoteAddress: string,
  deps: AuthenticateClientDeps,
): Promise<Client> {
  if (credentials === undefined) throw invalidClient('no_client_authentication')
  const client = await deps.findClient(credentials.clientId)
  // From here on nothing is awaited, so that attempts in parallel cannot pass the limit together.
  const attempt = deps.failureLimiter.attempt(credentials.clientId, remoteAddress)
  if (attempt.retryAfter !== undefined) throw tooManyFailures(attempt.retryAfter)
  const isRightSecret = timingSafeEqual(
    digestSecret(credentials.clientSecret),
    client?.secretDigest ?? NO_CLIENT_DIGEST,
  )
  if (client === undefined || !isRightSecret) {
    attempt.failed()
    throw invalidClient(client === undefined ? 'unknown_client' : 'wrong_client_secret')
  }
  return client
}

function tooManyFailures(retryAfter: number): OAuthError {
  return new OAuthError('temporarily_unavailable', 'Too many failed client authentications', {
    status: 429,
    reason: 'too_many_client_failures',
    headers: { 'Retry-After': String(retryAfter) },
  })
}
