import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import request, { type Response } from 'supertest'
import { generateSigningKey, type JwtExchangeOptions } from '../../src/index.js'
import { generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

/** Longer than any of these tests takes: who waits for a fetch that is not answered fails. */
const PATIENT = { connectionTimeout: 10_000, readTimeout: 10_000 }
const LIFETIME = 300
const FALLBACK = 3600
/** Milliseconds: less than a request that waits for a stalled endpoint takes, which is 2000. */
const SOON = 5000

let host: ClockedHost
afterEach(() => host.close())

async function start(exchange: Partial<JwtExchangeOptions> = {}): Promise<void> {
  host = await startClockedHost({ exchange: { jwksEndpoint: PATIENT, ...exchange } })
}

/** Presents an assertion itself, and sees that the answer did not wait for the network. */
async function present(assertion: string): Promise<Response & { reason: string | undefined }> {
  const startedAt = performance.now()
  const answer = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
  expect(performance.now() - startedAt).toBeLessThan(SOON)
  return Object.assign(answer, { reason: answer.status === 200 ? undefined : host.lastReason() })
}

const outcomeOf = async (assertion: string) => {
  const { status, reason } = await present(assertion)
  return reason === undefined ? status : [status, reason]
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(5)
}

const keySetsFetched = () => host.events.filter(({ name }) => name === 'jwks.refreshed').length
const fetchesFailed = () => host.events.filter(({ name }) => name === 'jwks.failed').length
const stats = () => host.exchange.stats().identityProviders[0]

describe('an assertion whose caller has no credentials', () => {
  it('is refused at once before the first key set has come, which is fetched for the next one', async () => {
    await start()
    const assertion = await host.assertion()
    expect(await outcomeOf(assertion)).toEqual([401, 'keys_not_fetched'])
    await until(() => keySetsFetched() === 1)
    expect(await outcomeOf(assertion)).toBe(200)
  })

  it('is accepted from the first one on where the keys were fetched before', async () => {
    await start()
    await host.exchange.ready()
    expect(await outcomeOf(await host.assertion())).toBe(200)
  })

  it('is refused at once by a new key, which is fetched for the next one', async () => {
    await start()
    await host.exchange.ready()
    await host.idp.rotate()
    const assertion = await host.assertion()
    expect(await outcomeOf(assertion)).toEqual([401, 'unknown_key'])
    await until(() => keySetsFetched() === 2)
    expect(await outcomeOf(assertion)).toBe(200)
  })

  it('is refused at once where a key has changed under its kid, which is fetched for the next one', async () => {
    await start()
    await host.exchange.ready()
    const { kid } = host.idp.signingKey
    const changed = await generateFakeKey('ES256', kid)
    host.idp.publish([changed.publicJwk])
    const assertion = await signAssertion(changed, host.header(), host.claims())
    expect(await outcomeOf(assertion)).toEqual([401, 'bad_signature'])
    await until(() => keySetsFetched() === 2)
    expect(await outcomeOf(assertion)).toBe(200)
  })

  it('gets one answer whether its issuer is unknown, its key is, its signature is wrong, or no key set was there', async () => {
    await start()
    const stranger = await generateFakeKey('ES256', host.idp.signingKey.kid)
    const unknownKid = await host.assertion({}, { kid: 'unknown' })
    const unknownIssuer = await host.assertion({ iss: 'https://unknown.example.com' })
    const badSignature = await signAssertion(stranger, host.header(), host.claims())
    const answers = [await present(unknownKid)]
    await until(() => keySetsFetched() === 1)
    await host.idp.fault('stalled')
    for (const assertion of [unknownIssuer, unknownKid, badSignature, unknownKid, badSignature])
      answers.push(await present(assertion))
    expect(answers.map(({ reason }) => reason)).toEqual([
      'keys_not_fetched',
      'unknown_issuer',
      'unknown_key',
      'bad_signature',
      'unknown_key',
      'bad_signature',
    ])
    const seen = answers.map(({ status, text, headers: { date: _, ...headers } }) =>
      JSON.stringify({ status, text, headers }),
    )
    expect(new Set(seen).size).toBe(1)
  })

  it('waits nowhere and costs no more fetches than the budget, however many come with made-up kids', async () => {
    await start()
    await host.exchange.ready()
    const assertions = await Promise.all(
      Array.from({ length: 60 }, (_, index) => host.assertion({}, { kid: `made-up-${index}` })),
    )
    for (const assertion of assertions) {
      await present(assertion)
      expect(stats()?.waiting).toBe(0)
    }
    expect(host.idp.fetches).toBeLessThanOrEqual(3)
    expect(stats()).toMatchObject({ unknownKids: 60, budget: { badSignatures: 2 } })
    expect(await outcomeOf(await host.assertion())).toBe(200)
  })

  it('is refused at once when the key set has expired and a forger presents it', async () => {
    await start()
    await host.exchange.ready()
    await host.idp.fault('stalled')
    host.clock.advance(LIFETIME)
    const stranger = await generateFakeKey('ES256', host.idp.signingKey.kid)
    const forged = await signAssertion(stranger, host.header(), host.claims())
    expect(await outcomeOf(forged)).toEqual([401, 'bad_signature'])
    expect(await outcomeOf(await host.assertion({}, { kid: 'unknown' }))).toEqual([401, 'unknown_key'])
  })

  it.each([
    ['expired', LIFETIME],
    ['expired long ago', 100 * LIFETIME + FALLBACK],
  ])('is accepted when the key set has %s, because it waits until its key is confirmed', async (_, seconds) => {
    await start()
    await host.exchange.ready()
    host.clock.advance(seconds)
    expect(await outcomeOf(await host.assertion())).toBe(200)
    expect(keySetsFetched()).toBe(2)
  })

  it('is refused when its key was withdrawn since the key set has expired', async () => {
    await start()
    await host.exchange.ready()
    const withdrawn = host.idp.signingKey
    const other = await generateFakeKey('ES256', 'other')
    host.idp.publish([other.publicJwk])
    host.clock.advance(LIFETIME)
    const assertion = await signAssertion(withdrawn, host.header(), host.claims())
    expect(await outcomeOf(assertion)).toEqual([401, 'unknown_key'])
  })

  it('is accepted from the first one on where its keys are configured, and needs no fetch', async () => {
    const key = await generateFakeKey('ES256', 'configured')
    const name = 'https://idp.example.com'
    const jwks = { keys: [key.publicJwk] }
    await start({ identityProviders: [{ name, alias: TOKEN_ENDPOINT, jwks, allowedSubjects: 'any' }] })
    const header = { alg: 'ES256', kid: 'configured' }
    const claims = { ...host.claims(), iss: name }
    expect(await outcomeOf(await signAssertion(key, { ...header, kid: 'other' }, claims))).toEqual([401, 'unknown_key'])
    const stranger = await generateFakeKey('ES256', 'configured')
    expect(await outcomeOf(await signAssertion(stranger, header, claims))).toEqual([401, 'bad_signature'])
    expect(await outcomeOf(await signAssertion(key, header, claims))).toBe(200)
  })

  it('waits for keys where the options say so, and then gets 503 in an outage', async () => {
    await start({ assertionStrategy: { waitForKeys: true } })
    expect(await outcomeOf(await host.assertion())).toBe(200)
    await host.idp.rotate()
    expect(await outcomeOf(await host.assertion())).toBe(200)
    await host.idp.fault('error')
    expect(await outcomeOf(await host.assertion({}, { kid: 'unknown' }))).toEqual([503, 'jwks_unavailable'])
  })

  it('waits, or no longer, as other options say that take the place of the first ones', async () => {
    const options = {
      identityProviders: [
        { name: 'https://idp.example.com', jwksUri: 'http://127.0.0.1:9/jwks', allowedSubjects: 'any' },
      ],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
      jwksEndpoint: PATIENT,
    } satisfies Partial<JwtExchangeOptions>
    await start(options)
    const assertion = await host.assertion({ iss: 'https://idp.example.com' })
    expect(await outcomeOf(assertion)).toEqual([401, 'keys_not_fetched'])
    const assertionStrategy = { waitForKeys: true }
    host.exchange.reconfigure({ ...options, issuer: ISSUER, clients: [CLIENT], clock: host.clock, assertionStrategy })
    expect(await outcomeOf(assertion)).toEqual([503, 'jwks_unavailable'])
  })
})

describe('an outage of the keys behind the assertion strategy', () => {
  it('is 401 where no key set was ever there, and over with the next fetch', async () => {
    await start({ jwksEndpoint: { ...PATIENT, failureBackOff: 20 } })
    await host.idp.fault('error')
    const assertion = await host.assertion()
    for (let failures = 1; failures <= 3; failures += 1) {
      expect(await outcomeOf(assertion)).toEqual([401, 'keys_not_fetched'])
      await until(() => fetchesFailed() === failures)
      host.clock.advance(60)
    }
    await host.idp.fault('off')
    expect(await outcomeOf(assertion)).toEqual([401, 'keys_not_fetched'])
    await until(() => keySetsFetched() === 1)
    expect(await outcomeOf(await host.assertion())).toBe(200)
  })

  it('is not seen while the last good key set serves', async () => {
    await start()
    await host.exchange.ready()
    await host.idp.fault('error')
    host.clock.advance(LIFETIME)
    expect(await outcomeOf(await host.assertion())).toBe(200)
    expect(await outcomeOf(await host.assertion())).toBe(200)
  })

  it('is 503 with Retry-After where a key set was there and is too old now', async () => {
    await start()
    await host.exchange.ready()
    await host.idp.fault('error')
    host.clock.advance(LIFETIME)
    await present(await host.assertion())
    await until(() => fetchesFailed() === 1)
    host.clock.advance(FALLBACK)
    const answer = await present(await host.assertion())
    expect([answer.status, answer.reason]).toEqual([503, 'jwks_unavailable'])
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  })

  it('is 503 for a new key while the endpoint is left alone', async () => {
    await start()
    await host.exchange.ready()
    await host.idp.fault('error')
    const assertion = await host.assertion({}, { kid: 'new' })
    expect(await outcomeOf(assertion)).toEqual([401, 'unknown_key'])
    await until(() => fetchesFailed() === 1)
    expect(await outcomeOf(assertion)).toEqual([503, 'jwks_unavailable'])
  })
})

describe('the token endpoint, whose caller has authenticated', () => {
  it('waits for keys whatever the assertion strategy does', async () => {
    await start({ assertionStrategy: { waitForKeys: false } })
    expect((await host.judge(await host.assertion())).status).toBe(200)
    await host.idp.rotate()
    expect((await host.judge(await host.assertion())).status).toBe(200)
  })
})
