import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { systemClock } from '../../src/clock/clock.js'
import {
  ConfigError,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwksEndpointOptions,
  type JwtExchangeOptions,
  MemoryReplayStore,
} from '../../src/index.js'
import { EXPIRED_CERTIFICATE } from '../support/certificates.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHostOptions,
  GRANT_TYPE,
  ISSUER,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'

const signingKey = generateSigningKey()
const STORE = new MemoryReplayStore()

let host: ClockedHost
/** What the host began with, so that a change can be laid over it. */
let options: JwtExchangeOptions

async function start(
  identityProvider: Partial<IdentityProviderOptions> = {},
  exchange: Partial<JwtExchangeOptions> = {},
  others: ExchangeHostOptions = {},
) {
  const accessToken = { audience: AUDIENCE, signingKeys: [signingKey] }
  host = await startClockedHost({ identityProvider, exchange: { accessToken, ...exchange }, ...others })
  options = {
    issuer: ISSUER,
    identityProviders: [
      { name: host.idp.name, allowedSubjects: 'any', jwksUri: host.idp.jwksUri, ...identityProvider },
    ],
    ...(exchange.findClient === undefined && { clients: [CLIENT] }),
    accessToken,
    clock: host.clock,
    ...exchange,
  }
}
afterEach(() => host.close())

const change = (changes: Partial<JwtExchangeOptions>) => host.exchange.reconfigure({ ...options, ...changes })
const changeProvider = (changes: Partial<IdentityProviderOptions>) =>
  change({ identityProviders: (options.identityProviders ?? []).map((each) => ({ ...each, ...changes })) })
const orders = (token: string) => request(host.url).get('/orders').auth(token, { type: 'bearer' })
const exchangeOne = async (claims = {}) => host.judge(await host.assertion(claims))

/** A check that tells when it is asked, and does not answer before it may. */
function holdCheck() {
  let release = () => {}
  const held = new Promise<true>((resolve) => {
    release = () => resolve(true)
  })
  let isAsked = () => {}
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve
  })
  const check = () => {
    isAsked()
    return held
  }
  return { check, asked, release }
}

describe('other options that cannot be used', () => {
  const slip = { clients: [{ ...CLIENT, scope: ['orders:read'] }] } as unknown as Partial<JwtExchangeOptions>

  it('change nothing, and are told', async () => {
    await start()
    expect(() => change(slip)).toThrow(ConfigError)
    expect((await exchangeOne()).status).toBe(200)
    const { config } = host.exchange.stats()
    expect(config).toMatchObject({ revision: 1, lastRefusal: { at: host.clock.now() } })
    expect(config.lastRefusal?.message).toContain('clients[0].scope: unknown option')
    expect(host.events).toContainEqual({ name: 'config.refused', message: config.lastRefusal?.message })
    change({})
    expect(host.exchange.stats().config).toEqual({ revision: 2, since: host.clock.now() })
  })

  it('are also those that a function fails to give: what it throws goes to the caller alone, for it may hold a secret', async () => {
    await start()
    const broken = () => {
      throw Object.assign(new Error('postgres://app:secret@db is locked'), { code: 'ECONNREFUSED' })
    }
    expect(() => host.exchange.reconfigure(broken)).toThrow('postgres://app:secret@db is locked')
    const message = 'The options function threw: Error ECONNREFUSED'
    expect(host.exchange.stats().config.lastRefusal?.message).toBe(message)
    expect(host.events).toContainEqual({ name: 'config.refused', message })
    expect((await exchangeOne()).status).toBe(200)
  })

  it.each<[string, unknown]>([
    ['a text', 'secret'],
    ['nothing', undefined],
    ['an error whose name is no text', { name: ['secret'], code: { secret: 1 } }],
    [
      'an error whose code may be anything',
      { name: 'se cret', code: 'a secret of 60 characters, or so, with spaces and all that' },
    ],
  ])('are also those in whose place %s is thrown', async (_, thrown) => {
    await start()
    const broken = () => {
      throw thrown
    }
    expect(() => host.exchange.reconfigure(broken)).toThrow()
    expect(host.exchange.stats().config.lastRefusal?.message).toBe('The options function threw: unknown error')
  })

  it.each<[string, (given: Promise<JwtExchangeOptions>) => unknown]>([
    ['a promise', (given) => given],
    ['what an async function gives', (given) => () => given],
  ])('are also those that come later: %s, which may be rejected', async (_, late) => {
    await start()
    for (const given of [Promise.resolve(options), Promise.reject(new Error('late'))]) {
      expect(() => host.exchange.reconfigure(late(given) as JwtExchangeOptions)).toThrow(
        'options: got a promise; expected an object',
      )
    }
    await pause(20) // An unhandled rejection would end the test run.
    expect(host.exchange.stats().config).toMatchObject({ revision: 1 })
  })

  it.each<[string, Partial<JwtExchangeOptions>]>([
    ['issuer', { issuer: 'https://other.example.com' }],
    ['tokenEndpoint', { tokenEndpoint: 'https://other.example.com/token' }],
    ['replay.store', { replay: { store: STORE } }],
    ['replay.timeout', { replay: { timeout: 500 } }],
    ['replay.maxEntries', { replay: { maxEntries: 10 } }],
    ['revocation.mode', { revocation: {} }],
    ['revocation.pollInterval', { revocation: { mode: 'off', pollInterval: 100 } }],
    ['clientAuthentication.maxFailures', { clientAuthentication: { maxFailures: 10 } }],
    ['clientAuthentication.failureWindow', { clientAuthentication: { failureWindow: 10 } }],
    ['clock', { clock: systemClock }],
  ])('are those with another %s', async (path, changes) => {
    await start()
    expect(() => change(changes)).toThrow(`${path}: cannot change while the exchange runs; restart the process`)
    expect(host.exchange.stats().config.revision).toBe(1)
  })

  it('are those that have lost the signing keys', async () => {
    await start()
    expect(() => change({ accessToken: { audience: AUDIENCE } })).toThrow(
      'accessToken.signingKeys: missing; configure signing keys as before',
    )
  })
})

describe('a signing key that was generated', () => {
  it('cannot become one of another algorithm', async () => {
    await start({}, { accessToken: { audience: AUDIENCE } })
    expect(() => change({ accessToken: { audience: AUDIENCE, algorithm: 'EdDSA' } })).toThrow(
      'accessToken.algorithm: got EdDSA; keep `algorithm: ',
    )
  })
})

describe('other options', () => {
  it('hold for the next request, of clients, rules, routes and documents alike', async () => {
    await start({}, { clients: [{ ...CLIENT, scopes: ['openid', 'orders:read'] }] })
    const token = await host.accessToken()
    const next = generateSigningKey()
    change({
      clients: [{ ...CLIENT, clientSecret: 'another secret of the tests', scopes: ['openid'] }],
      accessToken: { audience: [AUDIENCE, 'https://more.example.com'], signingKeys: [next, signingKey] },
    })
    expect((await host.post({ grant_type: 'x' })).status).toBe(400)
    expect((await exchangeOne()).status).toBe(401)
    expect((await request(host.url).get('/oauth2/jwks')).body.keys).toHaveLength(2)
    const metadata = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(metadata.body.scopes_supported).toEqual(['openid'])
    expect((await orders(token)).status).toBe(200)
  })

  it('end access tokens for an audience that is no longer ours, those that were accepted often, too', async () => {
    await start()
    const token = await host.accessToken()
    for (let times = 0; times < 3; times += 1) expect((await orders(token)).status).toBe(200)
    change({ accessToken: { audience: 'https://elsewhere.example.com', signingKeys: [signingKey] } })
    expect((await orders(token)).status).toBe(401)
    expect(host.lastReason()).toBe('wrong_audience')
    await expect(host.exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'wrong_audience' })
    expect((await request(host.url).get('/me').auth(token, { type: 'bearer' })).status).toBe(401)
  })

  it('keep the signing key that was generated, and accept its tokens', async () => {
    const accessToken = { audience: AUDIENCE }
    await start({}, { accessToken })
    const token = await host.accessToken()
    change({ accessToken: { ...accessToken, lifetime: 60 } })
    expect((await orders(token)).status).toBe(200)
    const { body } = await host.exchangeAssertion(await host.assertion())
    expect(body.expires_in).toBe(60)
  })

  it('do not forget the assertions that were used', async () => {
    await start()
    const assertion = await host.assertion()
    expect((await host.judge(assertion)).status).toBe(200)
    changeProvider({ scopes: ['openid'] })
    expect((await host.judge(assertion)).reason).toBe('replayed')
  })

  it('do not forget the failures of a client', async () => {
    await start({}, { clientAuthentication: { maxFailures: 2 } })
    const guess = () =>
      request(host.url).post('/oauth2/token').auth(CLIENT.clientId, 'wrong').type('form').send({ grant_type: 'x' })
    const wrong = () => guess().send({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'x' })
    expect([(await wrong()).status, (await wrong()).status]).toEqual([401, 401])
    change({})
    expect((await wrong()).status).toBe(429)
  })

  it('refuse the assertions of an identity provider that is gone', async () => {
    await start()
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    expect((await exchangeOne()).reason).toBe('unknown_issuer')
    expect(host.exchange.stats().identityProviders.map(({ name }) => name)).toEqual(['https://other.example.com'])
  })
})

describe('requests that are under way', () => {
  it('end by the rules that they began with', async () => {
    const { check, asked, release } = holdCheck()
    await start({ check, scopes: ['openid'] })
    const old = host.exchangeAssertion(await host.assertion())
    await asked
    changeProvider({ check: () => 'closed', scopes: ['orders:read'] })
    expect((await exchangeOne()).reason).toBe('refused_by_check')
    release()
    expect((await old).body).toMatchObject({ scope: 'openid' })
  })

  it('are refused all the same where the new options switch their identity provider off', async () => {
    const { check, asked, release } = holdCheck()
    await start({ check })
    const old = host.exchangeAssertion(await host.assertion())
    await asked
    changeProvider({ check, enabled: false })
    release()
    expect((await old).status).toBe(400)
    expect(host.lastReason()).toBe('identity_provider_disabled')
  })
})

describe('the clock tolerance of an identity provider', () => {
  it('cannot be raised: a used assertion would be forgotten before it expires', async () => {
    await start({ clockTolerance: 0 })
    const exp = Math.floor(host.clock.now()) + 30
    const assertion = await host.assertion({ exp })
    expect((await host.judge(assertion)).status).toBe(200)
    const raise = () => change({ assertion: { clockTolerance: 600 } })
    expect(() => changeProvider({ clockTolerance: 1 })).toThrow(
      'identityProviders[0].clockTolerance: got 1; expected at most 0, as at the start',
    )
    changeProvider({ clockTolerance: 0, lifetime: 60 })
    options = {
      ...options,
      identityProviders: [{ name: host.idp.name, allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    }
    expect(raise).toThrow('identityProviders[0].clockTolerance: got 600; expected at most 0, as at the start')
    host.clock.advance(30 + 62)
    expect((await host.judge(assertion)).reason).toBe('expired')
  })

  it('cannot be raised either by leaving it out in between, or by lowering it first', async () => {
    await start({ clockTolerance: 10 })
    changeProvider({ clockTolerance: 5 })
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    expect(() => changeProvider({ clockTolerance: 11 })).toThrow('expected at most 10, as at the start')
    changeProvider({ clockTolerance: 5 })
    changeProvider({ clockTolerance: 4 })
  })

  it('can be what it was at the start again: what was used meanwhile is not forgotten', async () => {
    await start({ clockTolerance: 600 })
    changeProvider({ clockTolerance: 0 })
    changeProvider({ clockTolerance: 0, lifetime: 60 })
    const assertion = await host.assertion({ exp: host.clock.now() + 1 })
    expect((await host.judge(assertion)).status).toBe(200)
    host.clock.advance(300)
    expect((await host.judge(assertion)).reason).toBe('expired')
    changeProvider({ clockTolerance: 600 })
    expect((await host.judge(assertion)).reason).toBe('replayed')
    host.clock.advance(300)
    expect((await host.judge(assertion)).reason).toBe('replayed')
    host.clock.advance(2)
    expect((await host.judge(assertion)).reason).toBe('expired')
  })

  it('can be raised where assertions are not remembered anyway', async () => {
    await start({ clockTolerance: 0, replay: 'allow' })
    changeProvider({ clockTolerance: 60 })
    expect(() => changeProvider({ clockTolerance: 60, replay: 'once' })).not.toThrow()
    expect(() => changeProvider({ clockTolerance: 61, replay: 'once' })).toThrow('expected at most 60, as at the start')
  })
})

describe('fetches that are under way', () => {
  let keys: Server
  let answer: RequestListener
  let jwksUri: string
  beforeEach(async () => {
    keys = createServer((req, res) => answer(req, res)).listen(0, '127.0.0.1')
    await once(keys, 'listening')
    jwksUri = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`
  })
  afterEach(async () => {
    keys.closeAllConnections()
    await new Promise((resolve) => keys.close(resolve))
  })
  const sendKey = (res: ServerResponse) => res.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))

  it('leave no withdrawn key in force where refreshKeys has ended', async () => {
    answer = (_, res) => void sendKey(res)
    await start({ jwksUri })
    await exchangeOne()
    const bySignedWithdrawnKey = await host.assertion()
    await host.idp.rotate()
    answer = (_, res) => void setTimeout(sendKey, 200, res)
    const refreshing = host.exchange.refreshKeys(host.idp.name)
    await pause(50)
    change({ jwksEndpoint: { readTimeout: 900 } })
    expect((await refreshing).kids).toEqual([host.idp.signingKey.publicJwk.kid])
    expect(host.exchange.stats().identityProviders[0]?.kids).toEqual([host.idp.signingKey.publicJwk.kid])
    expect((await host.judge(bySignedWithdrawnKey)).reason).toBe('unknown_key')
  })

  it('end well for refreshKeys where they fail by options that are gone meanwhile', async () => {
    answer = (_, res) => void sendKey(res)
    const failLate = async () => {
      await pause(200)
      throw new Error('no token')
    }
    await start({ jwksUri, headers: failLate })
    const refreshing = host.exchange.refreshKeys(host.idp.name)
    await pause(50)
    changeProvider({ headers: {} })
    expect((await refreshing).state).toBe('ok')
  })

  it('end with close(), also where other options came after them', async () => {
    let ended = () => {}
    const isEnded = new Promise<void>((resolve) => {
      ended = resolve
    })
    answer = (req) => void req.socket.once('close', ended)
    await start({ jwksUri }, { jwksEndpoint: { readTimeout: 10_000 } })
    const asked = once(keys, 'request')
    const exchanging = exchangeOne()
    await asked
    change({ jwksEndpoint: { readTimeout: 9000 } })
    host.exchange.close()
    await isEnded
    expect(await exchanging).toMatchObject({ status: 503, reason: 'jwks_unavailable' })
  })

  it('do not begin after close(), by a request of earlier options either', async () => {
    const { check: find, asked, release } = holdCheck()
    await start({ jwksUri }, { findClient: async () => (await find()) && CLIENT })
    let fetches = 0
    answer = (_, res) => {
      fetches += 1
      sendKey(res)
    }
    const exchanging = exchangeOne()
    await asked
    change({ jwksEndpoint: { readTimeout: 900 } })
    host.exchange.close()
    release()
    expect(await exchanging).toMatchObject({ status: 503, reason: 'jwks_unavailable' })
    expect(fetches).toBe(0)
  })
})

describe('a request whose body is held back', () => {
  /** Sends the headers; the body follows when that is asked for. */
  async function holdBody() {
    const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await host.assertion() }).toString()
    const sent = httpRequest(`${host.url}/oauth2/token`, {
      method: 'POST',
      auth: `${CLIENT.clientId}:${CLIENT.clientSecret}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length },
    })
    const received = new Promise((resolve) => host.server.once('request', resolve))
    sent.flushHeaders()
    await received
    return async () => {
      sent.end(body)
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      return { status: response.statusCode, body: await json(response) }
    }
  }

  it('is judged by the options that are in force when that has come: by a new secret', async () => {
    await start()
    const send = await holdBody()
    change({ clients: [{ ...CLIENT, clientSecret: 'another secret of the tests' }] })
    expect((await send()).status).toBe(401)
  })

  it('by narrower scopes', async () => {
    await start()
    const send = await holdBody()
    changeProvider({ scopes: ['openid'] })
    expect((await send()).body).toMatchObject({ scope: 'openid' })
  })

  it('by the rules of an identity provider that the old options had switched off', async () => {
    await start({ enabled: false })
    const send = await holdBody()
    changeProvider({ enabled: true, allowedSubjects: ['nobody'] })
    expect([(await send()).status, host.lastReason()]).toEqual([400, 'subject_not_allowed'])
  })

  it('and by a new demand for TLS', async () => {
    await start()
    const send = await holdBody()
    change({ requireHttps: true })
    expect((await send()).body).toMatchObject({ error: 'invalid_request' })
  })
})

describe('an identity provider that was switched off at run time', () => {
  it('stays off, whatever else the options change, until it is switched on', async () => {
    await start()
    host.exchange.disableIdentityProvider(host.idp.name)
    changeProvider({ enabled: true, scopes: ['openid'] })
    expect((await exchangeOne()).reason).toBe('identity_provider_disabled')
    host.exchange.enableIdentityProvider(host.idp.name)
    expect((await exchangeOne()).status).toBe(200)
  })

  it('stays off also where it was gone in between', async () => {
    await start()
    host.exchange.disableIdentityProvider(host.idp.name)
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    change({})
    expect((await exchangeOne()).reason).toBe('identity_provider_disabled')
  })

  it('stays off for its access tokens, too, where the options no longer have it', async () => {
    await start()
    const token = await host.accessToken()
    host.exchange.disableIdentityProvider(host.idp.name)
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    expect((await orders(token)).status).toBe(401)
    change({})
    expect((await orders(token)).status).toBe(401)
    host.exchange.enableIdentityProvider(host.idp.name)
    expect((await orders(token)).status).toBe(200)
  })

  it('reaches a request that began before it was gone and came back', async () => {
    const { check, asked, release } = holdCheck()
    await start({ check })
    const old = host.exchangeAssertion(await host.assertion())
    await asked
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    change({})
    host.exchange.disableIdentityProvider(host.idp.name)
    release()
    expect([(await old).status, host.lastReason()]).toEqual([400, 'identity_provider_disabled'])
  })

  it('can be one that the options no longer have, whose access tokens are about yet', async () => {
    await start()
    const token = await host.accessToken()
    change({
      identityProviders: [{ name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
    })
    expect((await orders(token)).status).toBe(200)
    host.exchange.disableIdentityProvider(host.idp.name)
    expect((await orders(token)).status).toBe(401)
    await expect(host.exchange.disableIdentityProvider('https://never.example.com')).rejects.toThrow(ConfigError)
  })

  it('is off where the options say so, though it was switched on at run time', async () => {
    await start({ enabled: false })
    host.exchange.enableIdentityProvider(host.idp.name)
    expect((await exchangeOne()).status).toBe(200)
    change({})
    expect((await exchangeOne()).reason).toBe('identity_provider_disabled')
  })
})

describe('the key sets', () => {
  it('stay, with one fetch and all its statistics, where nothing about them changes', async () => {
    await start()
    await exchangeOne()
    for (let times = 0; times < 5; times += 1) changeProvider({ lifetime: 60 + times })
    expect((await exchangeOne()).status).toBe(200)
    expect(host.idp.fetches).toBe(1)
    expect(host.exchange.stats().identityProviders[0]).toMatchObject({ state: 'ok', fetches: 1 })
  })

  it.each<[string, () => Partial<JwtExchangeOptions>]>([
    ['jwksEndpoint', () => ({ jwksEndpoint: { readTimeout: 2000, cacheMaxAge: 60_000 } })],
    [
      'the headers for the endpoint',
      () => ({
        identityProviders: (options.identityProviders ?? []).map((each) => ({ ...each, headers: { 'x-key': 'a' } })),
      }),
    ],
  ])('serve on in an outage while %s changes', async (_, changes) => {
    await start()
    await exchangeOne()
    await host.idp.fault('down')
    change(changes())
    expect((await exchangeOne()).status).toBe(200)
    host.clock.advance(301)
    expect((await exchangeOne()).status).toBe(200)
    expect(host.exchange.stats().identityProviders[0]?.state).toBe('stale')
    expect(host.idp.fetches).toBe(1)
  })

  it('let nobody wait for an endpoint that failed before the change, and its recovery is told', async () => {
    await start()
    await exchangeOne()
    host.clock.advance(301)
    await host.idp.fault('down')
    expect((await exchangeOne()).status).toBe(200)
    expect(host.events.filter(({ name }) => name === 'jwks.stale')).toHaveLength(1)
    await host.idp.fault('stalled') // A fetch takes 900 ms, and the answer must not wait for it.
    change({ jwksEndpoint: { readTimeout: 900 } })
    const failures = () => host.events.filter(({ name }) => name === 'jwks.failed').length
    const before = failures()
    expect(host.exchange.stats().identityProviders[0]).toMatchObject({ state: 'stale', consecutiveFailures: 1 })
    expect((await exchangeOne()).status).toBe(200)
    expect(failures()).toBe(before)
    await host.exchange.refreshKeys(host.idp.name).catch(() => {})
    expect(failures()).toBeGreaterThan(before)
    expect(host.events.filter(({ name }) => name === 'jwks.stale')).toHaveLength(1)
    await host.idp.fault('off')
    change({ jwksEndpoint: { readTimeout: 800 } })
    await host.exchange.refreshKeys(host.idp.name)
    expect(host.events.filter(({ name }) => name === 'jwks.recovered')).toEqual([
      expect.objectContaining({ identityProvider: host.idp.name, failedForMs: expect.any(Number) }),
    ])
  })

  it.each<[string, Record<string, string>, JwksEndpointOptions, JwksEndpointOptions, number]>([
    [
      'by what the endpoint says',
      { 'cache-control': 'max-age=86400' },
      { cacheMaxAgeAtMost: 86_400_000 },
      { cacheMaxAgeAtMost: 40_000 },
      86_400_000,
    ],
    ['where it says nothing', {}, { cacheMaxAge: 3_600_000 }, { cacheMaxAge: 40_000 }, 3_600_000],
  ])('are fresh for no longer than the new bounds allow: %s', async (_, headers, longer, shorter, longest) => {
    await start({}, { jwksEndpoint: longer })
    host.idp.setKeySetHeaders(headers)
    await exchangeOne()
    const expiresIn = () => host.exchange.stats().identityProviders[0]?.expiresIn
    expect(expiresIn()).toBe(longest)
    change({ jwksEndpoint: shorter })
    expect(expiresIn()).toBe(40_000)
    change({ jwksEndpoint: longer })
    expect(expiresIn()).toBe(40_000)
    host.clock.advance(41)
    await exchangeOne()
    expect([host.idp.fetches, expiresIn()]).toEqual([2, longest])
  })

  it('leave out the same keys without a word after a change', async () => {
    await start()
    host.idp.publish([host.idp.signingKey.publicJwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' }])
    await exchangeOne()
    change({ jwksEndpoint: { readTimeout: 900 } })
    await host.exchange.refreshKeys(host.idp.name)
    expect(host.events.filter(({ name }) => name === 'jwks.key_rejected')).toHaveLength(1)
  })

  it.each<[string, () => Partial<IdentityProviderOptions>]>([
    ['configured', () => ({ jwksUri: undefined as never, certificates: [EXPIRED_CERTIFICATE] })],
    ['published with a key', () => ({})],
  ])('warn of a certificate that is %s once a day, however often other options come', async (_, keys) => {
    await start()
    const x5c = [new X509Certificate(EXPIRED_CERTIFICATE).raw.toString('base64')]
    const certified = new X509Certificate(EXPIRED_CERTIFICATE).publicKey.export({ format: 'jwk' })
    host.idp.publish([host.idp.signingKey.publicJwk, { ...certified, kid: 'certified', x5c }])
    for (const readTimeout of [900, 901, 902]) {
      const { jwksUri, ...entry } = { ...options.identityProviders?.[0], ...keys() } as IdentityProviderOptions
      const identityProviders = [jwksUri === undefined ? entry : { ...entry, jwksUri }]
      change({ jwksEndpoint: { readTimeout }, identityProviders })
      await host.exchange.refreshKeys(host.idp.name)
      await exchangeOne()
    }
    expect(host.events.filter(({ name }) => name === 'certificate.expiring')).toHaveLength(1)
    host.clock.advance(86_400)
    change({})
    await host.exchange.refreshKeys(host.idp.name)
    expect(host.events.filter(({ name }) => name === 'certificate.expiring')).toHaveLength(2)
  })

  it('are told of by the names that have them now, once each', async () => {
    await start()
    await exchangeOne()
    const [entry] = options.identityProviders as [IdentityProviderOptions]
    change({ identityProviders: [{ ...entry, name: 'https://renamed.example.com', alias: TOKEN_ENDPOINT }] })
    await host.exchange.refreshKeys('https://renamed.example.com')
    const told = host.events.filter(({ name }) => name === 'jwks.refreshed').map((each) => each.identityProvider)
    expect(told).toEqual([host.idp.name, 'https://renamed.example.com'])
  })

  it('of another endpoint are fetched there', async () => {
    await start()
    await exchangeOne()
    changeProvider({ jwksUri: `${host.idp.jwksUri}?again` })
    expect((await exchangeOne()).status).toBe(200)
    expect(host.idp.fetches).toBe(2)
  })

  it('are not refreshed in the background any more for identity providers that are gone', async () => {
    await start(
      {},
      { clock: systemClock, jwksEndpoint: { cacheMaxAge: 100, cacheMaxAgeAtLeast: 20, refreshAhead: 50 } },
    )
    const assertion = await host.idp.issueAssertion({})
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
    change({
      identityProviders: [
        { name: 'https://other.example.com', allowedSubjects: 'any', jwksUri: 'http://127.0.0.1:9/jwks' },
      ],
    })
    const { fetches } = host.idp
    await pause(300)
    expect(host.idp.fetches).toBe(fetches)
  })

  it('are not fetched by options that come after the end', async () => {
    await start()
    host.exchange.close()
    change({
      identityProviders: [{ ...options.identityProviders?.[0], jwksUri: `${host.idp.jwksUri}?other` } as never],
    })
    expect(await exchangeOne()).toMatchObject({ status: 503, reason: 'jwks_unavailable' })
    expect(host.idp.fetches).toBe(0)
  })
})
