import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens before the app exists: with port 0 the app's own URL is known only then. */
export function listen(port: number, host: string): Promise<{ server: Server; port: number }> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve({ server, port: (server.address() as AddressInfo).port }))
  })
}

/** On Ctrl-C or `kill`: no new requests, those under way may end, then the process does. */
export function closeOnSignal(server: Server, close: () => unknown): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      close()
      server.close(() => process.exit(0))
      server.closeIdleConnections()
    })
  }
}
