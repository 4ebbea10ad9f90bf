import { isPromise } from 'node:util/types'
import { BackOff } from '../clock/back-off.js'
import type { Clock } from '../clock/clock.js'
import { settleInTime, type Timers } from '../clock/timers.js'
import { createFault } from '../errors/describe-fault.js'
import type { RevocationIndex } from './revocation-index.js'
import { readPage } from './revocation-page.js'
import type { RevocationStore } from './revocation-store.js'
import type { StoreHealth } from './store-health.js'

export interface StoreFollowerDeps {
  store: RevocationStore
  index: RevocationIndex
  health: StoreHealth
  clock: Clock
  timers: Timers
  random: () => number
  /** Milliseconds between two reads. */
  pollInterval: number
  /** Milliseconds for one call. */
  timeout: number
}

/** Milliseconds by which the wall clock must go back to be noticed. */
const STEP_BACK = 1000
/** Milliseconds between attempts to read a store that fails, at most. */
const MAX_BACK_OFF = 2000

/** Reads the store at each interval, and as soon as it reports a change, into the index of this process. */
export class StoreFollower {
  readonly #deps: StoreFollowerDeps
  readonly #backOff: BackOff
  #cursor: string | undefined
  /** Milliseconds by which the wall clock was ahead of the monotonic clock. */
  #clockOffset = Number.NEGATIVE_INFINITY
  #loaded: Promise<void> | undefined
  #noteLoaded = () => {}
  #isReading = false
  /** Something was reported while the store was read. */
  #isOutdated = false
  #isClosed = false
  #cancelNext = () => {}
  #stopWatching = () => {}

  constructor(deps: StoreFollowerDeps) {
    this.#deps = deps
    this.#backOff = new BackOff(deps.pollInterval, deps, Math.max(MAX_BACK_OFF, deps.pollInterval))
  }

  /** @returns a promise that is fulfilled when everything was read once; never rejects */
  start(): Promise<void> {
    this.#loaded ??= new Promise((resolve) => {
      this.#noteLoaded = resolve
      this.#watch()
      void this.#read()
    })
    return this.#loaded
  }

  close(): void {
    this.#isClosed = true
    this.#cancelNext()
    this.#stopWatching()
  }

  readonly #wake = (): void => {
    if (this.#isReading) this.#isOutdated = true
    else if (!this.#isClosed) void this.#read()
  }

  /** One that fails at once is as one that the store does not have. */
  #watch(): void {
    const { store } = this.#deps
    try {
      const stop: unknown = store.watch?.(this.#wake)
      if (typeof stop === 'function') this.#stopWatching = () => ignoreFailure(() => stop())
      else if (isPromise(stop)) stop.catch(() => {})
    } catch (error) {
      this.#deps.health.noteFailure(error)
    }
  }

  async #read(): Promise<void> {
    const { health, index, timers, pollInterval } = this.#deps
    this.#cancelNext()
    this.#isReading = true
    this.#isOutdated = false
    const begun = health.begin()
    this.#beginAgainIfClockWentBack()
    try {
      await this.#readPages()
      health.noteSuccess(begun)
      this.#backOff.succeed()
      this.#noteLoaded()
    } catch (error) {
      if (!this.#isClosed) health.noteFailure(error)
      this.#backOff.fail()
    }
    this.#isReading = false
    index.purge()
    if (this.#isClosed) return
    const wait = this.#backOff.consecutiveFailures > 0 ? this.#backOff.remaining : this.#isOutdated ? 0 : pollInterval
    this.#cancelNext = timers.inBackground(wait, this.#wake)
  }

  /** What had expired by a clock that was ahead was not kept, and may be needed now. */
  #beginAgainIfClockWentBack(): void {
    const { clock } = this.#deps
    const offset = clock.now() * 1000 - clock.monotonic()
    if (offset < this.#clockOffset - STEP_BACK) this.#cursor = undefined
    this.#clockOffset = offset
  }

  /** @throws Error if the store fails, or does not say what comes next */
  async #readPages(): Promise<void> {
    for (let hasMore = true; hasMore && !this.#isClosed; ) {
      const before = this.#cursor
      const page = readPage(await this.#callInTime(before))
      if (page.hasMore === true && page.cursor === before) throw createFault('cursor_stands_still')
      for (const revocation of page.revocations) this.#deps.index.add(revocation)
      this.#cursor = page.cursor
      hasMore = page.hasMore === true
    }
  }

  #callInTime(cursor: string | undefined): Promise<unknown> {
    const { store, timeout, timers } = this.#deps
    const call = Promise.resolve(cursor === undefined ? store.read() : store.read(cursor))
    return settleInTime(call, timeout, timers, () =>
      createFault('revocation_store_timeout', `the revocation store did not answer within ${timeout} ms`),
    )
  }
}

function ignoreFailure(call: () => unknown): void {
  try {
    const outcome = call()
    if (isPromise(outcome)) outcome.catch(() => {})
  } catch {
    // A watch that cannot be stopped is not in use any more.
  }
}
