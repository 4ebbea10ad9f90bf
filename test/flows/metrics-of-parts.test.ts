import { afterEach, describe, expect, it } from '@jest/globals'
import { MemoryRevocationStore, type RevocationStore } from '../../src/index.js'
import { startClockedHost } from '../support/clocked-host.js'
import { startIntrospectionEndpoint } from '../support/introspection-endpoint.js'
import { readMetrics, type Sample } from '../support/metric-readers.js'
import { expectNoneOf } from '../support/observed-story.js'
import { startResourceServerHost } from '../support/resource-server-host.js'

const CLIENT = { clientId: 'orders-api', clientSecret: 'secret-of-the-resource-server' }

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Samples of one part, without the prefix of all names and without those of events. */
async function samplesOf(read: () => Promise<Sample[]>, part: string): Promise<Record<string, number>> {
  const samples = (await read()).filter(({ name }) => name.startsWith(`jwt_exchange_${part}_`))
  return Object.fromEntries(
    samples.map(({ name, labels, value }) => {
      const { identity_provider: _, ...others } = labels
      return [[name.slice('jwt_exchange_'.length), ...Object.values(others)].join(' '), value]
    }),
  )
}

describe('the metrics of a resource server', () => {
  async function start(isOpaque: boolean) {
    const endpoint = await startIntrospectionEndpoint()
    const introspection = { endpoint: endpoint.url, ...CLIENT }
    const host = await startResourceServerHost({ introspection, ...(isOpaque && { opaque: true }) })
    const { metrics, read, close } = readMetrics(host.resourceServer)
    closers.push(endpoint.close, host.close, close)
    return { endpoint, host, metrics, read }
  }

  it('count the requests at its routes, the fetches of its keys, and what its issuer was asked', async () => {
    const { endpoint, host, metrics, read } = await start(false)
    const labels = { identity_provider: host.issuer.name }
    const token = await host.issuer.issueAccessToken()
    endpoint.answerWith({ active: true })
    for (let use = 0; use < 3; use += 1) expect((await host.get('/', token)).status).toBe(200)
    endpoint.answerWith({ active: false })
    expect((await host.get('/', await host.issuer.issueAccessToken())).status).toBe(401)
    endpoint.answerWith((response) => response.writeHead(500).end())
    const unanswered = await host.issuer.issueAccessToken()
    for (let use = 0; use < 2; use += 1) expect((await host.get('/', unanswered)).status).toBe(503)
    expect((await host.get('/')).status).toBe(401)
    const samples = await read()
    const ofIssuer = (name: string, value: number, others: Sample['labels'] = {}) => ({
      ...{ name: `jwt_exchange_${name}`, labels: { ...labels, ...others }, value },
    })
    expect(samples).toEqual(
      expect.arrayContaining([
        ofIssuer('access_granted_total', 3),
        ofIssuer('access_denied_total', 1, { reason: 'inactive' }),
        ofIssuer('access_denied_total', 2, { reason: 'introspection_failed' }),
        { name: 'jwt_exchange_access_denied_total', labels: { reason: 'no_token' }, value: 1 },
        { name: 'jwt_exchange_events_total', labels: { event: 'introspection.failed' }, value: 1 },
        { name: 'jwt_exchange_config_revision', labels: {}, value: 1 },
        ofIssuer('identity_provider_enabled', 1),
        ofIssuer('key_set_state', 1, { state: 'ok' }),
        ofIssuer('key_set_fetch_duration_seconds_count', 1, { outcome: 'refreshed' }),
        ofIssuer('introspection_questions_total', 4),
        ofIssuer('introspection_failures_total', 2),
        ofIssuer('introspection_cache_hits_total', 2),
        ofIssuer('introspection_running', 0),
      ]),
    )
    expect(samples.filter(({ name }) => /_(tokens|revocation)_/.test(name))).toEqual([])
    expectNoneOf([token, unanswered, CLIENT.clientSecret], metrics.text())
  })

  it('count the questions about opaque tokens, and show those that are under way', async () => {
    const { endpoint, host, read } = await start(true)
    const introspection = () => samplesOf(read, 'introspection')
    const held = new Promise<() => void>((resolve) => {
      endpoint.answerWith((response) => resolve(() => void response.writeHead(500).end()))
    })
    const requests = ['one', 'one'].map((token) => host.get('/', token))
    const answer = await held
    const before = { introspection_cache_hits_total: 0, introspection_failures_total: 0 }
    expect(await introspection()).toEqual({
      ...before,
      introspection_questions_total: 1,
      introspection_running: 1,
    })
    answer()
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([503, 503])
    endpoint.answerWith({ active: false })
    for (const token of ['two', 'two', 'three']) expect((await host.get('/', token)).status).toBe(401)
    expect(await introspection()).toEqual({
      introspection_questions_total: 3,
      introspection_failures_total: 1,
      introspection_cache_hits_total: 1,
      introspection_running: 0,
    })
    expect(host.resourceServer.stats().identityProviders.map((each) => each.introspection)).toEqual([
      { questions: 3, failedQuestions: 1, fromCache: 1, running: 0 },
    ])
  })

  it('have none of introspection if its issuer is not asked', async () => {
    const host = await startResourceServerHost()
    const { read, close } = readMetrics(host.resourceServer)
    closers.push(host.close, close)
    expect((await host.get('/', await host.issuer.issueAccessToken())).status).toBe(200)
    expect(await samplesOf(read, 'introspection')).toEqual({})
    expect(await samplesOf(read, 'access_granted')).toEqual({ access_granted_total: 1 })
    expect(host.resourceServer.stats().identityProviders[0]).not.toHaveProperty('introspection')
  })
})

/** Fails until a test says otherwise. */
class BreakableStore implements RevocationStore {
  readonly isShared = true
  readonly #store = new MemoryRevocationStore()
  readonly add: RevocationStore['add'] = (revocations) => this.#store.add(revocations)
  isBroken = true
  #onChange = () => {}

  async read(cursor?: string) {
    if (this.isBroken) throw new Error('the store is broken')
    return this.#store.read(cursor)
  }

  watch(onChange: () => void): () => void {
    this.#onChange = onChange
    return () => {}
  }

  /** @returns a promise that is fulfilled when it was read once more */
  async readAgain(reads: () => number): Promise<void> {
    const before = reads()
    this.#onChange()
    while (reads() === before) await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the metrics of revocations', () => {
  it('say what is known of the store, from before it is read to when it is stale', async () => {
    const store = new BreakableStore()
    const host = await startClockedHost({
      exchange: { revocation: { store, pollInterval: 60_000, maxStale: 120_000 } },
    })
    const { read, close } = readMetrics(host.exchange)
    closers.push(host.close, close)
    const revocation = () => samplesOf(read, 'revocation')
    const readAgain = () => store.readAgain(() => host.exchange.stats().revocation?.reads ?? 0)
    const inState = (present: string) =>
      Object.fromEntries(['following', 'loading', 'stale'].map((s) => [`revocation_state ${s}`, s === present ? 1 : 0]))
    const counts = (entries: number, reads: number, failures: number) => ({
      ...{ revocation_entries: entries, revocation_reads_total: reads, revocation_read_failures_total: failures },
    })
    const token = await host.accessToken()
    await readAgain()
    const { reads = 0 } = host.exchange.stats().revocation ?? {}
    expect(await revocation()).toEqual({ ...inState('loading'), ...counts(0, reads, reads) })
    store.isBroken = false
    await readAgain()
    await host.exchange.revoke({ token })
    host.clock.advance(5)
    expect(await revocation()).toEqual({
      ...{ ...inState('following'), ...counts(1, reads + 1, reads), revocation_age_seconds: 5 },
    })
    store.isBroken = true
    await readAgain()
    host.clock.advance(116)
    expect(await revocation()).toEqual({
      ...{ ...inState('stale'), ...counts(1, reads + 2, reads + 1), revocation_age_seconds: 121 },
    })
  })

  it('count the requests that were refused because of them', async () => {
    const host = await startClockedHost({ exchange: { revocation: {} } })
    const { read, close } = readMetrics(host.exchange)
    closers.push(host.close, close)
    const token = await host.accessToken()
    await host.exchange.revoke({ token })
    const { status } = await fetch(`${host.url}/orders`, { headers: { authorization: `Bearer ${token}` } })
    expect(status).toBe(401)
    expect(await samplesOf(read, 'access_denied')).toEqual({ 'access_denied_total revoked': 1 })
    expect(await samplesOf(read, 'revocation')).not.toHaveProperty('revocation_age_seconds')
    expect(await samplesOf(read, 'events')).toMatchObject({ 'events_total token.revoked': 1 })
  })
})
