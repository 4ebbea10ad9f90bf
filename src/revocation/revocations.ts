import type { Clock } from '../clock/clock.js'
import { settleInTime, systemTimers, type Timers } from '../clock/timers.js'
import { createFault } from '../errors/describe-fault.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { indexFull, type RevocableToken, RevocationIndex } from './revocation-index.js'
import type { RevocationSettings } from './revocation-options.js'
import type { Revocation } from './revocation-store.js'
import { StoreFollower } from './store-follower.js'
import { StoreHealth } from './store-health.js'

/** What this process knows of revocations, for operators. */
export interface RevocationStats {
  /** How many revocations it knows. */
  entries: number
  /**
   * `following`: it knows what the store has. `loading`: it has not read everything yet. `stale`: the store could not be read for
   * `revocation.maxStale`. With `loading` and `stale`, each access token is answered with 503.
   */
  state: 'following' | 'loading' | 'stale'
  /** Milliseconds since the last successful read began. Absent before that, and without a store. */
  ageMs?: number
  reads: number
  failedReads: number
}

export interface RevocationsDeps {
  clock: Clock
  events: ExchangeEventEmitter
  timers?: Timers
  random?: () => number
}

/** How full the memory may be for what clients revoke. The rest is for operators. */
const FULL_FOR_CLIENTS = 0.9

/** Which access tokens are revoked, as far as this process knows, and whether it knows enough. */
export class Revocations {
  readonly #settings: RevocationSettings
  readonly #timers: Timers
  readonly #index: RevocationIndex
  readonly #health: StoreHealth
  /** undefined: there is nothing to follow, because nobody else writes into the memory of this exchange. */
  readonly #follower: StoreFollower | undefined

  constructor(
    settings: RevocationSettings,
    { clock, events, timers = systemTimers, random = Math.random }: RevocationsDeps,
  ) {
    const { store, maxEntries, maxStale } = settings
    this.#settings = settings
    this.#timers = timers
    this.#index = new RevocationIndex(clock, maxEntries)
    this.#health = new StoreHealth({ clock, events, maxStale })
    if (store === undefined) return
    const parts = { store, index: this.#index, health: this.#health }
    this.#follower = new StoreFollower({ ...settings, ...parts, clock, timers, random })
  }

  /**
   * Refuses a revoked token. Two to four lookups in memory.
   *
   * @throws TokenRejected `revoked`
   * @throws DependencyUnavailable `revocation_store_unavailable` if it is not known what was revoked until a moment ago
   */
  check(token: RevocableToken): void {
    if (this.#index.isRevoked(token)) throw new TokenRejected('revoked')
    this.checkFresh()
  }

  /** @throws DependencyUnavailable `revocation_store_unavailable` */
  checkFresh(): void {
    if (this.#follower !== undefined && !this.#health.isFresh) throw new DependencyUnavailable(UNAVAILABLE)
  }

  /** @throws DependencyUnavailable `revocation_store_full` */
  checkRoomForClients(): void {
    if (this.#index.fillLevel >= FULL_FOR_CLIENTS) throw indexFull()
  }

  /**
   * Revokes here at once, and everywhere as soon as the store has it. If the store fails, the tokens stay refused here.
   *
   * @throws DependencyUnavailable `revocation_store_unavailable`, `revocation_store_full`
   */
  async add(revocation: Revocation): Promise<void> {
    this.#index.purge()
    this.#index.add(revocation)
    const { store, timeout } = this.#settings
    if (store === undefined) return
    try {
      await settleInTime(Promise.resolve(store.add([revocation])), timeout, this.#timers, () =>
        createFault('revocation_store_timeout', `the revocation store did not answer within ${timeout} ms`),
      )
    } catch (cause) {
      throw new DependencyUnavailable(UNAVAILABLE, { cause })
    }
  }

  /** @returns a promise that is fulfilled when everything was read once; never rejects */
  start(): Promise<void> {
    return this.#follower?.start() ?? Promise.resolve()
  }

  close(): void {
    this.#follower?.close()
  }

  stats(): RevocationStats {
    const { hasLoaded, isFresh, age, reads, failedReads } = this.#health
    const entries = this.#index.size
    if (this.#follower === undefined) return { entries, state: 'following', reads, failedReads }
    const state = isFresh ? 'following' : hasLoaded ? 'stale' : 'loading'
    return { entries, state, ...(hasLoaded && { ageMs: Math.round(age) }), reads, failedReads }
  }
}

const UNAVAILABLE = 'revocation_store_unavailable'
