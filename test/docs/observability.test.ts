import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import express, { type ErrorRequestHandler, type Express } from 'express'
import express4 from 'express4'
import { type Logger, type LoggerOptions, pino } from 'pino'
import { Counter, register } from 'prom-client'
import request from 'supertest'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import type { ExchangeEventName, JwtExchange } from '../../src/index.js'
import { collect } from '../../src/metrics/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { EC_CERTIFICATE } from '../support/certificates.js'
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
import { parseExposition, samplesOf } from '../support/metric-readers.js'
import { expectNoneOf, tellStory } from '../support/observed-story.js'

const OBSERVABILITY = readFileSync('docs/observability.md', 'utf8')
const SNIPPETS = [...OBSERVABILITY.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
const NAMES = ['logEvents', 'serveMetrics', 'serveAllMetrics', 'reportToOpenTelemetry'] as const

type Observed = Pick<JwtExchange, 'events' | 'stats'>

interface Snippets {
  logEvents(exchange: Pick<JwtExchange, 'events'>, logger?: Logger): void
  serveMetrics(host: { exchange: Observed; app: Express }): void
  serveAllMetrics(host: { exchange: Observed; app: Express }): void
  reportToOpenTelemetry(host: { exchange: Observed }): void
}

/** Statements of an app become a function of what they use. */
function moduleOf(name: string, code: string): string {
  if (code.includes(`export function ${name}(`)) return code
  const imports = code.match(/^import .*\n/gm) ?? []
  const statements = imports.reduce((rest, line) => rest.replace(line, ''), code)
  return `${imports.join('')}export function ${name}({ exchange, app }) {${statements}}\n`
}

let directory: string
let snippets: Snippets
const closers: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  // Inside the package, so that the names of packages resolve.
  directory = mkdtempSync(resolve('example-app/dist/observability-'))
  const modules: object[] = []
  for (const [index, name] of NAMES.entries()) {
    const path = join(directory, `${name}.mjs`)
    writeFileSync(path, moduleOf(name, SNIPPETS[index] ?? ''))
    modules.push(await import(pathToFileURL(path).href)) // Jest cannot load what they share at once.
  }
  snippets = Object.assign({}, ...modules)
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
      /\b(KeySetOwner|HostFunctionCall|TokenIssued|TokensRevoked|IntrospectionFailure|DecisionRefused|RequestRefused|TokenRequestRefused|AccessDenied|TokenContext|ScopeContext|GrantContext)\b/g,
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
  it('has code for logs and metrics', () => {
    expect(SNIPPETS).toHaveLength(4)
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
    ['Revocations', 'src/revocation/revocations.ts', 'RevocationStats', 5],
    ['Introspection', 'src/introspection/introspection-client.ts', 'IntrospectionStats', 4],
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

interface ObservedHost {
  /** The lines of pino, parsed. */
  logs(): Record<string, unknown>[]
  /** All that the snippets have told so far, as text. */
  output(): Promise<string>
}

/** Lets the snippets observe a host, which closes after the test. */
function observe<Host extends ExchangeHost>(host: Host): Host & ObservedHost {
  const lines: string[] = []
  closers.push(() => host.close())
  snippets.logEvents(host.exchange, loggerTo(lines))
  snippets.serveMetrics({ exchange: host.exchange, app: host.app })
  return {
    ...host,
    logs: () => lines.map((line) => JSON.parse(line)),
    output: async () => [...lines, (await request(host.url).get('/metrics')).text].join('\n'),
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
      'token.revoked': [{}],
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
      'revocation_store.failed': [{}],
      'revocation_store.recovered': [{}],
      'revocation_store.at_risk': [{}],
      'introspection.failed': [{}],
      'introspection.recovered': [{}],
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

const METRICS = rowsUnder('All metrics').map((cells) => cells.flatMap((cell) => quotedIn(cell)))

describe('the metrics', () => {
  it('are those of the table, in its order, with their kinds and labels', async () => {
    const host = await start({
      exchange: { subject: 'namespaced', findIdentityProvider: () => undefined, revocation: {} },
    })
    await tellStory(host)
    expect(() => host.exchange.reconfigure({} as never)).toThrow()
    const families = collect(host.exchange).data()
    expect(rowsUnder('All metrics').map(([, name, kind]) => [...quotedIn(name), kind])).toEqual(
      families.map(({ name, type }) => [name, type]),
    )
    const scraped = parseExposition((await request(host.url).get('/metrics')).text)
    for (const [, name = '', , labels] of rowsUnder('All metrics')) {
      const metric = quotedIn(name)[0] ?? ''
      const found = scraped.filter((sample) => sample.name.replace(/_count$/, '') === metric)
      const allowed = quotedIn(labels).map((label) => label.replace('?', ''))
      const used = new Set(found.flatMap((sample) => Object.keys(sample.labels)))
      expect({ metric, wrong: [...used].filter((label) => !allowed.includes(label)) }).toEqual({ metric, wrong: [] })
    }
  })

  it('have names in OpenTelemetry from which its exporter makes those for Prometheus', () => {
    expect(METRICS.length).toBeGreaterThan(20)
    for (const [ours = '', theirs = ''] of METRICS) {
      const snake = ours.replaceAll('.', '_')
      expect([snake, `${snake}_seconds`, `${snake}_total`]).toContain(theirs)
    }
  })

  it('are the only ones that the expressions for alerts name', () => {
    const [, expressions = ''] = /^```promql\n(.*?)^```$/ms.exec(OBSERVABILITY) ?? []
    const named = expressions.match(/jwt_exchange_\w+/g) ?? []
    expect(named.length).toBeGreaterThan(8)
    for (const name of named) expect(METRICS.map(([, theirs]) => theirs)).toContain(name)
    const events = expressions.match(/(?<=event=~")[^"]+/)?.[0].split('|') ?? []
    expect(events.length).toBeGreaterThan(2)
    for (const event of events) expect([...eventFields().keys()]).toContain(event)
  })

  it('reach the global meter provider of OpenTelemetry that was set before', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
    closers.push(
      () => host.close(),
      async () => {
        metrics.disable()
        await provider.shutdown()
      },
    )
    metrics.setGlobalMeterProvider(provider)
    snippets.reportToOpenTelemetry({ exchange: host.exchange })
    await host.accessToken()
    await provider.forceFlush()
    const [scope] = exporter.getMetrics()[0]?.scopeMetrics ?? []
    expect(scope?.scope.name).toBe('express-jwt-exchange')
    const exported = scope?.metrics.map(({ descriptor }) => descriptor.name) ?? []
    expect(exported.length).toBeGreaterThan(12)
    expect(exported.filter((name) => !METRICS.some(([ours]) => ours === name))).toEqual([])
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

describe.each<[string, () => Express]>([
  ['Express 5', express],
  ['Express 4', () => express4() as unknown as Express],
])('the route for Prometheus in %s', (_, createApp) => {
  it.each(['serveMetrics', 'serveAllMetrics'] as const)('%s answers in the exposition format', async (name) => {
    const app = createApp()
    snippets[name]({ exchange: UNUSED, app })
    const own = new Counter({ name: 'own_total', help: 'Of the app' })
    closers.push(async () => register.clear())
    own.inc()
    const answer = await request(app).get('/metrics')
    expect(answer.status).toBe(200)
    const type = ['charset=utf-8', 'text/plain', 'version=0.0.4']
    expect(answer.headers['content-type']?.split('; ').sort()).toEqual(type)
    expect(answer.text).toContain('# TYPE jwt_exchange_key_set_state gauge\n')
    expect(
      parseExposition(answer.text)
        .map((sample) => sample.name)
        .includes('own_total'),
    ).toBe(name === 'serveAllMetrics')
  })

  it('hands a fault to the error handler', async () => {
    const app = createApp()
    let isBroken = false
    const stats = () => {
      if (isBroken) throw new Error('no stats')
      return UNUSED.stats()
    }
    snippets.serveMetrics({ exchange: { ...UNUSED, stats }, app })
    isBroken = true
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
reportToOpenTelemetry({ exchange })
const app = express()
app.use('/oauth2', exchange.router)
serveAllMetrics({ exchange, app })
const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port))
// Ends by itself, so that nothing that was written is lost.
process.once('SIGTERM', () => {
  exchange.close()
  server.close()
  server.closeAllConnections()
  process.disconnect()
})
`

describe('an app with the snippets and NODE_DEBUG=express-jwt-exchange', () => {
  it('tells of an exchange and a replay on stdout, stderr and /metrics, and no token or secret', async () => {
    const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
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
