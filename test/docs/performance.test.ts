import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

interface Contender {
  name: string
  requestsPerSecond: { median: number; min: number; max: number }
  ratio: { ofMedians: number }
}

type Median = { median: number }

interface Latency {
  name: string
  rate: number
  p50: Median
  p99: Median
  p999: Median
}

interface Part {
  contenders?: Contender[]
  latencies?: Latency[]
  steps?: Record<string, number>
  warm?: Contender[]
  cold?: Contender[]
  asleep?: Contender[]
  results?: Contender[]
  targets: { text: string; wanted: string; value: number; isMet: boolean }[]
}

const PERFORMANCE = readFileSync('docs/performance.md', 'utf8')
const { parts } = JSON.parse(readFileSync('bench/results.json', 'utf8')) as { parts: Record<string, Part> }

function rowOf({ name, requestsPerSecond: { median, min, max }, ratio }: Contender): string {
  const spread = `${min.toFixed(0)}–${max.toFixed(0)}`
  return `| ${name} | ${median.toFixed(0)} | ${spread} | ${ratio.ofMedians.toFixed(2)} |`
}

describe('docs/performance.md', () => {
  it.each(Object.entries(parts))(
    'tells every target of the part %s as it was measured, met or not',
    (_, { targets }) => {
      expect(targets.length).toBeGreaterThan(1)
      for (const { text, wanted, value, isMet } of targets) {
        expect(PERFORMANCE).toContain(`| ${text} | ${wanted} | ${value.toFixed(2)} | ${isMet ? 'yes' : 'no'} |`)
      }
    },
  )

  it('tells every contender as it was measured', () => {
    const contenders = [
      parts.token?.contenders,
      parts.clients?.contenders,
      parts.route?.warm,
      parts.route?.cold,
      parts.route?.asleep,
      parts.introspection?.results,
    ].flatMap((each) => each ?? [])
    expect(contenders.length).toBeGreaterThan(20)
    for (const contender of contenders) expect(PERFORMANCE).toContain(rowOf(contender))
  })

  it('tells every latency as it was measured', () => {
    const latencies = parts.scale?.latencies ?? []
    expect(latencies.length).toBeGreaterThan(2)
    for (const { name, rate, p50, p99, p999 } of latencies) {
      const milliseconds = [p50, p99, p999].map(({ median }) => median.toFixed(2)).join(' | ')
      expect(PERFORMANCE).toContain(`| ${name} | ${rate} | ${milliseconds} |`)
    }
  })

  it('tells what every step costs as it was measured', () => {
    const steps = Object.entries(parts.token?.steps ?? {})
    expect(steps.length).toBeGreaterThan(5)
    for (const [step, microseconds] of steps) expect(PERFORMANCE).toContain(`| ${step} | ${microseconds.toFixed(1)} |`)
  })

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(scripts.bench).toBe('node bench/run.js')
    for (const part of Object.keys(parts))
      expect(PERFORMANCE).toMatch(new RegExp(`npm run bench -- [^;]*\\b${part}\\b`))
  })
})
