import { hasField } from '../errors/field-of.js'
import type { ExchangeEventSource } from '../events/exchange-events.js'
import { ConfigError } from '../option-checks/config-error.js'
import { describeType } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { EVENT_METRICS, EventMetrics, FETCH_DURATION } from './event-metrics.js'
import { EXPOSITION_TYPE, writeExposition } from './exposition.js'
import { IdentityProviderLabels } from './identity-provider-labels.js'
import { isMeter, type Meter } from './meter.js'
import { type Measurement, type Metric, type MetricFamily, prometheusName } from './metric.js'
import { observeWithMeter } from './observe-with-meter.js'
import { sortMeasurements } from './series.js'
import { measureStats, type ObservedStats, STATS_METRICS } from './stats-metrics.js'

/** What metrics are collected of: an exchange, or a resource server. */
export interface ObservedExchange {
  events: Pick<ExchangeEventSource, 'on' | 'off'>
  stats(): ObservedStats
  identityProviderStats?(id: string): object | undefined
}

/**
 * Options of `collect`.
 *
 * @example
 * const collectOptions: CollectOptions = { maxIdentityProviders: 50 }
 */
export interface CollectOptions {
  /** A meter of OpenTelemetry that observes the same metrics from the start, as `metrics.observe` does. Default: none. */
  meter?: Meter
  /**
   * How many identity providers get series of their own, 0 to 10 000. The events of others count as `other`, and their key
   * sets only in `jwt_exchange_identity_providers`. Those in the options come first. Default: 500.
   */
  maxIdentityProviders?: number
}

/** The metrics of one exchange or resource server. */
export interface Metrics {
  /** The media type of `text()`. */
  contentType: string
  /**
   * All metrics in the text format of Prometheus. It makes no network request.
   *
   * @throws whatever `stats()` throws
   */
  text(): string
  /** The same as plain data, in a stable order. */
  data(): MetricFamily[]
  /**
   * Registers the same metrics on a meter of OpenTelemetry, under the names in docs/observability.md. Give each exchange a
   * meter of its own. A meter that observes this already is left as it is.
   *
   * @throws ConfigError for what is not a meter
   */
  observe(meter: Meter): void
  /** Stops counting events, and leaves every meter. `text()` and `data()` still answer. */
  stop(): void
}

/** Every metric but the durations of fetches, in the order of the texts. */
const METRICS: readonly Metric[] = [...EVENT_METRICS, ...STATS_METRICS]

/**
 * Collects the metrics of an exchange or a resource server. It counts events from this call on, so call it in the same tick in
 * which you create the exchange.
 *
 * @example
 * const metrics = collect(exchange)
 * app.get('/metrics', (_req, res) => {
 *   res.set('Content-Type', metrics.contentType).send(metrics.text())
 * })
 *
 * @throws ConfigError for what is not an exchange, and for problems of the options
 */
export function collect(exchange: ObservedExchange, options: CollectOptions = {}): Metrics {
  checkExchange(exchange)
  const { meter, maxIdentityProviders } = readCollectOptions(options)
  const labels = new IdentityProviderLabels(exchange, maxIdentityProviders)
  const events = new EventMetrics(exchange.events, labels)
  const read = () => readMetrics(exchange, events, labels)
  const observed = new Map<Meter, () => void>()
  const observe = (given: Meter) => {
    if (!observed.has(given)) observed.set(given, observeWithMeter(given, { read, metrics: METRICS, events }))
  }
  const stop = () => {
    events.stop()
    for (const leave of observed.values()) leave()
    observed.clear()
  }
  const data = () => toFamilies(read(), events)
  if (meter !== undefined) observeOrStop(observe, meter, stop)
  return {
    contentType: EXPOSITION_TYPE,
    text: () => writeExposition(data()),
    data,
    observe: (given) => observe(checkedMeter(given)),
    stop,
  }
}

function checkExchange(value: unknown): asserts value is ObservedExchange {
  const events = hasField(value, 'events') ? Reflect.get(value, 'events') : undefined
  const isSource = hasField(events, 'on') && hasField(events, 'off')
  if (isSource && hasField(value, 'stats') && typeof Reflect.get(value, 'stats') === 'function') return
  const message = `got ${describeType(value)}; expected an exchange or a resource server, such as collect(exchange)`
  throw new ConfigError([{ code: 'wrong_type', path: ['collect'], message }])
}

function readCollectOptions(options: unknown): { meter: Meter | undefined; maxIdentityProviders: number } {
  const reader = new OptionReader(options, ['collect'], '{ maxIdentityProviders: 50 }')
  const meter = reader.isNamed('meter') ? reader.hostObject('meter') : undefined
  if (meter !== undefined && !isMeter(meter)) reader.problem('meter', METER, undefined, 'wrong_type')
  const bounds = { min: 0, max: 10_000, default: 500, unit: 'identity providers' }
  const maxIdentityProviders = reader.integer('maxIdentityProviders', bounds)
  reader.refuseUnknown()
  reader.throwProblems()
  return { meter: isMeter(meter) ? meter : undefined, maxIdentityProviders }
}

const METER = 'a Meter of @opentelemetry/api'

function checkedMeter(meter: unknown): Meter {
  if (isMeter(meter)) return meter
  const message = `got ${describeType(meter)}; expected ${METER}`
  throw new ConfigError([{ code: 'wrong_type', path: ['observe'], message }])
}

/** A meter that throws leaves no listener behind. */
function observeOrStop(observe: (meter: Meter) => void, meter: Meter, stop: () => void): void {
  try {
    observe(meter)
  } catch (error) {
    stop()
    throw error
  }
}

function readMetrics(
  exchange: ObservedExchange,
  events: EventMetrics,
  labels: IdentityProviderLabels,
): Map<Metric, Measurement[]> {
  const stats = exchange.stats()
  labels.learn(stats.identityProviders)
  return new Map([...events.read(), ...measureStats(stats, (id) => labels.own(id))])
}

function toFamilies(read: ReadonlyMap<Metric, readonly Measurement[]>, events: EventMetrics): MetricFamily[] {
  const families = METRICS.map((metric) => {
    const name = prometheusName(metric)
    const samples = sortMeasurements(read.get(metric) ?? []).map((each) => ({ name, ...each }))
    return { name, help: metric.help, type: metric.type, samples }
  })
  const { help, type } = FETCH_DURATION
  const name = prometheusName(FETCH_DURATION)
  return [...families, { name, help, type, samples: events.fetchDurations.read(name) }]
}
