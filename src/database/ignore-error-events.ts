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
