import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import express4 from 'express4'
import { type Admin, type AdminOptions, createAdmin } from '../../src/admin/create-admin.js'
import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderStore,
  type JwtExchange,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { MemoryIdentityProviderStore } from './memory-identity-provider-store.js'
import { type ReceivedResponse, sendRequest } from './send-request.js'

export interface AdminAnswer {
  status: number | undefined
  headers: ReceivedResponse['headers']
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer.
  body: any
}

type SentHeaders = Readonly<Record<string, string | readonly string[]>>

/** An Express app with the admin API at `/admin`, on a real socket. */
export interface AdminHost {
  exchange: JwtExchange
  store: IdentityProviderStore
  admin: Admin
  app: Express
  server: Server
  /** Without a slash at its end. */
  url: string
  /** Sends a request to a path below `/admin`; an object as JSON, with its content type. */
  ask(method: string, path: string, body?: unknown, headers?: SentHeaders): Promise<AdminAnswer>
  close(): Promise<void>
}

export interface AdminHostOptions {
  /** Default: 5. */
  express?: 4 | 5
  /** Laid over `authorize: () => 'alice'` and the store; `store: undefined` is one without a store. */
  admin?: Partial<Omit<AdminOptions, 'store'>> & { store?: IdentityProviderStore | undefined }
  exchange?: Partial<JwtExchangeOptions>
  store?: IdentityProviderStore
  mountPath?: string
  /** Called with the new app before the admin API is mounted. */
  before?: (app: Express) => void
}

/** An entry that the API accepts. */
export const ENTRY = {
  id: 'acme',
  displayName: 'Acme Inc.',
  name: 'https://login.acme.example',
  jwksUri: 'https://login.acme.example/keys',
  allowedSubjects: ['service-*'],
  scopes: ['orders:read'],
} as const

/** A store in memory whose revisions are r1, r2, … */
export class CountingStore extends MemoryIdentityProviderStore {
  #writes = 0

  override nextRevision(): string {
    this.#writes += 1
    return `r${this.#writes}`
  }
}

const signingKey = generateSigningKey('ES256')

export function createTestExchange(options: Partial<JwtExchangeOptions> = {}): JwtExchange {
  return createJwtExchange({
    issuer: 'https://api.example.com/oauth2',
    subject: 'namespaced',
    identityProviders: [
      {
        id: 'fixed',
        name: 'https://idp.example.com',
        jwksUri: 'https://idp.example.com/keys',
        allowedSubjects: ['service-*'],
      },
    ],
    clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', scopes: ['orders:read'] }],
    accessToken: { audience: 'https://api.example.com', signingKeys: [signingKey] },
    ...options,
  })
}

export async function startAdminHost(options: AdminHostOptions = {}): Promise<AdminHost> {
  const store = options.store ?? new CountingStore()
  const exchange = createTestExchange({ identityProviderStore: store, ...options.exchange })
  const given = { authorize: () => 'alice', store, ...options.admin }
  const { store: withStore, ...others } = given
  const admin = createAdmin(exchange, withStore === undefined ? others : { ...others, store: withStore })
  const app = options.express === 4 ? (express4() as unknown as Express) : express()
  options.before?.(app)
  const mountPath = options.mountPath ?? '/admin'
  app.use(mountPath, admin)
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    exchange,
    store,
    admin,
    app,
    server,
    url,
    ask: (method, path, body, headers) =>
      askAdmin(`${url}${mountPath === '/' ? '' : mountPath}${path}`, method, body, headers),
    close: async () => {
      admin.close()
      exchange.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A text or bytes are sent as they are. */
export async function askAdmin(
  url: string,
  method: string,
  body?: unknown,
  headers: SentHeaders = {},
): Promise<AdminAnswer> {
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const isJson = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE'
  const type = isJson && !Object.hasOwn(headers, 'content-type') ? { 'content-type': 'application/json' } : {}
  const content = body === undefined ? '' : isRaw ? body : JSON.stringify(body)
  const {
    status,
    headers: received,
    body: text,
  } = await sendRequest(url, {
    method,
    headers: { ...type, ...headers },
    body: content,
  })
  return { status, headers: received, text, body: parseIfJson(text) }
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
