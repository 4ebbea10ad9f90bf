import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { TokenRejected } from '../errors/rejections.js'
import type { Authorization, RequestingClient } from './authorization.js'

export type LifetimeBounds = Pick<Authorization, 'lifetime' | 'latestExpiry'>

/**
 * How the client, the identity provider, its bindings and the assertion bound an access token: the least lifetime wins.
 *
 * @param now seconds since the epoch
 * @throws TokenRejected `expired` if not even a second is left
 */
export function boundLifetime(
  assertion: VerifiedAssertion,
  client: RequestingClient,
  ofBindings: number,
  now: number,
): LifetimeBounds {
  const { lifetime = Number.POSITIVE_INFINITY } = assertion.identityProvider
  const latestExpiry = latestExpiryOf(assertion)
  if (latestExpiry <= Math.floor(now)) throw new TokenRejected('expired')
  return { lifetime: Math.min(client.lifetime ?? Number.POSITIVE_INFINITY, lifetime, ofBindings), latestExpiry }
}

/** Seconds since the epoch, at the latest, when access tokens for an assertion expire. */
export function latestExpiryOf({ identityProvider, expiresAt }: VerifiedAssertion): number {
  return Math.floor(expiresAt + (identityProvider.maxBeyondAssertion ?? Number.POSITIVE_INFINITY))
}
