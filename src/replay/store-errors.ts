import { DependencyUnavailable } from '../errors/rejections.js'

/** A store has no room for another entry. */
export function storeFull(cause?: unknown): DependencyUnavailable {
  return new DependencyUnavailable('replay_store_full', { retryAfter: 30, ...(cause !== undefined && { cause }) })
}
