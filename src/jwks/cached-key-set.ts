import { type Clock, currentMoment, elapsedBetween, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import type { KeyReading } from '../verification-keys/key-reading.js'
import type { KeySet } from '../verification-keys/key-set.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { Validators } from './fetch-jwks.js'

/** Milliseconds, longer than the deadlines of any fetch: an answer that took longer was suspended with its machine. */
const MAX_FETCH_DURATION = 60_000

/**
 * The last good key set with its age: fresh for its lifetime, then servable for the fallback, then gone.
 */
export class CachedKeySet {
  #fallback: number
  readonly #clock: Clock
  #keySet: KeySet | undefined
  #version: string | undefined
  #validators: Validators = {}
  #maxAge: number | undefined
  #confirmedAt: Moment = NEVER
  #lifetime = 0
  #isOutdated = false

  /** @param fallback milliseconds for which it serves after its lifetime */
  constructor(fallback: number, clock: Clock) {
    this.#fallback = fallback
    this.#clock = clock
  }

  replace(keySet: KeySet, version: string): void {
    this.#keySet = keySet
    this.#version = version
  }

  /**
   * The endpoint has this key set now.
   *
   * @param lifetime milliseconds for which it is fresh
   * @param maxAge milliseconds that the endpoint said
   * @param askedAt when it was requested. If a fetch cannot have taken so long, the key set is as old as the request
   */
  confirm(validators: Validators, lifetime: number, maxAge?: number, askedAt?: Moment): void {
    this.#validators = validators
    this.#maxAge = maxAge
    this.#lifetime = lifetime
    const isHeldBack = askedAt !== undefined && elapsedSince(askedAt, this.#clock) > MAX_FETCH_DURATION
    this.#confirmedAt = isHeldBack ? askedAt : currentMoment(this.#clock)
    this.#isOutdated = false
  }

  /**
   * By other settings from now on. A key set that is there is fresh for no longer than before.
   *
   * @param lifetime the longest, in milliseconds, for which it may be fresh
   * @param fallback milliseconds for which it serves after its lifetime
   */
  use(lifetime: number, fallback: number): void {
    this.#lifetime = Math.min(this.#lifetime, lifetime)
    this.#fallback = fallback
  }

  /**
   * Its members are read in another way from now on. Keys that the new way does not give are dropped, and it must be
   * fetched in full. The other keys serve as long as before.
   */
  outdate(reading: KeyReading | undefined): void {
    this.#keySet = this.#keySet?.readBy(reading)
    this.#version = undefined
    this.#validators = {}
    this.#isOutdated = true
  }

  /** The key set, even if it is too old to serve; undefined before the first one. */
  get last(): KeySet | undefined {
    return this.#keySet
  }

  get version(): string | undefined {
    return this.#version
  }

  /** The key set, unless it is too old to be used at all. */
  get servable(): KeySet | undefined {
    return this.servesFor > 0 ? this.#keySet : undefined
  }

  get isServable(): boolean {
    return this.servable !== undefined
  }

  get validators(): Validators {
    return this.#validators
  }

  /** What the endpoint said last about its freshness. An answer 304 that says nothing leaves it so (RFC 9111 §4.3.4). */
  get maxAge(): number | undefined {
    return this.#maxAge
  }

  get lifetime(): number {
    return this.#lifetime
  }

  get isFresh(): boolean {
    return this.isFreshAt(currentMoment(this.#clock))
  }

  isFreshAt(now: Moment): boolean {
    return this.#keySet !== undefined && elapsedBetween(this.#confirmedAt, now) < this.#lifetime
  }

  /** Whether it must be fetched again although it is fresh. */
  get isOutdated(): boolean {
    return this.#isOutdated
  }

  /** Whether it has been expired for more than half of the time for which it serves then. */
  get isDegraded(): boolean {
    return -this.expiresIn > this.#fallback / 2
  }

  /** Milliseconds since it was fetched or confirmed; infinite before the first one. */
  get age(): number {
    return this.#keySet === undefined ? Number.POSITIVE_INFINITY : elapsedSince(this.#confirmedAt, this.#clock)
  }

  stats(): Pick<KeySourceStats, 'kids' | 'keys' | 'cut' | 'keySetAge' | 'expiresIn' | 'servesFor'> {
    if (this.#keySet === undefined) return { kids: [], keys: [] }
    const { age, expiresIn, servesFor } = this
    const ages = {
      keySetAge: wholeMilliseconds(age),
      expiresIn: wholeMilliseconds(expiresIn),
      servesFor: wholeMilliseconds(servesFor),
    }
    const { kids, cut } = this.#keySet
    return { kids, keys: this.#keySet.stats(), ...(cut !== undefined && { cut }), ...ages }
  }

  /** Milliseconds for which it is still fresh; not positive once it has expired. */
  get expiresIn(): number {
    return this.#lifetime - this.age
  }

  /** Milliseconds for which it still serves; not positive once it does not. */
  get servesFor(): number {
    return this.expiresIn + this.#fallback
  }
}

/** Whole milliseconds for operators; 0 for a time that is over. */
export function wholeMilliseconds(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds))
}
