import type { KeyObject } from 'node:crypto'
import { currentMoment } from '../clock/clock.js'
import { TokenBucket } from '../clock/token-bucket.js'
import type { Eventual } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import type {
  KeyHeader,
  KeyOwner,
  KeySourceStats,
  KeysAtOnce,
  VerificationKeySource,
} from '../verification-keys/key-source.js'
import { isSameKey } from '../verification-keys/usable-key.js'
import { BackgroundWork } from './background-work.js'
import { isSetAlike, type JwksEndpoint } from './jwks-endpoint-options.js'
import { JwksReporter, type JwksReporterDeps } from './jwks-reporter.js'
import { FetchWaiters, KeySetRefresher, type WaitForFetch, waitToTheEnd } from './key-set-refresher.js'
import type { KeySetUpdaterDeps } from './key-set-updater.js'
import { UnknownKids } from './unknown-kids.js'

/** Milliseconds that a request waits at most, even if the endpoint is slower: for a key, and for a newer one. */
const MAX_WAIT = 3000
const MAX_WAIT_FOR_NEWER = 2000

export interface JwksClientDeps extends KeySetUpdaterDeps, JwksReporterDeps {}

/** What became of a search: the keys that are there now, and the fetch, if there was one. */
interface SearchResult {
  found: readonly KeyObject[]
  refresh?: 'succeeded' | 'failed' | 'not_allowed' | undefined
}

/**
 * The keys at one JWKS endpoint, for the owners that have theirs there. A key that is not in the key set causes a fetch,
 * within a budget that made-up key ids exhaust, but that a real rollover finds filled. Known keys are not disturbed by
 * that. The client outlives its settings: its keys stay when others come.
 */
export class JwksClient implements VerificationKeySource {
  readonly #deps: JwksClientDeps
  #endpoint: JwksEndpoint
  readonly #reporter: JwksReporter
  readonly #refresher: KeySetRefresher
  #unknownKids: UnknownKids
  readonly #unknownKidBudget: TokenBucket
  /** Apart from the other one, so that forged signatures cannot delay the discovery of new keys. */
  readonly #badSignatureBudget: TokenBucket
  #unknownKidCount = 0
  #badSignatureCount = 0
  readonly #background: BackgroundWork
  readonly #waiters: FetchWaiters

  constructor(alias: string, endpoint: JwksEndpoint, deps: JwksClientDeps) {
    const { cooldownDuration, refreshBudget } = endpoint.settings
    this.#deps = deps
    this.#endpoint = endpoint
    this.#reporter = new JwksReporter(alias, endpoint.url, deps)
    this.#refresher = new KeySetRefresher(endpoint, this.#reporter, () => this.#unknownKids.clear(), deps)
    this.#unknownKids = new UnknownKids(cooldownDuration, deps.clock)
    this.#unknownKidBudget = new TokenBucket(refreshBudget, cooldownDuration, deps.clock)
    this.#badSignatureBudget = new TokenBucket(refreshBudget, cooldownDuration, deps.clock)
    this.#background = new BackgroundWork(deps.timers)
    this.#waiters = new FetchWaiters(this.#refresher, deps)
  }

  /**
   * Serves these owners by these settings from now on. With other settings, a fetch under way begins again. Nothing else is
   * fetched for it, so the keys that are there serve on.
   *
   * @param endpoint with the same `url` and `metadataOf` as before
   */
  use(endpoint: JwksEndpoint, owners: readonly KeyOwner[]): void {
    const before = this.#endpoint
    this.#endpoint = endpoint
    this.#reporter.use(owners)
    if (isSetAlike(before, endpoint)) return
    const { cooldownDuration, refreshBudget } = endpoint.settings
    this.#unknownKids = new UnknownKids(cooldownDuration, this.#deps.clock)
    this.#unknownKidBudget.use(refreshBudget, cooldownDuration)
    this.#badSignatureBudget.use(refreshBudget, cooldownDuration)
    this.#refresher.use(endpoint)
  }

  /** Begins no fetch in the background any more: no owner has its keys here, but requests under way may need them. */
  end(): void {
    this.#refresher.end()
  }

  requireKeys(header: KeyHeader): Eventual<readonly KeyObject[]> {
    return this.#refresher.findFresh(header) ?? this.#awaitKeys(header)
  }

  async findNewerKeys(header: KeyHeader, keys: readonly KeyObject[]): Promise<readonly KeyObject[]> {
    const findNewer = this.#newerThan(keys, header)
    const { found } = await this.#findAfterRefresh(
      findNewer,
      this.#badSignatureBudget,
      this.#waiters.waitUpTo(MAX_WAIT_FOR_NEWER),
    )
    if (found.length === 0) this.#badSignatureCount += 1
    return found
  }

  requireKeysAtOnce(header: KeyHeader): KeysAtOnce {
    const fresh = this.#refresher.findFresh(header)
    if (fresh !== undefined) return { keys: fresh, areCurrent: true }
    const { current, last, state, mayRefresh, isDue } = this.#refresher
    if (isDue) this.#background.begin(async () => void (await this.#refresher.touch()))
    else this.#refresher.touch()
    if (last === undefined) throw new TokenRejected('keys_not_fetched')
    if (current === undefined && state === 'down') throw this.#refresher.unavailable()
    const keys = (current ?? last).find(header)
    if (keys.length > 0) return { keys, areCurrent: current !== undefined }
    if (!mayRefresh && !this.#unknownKids.has(header)) throw this.#refresher.unavailable()
    this.#background.begin(() => this.#fetchUnknown(header, waitToTheEnd))
    throw this.#unknown()
  }

  refreshInBackground(header: KeyHeader, keys: readonly KeyObject[]): void {
    this.#badSignatureCount += 1
    this.#background.begin(() =>
      this.#findAfterRefresh(this.#newerThan(keys, header), this.#badSignatureBudget, waitToTheEnd),
    )
  }

  countFitting(header: KeyHeader): number {
    return this.#refresher.servable?.countFitting(header) ?? 0
  }

  async warmUp(): Promise<void> {
    await (this.#refresher.touch() ?? this.#refresher.refreshing)
  }

  async refreshKeys(): Promise<void> {
    await this.#refresher.refreshing // It may have begun before what it shall find.
    if (!(await this.#refresher.refresh('past_caches'))) throw this.#refresher.unavailable()
  }

  stats(): KeySourceStats {
    return {
      ...this.#refresher.stats(),
      unknownKids: this.#unknownKidCount,
      badSignatures: this.#badSignatureCount,
      budget: {
        unknownKids: Math.floor(this.#unknownKidBudget.available),
        badSignatures: Math.floor(this.#badSignatureBudget.available),
      },
      waiting: this.#waiters.count,
    }
  }

  async #awaitKeys(header: KeyHeader): Promise<readonly KeyObject[]> {
    const wait = this.#waiters.waitUpTo(MAX_WAIT)
    const refreshing = this.#refresher.touch()
    const mayServeAtOnce = this.#waiters.isFull && this.#refresher.servable !== undefined
    if (refreshing !== undefined && !mayServeAtOnce) await wait(refreshing)
    if (this.#refresher.servable === undefined) throw this.#refresher.unavailable()
    const known = this.#find(header)
    return known.length > 0 ? known : this.#findUnknown(header, wait)
  }

  #find(header: KeyHeader): readonly KeyObject[] {
    return this.#refresher.servable?.find(header) ?? []
  }

  #newerThan(keys: readonly KeyObject[], header: KeyHeader): () => readonly KeyObject[] {
    return () => this.#find(header).filter((key) => !keys.some((known) => isSameKey(known, key)))
  }

  async #findUnknown(header: KeyHeader, wait: WaitForFetch): Promise<readonly KeyObject[]> {
    const { found, refresh } = await this.#fetchUnknown(header, wait)
    if (found.length > 0) return found
    if (refresh === 'failed') throw this.#refresher.unavailable()
    throw this.#unknown()
  }

  /** Fetches the key set that may have a key for this header, unless one that came lately has none. */
  async #fetchUnknown(header: KeyHeader, wait: WaitForFetch): Promise<SearchResult> {
    if (this.#unknownKids.has(header)) return { found: [] }
    const askedAt = currentMoment(this.#deps.clock)
    const result = await this.#findAfterRefresh(() => this.#find(header), this.#unknownKidBudget, wait)
    if (result.found.length === 0 && result.refresh === 'succeeded') this.#unknownKids.add(header, askedAt)
    return result
  }

  #unknown(): TokenRejected {
    this.#unknownKidCount += 1
    return new TokenRejected('unknown_key')
  }

  /** Looks again after a fetch that is under way, and, as that may have begun too early, after one more. */
  async #findAfterRefresh(
    find: () => readonly KeyObject[],
    budget: TokenBucket,
    wait: WaitForFetch,
  ): Promise<SearchResult> {
    const underWay = this.#refresher.refreshing
    if (underWay !== undefined) await wait(underWay)
    const found = find()
    if (found.length > 0) return { found }
    const refresh = await this.#refreshWithin(budget, wait)
    return { found: find(), refresh }
  }

  /** Joins a fetch under way at no cost. A failed one does not count against the budget: back-off bounds those. */
  async #refreshWithin(budget: TokenBucket, wait: WaitForFetch): Promise<SearchResult['refresh']> {
    const underWay = this.#refresher.refreshing
    if (underWay !== undefined) return (await wait(underWay)) === true ? 'succeeded' : 'failed'
    if (!this.#refresher.mayRefresh) return 'failed'
    if (!budget.take()) return 'not_allowed'
    const refreshing = this.#refresher.refresh('full').then((isRefreshed) => {
      if (!isRefreshed) budget.giveBack() // Whether or not somebody still waits for it.
      return isRefreshed
    })
    return (await wait(refreshing)) === true ? 'succeeded' : 'failed'
  }
}
