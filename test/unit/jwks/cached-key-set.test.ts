import { beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { currentMoment } from '../../../src/clock/clock.js'
import { CachedKeySet } from '../../../src/jwks/cached-key-set.js'
import type { KeyReading } from '../../../src/verification-keys/key-reading.js'
import { KeySet, readKeySet } from '../../../src/verification-keys/key-set.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { generatePair } from '../../support/generate-pair.js'

const LIFETIME = 300_000
const FALLBACK = 3_600_000
const SVID: KeyReading = { x5cOnlyKeys: false, keyUses: ['jwt-svid'] }
const ED = { ...generatePair('ed25519').publicKey.export({ format: 'jwk' }) }

describe('a cached key set', () => {
  let clock: AdjustableClock
  let cache: CachedKeySet
  const keySet = new KeySet([])

  beforeEach(() => {
    clock = new AdjustableClock()
    clock.advance(1000)
    cache = new CachedKeySet(FALLBACK, clock)
  })

  const fill = (lifetime = LIFETIME, filled = cache) => {
    filled.replace(keySet, 'v1')
    filled.confirm({}, lifetime)
  }

  it('is nothing before the first one', () => {
    const { last, version, servable, validators, isFresh, age } = cache
    expect({ last, version, servable, validators, isFresh, age }).toEqual({
      last: undefined,
      version: undefined,
      servable: undefined,
      validators: {},
      isFresh: false,
      age: Number.POSITIVE_INFINITY,
    })
    expect(cache.expiresIn).toBeLessThanOrEqual(0)
    expect(cache.servesFor).toBeLessThanOrEqual(0)
  })

  it('is nothing yet where only its absence was confirmed', () => {
    cache.confirm({ etag: '"a"' }, LIFETIME)
    expect([cache.servable, cache.isFresh, cache.age]).toEqual([undefined, false, Number.POSITIVE_INFINITY])
  })

  it('is the one that was put in, with its version and its validators', () => {
    cache.replace(keySet, 'v1')
    cache.confirm({ etag: '"a"', lastModified: 'yesterday' }, LIFETIME)
    expect(cache.last).toBe(keySet)
    expect(cache.servable).toBe(keySet)
    const { version, validators, lifetime } = cache
    expect([version, validators, lifetime]).toEqual(['v1', { etag: '"a"', lastModified: 'yesterday' }, LIFETIME])
  })

  it('is fresh for its lifetime and no longer', () => {
    fill()
    expect([cache.isFresh, cache.expiresIn, cache.age]).toEqual([true, LIFETIME, 0])
    clock.advance(299.999)
    expect([cache.isFresh, cache.expiresIn, cache.age]).toEqual([true, 1, 299_999])
    clock.advance(0.001)
    expect([cache.isFresh, cache.expiresIn, cache.age]).toEqual([false, 0, LIFETIME])
  })

  it('serves for the fallback after its lifetime and no longer', () => {
    fill()
    clock.advance(300)
    expect([cache.servable, cache.servesFor]).toEqual([keySet, FALLBACK])
    clock.advance(3599.999)
    expect([cache.servable, cache.servesFor]).toEqual([keySet, 1])
    clock.advance(0.001)
    expect([cache.servable, cache.servesFor]).toEqual([undefined, 0])
    clock.advance(1e6)
    expect(cache.servable).toBeUndefined()
  })

  it('does not serve after its lifetime where there is no fallback', () => {
    const strict = new CachedKeySet(0, clock)
    fill(LIFETIME, strict)
    clock.advance(299.999)
    expect(strict.servable).toBe(keySet)
    clock.advance(0.001)
    expect(strict.servable).toBeUndefined()
  })

  it('is degraded when more than half of the fallback is over', () => {
    fill()
    expect(cache.isDegraded).toBe(false)
    clock.advance(300 + 1800)
    expect(cache.isDegraded).toBe(false)
    clock.advance(0.001)
    expect(cache.isDegraded).toBe(true)
  })

  it('is there, with its version and validators, however old it is', () => {
    cache.replace(keySet, 'v1')
    cache.confirm({ etag: '"a"' }, LIFETIME)
    clock.advance(1e6)
    expect(cache.last).toBe(keySet)
    expect([cache.version, cache.validators]).toEqual(['v1', { etag: '"a"' }])
  })

  it('begins a new lifetime, with new validators, when it is confirmed', () => {
    cache.replace(keySet, 'v1')
    cache.confirm({ etag: '"a"' }, LIFETIME)
    clock.advance(5000)
    expect(cache.servable).toBeUndefined()
    cache.confirm({}, 60_000)
    expect(cache.servable).toBe(keySet)
    const { isFresh, isDegraded, expiresIn, age, validators, version } = cache
    expect({ isFresh, isDegraded, expiresIn, age, validators, version }).toEqual({
      isFresh: true,
      isDegraded: false,
      expiresIn: 60_000,
      age: 0,
      validators: {},
      version: 'v1',
    })
  })

  it('is replaced whole', () => {
    fill()
    const other = new KeySet([])
    cache.replace(other, 'v2')
    expect(cache.servable).toBe(other)
    expect(cache.last).toBe(other)
    expect(cache.version).toBe('v2')
  })

  it('that is to be read in another way is fetched again whole, and what is left of it serves as long as before', () => {
    cache.replace(
      readKeySet(
        [
          { ...ED, kid: 'plain' },
          { ...ED, kid: 'svid', use: 'jwt-svid' },
        ],
        10,
        SVID,
      ).keySet ?? keySet,
      'v1',
    )
    cache.confirm({ etag: '"a"' }, LIFETIME)
    clock.advance(100)
    cache.outdate(undefined)
    const { isOutdated, isFresh, expiresIn, servable, version, validators } = cache
    expect([isOutdated, isFresh, expiresIn, servable?.kids]).toEqual([true, true, 200_000, ['plain']])
    expect([version, validators]).toEqual([undefined, {}])
    cache.use(LIFETIME, FALLBACK)
    expect([cache.isOutdated, cache.expiresIn]).toEqual([true, 200_000])
    cache.confirm({}, LIFETIME)
    expect([cache.isOutdated, cache.expiresIn]).toEqual([false, LIFETIME])
  })

  it('of which nothing is left is none', () => {
    cache.replace(readKeySet([{ ...ED, use: 'jwt-svid' }], 10, SVID).keySet ?? keySet, 'v1')
    cache.confirm({}, LIFETIME)
    cache.outdate(undefined)
    expect([cache.last, cache.servable, cache.isFresh]).toEqual([undefined, undefined, false])
  })

  it('ages while the monotonic clock stands still', () => {
    fill()
    clock.set(clock.now() + 300)
    expect([cache.isFresh, cache.servable, cache.age]).toEqual([false, keySet, LIFETIME])
    clock.set(clock.now() + 3600)
    expect([cache.servable, cache.servesFor]).toEqual([undefined, 0])
  })

  it('ages while the wall clock is set back', () => {
    fill()
    clock.set(0)
    clock.advance(300)
    expect([cache.isFresh, cache.servable, cache.age]).toEqual([false, keySet, LIFETIME])
    clock.advance(3600)
    expect(cache.servable).toBeUndefined()
  })

  it('serves again when a wall clock that was set ahead is set back', () => {
    fill()
    clock.set(clock.now() + 1e6)
    expect(cache.servable).toBeUndefined()
    clock.set(clock.now() - 1e6)
    expect([cache.isFresh, cache.servable]).toEqual([true, keySet])
  })

  it('is as old as the moment from which it is confirmed', () => {
    const before = currentMoment(clock)
    clock.advance(100)
    cache.replace(keySet, 'v1')
    cache.confirm({}, LIFETIME, undefined, before)
    expect([cache.age, cache.expiresIn]).toEqual([100_000, 200_000])
  })

  it('serves while it is fresh, and is fresh, stale or gone by its age alone', () => {
    const milliseconds = fc.integer({ min: 0, max: 86_400_000 })
    fc.assert(
      fc.property(milliseconds, milliseconds, milliseconds, (lifetime, fallback, age) => {
        const aging = new CachedKeySet(fallback, clock)
        fill(lifetime, aging)
        const before = clock.monotonic()
        clock.advance(age / 1000)
        const passed = clock.monotonic() - before
        expect(aging.isFresh).toBe(passed < lifetime)
        expect(aging.servable !== undefined).toBe(passed < lifetime + fallback)
        expect(aging.isDegraded).toBe(passed > lifetime + fallback / 2)
      }),
    )
  })
})
