import { type Clock, systemClock } from '../clock/clock.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { readMaxEntries } from './replay-options.js'
import type { ReplayStore } from './replay-store.js'

/** Entries looked at for each claim: more than one, so that expired entries go faster than new ones come. */
const SWEPT_PER_CLAIM = 2
/** Entries looked at for a claim that finds the store full. */
const SWEPT_WHEN_FULL = 1000

export interface MemoryReplayStoreOptions {
  /** The most claims held at once, 1 to 10 000 000. When all of them are live, further claims fail. Default: 1 000 000. */
  maxEntries?: number
  clock?: Clock
}

/**
 * Holds the claims of this one process. It never forgets a live claim: when full it throws, and the assertion is refused
 * with 503. With several processes use a shared store, or an assertion is accepted once by each.
 */
export class MemoryReplayStore implements ReplayStore {
  readonly #maxEntries: number
  readonly #clock: Clock
  readonly #expiryOfKey = new Map<string, number>()
  #sweep: Iterator<[string, number]> = this.#expiryOfKey.entries()

  constructor(options: MemoryReplayStoreOptions = {}) {
    const reader = new OptionReader(options)
    this.#maxEntries = readMaxEntries(reader)
    reader.throwProblems()
    this.#clock = options.clock ?? systemClock
  }

  /** How many claims are held, expired ones that were not swept yet included. */
  get size(): number {
    return this.#expiryOfKey.size
  }

  claim(key: string, expiresAt: number): boolean {
    const now = this.#clock.now()
    const claimedUntil = this.#expiryOfKey.get(key)
    if (claimedUntil !== undefined && claimedUntil > now) return false
    this.#expiryOfKey.delete(key)
    this.#removeExpired(now, SWEPT_PER_CLAIM)
    if (this.#isFull()) this.#removeExpired(now, SWEPT_WHEN_FULL)
    if (this.#isFull()) throw new DependencyUnavailable('replay_store_full', { retryAfter: 30 })
    this.#expiryOfKey.set(key, expiresAt)
    return true
  }

  #isFull(): boolean {
    return this.#expiryOfKey.size >= this.#maxEntries
  }

  /** Goes round the entries, a few at each claim, so that no claim pays for a whole sweep. */
  #removeExpired(now: number, count: number): void {
    for (let looked = 0; looked < count; looked += 1) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#expiryOfKey.entries()
        continue
      }
      const [key, expiresAt] = next.value
      if (expiresAt <= now) this.#expiryOfKey.delete(key)
    }
  }
}
