import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Deployment, openExchange } from './deployment.js'
import { createHostApp, loadPassport } from './host-app.js'
import type { Certificate } from './self-signed.js'

/** Where the host app listens. */
export interface Place {
  port: number
  host: string
  /** Serve https. */
  certificate?: Certificate | undefined
}

export interface RunningServer {
  /** Takes no new requests; resolves when those that are running have ended. */
  close(): Promise<void>
}

/** Port 0 is any that is free: it must be known before the app is, whose URL it is part of. */
export async function choosePlace(port: number, host: string, certificate?: Certificate): Promise<Place> {
  if (port !== 0) return { port, host, certificate }
  const server = createServer()
  await listen(server, { port, host })
  const chosen = (server.address() as AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
  return { port: chosen, host, certificate }
}

/** Listens as soon as the host app can answer. */
export async function startServer(place: Place, deployment: Deployment): Promise<RunningServer> {
  const passport = await loadPassport()
  const { exchange, close } = await openExchange(deployment)
  const app = createHostApp(exchange, passport)
  const server = place.certificate === undefined ? createServer(app) : createTlsServer(place.certificate, app)
  await listen(server, place)
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      await closed
      await close()
    },
  }
}

/** The same until Ctrl-C or `kill`, which end the process as soon as running requests have ended. */
export async function serve(place: Place, deployment: Deployment): Promise<void> {
  const server = await startServer(place, deployment)
  onEndSignal(async () => {
    await server.close()
    process.exit(0)
  })
}

export function onEndSignal(end: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
}

/** Without a trailing slash. */
export function urlOf({ port, host, certificate }: Place): string {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `${certificate === undefined ? 'http' : 'https'}://${authority}`
}

function listen(server: Pick<Server, 'once' | 'listen'>, { port, host }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}
