import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { checkEnabled } from '../identity-provider/trust-switch.js'
import {
  checkAudience,
  checkExpiry,
  checkIssuedAt,
  checkNoConfirmation,
  checkNoDelegation,
  checkNotBefore,
  checkStringClaim,
  checkSubject,
  checkTokenKind,
} from '../jwt/check-claims.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { normaliseType } from '../jwt/parse-jwt.js'

/**
 * One rule that an assertion must satisfy, whoever asks for what.
 *
 * @throws TokenRejected
 */
export type AssertionCheck = (assertion: UnverifiedJwt, identityProvider: IdentityProvider, now: number) => void

/** By what they are about, in their order: before the signature is verified. The header never decides. */
export const CHECKS_BEFORE_SIGNATURE = {
  enabled: (_, identityProvider) => checkEnabled(identityProvider),
  size: ({ compact }, { limits }) => {
    if (compact.length > limits.maxBytes) throw new TokenRejected('too_large')
  },
  alg: ({ header }, { limits }) => {
    if (!limits.algorithms.has(header.alg)) throw new TokenRejected('algorithm_not_allowed')
  },
  typ: ({ header: { typ } }, { types }) => {
    if (typ !== undefined && !types.has(normaliseType(typ))) throw new TokenRejected('type_not_allowed')
  },
} satisfies Record<string, AssertionCheck>

/**
 * The checks of its claims after that: RFC 7523 §3, rules 2 to 7, and claims that mark another kind of token. Rule 1, `iss`,
 * found the identity provider.
 */
export const CHECKS_OF_CLAIMS = {
  sub: ({ payload }) => void checkSubject(payload),
  aud: ({ payload }, { audiences }) => checkAudience(payload, audiences),
  exp: ({ payload }, { limits: { clockTolerance, maxLifetime } }, now) => {
    const expiresAt = checkExpiry(payload, now, clockTolerance)
    if (!(expiresAt <= now + maxLifetime + clockTolerance)) throw new TokenRejected('lifetime_too_long')
  },
  nbf: ({ payload }, { limits }, now) => void checkNotBefore(payload, now, limits.clockTolerance),
  iat: ({ payload }, { limits }, now) => checkIssuedAt(payload, now, limits),
  jti: ({ payload }) => {
    if (Object.hasOwn(payload, 'jti')) checkStringClaim(payload, 'jti', 'invalid_jwt_id')
  },
  kind: ({ payload }) => checkTokenKind(payload),
  cnf: ({ payload }) => checkNoConfirmation(payload),
  act: ({ payload }) => checkNoDelegation(payload),
} satisfies Record<string, AssertionCheck>
