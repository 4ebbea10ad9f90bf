import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkAudience, checkExpiry, checkNotBefore, checkNumericDate, checkStringClaim } from '../jwt/check-claims.js'
import { parseJwt, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isSignedBy } from '../jwt/signatures.js'
import { normaliseType } from '../jwt/token-type.js'
import { ACCESS_TOKEN_TYPE } from '../oauth/names.js'
import { parseScope } from '../oauth/scope.js'
import type { SigningKey } from '../signing-keys/signing-key.js'
import type { SigningKeys } from '../signing-keys/signing-keys.js'
import type { AccessToken } from './access-token.js'
import type { VerifiedTokenCache } from './verified-token-cache.js'

/** In bytes; longer than any that is issued, with a subject of full length. */
const LONGEST_ACCESS_TOKEN = 131_072

export interface VerifyAccessTokenDeps {
  issuer: string
  audiences: ReadonlySet<string>
  signingKeys: SigningKeys
  verifiedTokens: VerifiedTokenCache
  clock: Clock
}

/**
 * Verifies an access token of this service (RFC 9068 §4): its type, a signature by one of our own keys with that key's
 * algorithm, issuer, audience and expiry. Without network. No clock tolerance: the issuer's clock is ours. A token that
 * was accepted before is recognised, and only what can change is checked again.
 *
 * @throws TokenRejected
 */
export async function verifyAccessToken(token: string, deps: VerifyAccessTokenDeps): Promise<AccessToken> {
  return recogniseAccessToken(token, deps) ?? (await verifyUnknownToken(token, deps))
}

/** A token that was accepted before, and still may be. */
export function recogniseAccessToken(token: string, deps: VerifyAccessTokenDeps): AccessToken | undefined {
  return deps.verifiedTokens.find(token, deps.signingKeys, deps.clock.now())
}

async function verifyUnknownToken(token: string, deps: VerifyAccessTokenDeps): Promise<AccessToken> {
  const jwt = parseJwt(token, LONGEST_ACCESS_TOKEN)
  const { header, payload } = jwt
  if (normaliseType(header.typ ?? '') !== ACCESS_TOKEN_TYPE) throw new TokenRejected('type_not_allowed')
  const signingKey = await verifySignature(jwt, deps.signingKeys)
  if (payload.iss !== deps.issuer) throw new TokenRejected('wrong_issuer')
  checkAudience(payload, deps.audiences)
  const now = deps.clock.now()
  const expiresAt = checkExpiry(payload, now, 0)
  const notBefore = checkNotBefore(payload, now, 0)
  checkNumericDate(payload, 'iat', 'invalid_issued_at')
  const accessToken: AccessToken = {
    sub: checkStringClaim(payload, 'sub', 'invalid_subject'),
    clientId: checkStringClaim(payload, 'client_id', 'invalid_claim'),
    scopes: Object.freeze(readScopes(payload.scope)),
    expiresAt,
    issuer: deps.issuer,
    audience: Object.freeze([payload.aud].flat() as string[]),
    tokenId: checkStringClaim(payload, 'jti', 'invalid_jwt_id'),
    token,
    payload: deepFreeze(payload),
  }
  deps.verifiedTokens.add({ accessToken, notBefore, signingKey })
  return { ...accessToken }
}

async function verifySignature(jwt: UnverifiedJwt, signingKeys: SigningKeys): Promise<SigningKey> {
  const key = signingKeys.find(jwt.header.kid)
  if (key === undefined) throw new TokenRejected('unknown_key')
  if (jwt.header.alg !== key.algorithm) throw new TokenRejected('algorithm_not_allowed')
  if (!(await isSignedBy(key.publicKey, jwt))) throw new TokenRejected('bad_signature')
  return key
}

/** Requests share what is remembered. What was parsed is no deeper than 32 levels. */
function deepFreeze<Value extends object>(value: Value): Value {
  for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) deepFreeze(child)
  return Object.freeze(value)
}

function readScopes(scope: unknown): readonly string[] {
  if (scope === undefined) return []
  const scopes = typeof scope === 'string' ? parseScope(scope) : undefined
  if (scopes === undefined) throw new TokenRejected('invalid_claim')
  return scopes
}
