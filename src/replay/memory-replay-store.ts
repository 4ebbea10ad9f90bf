import { type Clock, systemClock } from '../clock/clock.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { ReplayMemory, ReplayRoom } from './replay-memory.js'
import { readMaxEntries } from './replay-options.js'
import type { ReplayStore } from './replay-store.js'

/**
 * Options of a `MemoryReplayStore`.
 *
 * @example
 * new MemoryReplayStore({ maxEntries: 100_000 })
 */
export interface MemoryReplayStoreOptions {
  /** The most entries that it holds, 1 to 10 000 000. When all of them are live, further calls fail. Default: 1 000 000. */
  maxEntries?: number
  clock?: Clock
}

/**
 * A separate memory of entries in this process. Exchanges without the option `replay.store` share the memory of the process;
 * an exchange with this store does not. It never forgets a live entry. When it is full it throws, and the assertion is refused
 * with 503. With several processes, use a shared store. Otherwise each process accepts an assertion that another has
 * already accepted.
 *
 * @example
 * const replay: ReplayOptions = { store: new MemoryReplayStore({ maxEntries: 100_000 }) }
 */
export class MemoryReplayStore implements ReplayStore {
  readonly isShared = false
  readonly #room: ReplayRoom

  constructor(options: MemoryReplayStoreOptions = {}) {
    const reader = new OptionReader(options, ['MemoryReplayStore'])
    const maxEntries = readMaxEntries(reader)
    const clock = (reader.hostObject('clock') as Clock | undefined) ?? systemClock
    reader.refuseUnknown()
    reader.throwProblems()
    this.#room = new ReplayRoom(new ReplayMemory(clock), maxEntries)
  }

  /** How many entries it holds, including expired ones that are not removed yet. */
  get size(): number {
    return this.#room.size
  }

  markUsed(key: string, expiresAt: number, identityProvider?: string): boolean {
    return this.#room.markUsed(key, expiresAt, identityProvider)
  }

  fillLevel(identityProvider?: string): number {
    return this.#room.fillLevel(identityProvider)
  }
}
