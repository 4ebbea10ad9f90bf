import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { type ExchangeHostOptions, TOKEN_ENDPOINT } from '../support/exchange-host.js'

/** An identity provider that publishes its metadata at one origin, and its keys at another one. */
let metadata: Server
let name: string
let host: ClockedHost
let answer: RequestListener
let requests: IncomingMessage[]
let closings: (() => Promise<unknown>)[]

const pathOf = ({ url }: IncomingMessage) => url
const send = (res: ServerResponse, document: unknown, status = 200, headers = {}) =>
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document))

beforeEach(async () => {
  requests = []
  closings = []
  metadata = createServer((req, res) => {
    requests.push(req)
    answer(req, res)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => metadata.once('listening', resolve))
  name = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/tenant`
})
afterEach(async () => {
  for (const close of closings) await close()
  metadata.closeAllConnections()
  await new Promise((resolve) => metadata.close(resolve))
})

async function start(identityProvider: ExchangeHostOptions['identityProvider'] = {}, issuer = name) {
  host = await startClockedHost({
    idp: { name: issuer },
    identityProvider: { discovery: true, ...identityProvider },
  })
  closings.push(host.close)
  answer = (_, res) => send(res, { issuer, jwks_uri: host.idp.jwksUri })
}

const exchangeOne = async () => host.judge(await host.assertion())
const failure = () => host.exchange.stats().identityProviders[0]?.lastFailure

describe('an identity provider whose metadata tell where its keys are', () => {
  it('is found by its name, and asked for keys alone from then on', async () => {
    await start()
    expect((await exchangeOne()).status).toBe(200)
    expect(requests.map(pathOf)).toEqual(['/tenant/.well-known/openid-configuration'])
    await host.idp.rotate()
    expect((await exchangeOne()).status).toBe(200)
    host.clock.advance(301)
    expect((await exchangeOne()).status).toBe(200)
    expect([requests.length, host.idp.fetches]).toEqual([1, 3])
  })

  it('may have a slash at the end of its name, which its metadata must have as well', async () => {
    await start({}, `${name}/`)
    expect((await exchangeOne()).status).toBe(200)
    expect(requests.map(pathOf)).toEqual(['/tenant/.well-known/openid-configuration'])
  })

  it('may have its metadata elsewhere', async () => {
    await start({ discovery: `${new URL(name).origin}/metadata?v=2` })
    expect((await exchangeOne()).status).toBe(200)
    expect(requests.map(pathOf)).toEqual(['/metadata?v=2'])
  })

  it('is asked for its metadata again each hour, and follows where they lead', async () => {
    await start()
    await exchangeOne()
    const other = await FakeIdentityProvider.start({ algorithm: 'ES256', name, alias: TOKEN_ENDPOINT })
    closings.push(() => other.close())
    answer = (_, res) => send(res, { issuer: name, jwks_uri: other.jwksUri })
    host.clock.advance(3500)
    await exchangeOne()
    expect([requests.length, other.fetches]).toEqual([1, 0])
    host.clock.advance(301)
    expect(await exchangeOne()).toMatchObject({ status: 400, reason: 'unknown_key' })
    expect([requests.length, other.fetches]).toEqual([2, 2])
  })

  it('is asked for its metadata again after its key set could not be had', async () => {
    await start()
    await exchangeOne()
    await host.idp.fault('error')
    host.clock.advance(301)
    expect((await exchangeOne()).status).toBe(200)
    await host.idp.fault('off')
    await host.exchange.refreshKeys(name)
    expect(requests).toHaveLength(2)
    expect(host.exchange.stats().identityProviders[0]?.state).toBe('ok')
  })

  it.each<[string, RequestListener]>([
    ['fail', (_, res) => res.writeHead(503).end()],
    ['are a page', (_, res) => res.end('<html>')],
    ['are not answered', (req) => req.socket.destroy()],
    ['are an error in JSON', (_, res) => send(res, { error: 'maintenance' })],
    ['name no key set', (_, res) => send(res, { issuer: name })],
    ['name a key set without TLS', (_, res) => send(res, { issuer: name, jwks_uri: 'http://192.0.2.1/jwks' })],
  ])('is asked for keys where they were while its metadata %s, for hours', async (_, badAnswer) => {
    await start()
    await exchangeOne()
    answer = badAnswer
    for (let hour = 1; hour <= 4; hour += 1) {
      host.clock.advance(3700)
      expect((await exchangeOne()).status).toBe(200)
      await host.idp.rotate()
      expect((await exchangeOne()).status).toBe(200)
    }
    expect(host.exchange.stats().identityProviders[0]).toMatchObject({ state: 'ok', failedFetches: 0 })
    expect(requests.length).toBeGreaterThan(4)
  })

  it('is asked by refreshKeys past every cache, for metadata as for keys', async () => {
    const seen: unknown[] = []
    await start()
    answer = (req, res) => {
      seen.push(req.headers['cache-control'])
      send(res, { issuer: name, jwks_uri: host.idp.jwksUri })
    }
    await exchangeOne()
    await host.exchange.refreshKeys(name)
    expect(seen).toEqual([undefined, 'no-cache'])
  })

  it('is asked for its metadata again by refreshKeys, and for keys where they were where it does not answer', async () => {
    await start()
    await exchangeOne()
    const moved = await FakeIdentityProvider.start({ algorithm: 'ES256', name, alias: TOKEN_ENDPOINT })
    closings.push(() => moved.close())
    const byMoved = async () =>
      host.judge(await moved.issueAssertion({ iat: host.clock.now(), exp: host.clock.now() + 60 }))
    answer = (_, res) => send(res, { issuer: name, jwks_uri: moved.jwksUri })
    expect((await byMoved()).reason).toBe('unknown_key')
    await host.exchange.refreshKeys(name)
    expect((await byMoved()).status).toBe(200)
    answer = (_, res) => res.writeHead(503).end()
    await moved.rotate()
    await host.exchange.refreshKeys(name)
    expect((await byMoved()).status).toBe(200)
  })

  it('is told in the stats to have no metadata, as long as that is so', async () => {
    await start()
    const stats = () => host.exchange.stats().identityProviders[0]
    await exchangeOne()
    expect(stats()).not.toHaveProperty('metadataFailure')
    answer = (_, res) => res.writeHead(404).end()
    await host.exchange.refreshKeys(name)
    host.clock.advance(3700)
    await exchangeOne()
    expect(stats()?.metadataFailure).toEqual({
      reason: 'unexpected_status',
      code: '404',
      url: `${name}/.well-known/openid-configuration`,
      failingForMs: 3_700_000,
    })
    answer = (_, res) => send(res, { issuer: name, jwks_uri: host.idp.jwksUri })
    host.clock.advance(61)
    await host.exchange.refreshKeys(name)
    expect(stats()).not.toHaveProperty('metadataFailure')
  })

  it('is asked for keys where they were also after one fetch of them failed', async () => {
    await start()
    await exchangeOne()
    await host.idp.fault('error')
    await host.exchange.refreshKeys(name).catch(() => {})
    await host.idp.fault('off')
    answer = (_, res) => res.writeHead(503).end()
    await host.exchange.refreshKeys(name)
    expect(host.exchange.stats().identityProviders[0]?.state).toBe('ok')
  })

  it('is not asked where the metadata led before, once they are of another issuer', async () => {
    await start()
    await exchangeOne()
    answer = (_, res) => send(res, { issuer: 'https://else.example.com', jwks_uri: host.idp.jwksUri })
    host.clock.advance(3700)
    const { fetches } = host.idp
    await expect(host.exchange.refreshKeys(name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
    expect([failure()?.reason, host.idp.fetches]).toEqual(['metadata_of_another_issuer', fetches])
  })

  it('gets the headers at the origin of its metadata only', async () => {
    const headers = { authorization: 'Bearer of-the-metadata' }
    await start({ headers })
    const keys: (string | undefined)[] = []
    const elsewhere = createServer((req, res) => {
      keys.push(req.headers.authorization)
      send(res, { keys: [host.idp.signingKey.publicJwk] })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => elsewhere.once('listening', resolve))
    closings.push(() => new Promise((resolve) => elsewhere.close(resolve)))
    const { port } = elsewhere.address() as AddressInfo
    answer = (_, res) => send(res, { issuer: name, jwks_uri: `http://127.0.0.1:${port}/keys` })
    expect((await exchangeOne()).status).toBe(200)
    expect([requests[0]?.headers.authorization, keys]).toEqual([headers.authorization, [undefined]])
  })

  it('gets the headers for its keys, too, where these are at the same origin', async () => {
    await start({ headers: { authorization: 'Bearer x' } })
    answer = (req, res) =>
      req.url === '/keys'
        ? send(res, { keys: [host.idp.signingKey.publicJwk] })
        : send(res, { issuer: name, jwks_uri: `${new URL(name).origin}/keys` })
    expect((await exchangeOne()).status).toBe(200)
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer x', 'Bearer x'])
  })
})

describe('a failure behind metadata', () => {
  const failedUrls = () => host.events.filter(({ name: event }) => event === 'jwks.failed').map(({ url }) => url)

  it('is reported with the URL of the key set if that refuses, as the API server of Kubernetes does', async () => {
    await start()
    answer = (req, res) =>
      req.url === '/openid/v1/jwks'
        ? send(res, { kind: 'Status', code: 403 }, 403)
        : send(res, { issuer: name, jwks_uri: `${new URL(name).origin}/openid/v1/jwks` })
    expect((await exchangeOne()).status).toBe(503)
    const url = `${new URL(name).origin}/openid/v1/jwks`
    expect(failure()).toMatchObject({ reason: 'unexpected_status', code: '403', url })
    expect(failedUrls()).toEqual([url])
  })

  it('is reported with the URL of the metadata if they refuse', async () => {
    await start()
    answer = (_, res) => send(res, { kind: 'Status', code: 403 }, 403)
    expect((await exchangeOne()).status).toBe(503)
    const url = `${name}/.well-known/openid-configuration`
    expect(failure()).toMatchObject({ reason: 'unexpected_status', code: '403', url })
    expect(failedUrls()).toEqual([url])
  })

  it('is reported with the URL of the key set and the skipped keys if none is usable', async () => {
    await start()
    host.idp.publish([{ ...host.idp.signingKey.publicJwk, use: 'enc' }])
    expect((await exchangeOne()).status).toBe(503)
    const { kid } = host.idp.signingKey
    const detail = `every key is skipped: ${kid}: not_for_signatures`
    expect(failure()).toMatchObject({ reason: 'no_usable_key', url: host.idp.jwksUri, detail })
  })
})

describe('metadata that cannot be used', () => {
  it.each<[string, () => unknown, string]>([
    ['are of another issuer', () => ({ issuer: 'https://else.example.com' }), 'metadata_of_another_issuer'],
    ['are of another issuer by a slash', () => ({ issuer: `${name}/` }), 'metadata_of_another_issuer'],
    ['are of another issuer by case', () => ({ issuer: name.toUpperCase() }), 'metadata_of_another_issuer'],
    ['name several issuers', () => ({ issuer: [name] }), 'not_metadata'],
    ['name no issuer', () => ({ issuer: undefined }), 'not_metadata'],
    ['name no key set', () => ({ jwks_uri: undefined }), 'not_metadata'],
    ['name two key sets', () => ({ jwks_uri: [host.idp.jwksUri] }), 'not_metadata'],
    ['name a file', () => ({ jwks_uri: 'file:///etc/passwd' }), 'not_metadata'],
    ['name a key set without TLS', () => ({ jwks_uri: 'http://192.0.2.1/jwks' }), 'not_metadata'],
    ['name a key set with a password', () => ({ jwks_uri: 'https://a:b@192.0.2.1/jwks' }), 'not_metadata'],
    ['name a metadata service of a cloud', () => ({ jwks_uri: 'https://169.254.169.254/jwks' }), 'address_not_allowed'],
    ['are too large', () => ({ filler: 'x'.repeat(60_000) }), 'too_large'],
  ])('%s', async (_, changes, reason) => {
    await start()
    const document = { issuer: name, jwks_uri: host.idp.jwksUri, ...(changes() as object) }
    answer = (_req, res) => send(res, document)
    expect(await exchangeOne()).toMatchObject({ status: 503, reason: 'jwks_unavailable' })
    expect(failure()?.reason).toBe(reason)
    expect(host.idp.fetches).toBe(0)
  })

  it.each<[string, RequestListener, string]>([
    ['lead elsewhere', (_, res) => res.writeHead(302, { location: '/else' }).end(), 'redirected'],
    ['are missing', (_, res) => res.writeHead(404).end(), 'unexpected_status'],
    ['are a page', (_, res) => res.end('<html>'), 'not_json'],
    ['are null', (_, res) => res.end('null'), 'not_metadata'],
    ['are an array', (_, res) => res.end('[]'), 'not_metadata'],
    ['are never sent', () => {}, 'read_timeout'],
    ['are compressed', (_, res) => send(res, {}, 200, { 'content-encoding': 'gzip' }), 'unexpected_encoding'],
    ['are cut off', (req) => req.socket.destroy(), 'read_failed'],
  ])('%s', async (_, badAnswer, reason) => {
    await start()
    answer = badAnswer
    expect(await exchangeOne()).toMatchObject({ status: 503, reason: 'jwks_unavailable' })
    expect(failure()?.reason).toBe(reason)
  })
})
