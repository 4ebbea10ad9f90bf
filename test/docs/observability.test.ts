import { fork } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type Meter, metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { type Logger, type LoggerOptions, pino } from 'pino'
import request from 'supertest'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import type { ExchangeEventName, JwtExchange } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { EC_CERTIFICATE, EXPIRED_CERTIFICATE } from '../support/certificates.js'
import { startClockedHost } from '../support/clocked-host.js'
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

const OBSERVABILITY = readFileSync('docs/observability.md', 'utf8')
const SNIPPETS = [...OBSERVABILITY.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
const NAMES = ['logEvents', 'measureWithOpenTelemetry', 'createMetricsRoute'] as const

type Observed = Pick<JwtExchange, 'events' | 'stats'>

interface Snippets {
  logEvents(exchange: Pick<JwtExchange, 'events'>, logger?: Logger): void
  measureWithOpenTelemetry(exchange: Observed, meter?: Meter): void
  createMetricsRoute(exchange: Observed): RequestHandler
}

let directory: string
let snippets: Snippets
const closers: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  // Inside the package, so that the names of packages resolve.
  directory = mkdtempSync(resolve('example-app/dist/observability-'))
  const modules = NAMES.map((name, index) => {
    const path = join(directory, `${name}.mjs`)
    writeFileSync(path, SNIPPETS[index] ?? '')
    return import(pathToFileURL(path).href)
  })
  snippets = Object.assign({}, ...(await Promise.all(modules)))
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** The cells of each row of the tables below a heading, up to the next heading. */
function rowsUnder(heading: string): string[][] {
  const section = OBSERVABILITY.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | '))
}

/** The words in backticks. */
function quotedIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
}

function firstColumnUnder(heading: string): string[] {
  return rowsUnder(heading).map(([cell]) => quotedIn(cell)[0] ?? '')
}

/** The source of an interface between its braces, without comments, and the names of those that it extends. */
function readInterface(path: string, name: string): { body: string; parents: string } {
  const source = readFileSync(path, 'utf8').replaceAll(/\/\*\*.*?\*\/|\/\/[^\n]*/gs, '')
  const [, parents = '', body = ''] =
    new RegExp(`^export interface ${name}( extends [^{]*)? \\{\\n(.*?)^\\}`, 'ms').exec(source) ?? []
  return { body, parents }
}

const EVENTS_SOURCE = 'src/events/exchange-events.ts'

/** The fields of each event, `?` behind those that may be absent. */
function eventFields(): Map<string, string[]> {
  const { body } = readInterface(EVENTS_SOURCE, 'ExchangeEvents')
  const members = body.split(/^ {2}'/m).slice(1)
  return new Map(members.map((member) => [member.split("'")[0] ?? '', fieldsOfType(member)]))
}

function fieldsOfType(type: string): string[] {
  const own = [...type.matchAll(/\b(\w+\??):/g)].map(([, field = '']) => field)
  const inherited = (
    type.match(
      /\b(KeySetOwner|HostFunctionCall|DecisionRefused|RequestRefused|TokenRequestRefused|AccessDenied|TokenContext|ScopeContext|GrantContext)\b/g,
    ) ?? []
  ).flatMap((name) => {
    const path = [
      EVENTS_SOURCE,
      'src/events/event-subjects.ts',
      'src/events/refusals.ts',
      'src/errors/rejections.ts',
    ].find((each) => readFileSync(each, 'utf8').includes(`export interface ${name} `))
    const { body, parents } = readInterface(path ?? EVENTS_SOURCE, name)
    return fieldsOfType(body + parents)
  })
  return [...inherited, ...own]
}

describe('docs/observability.md', () => {
  it('has one function in each snippet', () => {
    expect(SNIPPETS).toHaveLength(3)
    expect(Object.keys(snippets)).toEqual(NAMES)
  })

  it('lists exactly the events', () => {
    expect(eventFields().size).toBeGreaterThan(10)
    expect(firstColumnUnder('Events')).toEqual([...eventFields().keys()])
  })

  it('lists exactly what each event carries', () => {
    const fields = [...eventFields()].map(([name, carried]) => [name, ...carried.toSorted()])
    expect(rowsUnder('Events').map(([name, , carried]) => [...quotedIn(name), ...quotedIn(carried).sort()])).toEqual(
      fields,
    )
    expect(fields).toContainEqual(['access.granted', 'clientId?', 'identityProvider?', 'subject'])
  })

  it.each([
    ['Stats', 'src/exchange/stats.ts', 'IdentityProviderStats', 3],
    ['The key set', 'src/verification-keys/key-source.ts', 'KeySourceStats', 13],
    ['Its fetches', 'src/verification-keys/key-source.ts', 'FetchStats', 6],
    ['Its keys', 'src/verification-keys/key-source.ts', 'KeyStats', 3],
  ])('lists under "%s" exactly the fields of its interface', (heading, path, name, atLeast) => {
    const { body } = readInterface(path, name)
    const fields = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, field = '']) => field)
    expect(fields.length).toBeGreaterThanOrEqual(atLeast)
    expect(firstColumnUnder(heading)).toEqual(fields)
  })

  it('tells of identity providers without an endpoint only what they have', async () => {
    const host = await start()
    const fixed = await startExchangeHost({
      exchange: {
        subject: 'namespaced',
        identityProviders: [
          { name: 'https://certified.example.com', allowedSubjects: 'any', certificates: [EC_CERTIFICATE] },
          {
            name: 'https://fixed.example.com',
            allowedSubjects: 'any',
            jwks: { keys: [host.idp.signingKey.publicJwk] },
          },
        ],
      },
    })
    closers.push(() => fixed.close())
    const [, sentence = ''] =
      /With `certificates` or a fixed `jwks`, only (.*?) are present\./s.exec(OBSERVABILITY) ?? []
    const fields = new Set(fixed.exchange.stats().identityProviders.flatMap((stats) => Object.keys(stats)))
    expect([...fields].sort()).toEqual([...quotedIn(sentence), 'id', 'name', 'alias', 'enabled', 'source'].sort())
  })

  it('names reasons that docs/errors.md has', () => {
    const known = readFileSync('docs/errors.md', 'utf8')
    const rows = rowsUnder('What to alert on').filter(([sign = '']) => sign.startsWith('`jwks.failed`'))
    const reasons = rows.flatMap(([sign]) => quotedIn(sign).slice(1))
    expect(reasons.length).toBeGreaterThan(12)
    for (const reason of reasons) expect(known).toContain(`\`${reason}\``)
  })
})

/** As Prometheus writes it: a histogram is `_bucket`, `_sum` and `_count`. */
interface Sample {
  name: string
  labels: Record<string, unknown>
  value: number
}

interface ObservedHost {
  /** The lines of pino, parsed. */
  logs(): Record<string, unknown>[]
  /** What OpenTelemetry exports now, under the names that the document's table has for Prometheus. */
  exported(): Promise<Sample[]>
  /** What Prometheus scrapes now. */
  scraped(): Promise<Sample[]>
  /** All that the snippets have told so far, as text. */
  output(): Promise<string>
}

const METRICS = rowsUnder('Metrics').map((cells) => cells.flatMap((cell) => quotedIn(cell)))
const PROMETHEUS_NAMES = new Map(METRICS.map(([ours = '', theirs = '']) => [ours, theirs]))

/** The samples of a text in the exposition format of Prometheus. An empty label is none. */
function parseExposition(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text])
    return { name, labels: Object.fromEntries(pairs.filter(([, text]) => text !== '')), value: Number(value) }
  })
}

function samplesOf(metric: MetricData): Sample[] {
  const name = PROMETHEUS_NAMES.get(metric.descriptor.name) ?? `not in the table: ${metric.descriptor.name}`
  if (metric.dataPointType !== DataPointType.HISTOGRAM) {
    return (metric.dataPoints as DataPoint<number>[]).map(({ attributes: labels, value }) => ({ name, labels, value }))
  }
  return metric.dataPoints.flatMap(({ attributes: labels, value: { buckets, sum = Number.NaN, count } }) => [
    ...buckets.counts.map((_, index) => ({
      name: `${name}_bucket`,
      labels: { ...labels, le: String(buckets.boundaries[index] ?? '+Inf') },
      value: buckets.counts.slice(0, index + 1).reduce((total, each) => total + each),
    })),
    { name: `${name}_sum`, labels, value: sum },
    { name: `${name}_count`, labels, value: count },
  ])
}

/** Lets all three snippets observe a host, which closes after the test. */
function observe<Host extends ExchangeHost>(host: Host): Host & ObservedHost {
  const lines: string[] = []
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter })
  const provider = new MeterProvider({ readers: [reader] })
  closers.push(
    () => provider.shutdown(),
    () => host.close(),
  )
  snippets.logEvents(host.exchange, loggerTo(lines))
  snippets.measureWithOpenTelemetry(host.exchange, provider.getMeter('test'))
  host.app.get('/metrics', snippets.createMetricsRoute(host.exchange))
  const collect = async () => {
    await reader.forceFlush()
    const latest = exporter.getMetrics().at(-1)
    return latest?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
  }
  const scrape = async () => (await request(host.url).get('/metrics')).text
  return {
    ...host,
    logs: () => lines.map((line) => JSON.parse(line)),
    exported: async () => (await collect()).flatMap(samplesOf),
    scraped: async () => parseExposition(await scrape()),
    output: async () => [...lines, JSON.stringify(await collect()), await scrape()].join('\n'),
  }
}

function loggerTo(lines: string[], options: LoggerOptions = { level: 'trace' }): Logger {
  return pino(options, { write: (line) => lines.push(line) })
}

const start = async (options: ExchangeHostOptions = {}) =>
  observe(await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options }))
/** Its clock stands still, and no fetch is tried again before it is moved. */
const startClocked = async () =>
  observe(await startClockedHost({ exchange: { jwksEndpoint: { failureBackOff: 60_000 } } }))

const WRONG_SECRET = 'wrong-secret-of-the-tests'

/** An exchange, a replay, requests to a protected route, a wrong secret, an outage and its end: what must not be told. */
async function tellStory({ idp, exchange, url, ...host }: ExchangeHost): Promise<string[]> {
  const assertion = await idp.issueAssertion()
  const exchanged = await host.exchangeAssertion(assertion)
  const accessToken: string = exchanged.body.access_token
  const replay = await host.exchangeAssertion(assertion)
  const passed = await request(url).get('/orders').auth(accessToken, { type: 'bearer' })
  const missing = await request(url).get('/orders')
  const misused = await request(url).get('/orders').auth(assertion, { type: 'bearer' })
  const parameters = { grant_type: GRANT_TYPE, assertion }
  const guessed = await request(url)
    .post('/oauth2/token')
    .auth(CLIENT.clientId, WRONG_SECRET)
    .type('form')
    .send(parameters)
  const statuses = [exchanged, replay, passed, missing, misused, guessed].map(({ status }) => status)
  expect(statuses).toEqual([200, 400, 200, 401, 401, 401])
  await idp.fault('error')
  await expect(exchange.refreshKeys(idp.name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
  await idp.fault('off')
  await exchange.refreshKeys(idp.name)
  return [assertion, accessToken, CLIENT.clientSecret, WRONG_SECRET]
}

/** Secrets, and the payloads and signatures of tokens. */
function expectNoneOf(secrets: readonly string[], output: string): void {
  const fragments = secrets.flatMap((secret) => (secret.startsWith('ey') ? secret.split('.').slice(1) : [secret]))
  for (const fragment of fragments) {
    expect(fragment.length).toBeGreaterThan(20)
    expect(output).not.toContain(fragment)
  }
}

const levelOf = ({ level }: Record<string, unknown>) => pino.levels.labels[Number(level)]

describe('logEvents', () => {
  it('writes a line for each event, with level and reason', async () => {
    const host = await start()
    await tellStory(host)
    expect(host.logs().map((line) => [line.msg, levelOf(line), line.reason])).toEqual([
      ['jwks.refreshed', 'info', undefined],
      ['token.issued', 'info', undefined],
      ['token.rejected', 'warn', 'replayed'],
      ['access.granted', 'debug', undefined],
      ['access.denied', 'info', 'no_token'],
      ['access.denied', 'info', 'type_not_allowed'],
      ['token.rejected', 'warn', 'wrong_client_secret'],
      ['jwks.failed', 'warn', 'unexpected_status'],
      ['jwks.refreshed', 'debug', undefined],
      ['jwks.recovered', 'info', undefined],
    ])
  })

  it('writes all that the events carry', async () => {
    const host = await start()
    await tellStory(host)
    const told = host.logs().map(({ level, time, pid, hostname, msg, ...rest }) => ({ name: msg, ...rest }))
    expect(told).toEqual(JSON.parse(JSON.stringify(host.events)))
    expect(told[1]).toMatchObject({ clientId: CLIENT.clientId, identityProvider: host.idp.name, subject: 'alice' })
  })

  it('writes an outage as errors', async () => {
    const host = await startClocked()
    await host.accessToken()
    await host.idp.fault('error')
    const statuses: number[] = []
    for (const seconds of [301, 1900, 1800]) {
      host.clock.advance(seconds)
      statuses.push((await host.judge(await host.assertion())).status)
    }
    expect(statuses).toEqual([200, 200, 503])
    const lines = host.logs().filter(({ msg }) => msg === 'jwks.stale' || msg === 'token.rejected')
    expect(lines.map((line) => [line.msg, levelOf(line), line.state ?? line.reason])).toEqual([
      ['jwks.stale', 'warn', 'stale'],
      ['jwks.stale', 'error', 'degraded'],
      ['token.rejected', 'error', 'jwks_unavailable'],
    ])
  })

  it('has the levels of the table', () => {
    const now = Date.now() / 1000
    const cases: Record<ExchangeEventName, object[]> = {
      'token.issued': [{}],
      'token.rejected': [{ status: 400 }, { status: 503 }],
      'access.granted': [{}],
      'access.denied': [{ status: 401 }, { status: 503 }],
      'jwks.refreshed': [{ hasChanged: false }, { hasChanged: true }],
      'jwks.failed': [{}],
      'jwks.stale': [{ state: 'stale' }, { state: 'degraded' }],
      'jwks.recovered': [{}],
      'jwks.key_rejected': [{}],
      'jwks.insecure_http': [{}],
      'jwks.key_set_cut': [{}],
      'certificate.expiring': [{ expiresAt: now + 60 }, { expiresAt: now - 60 }],
      'identity_provider.saved': [{}],
      'identity_provider.deleted': [{}],
      'identity_provider.disabled': [{}],
      'identity_provider.enabled': [{}],
      'identity_provider.changed': [{}],
      'identity_provider.removed': [{}],
      'identity_provider.invalid': [{}],
      'identity_provider_lookup.failed': [{}],
      'identity_provider_lookup.recovered': [{}],
      'config.changed': [{}],
      'config.refused': [{}],
      'proxy.not_trusted': [{}],
      'signing_key.generated': [{}],
      'token_endpoint.mismatch': [{}],
      'replay_store.at_risk': [{}],
      'replay_store.filling': [{}],
      'host_function.timed_out': [{}],
      'host_function.limit_reached': [{}],
    }
    const lines: string[] = []
    const events = new ExchangeEventEmitter()
    snippets.logEvents({ events }, loggerTo(lines))
    const logged = Object.entries(cases).map(([name, carried]) => {
      for (const event of carried) events.emit(name as ExchangeEventName, event as never)
      return [name, ...lines.splice(0).map((line) => levelOf(JSON.parse(line)))]
    })
    const suggested = rowsUnder('Events').map(([name, , , level = '']) => [
      ...quotedIn(name),
      ...(level.match(/\b(?:debug|info|warn|error)\b/g) ?? []),
    ])
    expect(logged).toEqual(suggested)
  })

  it('hides the subject where the logger is told to as the document says', async () => {
    expect(OBSERVABILITY).toContain("`redact: ['subject']`")
    const host = await start()
    const lines: string[] = []
    snippets.logEvents(host.exchange, loggerTo(lines, { redact: ['subject'] }))
    await host.accessToken()
    expect(lines.join()).toContain('"subject":"[Redacted]"')
    expect(lines.join()).not.toContain('alice')
  })
})

describe.each([
  ['measureWithOpenTelemetry', 'exported'],
  ['createMetricsRoute', 'scraped'],
] as const)('%s', (_, read) => {
  it('has the metrics of the table with their labels, in which an outage is over when it is over', async () => {
    const host = await start()
    await tellStory(host)
    const provider = { identity_provider: host.idp.name }
    const expected: Sample[] = [
      { name: 'jwt_exchange_tokens_issued_total', labels: provider, value: 1 },
      { name: 'jwt_exchange_tokens_rejected_total', labels: { ...provider, reason: 'replayed' }, value: 1 },
      { name: 'jwt_exchange_tokens_rejected_total', labels: { reason: 'wrong_client_secret' }, value: 1 },
      { name: 'jwt_exchange_access_denied_total', labels: { reason: 'no_token' }, value: 1 },
      { name: 'jwt_exchange_access_denied_total', labels: { reason: 'type_not_allowed' }, value: 1 },
      {
        name: 'jwt_exchange_key_set_fetch_failures_total',
        labels: { ...provider, reason: 'unexpected_status' },
        value: 1,
      },
      {
        name: 'jwt_exchange_key_set_fetch_duration_seconds_count',
        labels: { ...provider, outcome: 'failed' },
        value: 1,
      },
      {
        name: 'jwt_exchange_key_set_fetch_duration_seconds_count',
        labels: { ...provider, outcome: 'refreshed' },
        value: 2,
      },
      ...statesOf(host, 'ok'),
      { name: 'jwt_exchange_key_set_consecutive_failures', labels: provider, value: 0 },
      { name: 'jwt_exchange_key_set_unknown_kids_total', labels: provider, value: 0 },
      { name: 'jwt_exchange_key_set_bad_signatures_total', labels: provider, value: 0 },
      { name: 'jwt_exchange_key_set_budget', labels: { ...provider, purpose: 'unknown_kids' }, value: 2 },
      { name: 'jwt_exchange_key_set_budget', labels: { ...provider, purpose: 'bad_signatures' }, value: 2 },
    ]
    const samples = await host[read]()
    const counted = samples.filter(({ name }) => !/_bucket$|_sum$|_age_/.test(name))
    expect(sorted(counted)).toEqual(sorted(expected))
  })

  it('tells an outage while it lasts, and an old key set by its age in seconds', async () => {
    const host = await startClocked()
    const present = async () => (await host[read]()).filter(({ name }) => /_(?:state|age_seconds|failures)$/.test(name))
    const labels = { identity_provider: host.idp.name }
    const failing = (value: number) => ({ name: 'jwt_exchange_key_set_consecutive_failures', labels, value })
    const aged = (value: number) => ({ name: 'jwt_exchange_key_set_age_seconds', labels, value })
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'never'), failing(0)]))
    await host.accessToken()
    await host.idp.fault('error')
    host.clock.advance(301)
    await host.judge(await host.assertion())
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'stale'), failing(1), aged(301)]))
    host.clock.advance(1900)
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toThrow()
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'degraded'), failing(2), aged(2201)]))
    host.clock.advance(1800)
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'down'), failing(2), aged(4001)]))
    await host.idp.fault('off')
    await host.exchange.refreshKeys(host.idp.name)
    expect(sorted(await present())).toEqual(sorted([...statesOf(host, 'ok'), failing(0), aged(0)]))
  })

  it('measures fetches in seconds, in buckets from 5 ms to 10 s', async () => {
    const host = await start({ exchange: { jwksEndpoint: { readTimeout: 1000 } } })
    await host.accessToken()
    await host.idp.fault('stalled')
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toThrow()
    const samples = (await host[read]()).filter(
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

  it('counts unknown kids and bad signatures, and shows the budget that they use up', async () => {
    const host = await start()
    const other = await FakeIdentityProvider.start({ name: host.idp.name, alias: host.idp.alias, algorithm: 'ES256' })
    closers.push(() => other.close())
    for (const kid of ['one', 'two', 'three']) await host.exchangeAssertion(await host.idp.issueAssertion({}, { kid }))
    await host.exchangeAssertion(await other.issueAssertion({}, { kid: host.idp.signingKey.publicJwk.kid }))
    const labels = { identity_provider: host.idp.name }
    expect(await host[read]()).toEqual(
      expect.arrayContaining([
        { name: 'jwt_exchange_key_set_unknown_kids_total', labels, value: 3 },
        { name: 'jwt_exchange_key_set_bad_signatures_total', labels, value: 1 },
        { name: 'jwt_exchange_key_set_budget', labels: { ...labels, purpose: 'unknown_kids' }, value: 0 },
        { name: 'jwt_exchange_key_set_budget', labels: { ...labels, purpose: 'bad_signatures' }, value: 1 },
      ]),
    )
  })

  it('has the earliest expiry of certificates, configured or published, and only what is known of enabled ones', async () => {
    const { publicKey, raw } = new X509Certificate(EC_CERTIFICATE)
    const certified = { ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }
    const host = await start({
      exchange: {
        subject: 'namespaced',
        identityProviders: [
          {
            name: 'https://configured.example.com',
            allowedSubjects: 'any',
            certificates: [EC_CERTIFICATE, EXPIRED_CERTIFICATE],
          },
          { name: 'https://published.example.com', allowedSubjects: 'any', jwks: { keys: [certified] } },
          {
            name: 'https://disabled.example.com',
            allowedSubjects: 'any',
            certificates: [EC_CERTIFICATE],
            enabled: false,
          },
        ],
      },
    })
    const samples = await host[read]()
    const expiryOf = (name: string, year: number) => ({
      name: 'jwt_exchange_certificate_expiry_timestamp_seconds',
      labels: { identity_provider: `https://${name}.example.com` },
      value: Date.UTC(year) / 1000,
    })
    expect(samples.filter(({ name }) => name.endsWith('_state'))).toHaveLength(2 * 6)
    expect(samples.filter(({ name }) => !name.endsWith('_state'))).toEqual([
      expiryOf('configured', 2021),
      expiryOf('published', 2100),
    ])
  })

  it('makes no series of what callers choose', async () => {
    const host = await start()
    const series = async () => sorted((await host[read]()).map(({ name, labels }) => ({ name, labels, value: 0 })))
    await makeUp(host, 'first')
    const before = await series()
    for (const word of ['second', 'third']) await makeUp(host, word)
    expect(await series()).toEqual(before)
    expect(JSON.stringify(before)).not.toMatch(/made-up|first/)
    const reasons = before.map(({ labels }) => labels.reason)
    expect(reasons).toEqual(
      expect.arrayContaining(['unknown_key', 'unknown_issuer', 'wrong_audience', 'unknown_client']),
    )
    expect(JSON.stringify(host.logs())).toMatch(/made-up-kid-third.*made-up-issuer-third/)
  })
})

/** The samples of the state of a host's identity provider. */
function statesOf({ idp }: ExchangeHost, present: string): Sample[] {
  return ['ok', 'idle', 'stale', 'degraded', 'down', 'never'].map((state) => ({
    name: 'jwt_exchange_key_set_state',
    labels: { identity_provider: idp.name, state },
    value: state === present ? 1 : 0,
  }))
}

function sorted(samples: readonly Sample[]): Sample[] {
  const textOf = ({ name, labels }: Sample) => name + JSON.stringify(Object.entries(labels).sort())
  return samples.toSorted((one, other) => (textOf(one) < textOf(other) ? -1 : 1))
}

/** Requests with a made-up kid, issuer, audience, subject and client id, at the token endpoint and a protected route. */
async function makeUp({ idp, url, ...host }: ExchangeHost, word: string): Promise<void> {
  const unknownKey = await idp.issueAssertion({}, { kid: `made-up-kid-${word}` })
  await host.exchangeAssertion(unknownKey)
  await host.exchangeAssertion(await idp.issueAssertion({ iss: `https://made-up-issuer-${word}.example.com` }))
  await host.exchangeAssertion(await idp.issueAssertion({ aud: `made-up-audience-${word}` }))
  await host.exchangeAssertion(await idp.issueAssertion({ sub: `made-up-subject-${word}` }))
  const parameters = { grant_type: GRANT_TYPE, assertion: unknownKey }
  await request(url).post('/oauth2/token').auth(`made-up-client-${word}`, 'secret').type('form').send(parameters)
  await request(url).get('/whoami').auth(unknownKey, { type: 'bearer' })
}

describe('the metrics of both snippets', () => {
  it('have the names of the table', async () => {
    expect(METRICS).toHaveLength(12)
    for (const [ours = '', theirs = ''] of METRICS) {
      const snake = ours.replaceAll('.', '_')
      expect([snake, `${snake}_seconds`, `${snake}_timestamp_seconds`, `${snake}_total`]).toContain(theirs)
    }
    const text = await metricsText()
    expect([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, ...told]) => told).sort()).toEqual(
      rowsUnder('Metrics')
        .map(([, name, kind]) => [...quotedIn(name), kind])
        .sort(),
    )
  })

  it('are the only ones that the expressions for alerts name', async () => {
    const [, expressions = ''] = /^```promql\n(.*?)^```$/ms.exec(OBSERVABILITY) ?? []
    const named = expressions.match(/jwt_exchange_\w+/g) ?? []
    expect(named.length).toBeGreaterThan(5)
    for (const name of named) expect([...PROMETHEUS_NAMES.values()]).toContain(name)
  })

  it('have the same values', async () => {
    const host = await start()
    await tellStory(host)
    const known = (samples: Sample[]) => sorted(samples.filter(({ name }) => !name.includes('_age_')))
    const scraped = known(await host.scraped())
    expect(scraped.length).toBeGreaterThan(30)
    expect(known(await host.exported())).toEqual(scraped)
  })

  it('are those of a global meter provider that was set before', async () => {
    const host = await start()
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
    closers.push(async () => {
      metrics.disable()
      await provider.shutdown()
    })
    metrics.setGlobalMeterProvider(provider)
    snippets.measureWithOpenTelemetry(host.exchange)
    await host.accessToken()
    await provider.forceFlush()
    const [scope] = exporter.getMetrics()[0]?.scopeMetrics ?? []
    expect(scope?.scope.name).toBe('express-jwt-exchange')
    expect(scope?.metrics.flatMap(samplesOf)).toContainEqual({
      name: 'jwt_exchange_tokens_issued_total',
      labels: { identity_provider: host.idp.name },
      value: 1,
    })
  })
})

/** An exchange that nobody has used. */
const UNUSED: Observed = {
  events: new ExchangeEventEmitter(),
  stats: () => ({ identityProviders: [], config: { revision: 1, since: 0 } }),
}
const BROKEN: Observed = {
  ...UNUSED,
  stats: () => {
    throw new Error('no stats')
  },
}

async function metricsText(): Promise<string> {
  return (await request(express().get('/metrics', snippets.createMetricsRoute(UNUSED))).get('/metrics')).text
}

describe.each<[string, (route: RequestHandler) => Express]>([
  ['Express 5', (route) => express().get('/metrics', route)],
  ['Express 4', (route) => express4().get('/metrics', route as never) as unknown as Express],
])('the route of createMetricsRoute in %s', (_, createApp) => {
  it('answers in the exposition format', async () => {
    const answer = await request(createApp(snippets.createMetricsRoute(UNUSED))).get('/metrics')
    expect(answer.status).toBe(200)
    const type = ['charset=utf-8', 'text/plain', 'version=0.0.4']
    expect(answer.headers['content-type']?.split('; ').sort()).toEqual(type)
    expect(answer.text).toContain('# TYPE jwt_exchange_key_set_state gauge')
  })

  it('hands a fault to the error handler', async () => {
    const app = createApp(snippets.createMetricsRoute(BROKEN))
    const handled: unknown[] = []
    app.use(((error, _req, res, _next) => {
      handled.push(error.message)
      res.status(500).end()
    }) satisfies ErrorRequestHandler)
    expect((await request(app).get('/metrics').timeout(3000)).status).toBe(500)
    expect(handled).toEqual(['no stats'])
  })
})

describe('a key set that nobody uses', () => {
  it('is idle without failures and without an event, and ready() makes it current', async () => {
    const host = await startClocked()
    await host.exchange.ready()
    const toldBefore = host.events.length
    const present = () =>
      host.exchange.stats().identityProviders.map((stats) => [stats.state, stats.consecutiveFailures])
    const seen = [301, 1900, 1800].flatMap((seconds) => {
      host.clock.advance(seconds)
      return present()
    })
    expect(seen).toEqual([
      ['idle', 0],
      ['idle', 0],
      ['idle', 0],
    ])
    expect(host.events).toHaveLength(toldBefore)
    await host.exchange.ready()
    expect(present()).toEqual([['ok', 0]])
  })
})

describe('what the snippets tell', () => {
  it('has no token and no secret', async () => {
    const host = await start()
    const secrets = await tellStory(host)
    const output = await host.output()
    expect(output).toContain('alice')
    expectNoneOf(secrets, output)
    expectNoneOf(secrets, JSON.stringify(host.exchange.stats()))
  })

  it('has no signature of a token that was sent as kid, issuer or audience', async () => {
    const host = await start()
    const assertion = await host.idp.issueAssertion()
    await host.exchangeAssertion(await host.idp.issueAssertion({}, { kid: assertion }))
    await host.exchangeAssertion(await host.idp.issueAssertion({ iss: assertion }))
    await host.exchangeAssertion(await host.idp.issueAssertion({ aud: assertion }))
    const reasons = host.events.flatMap(({ reason }) => reason ?? [])
    expect(reasons).toEqual(['malformed_jwt', 'unknown_issuer', 'wrong_audience'])
    const output = await host.output()
    expect(output).toContain(assertion.slice(0, 100))
    expect(output).not.toContain(assertion.split('.')[2])
  })
})

/** An app as the document describes it, on the built package. */
const APP = `
import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import express from 'express'
import { createJwtExchange } from 'express-jwt-exchange'
${NAMES.map((name) => `import { ${name} } from './${name}.mjs'`).join('\n')}

metrics.setGlobalMeterProvider(new MeterProvider())
const exchange = createJwtExchange(JSON.parse(process.env.EXCHANGE_OPTIONS))
logEvents(exchange)
measureWithOpenTelemetry(exchange)
const app = express()
app.use('/oauth2', exchange.router)
app.get('/metrics', createMetricsRoute(exchange))
const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port))
// Ends by itself, so that nothing that was written is lost.
process.once('SIGTERM', () => {
  exchange.close()
  server.close()
  server.closeAllConnections()
  process.disconnect()
})
`

describe('an app with all three snippets and NODE_DEBUG=express-jwt-exchange', () => {
  it('tells of an exchange and a replay on stdout, stderr and /metrics, and no token or secret', async () => {
    const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT })
    closers.push(() => idp.close())
    const app = await startApp(idp)
    const assertion = await idp.issueAssertion()
    const tokens = request(`http://127.0.0.1:${app.port}`)
    const post = () =>
      tokens
        .post('/oauth2/token')
        .auth(CLIENT.clientId, CLIENT.clientSecret)
        .type('form')
        .send({ grant_type: GRANT_TYPE, assertion })
    const { body } = await post()
    expect((await post()).status).toBe(400)
    const { text } = await tokens.get('/metrics')
    const { stdout, stderr } = await app.stop()

    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line)).map((line) => [line.msg, levelOf(line), line.reason])).toEqual([
      ['signing_key.generated', 'warn', undefined],
      ['jwks.refreshed', 'info', undefined],
      ['token.issued', 'info', undefined],
      ['token.rejected', 'warn', 'replayed'],
    ])
    const debugged = [...stderr.matchAll(/^EXPRESS-JWT-EXCHANGE \d+: (\S+) (\{.*\})$/gm)]
    expect(debugged.map(([, name]) => name)).toEqual(lines.map((line) => JSON.parse(line).msg))
    expect(JSON.parse(debugged[3]?.[2] ?? '')).toMatchObject({ reason: 'replayed', identityProvider: idp.name })
    const labels = { identity_provider: idp.name, reason: 'replayed' }
    expect(parseExposition(text)).toContainEqual({ name: 'jwt_exchange_tokens_rejected_total', labels, value: 1 })
    expectNoneOf([assertion, body.access_token, CLIENT.clientSecret], stdout + stderr + text)
  }, 30_000)
})

async function startApp(idp: FakeIdentityProvider) {
  writeFileSync(join(directory, 'app.mjs'), APP)
  const options = {
    issuer: ISSUER,
    identityProviders: [{ name: idp.name, allowedSubjects: 'any', jwksUri: idp.jwksUri }],
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE },
  }
  const child = fork(join(directory, 'app.mjs'), {
    silent: true,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      NODE_DEBUG: 'express-jwt-exchange',
      EXCHANGE_OPTIONS: JSON.stringify(options),
    },
  })
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const closed = once(child, 'close')
  const stop = async () => {
    child.kill()
    await closed
    return { stdout, stderr }
  }
  closers.push(stop)
  const [port] = await Promise.race([
    once(child, 'message'),
    closed.then(() => Promise.reject(new Error(`the app ended: ${stderr}`))),
  ])
  return { port, stop }
}
