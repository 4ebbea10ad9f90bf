import type { Clock } from './clock.js'
import { currentMoment, elapsedSince, type Moment, NEVER } from './clock.js'

export interface BackOffDeps {
  clock: Clock
  /** From 0 to 1. */
  random: () => number
}

/** Milliseconds at most, unless the first wait is longer or the failing side asks for more. */
const MAX_WAIT = 60_000

/**
 * How long to leave something alone that keeps failing: `firstWait` milliseconds after the first failure, twice as many
 * after each further one, up to a minute. Jitter takes up to half of each wait away and not more, so that a failing
 * side is never asked again at once.
 */
export class BackOff {
  #firstWait: number
  readonly #deps: BackOffDeps
  #consecutiveFailures = 0
  #failedAt: Moment = NEVER
  /** Milliseconds from then. */
  #wait = 0

  constructor(firstWait: number, deps: BackOffDeps) {
    this.#firstWait = firstWait
    this.#deps = deps
  }

  /** Waits no longer, because the next attempt is made in another way. The failures still count. */
  use(firstWait: number): void {
    this.#firstWait = firstWait
    this.#wait = 0
  }

  get consecutiveFailures(): number {
    return this.#consecutiveFailures
  }

  get isWaiting(): boolean {
    return this.remaining > 0
  }

  /** Milliseconds; 0 if the next attempt is due. */
  get remaining(): number {
    return Math.max(0, this.#wait - elapsedSince(this.#failedAt, this.#deps.clock))
  }

  /** @param atLeast milliseconds that the failing side asked for */
  fail(atLeast = 0): void {
    const longest = Math.min(Math.max(MAX_WAIT, this.#firstWait), this.#firstWait * 2 ** this.#consecutiveFailures)
    const wait = longest * (0.5 + this.#deps.random() / 2)
    this.#consecutiveFailures += 1
    // Whoever failed sooner than it was asked again does not shorten what it asked for before.
    this.#wait = Math.max(this.remaining, wait, atLeast)
    this.#failedAt = currentMoment(this.#deps.clock)
  }

  succeed(): void {
    this.#consecutiveFailures = 0
    this.#wait = 0
  }
}
