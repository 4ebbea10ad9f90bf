import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import express, { type RequestHandler } from 'express'
import request from 'supertest'
import {
  createJwtExchange,
  type ExchangeEventName,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  type ExchangeHostOptions,
  GRANT_TYPE,
  ISSUER,
  startExchangeHost,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'

const FORM = 'application/x-www-form-urlencoded'
/** Secrets of this run. None of them may be in an event, wherever a request has put it. */
const SECRETS = {
  client: 'aB3xK9qL2mN8pR5tV7wY-of-the-client',
  guessed: 'Zz9yX8wV7uT6sR5qP4oN-guessed',
  database: 'p4ssw0rd-of-the-database-7Q',
}

let host: ExchangeHost
afterEach(() => host.close())

const start = async (options: ExchangeHostOptions = {}) => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options })
}
const lastEvent = () => host.events.at(-1)
const basicOf = (clientId: string, clientSecret: string) =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`

interface Sent {
  authorization?: string
  contentType?: string
  query?: string
  method?: string
}

/** Posts a form to the token endpoint as the client of the tests, unless said otherwise. */
async function post(parameters: Record<string, string> | string, sent: Sent = {}): Promise<number | undefined> {
  const { authorization = basicOf(CLIENT.clientId, CLIENT.clientSecret), contentType = FORM, query = '' } = sent
  const { status } = await sendRequest(`${host.url}/oauth2/token${query}`, {
    method: sent.method ?? 'POST',
    headers: { ...(authorization !== '' && { authorization }), 'content-type': contentType },
    body: typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString(),
  })
  return status
}

describe('the event of an invalid request', () => {
  it.each<[string, () => Promise<number | undefined>, number, string]>([
    ['without a grant type', () => post({}), 400, 'The parameter grant_type is missing'],
    ['without an assertion', () => post({ grant_type: GRANT_TYPE }), 400, 'The parameter assertion is missing'],
    ['with a parameter twice', () => post('grant_type=a&grant_type=b'), 400, 'A parameter is repeated or nested'],
    [
      'with two ways of authentication',
      () => post({ grant_type: GRANT_TYPE, client_secret: 'x' }),
      400,
      'The request uses more than one client authentication method',
    ],
    [
      'with credentials in the URL',
      () => post({ grant_type: GRANT_TYPE }, { query: '?client_secret=x' }),
      400,
      'Credentials and assertions must not be in the URL',
    ],
    [
      'of another media type',
      () => post('{}', { contentType: 'application/json' }),
      400,
      `The content type must be ${FORM}`,
    ],
    [
      'in another charset',
      () => post({}, { contentType: `${FORM}; charset=utf-16` }),
      415,
      'The form must be encoded in UTF-8',
    ],
    ['that is too large', () => post('x'.repeat(100_000)), 413, 'The request body is too large'],
    ['by another method', () => post('', { method: 'PUT' }), 405, 'Only POST is supported'],
  ])('%s carries the text that the client saw', async (_, send, status, description) => {
    await start()
    expect(await send()).toBe(status)
    expect(lastEvent()).toMatchObject({ name: 'token.rejected', error: 'invalid_request', status, description })
  })

  it('at a route carries it, too', async () => {
    await start()
    await request(host.url)
      .get('/orders?access_token=x')
      .auth(await host.accessToken(), { type: 'bearer' })
    const description = 'The request carries more than one token'
    expect(lastEvent()).toMatchObject({ name: 'access.denied', reason: 'token_sent_twice', description })
  })
})

describe('every refusal', () => {
  const grant = { grant_type: GRANT_TYPE }
  const OUTAGE = { exchange: { findClient: () => Promise.reject(new Error('down')) } }

  it.each<[string, ExchangeHostOptions, () => Promise<unknown>, string]>([
    ['invalid_request', {}, () => post({}), 'The parameter grant_type is missing'],
    ['unsupported_grant_type', {}, () => post({ grant_type: 'password' }), 'This grant type is not supported'],
    ['malformed_credentials', {}, () => post(grant, { authorization: 'Basic !' }), 'Client authentication failed'],
    ['malformed_jwt', {}, () => host.exchangeAssertion('a.b.c'), 'The assertion is not valid'],
    ['invalid_scope', {}, () => post({ ...grant, assertion: 'a.b.c', scope: '"' }), 'The scope is malformed'],
    ['client_lookup_failed', OUTAGE, () => post(grant), 'The service is temporarily unavailable'],
  ])('%s of the token endpoint has the description, the method, the path and the address', async (...row) => {
    const [reason, options, send, description] = row
    await start(options)
    await send()
    expect(lastEvent()).toMatchObject({
      name: 'token.rejected',
      reason,
      description,
      method: 'POST',
      path: '/oauth2/token',
      remoteAddress: '127.0.0.1',
    })
  })

  it('has the method that came, and the path as it was requested, without its query', async () => {
    await start()
    for (const method of ['GET', 'PUT', 'PROPFIND']) {
      await sendRequest(`${host.url}/OAuth2/Token/?client_secret=${SECRETS.client}#x`, { method })
      expect(lastEvent()).toMatchObject({ status: 405, method, path: '/OAuth2/Token/' })
    }
  })

  it('of a route has the description, the method, the route and the address', async () => {
    await start()
    const sender = { method: 'GET', route: '/orders', remoteAddress: '127.0.0.1' }
    await request(host.url).get(`/orders?x=${SECRETS.client}`)
    expect(lastEvent()).toEqual({ name: 'access.denied', reason: 'no_token', status: 401, ...sender })
    const rows: [string, string, string][] = [
      ['a.b.c', 'malformed_jwt', 'The access token is not valid'],
      ['a b', 'malformed_authorization', 'The access token is not valid'],
    ]
    for (const [token, reason, description] of rows) {
      await request(host.url).get('/orders').auth(token, { type: 'bearer' })
      expect(lastEvent()).toMatchObject({ name: 'access.denied', reason, description, ...sender })
    }
  })

  it('of a strategy of Passport has them, too', async () => {
    await start()
    await request(host.url).get('/me').auth('a.b.c', { type: 'bearer' })
    const sender = { method: 'GET', route: '/me', remoteAddress: '127.0.0.1' }
    expect(lastEvent()).toMatchObject({ description: 'The access token is not valid', ...sender })
  })
})

describe('a path in an event', () => {
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'

  it.each([
    ['/api/v1', '/api/v1/token'],
    ['/api/Tenant1', '/api/Tenant1/token'],
    ['/resource-authorization-server', '/resource-authorization-server/token'],
    [`/${jwt}`, '/(withheld)/token'],
    [`/a/${SECRETS.client}/b`, '/a/(withheld)/b/token'],
    [`/${SECRETS.guessed}`, '/(withheld)/token'],
    [`/${SECRETS.database}`, '/(withheld)/token'],
    ['/9f86d081884c7d65', '/(withheld)/token'],
    ['/alice%40example.com', '/(withheld)/token'],
    ['/a%0Ab', '/(withheld)/token'],
    ['/a%3Fx=y', '/(withheld)/token'],
    ['/%', '/(withheld)/token'],
    [`/${'a'.repeat(33)}`, '/(withheld)/token'],
    [`/${'a/'.repeat(150)}b`, `/${'a/'.repeat(98)}...`],
  ])('%s is %s', async (mount, path) => {
    await start()
    host.app.use((req, res, next) => {
      req.url = '/token'
      host.exchange.router(req, res, next)
    })
    await sendRequest(`${host.url}${mount}/token`, { method: 'POST' })
    expect(lastEvent()).toMatchObject({ name: 'token.rejected', path })
  })

  it('has no secret for routes, whether in the path of a mount point or of the request', async () => {
    await start()
    const protect = host.exchange.protect({ scope: 'admin' }) as RequestHandler
    host.app.use('/by/:token', express.Router().get('/orders/:id', protect))
    host.app.use('/below', protect)
    for (const [path, route] of [
      [`/by/${jwt}/orders/1`, '/by/(withheld)/orders/:id'],
      [`/below/${SECRETS.client}/things`, '/below/(withheld)/things'],
    ] as const) {
      await request(host.url).get(path)
      expect(lastEvent()).toMatchObject({ reason: 'no_token', route })
    }
  })

  it('is the same in the warning about the mount point', async () => {
    await start()
    host.app.use('/in/:tenant', host.exchange.router as RequestHandler)
    await request(host.url).post(`/in/${jwt}/token`)
    const warning = host.events.find(({ name }) => name === 'token_endpoint.mismatch')
    expect(warning?.message).toContain('arrived at /in/(withheld)/token,')
  })
})

describe('the event of a grant type that is not supported', () => {
  it.each([
    ['client_credentials', 'client_credentials'],
    ['urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    [`${GRANT_TYPE}\n`, `${GRANT_TYPE}\\u000a`],
    ['pass\u0007word \u20ac', 'pass\\u0007word \\u20ac'],
    ['x'.repeat(5000), `${'x'.repeat(197)}...`],
    ['eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl', '(withheld: it may be a secret)'],
    [SECRETS.client, '(withheld: it may be a secret)'],
    ['tooShortToTell', '(withheld: it may be a secret)'],
    [`https://user:${SECRETS.database}@db.example.com`, '(withheld: it may be a secret)'],
  ])('carries %j as %s', async (grantType, expected) => {
    await start()
    expect(await post({ grant_type: grantType })).toBe(400)
    expect(lastEvent()).toMatchObject({ reason: 'unsupported_grant_type', grantType: expected })
  })

  it('does not carry what is in the request as a secret, whatever it looks like', async () => {
    await start()
    const secret = 'onlylettersbutasecret'
    await post({ grant_type: `${secret} x` }, { authorization: basicOf('app', secret) })
    await post({ grant_type: secret, client_id: 'app', client_secret: secret }, { authorization: '' })
    await post({ grant_type: secret, assertion: secret })
    expect(JSON.stringify(host.events)).not.toContain(secret)
    expect(host.events.filter(({ reason }) => reason === 'unsupported_grant_type')).toHaveLength(3)
  })
})

describe('the event of a missing scope', () => {
  it.each(['/admin', '/orders'])('at %s carries who it was, what is there and what is missing', async (route) => {
    await start({ exchange: { clients: [{ ...CLIENT, scopes: ['openid'] }] } })
    const token = await host.accessToken({ sub: 'alice\n'.trim() })
    expect((await request(host.url).post(`${route}?id=7`).auth(token, { type: 'bearer' })).status).toBe(
      route === '/admin' ? 404 : 403,
    )
    expect((await request(host.url).get(`${route}?id=7`).auth(token, { type: 'bearer' })).status).toBe(403)
    expect(lastEvent()).toEqual({
      name: 'access.denied',
      reason: 'insufficient_scope',
      error: 'insufficient_scope',
      status: 403,
      subject: 'alice',
      clientId: CLIENT.clientId,
      identityProvider: host.idp.name,
      scopes: ['openid'],
      requiredScopes: route === '/admin' ? ['admin'] : ['orders:read'],
      description: 'The access token lacks a required scope',
      method: 'GET',
      route,
      remoteAddress: '127.0.0.1',
    })
  })

  it('names the route as it is declared, and where it is mounted, or the path where no route is declared', async () => {
    await start()
    const protect = host.exchange.protect({ scope: 'admin' }) as RequestHandler
    const router = express.Router().get('/reset/:code', protect)
    host.app.use('/api/v1', router)
    host.app.use('/below', protect)
    const token = await host.accessToken()
    for (const [path, route] of [
      [`/api/v1/reset/${SECRETS.client}?x=${SECRETS.client}`, '/api/v1/reset/:code'],
      [`/below/things?x=${SECRETS.client}`, '/below/things'],
    ] as const) {
      await request(host.url).get(path).auth(token, { type: 'bearer' })
      expect(lastEvent()).toMatchObject({ reason: 'insufficient_scope', method: 'GET', route })
    }
  })
})

describe('the event of a failed authentication', () => {
  it.each<[string, Sent, object]>([
    ['no_client_authentication', { authorization: '' }, {}],
    ['malformed_credentials', { authorization: 'Basic !' }, {}],
    ['unknown_client', { authorization: basicOf(SECRETS.client, 'app') }, {}],
    ['wrong_client_secret', { authorization: basicOf('app', SECRETS.guessed) }, { clientId: 'app' }],
  ])('%s carries the address, and a client id only if there is such a client', async (reason, sent, more) => {
    await start()
    expect(await post({ grant_type: GRANT_TYPE, assertion: 'a.b.c' }, sent)).toBe(401)
    expect(lastEvent()).toEqual({
      name: 'token.rejected',
      reason,
      error: 'invalid_client',
      status: 401,
      description: 'Client authentication failed',
      method: 'POST',
      path: '/oauth2/token',
      remoteAddress: '127.0.0.1',
      ...more,
    })
  })

  it('carries the address that trust proxy makes known', async () => {
    await start({ before: (app) => app.set('trust proxy', 1) })
    const forwarded = { 'x-forwarded-for': '198.51.100.1, 2001:db8::9' }
    await request(host.url).post('/oauth2/token').set(forwarded).type('form').send({ grant_type: GRANT_TYPE })
    expect(lastEvent()).toMatchObject({ reason: 'no_client_authentication', remoteAddress: '2001:db8::9' })
    await request(host.url).get('/orders').set(forwarded)
    expect(lastEvent()).toMatchObject({ reason: 'no_token', remoteAddress: '2001:db8::9' })
    await request(host.url).get('/me').set(forwarded).auth('x', { type: 'bearer' })
    expect(lastEvent()).toMatchObject({ reason: 'malformed_jwt', remoteAddress: '2001:db8::9' })
  })

  it('is there though a trust proxy function of the host throws', async () => {
    const fail = () => {
      throw new Error('a fault of the host')
    }
    await start({ before: (app) => app.set('trust proxy', fail) })
    expect((await request(host.url).get('/orders')).status).toBe(401)
    expect(lastEvent()).toMatchObject({ reason: 'no_token', remoteAddress: expect.stringMatching(/127\.0\.0\.1$/) })
  })
})

describe('the client id in an event', () => {
  const swapped = { authorization: basicOf(SECRETS.client, 'app') }
  const good = { grant_type: GRANT_TYPE, assertion: 'a.b.c' }
  const clientAuthentication = { maxFailures: 1, failureWindow: 600 }

  it.each<[string, ExchangeHostOptions, () => Promise<unknown>]>([
    ['unsupported_grant_type', {}, () => post({ grant_type: 'password' }, swapped)],
    ['unknown_client', {}, () => post(good, swapped)],
    [
      'too_many_client_failures',
      { exchange: { clientAuthentication } },
      async () => {
        await post(good, swapped)
        await post(good, swapped)
      },
    ],
    [
      'client_lookup_failed',
      { exchange: { findClient: () => Promise.reject(new Error('down')) } },
      () => post(good, swapped),
    ],
    ['client_id_mismatch', {}, () => post({ ...good, client_id: 'app' }, swapped)],
    ['invalid_request', {}, () => post({}, swapped)],
  ])('is not there before a client was found: %s', async (reason, options, send) => {
    await start(options)
    await send()
    expect(lastEvent()?.reason).toBe(reason)
    expect(lastEvent()).not.toHaveProperty('clientId')
    expect(JSON.stringify(host.events)).not.toContain(SECRETS.client)
  })

  it('is there at 429 where a client has this id', async () => {
    await start({ exchange: { clientAuthentication } })
    for (const status of [401, 429]) {
      expect(await post(good, { authorization: basicOf('app', SECRETS.guessed) })).toBe(status)
      expect(lastEvent()).toMatchObject({ clientId: 'app', remoteAddress: '127.0.0.1' })
    }
  })

  it('is there of everything that is refused later, a defect too', async () => {
    await start({ exchange: { replay: { store: { markUsed: () => 'no promise' as unknown as boolean } } } })
    await host.exchangeAssertion(await host.idp.issueAssertion({ aud: 'x' }))
    expect(lastEvent()).toMatchObject({ reason: 'wrong_audience', clientId: 'app' })
    await post({ grant_type: GRANT_TYPE })
    expect(lastEvent()).toMatchObject({ reason: 'invalid_request', clientId: 'app' })
  })
})

describe('the limit over all addresses', () => {
  it('is 429 with a message, and leaves the address in peace from which the client came before', async () => {
    await start({
      exchange: { clientAuthentication: { maxFailures: 1, failureWindow: 86_400 } },
      before: (app) => app.set('trust proxy', true),
    })
    const attempt = (clientSecret: string, address: string) =>
      request(host.url)
        .post('/oauth2/token')
        .set({ 'x-forwarded-for': address })
        .auth('app', clientSecret)
        .type('form')
        .send({ grant_type: GRANT_TYPE, assertion: 'a.b.c' })
    expect((await attempt(CLIENT.clientSecret, '192.0.2.1')).body.error).toBe('invalid_grant')
    for (let count = 0; count < 100; count += 1) {
      expect((await attempt(SECRETS.guessed, `2001:db8:0:${count.toString(16)}::1`)).status).toBe(401)
    }
    const refused = await attempt(CLIENT.clientSecret, '2001:db8:1::1')
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '864'])
    const message = 'too many failures from all addresses together, and no recent success from this one'
    const expected = { reason: 'too_many_client_failures', clientId: 'app', message, remoteAddress: '2001:db8:1::1' }
    expect(lastEvent()).toMatchObject(expected)
    expect((await attempt(CLIENT.clientSecret, '192.0.2.1')).body.error).toBe('invalid_grant')
    expect((await attempt(CLIENT.clientSecret, '::ffff:192.0.2.1')).body.error).toBe('invalid_grant')
  }, 30_000)
})

describe('the cause in an event', () => {
  const failWith = (error: unknown) => ({ exchange: { findClient: () => Promise.reject(error) } })
  const named = (name: string, message: string, more: object = {}) => Object.assign(new Error(message), { name }, more)

  it.each<[string, unknown, string]>([
    ['an error of the network', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'Error ECONNREFUSED'],
    ['an error of PostgreSQL', named('error', `for user ${SECRETS.database}`, { code: '28P01' }), 'error 28P01'],
    ['an error of Redis', named('ReplyError', `WRONGPASS ${SECRETS.database}`), 'ReplyError WRONGPASS'],
    ['a failed fetch', new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } }), 'TypeError ENOTFOUND'],
    ['a number as the code', named('MongoError', SECRETS.database, { code: 11000 }), 'MongoError 11000'],
    ['a text in the place of a code', named('Error', 'x', { code: `postgres://app:${SECRETS.database}@db` }), 'Error'],
    ['a text in the place of a name', named(`secret ${SECRETS.database}`, 'x'), 'unknown error'],
    ['no error', SECRETS.database, 'unknown error'],
    ['nothing', null, 'unknown error'],
  ])('is name and code and nothing else: %s', async (_, error, cause) => {
    await start(failWith(error))
    expect(await post({ grant_type: GRANT_TYPE })).toBe(503)
    expect(lastEvent()).toMatchObject({ reason: 'client_lookup_failed', cause })
    expect(JSON.stringify(host.events)).not.toContain(SECRETS.database)
  })

  it('names the option of a client that is not well formed', async () => {
    const findClient = () => ({ clientId: 'app', clientSecret: SECRETS.client, lifetime: 0, scope: SECRETS.database })
    await start({ exchange: { findClient: findClient as unknown as NonNullable<JwtExchangeOptions['findClient']> } })
    await post({ grant_type: GRANT_TYPE })
    expect(lastEvent()).toMatchObject({ cause: 'ConfigError findClient.lifetime findClient.scope' })
  })

  it('says that a replay store was too slow', async () => {
    const store = { markUsed: () => new Promise<boolean>(() => {}) }
    await start({ exchange: { replay: { store, timeout: 50 } } })
    await host.exchangeAssertion(await host.idp.issueAssertion())
    expect(lastEvent()).toMatchObject({ reason: 'replay_store_unavailable', cause: 'Error replay_store_timeout' })
  })

  it('says why a key set could not be had', async () => {
    await start()
    await host.idp.fault('error')
    await host.exchangeAssertion(await host.idp.issueAssertion())
    expect(lastEvent()).toMatchObject({ reason: 'jwks_unavailable', cause: 'Error unexpected_status' })
  })
})

describe('proxy.not_trusted', () => {
  const NAME: ExchangeEventName = 'proxy.not_trusted'
  const send = (headers: Record<string, string>) =>
    request(host.url).post('/oauth2/token').set(headers).type('form').send({ grant_type: GRANT_TYPE })
  const warnings = () => host.events.filter(({ name }) => name === NAME)

  it('is reported once when X-Forwarded-For arrives and trust proxy is off, and says what to set', async () => {
    await start({ exchange: { requireHttps: true } })
    await send({})
    expect(warnings()).toEqual([])
    for (let count = 0; count < 3; count += 1) await send({ 'x-forwarded-for': '198.51.100.1' })
    expect(warnings()).toEqual([{ name: NAME, message: expect.stringContaining('set `trust proxy`') }])
  })

  it('is reported for a route that refuses, once for the token endpoint and all routes together', async () => {
    await start()
    host.app.get('/guarded', host.exchange.protect() as RequestHandler)
    const get = (headers: Record<string, string>) => request(host.url).get('/guarded').set(headers)
    await get({})
    expect(warnings()).toEqual([])
    await get({ 'x-forwarded-for': '198.51.100.1' })
    expect(warnings()).toHaveLength(1)
    await get({ 'x-forwarded-for': '198.51.100.1', authorization: 'Bearer wrong' })
    await send({ 'x-forwarded-for': '198.51.100.1' })
    expect(warnings()).toHaveLength(1)
  })

  it.each([true, 1, 'loopback', () => true])('is not reported where trust proxy is %p', async (setting) => {
    await start({ before: (app) => app.set('trust proxy', setting) })
    await send({ 'x-forwarded-for': '198.51.100.1' })
    expect(warnings()).toEqual([])
  })

  it('is not reported where the address is the one that was forwarded, as on AWS Lambda', async () => {
    await start()
    await send({ 'x-forwarded-for': '127.0.0.1' })
    expect(warnings()).toEqual([])
  })

  it('is as trust proxy of the app that the router is mounted in has it', async () => {
    await start()
    const app = express().set('trust proxy', 1)
    const inner = express().use('/oauth2', host.exchange.router as RequestHandler)
    app.use(inner)
    const trusted = request(app).post('/oauth2/token').set({ 'x-forwarded-for': '198.51.100.1' }).type('form')
    await trusted.send({ grant_type: GRANT_TYPE })
    expect(warnings()).toEqual([])
    expect(lastEvent()).toMatchObject({ remoteAddress: '198.51.100.1' })
  })
})

describe('a whole run of bad requests', () => {
  /** Each in every place where a client could put it by a slip or with intent. */
  function badRequests(thing: string): [Record<string, string> | string, Sent][] {
    const parameters = { grant_type: GRANT_TYPE, assertion: thing }
    return [
      [parameters, { authorization: basicOf(thing, 'app') }],
      [parameters, { authorization: basicOf('app', thing) }],
      [parameters, { authorization: `Basic ${thing}` }],
      [parameters, { authorization: `Bearer ${thing}` }],
      [parameters, { authorization: '' }],
      [parameters, { query: `?client_secret=${encodeURIComponent(thing)}` }],
      [parameters, { contentType: `${FORM}; charset=${thing}` }],
      [parameters, { contentType: thing }],
      [parameters, { method: 'PUT' }],
      [{ grant_type: thing, assertion: thing }, {}],
      [{ grant_type: thing, assertion: thing }, { authorization: basicOf(thing, 'app') }],
      [{ grant_type: thing }, { authorization: '' }],
      [{ client_id: thing, client_secret: 'app' }, { authorization: '' }],
      [{ ...parameters, client_id: thing, client_secret: 'app' }, { authorization: '' }],
      [{ ...parameters, client_id: thing }, {}],
      [{ ...parameters, scope: thing }, {}],
      [{ ...parameters, resource: thing }, {}],
      [{ ...parameters, [thing]: thing }, {}],
      [`grant_type=${thing}&grant_type=${thing}`, {}],
      [thing, {}],
    ]
  }

  it('has no secret and no token in any event, for the endpoint and for routes, and none that is not printable', async () => {
    await start({ exchange: { clients: [{ ...CLIENT, clientSecret: SECRETS.client }] } })
    const authorization = basicOf(CLIENT.clientId, SECRETS.client)
    const assertion = await host.idp.issueAssertion()
    await post({ grant_type: GRANT_TYPE, assertion }, { authorization })
    const unused = await host.idp.issueAssertion()
    const things = [SECRETS.client, SECRETS.guessed, assertion, unused]
    for (const thing of things) {
      for (const [parameters, sent] of badRequests(thing)) await post(parameters, sent)
      for (const [parameters, sent] of badRequests(thing)) {
        await post(parameters, { ...sent, authorization: sent.authorization ?? authorization })
      }
      for (const path of ['/me', '/admin', '/orders', '/whoami']) {
        await request(host.url).get(path).auth(thing, { type: 'bearer' })
        await request(host.url).get(`${path}?access_token=${thing}`).auth(thing, { type: 'bearer' })
        await request(host.url)
          .get(path)
          .set({ authorization: `Basic ${thing}` })
        await request(host.url).post(path).type('form').send({ access_token: thing }).auth(thing, { type: 'bearer' })
      }
    }
    expect(new Set(host.events.map(({ reason }) => reason)).size).toBeGreaterThan(12)
    const output = JSON.stringify(host.events)
    const fragments = things.flatMap((thing) => (thing.startsWith('ey') ? thing.split('.').slice(1) : [thing]))
    for (const fragment of fragments) {
      expect(output).not.toContain(fragment.slice(0, 16))
      expect(output).not.toContain(Buffer.from(fragment).toString('base64').slice(0, 16))
      expect(output).not.toContain(createHash('sha256').update(fragment).digest('base64url'))
    }
    expect(output).toMatch(/^[\x20-\x7e]*$/)
  }, 30_000)

  it('has no secret of the host in any event when everything that the host gives fails', async () => {
    const fail = () => Promise.reject(new Error(`postgres://app:${SECRETS.database}@db.example.com/clients`))
    const clients = [CLIENT]
    const failing: [Partial<JwtExchangeOptions>, Partial<IdentityProviderOptions>][] = [
      [{ findClient: fail }, {}],
      [{ clients, subject: fail }, {}],
      [{ clients }, { check: fail }],
      [{ clients }, { claimsToToken: { team: fail } }],
      [{ clients, replay: { store: { markUsed: fail } } }, {}],
    ]
    await start()
    const { idp } = host
    const told: unknown[] = []
    for (const [options, ofProvider] of failing) {
      const exchange = createJwtExchange({
        issuer: ISSUER,
        tokenEndpoint: TOKEN_ENDPOINT,
        identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any', ...ofProvider }],
        accessToken: { audience: AUDIENCE },
        ...options,
      })
      exchange.events.on('token.rejected', (event) => told.push(event))
      const app = express().use('/oauth2', exchange.router as RequestHandler)
      const answer = await request(app)
        .post('/oauth2/token')
        .auth(CLIENT.clientId, CLIENT.clientSecret)
        .type('form')
        .send({ grant_type: GRANT_TYPE, assertion: await idp.issueAssertion() })
      expect(answer.status).toBe(503)
      exchange.close()
    }
    expect(told).toHaveLength(failing.length)
    expect(JSON.stringify(told)).not.toContain(SECRETS.database)
  })
})
