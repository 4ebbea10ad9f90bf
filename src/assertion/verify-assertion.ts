import type { Clock } from '../clock/clock.js'
import { isTokenRejected, TokenRejected } from '../errors/rejections.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJws, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import { type AssertionCheck, CHECKS_BEFORE_SIGNATURE, CHECKS_OF_CLAIMS } from './assertion-checks.js'
import { contextOf, contextOfHeader, inContext } from './assertion-context.js'
import type { VerifiedAssertion } from './verified-assertion.js'

export interface VerifyAssertionDeps {
  identityProviders: IdentityProviderRegistry
  clock: Clock
}

/** Characters as they are sent. A shorter payload is decoded all the same, so that the event says whose assertion it was. */
const MAX_PAYLOAD_OF_ANY_HEADER = 2048
const BEFORE_SIGNATURE: readonly AssertionCheck[] = Object.values(CHECKS_BEFORE_SIGNATURE)
const OF_CLAIMS: readonly AssertionCheck[] = Object.values(CHECKS_OF_CLAIMS)

/**
 * Verifies an assertion (RFC 7523 §3) in this order: size and shape, identity provider, algorithm and type, signature,
 * claims. It has no effect: `markAssertionUsed` comes after everything else that may refuse the request, so that a refused
 * assertion is not used up.
 *
 * @param verifyBy `verifySignatureAtOnce` for a caller that has no credentials
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifyAssertion(
  assertion: string,
  deps: VerifyAssertionDeps,
  verifyBy = verifySignature,
): Promise<VerifiedAssertion> {
  const jws = parseJws(assertion, deps.identityProviders.maxAssertionBytes)
  checkHeaderOfLong(jws, deps.identityProviders)
  const jwt = parsePayload(jws)
  const identityProvider = deps.identityProviders.find(ownMember(jwt.payload, 'iss'))
  const context = contextOf(jwt, identityProvider)
  return inContext(context, async () => {
    if (identityProvider === undefined) throw new TokenRejected('unknown_issuer')
    const now = deps.clock.now()
    for (const check of BEFORE_SIGNATURE) check(jwt, identityProvider, now)
    await verifyBy(jwt, identityProvider.keySource)
    const later = deps.clock.now()
    for (const check of OF_CLAIMS) check(jwt, identityProvider, later)
    return { ...readClaims(jwt), identityProvider, context }
  })
}

/**
 * A long payload is decoded for a header only that one of the identity providers accepts: junk must not cost more the longer
 * it is.
 *
 * @throws TokenRejected `algorithm_not_allowed`, `type_not_allowed`
 */
export function checkHeaderOfLong(jws: UnverifiedJws, identityProviders: IdentityProviderRegistry): void {
  if (jws.encodedPayload.length <= MAX_PAYLOAD_OF_ANY_HEADER) return
  try {
    identityProviders.checkHeader(jws.header)
  } catch (error) {
    if (isTokenRejected(error)) error.context = contextOfHeader(jws.header)
    throw error
  }
}

/** What an assertion says, unverified by this; of the types that the checks demand only once they have let it pass. */
export function readClaims({ payload, encodedPayload }: UnverifiedJwt) {
  return {
    sub: ownMember(payload, 'sub') as string,
    expiresAt: ownMember(payload, 'exp') as number,
    assertionId: ownMember(payload, 'jti') as string | undefined,
    payload,
    encodedPayload,
  }
}
