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
    return store.claim(key, expiresAt)
  } catch (error) {
    if (isDependencyUnavailable(error)) return error.reason
    throw error
  }
}

describe('the memory replay store', () => {
  it('lets a key be claimed once', () => {
    const { store } = setUp()
    expect([store.claim('a', 10), store.claim('a', 10), store.claim('a', 99), store.claim('b', 10)]).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  it('lets one of many claims at the same time win', async () => {
    const { store } = setUp()
    const claims = await Promise.all(Array.from({ length: 1000 }, async () => store.claim('a', 10)))
    expect(claims.filter((isFirst) => isFirst)).toHaveLength(1)
  })

  it('remembers a claim until the second it expires', () => {
    const { clock, store } = setUp()
    store.claim('a', 10)
    clock.advance(9.999)
    expect(store.claim('a', 20)).toBe(false)
    clock.advance(0.001)
    expect(store.claim('a', 20)).toBe(true)
    clock.advance(5)
    expect(store.claim('a', 30)).toBe(false)
  })

  it('is not renewed by a claim that it refused', () => {
    const { clock, store } = setUp()
    store.claim('a', 10)
    store.claim('a', 1000)
    clock.advance(10)
    expect(store.claim('a', 20)).toBe(true)
  })

  it('takes any string for a key', () => {
    const { store } = setUp()
    for (const key of ['', '__proto__', 'constructor', 'a\0b']) {
      expect([key, store.claim(key, 10), store.claim(key, 10)]).toEqual([key, true, false])
    }
  })

  it('fails when it is full of live claims, and forgets none of them', () => {
    const { clock, store } = setUp(3)
    for (const key of ['a', 'b', 'c']) store.claim(key, 10)
    for (const key of ['d', 'e', 'f', 'g']) expect(outcomeOf(store, key, 10)).toBe('replay_store_full')
    for (const key of ['a', 'b', 'c']) expect(outcomeOf(store, key, 10)).toBe(false)
    expect(store.size).toBe(3)
    clock.advance(10)
    for (const key of ['d', 'e', 'f']) expect(outcomeOf(store, key, 20)).toBe(true)
  })

  it('tells when to try again', () => {
    const { store } = setUp(1)
    store.claim('a', 10)
    expect(() => store.claim('b', 10)).toThrow(expect.objectContaining({ retryAfter: 30 }))
  })

  it('has room as soon as any claim has expired, wherever it stands', () => {
    for (const expired of [0, 1, 4, 8, 9]) {
      const { clock, store } = setUp(10)
      for (let index = 0; index < 10; index += 1) store.claim(`${index}`, index === expired ? 5 : 1000)
      clock.advance(6)
      expect([expired, outcomeOf(store, 'new', 1000)]).toEqual([expired, true])
      expect([expired, outcomeOf(store, 'another', 1000)]).toEqual([expired, 'replay_store_full'])
    }
  })

  it('sweeps expired claims away while new ones come', () => {
    const { clock, store } = setUp(1000)
    for (let second = 0; second < 3000; second += 1) {
      expect(store.claim(`${second}`, second + 10)).toBe(true)
      clock.advance(1)
    }
    expect(store.size).toBeLessThan(40)
  })

  it('sweeps what a burst has left', () => {
    const { clock, store } = setUp()
    for (let index = 0; index < 5000; index += 1) store.claim(`burst ${index}`, 10)
    clock.advance(10)
    for (let index = 0; index < 5100; index += 1) store.claim(`later ${index}`, 1e6)
    expect(store.size).toBe(5100)
  })

  it('never takes long, also when a hundred thousand claims are live and it is full', () => {
    const { store } = setUp(100_000)
    for (let index = 0; index < 100_000; index += 1) store.claim(`${index}`, 1000)
    const start = performance.now()
    for (let index = 0; index < 100; index += 1)
      expect(outcomeOf(store, `more ${index}`, 1000)).toBe('replay_store_full')
    expect(performance.now() - start).toBeLessThan(500)
  })

  it('does what a plain list of claims would, whatever comes', () => {
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

describe('the size of a memory replay store', () => {
  it.each([Number.NaN, 0, -1, 1.5, 10_000_001])('is not %p', (maxEntries) => {
    expect(() => new MemoryReplayStore({ maxEntries })).toThrow('a whole number of entries from 1 to 10000000')
  })
})
