import type { EntryHolder, ReplayMemory } from './replay-memory.js'
import type { ReplayStore } from './replay-store.js'

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
    // Half of the room that the others leave: then it holds as many entries as are free.
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
