export { type CollectOptions, collect, type Metrics, type ObservedExchange } from './collect.js'
export type { InstrumentDescription, Meter, MeterBatch, MeterHistogram } from './meter.js'
export type { MetricFamily, MetricSample, MetricType } from './metric.js'
