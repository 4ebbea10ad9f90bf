import type { Timers } from '../clock/timers.js'

/**
 * Does work after the request that asks for it was answered, so that the time of the answer reveals nothing about it. One
 * piece of work at a time: others are dropped meanwhile, because the next request can ask again.
 */
export class BackgroundWork {
  readonly #timers: Timers
  #isBusy = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** @param work whose failure somebody else reports */
  begin(work: () => Promise<unknown>): void {
    if (this.#isBusy) return
    this.#isBusy = true
    this.#timers.inBackground(0, () => void this.#finish(work))
  }

  async #finish(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch {
      // Nobody waits for it.
    } finally {
      this.#isBusy = false
    }
  }
}
