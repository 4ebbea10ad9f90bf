import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as settle } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import express from 'express'
import fc from 'fast-check'
import request from 'supertest'
import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchange,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { EXPIRED_CERTIFICATE } from '../support/certificates.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, ISSUER } from '../support/exchange-host.js'

const NAMES = ['https://one.example.com', 'https://two.example.com'] as const
const ALIASES = ['https://us.example.com', 'https://also-us.example.com'] as const
const PATHS = ['/a', '/b', '/c'] as const
const SCOPES = ['openid', 'orders:read', 'orders:write'] as const
/** Each of them makes good options bad. What else they say must not take effect either. */
const DEFECTS: Readonly<Record<string, (options: JwtExchangeOptions) => unknown>> = {
  'an unknown option': (options) => ({ ...options, audiences: [] }),
  'an unknown option of a client': (options) => ({ ...options, clients: [{ ...CLIENT, scope: 'openid' }] }),
  'another issuer': (options) => ({ ...options, issuer: 'https://other.example.com' }),
  'another replay timeout': (options) => ({ ...options, replay: { timeout: 50 } }),
  'another clock': (options) => ({ ...options, clock: new AdjustableClock() }),
  'no signing key': (options) => ({ ...options, accessToken: { audience: AUDIENCE } }),
  'two providers of one name': ({ identityProviders = [], ...others }) => ({
    ...others,
    identityProviders: [...identityProviders, ...identityProviders.slice(0, 1)],
  }),
  'a provider without keys, after one with a certificate that has expired': ({
    identityProviders = [],
    ...others
  }) => ({
    ...others,
    identityProviders: [
      { name: 'https://three.example.com', certificates: [EXPIRED_CERTIFICATE], allowedSubjects: 'any' },
      ...identityProviders,
      { name: 'https://four.example.com', allowedSubjects: 'any' },
    ],
  }),
  'a higher clock tolerance': ({ identityProviders = [], ...others }) => ({
    ...others,
    identityProviders: identityProviders.map((each) => ({ ...each, clockTolerance: 90 })),
  }),
  'a provider that cannot be reached by its own rule': ({ identityProviders = [], ...others }) => ({
    ...others,
    identityProviders: identityProviders.map((each) => ({ ...each, network: 'public' })),
  }),
  'no object': () => Promise.reject(new Error('options that come later')),
  'a function that throws': () => () => {
    throw new Error('no options today')
  },
}

interface ProviderModel {
  name: (typeof NAMES)[number]
  alias: (typeof ALIASES)[number]
  path: (typeof PATHS)[number]
  enabled: boolean
}

interface ConfigModel {
  providers: readonly ProviderModel[]
  scopes: readonly string[]
  lifetime: number
  readTimeout: number
  headers: Record<string, string>
}

type Action =
  | { kind: 'change'; config: ConfigModel }
  | { kind: 'slip'; config: ConfigModel; defect: string }
  | { kind: 'switch'; name: string; isOn: boolean }
  | { kind: 'request'; name: string }

/** What a reader of the documentation expects of an exchange. */
class Model {
  config: ConfigModel
  revision = 1
  /** By names: what the options say, and whether it was switched off at run time. */
  readonly trust = new Map<string, { isOn: boolean; isOffAtRunTime: boolean }>()
  /** Fetches of each client that there is, by alias and path. */
  clients = new Map<string, number>()
  readonly fetchesOfPath = new Map<string, number>()

  constructor(config: ConfigModel) {
    this.config = config
    this.#configure(config)
  }

  change(config: ConfigModel): void {
    this.revision += 1
    this.#configure(config)
  }

  /** Whether the name is known. */
  switch(name: string, isOn: boolean): boolean {
    if (!this.trust.has(name)) return false
    this.trust.set(name, { isOn, isOffAtRunTime: !isOn })
    return true
  }

  /** 'issued', or the reason of the refusal. */
  request(name: string): string {
    const provider = this.find(name)
    if (provider === undefined) return 'unknown_issuer'
    if (!this.isOn(name)) return 'identity_provider_disabled'
    const pair = pairOf(provider)
    if (this.clients.get(pair) === 0) {
      this.clients.set(pair, 1)
      this.fetchesOfPath.set(provider.path, (this.fetchesOfPath.get(provider.path) ?? 0) + 1)
    }
    return 'issued'
  }

  find(name: string): ProviderModel | undefined {
    return this.config.providers.find((each) => each.name === name)
  }

  isOn(name: string): boolean {
    return this.trust.get(name)?.isOn === true
  }

  #configure(config: ConfigModel): void {
    this.config = config
    const pairs = config.providers.map(pairOf)
    this.clients = new Map(pairs.map((pair) => [pair, this.clients.get(pair) ?? 0]))
    for (const { name, enabled } of config.providers) {
      const isOffAtRunTime = this.trust.get(name)?.isOffAtRunTime ?? false
      this.trust.set(name, { isOn: enabled && !isOffAtRunTime, isOffAtRunTime })
    }
  }
}

const signingKey = generateSigningKey()
const fetchesOfPath = new Map<string, number>()
let keyOfPath: ReadonlyMap<string, FakeKey>
let keyServer: Server

beforeAll(async () => {
  const keys = PATHS.map(async (path) => [path, await generateFakeKey('ES256', path)] as const)
  keyOfPath = new Map(await Promise.all(keys))
  keyServer = createServer(({ url = '' }, res) => {
    fetchesOfPath.set(url, (fetchesOfPath.get(url) ?? 0) + 1)
    res.end(JSON.stringify({ keys: [keyOfPath.get(url)?.publicJwk] }))
  }).listen(0, '127.0.0.1')
  await once(keyServer, 'listening')
})
afterAll(() => {
  keyServer.closeAllConnections()
  keyServer.close()
})

const provider = fc.record({
  alias: fc.constantFrom(...ALIASES),
  path: fc.constantFrom(...PATHS),
  enabled: fc.boolean(),
})
const config: fc.Arbitrary<ConfigModel> = fc
  .record({
    providers: fc.tuple(fc.option(provider), provider, fc.boolean()),
    scopes: fc.subarray([...SCOPES], { minLength: 1 }),
    lifetime: fc.integer({ min: 60, max: 600 }),
    readTimeout: fc.constantFrom(900, 1000),
    headers: fc.constantFrom({}, { 'x-caller': 'tests' }),
  })
  .map(({ providers: [first, second, isSwapped], ...others }) => {
    const named = [first, second].map((each, index) => each && { name: NAMES[isSwapped ? 1 - index : index], ...each })
    return { ...others, providers: named.filter((each): each is ProviderModel => each !== null) }
  })
const name = fc.constantFrom(...NAMES, 'https://never.example.com')
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), config }),
  fc.record({ kind: fc.constant('slip' as const), config, defect: fc.constantFrom(...Object.keys(DEFECTS)) }),
  fc.record({ kind: fc.constant('switch' as const), name, isOn: fc.boolean() }),
  fc.record({ kind: fc.constant('request' as const), name: fc.constantFrom(...NAMES) }),
)

it('reconfigure() puts other options into force wholly, or not at all', async () => {
  await fc.assert(
    fc.asyncProperty(config, fc.array(action, { minLength: 4, maxLength: 14 }), async (first, actions) => {
      const clock = new AdjustableClock()
      const exchange = createJwtExchange(optionsOf(first, clock))
      const world = await startWorld(exchange, clock, new Model(first))
      try {
        await expectAsModelled(world)
        for (const each of actions) {
          await act(each, world)
          await expectAsModelled(world)
        }
      } finally {
        world.close()
      }
    }),
    { numRuns: 40 },
  )
}, 30_000)

interface World {
  exchange: JwtExchange
  clock: AdjustableClock
  model: Model
  url: string
  /** Names of events since the last action. */
  events: string[]
  /** Access tokens, by the identity provider whose assertions they were issued for. */
  tokens: Map<string, string>
  close(): void
}

async function startWorld(exchange: JwtExchange, clock: AdjustableClock, model: Model): Promise<World> {
  fetchesOfPath.clear()
  const events: string[] = []
  const names = ['config.changed', 'config.refused', 'certificate.expiring', 'jwks.insecure_http'] as const
  for (const each of [...names, 'identity_provider.disabled', 'identity_provider.enabled'] as const) {
    exchange.events.on(each, () => events.push(each))
  }
  const app = express().use(exchange.wellKnown).use('/oauth2', exchange.router)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    exchange.close()
    server.closeAllConnections()
    server.close()
  }
  return { exchange, clock, model, url, events, tokens: new Map(), close }
}

function optionsOf(model: ConfigModel, clock: AdjustableClock): JwtExchangeOptions {
  const { port } = keyServer.address() as AddressInfo
  const identityProviders = model.providers.map(
    ({ path, ...others }): IdentityProviderOptions => ({
      ...others,
      jwksUri: `http://127.0.0.1:${port}${path}`,
      allowedSubjects: 'any',
      headers: model.headers,
    }),
  )
  return {
    issuer: ISSUER,
    identityProviders,
    clients: [{ ...CLIENT, scopes: model.scopes }],
    subject: 'namespaced',
    jwksEndpoint: { readTimeout: model.readTimeout },
    accessToken: { audience: AUDIENCE, signingKeys: [signingKey], lifetime: model.lifetime },
    clock,
  }
}

async function act(done: Action, world: World): Promise<void> {
  const { exchange, clock, model, events } = world
  events.length = 0
  if (done.kind === 'change') {
    exchange.reconfigure(optionsOf(done.config, clock))
    model.change(done.config)
    await expectEvents(world, ['config.changed'])
  } else if (done.kind === 'slip') {
    // For a provider that was never there, any clock tolerance is its first one.
    const isKnown = done.config.providers.some(({ name }) => model.trust.has(name))
    if (done.defect === 'a higher clock tolerance' && !isKnown) return
    const slip = DEFECTS[done.defect]?.(optionsOf(done.config, clock))
    expect(() => exchange.reconfigure(slip as JwtExchangeOptions)).toThrow()
    await expectEvents(world, ['config.refused'])
  } else if (done.kind === 'switch') {
    await switchTrust(done, world)
  } else {
    await exchangeAssertion(done.name, world)
  }
}

async function expectEvents({ events }: World, names: string[]): Promise<void> {
  await settle() // Some are emitted in the next microtask.
  expect(events).toEqual(names)
}

async function switchTrust(
  { name: named, isOn }: Action & { kind: 'switch' },
  { exchange, model }: World,
): Promise<void> {
  const flip = () => (isOn ? exchange.enableIdentityProvider(named) : exchange.disableIdentityProvider(named))
  if (model.switch(named, isOn)) await flip()
  else await expect(flip()).rejects.toThrow('a registered identity provider')
}

async function exchangeAssertion(named: string, world: World): Promise<void> {
  const { model, clock, url, tokens } = world
  const { path, alias } = model.find(named) ?? { path: PATHS[0], alias: ALIASES[0] }
  const key = keyOfPath.get(path) as FakeKey
  const dates = { iat: clock.now(), exp: clock.now() + 300 }
  const claims = { iss: named, sub: 'alice', aud: alias, jti: randomUUID(), ...dates }
  const assertion = await signAssertion(key, { alg: 'ES256', kid: path, typ: 'JWT' }, claims)
  let reason = 'issued'
  world.exchange.events.once('token.rejected', (event) => {
    reason = event.reason
  })
  const body = { grant_type: GRANT_TYPE, assertion }
  const response = await request(url).post('/oauth2/token').auth('app', CLIENT.clientSecret).type('form').send(body)
  expect(reason).toBe(model.request(named))
  if (reason !== 'issued') return
  const { scopes, lifetime } = model.config
  expect(response.body).toMatchObject({ expires_in: lifetime, scope: scopes.join(' ') })
  tokens.set(named, response.body.access_token)
}

async function expectAsModelled({ exchange, model, url, tokens }: World): Promise<void> {
  const { identityProviders, config: inForce } = exchange.stats()
  expect(inForce.revision).toBe(model.revision)
  expect(
    identityProviders.map(({ name: named, alias, enabled, kids, fetches }) => [named, alias, enabled, kids, fetches]),
  ).toEqual(
    model.config.providers.map((each) => {
      const fetches = model.clients.get(pairOf(each)) ?? 0
      return [each.name, each.alias, model.isOn(each.name), fetches > 0 ? [each.path] : [], fetches]
    }),
  )
  expect(fetchesOfPath).toEqual(model.fetchesOfPath)
  const metadata = await request(url).get('/.well-known/oauth-authorization-server/oauth2')
  expect(metadata.body.scopes_supported).toEqual(model.config.scopes)
  for (const [named, token] of tokens) {
    const verdict = await exchange.verifyAccessToken(token).then(
      () => 'accepted',
      ({ reason }) => reason,
    )
    expect(verdict).toBe(model.isOn(named) ? 'accepted' : 'identity_provider_disabled')
  }
}

function pairOf({ alias, path }: ProviderModel): string {
  return `${alias} ${path}`
}
