import { closestName } from './closest-name.js'
import { ConfigError, type ConfigProblem } from './config-error.js'
import { describeType, describeValue, isPlainObject } from './describe-value.js'
import { plainText, plainValue } from './literal-text.js'
import { missingValue, missingWithin, withoutRepetition } from './missing-value.js'

type Path = readonly (string | number)[]

/** What is found in a place that no option has. */
export const UNKNOWN_OPTION = 'an unknown option'

/**
 * Reads one object of options. Each getter returns a checked value, or notes a problem and returns a stand-in, so that one
 * pass finds every problem; `throwProblems` then refuses them all together.
 *
 * An option that is named but undefined or null is always a problem, because without it a bound that was meant might be
 * missing. So is undefined anywhere within the value of an option.
 */
export class OptionReader {
  readonly path: Path
  readonly #values: Readonly<Record<string, unknown>>
  readonly #problems: ConfigProblem[]
  readonly #known = new Set<string>()
  /** Those whose values were looked into. */
  readonly #looked = new Set<string>()

  constructor(value: unknown, path: Path = [], problems: ConfigProblem[] = []) {
    this.path = path
    this.#problems = problems
    const isObject = isPlainObject(value)
    this.#values = isObject ? value : {}
    if (!isObject) this.#problems.push({ path, found: describeType(value), wanted: 'an object' })
  }

  /** The value as it is; marks the option as known. */
  value(key: string): unknown {
    return plainValue(this.pattern(key))
  }

  /**
   * Like `value`, for an option in which `*` is a pattern, or `${…}` the place of a claim: what came from an environment
   * variable is marked in it as literal. See `plainText`.
   */
  pattern(key: string): unknown {
    const value = this.#raw(key)
    if (!this.#looked.has(key)) this.#problems.push(...missingWithin(value, [...this.path, key]))
    this.#looked.add(key)
    return value
  }

  /** Like `value`, for an object of the host, such as a store or an agent, whose members are no options. */
  hostObject(key: string): unknown {
    const value = this.#raw(key)
    return typeof value === 'string' ? plainText(value) : value
  }

  /** Whether the option is there at all, be it as undefined; marks it as known. */
  isNamed(key: string): boolean {
    const isNamed = Object.hasOwn(this.#values, key)
    const isNew = isNamed && !this.#known.has(key)
    if (isNew && (this.#values[key] ?? undefined) === undefined) this.#problems.push(missingValue([...this.path, key]))
    this.#known.add(key)
    return isNamed
  }

  has(key: string): boolean {
    return this.hostObject(key) !== undefined
  }

  problem(key: string | undefined, wanted: string, found?: string): void {
    const path = key === undefined ? this.path : [...this.path, key]
    this.#problems.push({
      path,
      found: found ?? describeValue(key === undefined ? this.#values : this.value(key)),
      wanted,
    })
  }

  integer(key: string, bounds: { min: number; max: number; default: number; unit: string }): number {
    const value = this.#valueOr(key, bounds.default)
    if (Number.isInteger(value) && Number(value) >= bounds.min && Number(value) <= bounds.max) return Number(value)
    this.problem(key, `a whole number of ${bounds.unit} from ${bounds.min} to ${bounds.max}`)
    return bounds.default
  }

  /** Like `integer`, for an option without a default. */
  optionalInteger(key: string, bounds: { min: number; max: number; unit: string }): number | undefined {
    return this.has(key) ? this.integer(key, { ...bounds, default: bounds.min }) : undefined
  }

  boolean(key: string, otherwise: boolean): boolean {
    const value = this.#valueOr(key, otherwise)
    if (typeof value === 'boolean') return value
    this.problem(key, 'true or false')
    return otherwise
  }

  oneOf<const Choice extends string>(key: string, choices: readonly Choice[], otherwise: Choice): Choice {
    const value = this.#valueOr(key, otherwise)
    const choice = choices.find((candidate) => candidate === value)
    if (choice === undefined) this.problem(key, `one of ${choices.map((candidate) => `"${candidate}"`).join(', ')}`)
    return choice ?? otherwise
  }

  string(key: string, wanted = 'a non-empty string', accept: (value: string) => boolean = () => true): string {
    const value = this.value(key)
    if (typeof value === 'string' && value !== '' && accept(value)) return value
    this.problem(key, wanted)
    return ''
  }

  /** Like `string`, but says nothing of the value that it found. */
  secret(key: string): string {
    const value = this.value(key)
    if (typeof value === 'string' && value !== '') return value
    this.problem(key, 'a non-empty string', value === '' ? 'an empty string' : describeType(value))
    return ''
  }

  strings(
    key: string,
    wanted: string,
    accept: (value: string) => boolean = (value) => value !== '',
  ): string[] | undefined {
    return this.patterns(key, wanted, (value) => accept(plainText(value)))?.map(plainText)
  }

  /** Like `strings`, with marks as in `pattern`. */
  patterns(key: string, wanted: string, accept: (value: string) => boolean): string[] | undefined {
    const value = this.hostObject(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) {
      this.problem(key, `an array: ${wanted}`)
      return undefined
    }
    return Array.from(value).filter((member, index): member is string => {
      if (typeof member === 'string' && accept(member)) return true
      this.#problems.push({ path: [...this.path, key, index], found: describeValue(plainValue(member)), wanted })
      return false
    })
  }

  /** A reader for a nested object; an absent one reads as `{}`. */
  object(key: string): OptionReader {
    return new OptionReader(this.#valueOr(key, {}), [...this.path, key], this.#problems)
  }

  objects(key: string): OptionReader[] {
    const value = this.hostObject(key)
    if (Array.isArray(value)) {
      // A hole is a member as well.
      return Array.from(value, (member, index) => new OptionReader(member, [...this.path, key, index], this.#problems))
    }
    if (value !== undefined) this.problem(key, 'an array of objects', describeType(value))
    return []
  }

  #raw(key: string): unknown {
    return this.isNamed(key) ? this.#values[key] : undefined
  }

  /** The default is only for an absent option; `null` is a problem. */
  #valueOr(key: string, otherwise: unknown): unknown {
    return this.has(key) ? this.hostObject(key) : otherwise
  }

  /**
   * Notes every option that no getter asked for. Call it last.
   *
   * @param otherwise what else may be meant by one that is like none of them
   */
  refuseUnknown(otherwise?: (key: string) => string | undefined): void {
    for (const key of Object.keys(this.#values)) {
      if (this.#known.has(key)) continue
      const suggestion = closestName(key, [...this.#known])
      const wanted = `one of ${[...this.#known].join(', ')}`
      const problem = { path: [...this.path, key], found: UNKNOWN_OPTION, wanted }
      const more = suggestion === undefined ? otherwise?.(key) : undefined
      this.#problems.push({
        ...problem,
        ...(suggestion !== undefined && { suggestion }),
        ...(more !== undefined && { wanted: `${wanted}; ${more}` }),
      })
    }
  }

  throwProblems(): void {
    if (this.#problems.length > 0) throw new ConfigError(withoutRepetition(this.#problems))
  }
}

/** Notes a problem for each entry whose value of an option an earlier entry has. */
export function refuseRepeated(readers: readonly OptionReader[], key: string, values: readonly string[]): void {
  const seen = new Set<string>()
  for (const [index, value] of values.entries()) {
    if (value !== '' && seen.has(value)) readers[index]?.problem(key, `a ${key} that no other entry has`)
    seen.add(value)
  }
}
