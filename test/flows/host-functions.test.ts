import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import {
  createJwtExchange,
  type FindClient,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import {
  CLIENT,
  type ExchangeHost,
  type ExchangeHostOptions,
  GRANT_TYPE,
  startExchangeHost,
} from '../support/exchange-host.js'
import { expectCleanEvents, expectUnavailable } from '../support/expect-refusal.js'

jest.setTimeout(30_000)

const TIMEOUT = 150
/** The reasons for a function that fails. */
const FAILED = /^(client_lookup|policy_check|subject_mapping|claim_mapping)_failed$/
const hang = () => new Promise<never>(() => {})

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(
  exchange: Partial<JwtExchangeOptions>,
  identityProvider: Partial<IdentityProviderOptions> = {},
  before?: ExchangeHostOptions['before'],
): Promise<ExchangeHost> {
  const hostFunctions = { timeout: TIMEOUT, ...exchange.hostFunctions }
  const host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    identityProvider,
    exchange: { ...exchange, hostFunctions },
    ...(before !== undefined && { before }),
  })
  closers.push(() => host.close())
  return host
}

/** Options in which one of the functions is this one, and the event that names it. */
type Place = [name: string, event: object, optionsWith: (hostFunction: (...given: unknown[]) => never) => Placed]
type Placed = { exchange?: Partial<JwtExchangeOptions>; identityProvider?: Partial<IdentityProviderOptions> }

const PLACES: Place[] = [
  ['findClient', { function: 'findClient' }, (findClient) => ({ exchange: { findClient } })],
  ['check', { function: 'check', identityProvider: expect.any(String) }, (check) => ({ identityProvider: { check } })],
  ['subject at the top', { function: 'subject' }, (subject) => ({ exchange: { subject } })],
  ['subject of the provider', { function: 'subject' }, (subject) => ({ identityProvider: { subject } })],
  [
    'claimsToToken',
    { function: 'claimsToToken', claim: 'roles' },
    (roles) => ({ identityProvider: { claimsToToken: { email: 'email', roles } } }),
  ],
]

describe.each(PLACES)('a function %s', (_name, event, optionsWith) => {
  it('that hangs is answered with 503 after the timeout, by its name, and uses no assertion up', async () => {
    const signals: AbortSignal[] = []
    let isHanging = true
    let answer: unknown
    const { exchange = {}, identityProvider } = optionsWith(((...given: unknown[]) => {
      signals.push(given.at(-1) as AbortSignal)
      return isHanging ? hang() : answer
    }) as () => never)
    const host = await start(exchange, identityProvider)
    const assertion = await host.idp.issueAssertion()
    const startedAt = performance.now()
    await expectUnavailable(host.exchangeAssertion(assertion), host, 'host_function_timed_out')
    expect(performance.now() - startedAt).toBeGreaterThan(TIMEOUT - 20)
    expect(signals).toEqual([expect.objectContaining({ aborted: true })])
    const [timedOut] = host.events.filter(({ name }) => name === 'host_function.timed_out')
    expect(timedOut).toMatchObject({ ...event, timeoutMs: TIMEOUT })
    const rejected = host.events.find(({ name }) => name === 'token.rejected')
    expect(rejected?.message).toMatch(/^(findClient|check|subject|claimsToToken\.roles) did not answer within 150 ms$/)
    expectCleanEvents(host)

    isHanging = false
    answer = exchange.findClient !== undefined ? CLIENT : identityProvider?.check !== undefined ? true : 'alice'
    if (exchange.findClient !== undefined) return expect(host.events).toHaveLength(2)
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it('that answers at once or in time is waited for, with a signal that is not aborted', async () => {
    for (const delay of [undefined, 1, TIMEOUT / 3]) {
      const seen: unknown[] = []
      const respond = (given: unknown[]) => {
        seen.push((given.at(-1) as AbortSignal).aborted)
        const [first] = given
        if (typeof first === 'string') return first === CLIENT.clientId ? CLIENT : undefined
        return given.length === 2 ? 'alice' : true
      }
      const { exchange = {}, identityProvider } = optionsWith(((...given: unknown[]) =>
        delay === undefined ? respond(given) : pause(delay).then(() => respond(given))) as () => never)
      const host = await start({ ...exchange, hostFunctions: { timeout: 2000 } }, identityProvider)
      expect((await host.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(200)
      expect(seen.length).toBeGreaterThan(0)
      expect(seen).not.toContain(true)
      expect(host.events.map(({ name }) => name)).not.toContain('host_function.timed_out')
    }
  })

  it.each(['host_function_timed_out', 'host_function_limit_reached'])(
    'that throws something like our own refusal, %s, makes neither a header nor a 500 of it',
    async (reason) => {
      const { exchange = {}, identityProvider } = optionsWith(() => {
        throw { name: 'DependencyUnavailable', reason, retryAfter: '9\r\nattacker: 1', context: {} }
      })
      const host = await start(exchange, identityProvider)
      const { status, headers } = await host.exchangeAssertion(await host.idp.issueAssertion())
      expect([status, headers['retry-after'], headers.attacker]).toEqual([503, '1', undefined])
      expect(host.lastReason()).toMatch(FAILED)
    },
  )

  it('of which too many calls run is refused at once', async () => {
    let answerAll = () => {}
    const answered = new Promise<void>((resolve) => {
      answerAll = resolve
    })
    const failLater = () => answered.then(() => Promise.reject(new Error('too late')))
    const { exchange = {}, identityProvider } = optionsWith(failLater as () => never)
    const host = await start({ ...exchange, hostFunctions: { timeout: 10_000, maxConcurrent: 2 } }, identityProvider)
    const assertions = await Promise.all(Array.from({ length: 8 }, () => host.idp.issueAssertion()))
    await host.exchange.ready()
    const answers = assertions.map((assertion) => host.exchangeAssertion(assertion))
    const refused = () => host.events.filter(({ reason }) => reason === 'host_function_limit_reached')
    while (refused().length < 6) await pause(5)
    answerAll()
    const statuses = await Promise.all(answers)
    expect(statuses.map(({ status }) => status)).toEqual(Array(8).fill(503))
    for (const { headers } of statuses) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
    const reasons = host.events.filter(({ name }) => name === 'token.rejected').map(({ reason }) => reason)
    const failed = reasons.filter((reason) => reason !== 'host_function_limit_reached')
    expect([reasons.length, failed]).toEqual([8, Array(2).fill(expect.stringMatching(FAILED))])
    const reported = host.events.filter(({ name }) => name === 'host_function.limit_reached')
    expect(reported).toEqual([expect.objectContaining({ ...event, maxConcurrent: 2 })])
  })
})

describe('behind the assertion strategy, and in explain', () => {
  it.each(['check', 'subject'] as const)('a %s that hangs is 503, or a failed step', async (name) => {
    const host = await start({}, { [name]: hang })
    await host.exchange.ready()
    const assertion = await host.idp.issueAssertion()
    const answer = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    expect([answer.status, host.lastReason()]).toEqual([503, 'host_function_timed_out'])
    const { reason, steps } = await host.exchange.explain(assertion, { clientId: CLIENT.clientId })
    expect(reason).toBe('host_function_timed_out')
    expect(steps.find(({ outcome }) => outcome === 'failed')?.found).toContain('did not answer within 150 ms')
  })
})

describe('1000 requests to a findClient that hangs', () => {
  it('are all answered, within the timeout and what the work takes', async () => {
    const running = { now: 0, most: 0 }
    const host = await start({
      hostFunctions: { timeout: 300, maxConcurrent: 100 },
      findClient: (_id, signal) => {
        running.now += 1
        running.most = Math.max(running.most, running.now)
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            running.now -= 1
            reject(signal.reason)
          })
        })
      },
    })
    // As many at once as the backlog of a server holds.
    const agent = new Agent({ keepAlive: true, maxSockets: 500 })
    const startedAt = performance.now()
    const statuses = await Promise.all(Array.from({ length: 1000 }, () => post(host.url, agent)))
    expect(performance.now() - startedAt).toBeLessThan(25_000)
    expect(new Set(statuses)).toEqual(new Set([503]))
    expect(running.most).toBeLessThanOrEqual(101)
    expect(running.now).toBe(0)
    agent.destroy()
  })
})

function post(url: string, agent: Agent): Promise<number | undefined> {
  const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: 'a.b.c' }).toString()
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
    authorization: `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`,
  }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${url}/oauth2/token`, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    sent.on('error', reject).end(body)
  })
}

describe('an outage of the host', () => {
  it('ends with its functions: the next request is served', async () => {
    let isHanging = true
    const host = await start({
      hostFunctions: { timeout: TIMEOUT, maxConcurrent: 2 },
      findClient: (clientId) =>
        isHanging ? hang() : Promise.resolve(clientId === CLIENT.clientId ? CLIENT : undefined),
    })
    const assertion = await host.idp.issueAssertion()
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => host.exchangeAssertion(assertion)))
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503])
    }
    isHanging = false
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })
})

describe('the bounds of host functions', () => {
  it('change with the options, and are options of a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'host-functions-'))
    const path = join(directory, 'deployment.toml')
    const key = generateSigningKey()
    const load = (bounds: string, findClient: FindClient) => {
      writeFileSync(
        path,
        `issuer = "https://api.example.com"\n[host_functions]\n${bounds}\n[access_token]\naudience = "https://api.example.com"\n` +
          '[[identity_provider]]\nname = "https://idp.example.com"\nallowed_subjects = "any"\njwks_uri = "https://idp.example.com/jwks"\n',
      )
      const options = loadConfig(path, { options: { findClient } })
      return { ...options, accessToken: { ...options.accessToken, signingKeys: [key] } }
    }
    try {
      const exchange = createJwtExchange(load('timeout = 60_000\nmax_concurrent = 7', hang))
      expect(load('timeout = 10\nmax_concurrent = 7', hang).hostFunctions).toEqual({ timeout: 10, maxConcurrent: 7 })
      exchange.reconfigure(load('timeout = 10', hang))
      const { reason } = await exchange.explain('a.b.c', { clientId: 'app' })
      expect(reason).toBe('host_function_timed_out')
      exchange.close()
      expect(() => load('timeout = 9', hang)).toThrow('timeout')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
