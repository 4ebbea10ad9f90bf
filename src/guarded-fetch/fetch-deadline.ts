import { JwksFetchError, type JwksFetchFailure } from './fetch-error.js'

/**
 * Ends a fetch at a deadline, or when the exchange closes. What waits is told by a promise of its own and not by the
 * streams: some end well, and some not at all, when they are cut off. A new deadline takes the place of the one before.
 */
export class Interruption {
  readonly #aborting = new AbortController()
  readonly #closing: AbortSignal
  readonly #endsAt: number
  readonly #interrupted: Promise<never>
  #deadline: NodeJS.Timeout | undefined
  #reject: (error: JwksFetchError) => void = () => {}

  constructor(totalTimeout: number, closing: AbortSignal) {
    this.#endsAt = performance.now() + totalTimeout
    this.#interrupted = new Promise((_resolve, reject) => {
      this.#reject = reject
    })
    this.#interrupted.catch(() => {}) // Nobody may be waiting when it happens.
    this.#closing = closing
    closing.addEventListener('abort', this.#close, { once: true })
  }

  /** What to send with, so that it ends when this does. */
  get signal(): AbortSignal {
    return this.#aborting.signal
  }

  failAfter(milliseconds: number, failure: JwksFetchFailure): void {
    clearTimeout(this.#deadline)
    const left = Math.max(0, this.#endsAt - performance.now())
    this.#deadline = setTimeout(() => this.#interrupt(failure), Math.min(milliseconds, left))
  }

  orEarlier<Result>(step: Promise<Result>): Promise<Result> {
    return Promise.race([this.#interrupted, step])
  }

  end(): void {
    clearTimeout(this.#deadline)
    this.#closing.removeEventListener('abort', this.#close)
    this.#aborting.abort()
  }

  readonly #close = (): void => this.#interrupt('closed')

  #interrupt(failure: JwksFetchFailure): void {
    this.#reject(new JwksFetchError(failure))
    this.#aborting.abort()
  }
}
