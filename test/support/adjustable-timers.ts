import type { Timers } from '../../src/clock/timers.js'
import type { AdjustableClock } from './adjustable-clock.js'

interface Timer {
  dueAt: number
  callback: () => void
}

/** What `setTimeout` can wait for; it fires at once where it is asked for more. */
const MAX_LENGTH = 2 ** 31 - 1
/** Milliseconds, for what floating point makes of a sum of seconds. */
const ROUNDING = 1e-6

/** Timers that stand still with their clock until a test moves it. Let time pass here and not on the clock itself. */
export class AdjustableTimers implements Timers {
  readonly #clock: AdjustableClock
  readonly #timers = new Set<Timer>()

  constructor(clock: AdjustableClock) {
    this.#clock = clock
  }

  /** How many will fire yet. */
  get pending(): number {
    return this.#timers.size
  }

  after(milliseconds: number, callback: () => void): () => void {
    if (!(milliseconds <= MAX_LENGTH)) throw new RangeError(`no timer waits for ${milliseconds} milliseconds`)
    const timer = { dueAt: this.#clock.monotonic() + Math.max(0, milliseconds), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  inBackground(milliseconds: number, callback: () => void): () => void {
    return this.after(milliseconds, callback)
  }

  /** Lets time pass. Each timer fires at its own time, and after all that the one before has set off. */
  async advance(seconds: number): Promise<void> {
    const until = this.#clock.monotonic() + seconds * 1000
    await settle()
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next)
      this.#moveTo(next.dueAt)
      next.callback()
      await settle()
    }
    this.#moveTo(until)
  }

  /** The one that is due first, and of several the one that was set first. */
  #next(until: number): Timer | undefined {
    return [...this.#timers].filter(({ dueAt }) => dueAt <= until + ROUNDING).sort((a, b) => a.dueAt - b.dueAt)[0]
  }

  #moveTo(time: number): void {
    this.#clock.advance(Math.max(0, time - this.#clock.monotonic()) / 1000)
  }
}

/** Lets everything happen that waits for promises only. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
