const heard = new WeakSet<object>()

/**
 * Hears the `error` events of a client, because Node ends the process over one that nobody hears, and an idle
 * connection that breaks is no reason to: the next call tells of it. Once for each client.
 */
export function hearErrors(client: object): void {
  if (heard.has(client) || !('on' in client) || typeof client.on !== 'function') return
  heard.add(client)
  client.on('error', () => {})
}
