import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import express, { type RequestHandler } from 'express'
import passport from 'passport'
import request from 'supertest'
import type { ExchangeMiddleware } from '../../src/index.js'
import { CLIENT, type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'
import { SERVER_CERTIFICATE } from '../support/tls-host.js'

const METADATA_PATH = '/.well-known/oauth-authorization-server/oauth2'
const BASIC = `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`

let host: ExchangeHost
const servers: Server[] = []
afterEach(async () => {
  await host.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

const start = async (before?: RequestHandler) => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => before && app.use(before) })
}

function listen(listener: RequestListener, server: Server = createServer(), scheme = 'http'): Promise<string> {
  servers.push(server.on('request', listener))
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

/** What the tests use of a package that makes requests of its own, whatever its types say. */
interface HostPackage {
  /** Of serverless-http, versions 4 and 3. */
  default?: (app: RequestListener) => (event: object, context: object) => Promise<unknown>
  /** Of node-mocks-http. */
  createMocks?: (ofRequest: object, ofResponse: object) => { req: IncomingMessage; res: ServerResponse }
}

async function loadHost(packageName: string): Promise<HostPackage> {
  return await import(packageName)
}

interface LambdaAnswer {
  statusCode: number
  headers: Record<string, unknown>
  body: string
}

describe.each(['serverless-http', 'serverless-http3'])('on AWS Lambda through %s', (packageName) => {
  interface Sent {
    method?: string
    path: string
    headers?: Record<string, string>
    multiValueHeaders?: Record<string, string[]>
    body?: string
  }
  /** An event of API Gateway's payload format 1.0. */
  const invoke = async ({ method = 'GET', path, headers = {}, body = '', ...more }: Sent): Promise<LambdaAnswer> => {
    const requestContext = { identity: { sourceIp: '192.0.2.7' }, requestId: 'one' }
    const event = { httpMethod: method, path, headers, body, requestContext, ...more }
    const { default: serverlessHttp } = await loadHost(packageName)
    return (await serverlessHttp?.(host.app)(event, {})) as LambdaAnswer
  }
  const exchange = async (assertion: string) =>
    await invoke({
      method: 'POST',
      path: '/oauth2/token',
      headers: { Authorization: BASIC, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString(),
    })

  it('an assertion is exchanged, and the access token opens routes, through Passport and without', async () => {
    await start()
    const answer = await exchange(await host.idp.issueAssertion())
    expect([answer.statusCode, host.lastReason()]).toEqual([200, undefined])
    const { access_token: token } = JSON.parse(answer.body)
    for (const path of ['/me', '/orders']) {
      const opened = await invoke({ path, headers: { authorization: `Bearer ${token}` } })
      expect([path, opened.statusCode, JSON.parse(opened.body).sub]).toEqual([path, 200, 'alice'])
    }
  })

  it('a request without a token gets its challenge', async () => {
    await start()
    for (const path of ['/me', '/orders', '/whoami']) {
      const { statusCode, headers } = await invoke({ path })
      const scope = path === '/orders' ? ', scope="orders:read"' : ''
      expect([path, statusCode, headers['www-authenticate']]).toEqual([path, 401, `Bearer realm="${ISSUER}"${scope}`])
    }
    expect(host.lastReason()).toBe('no_token')
  })

  it('the key set and the metadata are served', async () => {
    await start()
    for (const path of ['/oauth2/jwks', METADATA_PATH]) expect((await invoke({ path })).statusCode).toBe(200)
  })

  it('two Authorization headers, joined by API Gateway, are refused', async () => {
    await start()
    const token = await host.accessToken()
    const twice = { authorization: [`Bearer ${token}`, `Bearer ${token}`] }
    expect((await invoke({ path: '/orders', multiValueHeaders: twice })).statusCode).toBe(401)
    expect(host.lastReason()).toBe('malformed_authorization')
    const { statusCode } = await invoke({
      method: 'POST',
      path: '/oauth2/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      multiValueHeaders: { authorization: [BASIC, BASIC] },
      body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() }).toString(),
    })
    expect([statusCode, host.lastReason()]).toEqual([401, 'malformed_credentials'])
  })
})

describe('a request of node-mocks-http', () => {
  const mock = async (middleware: ExchangeMiddleware, options: object): Promise<{ status: number; auth: unknown }> => {
    const { createMocks } = await loadHost('node-mocks-http')
    if (createMocks === undefined) throw new Error('node-mocks-http has changed')
    const { req, res } = createMocks(options, { eventEmitter: EventEmitter })
    await new Promise<void>((resolve, reject) => {
      res.on('end', () => resolve())
      middleware(req, res, (error) => (error === undefined ? resolve() : reject(error)))
    })
    return { status: res.statusCode, auth: Reflect.get(req, 'auth') }
  }

  it('passes protect() with a token, and is refused without one', async () => {
    await start()
    const headers = { authorization: `Bearer ${await host.accessToken()}` }
    const protect = host.exchange.protect({ scope: 'orders:read' })
    expect(await mock(protect, { headers })).toMatchObject({ status: 200, auth: { sub: 'alice' } })
    expect(await mock(protect, {})).toEqual({ status: 401, auth: undefined })
    expect(host.lastReason()).toBe('no_token')
  })

  it('is refused where its headers have two tokens', async () => {
    await start()
    const token = `Bearer ${await host.accessToken()}`
    for (const [authorization, status] of [
      [[token, token], 400],
      [`${token}, ${token}`, 401],
    ] as const) {
      const headers = { authorization }
      expect(await mock(host.exchange.protect(), { headers })).toEqual({ status, auth: undefined })
    }
  })

  it('is refused where a token is in the form as well, however often its content type is there', async () => {
    await start()
    const token = await host.accessToken()
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': ['application/x-www-form-urlencoded', 'text/plain'],
    }
    const body = { access_token: token }
    expect((await mock(host.exchange.protect(), { method: 'POST', headers, body })).status).toBe(400)
    expect(host.lastReason()).toBe('token_sent_twice')
  })

  it('is exchanged at the token endpoint', async () => {
    await start()
    const headers = { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded' }
    const body = { grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() }
    const { status } = await mock(host.exchange.router, { method: 'POST', url: '/token', headers, body })
    expect([status, host.events.at(-1)?.name]).toEqual([200, 'token.issued'])
  })
})

describe('a middleware before the exchange', () => {
  const bearer = (path: string, token?: string) =>
    sendRequest(`${host.url}${path}`, {
      method: 'GET',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })

  it('may put the token of a cookie into the header', async () => {
    await start((req, _res, next) => {
      const token = /\btoken=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
      if (token !== undefined) req.headers.authorization = `Bearer ${token}`
      next()
    })
    const headers = { cookie: `token=${await host.accessToken()}` }
    for (const path of ['/me', '/orders']) {
      expect((await sendRequest(host.url + path, { method: 'GET', headers })).status).toBe(200)
      expect((await bearer(path)).status).toBe(401)
    }
  })

  it('may put another token into the place of the one that was sent', async () => {
    let replaced = ''
    await start((req, _res, next) => {
      if (req.headers.authorization === 'Bearer opaque') req.headers.authorization = `Bearer ${replaced}`
      next()
    })
    replaced = await host.accessToken()
    expect((await bearer('/orders', 'opaque')).status).toBe(200)
  })

  it('may take the header away: its token does not count any more', async () => {
    await start((req, _res, next) => {
      if (req.method === 'GET') delete req.headers.authorization
      next()
    })
    expect((await bearer('/orders', await host.accessToken())).status).toBe(401)
    expect(host.lastReason()).toBe('no_token')
  })

  it('does not hide that two headers were sent', async () => {
    await start((req, _res, next) => {
      if (req.headers.authorization !== undefined) req.headers.authorization = req.headers.authorization.trim()
      next()
    })
    const token = `Bearer ${await host.accessToken()}`
    const headers = { authorization: [token, token] }
    expect((await sendRequest(`${host.url}/orders`, { method: 'GET', headers })).status).toBe(400)
    expect(host.lastReason()).toBe('token_sent_twice')
  })
})

describe('on a host that is not Express', () => {
  /** As on `node:http`, Koa (`ctx.req`, `ctx.res`) and Fastify's middie, which know neither `path` nor `ip` nor `secure`. */
  const plain =
    (...middlewares: ExchangeMiddleware[]): RequestListener =>
    (req, res) => {
      const run = (index: number): void => {
        const middleware = middlewares[index]
        if (middleware === undefined) res.writeHead(404).end()
        else middleware(req, res, (error) => (error === undefined ? run(index + 1) : res.writeHead(500).end()))
      }
      run(0)
    }
  /** As middie, connect and Express cut the path off at which something is mounted. */
  const below =
    (prefix: string, middleware: ExchangeMiddleware): ExchangeMiddleware =>
    (req: IncomingMessage & { originalUrl?: string }, res, next) => {
      const url = req.url ?? ''
      if (!url.startsWith(prefix)) return next()
      req.originalUrl ??= url
      req.url = url.slice(prefix.length).replace(/^(?!\/)/, '/')
      middleware(req, res, (error) => {
        req.url = url
        next(error)
      })
    }

  it('the metadata is served, with a query string, too', async () => {
    await start()
    const url = await listen(plain(host.exchange.wellKnown))
    for (const path of [METADATA_PATH, `${METADATA_PATH}?x=1`]) {
      const { body } = await request(url).get(path)
      expect(body.issuer).toBe(ISSUER)
    }
    for (const path of ['/', '/.well-known/oauth-authorization-server', `/x?${METADATA_PATH}`, `${METADATA_PATH}/x`]) {
      expect((await request(url).get(path)).status).toBe(404)
    }
  })

  it('the metadata is served for a request in absolute form, as a proxy sends it', async () => {
    await start()
    const url = await listen((req, res) => {
      req.url = `http://api.example.com${req.url}`
      plain(host.exchange.wellKnown)(req, res)
    })
    expect((await request(url).get(METADATA_PATH)).status).toBe(200)
  })

  it.each(['/.well-known', '/below'])('the metadata is served where it is mounted at %s', async (prefix) => {
    await start()
    const app = express().use(prefix, host.exchange.wellKnown as RequestHandler)
    const path = prefix === '/below' ? prefix + METADATA_PATH : METADATA_PATH
    for (const listener of [app, plain(below(prefix, host.exchange.wellKnown))]) {
      expect((await request(await listen(listener)).get(path)).body.issuer).toBe(ISSUER)
    }
  })

  it('an assertion is exchanged, and the access token opens a route', async () => {
    await start()
    const answer: ExchangeMiddleware = (req, res) => void res.end(JSON.stringify('auth' in req ? req.auth : null))
    const protect = host.exchange.protect({ scope: 'orders:read' })
    const url = await listen(plain(below('/oauth2', host.exchange.router), protect, answer))
    const parameters = { grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() }
    const { body } = await request(url)
      .post('/oauth2/token')
      .set({ authorization: BASIC })
      .type('form')
      .send(parameters)
    const get = (path: string) => request(url).get(path).auth(body.access_token, { type: 'bearer' })
    expect(JSON.parse((await get('/orders')).text).sub).toBe('alice')
    expect((await request(url).get('/orders')).status).toBe(401)
    expect((await get(`/orders?access_token=${body.access_token}`)).status).toBe(400)
  })

  it('requireHttps is satisfied by TLS on the socket', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { requireHttps: true } })
    const listener = plain(below('/oauth2', host.exchange.router))
    const parameters = { grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() }
    const post = async (url: string) =>
      await request(url)
        .post('/oauth2/token')
        .set({ authorization: BASIC })
        .trustLocalhost()
        .type('form')
        .send(parameters)
    expect((await post(await listen(listener))).body.error).toBe('invalid_request')
    expect((await post(await listen(listener, createTlsServer(SERVER_CERTIFICATE), 'https'))).status).toBe(200)
  })

  it('a route behind Passport is opened', async () => {
    await start()
    const authenticator = new passport.Passport()
    const byToken = authenticator.authenticate(host.exchange.accessTokenStrategy, {
      session: false,
    }) as ExchangeMiddleware
    const url = await listen(plain(byToken, (_req, res) => void res.end('opened')))
    const token = await host.accessToken()
    expect((await request(url).get('/').auth(token, { type: 'bearer' })).text).toBe('opened')
    expect((await request(url).get('/')).status).toBe(401)
  })
})
