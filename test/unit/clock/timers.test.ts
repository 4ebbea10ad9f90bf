import { setTimeout as wait } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { pause, systemTimers, within } from '../../../src/clock/timers.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

let clock: AdjustableClock
let timers: AdjustableTimers

beforeEach(() => {
  clock = new AdjustableClock()
  timers = new AdjustableTimers(clock)
})

const KINDS = ['after', 'inBackground'] as const
const never = () => new Promise<string>(() => {})

/** What a promise has come to by now. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  await timers.advance(0)
  return Promise.race([promise, Promise.resolve('pending')])
}

describe('the system timers', () => {
  it.each(KINDS)('do not call back once cancelled: %s', async (kind) => {
    let calls = 0
    const cancel = systemTimers[kind](10, () => {
      calls += 1
    })
    cancel()
    cancel()
    await wait(40)
    expect(calls).toBe(0)
  })

  it.each(KINDS)('call back once, and not too early: %s', async (kind) => {
    const startedAt = performance.now()
    const calledAt: number[] = []
    const cancel = systemTimers[kind](30, () => calledAt.push(performance.now()))
    await wait(100)
    expect(calledAt).toHaveLength(1)
    expect((calledAt[0] ?? 0) - startedAt).toBeGreaterThan(28)
    expect(cancel).not.toThrow()
  })

  it('keep the process alive, but not in the background', () => {
    const alive = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = alive()
    const cancelBackground = systemTimers.inBackground(60_000, () => {})
    expect(alive()).toBe(before)
    const cancel = systemTimers.after(60_000, () => {})
    expect(alive()).toBe(before + 1)
    cancel()
    cancelBackground()
    expect(alive()).toBe(before)
  })
})

describe('a pause', () => {
  it('is over after its time and not earlier', async () => {
    const pausing = pause(100, timers).then(() => 'over')
    await timers.advance(0.099)
    expect(await stateOf(pausing)).toBe('pending')
    await timers.advance(0.001)
    expect(await stateOf(pausing)).toBe('over')
  })
})

describe('waiting within a time', () => {
  it('resolves with undefined when the time is over, and not earlier', async () => {
    const waiting = within(3000, never(), timers)
    await timers.advance(2.999)
    expect(await stateOf(waiting)).toBe('pending')
    await timers.advance(0.001)
    expect(await stateOf(waiting)).toBeUndefined()
  })

  it('resolves with undefined if the time is zero', async () => {
    const waiting = within(0, never(), timers)
    expect(await stateOf(waiting)).toBeUndefined()
  })

  it('rejects with the error of the promise', async () => {
    await expect(within(3000, Promise.reject(new Error('broken')), timers)).rejects.toThrow('broken')
  })

  it('resolves with the value of the promise, even if no time is left', async () => {
    expect(await within(3000, Promise.resolve('value'), timers)).toBe('value')
    expect(await within(0, Promise.resolve('value'), timers)).toBe('value')
    expect(await within(3000, Promise.resolve(false), timers)).toBe(false)
  })

  it('leaves no timer behind', async () => {
    await within(3000, Promise.resolve('value'), timers)
    await within(3000, Promise.reject(new Error('broken')), timers).catch(() => {})
    expect(timers.pending).toBe(0)
    const waiting = within(3000, never(), timers)
    expect(timers.pending).toBe(1)
    await timers.advance(3)
    await waiting
    expect(timers.pending).toBe(0)
  })

  it('is not affected by what the promise does later', async () => {
    let reject: (error: Error) => void = () => {}
    const waiting = within(
      1000,
      new Promise<string>((_resolve, no) => {
        reject = no
      }),
      timers,
    )
    await timers.advance(1)
    reject(new Error('too late'))
    expect(await waiting).toBeUndefined()
  })
})

describe('the timers of a test', () => {
  it('fire in the order in which they are due, each at its own time', async () => {
    const fired: [string, number][] = []
    const fire = (name: string) => () => fired.push([name, clock.monotonic()])
    timers.inBackground(2000, fire('second'))
    timers.after(1000, fire('first'))
    timers.after(5000, fire('never'))
    timers.after(2000, fire('third'))
    await timers.advance(4)
    expect(fired).toEqual([
      ['first', 1000],
      ['second', 2000],
      ['third', 2000],
    ])
    expect([clock.monotonic(), timers.pending]).toEqual([4000, 1])
  })

  it('fire timers that were set meanwhile, after promises have settled', async () => {
    const fired: number[] = []
    const again = () => {
      fired.push(clock.monotonic())
      if (fired.length < 4) void Promise.resolve().then(() => timers.after(1000, again))
    }
    timers.after(1000, again)
    await timers.advance(10)
    expect(fired).toEqual([1000, 2000, 3000, 4000])
  })

  it('do not fire once cancelled, nor twice', async () => {
    let calls = 0
    const count = () => {
      calls += 1
    }
    const cancel = timers.after(2000, count)
    timers.after(1000, cancel)
    timers.inBackground(3000, count)()
    timers.after(1000, count)
    await timers.advance(10)
    await timers.advance(10)
    expect([calls, timers.pending]).toEqual([1, 0])
  })

  it.each([Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY])('refuse %d milliseconds, which fire at once', (time) => {
    expect(() => timers.after(time, () => {})).toThrow(RangeError)
  })
})
