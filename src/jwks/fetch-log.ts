import { type Clock, currentMoment, elapsedSince, type Moment } from '../clock/clock.js'
import { createFault } from '../errors/describe-fault.js'
import type { FetchFailure, JwksFetchError } from '../guarded-fetch/fetch-error.js'
import type { FetchStats } from '../verification-keys/key-source.js'

interface EndedFetch {
  at: Moment
  durationMs: number
}

/** What happened to the fetches of one key set, for operators. */
export class FetchLog {
  readonly #clock: Clock
  #fetches = 0
  #failedFetches = 0
  #totalDurationMs = 0
  #longestDurationMs = 0
  #lastSuccess: EndedFetch | undefined
  #lastFailure: (EndedFetch & FetchFailure) | undefined
  /** When the endpoint began to fail; undefined while it does not. */
  #failingSince: Moment | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The last failure, as the cause of a refusal. */
  get lastFault(): Error | undefined {
    return this.#lastFailure && createFault(this.#lastFailure.reason)
  }

  /** Milliseconds since the first of the failures in a row; undefined if the last fetch succeeded. */
  get failingFor(): number | undefined {
    return this.#failingSince === undefined ? undefined : elapsedSince(this.#failingSince, this.#clock)
  }

  /** Milliseconds since the last failure; undefined if the last fetch succeeded. */
  get lastFailedFor(): number | undefined {
    if (this.#failingSince === undefined || this.#lastFailure === undefined) return undefined
    return elapsedSince(this.#lastFailure.at, this.#clock)
  }

  begin(): void {
    this.#fetches += 1
  }

  /** Returns how long it took. */
  succeed(startedAt: Moment): number {
    this.#lastSuccess = this.#end(startedAt)
    this.#failingSince = undefined
    return this.#lastSuccess.durationMs
  }

  /** Returns how long it took. */
  fail(error: JwksFetchError, startedAt: Moment): number {
    this.#lastFailure = { ...this.#end(startedAt), ...error.describe() }
    this.#failedFetches += 1
    this.#failingSince ??= startedAt
    return this.#lastFailure.durationMs
  }

  stats(consecutiveFailures: number): FetchStats {
    const [success, failure] = [this.#lastSuccess, this.#lastFailure]
    return {
      fetches: this.#fetches,
      failedFetches: this.#failedFetches,
      consecutiveFailures,
      fetchDurationMs: { total: this.#totalDurationMs, longest: this.#longestDurationMs },
      ...(success && { lastSuccess: this.#aged(success) }),
      ...(failure && { lastFailure: this.#aged(failure) }),
    }
  }

  #end(startedAt: Moment): EndedFetch {
    const at = currentMoment(this.#clock)
    const durationMs = Math.round(at.monotonic - startedAt.monotonic)
    this.#totalDurationMs += durationMs
    this.#longestDurationMs = Math.max(this.#longestDurationMs, durationMs)
    return { at, durationMs }
  }

  #aged<Fetch extends EndedFetch>({ at, ...fetch }: Fetch) {
    return { ...fetch, millisecondsAgo: Math.round(elapsedSince(at, this.#clock)) }
  }
}
