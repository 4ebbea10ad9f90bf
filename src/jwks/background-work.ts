import type { Timers } from '../clock/timers.js'

/**
 * Does something after the request that asks for it was answered, so that how long the answer takes says nothing of it.
 * One thing at a time: what is asked for meanwhile is left out, because the next request can ask for it again.
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
