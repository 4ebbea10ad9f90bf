import { type Clock, currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import { describeFault } from '../errors/describe-fault.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'

export interface StoreHealthDeps {
  clock: Clock
  events: ExchangeEventEmitter
  /** Milliseconds for which what was read counts. */
  maxStale: number
}

/** Up to when this process knows what the store has. Reports each outage once, and its end. */
export class StoreHealth {
  readonly #deps: StoreHealthDeps
  #confirmedAt: Moment = NEVER
  #failingSince: number | undefined
  reads = 0
  failedReads = 0

  constructor(deps: StoreHealthDeps) {
    this.#deps = deps
  }

  get hasLoaded(): boolean {
    return this.#confirmedAt !== NEVER
  }

  /** Milliseconds; infinite before the first load. */
  get age(): number {
    return this.hasLoaded ? elapsedSince(this.#confirmedAt, this.#deps.clock) : Number.POSITIVE_INFINITY
  }

  /** Whether it is known what was revoked until a moment ago. Written so that a clock that returns `NaN` is not. */
  get isFresh(): boolean {
    return this.age <= this.#deps.maxStale
  }

  begin(): Moment {
    return currentMoment(this.#deps.clock)
  }

  /** @param since when the read began that has found the last one */
  noteSuccess(since: Moment): void {
    this.reads += 1
    this.#confirmedAt = since
    const failingSince = this.#failingSince
    if (failingSince === undefined) return
    this.#failingSince = undefined
    const failedForMs = Math.round(this.#deps.clock.monotonic() - failingSince)
    this.#deps.events.emit('revocation_store.recovered', { failedForMs })
  }

  noteFailure(error: unknown): void {
    this.reads += 1
    this.failedReads += 1
    if (this.#failingSince !== undefined) return
    this.#failingSince = this.#deps.clock.monotonic()
    this.#deps.events.emit('revocation_store.failed', { message: describeFault(error) })
  }
}
