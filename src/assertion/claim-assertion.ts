import { createHash } from 'node:crypto'
import { DependencyUnavailable, isDependencyUnavailable, TokenRejected } from '../events/rejections.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { VerifiedAssertion } from './verified-assertion.js'

/** Seconds kept beyond the last moment at which the assertion would be accepted. */
const MARGIN = 1

/**
 * Uses an assertion up, unless its identity provider is set to `replay: 'allow'` (RFC 7523 §3, 7). The last step: after
 * it, nothing refuses the request any more.
 *
 * @throws TokenRejected `replayed`
 * @throws DependencyUnavailable `replay_store_unavailable`, `replay_store_full`
 */
export async function claimAssertion(assertion: VerifiedAssertion, replayStore: ReplayStore): Promise<void> {
  const { limits } = assertion.identityProvider
  if (limits.replay === 'allow') return
  const expiresAt = Math.ceil(assertion.expiresAt) + limits.clockTolerance + MARGIN
  if (!(await claim(replayStore, replayKeyOf(assertion), expiresAt))) throw rejectionOf(assertion)
}

/** True for the store's own `true` only: a store that answers anything else has not said that this is the first use. */
async function claim(replayStore: ReplayStore, key: string, expiresAt: number): Promise<boolean> {
  try {
    return (await replayStore.claim(key, expiresAt)) === true
  } catch (cause) {
    if (isDependencyUnavailable(cause)) throw cause
    throw new DependencyUnavailable('replay_store_unavailable', { cause })
  }
}

/**
 * Joined as JSON, so that no two pairs of identity provider and `jti` make one key, and hashed, so that it fits any
 * store. Without a `jti` the payload takes its place: not the whole token, of which a second spelling or another
 * signature over the same claims would be another one.
 */
function replayKeyOf({ identityProvider, assertionId, encodedPayload }: VerifiedAssertion): string {
  const identity = assertionId === undefined ? ['payload', encodedPayload] : ['jti', assertionId]
  const joined = JSON.stringify(['assertion', identityProvider.name, ...identity])
  return createHash('sha256').update(joined).digest('base64url')
}

function rejectionOf({ identityProvider, kid, algorithm }: VerifiedAssertion): TokenRejected {
  const rejection = new TokenRejected('replayed')
  rejection.context = { identityProvider: identityProvider.name, algorithm, ...(kid !== undefined && { kid }) }
  return rejection
}
