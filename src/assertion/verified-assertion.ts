import type { TokenContext } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'

/** An assertion whose signature and claims were verified. Whether it was used before is not known yet. */
export interface VerifiedAssertion {
  identityProvider: IdentityProvider
  /** The `sub` as the identity provider put it. */
  sub: string
  /** Seconds since the epoch. */
  expiresAt: number
  /** Its `jti`. */
  assertionId: string | undefined
  /** What events tell of it. */
  context: TokenContext
  /** All claims. */
  payload: Readonly<Record<string, unknown>>
  /** The middle part as it was sent: with it the replay key is made where there is no `jti`. */
  encodedPayload: string
}
