import type { Clock } from '../clock/clock.js'

/** More would let made-up names fill the memory. Each has at most 1000 characters. */
const MAX_NAMES = 10_000
/** Milliseconds, short because a name may be registered at any time. */
const REMEMBERED_FOR = 5000

/** Names that were looked up lately and are not registered. */
export class UnknownIssuers {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** The time of the lookup, the oldest one first. */
  readonly #lookedUpAt = new Map<string, number>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get size(): number {
    return this.#lookedUpAt.size
  }

  has(name: string): boolean {
    const at = this.#lookedUpAt.get(name)
    return at !== undefined && this.#clock.monotonic() - at < REMEMBERED_FOR
  }

  add(name: string): void {
    this.#lookedUpAt.delete(name)
    this.#lookedUpAt.set(name, this.#clock.monotonic())
    for (const oldest of this.#lookedUpAt.keys()) {
      if (this.#lookedUpAt.size <= MAX_NAMES) break
      this.#lookedUpAt.delete(oldest)
    }
  }

  delete(name: string): void {
    this.#lookedUpAt.delete(name)
  }

  clear(): void {
    this.#lookedUpAt.clear()
  }
}
