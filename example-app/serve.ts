import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Deployment, openExchange } from './deployment.js'
import { createHostApp } from './host-app.js'

/** Where the host app listens. */
export interface Place {
  port: number
  host: string
}

/** Port 0 is any that is free: it must be known before the app is, whose URL it is part of. */
export async function choosePlace(port: number, host: string): Promise<Place> {
  if (port !== 0) return { port, host }
  const server = createServer()
  await listen(server, { port, host })
  const chosen = (server.address() as AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
  return { port: chosen, host }
}

/**
 * Listens as soon as the host app is there to answer. On Ctrl-C or `kill`: no new requests, those under way may end, then
 * the process does.
 */
export async function serve(place: Place, deployment: Deployment): Promise<void> {
  const { exchange, close } = await openExchange(deployment)
  const server = createServer(createHostApp(exchange))
  await listen(server, place)
  onEndSignal(() => {
    server.close(async () => {
      await close()
      process.exit(0)
    })
    server.closeIdleConnections()
  })
}

export function onEndSignal(end: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
}

function listen(server: Server, { port, host }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}
