import type { ExchangeClock } from '../../src/index.js'

/** A clock that stands still until a test moves it. */
export class AdjustableClock implements ExchangeClock {
  #now = 1_800_000_000
  #monotonic = 0

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** Lets time pass, on both clocks. */
  advance(seconds: number): void {
    this.#now += seconds
    this.#monotonic += seconds * 1000
  }

  /** Sets the wall clock only. */
  set(seconds: number): void {
    this.#now = seconds
  }
}
