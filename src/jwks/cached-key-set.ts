import type { Clock } from '../clock/clock.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'
import type { KeySet } from './key-set.js'

type CacheSettings = Pick<JwksEndpointSettings, 'cacheMaxAge' | 'cacheMaxAgeFallback'>

/** The last good key set with its age: fresh at first, then servable while nothing newer is to be had, then gone. */
export class CachedKeySet {
  readonly #settings: CacheSettings
  readonly #clock: Clock
  #keySet: KeySet | undefined
  #fetchedAt = 0

  constructor(settings: CacheSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  replace(keySet: KeySet): void {
    this.#keySet = keySet
    this.#fetchedAt = this.#clock.monotonic()
  }

  /** The key set, however old; undefined before the first one. */
  get last(): KeySet | undefined {
    return this.#keySet
  }

  /** The key set, unless it is too old to be used at all. */
  get servable(): KeySet | undefined {
    const { cacheMaxAge, cacheMaxAgeFallback } = this.#settings
    return this.age < cacheMaxAge + cacheMaxAgeFallback ? this.#keySet : undefined
  }

  get isFresh(): boolean {
    return this.age < this.#settings.cacheMaxAge
  }

  /** Milliseconds since it was fetched; infinite before the first one. */
  get age(): number {
    return this.#keySet === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() - this.#fetchedAt
  }
}
