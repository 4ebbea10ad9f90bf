import type { Clock } from '../clock/clock.js'
import { type Eventual, inTurn, whenReady } from '../clock/when-ready.js'
import { isTokenRejected, type TokenContext, TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJws, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { verifySignature, verifySignatureAtOnce } from '../verification-keys/verify-signature.js'
import { contextOf, contextOfHeader, inContext } from './assertion-context.js'
import {
  ASSERTION_CHECKS,
  type AssertionCheck,
  type PresentedAssertion,
  type TokenChecks,
} from './assertion-profile.js'

export interface VerifyAssertionDeps {
  identityProviders: IdentityProviderRegistry
  /** Our own. */
  issuer: string
  clock: Clock
}

/** How the checks of one assertion are done. */
export interface CheckAssertionDeps {
  clock: Pick<Clock, 'now'>
  /** `SIGNATURE_AT_ONCE` for a caller that has no credentials. */
  signature: AssertionCheck
  /** Default: those of assertions. */
  checks?: TokenChecks
  /** Default: a check that throws ends it. */
  run?: RunCheck
}

/** Does one check. `explain` notes what it throws, and goes on. */
export type RunCheck = (check: AssertionCheck, presented: PresentedAssertion) => Eventual<void>

export const SIGNATURE: AssertionCheck = {
  name: 'signature',
  check: ({ jwt, identityProvider }) => whenReady(verifySignature(jwt, identityProvider.keySource), () => {}),
}
/** Does not wait for keys that must be fetched. */
export const SIGNATURE_AT_ONCE: AssertionCheck = {
  name: 'signature',
  check: ({ jwt, identityProvider }) => verifySignatureAtOnce(jwt, identityProvider.keySource),
}
/**
 * For a request without a client. If the identity provider requires a client, no keys are fetched. So strangers cause no fetch,
 * and get the same answer as for an unknown issuer.
 */
export const SIGNATURE_WITHOUT_CLIENT: AssertionCheck = {
  name: 'signature',
  check: (presented) => {
    if (presented.identityProvider.clientAuthentication !== 'optional') throw new TokenRejected('client_required')
    return SIGNATURE.check(presented)
  },
}
/** Characters as they are sent. A shorter payload is decoded all the same, so that the event says whose assertion it was. */
const MAX_PAYLOAD_OF_ANY_HEADER = 2048

/**
 * Verifies an assertion (RFC 7523 §3) in this order: size and shape, identity provider, algorithm and type, signature,
 * claims. It has no effect: `markAssertionUsed` comes after everything else that may refuse the request, so that a refused
 * assertion is not used up.
 *
 * @param client that presents it; undefined if callers are not clients
 * @throws TokenRejected
 * @throws DependencyUnavailable `jwks_unavailable`; if the identity provider is looked up, that this failed
 */
export async function verifyAssertion(
  assertion: string,
  client: PresentedAssertion['client'],
  deps: VerifyAssertionDeps,
  signature = SIGNATURE,
): Promise<VerifiedAssertion> {
  const { identityProviders } = deps
  const jws = parseJws(assertion, identityProviders.maxAssertionBytes)
  checkHeaderOfLong(jws, identityProviders)
  const jwt = parsePayload(jws)
  const loading = identityProviders.load(jwt.payload, client === undefined ? 'stranger' : 'client')
  if (loading !== undefined)
    await inContext(
      () => contextOf(jwt),
      () => loading,
    )
  return verifyOfKnown(jwt, client, deps, signature)
}

/** The identity provider is known, or is not registered. */
function verifyOfKnown(
  jwt: UnverifiedJwt,
  client: PresentedAssertion['client'],
  { identityProviders, issuer, clock }: VerifyAssertionDeps,
  signature: AssertionCheck,
): Eventual<VerifiedAssertion> {
  const identityProvider = identityProviders.findFor(jwt.payload)
  const context = contextOf(jwt, identityProvider)
  const act = () => {
    if (identityProvider === undefined) {
      throw new TokenRejected(identityProviders.hasIssuerOf(jwt.payload) ? 'unknown_registration' : 'unknown_issuer')
    }
    const checking = checkAssertion({ jwt, identityProvider, client, issuer }, { clock, signature })
    return whenReady(checking, () => ({ ...readClaims(jwt), identityProvider, context }))
  }
  return inContext(() => context, act)
}

/**
 * All checks, in their order.
 *
 * @throws TokenRejected, or rejects with it
 * @throws DependencyUnavailable `jwks_unavailable`, or rejects with it
 */
export function checkAssertion(
  presented: Omit<PresentedAssertion, 'now'>,
  { clock, signature, checks = ASSERTION_CHECKS, run = runCheck }: CheckAssertionDeps,
): Eventual<void> {
  const { beforeSignature, afterSignature } = checks
  const before = { ...presented, now: clock.now() }
  const runAfter = () => {
    const after = { ...presented, now: clock.now() }
    return inTurn(afterSignature, (check) => run(check, after))
  }
  const runBefore = (check: AssertionCheck) => run(check, before)
  return whenReady(inTurn(beforeSignature, runBefore), () => whenReady(inTurn([signature], runBefore), runAfter))
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

function runCheck({ check }: AssertionCheck, presented: PresentedAssertion): Eventual<void> {
  return check(presented)
}
