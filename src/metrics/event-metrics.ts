import { REJECTION_REASONS, REQUEST_REASONS, UNAVAILABLE_REASONS } from '../errors/reason-codes.js'
import { EXCHANGE_EVENT_NAMES } from '../events/event-names.js'
import type { ExchangeEventName, ExchangeEventSource, ExchangeEvents } from '../events/exchange-events.js'
import { type IdentityProviderLabels, OTHER } from './identity-provider-labels.js'
import { counter, type Labels, type Measurement, type Metric } from './metric.js'
import { CounterSeries, HistogramSeries } from './series.js'

export const FETCH_DURATION: Metric = {
  name: 'jwt_exchange.key_set.fetch.duration',
  help: 'Fetches of key sets. Without identity_provider: of key sets of clients.',
  type: 'histogram',
  unit: 's',
}

const ISSUED = counter('jwt_exchange.tokens.issued', '{token}', 'Access tokens issued.')
const REJECTED = counter('jwt_exchange.tokens.rejected', '{request}', 'Token requests refused.')
const GRANTED = counter('jwt_exchange.access.granted', '{request}', 'Requests that protected routes let pass.')
const DENIED = counter('jwt_exchange.access.denied', '{request}', 'Requests that protected routes refused.')
const FETCH_FAILURES = counter('jwt_exchange.key_set.fetch.failures', '{fetch}', 'Fetches of key sets that failed.')
const EVENTS = counter('jwt_exchange.events', '{event}', 'Events of each name.')

/** Those that are counted. */
export const EVENT_METRICS: readonly Metric[] = [ISSUED, REJECTED, GRANTED, DENIED, FETCH_FAILURES, EVENTS]

const REASONS: ReadonlySet<string> = new Set([...REJECTION_REASONS, ...UNAVAILABLE_REASONS, ...REQUEST_REASONS])

const NO_LABELS: Labels = {}

type KeySetFetched = Pick<ExchangeEvents['jwks.failed'], 'identityProvider' | 'durationMs'>

/** Counts events from its creation on. */
export class EventMetrics {
  readonly #events: Pick<ExchangeEventSource, 'on' | 'off'>
  readonly #labels: IdentityProviderLabels
  readonly #counters = new Map(EVENT_METRICS.map((metric) => [metric, new CounterSeries()]))
  readonly #stops: (() => void)[] = []
  readonly fetchDurations = new HistogramSeries()

  constructor(events: Pick<ExchangeEventSource, 'on' | 'off'>, labels: IdentityProviderLabels) {
    this.#events = events
    this.#labels = labels
    for (const name of EXCHANGE_EVENT_NAMES) this.#countEach(name)
    this.#on('token.issued', ({ identityProvider }) => this.#add(ISSUED, this.#label(identityProvider)))
    this.#on('token.rejected', (event) => this.#add(REJECTED, this.#ofRefusal(event)))
    this.#on('access.granted', ({ identityProvider }) => this.#add(GRANTED, this.#label(identityProvider)))
    this.#on('access.denied', (event) => this.#add(DENIED, this.#ofRefusal(event)))
    this.#on('jwks.failed', ({ reason, identityProvider }) => {
      this.#add(FETCH_FAILURES, { reason, ...this.#label(identityProvider) })
    })
    this.onFetch((labels, seconds) => this.fetchDurations.record(labels, seconds))
  }

  read(): Map<Metric, Measurement[]> {
    return new Map([...this.#counters].map(([metric, series]) => [metric, series.read()]))
  }

  /** @returns what ends it */
  onFetch(record: (labels: Labels, seconds: number) => void): () => void {
    const recordAs = (outcome: string, { identityProvider, durationMs }: KeySetFetched) => {
      record({ outcome, ...this.#label(identityProvider) }, durationMs / 1000)
    }
    const stops = [
      this.#on('jwks.refreshed', (event) => recordAs('refreshed', event)),
      this.#on('jwks.failed', (event) => recordAs('failed', event)),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** From 0 on, so that the first one is an increase as well. */
  #countEach(event: ExchangeEventName): void {
    const labels = { event }
    this.#add(EVENTS, labels, 0)
    this.#on(event, () => this.#add(EVENTS, labels))
  }

  #on<Name extends ExchangeEventName>(name: Name, listener: (event: ExchangeEvents[Name]) => void): () => void {
    this.#events.on(name, listener)
    const stop = () => {
      this.#events.off(name, listener)
    }
    this.#stops.push(stop)
    return stop
  }

  #add(metric: Metric, labels: Labels, value = 1): void {
    this.#counters.get(metric)?.add(labels, value)
  }

  #ofRefusal({
    reason,
    identityProvider,
  }: Pick<ExchangeEvents['access.denied'], 'reason' | 'identityProvider'>): Labels {
    return { reason: REASONS.has(reason) ? reason : OTHER, ...this.#label(identityProvider) }
  }

  #label(identityProvider: string | undefined): Labels {
    return identityProvider === undefined ? NO_LABELS : { identity_provider: this.#labels.of(identityProvider) }
  }
}
