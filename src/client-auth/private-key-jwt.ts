import { createReplayKey, REPLAY_MARGIN } from '../assertion/mark-used.js'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import { checkClientAssertionClaims, checkNotExpired, readStringClaim } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseType, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import type { ReplayProtection } from '../replay/replay-protection.js'

/** What is needed to verify an assertion that a client signed itself. */
export interface OwnAssertionDeps {
  /** Accepted as the only value of `aud`: our issuer, and by option the URL of the token endpoint. */
  audiences: ReadonlySet<string>
  clock: Pick<Clock, 'now'>
  replayProtection: Pick<ReplayProtection, 'markUsed'>
}

/** Seconds. A client makes an assertion for one request, so a short lifetime is enough. */
export const CLIENT_ASSERTION_LIMITS = { clockTolerance: 60, maxLifetime: 3600, maxAge: 3600, requireIat: false }
export const MAX_CLIENT_ASSERTION_BYTES = 8192
/** Without a `typ`, or with one of these (rfc7523bis §4). */
const TYPES: readonly string[] = ['jwt', 'client-authentication+jwt']

/**
 * Authenticates a client by an assertion that it signed itself (RFC 7523 §3, rfc7523bis §4). The assertion is marked used last,
 * so a refused assertion is not consumed.
 *
 * @param verifySignature by the keys of this client
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`, `replay_store_unavailable`, `replay_store_full`
 */
export async function verifyOwnAssertion(
  jwt: UnverifiedJwt,
  clientId: string,
  verifySignature: () => Promise<void>,
  deps: OwnAssertionDeps,
): Promise<void> {
  checkHeader(jwt)
  await verifySignature()
  const { clockTolerance } = CLIENT_ASSERTION_LIMITS
  const expiresAt = checkClaims(jwt, clientId, deps)
  const jti = Object.hasOwn(jwt.payload, 'jti') ? readStringClaim(jwt.payload, 'jti', 'invalid_jwt_id') : undefined
  const key = createReplayKey('client_assertion', clientId, jti, jwt.encodedPayload)
  const rememberedUntil = Math.ceil(expiresAt) + clockTolerance + REPLAY_MARGIN
  if (!(await deps.replayProtection.markUsed(key, rememberedUntil))) throw new TokenRejected('replayed')
  checkNotExpired(expiresAt, deps.clock.now(), clockTolerance)
}

/** @throws TokenRejected `too_large`, `algorithm_not_allowed`, `type_not_allowed` */
function checkHeader({ header: { alg, typ }, compact }: UnverifiedJwt): void {
  if (compact.length > MAX_CLIENT_ASSERTION_BYTES) throw new TokenRejected('too_large')
  if (!isAsymmetricAlgorithm(alg)) throw new TokenRejected('algorithm_not_allowed')
  if (typ !== undefined && !TYPES.includes(normaliseType(typ))) throw new TokenRejected('type_not_allowed')
}

/** RFC 7523 §3, rules 1 to 7. Returns `exp`. */
function checkClaims({ payload }: UnverifiedJwt, clientId: string, { audiences, clock }: OwnAssertionDeps): number {
  if (ownMember(payload, 'iss') !== clientId) throw new TokenRejected('wrong_issuer')
  if (ownMember(payload, 'sub') !== clientId) throw new TokenRejected('invalid_subject')
  return checkClientAssertionClaims(payload, audiences, clock.now(), CLIENT_ASSERTION_LIMITS)
}
