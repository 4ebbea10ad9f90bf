import { type Clock, systemClock } from '../clock/clock.js'
import type { ReplayStore } from './replay-store.js'
import { storeFull } from './store-errors.js'

/** Entries checked for each new entry: more than one, so that expired entries leave faster than new ones arrive. */
const CHECKED_PER_ENTRY = 2
/** Entries checked for a new entry that finds no room. */
const CHECKED_WHEN_FULL = 1000
/** Of all holders together: a Map holds at most 2^24 entries. */
const MAX_ENTRIES_IN_MEMORY = 16_000_000
/** On `globalThis`, so that every copy of this package finds it. The number is the version of the class. */
const PROCESS_MEMORY = Symbol.for('express-jwt-exchange.replay-memory.2')

/** Counts the entries of one identity provider or exchange. */
export interface EntryHolder {
  readonly hasRoom: boolean
  addEntry(): void
  removeEntry(): void
}

/** In whole seconds, which take less memory. An entry has expired when both clocks say so. */
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
 * The entries of one process, of any number of holders. An entry is forgotten when both clocks say that it has expired. So a
 * wall clock that jumps ahead, or a monotonic clock that pauses, can only make it last longer.
 */
export class ReplayMemory {
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #entries = new Map<string, Entry>()
  #sweep: Iterator<[string, Entry]> = this.#entries.entries()
  /** The latest expiry of a forgotten entry, in seconds since the epoch. */
  #forgottenUpTo = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, maxEntries = MAX_ENTRIES_IN_MEMORY) {
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  /**
   * @throws DependencyUnavailable `replay_store_full` if the holder has no room
   * @throws Error if the wall clock went back so far that the entry may have been forgotten
   */
  markUsed(key: string, expiresAt: number, holder: EntryHolder): boolean {
    const time = this.#readClocks()
    const known = this.#entries.get(key)
    if (known !== undefined && !hasExpired(known, time)) return false
    if (known !== undefined) this.#remove(key, known)
    this.#checkNotForgotten(expiresAt, time)
    this.#removeExpired(time, CHECKED_PER_ENTRY)
    if (!this.#hasRoomFor(holder)) this.#removeExpired(time, CHECKED_WHEN_FULL)
    if (!this.#hasRoomFor(holder)) throw storeFull()
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

  /** Refuses an assertion that expired by this clock before, and by the same clock has not expired now. */
  #checkNotForgotten(expiresAt: number, { now }: Time): void {
    if (expiresAt > this.#forgottenUpTo || expiresAt <= now) return
    throw new Error('the wall clock went back so far that forgotten entries would be live again')
  }

  /** Checks a few entries in turn, so that no call pays for a whole sweep. */
  #removeExpired(time: Time, count: number): void {
    for (let checked = 0; checked < count; checked += 1) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#entries.entries()
        continue
      }
      const [key, entry] = next.value
      if (hasExpired(entry, time)) this.#remove(key, entry)
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    entry.holder.removeEntry()
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, entry.expiresAt)
  }
}

const memoriesByClock = new WeakMap<Clock, ReplayMemory>()

/**
 * The memory that all exchanges of this process share, including exchanges of another copy of this package. Exchanges with
 * the option `clock` share it only with exchanges that have the same clock: times of different clocks cannot be compared.
 */
export function memoryOfProcess(clock: Clock): ReplayMemory {
  if (clock === systemClock) return memoryOfSystemClock()
  const memory = memoriesByClock.get(clock) ?? new ReplayMemory(clock)
  memoriesByClock.set(clock, memory)
  return memory
}

/**
 * A bounded part of a memory. Several rooms of one memory know the entries of each other, but each counts its own. No
 * identity provider may hold more entries than are free, so that later identity providers find room.
 */
export class ReplayRoom implements ReplayStore {
  readonly isShared = false
  readonly #memory: ReplayMemory
  readonly #maxEntries: number
  readonly #withoutShare = new Holder(this, false)
  readonly #shares = new Map<string, Holder>()
  /** How many entries it holds, including expired ones that are not removed yet. */
  size = 0

  constructor(memory: ReplayMemory, maxEntries: number) {
    this.#memory = memory
    this.#maxEntries = maxEntries
  }

  get free(): number {
    return this.#maxEntries - this.size
  }

  markUsed(key: string, expiresAt: number, identityProvider?: string): boolean {
    return this.#memory.markUsed(key, expiresAt, this.#holderFor(identityProvider))
  }

  fillLevel(identityProvider?: string): number {
    if (identityProvider === undefined) return this.size / this.#maxEntries
    const held = this.#shares.get(identityProvider)?.entries ?? 0
    // Half of the space that the others leave: a full share holds as many entries as are free.
    const share = Math.ceil((this.free + held) / 2)
    return share === 0 ? 1 : Math.min(1, held / share)
  }

  #holderFor(identityProvider: string | undefined): Holder {
    if (identityProvider === undefined) return this.#withoutShare
    let holder = this.#shares.get(identityProvider)
    if (holder === undefined) {
      holder = new Holder(this, true)
      this.#shares.set(identityProvider, holder)
    }
    return holder
  }
}

class Holder implements EntryHolder {
  readonly #room: ReplayRoom
  readonly #hasShare: boolean
  entries = 0

  constructor(room: ReplayRoom, hasShare: boolean) {
    this.#room = room
    this.#hasShare = hasShare
  }

  get hasRoom(): boolean {
    return this.#room.free > (this.#hasShare ? this.entries : 0)
  }

  addEntry(): void {
    this.entries += 1
    this.#room.size += 1
  }

  removeEntry(): void {
    this.entries -= 1
    this.#room.size -= 1
  }
}

function hasExpired({ expiresAt, monotonicExpiry }: Entry, { now, monotonic }: Time): boolean {
  return expiresAt <= now && monotonicExpiry <= monotonic
}

function memoryOfSystemClock(): ReplayMemory {
  const found = Object.getOwnPropertyDescriptor(globalThis, PROCESS_MEMORY)?.value as ReplayMemory | undefined
  if (found !== undefined) return found
  const memory = new ReplayMemory(systemClock)
  Object.defineProperty(globalThis, PROCESS_MEMORY, { value: memory })
  return memory
}
