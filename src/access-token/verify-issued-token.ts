import type { Clock } from '../clock/clock.js'
import type { Eventual } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import { readExpiry, readStringClaim, readSubject } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws } from '../jwt/parse-jwt.js'
import type { SigningKeys } from '../signing-keys/signing-keys.js'
import { MAX_ACCESS_TOKEN_LENGTH, MAX_HEADER_LENGTH, whenSigned } from './verify-access-token.js'

export interface VerifyIssuedTokenDeps {
  issuer: string
  signingKeys: SigningKeys
  clock: Clock
}

/** An access token that we have issued and that has not expired. */
export interface VerifiedIssuedToken {
  tokenId: string
  clientId: string
  sub: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/**
 * Verifies that an access token is one of ours and has not expired. Unlike `verifyAccessToken`, it accepts a token of another
 * audience, of an identity provider that is switched off, and one that is revoked: any of these may be accepted again, here or in
 * another process, and then what was revoked meanwhile must be known.
 *
 * @throws TokenRejected, or rejects with it
 */
export function verifyIssuedToken(token: string, deps: VerifyIssuedTokenDeps): Eventual<VerifiedIssuedToken> {
  const jws = parseJws(token, MAX_ACCESS_TOKEN_LENGTH, MAX_HEADER_LENGTH)
  return whenSigned(jws, deps.signingKeys, ({ payload }) => readIssuedToken(payload, deps))
}

function readIssuedToken(
  payload: Readonly<Record<string, unknown>>,
  { issuer, clock }: VerifyIssuedTokenDeps,
): VerifiedIssuedToken {
  if (ownMember(payload, 'iss') !== issuer) throw new TokenRejected('wrong_issuer')
  return {
    expiresAt: readExpiry(payload, clock.now(), 0),
    tokenId: readStringClaim(payload, 'jti', 'invalid_jwt_id'),
    clientId: readStringClaim(payload, 'client_id', 'invalid_claim'),
    sub: readSubject(payload),
  }
}
