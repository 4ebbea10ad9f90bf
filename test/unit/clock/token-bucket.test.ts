import { describe, expect, it } from '@jest/globals'
import { systemClock } from '../../../src/clock/clock.js'
import { TokenBucket } from '../../../src/clock/token-bucket.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

describe('a token bucket', () => {
  const clock = new AdjustableClock()
  const takeAll = (bucket: TokenBucket) => {
    let taken = 0
    while (taken < 100 && bucket.take()) taken += 1
    return taken
  }

  it('is full at first and gives its capacity at once', () => {
    const bucket = new TokenBucket(3, 1000, clock)
    expect(bucket.available).toBe(3)
    expect(takeAll(bucket)).toBe(3)
    expect(bucket.available).toBe(0)
  })

  it('gains one for each interval, and none a moment earlier', () => {
    const bucket = new TokenBucket(2, 1000, clock)
    takeAll(bucket)
    clock.advance(0.75)
    expect(bucket.take()).toBe(false)
    clock.advance(0.25)
    expect(takeAll(bucket)).toBe(1)
    clock.advance(1.5)
    expect(takeAll(bucket)).toBe(1)
    clock.advance(0.5)
    expect(takeAll(bucket)).toBe(1)
  })

  it('never holds more than its capacity', () => {
    const bucket = new TokenBucket(2, 1000, clock)
    clock.advance(3600)
    expect(takeAll(bucket)).toBe(2)
    clock.advance(3600)
    bucket.giveBack()
    expect(takeAll(bucket)).toBe(2)
  })

  it('owes what an attempt costs beyond its last token, and gives nothing until that is made up for', () => {
    const bucket = new TokenBucket(2, 1000, clock)
    expect([bucket.take(), bucket.take(2), bucket.available]).toEqual([true, true, -1])
    clock.advance(1.5)
    expect([bucket.take(2), bucket.available]).toEqual([false, 0.5])
    clock.advance(0.5)
    expect(takeAll(bucket)).toBe(1)
  })

  it('takes back what was not used', () => {
    const bucket = new TokenBucket(1, 1000, clock)
    bucket.take()
    bucket.giveBack()
    expect(bucket.take()).toBe(true)
    expect(bucket.take()).toBe(false)
  })

  it('does not depend on the wall clock', () => {
    const bucket = new TokenBucket(1, 1000, clock)
    bucket.take()
    clock.set(clock.now() + 86_400)
    expect(bucket.take()).toBe(false)
    clock.set(clock.now() - 2 * 86_400)
    clock.advance(1)
    expect(bucket.take()).toBe(true)
  })
})

describe('the system clock', () => {
  it('gives the time in seconds, and a running time in milliseconds', () => {
    expect(Math.abs(systemClock.now() - Date.now() / 1000)).toBeLessThan(1)
    const before = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before)
    expect(Math.abs(before - performance.now())).toBeLessThan(1000)
  })
})
