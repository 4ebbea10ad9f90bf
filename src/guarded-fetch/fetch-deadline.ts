import { JwksFetchError, type JwksFetchFailure } from './fetch-error.js'

/**
 * Ends a fetch at a deadline, or when it is aborted. Each step waits for a promise of the deadline's own and not for the
 * streams, because some streams end well when they are cut off, and some not at all.
 */
export class FetchDeadline {
  readonly #aborting = new AbortController()
  readonly #closing: AbortSignal
  readonly #endsAt: number
  readonly #missed: Promise<never>
  #timer: NodeJS.Timeout | undefined
  #reject: (error: JwksFetchError) => void = () => {}

  /** @param totalTimeout milliseconds for all steps together */
  constructor(totalTimeout: number, closing: AbortSignal) {
    this.#endsAt = performance.now() + totalTimeout
    this.#missed = new Promise((_resolve, reject) => {
      this.#reject = reject
    })
    this.#missed.catch(() => {}) // Nobody may be waiting when it happens.
    this.#closing = closing
    closing.addEventListener('abort', this.#close, { once: true })
  }

  /** Ends the request that is sent with it when the deadline is missed, or the fetch is over. */
  get signal(): AbortSignal {
    return this.#aborting.signal
  }

  /** Replaces the deadline before. The total one stays. */
  failAfter(milliseconds: number, failure: JwksFetchFailure): void {
    clearTimeout(this.#timer)
    const left = Math.max(0, this.#endsAt - performance.now())
    this.#timer = setTimeout(() => this.#fail(failure), Math.min(milliseconds, left))
  }

  /** What a step results in, unless the deadline is missed before. */
  inTime<Result>(step: Promise<Result>): Promise<Result> {
    return Promise.race([this.#missed, step])
  }

  /** The fetch is over. */
  end(): void {
    clearTimeout(this.#timer)
    this.#closing.removeEventListener('abort', this.#close)
    this.#aborting.abort()
  }

  readonly #close = (): void => this.#fail('closed')

  #fail(failure: JwksFetchFailure): void {
    this.#reject(new JwksFetchError(failure))
    this.#aborting.abort()
  }
}
