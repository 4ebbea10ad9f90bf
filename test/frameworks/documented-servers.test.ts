import { writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { EXCHANGE_EVENT_NAMES } from '../../src/events/event-names.js'
import type { JwtExchange } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { codeBlocks } from '../support/document-code.js'
import { createDocumentSnippets, type DocumentSnippets } from '../support/document-snippets.js'
import { GRANT_TYPE, ISSUER, type RecordedEvent, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { type ReceivedResponse, sendRequest } from '../support/send-request.js'

const PAGE = 'docs/frameworks.md'
const CLIENT_SECRET = 'app-secret-of-the-tests'
const METADATA_PATH = '/.well-known/oauth-authorization-server/oauth2'
const FORM = 'application/x-www-form-urlencoded'
const [EXCHANGE = ''] = codeBlocks(PAGE, 'js', 'The exchange')
const [ON_NODE = ''] = codeBlocks(PAGE, 'js', 'node:http')
const [ON_CONNECT = ''] = codeBlocks(PAGE, 'js', 'Connect')
const [ON_EXPRESS_PLUGIN = '', ON_MIDDIE = ''] = codeBlocks(PAGE, 'js', 'Fastify')
const [ON_KOA = '', COPY_ADDRESS = ''] = codeBlocks(PAGE, 'js', 'Koa')
const SERVERS: [string, string][] = [
  ['node:http', ON_NODE],
  ['Connect', ON_CONNECT],
  ['Fastify with @fastify/express', ON_EXPRESS_PLUGIN],
  ['Fastify with @fastify/middie', ON_MIDDIE],
  ['Koa', ON_KOA],
]

let idp: FakeIdentityProvider
let snippets: DocumentSnippets
const exchanges: JwtExchange[] = []
const events: RecordedEvent[] = []
beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
  snippets = createDocumentSnippets()
  await writeExchange('exchange.js', EXCHANGE)
  await writeExchange('secure-exchange.js', EXCHANGE.replace('({', '({ requireHttps: true,'))
})
afterAll(async () => {
  for (const exchange of exchanges) exchange.close()
  snippets.remove()
  await idp.close()
})

async function writeExchange(name: string, code: string): Promise<void> {
  const path = join(snippets.directory, name)
  const withEnv = code
    .replace('process.env.IDP', JSON.stringify(idp.name))
    .replace('process.env.APP_SECRET', JSON.stringify(CLIENT_SECRET))
  writeFileSync(path, withEnv)
  const { exchange } = (await import(pathToFileURL(path).href)) as { exchange: JwtExchange }
  for (const event of EXCHANGE_EVENT_NAMES)
    exchange.events.on(event, (fields) => events.push({ name: event, ...fields }))
  exchanges.push(exchange)
}

const servers: Server[] = []
afterEach(async () => {
  events.length = 0
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** Runs a server of the page. @returns its address */
async function start(code: string): Promise<string> {
  const { server } = (await snippets.run(code, { PORT: '0' }, 'server')) as { server: Server }
  servers.push(server)
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The code with more code after its first line with this text. */
function withAfter(code: string, text: string, more: string): string {
  const end = code.indexOf('\n', code.indexOf(text)) + 1
  return code.slice(0, end) + more + code.slice(end)
}

async function exchangeAssertion(url: string, more: Record<string, string> = {}): Promise<ReceivedResponse> {
  const form = { client_id: 'app', client_secret: CLIENT_SECRET, grant_type: GRANT_TYPE }
  const body = new URLSearchParams({ ...form, assertion: await idp.issueAssertion(), scope: 'orders:read', ...more })
  const headers = { 'content-type': FORM, 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
  return sendRequest(`${url}/oauth2/token`, { method: 'POST', headers, body: body.toString() })
}

async function accessToken(url: string, scope = 'orders:read'): Promise<string> {
  const { status, body } = await exchangeAssertion(url, { scope })
  expect([status, body]).toEqual([200, expect.stringContaining('access_token')])
  return JSON.parse(body).access_token
}

function get(url: string, token?: string): Promise<ReceivedResponse> {
  return sendRequest(url, { method: 'GET', headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
}

describe.each(SERVERS)('the server of the page on %s', (_, code) => {
  it('refuses a request without a token, or with a bad one, with the challenge', async () => {
    const url = await start(code)
    const { status, headers } = await get(`${url}/orders`)
    expect([status, headers['www-authenticate']]).toEqual([401, `Bearer realm="${ISSUER}", scope="orders:read"`])
    const forged = await get(`${url}/orders`, 'a.b.c')
    expect([forged.status, forged.headers['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')])
    expect(events.map(({ reason }) => reason)).toEqual(['no_token', 'malformed_jwt'])
  })

  it('refuses a token without the scope, and two tokens', async () => {
    const url = await start(code)
    const { status, headers } = await get(`${url}/orders`, await accessToken(url, 'openid'))
    expect([status, headers['www-authenticate']]).toEqual([403, expect.stringContaining('scope="orders:read"')])
    const token = await accessToken(url)
    expect((await get(`${url}/orders?access_token=${token}`, token)).status).toBe(400)
  })

  it('exchanges an assertion, and the access token opens the route', async () => {
    const url = await start(code)
    const { status, body } = await get(`${url}/orders`, await accessToken(url))
    expect([status, JSON.parse(body)]).toEqual([200, { for: 'alice' }])
  })

  it('refuses a token request as OAuth JSON', async () => {
    const url = await start(code)
    const { status, headers, body } = await exchangeAssertion(url, { client_secret: 'a-wrong-secret-of-the-tests' })
    expect([status, JSON.parse(body).error, headers['cache-control']]).toEqual([401, 'invalid_client', 'no-store'])
    const other = await get(`${url}/oauth2/token`)
    expect([other.status, other.headers.allow]).toEqual([405, 'POST'])
  })

  it('serves the metadata and the key set, and leaves every other path to the host', async () => {
    const url = await start(code)
    for (const path of [METADATA_PATH, `${METADATA_PATH}?x=1`]) {
      expect(JSON.parse((await get(url + path)).body).issuer).toBe(ISSUER)
    }
    expect(JSON.parse((await get(`${url}/oauth2/jwks`)).body).keys).toHaveLength(1)
    for (const path of ['/', '/oauth2', '/oauth2/tokens', '/.well-known/x', '/jwks']) {
      expect([path, (await get(url + path)).status]).toEqual([path, 404])
    }
  })
})

describe('a body that the host has parsed before', () => {
  const READ = "(await import('node:stream/consumers')).text"
  it.each([
    ['Connect', ON_CONNECT, 'connect()', "app.use((await import('express')).default.urlencoded())\n"],
    ['@fastify/express', ON_EXPRESS_PLUGIN, '.register', "app.use((await import('express')).default.urlencoded())\n"],
    ['@fastify/middie', ON_MIDDIE, '.register', "app.use((await import('express')).default.urlencoded())\n"],
    [
      'Koa, which passes it on',
      ON_KOA,
      'new Koa()',
      `app.use(async (ctx, next) => {
        ctx.request.body = Object.fromEntries(new URLSearchParams(await ${READ}(ctx.req)))
        ctx.req.body = ctx.request.body
        await next()
      })\n`,
    ],
  ])('is taken on %s', async (_, code, text, parser) => {
    await accessToken(await start(withAfter(code, text, parser)))
  })

  it('is missed on Koa if it is not passed on, and the event says so', async () => {
    const drain = `app.use(async (ctx, next) => {\n await ${READ}(ctx.req)\n await next()\n})\n`
    const { status } = await exchangeAssertion(await start(withAfter(ON_KOA, 'new Koa()', drain)))
    expect([status, events.at(-1)?.reason]).toEqual([400, 'body_not_available'])
  })
})

describe('behind a proxy that the host trusts', () => {
  const TRUSTING = 'Fastify({ trustProxy: true })'
  it.each([
    ['Fastify with @fastify/express', ON_EXPRESS_PLUGIN.replace('Fastify()', TRUSTING)],
    ['Fastify with @fastify/middie', ON_MIDDIE.replace('Fastify()', TRUSTING)],
    ['Koa', withAfter(ON_KOA, 'new Koa()', `app.proxy = true\n${COPY_ADDRESS}`)],
  ])('the address and https are known on %s', async (_, code) => {
    const url = await start(code.replace('./exchange.js', './secure-exchange.js'))
    const { status } = await exchangeAssertion(url, { client_secret: 'a-wrong-secret-of-the-tests' })
    expect([status, events.at(-1)]).toEqual([401, expect.objectContaining({ remoteAddress: '192.0.2.7' })])
    expect(events.map(({ name }) => name)).not.toContain('proxy.not_trusted')
    await accessToken(url)
  })

  it.each(SERVERS)('nobody is taken at their word on %s, which does not trust it', async (_, code) => {
    const { status, body } = await exchangeAssertion(await start(code.replace('./exchange.js', './secure-exchange.js')))
    expect([status, JSON.parse(body).error_description]).toEqual([400, 'TLS is required'])
    expect(events.at(-1)?.remoteAddress).not.toBe('192.0.2.7')
  })
})

describe('a hook of a route of Fastify', () => {
  it.each([
    ['@fastify/express', ON_EXPRESS_PLUGIN],
    ['@fastify/middie', ON_MIDDIE],
  ])('protects the route however its path is written, with %s', async (_, code) => {
    const options = 'Fastify({ routerOptions: { caseSensitive: false, ignoreDuplicateSlashes: true } })'
    const url = await start(code.replace('Fastify()', options))
    const token = await accessToken(url)
    for (const path of ['/orders', '/ORDERS', '//orders', '/%6frders', '/orders?x']) {
      expect([path, (await get(url + path)).status]).toEqual([path, 401])
      expect([path, (await get(url + path, token)).status]).toEqual([path, 200])
    }
    expect((await sendRequest(`${url}/orders`, { method: 'HEAD' })).status).toBe(401)
  })
})

describe('with passErrors', () => {
  const withPassErrors = (code: string) => code.replace("scope: 'orders:read'", '$&, passErrors: true')

  it.each([
    ['Fastify with @fastify/express', withPassErrors(ON_EXPRESS_PLUGIN)],
    ['Fastify with @fastify/middie', withPassErrors(ON_MIDDIE)],
    ['Koa', withPassErrors(ON_KOA).replace('new Koa()', '$&\napp.silent = true')],
    ['Connect', withPassErrors(ON_CONNECT)],
  ])('the host answers a refusal, with its status and the challenge, on %s', async (_, code) => {
    const url = await start(code)
    const missing = await get(`${url}/orders`)
    expect([missing.status, missing.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('Bearer realm'),
    ])
    const { status, headers } = await get(`${url}/orders`, await accessToken(url, 'openid'))
    expect([status, headers['www-authenticate']]).toEqual([403, expect.stringContaining('scope="orders:read"')])
    expect((await get(`${url}/orders`, await accessToken(url))).status).toBe(200)
  })
})

describe('the page', () => {
  it('differs between the two plugins of Fastify in two lines', () => {
    const lines = ON_EXPRESS_PLUGIN.split('\n')
    expect(ON_MIDDIE.split('\n').filter((line) => !lines.includes(line))).toHaveLength(2)
  })
})
