import type { Clock } from '../clock/clock.js'
import { describeFault } from '../errors/describe-fault.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'

/** Milliseconds after a failure during which the source is left alone. */
const BACK_OFF = 1000
/** Milliseconds after a fault of the watch during which it is not relied on. */
const DISTRUST_WATCH = 60_000

/** Milliseconds after which a name is looked up again although changes are reported: a report may have been lost. */
const RECHECK_WATCHED = 300_000

/** What lookups did, for operators. */
export interface LookupStats {
  /** Names that are kept ready. */
  loaded: number
  /** Names that are known not to be registered. */
  unknown: number
  lookups: number
  failedLookups: number
  /** Lookups that are running. */
  running: number
}

/** Whether the source of registrations answers, as far as that is known. */
export class SourceHealth {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #events: ExchangeEventEmitter
  #failingSince: number | undefined
  #retryAt = Number.NEGATIVE_INFINITY
  #distrustWatchUntil = Number.NEGATIVE_INFINITY
  lookups = 0
  failedLookups = 0

  constructor({ clock, events }: { clock: Pick<Clock, 'monotonic'>; events: ExchangeEventEmitter }) {
    this.#clock = clock
    this.#events = events
  }

  /** Milliseconds until it may be asked again after a failure; 0: now. */
  get retryIn(): number {
    return Math.max(0, this.#retryAt - this.#clock.monotonic())
  }

  /** Whether changes may be missed, because the watch reported a fault. */
  get mayMissChanges(): boolean {
    return this.#clock.monotonic() < this.#distrustWatchUntil
  }

  /** Milliseconds after which a name is to be looked up again. */
  recheckAfter(pollInterval: number, isWatched: boolean): number {
    return isWatched && !this.mayMissChanges ? Math.max(RECHECK_WATCHED, pollInterval) : pollInterval
  }

  noteSuccess(): void {
    this.lookups += 1
    const since = this.#failingSince
    this.#failingSince = undefined
    this.#retryAt = Number.NEGATIVE_INFINITY
    if (since !== undefined) {
      const failedForMs = Math.round(this.#clock.monotonic() - since)
      this.#events.emit('identity_provider_lookup.recovered', { failedForMs })
    }
  }

  noteFailure(error: unknown): void {
    this.lookups += 1
    this.failedLookups += 1
    const now = this.#clock.monotonic()
    this.#retryAt = now + BACK_OFF
    this.#reportFailure(error)
    this.#failingSince ??= now
  }

  noteWatchFault(error: unknown): void {
    const wasTrusted = !this.mayMissChanges
    this.#distrustWatchUntil = this.#clock.monotonic() + DISTRUST_WATCH
    if (wasTrusted) this.#reportFailure(error)
  }

  /** Once for each outage. */
  #reportFailure(error: unknown): void {
    if (this.#failingSince === undefined) {
      this.#events.emit('identity_provider_lookup.failed', { message: describeFault(error) })
    }
  }
}
