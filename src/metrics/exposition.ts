import type { MetricFamily, MetricSample } from './metric.js'

/** The media type of `writeExposition`. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '"': '\\"' }

/** The text exposition format of Prometheus, version 0.0.4. */
export function writeExposition(families: readonly MetricFamily[]): string {
  return families.map(writeFamily).join('')
}

function writeFamily({ name, help, type, samples }: MetricFamily): string {
  const lines = [`# HELP ${name} ${escapeText(help, /[\\\n]/g)}`, `# TYPE ${name} ${type}`, ...samples.map(writeSample)]
  return `${lines.join('\n')}\n`
}

function writeSample({ name, labels, value }: MetricSample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeText(text, /[\\\n"]/g)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${writeValue(value)}`
}

function escapeText(text: string, special: RegExp): string {
  return text.replace(special, (character) => ESCAPES[character] ?? character)
}

function writeValue(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
