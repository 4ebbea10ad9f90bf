import { DependencyUnavailable } from '../errors/rejections.js'

/** A store has no room for another entry. */
export function storeFull(cause?: unknown): DependencyUnavailable {
  return new DependencyUnavailable('replay_store_full', { retryAfter: 30, ...(cause !== undefined && { cause }) })
}

const clients = new WeakSet<object>()

/**
 * Listens to the `error` events of a client, once for each client. Without a listener Node ends the process when an idle
 * connection breaks. The next call fails anyway if the connection is still broken.
 */
export function ignoreErrorEvents(client: object): void {
  if (clients.has(client) || !('on' in client) || typeof client.on !== 'function') return
  clients.add(client)
  client.on('error', () => {})
}
