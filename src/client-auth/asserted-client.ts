import { contextOf } from '../assertion/assertion-context.js'
import { markAssertionUsed } from '../assertion/mark-used.js'
import { checkAssertion, readClaims, type VerifiedAssertion } from '../assertion/verify-assertion.js'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled, type IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { checkClientAssertionClaims, isSubject } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseType, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { enforcePolicy } from '../policy/policy.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'

/**
 * The identity provider whose assertions authenticate a client. For example, a Kubernetes cluster issues service account
 * tokens to its workloads.
 *
 * @example
 * const assertedBy: AssertedByOptions = {
 *   identityProvider: 'https://kubernetes.default.svc',
 *   subject: 'system:serviceaccount:shop:orders',
 * }
 */
export interface AssertedByOptions {
  /** The `id` (by default the `name`) of a registered identity provider. Its assertions are checked like those of a grant. */
  identityProvider: string
  /** The `sub` of these assertions, compared exactly: `*` is not a pattern. */
  subject: string
}

/** What is needed to verify an identity provider's assertion about a client. */
export interface ProviderAssertionDeps {
  identityProviders: IdentityProviderRegistry
  issuer: string
  clock: Pick<Clock, 'now'>
  replayProtection: Pick<ReplayProtection, 'markUsed'>
}

/** An identity provider's assertion that shall authenticate a client. Nothing of it is verified. */
interface PresentedAssertion {
  jwt: UnverifiedJwt
  clientId: string
  assertedBy: AssertedByOptions
  verifySignature: (keySource: VerificationKeySource) => Promise<void>
}

/** What `identityProvider` must be. */
export const REGISTERED_PROVIDER = 'the `id` of a registered identity provider, which is its `name` if it has no `id`'
/** The name of an identity provider that is a SPIFFE trust domain begins with this. */
export const SPIFFE_SCHEME = 'spiffe://'
/** The SPIFFE ID of a workload. The first group is its trust domain. */
const SPIFFE_ID = /^(spiffe:\/\/[a-z0-9._-]{1,255})(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/
/** Bytes (SPIFFE ID, §2.3). */
const MAX_SPIFFE_ID_LENGTH = 2048
/** JWT-SVID, §2.2: absent, or one of these. */
const SVID_TYPES: readonly string[] = ['jwt', 'jose']

export function readAssertedBy(parent: OptionReader): AssertedByOptions {
  const value = parent.hostObject('assertedBy')
  const reader = parent.object('assertedBy')
  if (!isPlainObject(value)) return { identityProvider: '', subject: '' } // The reader has noted the problem.
  const isExact = (text: string) => isSubject(text) && !text.includes('*')
  const assertedBy = {
    identityProvider: reader.string('identityProvider', REGISTERED_PROVIDER),
    subject: reader.string(
      'subject',
      'the `sub` of its assertions: it is compared exactly, and * is not a pattern',
      isExact,
    ),
  }
  reader.refuseUnknown()
  return assertedBy
}

/**
 * Authenticates a client by an assertion of its identity provider. It is checked like the assertion of a grant: keys,
 * audiences, limits and policy. An assertion that a grant has used is also used here, and the other way round.
 *
 * @throws TokenRejected
 * @throws DependencyUnavailable
 */
export async function verifyProviderAssertion(
  presented: PresentedAssertion,
  deps: ProviderAssertionDeps,
): Promise<void> {
  const { jwt, clientId, assertedBy, verifySignature } = presented
  const identityProvider = requireIdentityProvider(assertedBy, deps)
  if (deps.identityProviders.findFor(jwt.payload) !== identityProvider) {
    throw new TokenRejected('wrong_issuer')
  }
  checkSubject(jwt, assertedBy)
  const signature = { name: 'signature' as const, check: () => verifySignature(identityProvider.keySource) }
  await checkAssertion(
    { jwt, identityProvider, client: { clientId }, issuer: deps.issuer },
    { clock: deps.clock, signature },
  )
  const assertion = { ...readClaims(jwt), identityProvider, context: contextOf(jwt, identityProvider) }
  await enforceProviderPolicy(assertion, clientId)
  await markAssertionUsed(assertion, deps)
}

/**
 * Authenticates a client by a JWT-SVID (draft-ietf-oauth-spiffe-client-auth §3.1), with the keys of the trust domain of its
 * SPIFFE ID; `iss` is ignored. It may be used again until it expires, because workloads use one for many requests.
 *
 * @throws TokenRejected
 * @throws DependencyUnavailable
 */
export async function verifySvid(presented: PresentedAssertion, deps: ProviderAssertionDeps): Promise<void> {
  const { jwt, clientId, assertedBy, verifySignature } = presented
  const identityProvider = requireIdentityProvider(assertedBy, deps)
  checkSubject(jwt, assertedBy)
  if (findTrustDomain(jwt, deps) !== identityProvider) throw new TokenRejected('wrong_issuer')
  checkEnabled(identityProvider)
  checkSvidHeader(jwt, identityProvider)
  await verifySignature(identityProvider.keySource)
  checkSvidClaims(jwt, identityProvider, deps)
  const context = contextOf(jwt, identityProvider)
  await enforceProviderPolicy({ ...readClaims(jwt), identityProvider, context }, clientId)
  checkEnabled(identityProvider)
}

/** The identity provider of a JWT-SVID: found by the trust domain instead of `iss`, and by `registration` as for any issuer. */
export function findTrustDomain(
  { payload }: UnverifiedJwt,
  { identityProviders }: Pick<ProviderAssertionDeps, 'identityProviders'>,
): IdentityProvider | undefined {
  return identityProviders.findFor({ ...payload, iss: trustDomainOf(ownMember(payload, 'sub')) })
}

/** The name of the trust domain that a SPIFFE ID is in; undefined if it is not the ID of a workload. */
function trustDomainOf(spiffeId: unknown): string | undefined {
  return typeof spiffeId === 'string' && spiffeId.length <= MAX_SPIFFE_ID_LENGTH
    ? SPIFFE_ID.exec(spiffeId)?.[1]
    : undefined
}

function requireIdentityProvider(
  { identityProvider }: AssertedByOptions,
  { identityProviders }: ProviderAssertionDeps,
): IdentityProvider {
  const found = identityProviders.fixed.get(identityProvider)
  if (found === undefined) throw new TokenRejected('unknown_issuer')
  return found
}

/** Runs before the signature is verified, so that an assertion about another subject causes no fetch of keys. */
function checkSubject({ payload }: UnverifiedJwt, { subject }: AssertedByOptions): void {
  if (ownMember(payload, 'sub') !== subject) throw new TokenRejected('subject_not_allowed')
}

function checkSvidHeader({ header: { alg, typ }, compact }: UnverifiedJwt, { limits }: IdentityProvider): void {
  if (compact.length > limits.maxBytes) throw new TokenRejected('too_large')
  if (!limits.algorithms.has(alg)) throw new TokenRejected('algorithm_not_allowed')
  if (typ !== undefined && !SVID_TYPES.includes(normaliseType(typ))) throw new TokenRejected('type_not_allowed')
}

function checkSvidClaims(
  { payload }: UnverifiedJwt,
  { limits }: IdentityProvider,
  { issuer, clock }: ProviderAssertionDeps,
): void {
  const { clockTolerance, maxLifetime } = limits
  const ageLimits = { clockTolerance, maxLifetime, maxAge: maxLifetime, requireIat: false }
  checkClientAssertionClaims(payload, new Set([issuer]), clock.now(), ageLimits)
}

/** The policy of an identity provider also applies to its clients. */
async function enforceProviderPolicy({ identityProvider, sub, payload }: VerifiedAssertion, clientId: string) {
  await enforcePolicy(identityProvider.policy, sub, payload, { identityProvider: identityProvider.id, clientId })
}
