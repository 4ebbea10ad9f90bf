import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import passport from 'passport'
import request, { type Response, type Test } from 'supertest'
import { EXCHANGE_EVENT_NAMES } from '../../src/events/event-names.js'
import {
  type ClientOptions,
  createJwtExchange,
  type ExchangeEventName,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchange,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { FakeIdentityProvider, type FakeIdentityProviderOptions } from '../../src/testing/index.js'

export const ISSUER = 'https://api.example.com/oauth2'
export const TOKEN_ENDPOINT = `${ISSUER}/token`
export const AUDIENCE = 'https://api.example.com'
export const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const CLIENT = {
  clientId: 'app',
  clientSecret: 'app-secret-of-the-tests',
  scopes: ['openid', 'orders:read'],
} as const satisfies ClientOptions

export interface RecordedEvent {
  name: ExchangeEventName
  reason?: string
  status?: number
  [field: string]: unknown
}

/** A real Express app with an exchange mounted on it, beside a fake identity provider, both on real sockets. */
export interface ExchangeHost {
  idp: FakeIdentityProvider
  exchange: JwtExchange
  app: Express
  server: Server
  url: string
  /** Every event since the start. */
  events: RecordedEvent[]
  /** The `reason` of the last event that has one. */
  lastReason(): string | undefined
  /** Posts to the token endpoint as the client of the tests: Basic, form-encoded. */
  post(parameters: Record<string, string>): Test
  /** Exchanges an assertion as the client of the tests. */
  exchangeAssertion(assertion: string, parameters?: Record<string, string>): Promise<Response>
  /** An access token for an assertion with these claims. */
  accessToken(claims?: Record<string, unknown>): Promise<string>
  close(): Promise<void>
}

export interface ExchangeHostOptions {
  /** Default algorithm: ES256, whose keys are made at once. */
  idp?: FakeIdentityProviderOptions
  /** Laid over the defaults of the fake identity provider's entry. */
  identityProvider?: Partial<IdentityProviderOptions>
  /** In addition to the fake identity provider. */
  furtherIdentityProviders?: readonly IdentityProviderOptions[]
  /** Laid over the defaults of all options; `identityProviders` here replaces the fake one. */
  exchange?: Partial<JwtExchangeOptions>
  /** Called with the new app before anything of the exchange is mounted. */
  before?: (app: Express) => void
}

let sharedKey: ReturnType<typeof generateSigningKey> | undefined

export async function startExchangeHost(options: ExchangeHostOptions = {}): Promise<ExchangeHost> {
  const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256', ...options.idp })
  sharedKey ??= generateSigningKey()
  const exchange = createOrClose(idp, {
    issuer: ISSUER,
    identityProviders: [
      {
        name: idp.name,
        ...(options.identityProvider?.discovery === undefined && { jwksUri: idp.jwksUri }),
        allowedSubjects: 'any',
        ...options.identityProvider,
      },
      ...(options.furtherIdentityProviders ?? []),
    ],
    ...(options.exchange?.findClient === undefined && { clients: [CLIENT] }),
    accessToken: { audience: AUDIENCE, signingKeys: [sharedKey] },
    ...options.exchange,
  })
  const events: RecordedEvent[] = []
  for (const name of EXCHANGE_EVENT_NAMES) exchange.events.on(name, (event) => events.push({ name, ...event }))
  const app = createHostApp(exchange, options.before)
  const server = await listen(app)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const post = (parameters: Record<string, string>) =>
    request(url).post('/oauth2/token').auth(CLIENT.clientId, CLIENT.clientSecret).type('form').send(parameters)
  const host: ExchangeHost = {
    idp,
    exchange,
    app,
    server,
    url,
    events,
    lastReason: () => events.findLast((event) => event.reason !== undefined)?.reason,
    post,
    exchangeAssertion: async (assertion, parameters = {}) =>
      await post({ grant_type: GRANT_TYPE, assertion, ...parameters }),
    accessToken: async (claims = {}) => {
      const response = await host.exchangeAssertion(await idp.issueAssertion(claims))
      if (response.status !== 200) throw new Error(`no access token: ${response.status} ${host.lastReason()}`)
      return response.body.access_token
    },
    close: async () => {
      exchange.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await idp.close()
    },
  }
  return host
}

/** A fake identity provider left open would keep a failed test run from ending. */
function createOrClose(idp: FakeIdentityProvider, options: JwtExchangeOptions): JwtExchange {
  try {
    return createJwtExchange(options)
  } catch (error) {
    void idp.close()
    throw error
  }
}

/** The routes: `/me` through Passport, `/admin` likewise with a scope, `/orders` through `protect`, `/whoami` by assertion. */
function createHostApp(exchange: JwtExchange, before: ((app: Express) => void) | undefined): Express {
  const app = express()
  const authenticator = new passport.Passport()
  authenticator.use(exchange.accessTokenStrategy)
  authenticator.use(exchange.assertionStrategy)
  before?.(app)
  app.use(exchange.wellKnown)
  app.use('/oauth2', exchange.router)
  const byAccessToken = authenticator.authenticate('access-token', { session: false })
  const byScope = authenticator.authenticate('access-token', { session: false, scope: 'admin' })
  const byAssertion = authenticator.authenticate('jwt-assertion', { session: false })
  app.get('/me', byAccessToken, (req, res) => void res.json(req.user))
  app.get('/admin', byScope, (req, res) => void res.json(req.user))
  app.get('/whoami', byAssertion, (req, res) => void res.json(req.user))
  app.all('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => {
    res.json('auth' in req ? req.auth : null)
  })
  return app
}

function listen(app: Express): Promise<Server> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server))
  })
}
