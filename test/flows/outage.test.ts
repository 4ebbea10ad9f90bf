import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { startClockedHost } from '../support/clocked-host.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

const IMPATIENT = { connectionTimeout: 60, readTimeout: 60 }

describe('an identity provider that is down', () => {
  it('is served from the last good key set, and answered 503 with Retry-After when that is too old', async () => {
    const clocked = await startClockedHost()
    host = clocked
    expect((await host.exchangeAssertion(await clocked.assertion())).status).toBe(200)
    await host.idp.fault('down')
    clocked.clock.advance(301)
    expect((await host.exchangeAssertion(await clocked.assertion())).status).toBe(200)
    clocked.clock.advance(3600)
    const response = await host.exchangeAssertion(await clocked.assertion())
    expect(response.status).toBe(503)
    expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(response.headers['cache-control']).toBe('no-store')
    expect(response.body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) })
  })

  it('uses up no assertion: the same one is accepted when it is back', async () => {
    const clocked = await startClockedHost()
    host = clocked
    const assertion = await clocked.assertion()
    await host.idp.fault('down')
    expect((await host.exchangeAssertion(assertion)).status).toBe(503)
    await host.idp.fault('off')
    clocked.clock.advance(1)
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it.each(['slow-connect', 'stalled', 'slow', 'oversize', 'garbage', 'error', 'redirect', 'compressed'] as const)(
    'is answered 503 in time where its endpoint is %s and no key is at hand',
    async (fault) => {
      host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { jwksEndpoint: IMPATIENT } })
      await host.idp.fault(fault)
      const assertion = await host.idp.issueAssertion()
      const startedAt = performance.now()
      expect((await host.exchangeAssertion(assertion)).status).toBe(503)
      expect(performance.now() - startedAt).toBeLessThan(5000)
      expect(host.lastReason()).toBe('jwks_unavailable')
    },
  )

  it('does not touch another one', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const dead = await startExchangeHost({
      exchange: {
        subject: 'namespaced',
        identityProviders: [
          { name: 'https://dead.example.com', allowedSubjects: 'any', jwksUri: 'http://127.0.0.1:9/jwks' },
          { name: host.idp.name, allowedSubjects: 'any', jwksUri: host.idp.jwksUri },
        ],
      },
    })
    try {
      const fromDead = await host.idp.issueAssertion({ iss: 'https://dead.example.com' })
      expect((await dead.exchangeAssertion(fromDead)).status).toBe(503)
      expect((await dead.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(200)
    } finally {
      await dead.close()
    }
  })

  it('is reported by stats and ready, which never reject', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    expect(host.exchange.stats().identityProviders).toMatchObject([{ name: host.idp.name, state: 'never', fetches: 0 }])
    await host.idp.fault('error')
    const { identityProviders } = await host.exchange.ready()
    expect(identityProviders).toMatchObject([
      { name: host.idp.name, state: 'down', fetches: 1, lastFailure: { reason: 'unexpected_status' } },
    ])
  })

  it('reaches the error handler of the host behind the assertion strategy, as 503 with Retry-After and no stack', async () => {
    const assertionStrategy = { waitForKeys: true }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { assertionStrategy } })
    await host.idp.fault('error')
    const response = await request(host.url)
      .get('/whoami')
      .auth(await host.idp.issueAssertion(), { type: 'bearer' })
    expect(response.status).toBe(503)
    expect(response.headers['retry-after']).toBeDefined()
    expect(response.text).not.toMatch(/at .*:\d+/)
  })
})
