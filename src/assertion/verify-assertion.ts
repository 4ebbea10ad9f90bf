import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { parseJwt, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { type AssertionCheck, CHECKS_BEFORE_SIGNATURE, CHECKS_OF_CLAIMS } from './assertion-checks.js'
import { contextOf, inContext } from './assertion-context.js'
import type { VerifiedAssertion } from './verified-assertion.js'
import { verifySignature } from './verify-signature.js'

export interface VerifyAssertionDeps {
  identityProviders: IdentityProviderRegistry
  clock: Clock
}

const BEFORE_SIGNATURE: readonly AssertionCheck[] = Object.values(CHECKS_BEFORE_SIGNATURE)
const OF_CLAIMS: readonly AssertionCheck[] = Object.values(CHECKS_OF_CLAIMS)

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
    const now = deps.clock.now()
    for (const check of BEFORE_SIGNATURE) check(jwt, identityProvider, now)
    await verifySignature(jwt, identityProvider.keySource)
    const later = deps.clock.now()
    for (const check of OF_CLAIMS) check(jwt, identityProvider, later)
    return { ...readClaims(jwt), identityProvider, context }
  })
}

/** What an assertion says, unverified by this; of the types that the checks demand only once they have let it pass. */
export function readClaims({ payload, encodedPayload }: UnverifiedJwt) {
  return {
    sub: payload.sub as string,
    expiresAt: payload.exp as number,
    assertionId: Object.hasOwn(payload, 'jti') ? (payload.jti as string) : undefined,
    payload,
    encodedPayload,
  }
}
