import { type EventMetrics, FETCH_DURATION } from './event-metrics.js'
import type { Meter, MeterBatch } from './meter.js'
import type { Measurement, Metric } from './metric.js'
import { FETCH_SECONDS } from './series.js'

/** What a meter is given. */
export interface MetricSource {
  /** All metrics but the durations, each with its values now. */
  read(): ReadonlyMap<Metric, readonly Measurement[]>
  metrics: readonly Metric[]
  events: Pick<EventMetrics, 'onFetch'>
}

/**
 * Registers the metrics on a meter. Values are read when the meter collects; only durations of fetches are recorded as they
 * happen. What the meter throws is thrown, and then nothing is registered.
 *
 * @returns what ends it
 */
export function observeWithMeter(meter: Meter, { read, metrics, events }: MetricSource): () => void {
  const instruments = new Map(metrics.map((metric) => [metric, createInstrument(meter, metric)]))
  const durations = meter.createHistogram(FETCH_DURATION.name, {
    description: FETCH_DURATION.help,
    unit: FETCH_DURATION.unit,
    advice: { explicitBucketBoundaries: [...FETCH_SECONDS] },
  })
  const observe = (batch: MeterBatch) => {
    for (const [metric, measurements] of read()) {
      const instrument = instruments.get(metric)
      for (const { value, labels } of measurements) if (instrument) batch.observe(instrument, value, labels)
    }
  }
  const observed = [...instruments.values()]
  meter.addBatchObservableCallback(observe, observed)
  const stopRecording = events.onFetch((labels, seconds) => durations.record(seconds, labels))
  return () => {
    stopRecording()
    meter.removeBatchObservableCallback(observe, observed)
  }
}

function createInstrument(meter: Meter, { name, help, type, unit }: Metric): object {
  const options = { description: help, unit }
  return type === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options)
}
