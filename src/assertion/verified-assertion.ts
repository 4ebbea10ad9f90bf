import type { TokenContext } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'

/** An assertion whose signature and claims were verified. Whether it was used before is still unknown. */
export interface VerifiedAssertion {
  identityProvider: IdentityProvider
  /** Its `sub`, unchanged. */
  sub: string
  /** Seconds since the epoch. */
  expiresAt: number
  /** Its `jti`. */
  assertionId: string | undefined
  /** What events say of it. */
  context: TokenContext
  /** All claims. */
  payload: Readonly<Record<string, unknown>>
  /** The middle part as it was sent: the replay key is made of it if there is no `jti`. */
  encodedPayload: string
}
