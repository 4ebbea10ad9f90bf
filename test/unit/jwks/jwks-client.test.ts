import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { compactVerify, exportJWK } from 'jose'
import { systemTimers } from '../../../src/clock/timers.js'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter, type ExchangeEvents } from '../../../src/events/exchange-events.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import { fetchJwks } from '../../../src/jwks/fetch-jwks.js'
import { fetchMetadata } from '../../../src/jwks/fetch-metadata.js'
import { JwksClient, type JwksClientDeps } from '../../../src/jwks/jwks-client.js'
import { JwksClientPool } from '../../../src/jwks/jwks-client-pool.js'
import type { JwksEndpointSettings } from '../../../src/jwks/jwks-endpoint-options.js'
import { FakeIdentityProvider, type FaultKind, generateFakeKey } from '../../../src/testing/index.js'
import { CertificateWarnings } from '../../../src/verification-keys/certificate-warnings.js'
import type { KeyHeader, KeyOwner } from '../../../src/verification-keys/key-source.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { DEFAULT_SETTINGS } from '../../support/jwks-settings.js'

const SETTINGS: JwksEndpointSettings = { ...DEFAULT_SETTINGS, connectionTimeout: 2000, readTimeout: 2000 }

const IDP_NAME = 'https://idp.example.com'
const OWNER: KeyOwner = { kind: 'identity_provider', name: IDP_NAME }

let idp: FakeIdentityProvider
let clock: AdjustableClock
let random: number
let client: JwksClient
let closing: AbortController
let refreshed: ExchangeEvents['jwks.refreshed'][]
let failed: ExchangeEvents['jwks.failed'][]
let skipped: ExchangeEvents['jwks.key_rejected'][]
let events: ExchangeEventEmitter

beforeEach(async () => {
  closing = new AbortController()
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  clock = new AdjustableClock()
  random = 1
  refreshed = []
  failed = []
  skipped = []
  events = new ExchangeEventEmitter()
  events.on('jwks.refreshed', (event) => refreshed.push(event))
  events.on('jwks.failed', (event) => failed.push(event))
  events.on('jwks.key_rejected', (event) => skipped.push(event))
  client = createClient()
})
afterEach(async () => {
  closing.abort()
  await idp.close()
})

const createClient = (settings: Partial<JwksEndpointSettings> = {}) => createClientOf(idp.jwksUri, settings)
/** Background refreshes come by real time here, so none comes: see background-refresh.test.ts. */
const deps = () => ({
  clock,
  random: () => random,
  events,
  certificateWarnings: new CertificateWarnings({ clock, events }),
  timers: systemTimers,
  fetchJwks,
  fetchMetadata,
  closing: closing.signal,
})
function createClientOf(
  uri: string,
  settings: Partial<JwksEndpointSettings> = {},
  changed: Partial<JwksClientDeps> = {},
) {
  const endpoint = { url: uri, connection: DIRECT_CONNECTION, settings: { ...SETTINGS, ...settings } }
  const created = new JwksClient('us', endpoint, { ...deps(), ...changed })
  created.use(endpoint, [OWNER])
  return created
}
const currentKey = (): KeyHeader => ({ alg: 'ES256', kid: idp.signingKey.kid })
const unknownKey = (kid = 'made up'): KeyHeader => ({ alg: 'ES256', kid })

/** 'found', or the reason why there is no key. */
async function outcomeOf(header: KeyHeader, source: JwksClient = client): Promise<string> {
  try {
    return (await source.requireKeys(header)).length > 0 ? 'found' : 'nothing'
  } catch (error) {
    if (isTokenRejected(error) || isDependencyUnavailable(error)) return error.reason
    throw error
  }
}

/** How many fetches the identity provider saw during this. */
async function fetchesDuring(action: () => Promise<unknown>): Promise<number> {
  const before = idp.fetches
  await action()
  return idp.fetches - before
}

describe('a JWKS client', () => {
  it('fetches nothing before a key is needed, and then once', async () => {
    await wait(20)
    expect([idp.fetches, client.stats().state]).toEqual([0, 'never'])
    for (let use = 0; use < 5; use += 1) expect(await outcomeOf(currentKey())).toBe('found')
    expect([idp.fetches, client.stats().state]).toEqual([1, 'ok'])
  })

  it('gives the key that verifies', async () => {
    const assertion = await idp.issueAssertion()
    const [key] = await client.requireKeys(currentKey())
    await expect(compactVerify(assertion, key as KeyObject)).resolves.toBeDefined()
  })

  it('gives a key for a header without a kid', async () => {
    expect(await outcomeOf({ alg: 'ES256' })).toBe('found')
    expect(await outcomeOf({ alg: 'RS256' })).toBe('unknown_key')
  })

  it('makes one fetch for any number of requests that miss at the same time', async () => {
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => outcomeOf(currentKey())))
    expect([new Set(outcomes), idp.fetches]).toEqual([new Set(['found']), 1])
  })

  it('makes one fetch for all that miss at the expiry', async () => {
    await outcomeOf(currentKey())
    clock.advance(300)
    const fetches = await fetchesDuring(() => Promise.all(Array.from({ length: 50 }, () => outcomeOf(currentKey()))))
    expect(fetches).toBe(1)
  })

  it('tells of a fetch: who, where, what', async () => {
    await outcomeOf(currentKey())
    const { kid } = idp.signingKey
    const owner = { identityProvider: IDP_NAME, alias: 'us', endpoint: idp.jwksUri }
    expect(refreshed).toEqual([{ ...owner, durationMs: 0, kids: [kid], hasChanged: true, freshForMs: 300_000 }])
    clock.advance(2)
    expect(client.stats()).toEqual({
      state: 'ok',
      kids: [kid],
      keys: [{ kid, algorithms: ['ES256'] }],
      keySetAge: 2000,
      expiresIn: 298_000,
      servesFor: 3_898_000,
      nextRefreshIn: 262_000,
      fetches: 1,
      failedFetches: 0,
      consecutiveFailures: 0,
      fetchDurationMs: { total: 0, longest: 0 },
      lastSuccess: { millisecondsAgo: 2000, durationMs: 0 },
      unknownKids: 0,
      badSignatures: 0,
      budget: { unknownKids: 2, badSignatures: 2 },
      waiting: 0,
    })
  })

  it('keeps a key set for cacheMaxAge and no longer', async () => {
    await outcomeOf(currentKey())
    clock.advance(299.999)
    expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(0)
    clock.advance(0.001)
    expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(1)
  })

  it('judges age by the clock that has gone further: a wall clock that is set ahead costs a fetch, and nobody a key', async () => {
    await outcomeOf(currentKey())
    clock.set(clock.now() + 1e6)
    expect(await fetchesDuring(async () => expect(await outcomeOf(currentKey())).toBe('found'))).toBe(1)
    clock.set(clock.now() - 3e6)
    expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(0)
    clock.advance(300)
    expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(1)
  })

  it('skips members that cannot be used, and says which', async () => {
    const good = idp.signingKey.publicJwk
    idp.publish([null, { ...good, kid: 'enc', use: 'enc' }, good, { kty: 'oct', k: 'AA', kid: 'evil\n' }])
    expect(await outcomeOf(currentKey())).toBe('found')
    expect(skipped.map(({ kid, reason }) => [kid, reason])).toEqual([
      [undefined, 'not_an_object'],
      ['enc', 'not_for_signatures'],
      ['evil\\u000a', 'private_or_symmetric'],
    ])
    expect(client.stats().kids).toEqual([good.kid])
  })

  it('looks at a hundred members and no more', async () => {
    const cuts: unknown[] = []
    events.on('jwks.key_set_cut', ({ keys, maxKeys }) => cuts.push([keys, maxKeys]))
    const good = idp.signingKey.publicJwk
    idp.publish([...Array.from({ length: 100 }, (_, index) => ({ ...good, kid: `${index}` })), good])
    expect(await outcomeOf(currentKey())).toBe('unknown_key')
    expect(await outcomeOf(unknownKey('99'))).toBe('found')
    expect([cuts, skipped]).toEqual([[[101, 100]], []])
  })

  it('tries five keys at most where many have one kid', async () => {
    const good = idp.signingKey.publicJwk
    idp.publish(Array.from({ length: 50 }, () => good))
    expect(await client.requireKeys(currentKey())).toHaveLength(5)
  })
})

describe('a key that is not known', () => {
  it('is fetched and found by the same call', async () => {
    await outcomeOf(currentKey())
    await idp.rotate()
    expect(await fetchesDuring(async () => expect(await outcomeOf(currentKey())).toBe('found'))).toBe(1)
  })

  it('is found right after a fetch that was too early for it, twice at once', async () => {
    await outcomeOf(currentKey())
    for (let rollover = 0; rollover < 2; rollover += 1) {
      await idp.rotate()
      expect(await outcomeOf(currentKey())).toBe('found')
    }
    await idp.rotate()
    expect(await outcomeOf(currentKey())).toBe('unknown_key')
    clock.advance(30)
    expect(await outcomeOf(currentKey())).toBe('found')
  })

  it('is found by all who ask for it while one fetch is under way', async () => {
    await outcomeOf(currentKey())
    await idp.rotate()
    const outcomes = () => Promise.all(Array.from({ length: 20 }, () => outcomeOf(currentKey())))
    expect(await fetchesDuring(async () => expect(new Set(await outcomes())).toEqual(new Set(['found'])))).toBe(1)
  })

  it('is found by all who ask while a fetch is under way that began before the rollover', async () => {
    const held: (() => void)[] = []
    const server = createServer((_, res) => {
      const keySet = JSON.stringify({ keys: [idp.signingKey.publicJwk] })
      held.push(() => res.end(keySet))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answerFetch = async (number: number) => {
      while (held.length < number) await wait(5)
      held[number - 1]?.()
    }
    const { port } = server.address() as AddressInfo
    const slow = createClientOf(`http://127.0.0.1:${port}`)
    const first = outcomeOf(currentKey(), slow)
    await answerFetch(1)
    expect(await first).toBe('found')
    const madeUp = outcomeOf(unknownKey(), slow)
    while (held.length < 2) await wait(5)
    await idp.rotate()
    const outcomes = Promise.all(Array.from({ length: 20 }, () => outcomeOf(currentKey(), slow)))
    await answerFetch(2)
    await answerFetch(3)
    expect([await madeUp, new Set(await outcomes), held.length]).toEqual(['unknown_key', new Set(['found']), 3])
    server.close()
  })

  it('is asked for twice at once and then once for each cooldown, however many are made up', async () => {
    await outcomeOf(currentKey())
    const flood = async () => {
      for (let index = 0; index < 50; index += 1)
        expect(await outcomeOf(unknownKey(`made up ${index}`))).toBe('unknown_key')
    }
    expect(await fetchesDuring(flood)).toBe(2)
    clock.advance(29.9)
    expect(await fetchesDuring(flood)).toBe(0)
    clock.advance(0.1)
    expect(await fetchesDuring(flood)).toBe(1)
    expect(await fetchesDuring(async () => expect(await outcomeOf(currentKey())).toBe('found'))).toBe(0)
  })

  it('is asked for twice when made up many times at the same time', async () => {
    await outcomeOf(currentKey())
    const flood = () =>
      Promise.all(Array.from({ length: 100 }, (_, index) => outcomeOf(unknownKey(`made up ${index}`))))
    expect(await fetchesDuring(flood)).toBeLessThanOrEqual(2)
  })

  it('is found one cooldown after it was asked for in vain, however long that fetch took', async () => {
    const takingOneSecond: typeof fetchJwks = (...fetch) => {
      clock.advance(1)
      return fetchJwks(...fetch)
    }
    const slow = createClientOf(idp.jwksUri, {}, { fetchJwks: takingOneSecond })
    await outcomeOf(currentKey(), slow)
    const next = await generateFakeKey('ES256')
    expect(await outcomeOf({ alg: 'ES256', kid: next.kid }, slow)).toBe('unknown_key')
    idp.publish([next.publicJwk])
    clock.advance(28.9)
    expect(await outcomeOf({ alg: 'ES256', kid: next.kid }, slow)).toBe('unknown_key')
    clock.advance(0.1)
    expect(await outcomeOf({ alg: 'ES256', kid: next.kid }, slow)).toBe('found')
  })

  it('does not hold known keys up', async () => {
    await outcomeOf(currentKey())
    await idp.fault('stalled')
    const flood = outcomeOf(unknownKey())
    const first = await Promise.race([flood, outcomeOf(currentKey())])
    expect([first, client.stats().waiting]).toEqual(['found', 1])
    closing.abort()
    await flood
  })
})

describe('a key that has changed under its kid', () => {
  /** Another key under the kid of the current one, as a careless identity provider publishes it. */
  async function changeKey(): Promise<void> {
    const { publicJwk } = await generateFakeKey('ES256', idp.signingKey.kid)
    idp.publish([publicJwk])
  }
  const findNewer = async (source = client) => {
    const known = await source.requireKeys(currentKey())
    await changeKey()
    return async () => source.findNewerKeys(currentKey(), known)
  }

  it('is found after a bad signature', async () => {
    const newer = await findNewer()
    const [key] = await newer()
    expect(key && (await exportJWK(key))).not.toMatchObject({ x: idp.signingKey.publicJwk.x })
    expect(key).toBeDefined()
  })

  it('is found by all who find a bad signature at the same time', async () => {
    const newer = await findNewer()
    const found = await Promise.all(Array.from({ length: 20 }, newer))
    expect(found.map((keys) => keys.length)).toEqual(Array.from({ length: 20 }, () => 1))
    expect(idp.fetches).toBe(2)
  })

  it('is asked for twice at once and then once for each cooldown, however many signatures are forged', async () => {
    const forge = async () => {
      for (let index = 0; index < 20; index += 1) {
        await client.findNewerKeys(currentKey(), await client.requireKeys(currentKey()))
      }
    }
    await outcomeOf(currentKey())
    expect(await fetchesDuring(forge)).toBe(2)
    clock.advance(30)
    expect(await fetchesDuring(forge)).toBe(1)
  })

  it('has a budget of its own: forged signatures do not delay a rollover, nor made-up kids a changed key', async () => {
    for (let index = 0; index < 5; index += 1)
      await client.findNewerKeys(currentKey(), await client.requireKeys(currentKey()))
    await idp.rotate()
    expect(await outcomeOf(currentKey())).toBe('found')
    for (let index = 0; index < 5; index += 1) await outcomeOf(unknownKey(`made up ${index}`))
    clock.advance(30)
    await outcomeOf(unknownKey())
    expect(await (await findNewer())()).toHaveLength(1)
  })

  it('is not looked for while the endpoint fails', async () => {
    const known = await client.requireKeys(currentKey())
    await idp.fault('error')
    await outcomeOf(unknownKey())
    expect(await fetchesDuring(() => client.findNewerKeys(currentKey(), known))).toBe(0)
  })
})

describe('an endpoint that fails', () => {
  it.each<[FaultKind, string, string, string]>([
    ['down', 'connection_failed', 'ECONNREFUSED', ''],
    ['garbage', 'not_json', '', 'it is not JSON'],
    ['error', 'unexpected_status', '500', ''],
    ['redirect', 'redirected', '302', 'it leads to {origin}/jwks/elsewhere'],
    ['compressed', 'unexpected_encoding', '', ''],
    ['oversize', 'too_large', '', ''],
  ])('is an outage under %s, told with its reason', async (fault, reason, code, detailed) => {
    await idp.fault(fault)
    expect(await outcomeOf(currentKey())).toBe('jwks_unavailable')
    const owner = { identityProvider: IDP_NAME, alias: 'us', endpoint: idp.jwksUri }
    const detail = detailed.replace('{origin}', new URL(idp.jwksUri).origin)
    const why = { reason, ...(code && { code }), url: idp.jwksUri, ...(detail && { detail }) }
    const failure = { durationMs: 0, ...why, consecutiveFailures: 1, retryInMs: 1000 }
    expect(failed).toEqual([{ ...owner, ...failure }])
    expect(client.stats()).toMatchObject({ state: 'down', kids: [], lastFailure: { ...why, millisecondsAgo: 0 } })
  })

  it('is asked twice within one fetch when it refuses connections, and once where keys are at hand', async () => {
    let fetches = 0
    let isDown = true
    const counting: typeof fetchJwks = async (...fetch) => {
      fetches += 1
      if (isDown) throw new JwksFetchError('connection_failed', { code: 'ECONNREFUSED' })
      return fetchJwks(...fetch)
    }
    const counted = createClientOf(idp.jwksUri, {}, { fetchJwks: counting })
    expect([await outcomeOf(currentKey(), counted), fetches]).toEqual(['jwks_unavailable', 2])
    isDown = false
    clock.advance(1)
    expect([await outcomeOf(currentKey(), counted), fetches]).toEqual(['found', 3])
    isDown = true
    expect([await outcomeOf(unknownKey(), counted), fetches]).toEqual(['jwks_unavailable', 4])
  })

  it('is asked again after a second, two, four, up to a minute', async () => {
    await idp.fault('error')
    const pauses: number[] = []
    for (let failure = 0; failure < 9; failure += 1) {
      expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(1)
      const pause = failed.at(-1)?.retryInMs ?? 0
      pauses.push(pause)
      clock.advance(pause / 1000 - 0.001)
      expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(0)
      clock.advance(0.001)
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  it('is asked after half the time at least, as chance has it', async () => {
    await idp.fault('error')
    for (const [chance, pause] of [
      [0, 500],
      [0.5, 1500],
      [1, 4000],
      [0, 4000],
    ] as const) {
      random = chance
      await outcomeOf(currentKey())
      expect(failed.at(-1)?.retryInMs).toBe(pause)
      clock.advance(pause / 1000)
    }
  })

  it('is refused at once in between, with the time to wait in whole seconds', async () => {
    await idp.fault('error')
    await outcomeOf(currentKey())
    clock.advance(1)
    await outcomeOf(currentKey())
    clock.advance(0.5)
    const requireKeys = async () => client.requireKeys(currentKey())
    const error = await requireKeys().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ reason: 'jwks_unavailable', retryAfter: 2, cause: { message: 'unexpected_status' } })
  })

  it('recovers, and begins with a second again', async () => {
    await idp.fault('error')
    await outcomeOf(currentKey())
    clock.advance(1)
    await outcomeOf(currentKey())
    await idp.fault('off')
    clock.advance(2)
    expect([await outcomeOf(currentKey()), client.stats().state]).toEqual(['found', 'ok'])
    await idp.fault('error')
    clock.advance(300)
    await outcomeOf(currentKey())
    expect(failed.at(-1)).toMatchObject({ consecutiveFailures: 1, retryInMs: 1000 })
  })

  it('does not use up the budget for unknown keys', async () => {
    await outcomeOf(currentKey())
    await idp.fault('error')
    for (let failure = 0; failure < 5; failure += 1) {
      expect(await outcomeOf(unknownKey())).toBe('jwks_unavailable')
      clock.advance((failed.at(-1)?.retryInMs ?? 0) / 1000)
    }
    await idp.fault('off')
    clock.advance(300)
    for (let rollover = 0; rollover < 2; rollover += 1) {
      await idp.rotate()
      expect(await outcomeOf(currentKey())).toBe('found')
    }
  })

  it('leaves unknown keys open, and known ones as they are', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    expect(await outcomeOf(unknownKey())).toBe('jwks_unavailable')
    expect(await outcomeOf(currentKey())).toBe('found')
  })
})

describe('an expired key set', () => {
  it('serves while the endpoint fails until cacheMaxAge and cacheMaxAgeFallback are over', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(300)
    expect([await outcomeOf(currentKey()), client.stats().state]).toEqual(['found', 'stale'])
    clock.advance(1800)
    expect([await outcomeOf(currentKey()), client.stats().state]).toEqual(['found', 'stale'])
    clock.advance(1799.999)
    expect([await outcomeOf(currentKey()), client.stats().state]).toEqual(['found', 'degraded'])
    clock.advance(0.001)
    expect([await outcomeOf(currentKey()), client.stats().state]).toEqual(['jwks_unavailable', 'down'])
  })

  it('does not serve at all where cacheMaxAgeFallback is 0', async () => {
    const strict = createClient({ cacheMaxAgeFallback: 0 })
    await outcomeOf(currentKey(), strict)
    await idp.fault('down')
    clock.advance(299.999)
    expect(await outcomeOf(currentKey(), strict)).toBe('found')
    clock.advance(0.001)
    expect(await outcomeOf(currentKey(), strict)).toBe('jwks_unavailable')
  })

  it('is renewed as soon as the endpoint answers again', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(300)
    await outcomeOf(currentKey())
    await idp.fault('off')
    clock.advance(1)
    expect(await outcomeOf(currentKey())).toBe('found')
    await client.warmUp()
    expect(client.stats()).toMatchObject({ state: 'ok', keySetAge: 0 })
  })

  it('keeps no request waiting for an endpoint that stalls, once a fetch has failed', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(300)
    expect(await outcomeOf(currentKey())).toBe('found')
    await idp.fault('stalled')
    clock.advance(1)
    const isAnswered = outcomeOf(currentKey()).then(() => 'answered')
    const isOver = client.warmUp().then(() => 'the fetch is over')
    expect(await Promise.race([isOver, isAnswered])).toBe('answered')
    closing.abort()
    expect(await isOver).toBe('the fetch is over')
  })

  it('keeps at most 20 requests waiting while an endpoint fails that has no keys to serve', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(4000)
    expect(await outcomeOf(currentKey())).toBe('jwks_unavailable')
    await idp.fault('stalled')
    clock.advance(1)
    const outcomes = Array.from({ length: 50 }, () => outcomeOf(currentKey()))
    expect(client.stats().waiting).toBe(20)
    closing.abort()
    expect(await Promise.all(outcomes)).toEqual(Array(50).fill('jwks_unavailable'))
    expect(client.stats().waiting).toBe(0)
  })

  it('keeps more requests waiting while the endpoint fails and the old keys serve', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(300)
    expect(await outcomeOf(currentKey())).toBe('found')
    await idp.fault('stalled')
    clock.advance(1)
    const outcomes = Array.from({ length: 50 }, (_, number) => outcomeOf({ alg: 'RS256', kid: `made up ${number}` }))
    expect(client.stats().waiting).toBe(50)
    closing.abort()
    await Promise.all(outcomes)
  })

  it('recovers also after it served no longer', async () => {
    await outcomeOf(currentKey())
    await idp.fault('down')
    clock.advance(4000)
    expect(await outcomeOf(currentKey())).toBe('jwks_unavailable')
    await idp.fault('off')
    clock.advance(1)
    expect(await outcomeOf(currentKey())).toBe('found')
  })

  it('does not serve the keys that a successful answer no longer has', async () => {
    const old = currentKey()
    await outcomeOf(old)
    await idp.rotate()
    idp.withdraw(String(old.kid))
    expect(await outcomeOf(old)).toBe('found')
    clock.advance(300)
    expect(await outcomeOf(old)).toBe('unknown_key')
    expect(await outcomeOf(currentKey())).toBe('found')
  })

  it('loses a withdrawn key with any refresh', async () => {
    const old = currentKey()
    await outcomeOf(old)
    await idp.rotate()
    idp.withdraw(String(old.kid))
    expect(await outcomeOf(currentKey())).toBe('found')
    expect(await outcomeOf(old)).toBe('unknown_key')
  })
})

describe('a good key set', () => {
  it.each<[string, unknown, string]>([
    ['an empty one', [], 'no_usable_key'],
    ['no array', {}, 'not_a_key_set'],
    ['null', null, 'not_a_key_set'],
    ['nothing usable', [{ kty: 'oct', k: 'AA' }, null, 7], 'no_usable_key'],
  ])('is not replaced by %s', async (_, members, reason) => {
    await outcomeOf(currentKey())
    idp.publish(members)
    clock.advance(300)
    expect(await outcomeOf(currentKey())).toBe('found')
    expect(failed.map((event) => event.reason)).toEqual([reason])
    expect(client.stats().state).toBe('stale')
  })

  it.each<[FaultKind, string]>([
    ['garbage', 'not_json'],
    ['oversize', 'too_large'],
  ])('is not replaced under %s', async (fault, reason) => {
    await outcomeOf(currentKey())
    await idp.fault(fault)
    clock.advance(300)
    expect(await outcomeOf(currentKey())).toBe('found')
    expect(failed.map((event) => event.reason)).toEqual([reason])
  })
})

describe('close', () => {
  it('makes no further fetch and reports none, however long ago the key set was fetched', async () => {
    await outcomeOf(currentKey())
    closing.abort()
    for (let hours = 0; hours < 3; hours += 1) {
      clock.advance(1800)
      await outcomeOf(currentKey())
      await client.warmUp()
    }
    expect(await outcomeOf(currentKey())).toBe('jwks_unavailable')
    expect([client.stats().fetches, failed]).toEqual([1, []])
  })

  it('ends a fetch under way', async () => {
    await idp.fault('stalled')
    const slow = createClient({ readTimeout: 10_000 })
    const waiting = outcomeOf(currentKey(), slow)
    await wait(50)
    const start = performance.now()
    closing.abort()
    expect(await waiting).toBe('jwks_unavailable')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('lets no other begin, and keys that are there serve on', async () => {
    await outcomeOf(currentKey())
    closing.abort()
    expect(await fetchesDuring(() => outcomeOf(unknownKey()))).toBe(0)
    expect(await outcomeOf(currentKey())).toBe('found')
    clock.advance(300)
    expect(await fetchesDuring(() => outcomeOf(currentKey()))).toBe(0)
  })
})

describe('warming up', () => {
  it('fetches once and not again while that is fresh', async () => {
    await client.warmUp()
    await client.warmUp()
    expect([idp.fetches, client.stats().state]).toEqual([1, 'ok'])
  })

  it('never fails, and does not ask in the back-off', async () => {
    await idp.fault('error')
    await client.warmUp()
    await client.warmUp()
    expect([idp.fetches, client.stats().state]).toEqual([1, 'down'])
  })
})

describe('a pool of JWKS clients', () => {
  it('has one client for each pair of alias and endpoint', () => {
    const clients = new JwksClientPool(deps()).choose(SETTINGS)
    const clientFor = (alias: string, jwksUri: string) =>
      clients.clientFor({ owner: OWNER, alias, jwksUri, connection: DIRECT_CONNECTION })
    const first = clientFor('us', idp.jwksUri)
    expect(clientFor('us', idp.jwksUri)).toBe(first)
    expect(clientFor('others', idp.jwksUri)).not.toBe(first)
    expect(clientFor('us', `${idp.jwksUri}?tenant=a`)).not.toBe(first)
  })

  it('touches no client for a choice that is not put into force', async () => {
    const pool = new JwksClientPool(deps())
    const source = { owner: OWNER, alias: 'us', jwksUri: idp.jwksUri, connection: DIRECT_CONNECTION }
    const chosen = pool.choose(SETTINGS)
    const client = chosen.clientFor(source)
    pool.use(chosen)
    await client.warmUp()
    const before = client.stats()
    const renamed = { ...source, owner: { ...OWNER, name: 'https://other.example.com' } }
    expect(pool.choose({ ...SETTINGS, refreshAhead: 50, cacheMaxAge: 60_000 }).clientFor(renamed)).toBe(client)
    pool.choose(SETTINGS)
    expect(client.stats()).toEqual(before)
    await client.refreshKeys()
    expect(refreshed.map(({ identityProvider }) => identityProvider)).toEqual([IDP_NAME, IDP_NAME])
    pool.close()
  })

  it('keeps a client that the next choice needs, and lets the others end', async () => {
    const pool = new JwksClientPool(deps())
    const source = { owner: OWNER, alias: 'us', jwksUri: idp.jwksUri, connection: DIRECT_CONNECTION }
    const chosen = pool.choose(SETTINGS)
    const [kept, left] = [chosen.clientFor(source), chosen.clientFor({ ...source, alias: 'others' })]
    pool.use(chosen)
    await Promise.all([kept.warmUp(), left.warmUp()])
    const next = pool.choose(SETTINGS)
    expect(next.clientFor(source)).toBe(kept)
    pool.use(next)
    const plans = () => [kept, left].map((each) => each.stats().nextRefreshIn !== undefined)
    expect(plans()).toEqual([true, false])
    pool.close()
    expect(plans()).toEqual([false, false])
    clock.advance(300)
    for (const each of [kept, left]) expect(await fetchesDuring(() => outcomeOf(currentKey(), each))).toBe(0)
  })

  it('ends with close() also the fetch of a client that has ended', async () => {
    const pool = new JwksClientPool(deps())
    const chosen = pool.choose({ ...SETTINGS, readTimeout: 10_000 })
    const left = chosen.clientFor({ owner: OWNER, alias: 'us', jwksUri: idp.jwksUri, connection: DIRECT_CONNECTION })
    pool.use(chosen)
    await idp.fault('stalled')
    const waiting = outcomeOf(currentKey(), left)
    await wait(50)
    pool.use(pool.choose(SETTINGS))
    const start = performance.now()
    pool.close()
    expect(await waiting).toBe('jwks_unavailable')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('keeps the trouble of one endpoint away from the others', async () => {
    const other = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    try {
      const pool = new JwksClientPool(deps())
      const clients = pool.choose({ ...SETTINGS, readTimeout: 1000 })
      const clientFor = (jwksUri: string) =>
        clients.clientFor({ owner: OWNER, alias: 'us', jwksUri, connection: DIRECT_CONNECTION })
      const [sick, healthy] = [clientFor(idp.jwksUri), clientFor(other.jwksUri)]
      await idp.fault('stalled')
      await Promise.all([sick.warmUp(), healthy.warmUp()])
      expect([sick.stats().state, healthy.stats().state]).toEqual(['down', 'ok'])
      expect(await outcomeOf({ alg: 'ES256', kid: other.signingKey.kid }, healthy)).toBe('found')
      pool.close()
    } finally {
      await other.close()
    }
  })
})
