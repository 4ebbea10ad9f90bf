import { beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { BackOff } from '../../../src/clock/back-off.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

describe('a back-off', () => {
  let clock: AdjustableClock
  let chance: number

  beforeEach(() => {
    clock = new AdjustableClock()
    chance = 1
  })

  const backOffOf = (firstWait: number) => new BackOff(firstWait, { clock, random: () => chance })
  const waitsOf = (backOff: BackOff, failures: number) =>
    Array.from({ length: failures }, () => {
      backOff.fail()
      return backOff.remaining
    })

  it('does not wait before the first failure', () => {
    const backOff = backOffOf(1000)
    expect([backOff.isWaiting, backOff.remaining, backOff.consecutiveFailures]).toEqual([false, 0, 0])
  })

  it('waits twice as long after each further failure, up to a minute', () => {
    expect(waitsOf(backOffOf(1000), 9)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  it('always waits the same if the first wait is a minute or longer', () => {
    expect(waitsOf(backOffOf(60_000), 3)).toEqual([60_000, 60_000, 60_000])
    expect(waitsOf(backOffOf(90_000), 3)).toEqual([90_000, 90_000, 90_000])
  })

  it('waits no longer than it is told to', () => {
    const backOff = new BackOff(1000, { clock, random: () => chance }, 5000)
    expect(waitsOf(backOff, 5)).toEqual([1000, 2000, 4000, 5000, 5000])
  })

  it('waits a minute after any number of failures', () => {
    expect(waitsOf(backOffOf(20), 2000).at(-1)).toBe(60_000)
  })

  it('shortens a wait at random by at most half', () => {
    chance = 0
    expect(waitsOf(backOffOf(1000), 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    chance = 0.5
    expect(waitsOf(backOffOf(1000), 2)).toEqual([750, 1500])
  })

  it('waits as long as the failing side asks for, even more than a minute, without jitter', () => {
    chance = 0
    const backOff = backOffOf(1000)
    backOff.fail(300_000)
    expect(backOff.remaining).toBe(300_000)
  })

  it('does not wait shorter because the failing side asks for less', () => {
    const backOff = backOffOf(1000)
    backOff.fail(1)
    expect(backOff.remaining).toBe(1000)
  })

  it('counts a failure with a requested wait as one failure', () => {
    const backOff = backOffOf(1000)
    backOff.fail(300_000)
    clock.advance(300)
    backOff.fail()
    expect([backOff.remaining, backOff.consecutiveFailures]).toEqual([2000, 2])
  })

  it('ends at the last millisecond of the wait and not earlier', () => {
    const backOff = backOffOf(1000)
    backOff.fail()
    clock.advance(0.999)
    expect([backOff.isWaiting, backOff.remaining]).toEqual([true, 1])
    clock.advance(0.001)
    expect([backOff.isWaiting, backOff.remaining]).toEqual([false, 0])
    clock.advance(3600)
    expect([backOff.isWaiting, backOff.remaining]).toEqual([false, 0])
  })

  it('begins with the first wait again after a success, which ends a wait', () => {
    const backOff = backOffOf(1000)
    waitsOf(backOff, 5)
    backOff.succeed()
    expect([backOff.isWaiting, backOff.remaining, backOff.consecutiveFailures]).toEqual([false, 0, 0])
    expect(waitsOf(backOff, 2)).toEqual([1000, 2000])
  })

  it('keeps its count when a wait is over', () => {
    const backOff = backOffOf(1000)
    waitsOf(backOff, 3)
    clock.advance(3600)
    expect(backOff.consecutiveFailures).toBe(3)
  })

  it('is not longer because the wall clock is set back', () => {
    const backOff = backOffOf(1000)
    backOff.fail()
    clock.set(0)
    expect(backOff.remaining).toBe(1000)
    clock.advance(1)
    expect(backOff.isWaiting).toBe(false)
  })

  it('ends while the monotonic clock pauses', () => {
    const backOff = backOffOf(1000)
    backOff.fail(300_000)
    clock.set(clock.now() + 299)
    expect(backOff.remaining).toBe(1000)
    clock.set(clock.now() + 1)
    expect([backOff.isWaiting, backOff.consecutiveFailures]).toEqual([false, 1])
  })

  it('waits as long as was requested before, even if less is requested meanwhile', () => {
    const backOff = backOffOf(1000)
    backOff.fail(300_000)
    clock.advance(100)
    backOff.fail(1)
    expect(backOff.remaining).toBe(200_000)
  })

  it('stays between half and the whole of the wait, for any random number', () => {
    const chances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 60_000 }), chances, (firstWait, drawn) => {
        const backOff = backOffOf(firstWait)
        drawn.forEach((next, failures) => {
          chance = next
          backOff.fail()
          const due = Math.min(60_000, firstWait * 2 ** failures)
          expect(backOff.remaining).toBeGreaterThanOrEqual(due / 2)
          expect(backOff.remaining).toBeLessThanOrEqual(due)
        })
      }),
    )
  })
})
