import { EXCHANGE_EVENT_NAMES } from '../events/event-names.js'
import type { ExchangeEventName, ExchangeEventSource, ExchangeEvents } from '../events/exchange-events.js'

/** An event that happened in this process. */
export interface RecentEvent {
  /** Grows by one with each event. A restart begins with a greater number than before. */
  n: number
  /** Seconds since the epoch. */
  at: number
  name: ExchangeEventName
  data: ExchangeEvents[ExchangeEventName]
}

/** The last events of an exchange: a ring of bounded size. */
export class RecentEvents {
  readonly #ring: RecentEvent[] = []
  readonly #maxEvents: number
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  readonly #stopListening: () => void
  readonly #first: number
  #next: number

  /** @param now seconds since the epoch */
  constructor(events: ExchangeEventSource, maxEvents: number, now: () => number) {
    this.#maxEvents = maxEvents
    this.#now = now
    // Milliseconds: as long as fewer than a thousand events happen each second, no number of an earlier process comes again.
    this.#first = Math.floor(now() * 1000)
    this.#next = this.#first
    const stops = EXCHANGE_EVENT_NAMES.map((name) => this.#listenTo(events, name))
    this.#stopListening = () => {
      for (const stop of stops) stop()
    }
  }

  /** The number of the last event. */
  get last(): number {
    return this.#next - 1
  }

  /** The first event after a number; undefined if there is none. Events that have left the ring are skipped. */
  findAfter(n: number): RecentEvent | undefined {
    const oldest = Math.max(this.#first, this.#next - this.#maxEvents)
    const wanted = n > this.last ? oldest : Math.max(oldest, n + 1)
    return n === this.last ? undefined : this.#ring[wanted % this.#maxEvents]
  }

  /** At most `limit` events after a number. A number that was never reached is one of another process: then all are new. */
  after(n: number, limit: number): RecentEvent[] {
    const found: RecentEvent[] = []
    for (let event = this.findAfter(n); event !== undefined && found.length < limit; ) {
      found.push(event)
      event = this.findAfter(event.n)
    }
    return found
  }

  /** Calls back after each event. */
  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** No event is kept from now on. */
  close(): void {
    this.#stopListening()
  }

  #listenTo<Name extends ExchangeEventName>(events: ExchangeEventSource, name: Name): () => void {
    const listener = (data: ExchangeEvents[Name]) => this.#add(name, data)
    events.on(name, listener)
    return () => events.off(name, listener)
  }

  #add(name: ExchangeEventName, data: ExchangeEvents[ExchangeEventName]): void {
    const n = this.#next
    this.#next += 1
    this.#ring[n % this.#maxEvents] = { n, at: this.#now(), name, data }
    for (const listener of this.#listeners) listener()
  }
}
