import type { KeyObject } from 'node:crypto'
import { currentMoment } from '../clock/clock.js'
import { within } from '../clock/timers.js'
import { TokenBucket } from '../clock/token-bucket.js'
import { TokenRejected } from '../errors/rejections.js'
import type { KeyHeader, KeySourceStats, KeysAtOnce, VerificationKeySource } from '../verification-keys/key-source.js'
import { isSameKey } from '../verification-keys/usable-key.js'
import { BackgroundWork } from './background-work.js'
import { JwksReporter, type JwksReporterDeps } from './jwks-reporter.js'
import type { JwksEndpoint } from './key-set-fetcher.js'
import { KeySetRefresher, type KeySetRefresherDeps } from './key-set-refresher.js'
import { UnknownKids } from './unknown-kids.js'

/** Milliseconds that a request waits at most, however slow the endpoint may be: for a key, and for a newer one. */
const MAX_WAIT = 3000
const MAX_WAIT_FOR_NEWER = 2000
/** Requests that wait at once; a further one is served the old keys, or told at once that none can be had. */
const MAX_WAITING = 1000
/** While the endpoint fails and no keys serve: when a fetch ends, all that wait for it are answered at once, and hold everybody else up. */
const MAX_WAITING_WHILE_DOWN = 20

export interface JwksClientDeps extends KeySetRefresherDeps, JwksReporterDeps {}

/**
 * The keys that stand at one JWKS endpoint, for the identity providers that have theirs there. A key that is not in the
 * key set causes a fetch, within a budget that made-up key ids exhaust but that a real rollover finds filled; known keys
 * are not disturbed by that.
 */
export class JwksClient implements VerificationKeySource {
  readonly #deps: JwksClientDeps
  readonly #reporter: JwksReporter
  readonly #refresher: KeySetRefresher
  readonly #unknownKids: UnknownKids
  readonly #unknownKidBudget: TokenBucket
  /** Apart from the other one, so that forged signatures cannot delay the discovery of new keys. */
  readonly #badSignatureBudget: TokenBucket
  #unknownKidCount = 0
  #badSignatureCount = 0
  readonly #background: BackgroundWork
  #waiting = 0

  constructor(alias: string, endpoint: JwksEndpoint, deps: JwksClientDeps) {
    const { cooldownDuration, refreshBudget } = endpoint.settings
    this.#deps = deps
    this.#reporter = new JwksReporter(alias, endpoint.url, deps)
    this.#refresher = new KeySetRefresher(endpoint, this.#reporter, () => this.#unknownKids.clear(), deps)
    this.#unknownKids = new UnknownKids(cooldownDuration, deps.clock)
    this.#unknownKidBudget = new TokenBucket(refreshBudget, cooldownDuration, deps.clock)
    this.#badSignatureBudget = new TokenBucket(refreshBudget, cooldownDuration, deps.clock)
    this.#background = new BackgroundWork(deps.timers)
  }

  /** Tells of this identity provider in events. */
  addIdentityProvider(name: string): void {
    this.#reporter.addIdentityProvider(name)
  }

  forgetIdentityProviders(): void {
    this.#reporter.forgetIdentityProviders()
  }

  /** For the same endpoint: with its key set, as old as it is there, and what was told of it. */
  beginAs(other: JwksClient): void {
    this.#refresher.beginAs(other.#refresher)
    this.#reporter.beginAs(other.#reporter)
  }

  async findKeys(header: KeyHeader): Promise<readonly KeyObject[]> {
    const patience = this.#patience(MAX_WAIT)
    const refreshing = this.#refresher.use()
    const mayServeAtOnce = this.#isCrowded && this.#refresher.servable !== undefined
    if (refreshing !== undefined && !mayServeAtOnce) await patience(refreshing)
    if (this.#refresher.servable === undefined) throw this.#refresher.unavailable()
    const known = this.#find(header)
    return known.length > 0 ? known : this.#findUnknown(header, patience)
  }

  async findNewerKeys(header: KeyHeader, keys: readonly KeyObject[]): Promise<readonly KeyObject[]> {
    const findNewer = this.#newerThan(keys, header)
    const { found } = await this.#findAnew(findNewer, this.#badSignatureBudget, this.#patience(MAX_WAIT_FOR_NEWER))
    if (found.length === 0) this.#badSignatureCount += 1
    return found
  }

  findKeysAtOnce(header: KeyHeader): KeysAtOnce {
    const { current, last, state, mayRefresh, isDue } = this.#refresher
    if (isDue) this.#background.begin(async () => void (await this.#refresher.use()))
    else this.#refresher.use()
    if (last === undefined) throw new TokenRejected('keys_not_fetched')
    if (current === undefined && state === 'down') throw this.#refresher.unavailable()
    const keys = (current ?? last).find(header)
    if (keys.length > 0) return { keys, areCurrent: current !== undefined }
    if (!mayRefresh && !this.#unknownKids.has(header)) throw this.#refresher.unavailable()
    this.#background.begin(() => this.#learnOf(header, toItsEnd))
    throw this.#unknown()
  }

  refreshInBackground(header: KeyHeader, keys: readonly KeyObject[]): void {
    this.#badSignatureCount += 1
    this.#background.begin(() => this.#findAnew(this.#newerThan(keys, header), this.#badSignatureBudget, toItsEnd))
  }

  countFitting(header: KeyHeader): number {
    return this.#refresher.servable?.countFitting(header) ?? 0
  }

  async warmUp(): Promise<void> {
    await (this.#refresher.use() ?? this.#refresher.refreshing)
  }

  async refreshKeys(): Promise<void> {
    await this.#refresher.refreshing // It may have begun before what it shall find.
    if (!(await this.#refresher.refresh('anew'))) throw this.#refresher.unavailable()
  }

  /** Ends a fetch under way and makes no other. */
  close(): void {
    this.#refresher.close()
  }

  /** Makes no fetch of its own accord any more: only requests that are under way use it yet. */
  retire(): void {
    this.#refresher.retire()
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
      waiting: this.#waiting,
    }
  }

  #find(header: KeyHeader): readonly KeyObject[] {
    return this.#refresher.servable?.find(header) ?? []
  }

  #newerThan(keys: readonly KeyObject[], header: KeyHeader): () => readonly KeyObject[] {
    return () => this.#find(header).filter((key) => !keys.some((known) => isSameKey(known, key)))
  }

  async #findUnknown(header: KeyHeader, patience: Patience): Promise<readonly KeyObject[]> {
    const { found, refresh } = await this.#learnOf(header, patience)
    if (found.length > 0) return found
    if (refresh === 'failed') throw this.#refresher.unavailable()
    throw this.#unknown()
  }

  /** Fetches the key set that may have a key for this header, unless one that came lately has none. */
  async #learnOf(header: KeyHeader, patience: Patience): Promise<Learnt> {
    if (this.#unknownKids.has(header)) return { found: [] }
    const askedAt = currentMoment(this.#deps.clock)
    const learnt = await this.#findAnew(() => this.#find(header), this.#unknownKidBudget, patience)
    if (learnt.found.length === 0 && learnt.refresh === 'succeeded') this.#unknownKids.add(header, askedAt)
    return learnt
  }

  #unknown(): TokenRejected {
    this.#unknownKidCount += 1
    return new TokenRejected('unknown_key')
  }

  /** Looks again after a fetch that is under way, and, as that may have begun too early, after one more. */
  async #findAnew(find: () => readonly KeyObject[], budget: TokenBucket, patience: Patience): Promise<Learnt> {
    const underWay = this.#refresher.refreshing
    if (underWay !== undefined) await patience(underWay)
    const found = find()
    if (found.length > 0) return { found }
    const refresh = await this.#refreshWithin(budget, patience)
    return { found: find(), refresh }
  }

  /** Joins a fetch under way at no cost. A failed one does not count against the budget: back-off bounds those. */
  async #refreshWithin(budget: TokenBucket, patience: Patience): Promise<Learnt['refresh']> {
    const underWay = this.#refresher.refreshing
    if (underWay !== undefined) return (await patience(underWay)) === true ? 'succeeded' : 'failed'
    if (!this.#refresher.mayRefresh) return 'failed'
    if (!budget.take()) return 'not_allowed'
    const refreshing = this.#refresher.refresh('whole').then((isRefreshed) => {
      if (!isRefreshed) budget.giveBack() // Whether or not somebody still waits for it.
      return isRefreshed
    })
    return (await patience(refreshing)) === true ? 'succeeded' : 'failed'
  }

  get #isCrowded(): boolean {
    return this.#waiting >= (this.#refresher.state === 'down' ? MAX_WAITING_WHILE_DOWN : MAX_WAITING)
  }

  /** How long one request waits for fetches, all of them together. */
  #patience(milliseconds: number): Patience {
    const { clock, timers } = this.#deps
    const endsAt = clock.monotonic() + milliseconds
    return async (refreshing) => {
      if (this.#isCrowded) throw this.#refresher.unavailable()
      this.#waiting += 1
      try {
        return await within(Math.max(0, endsAt - clock.monotonic()), refreshing, timers)
      } finally {
        this.#waiting -= 1
      }
    }
  }
}

/** What became of looking for keys: those that are there now, and the fetch, if there was one. */
interface Learnt {
  found: readonly KeyObject[]
  refresh?: 'succeeded' | 'failed' | 'not_allowed' | undefined
}

const toItsEnd: Patience = (refreshing) => refreshing

/** Waits for a fetch: whether it succeeded, or undefined where that takes too long. Throws where too many wait. */
type Patience = (refreshing: Promise<boolean>) => Promise<boolean | undefined>
