import { hash } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import type { KeyHeader } from './verification-key-source.js'

const MOST_REMEMBERED = 1000

/**
 * Remembers for a while which keys the endpoint was asked for in vain, so that one client with a withdrawn key does not
 * use up the fetches that a rollover needs. What it holds is bounded: digests, and the latest thousand of them.
 */
export class UnknownKids {
  readonly #rememberFor: number
  readonly #clock: Clock
  readonly #expiryOf = new Map<string, number>()

  /** @param rememberFor milliseconds */
  constructor(rememberFor: number, clock: Clock) {
    this.#rememberFor = rememberFor
    this.#clock = clock
  }

  get size(): number {
    return this.#expiryOf.size
  }

  /** @param askedAt when it was asked for: what was published since cannot have been found */
  add(header: KeyHeader, askedAt: number): void {
    const key = digestOf(header)
    this.#expiryOf.delete(key)
    this.#expiryOf.set(key, askedAt + this.#rememberFor)
    for (const oldest of this.#expiryOf.keys()) {
      if (this.#expiryOf.size <= MOST_REMEMBERED) break
      this.#expiryOf.delete(oldest)
    }
  }

  has(header: KeyHeader): boolean {
    if (this.#expiryOf.size === 0) return false
    const expiry = this.#expiryOf.get(digestOf(header))
    return expiry !== undefined && expiry > this.#clock.monotonic()
  }

  /** Forgets all: there is a new key set. */
  clear(): void {
    this.#expiryOf.clear()
  }
}

function digestOf({ alg, kid }: KeyHeader): string {
  return hash('sha256', JSON.stringify([alg, kid]), 'base64url')
}
