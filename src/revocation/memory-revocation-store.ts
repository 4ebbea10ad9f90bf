import { type Clock, systemClock } from '../clock/clock.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { indexFull } from './revocation-index.js'
import type { Revocation, RevocationPage, RevocationStore } from './revocation-store.js'
import { writeRevocation } from './stored-revocation.js'

/**
 * Options of a `MemoryRevocationStore`.
 *
 * @example
 * new MemoryRevocationStore({ maxEntries: 100_000 })
 */
export interface MemoryRevocationStoreOptions {
  /** How many revocations it holds, 1 to 10 000 000. When all of them are live, further calls fail. Default: 1 000 000. */
  maxEntries?: number
  clock?: Clock
}

interface Recorded {
  /** Numbers grow, and none is used twice. */
  number: number
  revocation: Revocation
  /** Milliseconds on the monotonic clock. */
  endsAt: number
}

/** Additions after which expired entries are removed. */
const ADDITIONS_PER_SWEEP = 1000

/**
 * Revocations in the memory of this process, for several exchanges in it: without the option `revocation.store`, each exchange
 * has its own. Other processes do not see them.
 *
 * @example
 * const revocation: RevocationOptions = { store: new MemoryRevocationStore() }
 */
export class MemoryRevocationStore implements RevocationStore {
  readonly isShared = false
  readonly #clock: Clock
  readonly #maxEntries: number
  /** In the order of their numbers. */
  #recorded: Recorded[] = []
  /** The same, as text, so that none is recorded twice. */
  readonly #texts = new Set<string>()
  #last = 0
  #additions = 0
  readonly #watchers = new Set<{ onChange: () => void }>()

  constructor(options: MemoryRevocationStoreOptions = {}) {
    const reader = new OptionReader(options, ['MemoryRevocationStore'])
    this.#maxEntries = reader.integer('maxEntries', {
      ...{ min: 1, max: 10_000_000, default: 1_000_000, unit: 'entries' },
    })
    this.#clock = (reader.hostObject('clock') as Clock | undefined) ?? systemClock
    reader.refuseUnknown()
    reader.throwProblems()
  }

  /** How many revocations it holds, including expired ones that are not removed yet. */
  get size(): number {
    return this.#recorded.length
  }

  add(revocations: readonly Revocation[]): void {
    this.#additions += revocations.length
    const isFull = this.size + revocations.length > this.#maxEntries
    if (isFull || this.#additions >= ADDITIONS_PER_SWEEP) this.#removeExpired()
    if (this.size + revocations.length > this.#maxEntries) throw indexFull()
    for (const revocation of revocations) this.#record(revocation)
    for (const { onChange } of this.#watchers) onChange()
  }

  read(cursor?: string): RevocationPage {
    const last = cursor === undefined ? 0 : Number(cursor)
    const added = this.#recorded.slice(this.#indexAfter(last))
    return { revocations: added.map(({ revocation }) => ({ ...revocation })), cursor: String(this.#last) }
  }

  watch(onChange: () => void): () => void {
    const watcher = { onChange }
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  #record(revocation: Revocation): void {
    const text = writeRevocation(revocation)
    if (this.#texts.has(text)) return
    this.#texts.add(text)
    const remaining = (revocation.expiresAt - this.#clock.now()) * 1000
    this.#last += 1
    this.#recorded.push({
      number: this.#last,
      revocation: { ...revocation },
      endsAt: this.#clock.monotonic() + remaining,
    })
  }

  #indexAfter(number: number): number {
    let [low, high] = [0, this.#recorded.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#recorded[middle]?.number ?? 0) > number) high = middle
      else low = middle + 1
    }
    return low
  }

  #removeExpired(): void {
    this.#additions = 0
    const now = this.#clock.monotonic()
    const hasEnded = ({ endsAt }: Recorded) => endsAt <= now
    for (const { revocation } of this.#recorded.filter(hasEnded)) this.#texts.delete(writeRevocation(revocation))
    this.#recorded = this.#recorded.filter((each) => !hasEnded(each))
  }
}
