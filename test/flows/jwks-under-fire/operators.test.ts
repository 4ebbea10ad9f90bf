import { X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import { startExchangeHost } from '../../support/exchange-host.js'
import { AUTHORITY, startTlsHost, type TlsHost } from '../../support/tls-host.js'

let host: TlsHost
afterEach(() => host.close())

const DAY = 86_400_000

describe('what operators see of an identity provider', () => {
  it('is nothing but its state before its keys are needed', async () => {
    host = await startTlsHost()
    expect(host.stats()).toMatchObject({ state: 'never', kids: [], keys: [], fetches: 0, waiting: 0 })
    expect(host.stats()).not.toHaveProperty('keySetAge')
  })

  it('is its keys and algorithms, ages, fetches, budgets and counts', async () => {
    host = await startTlsHost({ idp: { algorithm: 'RS256' } })
    await host.tryExchange()
    await host.tryExchange({}, { kid: 'made up' })
    const { kid } = host.idp.signingKey
    expect(host.stats()).toEqual({
      id: host.idp.name,
      name: host.idp.name,
      alias: host.idp.alias,
      enabled: true,
      source: 'options',
      state: 'ok',
      kids: [kid],
      keys: [{ kid, algorithms: ['RS256'] }],
      keySetAge: expect.any(Number),
      expiresIn: expect.any(Number),
      servesFor: expect.any(Number),
      nextRefreshIn: expect.any(Number),
      fetches: 2,
      failedFetches: 0,
      consecutiveFailures: 0,
      fetchDurationMs: { total: expect.any(Number), longest: expect.any(Number) },
      lastSuccess: { millisecondsAgo: expect.any(Number), durationMs: expect.any(Number) },
      unknownKids: 1,
      badSignatures: 0,
      budget: { unknownKids: 1, badSignatures: 2 },
      waiting: 0,
    })
  })

  it('is the last failure with its reason and code, and when the endpoint is asked again', async () => {
    host = await startTlsHost({ jwksEndpoint: { failureBackOff: 10_000 } })
    await host.tryExchange()
    await host.idp.fault('error')
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toMatchObject({ retryAfter: expect.any(Number) })
    const { lastFailure, nextAttemptIn, state, consecutiveFailures, failedFetches } = host.stats()
    expect(lastFailure).toMatchObject({ reason: 'unexpected_status', code: '500' })
    expect([state, consecutiveFailures, failedFetches]).toEqual(['ok', 1, 1])
    expect(nextAttemptIn).toBeGreaterThan(3000)
    expect(nextAttemptIn).toBeLessThanOrEqual(10_000)
  })

  it('is the end of the certificate that is published with a key, and a warning a month ahead', async () => {
    const expiresAt = new Date(Math.floor(Date.now() / 1000) * 1000 + 10 * DAY)
    const { cert, key } = AUTHORITY.issue({ names: ['signer'], validTo: expiresAt })
    const certificate = new X509Certificate(cert)
    host = await startTlsHost()
    const publicJwk = {
      ...certificate.publicKey.export({ format: 'jwk' }),
      kid: 'certified',
      x5c: [certificate.raw.toString('base64')],
    }
    host.idp.publish([publicJwk, host.idp.signingKey.publicJwk])
    await host.exchange.ready()
    await host.exchange.refreshKeys(host.idp.name)
    const seconds = expiresAt.getTime() / 1000
    expect(host.stats().keys).toEqual([
      { kid: 'certified', algorithms: ['ES256'], certificateExpiresAt: seconds },
      { kid: host.idp.signingKey.kid, algorithms: ['ES256'] },
    ])
    expect(host.eventsOf('certificate.expiring')).toEqual([
      {
        name: 'certificate.expiring',
        identityProvider: host.idp.name,
        certificate: 'x5c of the key certified',
        expiresAt: seconds,
      },
    ])
    expect(JSON.stringify(host.events)).not.toContain(key.slice(40, 60))
  })

  it('is told for each of two identity providers that share an alias and an endpoint, at the cost of one fetch', async () => {
    host = await startTlsHost()
    const names = ['https://one.example.com', 'https://two.example.com']
    const both = await startExchangeHost({
      exchange: {
        subject: 'namespaced',
        identityProviders: names.map((name) => ({
          name,
          allowedSubjects: 'any',
          jwksUri: host.idp.jwksUri,
          ca: AUTHORITY.certificate,
        })),
      },
    })
    try {
      await both.exchange.ready()
      const told = both.events.filter(({ name }) => name === 'jwks.refreshed').map((event) => event.identityProvider)
      expect([told, host.idp.fetches]).toEqual([names, 1])
    } finally {
      await both.close()
    }
  })
})
