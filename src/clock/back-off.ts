import { type Clock, currentMoment, elapsedSince, type Moment, NEVER } from './clock.js'

export interface BackOffDeps {
  clock: Clock
  /** From 0 to 1. */
  random: () => number
}

/** Milliseconds, unless the first wait is longer or the failing side asks for more. */
const DEFAULT_MAX_WAIT = 60_000

/**
 * How long to wait after failures: `firstWait` milliseconds after the first one, twice as long after each further one, up to a
 * minute or `maxWait`. Jitter shortens each wait by at most half, so that no retry follows a failure at once.
 */
export class BackOff {
  #firstWait: number
  readonly #deps: BackOffDeps
  readonly #maxWait: number
  #consecutiveFailures = 0
  #failedAt: Moment = NEVER
  /** Milliseconds from `#failedAt` on. */
  #wait = 0

  constructor(firstWait: number, deps: BackOffDeps, maxWait = DEFAULT_MAX_WAIT) {
    this.#firstWait = firstWait
    this.#deps = deps
    this.#maxWait = maxWait
  }

  /** Ends the wait, because the next attempt is made with other settings. The failures still count. */
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
    const longest = Math.min(Math.max(this.#maxWait, this.#firstWait), this.#firstWait * 2 ** this.#consecutiveFailures)
    const wait = longest * (0.5 + this.#deps.random() / 2)
    this.#consecutiveFailures += 1
    // A failure during a wait must not shorten that wait.
    this.#wait = Math.max(this.remaining, wait, atLeast)
    this.#failedAt = currentMoment(this.#deps.clock)
  }

  succeed(): void {
    this.#consecutiveFailures = 0
    this.#wait = 0
  }
}
