import type { Clock } from '../clock/clock.js'
import { isTokenRejected, type TokenContext, TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJws, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import { contextOf, contextOfHeader, inContext } from './assertion-context.js'
import { type AssertionCheck, type PresentedAssertion, profileOf } from './assertion-profile.js'

export interface VerifyAssertionDeps {
  identityProviders: IdentityProviderRegistry
  /** Our own. */
  issuer: string
  clock: Clock
}

/** How the checks of one assertion are done. */
export interface CheckAssertionDeps {
  clock: Pick<Clock, 'now'>
  /** `verifySignatureAtOnce` for a caller that has no credentials. */
  verifyBy: typeof verifySignature
  /** Default: a check that throws ends it. */
  run?: RunCheck
}

/** Does one check. `explain` notes what it throws, and goes on. */
export type RunCheck = (check: AssertionCheck, presented: PresentedAssertion) => void | Promise<void>

/** Characters as they are sent. A shorter payload is decoded all the same, so that the event says whose assertion it was. */
const MAX_PAYLOAD_OF_ANY_HEADER = 2048

/**
 * Verifies an assertion (RFC 7523 §3) in this order: size and shape, identity provider, algorithm and type, signature,
 * claims. It has no effect: `markAssertionUsed` comes after everything else that may refuse the request, so that a refused
 * assertion is not used up.
 *
 * @param client that presents it; undefined if callers are not clients
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifyAssertion(
  assertion: string,
  client: PresentedAssertion['client'],
  deps: VerifyAssertionDeps,
  verifyBy = verifySignature,
): Promise<VerifiedAssertion> {
  const { identityProviders, issuer, clock } = deps
  const jws = parseJws(assertion, identityProviders.maxAssertionBytes)
  checkHeaderOfLong(jws, identityProviders)
  const jwt = parsePayload(jws)
  const identityProvider = identityProviders.find(ownMember(jwt.payload, 'iss'))
  const context = contextOf(jwt, identityProvider)
  return inContext(context, async () => {
    if (identityProvider === undefined) throw new TokenRejected('unknown_issuer')
    await checkAssertion({ jwt, identityProvider, client, issuer }, { clock, verifyBy })
    return { ...readClaims(jwt), identityProvider, context }
  })
}

/**
 * All checks of its identity provider's profile, in their order.
 *
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function checkAssertion(
  presented: Omit<PresentedAssertion, 'now'>,
  { clock, verifyBy, run = runCheck }: CheckAssertionDeps,
): Promise<void> {
  const { beforeSignature, afterSignature } = profileOf(presented.identityProvider)
  const signature: AssertionCheck = {
    name: 'signature',
    check: ({ jwt, identityProvider }) => verifyBy(jwt, identityProvider.keySource),
  }
  await runAll([...beforeSignature, signature], { ...presented, now: clock.now() }, run)
  await runAll(afterSignature, { ...presented, now: clock.now() }, run)
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

/** Reads the claims without checking them: the types hold only after the checks have passed. */
export function readClaims({ payload, encodedPayload }: UnverifiedJwt) {
  return {
    sub: ownMember(payload, 'sub') as string,
    expiresAt: ownMember(payload, 'exp') as number,
    assertionId: ownMember(payload, 'jti') as string | undefined,
    payload,
    encodedPayload,
  }
}

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

async function runAll(checks: readonly AssertionCheck[], presented: PresentedAssertion, run: RunCheck): Promise<void> {
  for (const check of checks) {
    const running = run(check, presented)
    if (running !== undefined) await running // Most are done at once.
  }
}

function runCheck({ check }: AssertionCheck, presented: PresentedAssertion): void | Promise<void> {
  return check(presented)
}
