import type { KeyObject } from 'node:crypto'
import { type Clock, currentMoment, type Moment } from '../clock/clock.js'
import { type Timers, within } from '../clock/timers.js'
import type { DependencyUnavailable } from '../errors/rejections.js'
import type { KeySet } from '../verification-keys/key-set.js'
import type { KeyHeader, KeySourceStats } from '../verification-keys/key-source.js'
import { CachedKeySet, wholeMilliseconds } from './cached-key-set.js'
import { isReadAlike, type JwksEndpoint, lifetimeOf } from './jwks-endpoint-options.js'
import type { JwksReporter } from './jwks-reporter.js'
import type { FetchMode } from './key-set-fetcher.js'
import { KeySetUpdater, type KeySetUpdaterDeps } from './key-set-updater.js'
import { RefreshSchedule } from './refresh-schedule.js'

/** Milliseconds, more than any back-off: while its keys are in use, a failing endpoint is asked more often. */
const RECENTLY = 120_000

/**
 * Decides when the key set of one endpoint is fetched: one fetch at a time that all share, ahead of expiry and in the
 * background while the key set is in use, and not while the endpoint must be left alone.
 */
export class KeySetRefresher {
  #endpoint: JwksEndpoint
  readonly #deps: KeySetUpdaterDeps
  readonly #cache: CachedKeySet
  readonly #updater: KeySetUpdater
  readonly #schedule: RefreshSchedule
  #refreshing: Promise<boolean> | undefined
  #lastUsedAt = Number.NEGATIVE_INFINITY

  constructor(endpoint: JwksEndpoint, reporter: JwksReporter, onRefreshed: () => void, deps: KeySetUpdaterDeps) {
    const { cacheMaxAgeFallback, refreshAhead } = endpoint.settings
    this.#endpoint = endpoint
    this.#deps = deps
    this.#cache = new CachedKeySet(cacheMaxAgeFallback, deps.clock)
    this.#schedule = new RefreshSchedule(refreshAhead, () => this.#refreshIfInUse(), deps)
    const parts = { cache: this.#cache, schedule: this.#schedule, reporter, onRefreshed }
    this.#updater = new KeySetUpdater(endpoint, parts, deps)
  }

  /**
   * By other settings from now on, with the key set that is there. A fetch under way begins again by them, and so does an
   * endpoint that was left alone.
   */
  use(endpoint: JwksEndpoint): void {
    const { cacheMaxAgeFallback, refreshAhead } = endpoint.settings
    this.#cache.use(lifetimeOf(this.#cache.maxAge, endpoint.settings), cacheMaxAgeFallback)
    if (!isReadAlike(this.#endpoint, endpoint)) this.#cache.outdate(endpoint.reading)
    this.#endpoint = endpoint
    this.#updater.use(endpoint)
    this.#schedule.use(refreshAhead)
    if (this.#cache.isFresh) this.#schedule.planAhead(this.#cache.expiresIn)
  }

  /** Begins no fetch in the background any more. */
  end(): void {
    this.#schedule.close()
  }

  /** The key set, unless it is too old to be used at all. */
  get servable(): KeySet | undefined {
    return this.#cache.servable
  }

  /** The key set that serves without waiting: a fresh one, or an old one if the endpoint fails or has failed recently. */
  get current(): KeySet | undefined {
    if (this.#cache.isFresh || !this.mayRefresh) return this.#cache.servable
    // If the last failure is long ago, the endpoint may be up again.
    const failedRecently = (this.#updater.lastFailedFor ?? Infinity) <= Math.max(this.#cache.lifetime, RECENTLY)
    return failedRecently ? this.#cache.servable : undefined
  }

  /** The key set, even if it is too old to serve. */
  get last(): KeySet | undefined {
    return this.#cache.last
  }

  /** Whether the next use begins a fetch, or may report that there is none. */
  get isDue(): boolean {
    return this.#isDueAt(currentMoment(this.#deps.clock))
  }

  get mayRefresh(): boolean {
    return this.#updater.mayUpdate
  }

  get state(): KeySourceStats['state'] {
    return this.#updater.state
  }

  /** The fetch under way: true if a key set is confirmed or new after it. Never rejects. */
  get refreshing(): Promise<boolean> | undefined {
    return this.#refreshing
  }

  /** The usual case: the key set is fresh, no fetch is due, and there are keys for this header. Counts as a use. */
  findFresh(header: KeyHeader): readonly KeyObject[] | undefined {
    const now = currentMoment(this.#deps.clock)
    if (this.#isDueAt(now)) return undefined
    this.#lastUsedAt = now.monotonic
    const keys = this.#cache.last?.find(header)
    return keys?.length === 0 ? undefined : keys
  }

  /**
   * To be called at each use. Begins a fetch if the key set has expired, and returns it if there is nothing to serve
   * before it ends: in an outage the old keys serve without waiting.
   */
  touch(): Promise<boolean> | undefined {
    this.#lastUsedAt = this.#deps.clock.monotonic()
    if (this.#cache.isFresh) {
      if (this.isDue) void this.#refresh('if_changed')
      return undefined
    }
    if (this.#updater.isFailing) this.#updater.reportStale()
    if (!this.mayRefresh) return undefined
    const isServed = this.current !== undefined
    const refreshing = this.#refresh('if_changed')
    return isServed ? undefined : refreshing
  }

  /** Fetches the key set in full, even if it is fresh, or joins the fetch under way. */
  async refresh(mode: 'full' | 'past_caches'): Promise<boolean> {
    return !this.#deps.closing.aborted && this.#refresh(mode)
  }

  unavailable(): DependencyUnavailable {
    return this.#updater.unavailable()
  }

  stats(): KeySourceStats {
    const { nextIn } = this.#schedule
    return { ...this.#updater.stats(), ...(nextIn !== undefined && { nextRefreshIn: wholeMilliseconds(nextIn) }) }
  }

  #isDueAt(now: Moment): boolean {
    return !this.#cache.isFreshAt(now) || this.#schedule.isDue || (this.#cache.isOutdated && this.mayRefresh)
  }

  #refresh(mode: FetchMode): Promise<boolean> {
    this.#refreshing ??= this.#updater.update(mode).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** A key set is in use if it was used within the time for which a key set is fresh. */
  #refreshIfInUse(): void {
    const recently = this.#cache.last === undefined ? this.#endpoint.settings.cacheMaxAge : this.#cache.lifetime
    if (this.#deps.clock.monotonic() - this.#lastUsedAt <= recently) void this.#refresh('if_changed')
  }
}

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
