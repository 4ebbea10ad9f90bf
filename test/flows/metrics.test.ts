import { X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { EC_CERTIFICATE, EXPIRED_CERTIFICATE } from '../support/certificates.js'
import { startClockedHost } from '../support/clocked-host.js'
import { type ExchangeHost, type ExchangeHostOptions, GRANT_TYPE, startExchangeHost } from '../support/exchange-host.js'
import { readMetrics, type Sample, sorted, textOfPromClient } from '../support/metric-readers.js'
import { expectNoneOf, tellStory } from '../support/observed-story.js'

const TENANTS = 'https://tenants.example.com/{tenantid}/v2'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Each read is checked: prom-client and the SDK of OpenTelemetry read the same as Prometheus. */
function observe<Host extends ExchangeHost>(host: Host) {
  const { metrics, read, close } = readMetrics(host.exchange)
  closers.push(close, () => host.close())
  return { ...host, metrics, read }
}

const start = async (options: ExchangeHostOptions = {}) =>
  observe(await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options }))
/** Its clock stands still, and no fetch is tried again before it is moved. */
const startClocked = async () =>
  observe(await startClockedHost({ exchange: { jwksEndpoint: { failureBackOff: 60_000 } } }))

/** The samples of the state of a host's identity provider. */
function statesOf({ idp }: ExchangeHost, present: string): Sample[] {
  return ['ok', 'idle', 'stale', 'degraded', 'down', 'never'].map((state) => ({
    name: 'jwt_exchange_key_set_state',
    labels: { identity_provider: idp.name, state },
    value: state === present ? 1 : 0,
  }))
}

/** Without the prefix of all names, and what is about time. */
function countsIn(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ name, value }) => {
    return !/_bucket$|_sum$|_seconds$/.test(name) && !(name === 'jwt_exchange_events_total' && value === 0)
  })
}

/** Requests with a made-up kid, issuer, audience, subject and client id, at the token endpoint and a protected route. */
async function makeUp({ idp, url, ...host }: ExchangeHost, word: string): Promise<void> {
  const unknownKey = await idp.issueAssertion({}, { kid: `made-up-kid-${word}` })
  await host.exchangeAssertion(unknownKey)
  await host.exchangeAssertion(await idp.issueAssertion({ iss: `https://made-up-issuer-${word}.example.com` }))
  const tenant = `made-up-${word}`
  await host.exchangeAssertion(await idp.issueAssertion({ iss: TENANTS.replace('{tenantid}', tenant), tid: tenant }))
  await host.exchangeAssertion(await idp.issueAssertion({ aud: `made-up-audience-${word}` }))
  await host.exchangeAssertion(await idp.issueAssertion({ sub: `made-up-subject-${word}` }))
  const parameters = { grant_type: GRANT_TYPE, assertion: unknownKey }
  await request(url).post('/oauth2/token').auth(`made-up-client-${word}`, 'secret').type('form').send(parameters)
  await request(url).get('/whoami').auth(unknownKey, { type: 'bearer' })
}

describe('the metrics', () => {
  it('have no series of what callers choose', async () => {
    const host = await start({
      exchange: { subject: 'namespaced' },
      furtherIdentityProviders: [
        { name: TENANTS, allowedSubjects: 'any', tenants: 'any', jwksUri: 'http://127.0.0.1:1/keys' },
      ],
    })
    const series = async () => (await host.read()).map(({ name, labels }) => JSON.stringify({ name, labels }))
    await makeUp(host, 'first')
    const before = await series()
    for (const word of ['second', 'third']) await makeUp(host, word)
    expect(await series()).toEqual(before)
    expect(before.join()).not.toMatch(/made-up|first/)
    expect(before.join()).toContain(`"reason":"jwks_unavailable","identity_provider":"${TENANTS}"`)
    for (const reason of ['unknown_key', 'unknown_issuer', 'wrong_audience', 'unknown_client']) {
      expect(before.join()).toContain(`"reason":"${reason}"`)
    }
    expect(JSON.stringify(host.events)).toMatch(/made-up-kid-third.*made-up-issuer-third.*made-up-third/)
  })

  it('count what happened, have no token and no secret, and an outage is over when it is over', async () => {
    const host = await start()
    const secrets = await tellStory(host)
    const provider = { identity_provider: host.idp.name }
    const one = (name: string, labels: Sample['labels'], value = 1) => ({ name: `jwt_exchange_${name}`, labels, value })
    const events = {
      'token.issued': 1,
      'token.rejected': 2,
      'access.granted': 1,
      'access.denied': 2,
      'jwks.refreshed': 2,
      'jwks.failed': 1,
      'jwks.recovered': 1,
    }
    const states = ['ok', 'idle', 'stale', 'degraded', 'down', 'never']
    const expected = [
      one('tokens_issued_total', provider),
      one('tokens_rejected_total', { ...provider, reason: 'replayed' }),
      one('tokens_rejected_total', { reason: 'wrong_client_secret' }),
      one('access_granted_total', provider),
      one('access_denied_total', { reason: 'no_token' }),
      one('access_denied_total', { reason: 'type_not_allowed' }),
      one('key_set_fetch_failures_total', { ...provider, reason: 'unexpected_status' }),
      ...Object.entries(events).map(([event, value]) => one('events_total', { event }, value)),
      one('key_set_fetch_duration_seconds_count', { ...provider, outcome: 'failed' }),
      one('key_set_fetch_duration_seconds_count', { ...provider, outcome: 'refreshed' }, 2),
      ...states.map((state) => one('identity_providers', { state }, state === 'ok' ? 1 : 0)),
      one('config_revision', {}),
      one('identity_provider_enabled', provider),
      ...statesOf(host, 'ok'),
      one('key_set_keys', provider),
      one('key_set_consecutive_failures', provider, 0),
      one('key_set_unknown_kids_total', provider, 0),
      one('key_set_bad_signatures_total', provider, 0),
      one('key_set_budget', { ...provider, purpose: 'unknown_kids' }, 2),
      one('key_set_budget', { ...provider, purpose: 'bad_signatures' }, 2),
      one('key_set_waiting', provider, 0),
    ]
    expect(sorted(countsIn(await host.read()))).toEqual(sorted(expected))
    expectNoneOf(secrets, host.metrics.text())
  })

  it('show an outage while it lasts, and times in seconds', async () => {
    const host = await startClocked()
    const present = async () =>
      (await host.read()).filter(({ name }) => /_key_set_(?:state|\w+_seconds|consecutive_failures)$/.test(name))
    const labels = { identity_provider: host.idp.name }
    const failing = (value: number) => ({ name: 'jwt_exchange_key_set_consecutive_failures', labels, value })
    const aged = (value: number) => [
      { name: 'jwt_exchange_key_set_age_seconds', labels, value },
      { name: 'jwt_exchange_key_set_serves_for_seconds', labels, value: Math.max(0, 3600 + 300 - value) },
    ]
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'never'), failing(0)]))
    await host.accessToken()
    await host.idp.fault('error')
    host.clock.advance(301)
    await host.judge(await host.assertion())
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'stale'), failing(1), ...aged(301)]))
    host.clock.advance(1900)
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toThrow()
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'degraded'), failing(2), ...aged(2201)]))
    host.clock.advance(1800)
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'down'), failing(2), ...aged(4001)]))
    await host.idp.fault('off')
    await host.exchange.refreshKeys(host.idp.name)
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'ok'), failing(0), ...aged(0)]))
  })

  it('have fetches in seconds, in buckets from 5 ms to 10 s', async () => {
    const host = await start({ exchange: { jwksEndpoint: { readTimeout: 1000 } } })
    await host.accessToken()
    await host.idp.fault('stalled')
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toThrow()
    const samples = (await host.read()).filter(
      ({ name, labels }) =>
        name.startsWith('jwt_exchange_key_set_fetch_duration_seconds') && labels.outcome === 'failed',
    )
    const told = host.events.find(({ name }) => name === 'jwks.failed')
    expect(told).toMatchObject({ reason: 'read_timeout', durationMs: expect.any(Number) })
    const sum = samples.find(({ name }) => name.endsWith('_sum'))?.value
    expect(sum).toBe(Number(told?.durationMs) / 1000)
    expect(sum).toBeGreaterThan(0.9)
    const buckets = samples
      .filter(({ name }) => name.endsWith('_bucket'))
      .map(({ labels, value }) => [labels.le, value])
    const bounds = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']
    expect(buckets).toEqual(bounds.map((le) => [le, le === '+Inf' || Number(sum) <= Number(le) ? 1 : 0]))
  })

  it('count unknown kids and bad signatures, and show the budget that they use up', async () => {
    const host = await start()
    const other = await FakeIdentityProvider.start({ name: host.idp.name, alias: host.idp.alias, algorithm: 'ES256' })
    closers.push(() => other.close())
    for (const kid of ['one', 'two', 'three']) await host.exchangeAssertion(await host.idp.issueAssertion({}, { kid }))
    await host.exchangeAssertion(await other.issueAssertion({}, { kid: host.idp.signingKey.publicJwk.kid }))
    const labels = { identity_provider: host.idp.name }
    expect(await host.read()).toEqual(
      expect.arrayContaining([
        { name: 'jwt_exchange_key_set_unknown_kids_total', labels, value: 3 },
        { name: 'jwt_exchange_key_set_bad_signatures_total', labels, value: 1 },
        { name: 'jwt_exchange_key_set_budget', labels: { ...labels, purpose: 'unknown_kids' }, value: 0 },
        { name: 'jwt_exchange_key_set_budget', labels: { ...labels, purpose: 'bad_signatures' }, value: 1 },
      ]),
    )
  })

  it('have the earliest expiry of certificates, and of disabled identity providers only that they are', async () => {
    const { publicKey, raw } = new X509Certificate(EC_CERTIFICATE)
    const certified = { ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }
    const certificates = (name: string, ...own: string[]) => ({
      name: `https://${name}.example.com`,
      allowedSubjects: 'any' as const,
      certificates: own,
    })
    const host = await start({
      exchange: {
        subject: 'namespaced',
        identityProviders: [
          certificates('configured', EC_CERTIFICATE, EXPIRED_CERTIFICATE),
          { name: 'https://published.example.com', allowedSubjects: 'any', jwks: { keys: [certified] } },
          { ...certificates('disabled', EC_CERTIFICATE), enabled: false },
        ],
      },
    })
    const samples = (await host.read()).filter(({ labels }) => labels.identity_provider !== undefined)
    const sample = (metric: string, name: string, value: number) => ({
      name: `jwt_exchange_${metric}`,
      labels: { identity_provider: `https://${name}.example.com` },
      value,
    })
    expect(samples.filter(({ name }) => name.endsWith('_state'))).toHaveLength(2 * 6)
    expect(samples.filter(({ name }) => !/_state$|_keys$/.test(name))).toEqual([
      sample('identity_provider_enabled', 'configured', 1),
      sample('identity_provider_enabled', 'disabled', 0),
      sample('identity_provider_enabled', 'published', 1),
      sample('certificate_expiry_timestamp_seconds', 'configured', Date.UTC(2021) / 1000),
      sample('certificate_expiry_timestamp_seconds', 'published', Date.UTC(2100) / 1000),
    ])
  })

  it('are written as prom-client writes them', async () => {
    const host = await startClocked()
    await host.accessToken()
    expect(await textOfPromClient(host.metrics)).toBe(host.metrics.text())
    expect(host.metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  })
})
