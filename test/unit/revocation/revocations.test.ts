import { beforeEach, describe, expect, it } from '@jest/globals'
import { fieldOf } from '../../../src/errors/field-of.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import { MemoryRevocationStore } from '../../../src/revocation/memory-revocation-store.js'
import type { RevocationSettings } from '../../../src/revocation/revocation-options.js'
import type { Revocation, RevocationPage, RevocationStore } from '../../../src/revocation/revocation-store.js'
import { Revocations } from '../../../src/revocation/revocations.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

let clock: AdjustableClock
let timers: AdjustableTimers
let events: unknown[]
beforeEach(() => {
  clock = new AdjustableClock()
  timers = new AdjustableTimers(clock)
  events = []
})

function create(settings: Partial<RevocationSettings> = {}): Revocations {
  const emitter = new ExchangeEventEmitter()
  for (const name of ['revocation_store.failed', 'revocation_store.recovered'] as const) {
    emitter.on(name, (event) => events.push([name, event]))
  }
  const defaults = { isOn: true, store: undefined, pollInterval: 500, maxStale: 10_000, timeout: 1000 }
  const deps = { clock, events: emitter, timers, random: () => 1 }
  return new Revocations({ ...defaults, maxEntries: 100, ...settings }, deps)
}

/** A store in memory that can be made to fail, and that counts its reads. */
class FailingStore implements RevocationStore {
  readonly #memory = new MemoryRevocationStore({ clock })
  fault: (() => unknown) | undefined
  reads = 0

  async add(revocations: readonly Revocation[]): Promise<void> {
    if (this.fault !== undefined) await this.fault()
    this.#memory.add(revocations)
  }

  async read(cursor?: string): Promise<RevocationPage> {
    this.reads += 1
    if (this.fault !== undefined) return (await this.fault()) as RevocationPage
    return this.#memory.read(cursor)
  }
}

function token(claims: { jti?: string; sub?: string; client_id?: string; idp?: string; iat?: unknown } = {}) {
  const { jti = 'j1', sub = 'alice', client_id: clientId = 'app', idp, iat = clock.now() } = claims
  return { tokenId: jti, sub, clientId, identityProvider: idp, payload: { iat } }
}

function outcomeOf(revocations: Revocations, claims?: Parameters<typeof token>[0]): unknown {
  try {
    revocations.check(token(claims))
    return 'accepted'
  } catch (error) {
    return fieldOf(error, 'reason')
  }
}

const down = () => Promise.reject(Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }))
const STALE = 'revocation_store_unavailable'

describe('a process that does not know what was revoked', () => {
  it('accepts no token before the store was read once, and each that is not revoked then', async () => {
    const revocations = create({ store: new FailingStore() })
    expect([outcomeOf(revocations), revocations.stats().state]).toEqual([STALE, 'loading'])
    await revocations.start()
    expect([outcomeOf(revocations), revocations.stats().state]).toEqual(['accepted', 'following'])
  })

  it('accepts no token after maxStale, and all again when the store was read', async () => {
    const store = new FailingStore()
    const revocations = create({ store })
    await revocations.start()
    store.fault = down
    await timers.advance(9)
    expect(outcomeOf(revocations)).toBe('accepted')
    await timers.advance(2)
    expect([outcomeOf(revocations), revocations.stats().state]).toEqual([STALE, 'stale'])
    store.fault = undefined
    await timers.advance(2.1)
    expect(outcomeOf(revocations)).toBe('accepted')
    expect(events).toEqual([
      ['revocation_store.failed', { message: 'Error ECONNREFUSED' }],
      ['revocation_store.recovered', { failedForMs: expect.any(Number) }],
    ])
  })

  it('refuses what it knows to be revoked as revoked, even then', async () => {
    const store = new FailingStore()
    const revocations = create({ store })
    await revocations.start()
    await revocations.add({ kind: 'token', value: 'j1', expiresAt: clock.now() + 300 })
    store.fault = down
    await timers.advance(30)
    expect([outcomeOf(revocations), outcomeOf(revocations, { jti: 'j2' })]).toEqual(['revoked', STALE])
  })

  it('counts from when a read began, not from when it was answered', async () => {
    const store = new FailingStore()
    const revocations = create({ store, maxStale: 1000, timeout: 900, pollInterval: 60_000 })
    await revocations.start()
    const answer = { revocations: [] }
    store.fault = () => new Promise((resolve) => timers.after(800, () => resolve(answer)))
    await timers.advance(60.9)
    expect(revocations.stats()).toMatchObject({ reads: 2, ageMs: 900 })
    await timers.advance(0.15)
    expect(outcomeOf(revocations)).toBe(STALE)
  })

  it('accepts no token after the machine was suspended, until the store was read again', async () => {
    const store = new FailingStore()
    const revocations = create({ store })
    await revocations.start()
    clock.set(clock.now() + 60)
    expect(outcomeOf(revocations)).toBe(STALE)
    await timers.advance(0.5)
    expect(outcomeOf(revocations)).toBe('accepted')
  })

  it.each<[string, () => unknown]>([
    ['throws', () => down()],
    ['never answers', () => new Promise(() => {})],
    ['returns nothing', () => undefined],
    ['returns no array', () => ({ revocations: {} })],
    ['returns a revocation of an unknown kind', () => page({ kind: 'tenant', value: 'a', expiresAt: 9e9 })],
    ['returns a revocation without a value', () => page({ kind: 'token', expiresAt: 9e9 })],
    ['returns a revocation that expires never', () => page({ kind: 'token', value: 'a', expiresAt: Infinity })],
    ['returns a cut-off without a time', () => page({ kind: 'subject', value: 'a', expiresAt: 9e9 })],
    [
      'returns a cut-off with a date',
      () => page({ kind: 'subject', value: 'a', issuedBefore: new Date(), expiresAt: 9e9 }),
    ],
    ['returns a cursor that is a number', () => ({ revocations: [], cursor: 1 })],
    ['says that more follows, at the same place', () => ({ revocations: [], hasMore: true })],
    ['returns a hole', () => ({ revocations: Array(1) })],
  ])('is one whose store %s', async (_, fault) => {
    const store = new FailingStore()
    store.fault = fault
    const revocations = create({ store, maxStale: 1000 })
    void revocations.start()
    await timers.advance(30)
    expect([outcomeOf(revocations), revocations.stats().state]).toEqual([STALE, 'loading'])
    expect(events).toHaveLength(1)
  })

  it('is one whose memory has no room for what the store has', async () => {
    const store = new MemoryRevocationStore({ clock })
    for (let index = 0; index < 11; index += 1) {
      store.add([{ kind: 'token', value: `t${index}`, expiresAt: clock.now() + 100 }])
    }
    const revocations = create({ store, maxEntries: 10 })
    void revocations.start()
    await timers.advance(1)
    expect([outcomeOf(revocations), outcomeOf(revocations, { jti: 't3' })]).toEqual([STALE, 'revoked'])
    await timers.advance(200)
    expect(outcomeOf(revocations)).toBe('accepted')
  })
})

function page(revocation: unknown): unknown {
  return { revocations: [revocation] }
}

describe('a revocation', () => {
  it('counts here before the store has answered, and also if it fails', async () => {
    const store = new FailingStore()
    const revocations = create({ store })
    await revocations.start()
    store.fault = down
    const added = revocations.add({ kind: 'token', value: 'j1', expiresAt: clock.now() + 300 })
    expect(outcomeOf(revocations)).toBe('revoked')
    await expect(added).rejects.toMatchObject({ name: 'DependencyUnavailable', reason: STALE })
    expect(outcomeOf(revocations)).toBe('revoked')
  })

  it('is an outage if the store does not answer in time', async () => {
    const store = new FailingStore()
    store.fault = () => new Promise(() => {})
    const added = create({ store }).add({ kind: 'token', value: 'j1', expiresAt: clock.now() + 300 })
    const refused = expect(added).rejects.toMatchObject({ reason: STALE })
    await timers.advance(1.1)
    await refused
  })

  it('of another process counts at the next read, or at once if the store reports it', async () => {
    const polled = new FailingStore()
    const pushed = new MemoryRevocationStore({ clock })
    const [reader, told] = [create({ store: polled }), create({ store: pushed })]
    await Promise.all([reader.start(), told.start()])
    await timers.advance(0.1)
    const revocation: Revocation = { kind: 'token', value: 'j1', expiresAt: clock.now() + 300 }
    await polled.add([revocation])
    pushed.add([revocation])
    await timers.advance(0)
    expect([outcomeOf(reader), outcomeOf(told)]).toEqual(['accepted', 'revoked'])
    await timers.advance(0.4)
    expect(outcomeOf(reader)).toBe('revoked')
  })

  it('is read page by page until nothing follows', async () => {
    const added = Array.from({ length: 25 }, (_, index): Revocation => {
      return { kind: 'token', value: `t${index}`, expiresAt: clock.now() + 300 }
    })
    const store: RevocationStore = {
      add: () => {},
      read: (cursor = '0') => {
        const revocations = added.slice(Number(cursor), Number(cursor) + 10)
        const next = Number(cursor) + revocations.length
        return { revocations, cursor: String(next), hasMore: next < added.length }
      },
    }
    const revocations = create({ store })
    await revocations.start()
    expect(revocations.stats()).toMatchObject({ entries: 25, reads: 1, state: 'following' })
  })

  it('is not missed if it is reported while the store is read', async () => {
    const memory = new MemoryRevocationStore({ clock })
    let reads = 0
    const store: RevocationStore = {
      add: (revocations) => memory.add(revocations),
      watch: (onChange) => memory.watch(onChange),
      read: async (cursor) => {
        reads += 1
        const found = memory.read(cursor)
        if (reads === 1) memory.add([{ kind: 'token', value: 'j1', expiresAt: clock.now() + 300 }])
        return found
      },
    }
    const revocations = create({ store, pollInterval: 60_000, maxStale: 3_600_000 })
    await revocations.start()
    await timers.advance(0.001)
    expect([outcomeOf(revocations), reads]).toEqual(['revoked', 2])
  })

  it.each([
    ['subject', 'alice', { sub: 'alice' }, { sub: 'Alice' }],
    ['client', 'app', { client_id: 'app' }, { client_id: 'app2' }],
    ['identity_provider', 'idp', { idp: 'idp' }, {}],
  ] as const)('of a %s refuses its tokens that were issued before, and no other', async (kind, value, its, other) => {
    const revocations = create()
    const now = clock.now()
    await revocations.add({ kind, value, issuedBefore: now + 1, expiresAt: now + 86_461 })
    const outcomes = [now - 100, now, now + 1, now + 2].map((iat) => outcomeOf(revocations, { ...its, iat }))
    expect(outcomes).toEqual(['revoked', 'revoked', 'accepted', 'accepted'])
    expect(outcomeOf(revocations, { ...other, iat: now - 100 })).toBe('accepted')
  })

  it.each([undefined, null, '1800000100', Number.NaN, {}])('refuses a token whose iat is %p', async (iat) => {
    const revocations = create()
    await revocations.add({ kind: 'subject', value: 'alice', issuedBefore: 5, expiresAt: clock.now() + 100 })
    const payload = iat === undefined ? {} : { iat }
    expect(() => revocations.check({ ...token(), payload })).toThrow('revoked')
  })

  it('of one subject may be widened, and is never narrowed', async () => {
    const revocations = create()
    const now = clock.now()
    const cutOff = (issuedBefore: number) =>
      revocations.add({ kind: 'subject', value: 'alice', issuedBefore, expiresAt: issuedBefore + 86_400 })
    await cutOff(now - 10)
    await cutOff(now - 50)
    expect([now - 60, now - 20, now - 5].map((iat) => outcomeOf(revocations, { iat }))).toEqual([
      ...['revoked', 'revoked', 'accepted'],
    ])
    await cutOff(now)
    expect(outcomeOf(revocations, { iat: now - 5 })).toBe('revoked')
  })

  it('is forgotten after it has expired, and not before', async () => {
    const revocations = create()
    await revocations.add({ kind: 'token', value: 'j1', expiresAt: clock.now() + 650 })
    for (let minute = 0; minute < 11; minute += 1) {
      clock.advance(59)
      await revocations.add({ kind: 'token', value: 'other', expiresAt: clock.now() + 30 })
      expect(outcomeOf(revocations)).toBe('revoked')
    }
    clock.advance(200)
    await revocations.add({ kind: 'token', value: 'last', expiresAt: clock.now() + 30 })
    expect(revocations.stats().entries).toBe(1)
  })

  it('of one subject lasts as long as the longest of several', async () => {
    const revocations = create()
    const now = clock.now()
    const cutOff = (lifetime: number, issuedBefore: number) =>
      revocations.add({ kind: 'subject', value: 'alice', issuedBefore, expiresAt: now + lifetime })
    await cutOff(100, now - 5)
    await cutOff(1000, now)
    await cutOff(100, now - 10)
    clock.advance(900)
    await revocations.add({ kind: 'token', value: 'other', expiresAt: clock.now() + 30 })
    expect(outcomeOf(revocations, { iat: now - 1 })).toBe('revoked')
  })

  it('outlasts a wall clock that steps ahead and back', async () => {
    const revocations = create()
    await revocations.add({ kind: 'token', value: 'j1', expiresAt: clock.now() + 600 })
    const now = clock.now()
    clock.set(now + 86_400)
    await revocations.add({ kind: 'token', value: 'other', expiresAt: clock.now() + 600 })
    clock.set(now)
    expect(outcomeOf(revocations)).toBe('revoked')
  })

  it('that a wall clock that was ahead took for expired is read again when it went back', async () => {
    const store = new FailingStore()
    await store.add([{ kind: 'token', value: 'j1', expiresAt: clock.now() + 600 }])
    const now = clock.now()
    clock.set(now + 3600)
    const revocations = create({ store })
    await revocations.start()
    expect(revocations.stats().entries).toBe(0)
    clock.set(now)
    await timers.advance(0.5)
    expect(outcomeOf(revocations)).toBe('revoked')
  })

  it('that has expired already is not kept', async () => {
    const revocations = create()
    await revocations.add({ kind: 'token', value: 'j1', expiresAt: clock.now() })
    expect(revocations.stats().entries).toBe(0)
  })
})

describe('the memory for revocations', () => {
  it('has a tenth for operators that clients cannot use up, and is never more than full', async () => {
    const revocations = create({ maxEntries: 10 })
    const add = (value: string) => revocations.add({ kind: 'token', value, expiresAt: clock.now() + 600 })
    for (let index = 0; index < 8; index += 1) await add(`t${index}`)
    expect(() => revocations.checkRoomForClients()).not.toThrow()
    await add('t8')
    expect(() => revocations.checkRoomForClients()).toThrow('revocation_store_full')
    await add('t9')
    await expect(add('t10')).rejects.toMatchObject({ reason: 'revocation_store_full', retryAfter: 30 })
    await add('t9')
    expect(revocations.stats().entries).toBe(10)
  })
})

describe('a closed exchange', () => {
  it('reads nothing more', async () => {
    const store = new FailingStore()
    const revocations = create({ store })
    await revocations.start()
    revocations.close()
    const { reads } = store
    await timers.advance(60)
    expect([store.reads, timers.pending]).toEqual([reads, 0])
  })

  it('stops a watch, even one that cannot be stopped', async () => {
    const stops: string[] = []
    const base = { add: () => {}, read: () => ({ revocations: [] }) }
    const stop = (outcome: () => void) => () => {
      stops.push('stop')
      outcome()
    }
    for (const outcome of [
      () => {},
      () => {
        throw new Error('no')
      },
    ]) {
      const revocations = create({ store: { ...base, watch: () => stop(outcome) } })
      await revocations.start()
      revocations.close()
    }
    expect(stops).toEqual(['stop', 'stop'])
  })
})
