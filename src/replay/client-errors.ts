/**
 * Hears the `error` events of a client, because Node ends the process over one that nobody hears, and an idle
 * connection that breaks is no reason to: the next claim tells of it.
 */
export function hearErrors(client: object): void {
  if ('on' in client && typeof client.on === 'function') client.on('error', () => {})
}
