import type { OptionReader } from './option-reader.js'

/** Notes a problem for each entry whose value of an option an earlier entry has. */
export function refuseRepeated(readers: readonly OptionReader[], key: string, values: readonly string[]): void {
  const seen = new Set<string>()
  for (const [index, value] of values.entries()) {
    if (value !== '' && seen.has(value)) readers[index]?.problem(key, `a ${key} that no other entry has`)
    seen.add(value)
  }
}
