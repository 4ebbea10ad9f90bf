import { expect } from '@jest/globals'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import { collect, type Metrics, type ObservedExchange } from '../../src/metrics/index.js'

/** As Prometheus has it: a histogram is `_bucket`, `_sum` and `_count`. */
export interface Sample {
  name: string
  labels: Record<string, unknown>
  value: number
}

export interface MetricReaders {
  metrics: Metrics
  /** What Prometheus scrapes, after a check that prom-client and OpenTelemetry read the same. */
  read(): Promise<Sample[]>
  close(): Promise<void>
}

/** The metrics of an exchange, read by prom-client and by the SDK of OpenTelemetry. */
export function readMetrics(exchange: ObservedExchange): MetricReaders {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter })
  const provider = new MeterProvider({ readers: [reader] })
  const metrics = collect(exchange, { meter: provider.getMeter('test') })
  const read = async () => {
    const scraped = parseExposition(metrics.text())
    await reader.forceFlush()
    const exported =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
    expect(sorted(withoutTimes(exported.flatMap(samplesOf)))).toEqual(sorted(withoutTimes(scraped)))
    expect(withoutTimes(parseExposition(await textOfPromClient(metrics)))).toEqual(withoutTimes(scraped))
    return scraped
  }
  const close = async () => {
    metrics.stop()
    await provider.shutdown()
  }
  return { metrics, read, close }
}

/** What prom-client writes of our data. */
export async function textOfPromClient(metrics: Metrics): Promise<string> {
  const registry = new Registry()
  for (const { name, help, type, samples } of metrics.data()) {
    const values = samples.map((sample) => ({ ...sample, metricName: sample.name }))
    registry.registerMetric({ name, get: async () => ({ name, help, type, values }) } as never)
  }
  return (await registry.metrics()).replaceAll('\n\n', '\n')
}

/** The samples of a text in the exposition format of Prometheus. */
export function parseExposition(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text])
    return { name, labels: Object.fromEntries(pairs), value: Number(value.replace('Inf', 'Infinity')) }
  })
}

/** One metric of OpenTelemetry as its exporter for Prometheus writes it. */
export function samplesOf({ descriptor, dataPointType, dataPoints, ...metric }: MetricData): Sample[] {
  const base = `${descriptor.name.replaceAll('.', '_')}${descriptor.unit === 's' ? '_seconds' : ''}`
  const isCounter = 'isMonotonic' in metric && metric.isMonotonic
  if (dataPointType !== DataPointType.HISTOGRAM) {
    const name = isCounter ? `${base}_total` : base
    return (dataPoints as DataPoint<number>[]).map(({ attributes: labels, value }) => ({ name, labels, value }))
  }
  return (dataPoints as MetricData['dataPoints']).flatMap(({ attributes: labels, value }) => {
    if (typeof value === 'number' || !('buckets' in value) || !('boundaries' in value.buckets)) return []
    const { counts, boundaries } = value.buckets
    return [
      ...counts.map((_, index) => ({
        name: `${base}_bucket`,
        labels: { ...labels, le: String(boundaries[index] ?? '+Inf') },
        value: counts.slice(0, index + 1).reduce((total, each) => total + each),
      })),
      { name: `${base}_sum`, labels, value: value.sum ?? Number.NaN },
      { name: `${base}_count`, labels, value: value.count },
    ]
  })
}

/** Two reads of the time differ. */
function withoutTimes(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ name }) => !/_(?:age|serves_for)_seconds$/.test(name))
}

export function sorted(samples: readonly Sample[]): Sample[] {
  const textOf = ({ name, labels }: Sample) => name + JSON.stringify(Object.entries(labels).sort())
  return samples.toSorted((one, other) => (textOf(one) < textOf(other) ? -1 : 1))
}
