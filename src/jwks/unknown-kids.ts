import { hash } from 'node:crypto'
import { type Clock, elapsedSince, type Moment } from '../clock/clock.js'
import type { KeyHeader } from '../verification-keys/key-source.js'

const MAX_REMEMBERED = 1000

/**
 * Remembers for a while which keys a fetch did not find, so that one caller with a withdrawn key does not use up the fetches
 * that a rollover needs. It holds digests, and only the latest thousand.
 */
export class UnknownKids {
  readonly #rememberFor: number
  readonly #clock: Clock
  /** undefined: no unknown key id so far, as at most endpoints. */
  #askedAtOf: Map<string, Moment> | undefined

  /** @param rememberFor milliseconds */
  constructor(rememberFor: number, clock: Clock) {
    this.#rememberFor = rememberFor
    this.#clock = clock
  }

  get size(): number {
    return this.#askedAtOf?.size ?? 0
  }

  /** @param askedAt when it was searched for: a key that was published since may not have been found */
  add(header: KeyHeader, askedAt: Moment): void {
    this.#askedAtOf ??= new Map()
    const askedAtOf = this.#askedAtOf
    const key = digestOf(header)
    askedAtOf.delete(key)
    askedAtOf.set(key, askedAt)
    for (const oldest of askedAtOf.keys()) {
      if (askedAtOf.size <= MAX_REMEMBERED) break
      askedAtOf.delete(oldest)
    }
  }

  has(header: KeyHeader): boolean {
    if (this.#askedAtOf === undefined) return false
    const askedAt = this.#askedAtOf.get(digestOf(header))
    return askedAt !== undefined && elapsedSince(askedAt, this.#clock) < this.#rememberFor
  }

  /** Forgets all: there is a new key set. */
  clear(): void {
    this.#askedAtOf = undefined
  }
}

function digestOf({ alg, kid }: KeyHeader): string {
  return hash('sha256', JSON.stringify([alg, kid]), 'base64url')
}
