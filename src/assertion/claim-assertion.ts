import { createHash } from 'node:crypto'
import { DependencyUnavailable, isDependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { VerifiedAssertion } from './verified-assertion.js'

/** Seconds kept beyond the last moment at which the assertion would be accepted. */
const MARGIN = 1
/** Milliseconds that a replay store has for one claim. */
const LONGEST_CLAIM = 1000

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
  if (!(await claim(replayStore, replayKeyOf(assertion), expiresAt))) throw new TokenRejected('replayed')
}

/** True for the store's own `true` only: a store that answers anything else has not said that this is the first use. */
async function claim(replayStore: ReplayStore, key: string, expiresAt: number): Promise<boolean> {
  try {
    return (await withinTime(replayStore.claim(key, expiresAt))) === true
  } catch (cause) {
    if (isDependencyUnavailable(cause)) throw cause
    throw new DependencyUnavailable('replay_store_unavailable', { cause })
  }
}

/** A store that does not answer in time has not said that this is the first use. */
async function withinTime(answer: boolean | Promise<boolean>): Promise<boolean> {
  if (typeof answer === 'boolean') return answer
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the replay store did not answer in time')), LONGEST_CLAIM)
  })
  try {
    return await Promise.race([answer, timeout])
  } finally {
    clearTimeout(timer)
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
