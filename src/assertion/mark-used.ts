import { hash } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { doesMatch, type RegistrationCondition } from '../identity-provider/registration.js'
import { checkNotExpired } from '../jwt/check-claims.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { VerifiedAssertion } from './verify-assertion.js'

/**
 * Seconds for which an entry is kept after our clock would last accept the assertion. The clocks of other processes, and of
 * the store's server, may be up to half a minute off in either direction. One more second allows for rounding.
 */
export const REPLAY_MARGIN = 61

export interface MarkAssertionUsedDeps {
  identityProviders: Pick<IdentityProviderRegistry, 'haveShares'>
  replayProtection: Pick<ReplayProtection, 'markUsed'>
  clock: Pick<Clock, 'now'>
}

/**
 * Uses an assertion up, unless its identity provider is set to `replay: 'allow'` (RFC 7523 §3, 7). The last step: what
 * else may refuse the request comes before it.
 *
 * @throws TokenRejected `replayed`, `identity_provider_disabled`, `expired`
 * @throws DependencyUnavailable `replay_store_unavailable`, `replay_store_full`
 */
export async function markAssertionUsed(assertion: VerifiedAssertion, deps: MarkAssertionUsedDeps): Promise<void> {
  const { limits, id } = assertion.identityProvider
  checkAgain(assertion, deps.clock)
  if (limits.replay === 'allow') return
  const { clockTolerance, rememberedTolerance = clockTolerance } = limits
  const expiresAt = Math.ceil(assertion.expiresAt) + rememberedTolerance + REPLAY_MARGIN
  const holder = deps.identityProviders.haveShares ? id : undefined
  for (const key of replayKeysOf(assertion)) {
    const isFirst = await deps.replayProtection.markUsed(key, expiresAt, holder)
    if (!isFirst) throw new TokenRejected('replayed')
  }
  checkAgain(assertion, deps.clock)
}

/**
 * What may have changed while functions of the host or the replay store were waited for. An entry that is made when the
 * assertion has expired for long is the first one again: the store has forgotten the others.
 *
 * @throws TokenRejected `identity_provider_disabled`, `expired`
 */
function checkAgain({ identityProvider, expiresAt }: VerifiedAssertion, clock: Pick<Clock, 'now'>): void {
  checkEnabled(identityProvider)
  checkNotExpired(expiresAt, clock.now(), identityProvider.limits.clockTolerance)
}

/** The key of its registration, and those of former registrations that may have accepted it: it is used once for them all. */
function replayKeysOf(assertion: VerifiedAssertion): readonly string[] {
  const { identityProvider, payload, expiresAt } = assertion
  const { former, isUsedForIssuer } = identityProvider.limits
  const own = replayKeyOf(assertion, isUsedForIssuer ? undefined : identityProvider.registration)
  if (former === undefined) return [own]
  const accepting = former.filter(
    ({ registration, until }) => expiresAt <= until && (registration === undefined || doesMatch(registration, payload)),
  )
  return [...accepting.map(({ registration }) => replayKeyOf(assertion, registration)), own]
}

/** Of what it matched, not of the entry's `id`: with another `id`, a used assertion is still used. */
function replayKeyOf(
  { identityProvider: { name }, assertionId, encodedPayload }: VerifiedAssertion,
  registration: RegistrationCondition | undefined,
): string {
  return createReplayKey('assertion', name, assertionId, encodedPayload, registration)
}

/**
 * Joined as JSON, so that no two pairs of registration and `jti` give the same key, and hashed, so that it fits any store.
 * Without a `jti`, the payload takes its place. The whole token would not do: another spelling or another signature of the
 * same payload would be a different token.
 *
 * @param purpose so that a `jti` of one kind of assertion says nothing about another kind
 * @param registration the one that the assertion matched, if it has a condition: a `jti` counts within it only
 */
export function createReplayKey(
  purpose: 'assertion' | 'client_assertion',
  issuer: string,
  assertionId: string | undefined,
  encodedPayload: string,
  registration?: RegistrationCondition,
): string {
  const identity = assertionId === undefined ? ['payload', encodedPayload] : ['jti', assertionId]
  const condition = registration === undefined ? [] : [[registration.path.segments, registration.value]]
  return hash('sha256', JSON.stringify([purpose, issuer, ...condition, ...identity]), 'base64url')
}
