import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { Client } from '../client-auth/client-options.js'
import { TokenRejected } from '../errors/rejections.js'
import type { Authorization } from './authorization.js'

/** How the client, the identity provider, its bindings and the assertion bound an access token: the least lifetime wins. */
export function boundLifetime(
  { identityProvider, expiresAt }: VerifiedAssertion,
  client: Client,
  ofBindings: number,
): Pick<Authorization, 'lifetime' | 'latestExpiry'> {
  const { lifetime = Number.POSITIVE_INFINITY, maxBeyondAssertion = Number.POSITIVE_INFINITY } = identityProvider
  return {
    lifetime: Math.min(client.lifetime ?? Number.POSITIVE_INFINITY, lifetime, ofBindings),
    latestExpiry: Math.floor(expiresAt + maxBeyondAssertion),
  }
}

/** @throws TokenRejected `expired` where not even a second is left */
export function checkLastsYet(latestExpiry: number, now: number): void {
  if (latestExpiry <= Math.floor(now)) throw new TokenRejected('expired')
}
