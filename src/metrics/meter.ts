import { hasField } from '../errors/field-of.js'
import type { Labels } from './metric.js'

/** How an instrument is described. */
export interface InstrumentDescription {
  description: string
  unit: string
  advice?: { explicitBucketBoundaries: number[] }
}

/** What durations are recorded with. */
export interface MeterHistogram {
  record(value: number, attributes: Labels): void
}

/** What the callback of a meter gives its values to. */
export interface MeterBatch {
  observe(instrument: object, value: number, attributes: Labels): void
}

/** The part of a `Meter` of `@opentelemetry/api` that is used. */
export interface Meter {
  createObservableCounter(name: string, options: InstrumentDescription): object
  createObservableGauge(name: string, options: InstrumentDescription): object
  createHistogram(name: string, options: InstrumentDescription): MeterHistogram
  addBatchObservableCallback(callback: (batch: MeterBatch) => void, instruments: object[]): void
  removeBatchObservableCallback(callback: (batch: MeterBatch) => void, instruments: object[]): void
}

const FUNCTIONS = [
  'createObservableCounter',
  'createObservableGauge',
  'createHistogram',
  'addBatchObservableCallback',
  'removeBatchObservableCallback',
]

export function isMeter(value: unknown): value is Meter {
  return FUNCTIONS.every((name) => hasField(value, name) && typeof Reflect.get(value, name) === 'function')
}
