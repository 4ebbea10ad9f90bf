import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { MemoryReplayStore } from '../../../src/replay/memory-replay-store.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

function setUp(maxEntries?: number) {
  const clock = new AdjustableClock()
  clock.set(0)
  const store = new MemoryReplayStore({ clock, ...(maxEntries !== undefined && { maxEntries }) })
  return { clock, store }
}

/** What became of a claim. */
function outcomeOf(store: MemoryReplayStore, key: string, expiresAt: number): boolean | string {
  try {
    return store.markUsed(key, expiresAt)
  } catch (error) {
    if (isDependencyUnavailable(error)) return error.reason
    if (String(error).includes('the wall clock went back')) return 'cannot tell'
    throw error
  }
}

describe('the memory replay store', () => {
  it('lets a key be marked used once', () => {
    const { store } = setUp()
    expect([
      store.markUsed('a', 10),
      store.markUsed('a', 10),
      store.markUsed('a', 99),
      store.markUsed('b', 10),
    ]).toEqual([true, false, false, true])
  })

  it('lets one of many calls at the same time win', async () => {
    const { store } = setUp()
    const claims = await Promise.all(Array.from({ length: 1000 }, async () => store.markUsed('a', 10)))
    expect(claims.filter((isFirst) => isFirst)).toHaveLength(1)
  })

  it('remembers an entry until the second it expires', () => {
    const { clock, store } = setUp()
    store.markUsed('a', 10)
    clock.advance(9.999)
    expect(store.markUsed('a', 20)).toBe(false)
    clock.advance(0.001)
    expect(store.markUsed('a', 20)).toBe(true)
    clock.advance(5)
    expect(store.markUsed('a', 30)).toBe(false)
  })

  it('does not extend an entry because of a call that it refused', () => {
    const { clock, store } = setUp()
    store.markUsed('a', 10)
    store.markUsed('a', 1000)
    clock.advance(10)
    expect(store.markUsed('a', 20)).toBe(true)
  })

  it('accepts any string as a key', () => {
    const { store } = setUp()
    for (const key of ['', '__proto__', 'constructor', 'a\0b']) {
      expect([key, store.markUsed(key, 10), store.markUsed(key, 10)]).toEqual([key, true, false])
    }
  })

  it('fails when it is full of live entries, and forgets none of them', () => {
    const { clock, store } = setUp(3)
    for (const key of ['a', 'b', 'c']) store.markUsed(key, 10)
    for (const key of ['d', 'e', 'f', 'g']) expect(outcomeOf(store, key, 10)).toBe('replay_store_full')
    for (const key of ['a', 'b', 'c']) expect(outcomeOf(store, key, 10)).toBe(false)
    expect(store.size).toBe(3)
    clock.advance(10)
    for (const key of ['d', 'e', 'f']) expect(outcomeOf(store, key, 20)).toBe(true)
  })

  it('says when to try again', () => {
    const { store } = setUp(1)
    store.markUsed('a', 10)
    expect(() => store.markUsed('b', 10)).toThrow(expect.objectContaining({ retryAfter: 30 }))
  })

  it('has room as soon as any entry has expired, at any position', () => {
    for (const expired of [0, 1, 4, 8, 9]) {
      const { clock, store } = setUp(10)
      for (let index = 0; index < 10; index += 1) store.markUsed(`${index}`, index === expired ? 5 : 1000)
      clock.advance(6)
      expect([expired, outcomeOf(store, 'new', 1000)]).toEqual([expired, true])
      expect([expired, outcomeOf(store, 'another', 1000)]).toEqual([expired, 'replay_store_full'])
    }
  })

  it('removes expired entries while new ones arrive', () => {
    const { clock, store } = setUp(1000)
    for (let second = 0; second < 3000; second += 1) {
      expect(store.markUsed(`${second}`, second + 10)).toBe(true)
      clock.advance(1)
    }
    expect(store.size).toBeLessThan(40)
  })

  it('removes the expired entries of a burst', () => {
    const { clock, store } = setUp()
    for (let index = 0; index < 5000; index += 1) store.markUsed(`burst ${index}`, 10)
    clock.advance(10)
    for (let index = 0; index < 5100; index += 1) store.markUsed(`later ${index}`, 1e6)
    expect(store.size).toBe(5100)
  })

  it('never takes long, even if a hundred thousand entries are live and it is full', () => {
    const { store } = setUp(100_000)
    for (let index = 0; index < 100_000; index += 1) store.markUsed(`${index}`, 1000)
    const start = performance.now()
    for (let index = 0; index < 100; index += 1)
      expect(outcomeOf(store, `more ${index}`, 1000)).toBe('replay_store_full')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('does the same as a plain list of entries, for any calls', () => {
    const step = fc.oneof(
      fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), lifetime: fc.integer({ min: 1, max: 6 }) }),
      fc.integer({ min: 0, max: 4 }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, maxEntries) => {
        const { clock, store } = setUp(maxEntries)
        let oracle: { key: string; expiresAt: number }[] = []
        for (const each of steps) {
          if (typeof each === 'number') {
            clock.advance(each)
            continue
          }
          const now = clock.now()
          oracle = oracle.filter(({ expiresAt }) => expiresAt > now)
          const isUsed = oracle.some(({ key }) => key === each.key)
          const expected = isUsed ? false : oracle.length >= maxEntries ? 'replay_store_full' : true
          expect(outcomeOf(store, each.key, now + each.lifetime)).toBe(expected)
          if (expected === true) oracle.push({ key: each.key, expiresAt: now + each.lifetime })
          expect(store.size).toBeLessThanOrEqual(maxEntries)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a memory replay store whose clocks disagree', () => {
  it('remembers an entry while the wall clock is ahead, and after it has stepped back', () => {
    const { clock, store } = setUp()
    store.markUsed('a', 300)
    clock.set(3600)
    expect(store.markUsed('a', 4000)).toBe(false)
    for (let index = 0; index < 100; index += 1) store.markUsed(`other ${index}`, 4000)
    clock.set(1)
    expect(store.markUsed('a', 300)).toBe(false)
  })

  it('remembers an entry while the monotonic clock pauses', () => {
    const { clock, store } = setUp()
    store.markUsed('a', 300)
    clock.set(301)
    expect(store.markUsed('a', 900)).toBe(false)
    clock.advance(300)
    expect(store.markUsed('a', 900)).toBe(true)
  })

  it('remembers an entry that was made while the wall clock was behind or ahead', () => {
    const { clock, store } = setUp()
    clock.set(-3600)
    store.markUsed('behind', 300)
    clock.set(3600)
    store.markUsed('ahead', 7500)
    clock.set(0)
    clock.advance(299)
    expect([store.markUsed('behind', 900), store.markUsed('ahead', 7500)]).toEqual([false, false])
    clock.advance(3601)
    expect([store.markUsed('behind', 9000), store.markUsed('ahead', 7500)]).toEqual([true, false])
  })

  it('throws for an entry that may be forgotten when the wall clock goes back, and accepts later ones', () => {
    const { clock, store } = setUp()
    store.markUsed('a', 300)
    clock.advance(1000)
    for (let index = 0; index < 5; index += 1) store.markUsed(`other ${index}`, 1300)
    clock.set(100)
    expect(() => store.markUsed('a', 300)).toThrow('the wall clock went back')
    expect(store.markUsed('new', 301)).toBe(true)
  })

  it('has the room of entries that expired by both clocks', () => {
    const { clock, store } = setUp(2)
    for (const key of ['a', 'b']) store.markUsed(key, 10)
    clock.set(3600)
    expect(outcomeOf(store, 'c', 4000)).toBe('replay_store_full')
    clock.advance(10)
    expect(outcomeOf(store, 'c', 4000)).toBe(true)
  })

  it('forgets no entry that is live by either clock, for any steps of the clocks', () => {
    const step = fc.oneof(
      fc.record({ key: fc.constantFrom('a', 'b', 'c'), lifetime: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ advance: fc.integer({ min: 0, max: 15 }) }),
      fc.record({ jump: fc.integer({ min: -30, max: 30 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { clock, store } = setUp()
        const claims = new Map<string, { expiresAt: number; monotonicExpiry: number; wasPast: boolean }>()
        for (const each of steps) {
          if ('advance' in each) clock.advance(each.advance)
          else if ('jump' in each) clock.set(clock.now() + each.jump)
          for (const claim of claims.values()) {
            claim.wasPast ||= claim.expiresAt <= clock.now() && claim.monotonicExpiry <= clock.monotonic()
          }
          if (!('key' in each)) continue
          const [known, expiresAt] = [claims.get(each.key), clock.now() + each.lifetime]
          const answer = outcomeOf(store, each.key, expiresAt)
          if (known?.wasPast === false) expect(answer).toBe(false)
          if (answer !== true) continue
          // What was accepted until a date is never accepted again until the same date.
          expect(known === undefined || known.expiresAt < expiresAt).toBe(true)
          const monotonicExpiry = clock.monotonic() + each.lifetime * 1000
          claims.set(each.key, { expiresAt, monotonicExpiry, wasPast: false })
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the shares of identity providers', () => {
  const fill = (store: MemoryReplayStore, identityProvider: string, count: number) => {
    let made = 0
    for (let index = 0; index < count; index += 1) {
      try {
        if (store.markUsed(`${identityProvider} ${index}`, 1000, identityProvider)) made += 1
      } catch (error) {
        if (!isDependencyUnavailable(error) || error.reason !== 'replay_store_full') throw error
      }
    }
    return made
  }

  it('are as many entries as are still free: one takes half, and leaves room for all others', () => {
    const { store } = setUp(1000)
    expect(fill(store, 'greedy', 5000)).toBe(500)
    expect(fill(store, 'modest', 100)).toBe(100)
    expect(fill(store, 'greedy too', 5000)).toBe(200)
    expect(fill(store, 'late', 1)).toBe(1)
  })

  it('grow again when entries expire', () => {
    const { clock, store } = setUp(10)
    expect(fill(store, 'a', 10)).toBe(5)
    clock.advance(1000)
    const live = Array.from({ length: 5 }, (_, index) => store.markUsed(`new ${index}`, 2000, 'a'))
    expect(live).toEqual([true, true, true, true, true])
    expect(() => store.markUsed('new', 2000, 'a')).toThrow('replay_store_full')
  })

  it('forget nothing when they are full', () => {
    const { store } = setUp(4)
    expect(fill(store, 'a', 4)).toBe(2)
    expect([store.markUsed('a 0', 1000, 'a'), store.markUsed('a 1', 1000, 'b')]).toEqual([false, false])
  })

  it('do not limit a call without a name', () => {
    const { store } = setUp(4)
    for (const key of ['a', 'b', 'c', 'd']) expect(store.markUsed(key, 1000)).toBe(true)
    expect(() => store.markUsed('e', 1000)).toThrow('replay_store_full')
  })

  it('have a fill level of their own', () => {
    const { store } = setUp(10)
    expect([store.fillLevel(), store.fillLevel('a')]).toEqual([0, 0])
    fill(store, 'a', 4)
    expect([store.fillLevel(), store.fillLevel('a'), store.fillLevel('b')]).toEqual([0.4, 0.8, 0])
    fill(store, 'b', 2)
    expect([store.fillLevel(), store.fillLevel('a'), store.fillLevel('b')]).toEqual([0.6, 1, 2 / 3])
  })

  it('never add up to more than the room, for any order of calls', () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), count: fc.integer({ min: 1, max: 30 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (steps, maxEntries) => {
        const { store } = setUp(maxEntries)
        for (const { name, count } of steps) fill(store, name, count)
        expect(store.size).toBeLessThanOrEqual(maxEntries)
        const levels = ['a', 'b', 'c', 'd'].map((name) => store.fillLevel(name))
        for (const level of [store.fillLevel(), ...levels]) expect(level >= 0 && level <= 1).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the size of a memory replay store', () => {
  it.each([Number.NaN, 0, -1, 1.5, 10_000_001])('is not %p', (maxEntries) => {
    expect(() => new MemoryReplayStore({ maxEntries })).toThrow('a whole number of entries from 1 to 10000000')
  })
})
