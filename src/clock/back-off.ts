import type { Clock } from './clock.js'

export interface BackOffDeps {
  clock: Clock
  /** From 0 to 1. */
  random: () => number
}

/** Milliseconds after the first failure, at most; twice as many after each further one. */
const FIRST_WAIT = 1000
const LONGEST_WAIT = 60_000

/** How long to leave something alone that keeps failing. Jitter takes up to half of each wait away. */
export class BackOff {
  readonly #deps: BackOffDeps
  #consecutiveFailures = 0
  #waitingUntil = Number.NEGATIVE_INFINITY

  constructor(deps: BackOffDeps) {
    this.#deps = deps
  }

  get consecutiveFailures(): number {
    return this.#consecutiveFailures
  }

  get isWaiting(): boolean {
    return this.remaining > 0
  }

  /** Milliseconds, 0 where the next attempt is due. */
  get remaining(): number {
    return Math.max(0, this.#waitingUntil - this.#deps.clock.monotonic())
  }

  fail(): void {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#consecutiveFailures)
    this.#consecutiveFailures += 1
    this.#waitingUntil = this.#deps.clock.monotonic() + longest * (0.5 + this.#deps.random() / 2)
  }

  succeed(): void {
    this.#consecutiveFailures = 0
    this.#waitingUntil = Number.NEGATIVE_INFINITY
  }
}
