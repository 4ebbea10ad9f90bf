import { Agent, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { DependencyUnavailable } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import { IntrospectionClient } from '../../../src/introspection/introspection-client.js'
import { readIntrospectionOptions } from '../../../src/introspection/introspection-options.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import {
  type IntrospectionEndpoint,
  sendJson,
  startIntrospectionEndpoint,
} from '../../support/introspection-endpoint.js'

const SECRET = 's3cr3t: with + and %'
const GOOD = { endpoint: 'https://auth.example.com/introspect', clientId: 'orders', clientSecret: SECRET }

describe('the option introspection refuses', () => {
  function problemsOf(introspection: unknown): string[] {
    const reader = new OptionReader({ introspection })
    try {
      readIntrospectionOptions(reader)
      reader.throwProblems()
      return []
    } catch (error) {
      if (!isConfigError(error)) throw error
      expect(error.message).not.toContain(SECRET)
      return error.problems.map(({ path, code }) => `${path.slice(1).join('.')} ${code}`)
    }
  }

  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, [' missing']],
    ['true', true, ['clientId missing', 'clientSecret missing', 'endpoint missing', ' wrong_type']],
    ['no endpoint', { ...GOOD, endpoint: '' }, ['endpoint invalid']],
    ['an endpoint without TLS', { ...GOOD, endpoint: 'http://auth.example.com/introspect' }, ['endpoint invalid']],
    ['an endpoint with a password', { ...GOOD, endpoint: 'https://a:b@auth.example.com' }, ['endpoint invalid']],
    ['a metadata service', { ...GOOD, endpoint: 'https://169.254.169.254/introspect' }, ['endpoint invalid']],
    ['a private host', { ...GOOD, endpoint: 'https://127.0.0.1/', network: 'public' }, ['endpoint invalid']],
    ['no client', { ...GOOD, clientId: '' }, ['clientId invalid']],
    ['a secret that is no text', { ...GOOD, clientSecret: 7 }, ['clientSecret wrong_type']],
    ['http', { ...GOOD, allowInsecureHttp: true }, ['allowInsecureHttp unknown_option']],
    ['another header', { ...GOOD, headers: {} }, ['headers unknown_option']],
    ['a failure that is a yes', { ...GOOD, failure: 200 }, ['failure unknown_option']],
    ['a longer cache', { ...GOOD, cacheTtl: 60_001 }, ['cacheTtl out_of_bounds']],
    ['a negative cache', { ...GOOD, cacheTtl: -1 }, ['cacheTtl out_of_bounds']],
    ['no room', { ...GOOD, cacheMaxEntries: 0 }, ['cacheMaxEntries out_of_bounds']],
    ['no question', { ...GOOD, maxConcurrent: 0 }, ['maxConcurrent out_of_bounds']],
    ['a proxy and an agent', { ...GOOD, proxy: 'http://proxy.example.com', agent: new Agent() }, ['proxy conflict']],
  ])('%s', (_, introspection, problems) => {
    expect(problemsOf(introspection).sort()).toEqual([...problems].sort())
  })

  it('nothing else', () => {
    expect(problemsOf(GOOD)).toEqual([])
  })
})

describe('an introspection client', () => {
  let endpoint: IntrospectionEndpoint
  let clock: AdjustableClock
  let closing: AbortController
  let events: { name: string; reason?: string; code?: string }[]
  beforeAll(async () => {
    endpoint = await startIntrospectionEndpoint()
  })
  beforeEach(() => {
    clock = new AdjustableClock()
    closing = new AbortController()
    events = []
    endpoint.answerWith({ active: true, exp: 1_800_000_100 })
  })
  afterEach(() => closing.abort())
  afterAll(() => endpoint.close())

  function createClient(options: object = {}): IntrospectionClient {
    const reader = new OptionReader({ introspection: { ...GOOD, endpoint: endpoint.url, ...options } })
    const settings = readIntrospectionOptions(reader)
    reader.throwProblems()
    if (settings === undefined) throw new Error('no settings')
    const emitter = new ExchangeEventEmitter()
    emitter.on('introspection.failed', (event) => events.push({ name: 'failed', ...event }))
    emitter.on('introspection.recovered', (event) => events.push({ name: 'recovered', ...event }))
    return new IntrospectionClient('the-issuer', settings, { clock, events: emitter, closing: closing.signal })
  }

  async function failureOf(client: IntrospectionClient, token = 'token'): Promise<DependencyUnavailable> {
    const ask = async () => client.ask(token)
    return ask().then(
      (answer) => {
        throw new Error(`got ${JSON.stringify(answer)}`)
      },
      (error) => error,
    )
  }

  const answer = (status: number, text: string, headers: Record<string, string> = {}) => {
    return (response: ServerResponse) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
    }
  }
  const YES = '{"active":true}'

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a redirect', answer(302, '', { location: '/other' }), 'redirected 302'],
    ['a redirect with a yes', answer(307, YES, { location: '/other' }), 'redirected 307'],
    ['wrong credentials', answer(401, YES), 'credentials_refused 401'],
    ['a forbidden client', answer(403, YES), 'unexpected_status 403'],
    ['an error', answer(500, YES), 'unexpected_status 500'],
    ['a created yes', answer(201, YES), 'unexpected_status 201'],
    ['no content', answer(204, ''), 'unexpected_status 204'],
    ['text', answer(200, YES, { 'content-type': 'text/plain' }), 'unexpected_content_type'],
    ['no content type', answer(200, YES, { 'content-type': '' }), 'unexpected_content_type'],
    [
      'a signed answer',
      answer(200, YES, { 'content-type': 'application/token-introspection+jwt' }),
      'unexpected_content_type',
    ],
    ['a longer type', answer(200, YES, { 'content-type': 'application/jsonp' }), 'unexpected_content_type'],
    ['compression', answer(200, YES, { 'content-encoding': 'gzip' }), 'unexpected_encoding'],
    ['nothing', answer(200, ''), 'not_json'],
    ['a page', answer(200, '<html>'), 'not_json'],
    ['half an answer', answer(200, '{"active":true'), 'not_json'],
    ['an array', answer(200, `[${YES}]`), 'not_json'],
    ['true', answer(200, 'true'), 'not_json'],
    ['two answers in one', answer(200, '{"active":false,"active":true}'), 'not_json'],
    ['bytes that are not UTF-8', answer(200, '{"active":true,"sub":"\uFFFD"}'), 'not_json'],
    ['too much', answer(200, `{"active":true,"pad":"${'x'.repeat(2000)}"}`), 'too_large'],
    ['no member active', answer(200, '{}'), 'not_an_introspection_answer'],
    ['"true"', answer(200, '{"active":"true"}'), 'not_an_introspection_answer'],
    ['1', answer(200, '{"active":1}'), 'not_an_introspection_answer'],
    ['null', answer(200, '{"active":null}'), 'not_an_introspection_answer'],
    ['a yes of another object', answer(200, '{"__proto__":{"active":true}}'), 'not_an_introspection_answer'],
    ['no response', (response) => void response.destroy(), 'read_failed ECONNRESET'],
  ])('takes %s for an outage, and never for a yes', async (_, send, failed) => {
    const [reason, code] = failed.split(' ')
    endpoint.answerWith(send)
    const client = createClient({ sizeLimitBytes: 1024 })
    const before = endpoint.questions.length
    const failure = await failureOf(client)
    expect([failure.reason, failure.status, failure.headers['Retry-After']]).toEqual(['introspection_failed', 503, '1'])
    expect(events).toEqual([
      expect.objectContaining({ name: 'failed', reason, identityProvider: 'the-issuer', endpoint: endpoint.url }),
    ])
    expect(events[0]?.code).toBe(code)
    expect(endpoint.questions.length).toBe(before + 1) // It was not asked again.
    expect(JSON.stringify([events, failure])).not.toMatch(/token"|s3cr3t|Basic/)
  })

  it('gives up an endpoint that never ends its answer, and one that never begins it', async () => {
    for (const send of [
      (response: ServerResponse) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
      () => {},
    ]) {
      endpoint.answerWith(send)
      expect((await failureOf(createClient({ readTimeout: 50 }))).reason).toBe('introspection_failed')
    }
    expect(events.map(({ reason }) => reason)).toEqual(['read_timeout', 'read_timeout'])
  })

  it('passes on for how long the endpoint wants to be left alone', async () => {
    endpoint.answerWith(answer(429, '', { 'retry-after': '7' }))
    expect((await failureOf(createClient())).retryAfter).toBe(7)
  })

  it('ends questions under way when it closes, and asks none afterwards', async () => {
    const client = createClient()
    const asked = new Promise<void>((resolve) => endpoint.answerWith(() => resolve()))
    const failure = failureOf(client)
    await asked
    closing.abort()
    expect((await failure).reason).toBe('introspection_failed')
    const before = endpoint.questions.length
    expect((await failureOf(client, 'other')).reason).toBe('introspection_failed')
    expect([endpoint.questions.length, events]).toEqual([before, []])
  })

  it('reports an outage once for each kind of failure, and its end', async () => {
    const client = createClient({ cacheTtl: 0 })
    for (const status of [500, 500, 401, 500]) {
      endpoint.answerWith(answer(status, ''))
      await failureOf(client)
    }
    endpoint.answerWith({ active: true })
    clock.advance(3)
    for (let count = 0; count < 2; count += 1) expect(await client.ask('token')).toMatchObject({ isActive: true })
    expect(events.map(({ name, reason }) => reason ?? name)).toEqual([
      'unexpected_status',
      'credentials_refused',
      'recovered',
    ])
    expect(events.at(-1)).toMatchObject({ failedForMs: 3000 })
  })

  it('posts a form with the token, its hint and form-encoded credentials', async () => {
    await createClient().ask('a+b &c')
    const { method, headers, parameters } = endpoint.questions.at(-1) ?? {}
    expect([method, parameters]).toEqual(['POST', { token: 'a+b &c', token_type_hint: 'access_token' }])
    expect(headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('orders:s3cr3t%3A+with+%2B+and+%25').toString('base64')}`,
    })
  })

  it('asks about one token once while its answer counts, from when the question was sent', async () => {
    const client = createClient({ cacheTtl: 2000 })
    const before = endpoint.questions.length
    endpoint.answerWith((response) => {
      clock.advance(1.5) // The answer takes its time.
      sendJson(response, YES)
    })
    for (let count = 0; count < 3; count += 1) await client.ask('token')
    expect(endpoint.questions.length - before).toBe(1)
    clock.advance(0.5)
    await client.ask('token')
    expect(endpoint.questions.length - before).toBe(2)
  })

  it('asks again once the wall clock, or the other one, says that the answer is old', async () => {
    const client = createClient()
    const before = endpoint.questions.length
    await client.ask('token')
    clock.set(clock.now() + 6)
    await client.ask('token')
    clock.set(Number.NaN)
    await client.ask('token')
    expect(endpoint.questions.length - before).toBe(3)
  })

  it.each<[string, object, number | undefined]>([
    ['its exp', { active: true, exp: 1_800_000_001 }, undefined],
    ['the exp of the token itself', { active: true }, 1_800_000_001],
    ['an exp that is no date', { active: true, exp: '1900000000' }, undefined],
  ])('keeps no yes beyond %s', async (_, said, expiresAt) => {
    endpoint.answerWith(said)
    const client = createClient()
    await client.ask('token', expiresAt)
    clock.advance(1)
    endpoint.answerWith({ active: false })
    expect(await client.ask('token', expiresAt)).toEqual({ isActive: false, claims: {} })
  })

  it('keeps a no as well, and nothing that comes with it', async () => {
    endpoint.answerWith({ active: false, sub: 'alice' })
    const client = createClient()
    expect(await client.ask('token')).toEqual({ isActive: false, claims: {} })
    endpoint.answerWith({ active: true })
    expect(await client.ask('token')).toEqual({ isActive: false, claims: {} })
    clock.advance(5)
    expect(await client.ask('token')).toMatchObject({ isActive: true })
  })

  it('keeps a bounded number of answers, and no made-up token pushes out an active one', async () => {
    const client = createClient({ cacheMaxEntries: 2 })
    await client.ask('good')
    endpoint.answerWith({ active: false })
    for (const token of ['a', 'b', 'c']) await client.ask(token)
    const before = endpoint.questions.length
    for (const token of ['good', 'b', 'c']) await client.ask(token)
    expect(endpoint.questions.length).toBe(before)
    await client.ask('a')
    expect(endpoint.questions.length).toBe(before + 1)
  })

  it('joins concurrent questions about one token, and refuses more of others than it may ask', async () => {
    const client = createClient({ maxConcurrent: 2 })
    const before = endpoint.questions.length
    const waiting: ServerResponse[] = []
    endpoint.answerWith((response) => void waiting.push(response))
    const asked = ['a', 'a', 'b', 'a', 'b'].map((token) => client.ask(token))
    expect((await failureOf(client, 'c')).reason).toBe('introspection_limit_reached')
    while (waiting.length < 2) await new Promise(setImmediate)
    for (const response of waiting) sendJson(response, YES)
    for (const said of await Promise.all(asked)) expect(said.isActive).toBe(true)
    expect(endpoint.questions.length - before).toBe(2)
    endpoint.answerWith({ active: false })
    expect(await client.ask('c')).toMatchObject({ isActive: false })
  })

  it('joins no question that is older than an answer may be', async () => {
    const client = createClient({ cacheTtl: 1000 })
    const waiting: ServerResponse[] = []
    endpoint.answerWith((response) => void waiting.push(response))
    const early = client.ask('token')
    clock.advance(1)
    const late = client.ask('token')
    while (waiting.length < 2) await new Promise(setImmediate)
    // In the order in which they came: what is revoked in between is a yes and then a no.
    sendJson(waiting[0] as ServerResponse, YES)
    sendJson(waiting[1] as ServerResponse, '{"active":false}')
    expect([(await early).isActive, (await late).isActive]).toEqual([true, false])
    expect(await client.ask('token')).toMatchObject({ isActive: false })
  })

  it('asks for each request if nothing is kept', async () => {
    const client = createClient({ cacheTtl: 0 })
    const before = endpoint.questions.length
    await Promise.all([client.ask('token'), client.ask('token')])
    expect(endpoint.questions.length - before).toBe(2)
  })

  it('asks again if a connection that was kept open turns out to be closed, and not if a new one breaks', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const client = createClient({ agent, cacheTtl: 0 })
    await client.ask('token')
    const before = endpoint.questions.length
    let count = 0
    endpoint.answerWith((response) => {
      count += 1
      if (count === 1) response.destroy()
      else sendJson(response, YES)
    })
    expect(await client.ask('token')).toMatchObject({ isActive: true })
    expect(endpoint.questions.length - before).toBe(2)
    endpoint.answerWith((response) => void response.destroy())
    await failureOf(client) // On the connection that is kept open, and then on a new one.
    expect(endpoint.questions.length - before).toBe(4)
    agent.destroy()
  })
})
