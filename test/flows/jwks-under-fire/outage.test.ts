import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { startTlsHost, startTlsServer, type TlsHost } from '../../support/tls-host.js'

let host: TlsHost
afterEach(() => host.close())

const PATIENT = { connectionTimeout: 2000, readTimeout: 2000 }

/** Exchanges one assertion after the other until something is so. */
async function exchangeUntil(isSo: () => boolean): Promise<number[]> {
  const statuses: number[] = []
  while (!isSo()) {
    statuses.push((await host.tryExchange()).status)
    await pause(5)
  }
  return statuses
}

describe('an outage of an identity provider', () => {
  it('fails no request while the old keys serve, and costs one fetch for each back-off', async () => {
    const times = { cacheMaxAge: 100, cacheMaxAgeFallback: 60_000, failureBackOff: 50 }
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, ...times } })
    expect((await host.tryExchange()).status).toBe(200)
    await host.idp.fault('error')
    const before = host.idp.fetches
    const startedAt = performance.now()
    const statuses = await exchangeUntil(() => host.idp.fetches === before + 6)
    expect(new Set(statuses)).toEqual(new Set([200]))
    // Waits of 25 to 50 ms, then 50 to 100, 100 to 200, …
    expect(performance.now() - startedAt).toBeGreaterThan(25 + 50 + 100 + 200 + 400 - 20)
    expect(host.stats().state).toBe('stale')
    expect(host.eventsOf('jwks.stale')).toMatchObject([{ state: 'stale', identityProvider: host.idp.name }])
  })

  it('is 503 with Retry-After, never 400, when the old keys are too old; then 200 again after it', async () => {
    const times = { cacheMaxAge: 60, cacheMaxAgeFallback: 100, failureBackOff: 100 }
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, ...times } })
    expect((await host.tryExchange()).status).toBe(200)
    await host.idp.fault('down')
    await pause(400)
    for (let count = 0; count < 20; count += 1) {
      const { status, retryAfter } = await host.tryExchange()
      expect([status, retryAfter]).toEqual([503, 1])
    }
    expect(host.stats().state).toBe('down')
    await host.idp.fault('off')
    let status = 503
    for (let tries = 0; status === 503 && tries < 40; tries += 1) {
      await pause(50)
      status = (await host.tryExchange()).status
    }
    expect(status).toBe(200)
    expect(host.eventsOf('jwks.recovered')).toHaveLength(1)
  })

  it('is told as stale once and as degraded once, however long it lasts', async () => {
    const times = { cacheMaxAge: 50, cacheMaxAgeFallback: 800, failureBackOff: 30 }
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, ...times } })
    await host.tryExchange()
    await host.idp.fault('garbage')
    const states = () => host.eventsOf('jwks.stale').map(({ state }) => state)
    await exchangeUntil(() => states().length > 1)
    const told = host.idp.fetches
    await exchangeUntil(() => host.idp.fetches > told)
    expect(states()).toEqual(['stale', 'degraded'])
    await host.idp.fault('off')
    await exchangeUntil(() => host.eventsOf('jwks.recovered').length > 0)
    // Fresh for 50 ms only, so that it may have expired since the last request: but it is not said to fail.
    expect(['ok', 'idle']).toContain(host.stats().state)
    expect(host.eventsOf('jwks.recovered')).toHaveLength(1)
  })

  it('is over for the keys as soon as the back-off is, with no request that waits', async () => {
    const times = { cacheMaxAge: 1500, refreshAhead: 50, failureBackOff: 50 }
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, ...times } })
    await host.tryExchange()
    await pause(500)
    await host.tryExchange()
    await host.idp.fault('error')
    while (host.eventsOf('jwks.failed').length === 0) await pause(10)
    await host.idp.fault('off')
    while (host.eventsOf('jwks.recovered').length === 0) await pause(10)
    expect([host.eventsOf('jwks.recovered').length, host.stats().state]).toEqual([1, 'ok'])
    expect(host.eventsOf('jwks.failed').length).toBeLessThanOrEqual(8)
  })
})

describe('requests that find no keys at hand', () => {
  it('share one fetch and one deadline: 100 at once on an endpoint that never answers', async () => {
    host = await startTlsHost({ jwksEndpoint: { connectionTimeout: 300, readTimeout: 300, failureBackOff: 60_000 } })
    await host.idp.fault('stalled')
    const attempts = await Promise.all(Array.from({ length: 100 }, () => host.tryExchange()))
    expect(new Set(attempts.map(({ status }) => status))).toEqual(new Set([503]))
    expect(host.idp.fetches).toBe(1)
    expect(Math.max(...attempts.map(({ milliseconds }) => milliseconds))).toBeLessThan(5000)
    expect(host.eventsOf('jwks.failed')).toMatchObject([{ reason: 'read_timeout', consecutiveFailures: 1 }])
  })

  it('are answered at once while the endpoint is left alone: 200 of them cost no fetch', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, failureBackOff: 60_000 } })
    await host.idp.fault('error')
    await host.tryExchange()
    const attempts: number[] = []
    for (let count = 0; count < 200; count += 1) {
      const { status, milliseconds } = await host.tryExchange()
      expect(status).toBe(503)
      attempts.push(milliseconds)
    }
    expect(host.idp.fetches).toBe(1)
    const median = attempts.sort((left, right) => left - right)[100]
    expect(median).toBeLessThan(1000)
  })

  it('are told to come back when the endpoint says so', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, failureBackOff: 20 } })
    host.idp.setKeySetHeaders({ 'retry-after': '100' })
    await host.idp.fault('error')
    const first = await host.tryExchange()
    await pause(150)
    const second = await host.tryExchange()
    expect([first.status, second.status, host.idp.fetches]).toEqual([503, 503, 1])
    expect(second.retryAfter).toBeGreaterThan(90)
    expect(second.retryAfter).toBeLessThanOrEqual(100)
  })

  it('are told to come back after 300 seconds at the most', async () => {
    host = await startTlsHost({ jwksEndpoint: PATIENT })
    host.idp.setKeySetHeaders({ 'retry-after': '86400' })
    await host.idp.fault('error')
    expect((await host.tryExchange()).retryAfter).toBe(300)
  })

  it('are not failed by one connection that is reset: it is tried again within the same request', async () => {
    const server = await startTlsServer((request) => request.socket.destroy())
    host = await startTlsHost({ jwksEndpoint: PATIENT, identityProvider: { jwksUri: server.url } })
    const trying = host.tryExchange()
    while (server.seen.requests === 0) await pause(2)
    const keySet = JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
    server.answerWith((_, response) => response.end(keySet))
    expect([(await trying).status, server.seen.requests]).toEqual([200, 2])
    await server.close()
  })
})
