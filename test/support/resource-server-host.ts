import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { EXCHANGE_EVENT_NAMES } from '../../src/events/event-names.js'
import {
  createResourceServer,
  getAuth,
  type IssuerOptions,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { AUDIENCE, type RecordedEvent } from './exchange-host.js'

/** What a route answered. */
export interface RouteAnswer {
  status: number
  challenge: string | null
  body: Record<string, unknown>
}

/** A real Express app with a resource server, beside a fake issuer, both on real sockets. */
export interface ResourceServerHost {
  issuer: FakeIdentityProvider
  resourceServer: ResourceServer
  app: Express
  url: string
  /** Every event since the start. */
  events: RecordedEvent[]
  lastReason(): string | undefined
  /** Requests a route; undefined: without a token. */
  get(path: string, token?: string): Promise<RouteAnswer>
  close(): Promise<void>
}

/** @param entry laid over the defaults of the fake issuer's entry */
export async function startResourceServerHost(
  entry: Partial<IssuerOptions> = {},
  options: Partial<ResourceServerOptions> = {},
): Promise<ResourceServerHost> {
  const issuer = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  const one = { issuer: issuer.name, audience: AUDIENCE, ...entry }
  const resourceServer = createResourceServer({
    ...('issuers' in options ? {} : one),
    ...options,
  } as ResourceServerOptions)
  const events: RecordedEvent[] = []
  for (const name of EXCHANGE_EVENT_NAMES) resourceServer.events.on(name, (event) => events.push({ name, ...event }))
  const app = express()
  app.get('/orders', resourceServer.protect({ scope: 'orders:read' }), (req, res) => void res.json(getAuth(req)))
  app.get('/', resourceServer.protect(), (req, res) => void res.json(getAuth(req)))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    resourceServer,
    app,
    url,
    events,
    lastReason: () => events.findLast(({ reason }) => reason !== undefined)?.reason,
    get: async (path, token) => {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
      const response = await fetch(url + path, { headers })
      const text = await response.text()
      const body = text === '' ? {} : JSON.parse(text)
      return { status: response.status, challenge: response.headers.get('www-authenticate'), body }
    },
    close: async () => {
      resourceServer.close()
      await closeServer(server)
      await issuer.close()
    },
  }
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
