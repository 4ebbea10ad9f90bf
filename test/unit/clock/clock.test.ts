import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { currentMoment, elapsedSince, NEVER, systemClock } from '../../../src/clock/clock.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const WEEK = 7 * 86_400

describe('the time since a moment', () => {
  it('is what both clocks say if they agree', () => {
    const clock = new AdjustableClock()
    const moment = currentMoment(clock)
    expect(elapsedSince(moment, clock)).toBe(0)
    clock.advance(12.345)
    expect(elapsedSince(moment, clock)).toBe(12_345)
  })

  it('passes while the monotonic clock pauses', () => {
    const clock = new AdjustableClock()
    const moment = currentMoment(clock)
    clock.set(clock.now() + WEEK)
    expect(elapsedSince(moment, clock)).toBe(WEEK * 1000)
  })

  it('does not become less when the wall clock is set back', () => {
    const clock = new AdjustableClock()
    const moment = currentMoment(clock)
    clock.advance(5)
    clock.set(clock.now() - WEEK)
    expect(elapsedSince(moment, clock)).toBe(5000)
    clock.advance(5)
    expect(elapsedSince(moment, clock)).toBe(10_000)
  })

  it('is the right one again when a wall clock that was set ahead is set back', () => {
    const clock = new AdjustableClock()
    const moment = currentMoment(clock)
    clock.advance(5)
    clock.set(clock.now() + WEEK)
    expect(elapsedSince(moment, clock)).toBe(5000 + WEEK * 1000)
    clock.set(clock.now() - WEEK)
    expect(elapsedSince(moment, clock)).toBe(5000)
  })

  it('does not include the milliseconds that a wall clock rounds', () => {
    const clock = new AdjustableClock()
    const moment = currentMoment(clock)
    clock.advance(1)
    clock.set(clock.now() + 0.0009)
    expect(elapsedSince(moment, clock)).toBe(1000)
  })

  it('is infinite since never', () => {
    expect(elapsedSince(NEVER, new AdjustableClock())).toBe(Number.POSITIVE_INFINITY)
  })

  it('is never less than either clock says, for any steps', () => {
    const seconds = fc.integer({ min: -10_000_000, max: 10_000_000 })
    const step = fc.record({ runs: fc.nat(1_000_000), wallStep: seconds })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        const clock = new AdjustableClock()
        const moment = currentMoment(clock)
        for (const { runs, wallStep } of steps) {
          clock.advance(runs)
          clock.set(clock.now() + wallStep)
          const elapsed = elapsedSince(moment, clock)
          expect(elapsed).toBeGreaterThanOrEqual(clock.monotonic() - moment.monotonic)
          expect(elapsed).toBeGreaterThanOrEqual((clock.now() - moment.wall) * 1000 - 1)
        }
      }),
    )
  })

  it('is small by the clocks of the system', () => {
    expect(elapsedSince(currentMoment(systemClock), systemClock)).toBeLessThan(1000)
  })
})
