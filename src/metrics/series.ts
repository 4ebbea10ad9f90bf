import type { Labels, Measurement, MetricSample } from './metric.js'

/** The upper bounds of fetch durations, in seconds. */
export const FETCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Counts by label. */
export class CounterSeries {
  readonly #series = new Map<string, { labels: Labels; value: number }>()

  add(labels: Labels, value = 1): void {
    const key = keyOf(labels)
    const counted = this.#series.get(key)
    if (counted === undefined) this.#series.set(key, { labels, value })
    else counted.value += value
  }

  read(): Measurement[] {
    return inOrder(this.#series)
  }
}

/** Durations by label. */
export class HistogramSeries {
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number }>()

  record(labels: Labels, seconds: number): void {
    const key = keyOf(labels)
    const recorded = this.#series.get(key) ?? { labels, counts: FETCH_SECONDS.map(() => 0), sum: 0 }
    this.#series.set(key, recorded)
    const bucket = FETCH_SECONDS.findIndex((bound) => seconds <= bound)
    const index = bucket === -1 ? FETCH_SECONDS.length : bucket
    recorded.counts[index] = (recorded.counts[index] ?? 0) + 1
    recorded.sum += seconds
  }

  /** @param name of the metric */
  read(name: string): MetricSample[] {
    return inOrder(this.#series).flatMap(({ labels, counts, sum }) => {
      let count = 0
      const buckets = [...FETCH_SECONDS, Number.POSITIVE_INFINITY].map((bound, index) => {
        count += counts[index] ?? 0
        const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound)
        return { name: `${name}_bucket`, labels: { ...labels, le }, value: count }
      })
      return [...buckets, { name: `${name}_sum`, labels, value: sum }, { name: `${name}_count`, labels, value: count }]
    })
  }
}

/** By the values of the labels, so that two scrapes have the same order. */
export function sortMeasurements(measurements: readonly Measurement[]): Measurement[] {
  return inOrder(new Map(measurements.map((each) => [keyOf(each.labels), each])))
}

/** Only the last label of a metric is free text, so two sets of labels never have the same key. */
function keyOf(labels: Labels): string {
  return Object.values(labels).join('\n')
}

function inOrder<Series>(series: ReadonlyMap<string, Series>): Series[] {
  return [...series].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each)
}
