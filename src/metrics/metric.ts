/** What a value means: a count that only grows, a value of now, or durations in buckets. */
export type MetricType = 'counter' | 'gauge' | 'histogram'

/** The labels of a series. A label whose value is not known is absent. */
export type Labels = Readonly<Record<string, string>>

/** One value. */
export interface MetricSample {
  /** The name of the metric; of a histogram, with `_bucket`, `_sum` or `_count`. */
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** One metric with all its series. */
export interface MetricFamily {
  /** The name in Prometheus, such as `jwt_exchange_tokens_issued_total`. */
  name: string
  help: string
  type: MetricType
  /** Empty if nothing is known yet. */
  samples: readonly MetricSample[]
}

/** One value, before it has the name of its metric. */
export interface Measurement {
  labels: Labels
  value: number
}

/** What is measured. */
export interface Metric {
  /** The name in OpenTelemetry. */
  name: string
  help: string
  type: MetricType
  /** As OpenTelemetry writes it: `s` are seconds, `{token}` counts tokens. */
  unit: string
}

export function counter(name: string, unit: string, help: string): Metric {
  return { name, help, type: 'counter', unit }
}

export function gauge(name: string, unit: string, help: string): Metric {
  return { name, help, type: 'gauge', unit }
}

/** As exporters of OpenTelemetry derive it: `jwt_exchange.key_set.age` in `s` is `jwt_exchange_key_set_age_seconds`. */
export function prometheusName({ name, type, unit }: Metric): string {
  const base = `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}`
  return type === 'counter' ? `${base}_total` : base
}
