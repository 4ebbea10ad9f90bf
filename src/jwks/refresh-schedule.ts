import type { Clock } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'

interface RefreshScheduleDeps {
  clock: Clock
  timers: Timers
  /** From 0 to 1. */
  random: () => number
}

/** How far, up and down, the time of a refresh is moved at random, and how close to the expiry it may come. */
const JITTER = 0.1
const MAX_FRACTION_OF_LIFETIME = 0.98

/** When the key set is refreshed next in the background. A new time replaces the one before. */
export class RefreshSchedule {
  #refreshAhead: number | false
  readonly #refresh: () => void
  readonly #deps: RefreshScheduleDeps
  #nextAt: number | undefined
  #cancel: () => void = doNothing
  #isClosed = false
  #isDue = false

  /** @param refreshAhead percentage of the lifetime of a key set; false: never in the background */
  constructor(refreshAhead: number | false, refresh: () => void, deps: RefreshScheduleDeps) {
    this.#refreshAhead = refreshAhead
    this.#refresh = refresh
    this.#deps = deps
  }

  /** Whether the time has come since the key set was fetched. If `refresh` did nothing then, the next use can begin it. */
  get isDue(): boolean {
    return this.#isDue
  }

  /** Milliseconds; undefined if no refresh is planned. */
  get nextIn(): number | undefined {
    return this.#nextAt === undefined ? undefined : Math.max(0, this.#nextAt - this.#deps.clock.monotonic())
  }

  /** Drops what is planned, because it was planned by other settings. */
  use(refreshAhead: number | false): void {
    this.#drop()
    this.#refreshAhead = refreshAhead
  }

  /** @param lifetime milliseconds for which the key set is fresh from now on */
  planAhead(lifetime: number): void {
    const jitter = 1 - JITTER + 2 * JITTER * this.#deps.random()
    this.planAfter(lifetime * Math.min(MAX_FRACTION_OF_LIFETIME, (Number(this.#refreshAhead) / 100) * jitter))
  }

  planAfter(milliseconds: number): void {
    this.#drop()
    if (this.#refreshAhead === false || this.#isClosed) return
    this.#nextAt = this.#deps.clock.monotonic() + milliseconds
    this.#cancel = this.#deps.timers.inBackground(milliseconds, () => {
      this.#nextAt = undefined
      this.#isDue = true
      this.#refresh()
    })
  }

  close(): void {
    this.#drop()
    this.#isClosed = true
  }

  #drop(): void {
    this.#cancel()
    this.#isDue = false
    this.#nextAt = undefined
  }
}

/** One for all schedules, because there may be very many. */
function doNothing(): void {}
