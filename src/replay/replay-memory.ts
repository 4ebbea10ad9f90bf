import { type Clock, systemClock } from '../clock/clock.js'
import { DependencyUnavailable } from '../errors/rejections.js'

/** Entries looked at for each new entry: more than one, so that expired entries go faster than new ones come. */
const SWEPT_PER_CLAIM = 2
/** Entries looked at for a new entry that finds no room. */
const SWEPT_WHEN_FULL = 1000
/** Entries of all holders together: a Map holds 2^24 at most. */
const MAX_ENTRIES_IN_MEMORY = 16_000_000
/** On `globalThis`, where every copy of this package finds it. The number is for the shape of what is there. */
const OF_PROCESS = Symbol.for('express-jwt-exchange.replay-memory.1')

/** Whose entries they are, and how many. */
export interface EntryHolder {
  readonly hasRoom: boolean
  addEntry(): void
  removeEntry(): void
}

/** Whole seconds, which take less memory: one entry is past when both of its clocks say so. */
interface Entry {
  expiresAt: number
  monotonicExpiry: number
  holder: EntryHolder
}

/** In seconds. */
interface Time {
  now: number
  monotonic: number
}

/**
 * The entries of one process, of any number of holders. An entry is forgotten when both clocks say that it has expired: a
 * wall clock that steps ahead, and a monotonic clock that stood still, only make it last longer.
 */
export class ReplayMemory {
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()
  #sweep: Iterator<[string, Entry]> = this.#entries.entries()
  /** The latest expiry of all that was forgotten, in seconds since the epoch. */
  #forgottenUpTo = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, maxEntries = MAX_ENTRIES_IN_MEMORY) {
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  /**
   * @throws DependencyUnavailable `replay_store_full` when the holder has no room
   * @throws Error when the wall clock has gone back so far that the entry may be one that was forgotten
   */
  markUsed(key: string, expiresAt: number, holder: EntryHolder): boolean {
    const time = this.#readClocks()
    const known = this.#entries.get(key)
    if (known !== undefined && !isPast(known, time)) return false
    if (known !== undefined) this.#remove(key, known)
    this.#checkNotForgotten(expiresAt, time)
    this.#removePast(time, SWEPT_PER_CLAIM)
    if (!this.#hasRoomFor(holder)) this.#removePast(time, SWEPT_WHEN_FULL)
    if (!this.#hasRoomFor(holder)) throw new DependencyUnavailable('replay_store_full', { retryAfter: 30 })
    const monotonicExpiry = Math.ceil(time.monotonic + (expiresAt - time.now))
    this.#entries.set(key, { expiresAt, monotonicExpiry, holder })
    holder.addEntry()
    return true
  }

  #readClocks(): Time {
    return { now: this.#clock.now(), monotonic: this.#clock.monotonic() / 1000 }
  }

  #hasRoomFor(holder: EntryHolder): boolean {
    return holder.hasRoom && this.#entries.size < this.#maxEntries
  }

  /** An assertion that had expired by the same clock before, and has not expired now. */
  #checkNotForgotten(expiresAt: number, { now }: Time): void {
    if (expiresAt > this.#forgottenUpTo || expiresAt <= now) return
    throw new Error('the wall clock went back to before entries that have expired and were forgotten')
  }

  /** Goes round the entries, a few at each call, so that no call pays for a whole sweep. */
  #removePast(time: Time, count: number): void {
    for (let looked = 0; looked < count; looked += 1) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#entries.entries()
        continue
      }
      const [key, entry] = next.value
      if (isPast(entry, time)) this.#remove(key, entry)
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    entry.holder.removeEntry()
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, entry.expiresAt)
  }
}

function isPast({ expiresAt, monotonicExpiry }: Entry, { now, monotonic }: Time): boolean {
  return expiresAt <= now && monotonicExpiry <= monotonic
}

const ofClocks = new WeakMap<Clock, ReplayMemory>()

/**
 * The memory that all exchanges of this process share, including exchanges of another copy of this package. Exchanges with
 * their own clock share a memory only with exchanges that have the same clock, because times of different clocks cannot be
 * compared.
 */
export function memoryOfProcess(clock: Clock): ReplayMemory {
  if (clock === systemClock) return memoryOfSystemClock()
  const memory = ofClocks.get(clock) ?? new ReplayMemory(clock)
  ofClocks.set(clock, memory)
  return memory
}

function memoryOfSystemClock(): ReplayMemory {
  const found = Object.getOwnPropertyDescriptor(globalThis, OF_PROCESS)?.value as ReplayMemory | undefined
  if (found !== undefined) return found
  const memory = new ReplayMemory(systemClock)
  Object.defineProperty(globalThis, OF_PROCESS, { value: memory })
  return memory
}
