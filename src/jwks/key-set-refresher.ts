import { BackOff, type BackOffDeps } from '../clock/back-off.js'
import { currentMoment, type Moment } from '../clock/clock.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { JwksFetchError, toJwksFetchError } from '../guarded-fetch/fetch-error.js'
import type { KeySet } from '../verification-keys/key-set.js'
import { describeSkipped } from '../verification-keys/key-set.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import { CachedKeySet, whole } from './cached-key-set.js'
import type { JwksAnswer, PublishedKeySet } from './fetch-jwks.js'
import { FetchLog } from './fetch-log.js'
import { lifetimeOf } from './jwks-endpoint-options.js'
import type { JwksReporter } from './jwks-reporter.js'
import { type FetchMode, type JwksEndpoint, KeySetFetcher, type KeySetFetcherDeps } from './key-set-fetcher.js'
import { RefreshSchedule } from './refresh-schedule.js'

export interface KeySetRefresherDeps extends BackOffDeps, KeySetFetcherDeps {}

/** Milliseconds: longer than the longest back-off, after which the endpoint is asked again while its keys are in use. */
const LATELY = 120_000

/**
 * Keeps the key set of one endpoint current: one fetch at a time that all share, ahead of expiry and in the background
 * while the key set is in use, with back-off while the endpoint fails.
 */
export class KeySetRefresher {
  readonly #endpoint: JwksEndpoint
  readonly #deps: KeySetRefresherDeps
  readonly #reporter: JwksReporter
  readonly #onRefreshed: () => void
  readonly #fetcher: KeySetFetcher
  readonly #cache: CachedKeySet
  readonly #backOff: BackOff
  readonly #log: FetchLog
  readonly #schedule: RefreshSchedule
  #isClosed = false
  #refreshing: Promise<boolean> | undefined
  #lastUsedAt = Number.NEGATIVE_INFINITY

  constructor(endpoint: JwksEndpoint, reporter: JwksReporter, onRefreshed: () => void, deps: KeySetRefresherDeps) {
    this.#endpoint = endpoint
    this.#deps = deps
    this.#reporter = reporter
    this.#onRefreshed = onRefreshed
    this.#fetcher = new KeySetFetcher(endpoint, deps)
    this.#cache = new CachedKeySet(endpoint.settings.cacheMaxAgeFallback, deps.clock)
    this.#backOff = new BackOff(endpoint.settings.failureBackOff, deps)
    this.#log = new FetchLog(deps.clock)
    this.#schedule = new RefreshSchedule(endpoint.settings.refreshAhead, () => this.#refreshIfInUse(), deps)
  }

  /** The key set, unless it is too old to be used at all. */
  get servable(): KeySet | undefined {
    return this.#cache.servable
  }

  /** The key set that serves without waiting: a fresh one, or an old one where the endpoint fails, or has lately. */
  get current(): KeySet | undefined {
    if (this.#cache.isFresh || !this.mayRefresh) return this.#cache.servable
    // Where it was not asked for long, it may be up again.
    const failedLately = (this.#log.lastFailedFor ?? Infinity) <= Math.max(this.#cache.lifetime, LATELY)
    return failedLately ? this.#cache.servable : undefined
  }

  /** The key set, however old. */
  get last(): KeySet | undefined {
    return this.#cache.last
  }

  /** Whether the next use begins a fetch, or may report that there is none. */
  get isDue(): boolean {
    return !this.#cache.isFresh || this.#schedule.isDue || (this.#cache.isOutdated && this.mayRefresh)
  }

  /** Whether a fetch may begin: neither does the endpoint fail just now, nor is this closed. */
  get mayRefresh(): boolean {
    return !this.#backOff.isWaiting && !this.#isClosed
  }

  get state(): KeySourceStats['state'] {
    if (this.#cache.isFresh) return 'ok'
    if (this.#backOff.consecutiveFailures === 0) return this.#cache.last === undefined ? 'never' : 'idle'
    if (this.#cache.servable === undefined) return 'down'
    return this.#cache.isDegraded ? 'degraded' : 'stale'
  }

  /** The fetch under way: true where a key set is confirmed or new after it. Never rejects. */
  get refreshing(): Promise<boolean> | undefined {
    return this.#refreshing
  }

  /**
   * To be called at each use. Begins a fetch where the key set has expired, and returns it where there is nothing to
   * serve before it ends: in an outage the old keys serve without waiting.
   */
  use(): Promise<boolean> | undefined {
    this.#lastUsedAt = this.#deps.clock.monotonic()
    if (this.#cache.isFresh) {
      if (this.isDue) void this.#refresh('conditional')
      return undefined
    }
    if (this.#backOff.consecutiveFailures > 0) this.#tellStale()
    if (!this.mayRefresh) return undefined
    const isServed = this.current !== undefined
    const refreshing = this.#refresh('conditional')
    return isServed ? undefined : refreshing
  }

  /** Fetches the key set whole, whatever is at hand, or joins the fetch under way. */
  async refresh(mode: 'whole' | 'anew'): Promise<boolean> {
    return !this.#isClosed && this.#refresh(mode)
  }

  /** With what another one for the same endpoint has found; where that failed, it is asked at once all the same. */
  beginAs(other: KeySetRefresher): void {
    this.#cache.beginAs(other.#cache, lifetimeOf(other.#cache.maxAge, this.#endpoint.settings))
    this.#fetcher.beginAs(other.#fetcher)
    this.#log.beginAs(other.#log)
    this.#backOff.beginAs(other.#backOff)
    if (!this.#fetcher.readsAs(other.#fetcher)) this.#cache.outdate(this.#endpoint.reading)
    if (this.#cache.isFresh) this.#schedule.planAhead(this.#cache.expiresIn)
  }

  /** Plans no refresh in the background any more. */
  retire(): void {
    this.#schedule.close()
  }

  /** Ends a fetch under way and makes no other. */
  close(): void {
    this.#isClosed = true
    this.#fetcher.abort()
    this.#schedule.close()
  }

  unavailable(): DependencyUnavailable {
    const retryAfter = this.#backOff.remaining / 1000
    return new DependencyUnavailable('jwks_unavailable', { retryAfter, cause: this.#log.lastFault })
  }

  stats(): KeySourceStats {
    const [{ nextIn }, { metadataFailure }] = [this.#schedule, this.#fetcher]
    return {
      state: this.state,
      ...this.#cache.stats(),
      ...this.#log.stats(this.#backOff.consecutiveFailures),
      ...(nextIn !== undefined && { nextRefreshIn: whole(nextIn) }),
      ...(metadataFailure && { metadataFailure }),
      ...(this.#backOff.isWaiting && { nextAttemptIn: whole(this.#backOff.remaining) }),
    }
  }

  #refresh(mode: FetchMode): Promise<boolean> {
    this.#refreshing ??= this.#fetchKeySet(mode).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #fetchKeySet(mode: FetchMode): Promise<boolean> {
    const startedAt = currentMoment(this.#deps.clock)
    this.#log.begin()
    try {
      this.#accept(await this.#fetcher.fetch(mode, this.#cache), startedAt)
      return true
    } catch (error) {
      if (!this.#isClosed) this.#fail(toJwksFetchError(error, 'read_failed'), startedAt)
      return false
    }
  }

  /** @throws JwksFetchError `no_usable_key`: such a set never replaces a good one */
  #accept({ published, validators, ...answer }: JwksAnswer, startedAt: Moment): void {
    const hasChanged = published !== undefined && published.version !== this.#cache.version
    const keySet = hasChanged ? this.#replaceBy(published) : this.#cache.last
    if (keySet === undefined) throw new JwksFetchError('no_usable_key')
    const maxAge = published === undefined ? (answer.maxAge ?? this.#cache.maxAge) : answer.maxAge
    const freshForMs = lifetimeOf(maxAge, this.#endpoint.settings)
    this.#cache.confirm(validators, freshForMs, maxAge, startedAt)
    const failedForMs = this.#log.failingFor
    const durationMs = this.#log.succeed(startedAt)
    this.#backOff.succeed()
    this.#onRefreshed()
    this.#schedule.planAhead(Math.max(0, this.#cache.expiresIn))
    this.#reporter.tellRefreshed(keySet, { durationMs, hasChanged, freshForMs }, failedForMs)
  }

  /** @throws JwksFetchError `no_usable_key` */
  #replaceBy(published: PublishedKeySet): KeySet {
    const { keySet, skipped, cut, version } = this.#fetcher.read(published)
    this.#reporter.tellUnused(skipped, cut, version)
    if (keySet === undefined)
      throw new JwksFetchError('no_usable_key', { detail: describeSkipped(skipped, cut) }).at(this.#fetcher.requested)
    this.#cache.replace(keySet, published.version)
    return keySet
  }

  #fail(error: JwksFetchError, startedAt: Moment): void {
    const durationMs = this.#log.fail(error, startedAt)
    this.#backOff.fail(error.retryAfter)
    this.#schedule.planAfter(this.#backOff.remaining)
    this.#reporter.tellFailed({
      durationMs,
      ...error.describe(),
      consecutiveFailures: this.#backOff.consecutiveFailures,
      retryInMs: Math.round(this.#backOff.remaining),
    })
    this.#tellStale()
  }

  #tellStale(): void {
    this.#reporter.tellStale(this.state, this.#cache.age, this.#cache.servesFor)
  }

  /** In use is what was used for the last time not longer ago than a key set is fresh. */
  #refreshIfInUse(): void {
    const recently = this.#cache.last === undefined ? this.#endpoint.settings.cacheMaxAge : this.#cache.lifetime
    if (this.#deps.clock.monotonic() - this.#lastUsedAt <= recently) void this.#refresh('conditional')
  }
}
