import { Agent } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { startTlsHost, startTlsServer, type TlsHost, type TlsServer } from '../../support/tls-host.js'

let host: TlsHost
let server: TlsServer | undefined
afterEach(async () => {
  await host.close()
  await server?.close()
  server = undefined
})

const PATIENT = { connectionTimeout: 2000, readTimeout: 2000 }

describe('a key set in use', () => {
  it('is refreshed ahead of its expiry, so that no request waits for a fetch after the first', async () => {
    // Each later fetch is answered only after some exchanges, which must not wait for it.
    let exchangesWhileFetching = 0
    let answer = () => {}
    server = await startTlsServer((_, response) => {
      exchangesWhileFetching = 0
      answer = () => response.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
      if (server?.seen.requests === 1) answer()
    })
    const cacheMaxAge = 2000
    host = await startTlsHost({
      jwksEndpoint: { ...PATIENT, cacheMaxAge, refreshAhead: 50 },
      identityProvider: { jwksUri: server.url },
    })
    const startedAt = performance.now()
    while (host.eventsOf('jwks.refreshed').length < 3) {
      expect((await host.tryExchange()).status).toBe(200)
      exchangesWhileFetching += 1
      if (exchangesWhileFetching === 3) answer()
      await pause(10)
    }
    // One each 900 ms at the soonest: 45 to 55 % of the freshness.
    expect(server.seen.requests).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 900)
  })

  it('is fetched no more when it is not used any more, and again with the next request', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, cacheMaxAge: 100 } })
    await host.tryExchange()
    await pause(700)
    const fetches = host.idp.fetches
    expect(fetches).toBeLessThanOrEqual(2)
    expect([(await host.tryExchange()).status, host.idp.fetches]).toEqual([200, fetches + 1])
  })

  it('costs the endpoint a 304 while it does not change, on one connection of an agent', async () => {
    const asked: unknown[] = []
    server = await startTlsServer((request, response) => {
      const { 'if-none-match': etag, 'if-modified-since': since } = request.headers
      asked.push([etag, since])
      const keySet = JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
      const headers = { etag: '"1"', 'last-modified': 'Tue, 24 Nov 2026 00:00:00 GMT' }
      if (etag === '"1"') response.writeHead(304).end()
      else response.writeHead(200, headers).end(keySet)
    })
    const agent = new Agent({ keepAlive: true })
    host = await startTlsHost({
      jwksEndpoint: { ...PATIENT, cacheMaxAge: 60, refreshAhead: false },
      identityProvider: { jwksUri: server.url, agent },
    })
    for (let count = 0; count < 3; count += 1) {
      expect((await host.tryExchange()).status).toBe(200)
      await pause(80)
    }
    const conditions = ['"1"', 'Tue, 24 Nov 2026 00:00:00 GMT']
    expect(asked).toEqual([[undefined, undefined], conditions, conditions])
    expect(host.eventsOf('jwks.refreshed').map(({ hasChanged }) => hasChanged)).toEqual([true, false, false])
    expect(server.seen.connections).toBe(1)
    agent.destroy()
  })

  it('is as fresh after a 304 that says nothing of that as the endpoint said before (RFC 9111 §4.3.4)', async () => {
    server = await startTlsServer((request, response) => {
      const keySet = JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
      if (request.headers['if-none-match'] !== undefined) response.writeHead(304).end()
      else response.writeHead(200, { etag: '"1"', 'cache-control': 'max-age=1' }).end(keySet)
    })
    host = await startTlsHost({
      jwksEndpoint: { ...PATIENT, cacheMaxAgeAtLeast: 100, refreshAhead: 50 },
      identityProvider: { jwksUri: server.url },
    })
    await host.tryExchange()
    while (host.eventsOf('jwks.refreshed').length < 2) await pause(10)
    const refreshed = host.eventsOf('jwks.refreshed').map(({ hasChanged, freshForMs }) => [hasChanged, freshForMs])
    expect(refreshed.slice(0, 2)).toEqual([
      [true, 1000],
      [false, 1000],
    ])
  })

  it('is found changed at a rollover though the endpoint wrongly says 304 for ever', async () => {
    server = await startTlsServer((request, response) => {
      const keySet = JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
      if (request.headers['if-none-match'] === undefined) response.setHeader('etag', '"always"').end(keySet)
      else response.writeHead(304).end()
    })
    host = await startTlsHost({ jwksEndpoint: PATIENT, identityProvider: { jwksUri: server.url } })
    expect((await host.tryExchange()).status).toBe(200)
    await host.idp.rotate()
    expect((await host.tryExchange()).status).toBe(200)
  })
})

describe('what the endpoint says of freshness', () => {
  it.each([
    ['max-age=120', 120_000],
    ['public, max-age=0', 30_000],
    ['no-store', 30_000],
    ['max-age=86400', 3_600_000],
    ['max-age=nonsense', 30_000],
    ['public', 300_000],
  ])('counts within the bounds: %s', async (cacheControl, freshForMs) => {
    host = await startTlsHost()
    host.idp.setKeySetHeaders({ 'cache-control': cacheControl })
    await host.exchange.ready()
    expect(host.eventsOf('jwks.refreshed')).toMatchObject([{ freshForMs }])
    expect(host.stats().expiresIn).toBeGreaterThan(freshForMs - 5000)
    expect(host.stats().nextRefreshIn).toBeLessThanOrEqual(0.88 * freshForMs)
  })
})

describe('ready', () => {
  it('fetches every key set once, so that the first request waits for none', async () => {
    host = await startTlsHost()
    await host.exchange.ready()
    expect([(await host.tryExchange()).status, host.idp.fetches]).toEqual([200, 1])
  })

  it('settles though an identity provider is dead, and rejects then with failFast, naming it', async () => {
    host = await startTlsHost()
    await host.idp.fault('down')
    const { identityProviders } = await host.exchange.ready()
    expect(identityProviders).toMatchObject([{ state: 'down', lastFailure: { code: 'ECONNREFUSED' } }])
    const cause = { message: `${host.idp.name}: connection_failed ECONNREFUSED, ${host.idp.jwksUri}` }
    await expect(host.exchange.ready({ failFast: true })).rejects.toMatchObject({ reason: 'jwks_unavailable', cause })
    await host.idp.fault('off')
    await host.exchange.refreshKeys(host.idp.name)
    await expect(host.exchange.ready({ failFast: true })).resolves.toMatchObject({
      identityProviders: [{ state: 'ok' }],
    })
  })

  it('takes no option that it does not know', async () => {
    host = await startTlsHost()
    await expect(host.exchange.ready({ failfast: true } as object)).rejects.toMatchObject({ name: 'ConfigError' })
  })

  it('spreads the fetches over the time that it is given', async () => {
    host = await startTlsHost()
    const startedAt = performance.now()
    await host.exchange.ready({ spread: 300 })
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(host.stats().state).toBe('ok')
  })
})
