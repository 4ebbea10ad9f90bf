import type { Clock } from '../clock/clock.js'
import { type Timers, within } from '../clock/timers.js'
import type { KeySetRefresher } from './key-set-refresher.js'

interface FetchWaitersDeps {
  clock: Clock
  timers: Timers
}

/** Waits for a fetch: whether it succeeded, or undefined if that takes too long. Throws if too many wait. */
export type WaitForFetch = (refreshing: Promise<boolean>) => Promise<boolean | undefined>

/** Requests that wait at once. A further one is served the old keys, or refused at once if there are none. */
const MAX_WAITING = 1000
/** While the endpoint fails and no keys serve: all waiters are answered in one burst, which delays other requests. */
const MAX_WAITING_WHILE_DOWN = 20

/** The requests that wait for fetches of one key set: so many of them, and each so long. */
export class FetchWaiters {
  readonly #refresher: Pick<KeySetRefresher, 'state' | 'unavailable'>
  readonly #deps: FetchWaitersDeps
  #count = 0

  constructor(refresher: Pick<KeySetRefresher, 'state' | 'unavailable'>, deps: FetchWaitersDeps) {
    this.#refresher = refresher
    this.#deps = deps
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count >= (this.#refresher.state === 'down' ? MAX_WAITING_WHILE_DOWN : MAX_WAITING)
  }

  /** For one request: it waits so many milliseconds for fetches, all of them together. */
  waitUpTo(milliseconds: number): WaitForFetch {
    const { clock, timers } = this.#deps
    const endsAt = clock.monotonic() + milliseconds
    return async (refreshing) => {
      if (this.isFull) throw this.#refresher.unavailable()
      this.#count += 1
      try {
        return await within(Math.max(0, endsAt - clock.monotonic()), refreshing, timers)
      } finally {
        this.#count -= 1
      }
    }
  }
}

/** For work in the background, which no request waits for. */
export const waitToTheEnd: WaitForFetch = (refreshing) => refreshing
