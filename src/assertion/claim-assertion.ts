import { hash } from 'node:crypto'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled } from '../identity-provider/check-enabled.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { VerifiedAssertion } from './verified-assertion.js'

/**
 * Seconds kept beyond the last moment at which the assertion would be accepted by our clock: those of other processes,
 * and of the store's server, may be up to half a minute off in either direction. Another second for what is rounded.
 */
const MARGIN = 61

/**
 * Uses an assertion up, unless its identity provider is set to `replay: 'allow'` (RFC 7523 §3, 7). The last step: what
 * else may refuse the request comes before it. The identity provider may have been switched off since the first look.
 *
 * @throws TokenRejected `replayed`, `identity_provider_disabled`
 * @throws DependencyUnavailable `replay_store_unavailable`, `replay_store_full`
 */
export async function claimAssertion(assertion: VerifiedAssertion, replayProtection: ReplayProtection): Promise<void> {
  const { identityProvider } = assertion
  const { limits } = identityProvider
  checkEnabled(identityProvider)
  if (limits.replay === 'allow') return
  const expiresAt = Math.ceil(assertion.expiresAt) + limits.clockTolerance + MARGIN
  if (!(await replayProtection.claim(replayKeyOf(assertion), expiresAt))) throw new TokenRejected('replayed')
  checkEnabled(identityProvider)
}

/**
 * Joined as JSON, so that no two pairs of identity provider and `jti` make one key, and hashed, so that it fits any
 * store. Without a `jti` the payload takes its place: not the whole token, of which a second spelling or another
 * signature over the same claims would be another one.
 */
function replayKeyOf({ identityProvider, assertionId, encodedPayload }: VerifiedAssertion): string {
  const identity = assertionId === undefined ? ['payload', encodedPayload] : ['jti', assertionId]
  const joined = JSON.stringify(['assertion', identityProvider.name, ...identity])
  return hash('sha256', joined, 'base64url')
}
