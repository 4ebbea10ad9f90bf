import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled } from '../identity-provider/check-enabled.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { checkAudience, checkExpiry, checkIssuedAt, checkNotBefore, checkStringClaim } from '../jwt/check-claims.js'
import { parseJwt, type UnverifiedHeader, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { normaliseType } from '../jwt/token-type.js'
import { contextOf, inContext } from './assertion-context.js'
import type { VerifiedAssertion } from './verified-assertion.js'
import { verifySignature } from './verify-signature.js'

export interface VerifyAssertionDeps {
  identityProviders: IdentityProviderRegistry
  clock: Clock
}

/**
 * Verifies an assertion (RFC 7523 §3) in this order: size and shape, identity provider, algorithm and type, signature,
 * claims. It has no effect: `claimAssertion` comes after everything else that may refuse the request, so that a refused
 * assertion is not used up.
 *
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifyAssertion(assertion: string, deps: VerifyAssertionDeps): Promise<VerifiedAssertion> {
  const jwt = parseJwt(assertion, deps.identityProviders.maxAssertionBytes)
  const identityProvider = deps.identityProviders.find(jwt.payload.iss)
  const context = contextOf(jwt, identityProvider)
  return inContext(context, async () => {
    if (identityProvider === undefined) throw new TokenRejected('unknown_issuer')
    const claims = await verifyByIdentityProvider(jwt, identityProvider, deps.clock)
    return { ...claims, identityProvider, context, payload: jwt.payload, encodedPayload: jwt.encodedPayload }
  })
}

async function verifyByIdentityProvider(assertion: UnverifiedJwt, identityProvider: IdentityProvider, clock: Clock) {
  checkEnabled(identityProvider)
  if (assertion.compact.length > identityProvider.limits.maxBytes) throw new TokenRejected('too_large')
  checkHeader(assertion.header, identityProvider)
  await verifySignature(assertion, identityProvider.keySource)
  return checkClaims(assertion.payload, identityProvider, clock.now())
}

/** The header never decides: its algorithm and type must be among those that this identity provider may use. */
function checkHeader(header: UnverifiedHeader, { limits, types }: IdentityProvider): void {
  if (!limits.algorithms.has(header.alg)) throw new TokenRejected('algorithm_not_allowed')
  if (header.typ !== undefined && !types.has(normaliseType(header.typ))) throw new TokenRejected('type_not_allowed')
}

/** RFC 7523 §3, rules 2 to 7; rule 1, `iss`, found the identity provider. */
function checkClaims(payload: UnverifiedJwt['payload'], { audiences, limits }: IdentityProvider, now: number) {
  const { clockTolerance, maxAge, maxLifetime } = limits
  const sub = checkStringClaim(payload, 'sub', 'invalid_subject')
  checkAudience(payload, audiences)
  const expiresAt = checkExpiry(payload, now, clockTolerance)
  if (expiresAt > now + maxLifetime + clockTolerance) throw new TokenRejected('lifetime_too_long')
  checkNotBefore(payload, now, clockTolerance)
  checkIssuedAt(payload, now, clockTolerance, maxAge)
  const hasId = Object.hasOwn(payload, 'jti')
  return { sub, expiresAt, assertionId: hasId ? checkStringClaim(payload, 'jti', 'invalid_jwt_id') : undefined }
}
