import { beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { RefreshSchedule } from '../../../src/jwks/refresh-schedule.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

const LIFETIME = 300_000

describe('the schedule of refreshes', () => {
  let clock: AdjustableClock
  let timers: AdjustableTimers
  let chance: number
  let refreshedAt: number[]

  beforeEach(() => {
    clock = new AdjustableClock()
    timers = new AdjustableTimers(clock)
    chance = 0.5
    refreshedAt = []
  })

  const scheduleOf = (refreshAhead: number | false) =>
    new RefreshSchedule(refreshAhead, () => refreshedAt.push(clock.monotonic()), {
      clock,
      timers,
      random: () => chance,
    })
  const DAY = 86_400

  it('has none at first', async () => {
    const schedule = scheduleOf(80)
    await timers.advance(DAY)
    expect([schedule.nextIn, timers.pending, refreshedAt]).toEqual([undefined, 0, []])
  })

  it('has none at all where nothing is to be refreshed ahead, after a failure neither', async () => {
    const schedule = scheduleOf(false)
    schedule.planAhead(LIFETIME)
    expect([schedule.nextIn, timers.pending]).toEqual([undefined, 0])
    schedule.planAfter(1000)
    expect([schedule.nextIn, timers.pending]).toEqual([undefined, 0])
    await timers.advance(DAY)
    expect(refreshedAt).toEqual([])
  })

  it('has none after it is closed, nor can one be planned', async () => {
    const schedule = scheduleOf(80)
    schedule.planAhead(LIFETIME)
    schedule.close()
    expect([schedule.nextIn, timers.pending]).toEqual([undefined, 0])
    schedule.planAhead(LIFETIME)
    schedule.planAfter(1000)
    schedule.close()
    expect([schedule.nextIn, timers.pending]).toEqual([undefined, 0])
    await timers.advance(DAY)
    expect(refreshedAt).toEqual([])
  })

  it.each([
    [80, 0, 216_000],
    [80, 0.5, 240_000],
    [80, 1, 264_000],
    [50, 0, 135_000],
    [50, 1, 165_000],
    [95, 0, 256_500],
    [95, 0.5, 285_000],
    [95, 1, 294_000],
    [90, 1, 294_000],
  ])('refreshes at %d per cent of the lifetime, give or take a tenth by chance (%d)', async (ahead, drawn, time) => {
    chance = drawn
    const schedule = scheduleOf(ahead)
    schedule.planAhead(LIFETIME)
    expect(schedule.nextIn).toBeCloseTo(time, 6)
    await timers.advance(time / 1000 - 0.001)
    expect(refreshedAt).toEqual([])
    await timers.advance(0.002)
    expect(refreshedAt).toHaveLength(1)
    expect(refreshedAt[0]).toBeCloseTo(time, 6)
  })

  it('refreshes once for each plan', async () => {
    const schedule = scheduleOf(80)
    schedule.planAhead(LIFETIME)
    await timers.advance(DAY)
    expect([refreshedAt, schedule.nextIn, timers.pending]).toEqual([[240_000], undefined, 0])
  })

  it('puts a new time in the place of the one before, be it later or earlier', async () => {
    const schedule = scheduleOf(80)
    schedule.planAfter(1000)
    schedule.planAhead(LIFETIME)
    schedule.planAfter(500_000)
    schedule.planAfter(10_000)
    expect([schedule.nextIn, timers.pending]).toEqual([10_000, 1])
    await timers.advance(DAY)
    expect(refreshedAt).toEqual([10_000])
  })

  it('tells how long it is until then', async () => {
    const schedule = scheduleOf(80)
    schedule.planAfter(10_000)
    await timers.advance(4)
    expect(schedule.nextIn).toBe(6000)
    await timers.advance(5.5)
    expect(schedule.nextIn).toBe(500)
  })

  it('never tells a negative time, though a timer may be late', () => {
    const schedule = scheduleOf(80)
    schedule.planAfter(10_000)
    clock.advance(60)
    expect(schedule.nextIn).toBe(0)
  })

  it('counts from now on, and not by the wall clock', async () => {
    const schedule = scheduleOf(80)
    await timers.advance(1000)
    clock.set(0)
    schedule.planAhead(LIFETIME)
    clock.set(4_000_000_000)
    expect(schedule.nextIn).toBe(240_000)
  })

  it('can be planned again by the refresh itself', async () => {
    const times: number[] = []
    const schedule: RefreshSchedule = new RefreshSchedule(
      80,
      () => {
        times.push(clock.monotonic())
        schedule.planAfter(1000)
      },
      { clock, timers, random: () => chance },
    )
    schedule.planAfter(1000)
    await timers.advance(3.5)
    expect([times, schedule.nextIn]).toEqual([[1000, 2000, 3000], 500])
  })

  it('refreshes before the expiry, within a tenth of what is asked for, whatever chance has it', () => {
    const drawn = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 50, max: 95 }),
        fc.integer({ min: 20, max: 86_400_000 }),
        drawn,
        (ahead, life, draw) => {
          chance = draw
          const schedule = scheduleOf(ahead)
          schedule.planAhead(life)
          const share = (schedule.nextIn ?? Number.NaN) / life
          expect(share).toBeGreaterThan((ahead / 100) * 0.9 - 1e-6)
          expect(share).toBeLessThan(Math.min(0.98, (ahead / 100) * 1.1) + 1e-6)
        },
      ),
    )
  })
})
