import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type Deployment, openExchange } from './deployment.js'
import { createHostApp, loadPassport } from './host-app.js'
import { createLocalAdmin, isLoopback } from './local-admin.js'
import { listen, type Place } from './place.js'

export interface RunningServer {
  /** Opens the admin page, once. Undefined if it is not served. */
  adminLink: string | undefined
  /** Takes no new requests; resolves when those that are running have ended. */
  close(): Promise<void>
}

/** Several processes do not share the session of the admin page, so it is for one. */
export interface ServeSettings {
  hasAdmin: boolean
}

/** Listens as soon as the host app can answer. */
export async function startServer(
  place: Place,
  deployment: Deployment,
  { hasAdmin }: ServeSettings,
): Promise<RunningServer> {
  const passport = await loadPassport()
  const { exchange, identityProviderStore, close } = await openExchange(deployment)
  const admin = hasAdmin && isLoopback(place) ? createLocalAdmin(exchange, place, identityProviderStore) : undefined
  const app = createHostApp(exchange, passport, admin?.router)
  const server = place.certificate === undefined ? createServer(app) : createTlsServer(place.certificate, app)
  await listen(server, place)
  return {
    adminLink: admin?.link,
    close: async () => {
      admin?.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      await closed
      await close()
    },
  }
}

/** The same until Ctrl-C or `kill`, which end the process as soon as running requests have ended. */
export async function serve(place: Place, deployment: Deployment, settings: ServeSettings): Promise<RunningServer> {
  const server = await startServer(place, deployment, settings)
  onEndSignal(async () => {
    await server.close()
    process.exit(0)
  })
  return server
}

export function onEndSignal(end: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
}
