import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import express4 from 'express4'
import { EXCHANGE_EVENT_NAMES } from '../../src/events/event-names.js'
import { createJwtExchange, generateSigningKey, type JwtExchange, type JwtExchangeOptions } from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AUDIENCE, CLIENT, ISSUER, type RecordedEvent } from './exchange-host.js'
import { type ReceivedResponse, sendRequest } from './send-request.js'

export const OTHER_AUDIENCE = 'https://billing.example.com'
export const IDP = 'https://idp.example.com'

/** An exchange whose routes are called with access tokens of any claims: nothing is exchanged. */
export interface RouteHost {
  exchange: JwtExchange
  /** Of the exchange, those of the start. */
  options: JwtExchangeOptions
  app: Express
  events: RecordedEvent[]
  /** Replaces the options by those of the start with these. */
  reconfigure(changes: Partial<JwtExchangeOptions>): void
  /** An access token of this exchange with these claims; one that is undefined is left out. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>
  get(path: string, token?: string, headers?: Readonly<Record<string, string>>): Promise<ReceivedResponse>
  close(): Promise<void>
}

let idpKey: FakeKey | undefined
const privateJwk = generateSigningKey('ES256')
const { d: _, ...publicJwk } = privateJwk
/** The key that signs the access tokens of these hosts. */
export const PRIVATE_JWK = privateJwk
/** The key that verifies the access tokens of these hosts. */
export const PUBLIC_JWK = publicJwk
const KEY: FakeKey = { kid: String(privateJwk.kid), algorithm: 'ES256', privateJwk, publicJwk: {} }
const NOW = Math.floor(Date.now() / 1000)

export async function startRouteHost(
  version: 4 | 5 = 5,
  options: Partial<JwtExchangeOptions> = {},
): Promise<RouteHost> {
  idpKey ??= await generateFakeKey('ES256', 'idp')
  const complete = {
    issuer: ISSUER,
    identityProviders: [{ name: IDP, jwks: { keys: [idpKey.publicJwk] }, allowedSubjects: 'any' as const }],
    clients: [CLIENT],
    accessToken: { audience: [AUDIENCE, OTHER_AUDIENCE], signingKeys: [privateJwk] },
  } satisfies JwtExchangeOptions
  const exchange = createJwtExchange({ ...complete, ...options })
  const events: RecordedEvent[] = []
  for (const name of EXCHANGE_EVENT_NAMES) exchange.events.on(name, (event) => events.push({ name, ...event }))
  const app = version === 4 ? (express4() as unknown as Express) : express()
  const server = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    exchange,
    options: complete,
    app,
    events,
    reconfigure: (changes) => exchange.reconfigure({ ...complete, ...changes }),
    token: (claims = {}) => {
      const dates = { iat: NOW, exp: NOW + 3600, jti: 'a' }
      const ours = { iss: ISSUER, sub: 'alice', aud: AUDIENCE, client_id: CLIENT.clientId, idp: IDP, ...dates }
      return signAssertion(KEY, { alg: 'ES256', typ: 'at+jwt', kid: KEY.kid }, { ...ours, ...claims })
    },
    get: (path, token, headers = {}) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return sendRequest(url + path, { method: 'GET', headers: { ...authorization, ...headers } })
    },
    close: async () => {
      exchange.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
