import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { Client } from '../client-auth/client.js'
import { TokenRejected } from '../errors/rejections.js'

/**
 * Seconds for which an access token may be issued, as the client, the identity provider and what is left of the assertion
 * bound it: the least wins. Infinite where none of them does.
 *
 * @param now seconds since the epoch
 * @throws TokenRejected `expired` where the token may not outlive an assertion of which nothing is left but the tolerance
 */
export function boundLifetime({ identityProvider, expiresAt }: VerifiedAssertion, client: Client, now: number): number {
  const { lifetime = Number.POSITIVE_INFINITY, maxBeyondAssertion = Number.POSITIVE_INFINITY } = identityProvider
  const left = Math.floor(expiresAt + maxBeyondAssertion) - Math.floor(now)
  if (left < 1) throw new TokenRejected('expired')
  return Math.min(client.lifetime ?? Number.POSITIVE_INFINITY, lifetime, left)
}
