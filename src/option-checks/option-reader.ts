import { describeType, describeValue, isEmptyArray, plainText, plainValue } from './describe-value.js'
import { IS_SET } from './findings.js'
import { OptionTable } from './option-table.js'

/** Bounds of a whole number, both included. */
export interface IntegerBounds {
  min: number
  max: number
  /** What it counts, in the plural: `seconds`. */
  unit: string
}

/**
 * Reads one object of options. Each getter returns a checked value, or notes a problem and returns a stand-in, so that one
 * pass finds every problem; `throwProblems` then refuses them all together.
 */
export class OptionReader extends OptionTable {
  integer(key: string, bounds: IntegerBounds & { default: number }): number {
    const { min, max, unit, default: fallback } = bounds
    const value = this.#valueOr(key, fallback)
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    const code = typeof value === 'number' ? 'out_of_bounds' : 'wrong_type'
    this.problem(key, `a whole number of ${unit} from ${min} to ${max}`, undefined, code)
    return fallback
  }

  /** Like `integer`, for an option without a default. */
  optionalInteger(key: string, bounds: IntegerBounds): number | undefined {
    return this.has(key) ? this.integer(key, { ...bounds, default: bounds.min }) : undefined
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#valueOr(key, fallback)
    if (typeof value === 'boolean') return value
    this.problem(key, 'true or false', undefined, 'wrong_type')
    return fallback
  }

  oneOf<const Choice extends string>(key: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.#valueOr(key, fallback)
    const choice = choices.find((candidate) => candidate === value)
    if (choice === undefined) this.problem(key, `one of ${choices.map((candidate) => `"${candidate}"`).join(', ')}`)
    return choice ?? fallback
  }

  string(key: string, expected = 'a non-empty string', accept: (value: string) => boolean = () => true): string {
    const value = this.value(key)
    if (typeof value === 'string' && value !== '' && accept(value)) return value
    this.problem(key, expected, undefined, typeof value === 'string' ? 'invalid' : 'wrong_type')
    return ''
  }

  /** Like `string`, but says nothing of the value that it found. */
  secret(key: string): string {
    const value = this.value(key)
    if (typeof value === 'string' && value !== '') return value
    if (value === '') this.problem(key, `a non-empty string${IS_SET}`, 'an empty string')
    else this.problem(key, 'a non-empty string', describeType(value), 'wrong_type')
    return ''
  }

  /** @param each what each string must be, in the singular */
  strings(
    key: string,
    each: string,
    accept: (value: string) => boolean = (value) => value !== '',
  ): string[] | undefined {
    return this.patterns(key, each, (value) => accept(plainText(value)))?.map(plainText)
  }

  /** Like `strings`, but an empty array is a problem. */
  someStrings(key: string, each: string, accept?: (value: string) => boolean): string[] | undefined {
    if (isEmptyArray(this.hostObject(key)))
      this.problem(key, `an array of at least one string, each ${each}`, 'an empty array', 'out_of_bounds')
    return this.strings(key, each, accept)
  }

  /** Like `strings`, with marks as in `pattern`. */
  patterns(key: string, each: string, accept: (value: string) => boolean): string[] | undefined {
    const value = this.hostObject(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) {
      this.problem(key, `an array of strings, each ${each}`, undefined, 'wrong_type')
      return undefined
    }
    return Array.from(value).filter((member, index): member is string => {
      if (typeof member === 'string' && accept(member)) return true
      const code = typeof member === 'string' ? 'invalid' : 'wrong_type'
      this.noteAt(code, [key, index], `got ${describeValue(plainValue(member))}; expected ${each}`)
      return false
    })
  }

  /** A reader for a nested object; an absent one reads as `{}`. */
  object(key: string): OptionReader {
    return new OptionReader(this.#valueOr(key, {}), [...this.path, key], undefined, this.findings)
  }

  objects(key: string): OptionReader[] {
    const value = this.hostObject(key)
    if (Array.isArray(value)) {
      const read = (member: unknown, index: number) =>
        new OptionReader(member, [...this.path, key, index], undefined, this.findings)
      return Array.from(value, read) // A hole is a member as well.
    }
    if (value !== undefined) this.problem(key, 'an array of objects', describeType(value), 'wrong_type')
    return []
  }

  /** The default is only for an absent option; `null` is a problem. */
  #valueOr(key: string, fallback: unknown): unknown {
    return this.has(key) ? this.hostObject(key) : fallback
  }
}

/** Notes a problem for each entry whose value of an option an earlier entry has. */
export function refuseRepeated(readers: readonly OptionReader[], key: string, values: readonly string[]): void {
  const first = new Map<string, number>()
  for (const [index, value] of values.entries()) {
    const before = first.get(value)
    if (value !== '' && before !== undefined) {
      readers[index]?.note('not_unique', key, `entry ${before + 1} has the same \`${key}\`; choose another one`)
    }
    if (before === undefined) first.set(value, index)
  }
}
