import type { AccessToken } from '../access-token/access-token.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled, type IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IntrospectionAnswer } from '../introspection/ask-endpoint.js'
import { checkNoConfirmation, checkNoDelegation, checkNotExpired, readNumericDate } from '../jwt/check-claims.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { NO_THUMBPRINTS } from '../jwt/public-key.js'
import type { Claims } from '../policy/claim-path.js'
import { checkAnswer } from './access-token-checks.js'

/** A token that was verified by the keys of its issuer. */
export type VerifiedHere = Pick<AccessToken, 'token' | 'expiresAt'>

const NOTHING: Claims = Object.freeze({})
const NO_SIGNATURE = Buffer.alloc(0)
/** As it is sent in a header (RFC 6749 App. A.12), without spaces. */
const TOKEN = /^[\x21-\x7E]+$/

/**
 * An opaque token in the shape that checks see: they read its length, and the claims of an answer about it.
 *
 * @throws TokenRejected `malformed_jwt` if it cannot be a token
 */
export function presentOpaque(token: string, claims: Claims = NOTHING): UnverifiedJwt {
  if (!TOKEN.test(token)) throw new TokenRejected('malformed_jwt')
  const header = { alg: 'none', ...NO_THUMBPRINTS }
  return { header, payload: claims, encodedPayload: '', signingInput: '', signature: NO_SIGNATURE, compact: token }
}

/**
 * What the issuer says of a token that was verified here. The answer may add that the token is bound to a key, or used by a
 * delegate, which the token itself need not say (RFC 7662 §2.2, RFC 8705 §3.2).
 *
 * @param answer undefined: there is none
 * @throws TokenRejected
 */
export function checkConfirmed(
  answer: IntrospectionAnswer | undefined,
  { accessToken, issuer, now }: { accessToken: VerifiedHere; issuer: IdentityProvider; now: number },
): void {
  checkEnabled(issuer) // It may have been switched off meanwhile.
  if (answer?.isActive !== true) throw new TokenRejected('inactive')
  const { claims } = answer
  const { clockTolerance } = issuer.limits
  checkNotExpired(accessToken.expiresAt, now, clockTolerance)
  const expiresAt = readNumericDate(claims, 'exp', 'invalid_expiry')
  if (expiresAt !== undefined) checkNotExpired(expiresAt, now, clockTolerance)
  checkAnswer(claims, issuer.name, true)
  checkNoConfirmation(claims)
  checkNoDelegation(claims)
}
