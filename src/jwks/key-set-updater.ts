import { BackOff, type BackOffDeps } from '../clock/back-off.js'
import { currentMoment, type Moment } from '../clock/clock.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { JwksFetchError, toJwksFetchError } from '../guarded-fetch/fetch-error.js'
import { describeSkipped, type KeySet } from '../verification-keys/key-set.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import { type CachedKeySet, wholeMilliseconds } from './cached-key-set.js'
import type { JwksAnswer, PublishedKeySet } from './fetch-jwks.js'
import { FetchLog } from './fetch-log.js'
import { type JwksEndpoint, type KeySetFetcherDeps, lifetimeOf } from './jwks-endpoint-options.js'
import type { JwksReporter } from './jwks-reporter.js'
import { type FetchMode, KeySetFetcher } from './key-set-fetcher.js'
import type { RefreshSchedule } from './refresh-schedule.js'

export interface KeySetUpdaterDeps extends BackOffDeps, KeySetFetcherDeps {}

/** The parts of a client that an update changes or reports to. */
export interface UpdatedParts {
  cache: CachedKeySet
  schedule: RefreshSchedule
  reporter: JwksReporter
  /** Called after each success, before it is reported. */
  onRefreshed: () => void
}

/** Fetches a key set, replaces the cached one by it, plans the next refresh, and keeps account of how the endpoint answers. */
export class KeySetUpdater {
  #endpoint: JwksEndpoint
  readonly #cache: CachedKeySet
  readonly #schedule: RefreshSchedule
  readonly #reporter: JwksReporter
  readonly #onRefreshed: () => void
  readonly #deps: KeySetUpdaterDeps
  readonly #fetcher: KeySetFetcher
  readonly #backOff: BackOff
  readonly #log: FetchLog

  constructor(
    endpoint: JwksEndpoint,
    { cache, schedule, reporter, onRefreshed }: UpdatedParts,
    deps: KeySetUpdaterDeps,
  ) {
    this.#endpoint = endpoint
    this.#cache = cache
    this.#schedule = schedule
    this.#reporter = reporter
    this.#onRefreshed = onRefreshed
    this.#deps = deps
    this.#fetcher = new KeySetFetcher(endpoint, deps)
    this.#backOff = new BackOff(endpoint.settings.failureBackOff, deps)
    this.#log = new FetchLog(deps.clock)
  }

  /** An update under way begins again by these settings. An endpoint that failed is asked at once. */
  use(endpoint: JwksEndpoint): void {
    this.#endpoint = endpoint
    this.#backOff.use(endpoint.settings.failureBackOff)
    this.#fetcher.use(endpoint)
  }

  /** Whether the exchange is open and the endpoint need not be left alone now. */
  get mayUpdate(): boolean {
    return !this.#backOff.isWaiting && !this.#deps.closing.aborted
  }

  get isFailing(): boolean {
    return this.#backOff.consecutiveFailures > 0
  }

  /** Milliseconds since the last failure; undefined if the last update succeeded. */
  get lastFailedFor(): number | undefined {
    return this.#log.lastFailedFor
  }

  get state(): KeySourceStats['state'] {
    if (this.#cache.isFresh) return 'ok'
    if (!this.isFailing) return this.#cache.last === undefined ? 'never' : 'idle'
    if (this.#cache.servable === undefined) return 'down'
    return this.#cache.isDegraded ? 'degraded' : 'stale'
  }

  /** One at a time. Whether a key set is confirmed or new afterwards; never rejects. */
  async update(mode: FetchMode): Promise<boolean> {
    for (;;) {
      const endpoint = this.#endpoint
      const startedAt = currentMoment(this.#deps.clock)
      this.#log.begin()
      try {
        const answer = await this.#fetcher.fetch(mode, this.#cache)
        if (endpoint !== this.#endpoint) continue
        this.#accept(answer, startedAt)
        return true
      } catch (error) {
        if (this.#deps.closing.aborted) return false
        if (endpoint !== this.#endpoint) continue
        this.#fail(toJwksFetchError(error, 'read_failed'), startedAt)
        return false
      }
    }
  }

  /** Reports it if old keys have begun to serve, or have served for long. */
  reportStale(): void {
    this.#reporter.reportStale(this.state, this.#cache.age, this.#cache.servesFor)
  }

  unavailable(): DependencyUnavailable {
    const retryAfter = this.#backOff.remaining / 1000
    return new DependencyUnavailable('jwks_unavailable', { retryAfter, cause: this.#log.lastFault })
  }

  stats(): KeySourceStats {
    const { metadataFailure } = this.#fetcher
    return {
      state: this.state,
      ...this.#cache.stats(),
      ...this.#log.stats(this.#backOff.consecutiveFailures),
      ...(metadataFailure && { metadataFailure }),
      ...(this.#backOff.isWaiting && { nextAttemptIn: wholeMilliseconds(this.#backOff.remaining) }),
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
    this.#reporter.reportRefreshed(keySet, { durationMs, hasChanged, freshForMs }, failedForMs)
  }

  /** @throws JwksFetchError `no_usable_key` */
  #replaceBy(published: PublishedKeySet): KeySet {
    const { keySet, skipped, cut, version } = this.#fetcher.read(published)
    this.#reporter.reportUnused(skipped, cut, version)
    if (keySet === undefined)
      throw new JwksFetchError('no_usable_key', { detail: describeSkipped(skipped, cut) }).at(this.#fetcher.requested)
    this.#cache.replace(keySet, published.version)
    return keySet
  }

  #fail(error: JwksFetchError, startedAt: Moment): void {
    const durationMs = this.#log.fail(error, startedAt)
    this.#backOff.fail(error.retryAfter)
    this.#schedule.planAfter(this.#backOff.remaining)
    this.#reporter.reportFailed({
      durationMs,
      ...error.describe(),
      consecutiveFailures: this.#backOff.consecutiveFailures,
      retryInMs: Math.round(this.#backOff.remaining),
    })
    this.reportStale()
  }
}
