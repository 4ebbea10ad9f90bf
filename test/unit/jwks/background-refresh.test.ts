import type { KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { pause } from '../../../src/clock/timers.js'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter, type ExchangeEventName } from '../../../src/events/exchange-events.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import type { JwksAnswer, JwksFetch, Validators } from '../../../src/jwks/fetch-jwks.js'
import { fetchMetadata } from '../../../src/jwks/fetch-metadata.js'
import { JwksClient } from '../../../src/jwks/jwks-client.js'
import type { JwksEndpoint, JwksEndpointSettings } from '../../../src/jwks/jwks-endpoint-options.js'
import { type FakeKey, generateFakeKey } from '../../../src/testing/index.js'
import { CertificateWarnings } from '../../../src/verification-keys/certificate-warnings.js'
import type { KeyHeader, KeyOwner } from '../../../src/verification-keys/key-source.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'
import { DEFAULT_SETTINGS } from '../../support/jwks-settings.js'

const SETTINGS = DEFAULT_SETTINGS
const HOUR = 3600
const URL_OF_KEYS = 'https://idp.example.com/keys'
const [KEY, OTHER_KEY] = await Promise.all([generateFakeKey('ES256', 'a'), generateFakeKey('ES256', 'b')])
const KNOWN: KeyHeader = { alg: 'ES256', kid: 'a' }
const OTHER: KeyHeader = { alg: 'ES256', kid: 'b' }
const unknown = (kid = 'made up', alg = 'ES256'): KeyHeader => ({ alg, kid })
const BROKEN = new JwksFetchError('unexpected_status', { code: '500' })
const EVENTS = ['jwks.refreshed', 'jwks.failed', 'jwks.stale', 'jwks.recovered', 'jwks.key_rejected'] as const

/** A request for a key: what came of it, and how long it waited in milliseconds. */
interface Asked {
  outcome: string
  waited?: number
  keys?: readonly KeyObject[]
  error?: unknown
}

let clock: AdjustableClock
let timers: AdjustableTimers
/** From 0 to 1; 0.5 refreshes at 80 % and takes a quarter of each back-off away. */
let chance: number
let answer: (fetch: JwksFetch, closing: AbortSignal) => Promise<JwksAnswer>
let fetches: { at: number; validators: Validators | undefined; closing: AbortSignal }[]
let told: { name: ExchangeEventName; event: Record<string, unknown> }[]
let client: JwksClient
let exchangeClosing: AbortController

beforeEach(() => {
  exchangeClosing = new AbortController()
  clock = new AdjustableClock()
  timers = new AdjustableTimers(clock)
  chance = 0.5
  fetches = []
  told = []
  publish([KEY])
  client = createClient()
})
afterEach(() => close())

function createClient(settings: Partial<JwksEndpointSettings> = {}): JwksClient {
  const events = new ExchangeEventEmitter()
  for (const name of EVENTS) events.on(name, (event) => told.push({ name, event: { ...event } }))
  const fetchJwks = (fetch: JwksFetch, closing: AbortSignal) => {
    fetches.push({ at: Math.round(clock.monotonic()), validators: fetch.validators, closing })
    return answer(fetch, closing)
  }
  const endpoint = { url: URL_OF_KEYS, connection: DIRECT_CONNECTION, settings: { ...SETTINGS, ...settings } }
  const created = new JwksClient('us', endpoint, {
    clock,
    timers,
    random: () => chance,
    events,
    certificateWarnings: new CertificateWarnings({ clock, events }),
    fetchJwks,
    fetchMetadata,
    closing: exchangeClosing.signal,
  })
  created.use(endpoint, [{ kind: 'identity_provider', name: 'https://idp.example.com' }])
  return created
}

/** As the pool does. */
function close(): void {
  exchangeClosing.abort()
  client.end()
}

/** From now on the endpoint has these keys; it answers 304 where it is asked conditionally and has an ETag. */
function publish(keys: readonly FakeKey[], { maxAge, ...validators }: Validators & { maxAge?: number } = {}): void {
  const members = keys.map(({ publicJwk }) => publicJwk)
  const version = JSON.stringify(members)
  answer = async (fetch) => {
    const isSame = validators.etag !== undefined && fetch.validators?.etag === validators.etag
    return { published: isSame ? undefined : { members, version }, validators, maxAge }
  }
}

function failWith(error: unknown): void {
  answer = async () => Promise.reject(error)
}

/** From now on the endpoint answers as before, but so many seconds later. */
function slowDown(seconds: number): void {
  const answerAtOnce = answer
  answer = async (fetch, closing) => {
    await pause(seconds * 1000, timers)
    return answerAtOnce(fetch, closing)
  }
}

/** From now on the endpoint answers when it is told to, with what it has then. */
function hold(): { release: () => void; fail: (error: unknown) => void } {
  const held: { resolve: (answer: Promise<JwksAnswer>) => void; reject: (error: unknown) => void; fetch: JwksFetch }[] =
    []
  const onHold: typeof answer = (fetch) =>
    new Promise<JwksAnswer>((resolve, reject) => held.push({ resolve, reject, fetch }))
  const answerAtOnce = answer
  answer = onHold
  const signal = new AbortController().signal
  return {
    release: () => {
      if (answer === onHold) answer = answerAtOnce
      for (const { resolve, fetch } of held.splice(0)) resolve(answer(fetch, signal))
    },
    fail: (error) => {
      for (const { reject } of held.splice(0)) reject(error)
    },
  }
}

function ask(header: KeyHeader = KNOWN): Asked {
  return follow((async () => client.requireKeys(header))())
}

function follow(finding: Promise<readonly KeyObject[]>): Asked {
  const askedAt = clock.monotonic()
  const asked: Asked = { outcome: 'pending' }
  const settle = (outcome: Partial<Asked>) => Object.assign(asked, { waited: clock.monotonic() - askedAt, ...outcome })
  finding.then(
    (keys) => settle({ outcome: keys.length > 0 ? 'found' : 'nothing', keys }),
    (error: unknown) => {
      const isKnown = isTokenRejected(error) || isDependencyUnavailable(error)
      settle({ outcome: isKnown ? error.reason : String(error), error })
    },
  )
  return asked
}

/** What a request comes to that nothing keeps waiting. */
async function outcomeOf(header: KeyHeader = KNOWN): Promise<string> {
  const asked = ask(header)
  await timers.advance(0)
  return asked.outcome
}

/** Lets time pass in which a request comes every so many seconds, the first one at once. */
async function useEvery(interval: number, seconds: number): Promise<Asked[]> {
  const requests: Asked[] = []
  for (let second = 0; second < seconds; second += interval) {
    requests.push(ask())
    await timers.advance(interval)
  }
  return requests
}

const fetchTimes = () => fetches.map(({ at }) => at / 1000)
const eventsOf = (name: (typeof EVENTS)[number]) => told.filter((each) => each.name === name).map(({ event }) => event)

describe('a refresh ahead of expiry', () => {
  it('does not come before a key was needed', async () => {
    await timers.advance(10 * HOUR)
    expect([fetches, timers.pending]).toEqual([[], 0])
  })

  it('does not come where refreshAhead is false: a request finds the key set expired and fetches', async () => {
    client = createClient({ refreshAhead: false })
    slowDown(1)
    const requests = await useEvery(100, 700)
    expect(fetchTimes()).toEqual([0, 400])
    expect(requests.map(({ waited }) => waited)).toEqual([1000, 0, 0, 0, 1000, 0, 0])
    expect(client.stats().nextRefreshIn).toBeUndefined()
  })

  it('does not come for keys that were not used during the last lifetime', async () => {
    await outcomeOf()
    await timers.advance(10 * HOUR)
    expect(fetchTimes()).toEqual([0, 240])
    expect(client.stats().nextRefreshIn).toBeUndefined()
  })

  it.each([
    [0, 216],
    [0.5, 240],
    [1, 264],
  ])('comes at 72 to 88 per cent of the lifetime: chance %d, second %d', async (drawn, second) => {
    chance = drawn
    await outcomeOf()
    expect(client.stats().nextRefreshIn).toBe(second * 1000)
    await timers.advance(second - 0.001)
    expect(fetchTimes()).toEqual([0])
    await timers.advance(0.002)
    expect(fetchTimes()).toEqual([0, second])
  })

  it('comes at its share of the lifetime that the endpoint says', async () => {
    publish([KEY], { maxAge: 1000_000 })
    await useEvery(100, 2000)
    expect(fetchTimes()).toEqual([0, 800, 1600])
  })

  it('comes again and again while the keys are in use, and no request waits', async () => {
    slowDown(1)
    const [first, ...later] = await useEvery(10, HOUR)
    expect(first?.waited).toBe(1000)
    expect(new Set(later.map(({ outcome, waited }) => `${outcome} ${waited}`))).toEqual(new Set(['found 0']))
    expect(fetchTimes().slice(0, 4)).toEqual([0, 241, 482, 723])
  })

  it('takes any request for a use, also one that finds nothing', async () => {
    await outcomeOf()
    await timers.advance(200)
    await outcomeOf(unknown())
    const fetchedAt = fetchTimes()
    await timers.advance(10 * HOUR)
    expect([fetchedAt, fetchTimes()]).toEqual([
      [0, 200],
      [0, 200, 440],
    ])
  })

  it('is put off by a refresh for another reason', async () => {
    await outcomeOf()
    await timers.advance(100)
    await client.refreshKeys()
    await useEvery(50, 400)
    expect(fetchTimes()).toEqual([0, 100, 340])
  })

  it('comes by the running clock: setting the wall clock changes nothing', async () => {
    await outcomeOf()
    clock.set(0)
    await timers.advance(120)
    clock.set(4_000_000_000)
    await timers.advance(119.999)
    expect(fetchTimes()).toEqual([0])
    await timers.advance(0.002)
    expect(fetchTimes()).toEqual([0, 240])
  })

  it('makes a new key known before anybody asks for it', async () => {
    await outcomeOf()
    publish([KEY, OTHER_KEY])
    await timers.advance(241)
    expect([await outcomeOf(OTHER), fetchTimes()]).toEqual(['found', [0, 240]])
  })

  it('ends the use of a withdrawn key', async () => {
    await outcomeOf()
    publish([OTHER_KEY])
    await timers.advance(239)
    expect(await outcomeOf(KNOWN)).toBe('found')
    await timers.advance(2)
    expect(await outcomeOf(KNOWN)).toBe('unknown_key')
  })

  it('comes for keys that are used again before they expire, though it was left out when it was due', async () => {
    slowDown(1)
    ask()
    await timers.advance(500)
    expect(fetchTimes()).toEqual([0, 241])
    const requests = await useEvery(10, 200)
    expect(new Set(requests.map(({ outcome, waited }) => `${outcome} ${waited}`))).toEqual(new Set(['found 0']))
  })
})

describe('the lifetime of a key set', () => {
  it.each([
    [undefined, 300_000],
    [0, 30_000],
    [29_999, 30_000],
    [30_000, 30_000],
    [600_000, 600_000],
    [3_600_000, 3_600_000],
    [3_600_001, 3_600_000],
    [Number.MAX_VALUE, 3_600_000],
  ])('is what the endpoint says within the bounds: %s makes %d', async (maxAge, lifetime) => {
    publish([KEY], maxAge === undefined ? {} : { maxAge })
    await outcomeOf()
    expect([client.stats().expiresIn, eventsOf('jwks.refreshed')[0]?.freshForMs]).toEqual([lifetime, lifetime])
  })

  it('has bounds that the options set', async () => {
    client = createClient({ cacheMaxAgeAtLeast: 1000, cacheMaxAgeAtMost: 2000, cacheMaxAge: 5000 })
    for (const [maxAge, lifetime] of [
      [0, 1000],
      [1500, 1500],
      [9000, 2000],
      [undefined, 5000],
    ] as const) {
      publish([KEY], maxAge === undefined ? {} : { maxAge })
      await client.refreshKeys()
      expect(client.stats().expiresIn).toBe(lifetime)
    }
  })
})

describe('a conditional fetch', () => {
  const SAME = { etag: '"a"', lastModified: 'Fri, 15 Jan 2027 08:00:00 GMT' }

  it('is not the first one, nor one after an answer without validators', async () => {
    await outcomeOf()
    await timers.advance(241)
    expect(fetches.map(({ validators }) => validators)).toEqual([{}, {}])
  })

  it.each<[string, () => Promise<unknown>]>([
    ['an unknown kid', () => outcomeOf(unknown())],
    ['refreshKeys', () => client.refreshKeys()],
    [
      'a bad signature',
      async () => {
        const asked = ask()
        await timers.advance(0)
        await client.findNewerKeys(KNOWN, asked.keys ?? [])
      },
    ],
  ])('is not what %s causes, though validators are at hand', async (_, cause) => {
    publish([KEY], SAME)
    await outcomeOf()
    await cause()
    expect(fetches.map(({ validators }) => validators)).toEqual([{}, {}])
  })

  it('does not answer for an unknown kid that comes while it is under way', async () => {
    publish([KEY], SAME)
    await outcomeOf()
    const { release } = hold()
    await timers.advance(241)
    const asked = ask(OTHER)
    publish([KEY, OTHER_KEY], { etag: '"b"' })
    release()
    await timers.advance(1)
    expect([asked.outcome, fetches.map(({ validators }) => validators?.etag)]).toEqual([
      'found',
      [undefined, '"a"', undefined],
    ])
  })

  it('renews in the background and at the expiry', async () => {
    publish([KEY], SAME)
    await outcomeOf()
    await timers.advance(0.9 * HOUR)
    await outcomeOf()
    expect(fetches.map(({ validators }) => validators)).toEqual([{}, SAME, SAME])
  })

  it('takes turns with a whole one each hour: a withdrawn key does not live on a 304 that is wrong', async () => {
    publish([KEY], SAME)
    await useEvery(30, 3500)
    const conditions = fetches.map(({ validators }) => validators?.etag)
    expect([conditions[0], new Set(conditions.slice(1))]).toEqual([undefined, new Set(['"a"'])])
    publish([OTHER_KEY], SAME)
    await useEvery(30, 400)
    expect(fetches.at(-1)?.validators).toEqual({})
    expect(await outcomeOf()).toBe('unknown_key')
  })

  it('begins a new lifetime with the very same keys where nothing has changed, and stays conditional', async () => {
    publish([KEY], { ...SAME, maxAge: 100_000 })
    const first = ask()
    await useEvery(10, 200)
    const later = ask()
    await timers.advance(0)
    expect(later.keys?.[0]).toBe(first.keys?.[0])
    expect(fetches.map(({ at, validators }) => [at, validators])).toEqual([
      [0, {}],
      [80_000, SAME],
      [160_000, SAME],
    ])
    expect(client.stats()).toMatchObject({ state: 'ok', expiresIn: 60_000, keySetAge: 40_000 })
    const refreshed = eventsOf('jwks.refreshed')
    expect(refreshed.map(({ hasChanged, kids }) => [hasChanged, kids])).toEqual([
      [true, ['a']],
      [false, ['a']],
      [false, ['a']],
    ])
  })

  it('takes the lifetime that the new answer says', async () => {
    publish([KEY], { ...SAME, maxAge: 100_000 })
    await outcomeOf()
    publish([KEY], { ...SAME, maxAge: 500_000 })
    await timers.advance(80)
    expect(client.stats().expiresIn).toBe(500_000)
  })

  it('renews keys that are too old to be used', async () => {
    publish([KEY], SAME)
    await outcomeOf()
    await timers.advance(10 * HOUR)
    expect(client.stats().servesFor).toBe(0)
    expect([await outcomeOf(), client.stats().state]).toEqual(['found', 'ok'])
  })

  it('asks for the last good set when a bad one came meanwhile', async () => {
    publish([KEY], SAME)
    await outcomeOf()
    publish([], { etag: '"empty"' })
    await timers.advance(240.1)
    publish([KEY], SAME)
    await timers.advance(1)
    expect(fetches.map(({ validators }) => validators)).toEqual([{}, SAME, SAME])
    expect(client.stats().state).toBe('ok')
  })

  it('is a failure where the endpoint says that nothing has changed and nothing is at hand', async () => {
    answer = async () => ({ published: undefined, validators: {}, maxAge: undefined })
    expect(await outcomeOf()).toBe('jwks_unavailable')
    expect(eventsOf('jwks.failed')[0]?.reason).toBe('no_usable_key')
  })
})

describe('the same key set, fetched whole', () => {
  it('keeps the very same keys', async () => {
    const first = ask()
    await timers.advance(241)
    await client.refreshKeys()
    const later = ask()
    await timers.advance(0)
    expect(later.keys?.[0]).toBe(first.keys?.[0])
    expect(eventsOf('jwks.refreshed').map(({ hasChanged }) => hasChanged)).toEqual([true, false, false])
  })

  it('has other keys when it has changed', async () => {
    const first = ask()
    await timers.advance(0)
    publish([KEY, OTHER_KEY])
    await client.refreshKeys()
    const later = ask()
    await timers.advance(0)
    expect(later.keys?.[0]).not.toBe(first.keys?.[0])
    expect(later.keys?.[0]?.equals(first.keys?.[0] as KeyObject)).toBe(true)
    expect(eventsOf('jwks.refreshed').map(({ hasChanged }) => hasChanged)).toEqual([true, true])
  })

  it('tells of the same skipped members once, while it is good and while it is not', async () => {
    const bad = { ...KEY, publicJwk: { kty: 'oct', k: 'AA', kid: 'bad' } }
    publish([KEY, bad])
    await outcomeOf()
    await timers.advance(241)
    expect(eventsOf('jwks.key_rejected')).toHaveLength(1)
    publish([bad])
    await useEvery(10, 300)
    expect(eventsOf('jwks.failed').length).toBeGreaterThan(3)
    expect(eventsOf('jwks.key_rejected')).toHaveLength(2)
  })
})

describe('an outage', () => {
  it('is asked about in the background, with back-off, while the keys are in use', async () => {
    chance = 1
    await outcomeOf()
    failWith(BROKEN)
    const requests = await useEvery(10, 520)
    expect(fetchTimes()).toEqual([0, 264, 265, 267, 271, 279, 295, 327, 387, 447, 507])
    expect(new Set(requests.map(({ outcome, waited }) => `${outcome} ${waited}`))).toEqual(new Set(['found 0']))
  })

  it('is not asked about in the background once the keys were not used for a lifetime', async () => {
    chance = 1
    await outcomeOf()
    failWith(BROKEN)
    await timers.advance(10 * HOUR)
    expect(fetchTimes()).toEqual([0, 264, 265, 267, 271, 279, 295])
    expect(timers.pending).toBe(0)
  })

  it('is not asked about in the background where refreshAhead is false', async () => {
    client = createClient({ refreshAhead: false })
    failWith(BROKEN)
    expect(await outcomeOf()).toBe('jwks_unavailable')
    await timers.advance(10 * HOUR)
    expect([fetchTimes(), timers.pending]).toEqual([[0], 0])
  })

  it('is asked about in the background also before the first keys came', async () => {
    failWith(BROKEN)
    expect(await outcomeOf()).toBe('jwks_unavailable')
    publish([KEY])
    await timers.advance(1)
    expect([client.stats().state, fetchTimes()]).toEqual(['ok', [0, 0.75]])
  })

  it('ends in the background before a request notices, and is told once, after the refresh', async () => {
    await outcomeOf()
    failWith(BROKEN)
    await timers.advance(245)
    publish([KEY])
    await timers.advance(10)
    expect(client.stats().state).toBe('ok')
    await useEvery(10, 600)
    expect(eventsOf('jwks.recovered')).toHaveLength(1)
    const names = told.map(({ name }) => name)
    expect(names.slice(names.indexOf('jwks.recovered') - 2).slice(0, 3)).toEqual([
      'jwks.failed',
      'jwks.refreshed',
      'jwks.recovered',
    ])
    expect(eventsOf('jwks.stale')).toEqual([])
  })

  it('is told as long as it lasted, from the begin of the first failed fetch', async () => {
    chance = 1
    await outcomeOf()
    failWith(BROKEN)
    slowDown(0.5)
    await timers.advance(266)
    publish([KEY])
    await timers.advance(10)
    // 264 to 264.5, 265.5 to 266, and then 268.
    expect(eventsOf('jwks.recovered')).toMatchObject([
      { failedForMs: 4000, identityProvider: 'https://idp.example.com' },
    ])
  })

  it('makes keys stale and then degraded, each told once, until they serve no longer', async () => {
    await outcomeOf()
    failWith(BROKEN)
    const requests = await useEvery(10, 4000)
    const stale = eventsOf('jwks.stale')
    expect(stale).toMatchObject([
      { state: 'stale', keySetAgeMs: 300_000, servesForMs: 3_600_000 },
      { state: 'degraded' },
    ])
    expect(stale[1]?.servesForMs).toBeLessThan(1_800_000)
    expect(stale[1]?.servesForMs).toBeGreaterThan(1_780_000)
    const outcomes = requests.map(({ outcome }) => outcome)
    expect(new Set(outcomes.slice(0, 390))).toEqual(new Set(['found']))
    expect(new Set(outcomes.slice(390))).toEqual(new Set(['jwks_unavailable']))
    expect([client.stats().state, eventsOf('jwks.recovered')]).toEqual(['down', []])
  })

  it('makes keys stale at once that had expired unused, with the first fetch that fails', async () => {
    await outcomeOf()
    await timers.advance(600)
    failWith(BROKEN)
    expect(await outcomeOf()).toBe('found')
    expect(eventsOf('jwks.stale')).toMatchObject([{ state: 'stale', keySetAgeMs: 360_000, servesForMs: 3_540_000 }])
  })

  it('is told anew when it comes again, be it short', async () => {
    for (let outage = 1; outage <= 2; outage += 1) {
      await useEvery(10, 100)
      failWith(BROKEN)
      await useEvery(10, 400)
      expect(eventsOf('jwks.stale').map(({ state }) => state)).toEqual(Array.from({ length: outage }, () => 'stale'))
      publish([KEY])
      await useEvery(10, 100)
    }
  })

  it('is told anew when it comes again, be it long', async () => {
    for (let outage = 1; outage <= 2; outage += 1) {
      publish([KEY])
      await useEvery(10, 100)
      failWith(BROKEN)
      await useEvery(10, 2500)
      expect(eventsOf('jwks.stale').map(({ state }) => state)).toEqual(
        Array.from({ length: outage }, () => ['stale', 'degraded']).flat(),
      )
      publish([KEY])
      await useEvery(10, 100)
      expect(eventsOf('jwks.recovered')).toHaveLength(outage)
    }
  })

  it('is over for a withdrawn key when the endpoint has answered again for longer than a lifetime', async () => {
    await outcomeOf()
    failWith(BROKEN)
    await timers.advance(400)
    publish([OTHER_KEY])
    await timers.advance(600)
    slowDown(1)
    const asked = ask(KNOWN)
    await timers.advance(5)
    expect(asked.outcome).toBe('unknown_key')
  })
})

describe('Retry-After', () => {
  const busy = (seconds: number) => new JwksFetchError('unexpected_status', { code: '503', retryAfter: seconds * 1000 })

  it('leaves the endpoint alone for as long as it says, in the background and for requests', async () => {
    await outcomeOf()
    failWith(busy(300))
    await timers.advance(240.5)
    publish([KEY, OTHER_KEY])
    const requests = await useEvery(10, 290)
    expect(fetchTimes()).toEqual([0, 240])
    expect(new Set(requests.map(({ outcome }) => outcome))).toEqual(new Set(['found']))
    expect([await outcomeOf(OTHER), client.stats().state]).toEqual(['jwks_unavailable', 'stale'])
    expect(await client.findNewerKeys(KNOWN, [])).toHaveLength(1)
    expect(fetchTimes()).toEqual([0, 240])
    await timers.advance(9.6)
    expect([await outcomeOf(OTHER), fetchTimes()]).toEqual(['found', [0, 240, 540]])
  })

  it('is passed on where no keys are at hand, less what has passed of it', async () => {
    failWith(busy(120))
    const first = ask()
    await timers.advance(50.5)
    const second = ask()
    await timers.advance(0)
    expect([first.error, second.error]).toMatchObject([
      { reason: 'jwks_unavailable', retryAfter: 120 },
      { reason: 'jwks_unavailable', retryAfter: 70 },
    ])
    expect([second.waited, fetchTimes()]).toEqual([0, [0]])
  })

  it('does not shorten the back-off', async () => {
    failWith(busy(0))
    await outcomeOf()
    await timers.advance(0.7)
    expect([await outcomeOf(), fetchTimes()]).toEqual(['jwks_unavailable', [0]])
  })

  it('still holds for requests when refreshKeys was called meanwhile and failed', async () => {
    await outcomeOf()
    failWith(busy(300))
    await outcomeOf(unknown())
    await timers.advance(10)
    failWith(BROKEN)
    await client.refreshKeys().catch(() => {})
    await useEvery(10, 200)
    expect(fetchTimes()).toEqual([0, 0, 10])
  })
})

describe('a request for a slow endpoint', () => {
  it('waits three seconds at most, and the keys that come later serve the next one', async () => {
    const { release } = hold()
    const asked = ask()
    await timers.advance(2.999)
    expect([asked.outcome, client.stats().waiting]).toEqual(['pending', 1])
    await timers.advance(0.001)
    expect([asked.outcome, asked.waited, client.stats().waiting]).toEqual(['jwks_unavailable', 3000, 0])
    release()
    expect([await outcomeOf(), fetches.length]).toEqual(['found', 1])
  })

  it('gets the old keys after three seconds, where there are some', async () => {
    await outcomeOf()
    await timers.advance(10 * 60)
    hold()
    const asked = ask()
    await timers.advance(2.999)
    expect(asked.outcome).toBe('pending')
    await timers.advance(0.001)
    expect([asked.outcome, asked.waited]).toEqual(['found', 3000])
  })

  it('waits three seconds for a fetch under way and for one after it together', async () => {
    await outcomeOf()
    await timers.advance(10 * 60)
    const { release } = hold()
    const asked = ask(unknown())
    await timers.advance(2)
    release()
    hold()
    await timers.advance(0.999)
    expect([asked.outcome, fetches.length]).toEqual(['pending', 4])
    await timers.advance(0.001)
    expect([asked.outcome, asked.waited]).toEqual(['jwks_unavailable', 3000])
  })

  it('waits two seconds at most for keys newer than those that do not verify', async () => {
    const known = ask()
    await timers.advance(0)
    hold()
    const asked = follow(client.findNewerKeys(KNOWN, known.keys ?? []))
    await timers.advance(1.999)
    expect(asked.outcome).toBe('pending')
    await timers.advance(0.001)
    expect([asked.outcome, asked.waited]).toEqual(['nothing', 2000])
  })

  it('is not held up by it where the keys are known and fresh', async () => {
    await outcomeOf()
    hold()
    const slow = ask(unknown())
    expect([await outcomeOf(), slow.outcome]).toEqual(['found', 'pending'])
  })

  it('costs no budget when the fetch fails, however long that takes', async () => {
    await outcomeOf()
    const { fail } = hold()
    const asked = ask(unknown())
    await timers.advance(4)
    expect(asked.outcome).toBe('jwks_unavailable')
    fail(BROKEN)
    await timers.advance(0)
    expect(client.stats().budget).toEqual({ unknownKids: 2, badSignatures: 2 })
  })
})

describe('many requests', () => {
  it('wait up to a thousand at once; one more is refused at once', async () => {
    const { release } = hold()
    const waiting = Array.from({ length: 1000 }, () => ask())
    await timers.advance(0)
    expect([client.stats().waiting, waiting.filter(({ outcome }) => outcome !== 'pending')]).toEqual([1000, []])
    const further = ask()
    await timers.advance(0)
    expect([further.outcome, further.waited]).toEqual(['jwks_unavailable', 0])
    await timers.advance(1)
    release()
    await timers.advance(0)
    expect(new Set(waiting.map(({ outcome }) => outcome))).toEqual(new Set(['found']))
    expect([client.stats().waiting, fetches.length, await outcomeOf()]).toEqual([0, 1, 'found'])
  })

  it('wait likewise for keys that have just expired; one more is served by these', async () => {
    await outcomeOf()
    await timers.advance(700)
    const { release } = hold()
    const waiting = Array.from({ length: 1000 }, () => ask())
    await timers.advance(0)
    expect([client.stats().waiting, waiting.filter(({ outcome }) => outcome !== 'pending')]).toEqual([1000, []])
    const further = ask()
    await timers.advance(0)
    expect([further.outcome, further.waited]).toEqual(['found', 0])
    release()
    await timers.advance(0)
    expect(new Set(waiting.map(({ outcome }) => outcome))).toEqual(new Set(['found']))
  })

  it('make room for others when their time is over', async () => {
    hold()
    for (let request = 0; request < 1000; request += 1) ask()
    await timers.advance(3)
    const next = ask()
    await timers.advance(0)
    expect([next.outcome, client.stats().waiting]).toEqual(['pending', 1])
  })

  it('for unknown kids wait likewise, and do not hold known keys up', async () => {
    await outcomeOf()
    const { release } = hold()
    const waiting = Array.from({ length: 1000 }, (_, index) => ask(unknown(`${index}`)))
    await timers.advance(0)
    expect([await outcomeOf(unknown('further')), await outcomeOf(KNOWN)]).toEqual(['jwks_unavailable', 'found'])
    release()
    await timers.advance(1)
    expect(new Set(waiting.map(({ outcome }) => outcome))).toEqual(new Set(['unknown_key']))
    expect([client.stats().waiting, fetches.length]).toEqual([0, 3])
  })
})

describe('a kid that the endpoint was asked for in vain', () => {
  /** The keys are known then, and nothing comes in the background. */
  beforeEach(async () => {
    client = createClient({ refreshAhead: false })
    await outcomeOf()
  })

  it('is not asked for again within the cooldown', async () => {
    for (const _ of [1, 2, 3]) expect(await outcomeOf(unknown())).toBe('unknown_key')
    expect(fetches).toHaveLength(2)
    await timers.advance(29.999)
    expect([await outcomeOf(unknown()), fetches.length]).toEqual(['unknown_key', 2])
    await timers.advance(0.001)
    expect([await outcomeOf(unknown()), fetches.length]).toEqual(['unknown_key', 3])
  })

  it('is asked for again one cooldown after it was asked for, however long the endpoint took', async () => {
    slowDown(2)
    const asked = ask(OTHER)
    await timers.advance(2)
    expect(asked.outcome).toBe('unknown_key')
    publish([KEY, OTHER_KEY])
    await timers.advance(27.999)
    expect(await outcomeOf(OTHER)).toBe('unknown_key')
    await timers.advance(0.001)
    expect(await outcomeOf(OTHER)).toBe('found')
  })

  it('leaves the budget to the others', async () => {
    for (const _ of [1, 2, 3, 4, 5]) await outcomeOf(unknown())
    publish([KEY, OTHER_KEY])
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['found', 3])
  })

  it('is another one with another algorithm', async () => {
    await outcomeOf(unknown('made up', 'ES256'))
    await outcomeOf(unknown('made up', 'RS256'))
    expect(fetches).toHaveLength(3)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['refreshKeys', () => client.refreshKeys()],
    ['a fetch for another kid', () => outcomeOf(unknown('another'))],
  ])('may be asked for again after %s', async (_, refresh) => {
    client = createClient({ refreshAhead: false, refreshBudget: 10 })
    await outcomeOf()
    await outcomeOf(unknown())
    await refresh()
    const before = fetches.length
    await outcomeOf(unknown())
    expect(fetches).toHaveLength(before + 1)
  })

  it('may be asked for again after a refresh in the background', async () => {
    client = createClient({ cooldownDuration: 600_000 })
    fetches.length = 0
    await outcomeOf()
    await outcomeOf(unknown())
    await timers.advance(239)
    await outcomeOf(unknown())
    expect(fetchTimes()).toEqual([0, 0])
    await timers.advance(2)
    await outcomeOf(unknown())
    expect(fetchTimes()).toEqual([0, 0, 240, 241])
  })

  it('is found as soon as any refresh brings it', async () => {
    await outcomeOf(OTHER)
    publish([KEY, OTHER_KEY])
    expect(await outcomeOf(OTHER)).toBe('unknown_key')
    await client.refreshKeys()
    expect(await outcomeOf(OTHER)).toBe('found')
  })

  it('is not one that could not be asked for, because the endpoint failed', async () => {
    failWith(BROKEN)
    expect(await outcomeOf(OTHER)).toBe('jwks_unavailable')
    publish([KEY, OTHER_KEY])
    await timers.advance(1)
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['found', 3])
  })

  it('is not one that could not be asked for, because the budget was used up', async () => {
    await outcomeOf(unknown('1'))
    await outcomeOf(unknown('2'))
    publish([KEY, OTHER_KEY])
    await timers.advance(15)
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['unknown_key', 3])
    await timers.advance(15)
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['found', 4])
  })
})

describe('refreshKeys', () => {
  it('fails where the endpoint fails, and the old keys stay', async () => {
    await outcomeOf()
    failWith(BROKEN)
    await expect(client.refreshKeys()).rejects.toMatchObject({
      name: 'DependencyUnavailable',
      reason: 'jwks_unavailable',
      cause: { message: 'unexpected_status' },
    })
    expect([await outcomeOf(), client.stats().state]).toEqual(['found', 'ok'])
  })

  it('fails where no key is usable, and the old keys stay', async () => {
    await outcomeOf()
    publish([])
    await expect(client.refreshKeys()).rejects.toMatchObject({ cause: { message: 'no_usable_key' } })
    expect(await outcomeOf()).toBe('found')
  })

  it('asks though the endpoint failed just now or asked to be left alone, and ends that when it succeeds', async () => {
    failWith(new JwksFetchError('unexpected_status', { code: '503', retryAfter: 300_000 }))
    await outcomeOf()
    publish([KEY])
    expect([await outcomeOf(), fetches.length]).toEqual(['jwks_unavailable', 1])
    await client.refreshKeys()
    expect([await outcomeOf(), fetches.length, client.stats().state]).toEqual(['found', 2, 'ok'])
    expect(client.stats().nextAttemptIn).toBeUndefined()
  })

  it('fetches fresh keys too, and costs no budget', async () => {
    await outcomeOf()
    for (let call = 0; call < 10; call += 1) await client.refreshKeys()
    expect([fetches.length, client.stats().budget?.unknownKids]).toEqual([11, 2])
  })

  it('asks anew after a fetch that was under way, which may have begun too early', async () => {
    const { release } = hold()
    ask()
    const refreshing = client.refreshKeys()
    await timers.advance(1)
    expect(fetches).toHaveLength(1)
    release()
    await refreshing
    expect(fetches).toHaveLength(2)
  })

  it('shares one fetch when it is called many times at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => client.refreshKeys()))
    expect(fetches).toHaveLength(1)
  })

  it('ends the use of a withdrawn key at once', async () => {
    await outcomeOf()
    publish([OTHER_KEY])
    await client.refreshKeys()
    expect(await outcomeOf(KNOWN)).toBe('unknown_key')
  })
})

describe('close', () => {
  it('cancels what was to come in the background', async () => {
    await outcomeOf()
    expect(timers.pending).toBe(1)
    close()
    expect([timers.pending, client.stats().nextRefreshIn]).toEqual([0, undefined])
    await timers.advance(10 * HOUR)
    expect(fetches).toHaveLength(1)
  })

  it('cancels a retry in an outage', async () => {
    failWith(BROKEN)
    await outcomeOf()
    expect(timers.pending).toBe(1)
    close()
    publish([KEY])
    await timers.advance(10 * HOUR)
    expect([timers.pending, fetches.length]).toEqual([0, 1])
  })

  it('ends a fetch under way, tells no failure and plans nothing', async () => {
    const { fail } = hold()
    const asked = ask()
    await timers.advance(1)
    close()
    expect(fetches[0]?.closing.aborted).toBe(true)
    fail(new JwksFetchError('closed'))
    await timers.advance(0)
    expect([asked.outcome, told, timers.pending]).toEqual(['jwks_unavailable', [], 0])
  })

  it('plans nothing after an answer that comes too late', async () => {
    const { release } = hold()
    ask()
    await timers.advance(1)
    close()
    release()
    await timers.advance(10 * HOUR)
    expect([fetches.length, timers.pending]).toEqual([1, 0])
  })

  it('lets refreshKeys fail without a fetch', async () => {
    await outcomeOf()
    close()
    failWith(new JwksFetchError('closed'))
    await expect(client.refreshKeys()).rejects.toMatchObject({ reason: 'jwks_unavailable' })
    expect([fetches.length, client.stats().fetches, eventsOf('jwks.failed')]).toEqual([1, 1, []])
  })
})

describe('other settings', () => {
  const OWNERS: readonly KeyOwner[] = [{ kind: 'identity_provider', name: 'https://idp.example.com' }]
  const use = (settings: Partial<JwksEndpointSettings>, owners = OWNERS, changes: Partial<JwksEndpoint> = {}) =>
    client.use(
      { url: URL_OF_KEYS, connection: DIRECT_CONNECTION, settings: { ...SETTINGS, ...settings }, ...changes },
      owners,
    )

  it('abort a fetch under way, which begins again by them: whoever waits for it gets what that finds', async () => {
    const { release } = hold()
    const asked = ask(OTHER)
    await timers.advance(1)
    use({ readTimeout: 500 })
    expect(fetches.map(({ closing }) => closing.aborted)).toEqual([true])
    release() // By the old settings, too late.
    publish([KEY, OTHER_KEY])
    await timers.advance(0)
    expect(asked.outcome).toBe('found')
    expect(fetches.map(({ closing }) => closing.aborted)).toEqual([true, false])
    expect([client.stats().failedFetches, eventsOf('jwks.refreshed').length]).toEqual([0, 1])
  })

  it('make no failure of the old ones count', async () => {
    const { fail } = hold()
    const asked = ask()
    await timers.advance(1)
    use({ readTimeout: 500 })
    publish([KEY])
    fail(BROKEN)
    await timers.advance(0)
    expect([asked.outcome, client.stats().consecutiveFailures, eventsOf('jwks.failed')]).toEqual(['found', 0, []])
  })

  it('that are the same leave a fetch under way alone', async () => {
    const { release } = hold()
    const asked = ask()
    await timers.advance(1)
    use({})
    release()
    await timers.advance(0)
    expect([asked.outcome, fetches.map(({ closing }) => closing.aborted)]).toEqual(['found', [false]])
  })

  it('fetch nothing by themselves, and keep the key set and its age', async () => {
    await outcomeOf()
    await timers.advance(100)
    use({ readTimeout: 500, refreshAhead: 50 })
    await timers.advance(0)
    expect(client.stats()).toMatchObject({ fetches: 1, keySetAge: 100_000, expiresIn: 200_000, nextRefreshIn: 100_000 })
    expect([await outcomeOf(), fetches.length]).toEqual(['found', 1])
  })

  it('have an endpoint asked at once that was left alone, and count on if it fails again', async () => {
    failWith(BROKEN)
    await outcomeOf()
    await outcomeOf()
    expect([fetches.length, timers.pending]).toEqual([1, 1])
    use({ readTimeout: 500 })
    expect([client.stats().nextAttemptIn, timers.pending]).toEqual([undefined, 0])
    await outcomeOf()
    expect(fetches).toHaveLength(2)
    expect(eventsOf('jwks.failed').map(({ consecutiveFailures }) => consecutiveFailures)).toEqual([1, 2])
  })

  it('give back nothing of the budget for unknown kids that was used up', async () => {
    await outcomeOf()
    for (const kid of ['one', 'two', 'three']) await outcomeOf(unknown(kid))
    expect([fetches.length, client.stats().budget]).toEqual([3, { unknownKids: 0, badSignatures: 2 }])
    use({ readTimeout: 500 })
    expect(client.stats().budget).toEqual({ unknownKids: 0, badSignatures: 2 })
    use({ refreshBudget: 3 })
    expect(client.stats().budget).toEqual({ unknownKids: 1, badSignatures: 3 })
    use({ refreshBudget: 1 })
    expect(client.stats().budget).toEqual({ unknownKids: 0, badSignatures: 1 })
  })

  it('have a kid looked for again that was not found by the old ones', async () => {
    await outcomeOf()
    expect(await outcomeOf(OTHER)).toBe('unknown_key')
    publish([KEY, OTHER_KEY])
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['unknown_key', 2])
    use({ readTimeout: 500 })
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['found', 3])
  })

  it('name the owners in events from then on: a provider by its name, a client by its id', async () => {
    use({}, [...OWNERS, { kind: 'client', name: 'app' }])
    await outcomeOf()
    expect(eventsOf('jwks.refreshed')).toEqual([
      expect.objectContaining({ identityProvider: 'https://idp.example.com', alias: 'us', endpoint: URL_OF_KEYS }),
      expect.objectContaining({ clientId: 'app', alias: 'us', endpoint: URL_OF_KEYS }),
    ])
    expect(eventsOf('jwks.refreshed')[1]).not.toHaveProperty('identityProvider')
  })
})

describe('a client that no owner needs any more', () => {
  it('begins no fetch in the background', async () => {
    await outcomeOf()
    client.end()
    expect([timers.pending, client.stats().nextRefreshIn]).toEqual([0, undefined])
    await useEvery(10, 299)
    expect(fetches).toHaveLength(1)
  })

  it('ends a fetch under way well, and makes others for requests that began before', async () => {
    const { release } = hold()
    const asked = ask()
    await timers.advance(1)
    client.end()
    release()
    await timers.advance(0)
    expect([asked.outcome, fetches[0]?.closing.aborted]).toEqual(['found', false])
    publish([OTHER_KEY])
    expect([await outcomeOf(OTHER), fetches.length]).toEqual(['found', 2])
    expect(timers.pending).toBe(0)
  })

  it('makes none after the exchange has closed', async () => {
    client.end()
    exchangeClosing.abort()
    expect([await outcomeOf(), fetches.length]).toEqual(['jwks_unavailable', 0])
  })
})
