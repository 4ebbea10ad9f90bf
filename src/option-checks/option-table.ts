import { type ConfigProblemCode, type OptionPath, type OptionProblem, option } from './config-error.js'
import { describeType, describeValue, isPlainObject, plainText, plainValue } from './describe-value.js'
import { Findings, IS_SET, missingValue, missingWithin, throwProblemsOf } from './findings.js'

/**
 * One object of options: which ones it has, and what is wrong with them. An option that is named but undefined or null is
 * always a problem, because without it a bound that was meant might be missing. So is undefined anywhere within the value of
 * an option.
 */
export class OptionTable {
  readonly path: OptionPath
  readonly #given: unknown
  readonly #values: Readonly<Record<string, unknown>>
  protected readonly findings: Findings
  readonly #known = new Set<string>()
  /** Those whose values were searched for undefined. */
  readonly #searched = new Set<string>()

  /**
   * @param path where the object is; the call that it is given to, if that is not `createJwtExchange`: `['protect']`
   * @param example how such an object is written, for the message if it is something else
   */
  constructor(value: unknown, path: OptionPath = [], example?: string, findings = new Findings()) {
    this.path = path
    this.#given = value
    this.findings = findings
    const isObject = isPlainObject(value)
    this.#values = isObject ? value : {}
    const expected = `an object${example === undefined ? '' : `, such as ${example}`}`
    if (!isObject) this.note('wrong_type', undefined, `got ${describeType(value)}; expected ${expected}`)
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
    if (!this.#searched.has(key)) this.findings.add(...missingWithin(value, [...this.path, key]))
    this.#searched.add(key)
    return value
  }

  /** Like `value`, for an object of the host, such as a store or an agent, whose members are not options. */
  hostObject(key: string): unknown {
    const value = this.#raw(key)
    return typeof value === 'string' ? plainText(value) : value
  }

  /** Whether the option is there at all, even if it is undefined; marks it as known. */
  isNamed(key: string): boolean {
    const isNamed = Object.hasOwn(this.#values, key)
    const isNew = isNamed && !this.#known.has(key)
    const value = this.#values[key] ?? undefined
    if (isNew && value === undefined) this.findings.add(missingValue([...this.path, key], this.#values[key]))
    this.#known.add(key)
    return isNamed
  }

  has(key: string): boolean {
    return this.hostObject(key) !== undefined
  }

  /**
   * Notes that a value cannot be used: `got X; expected Y`, or `missing; expected Y`.
   *
   * @param key undefined: the object itself
   * @param got instead of the value, which might be a secret or say little
   */
  problem(key: string | undefined, expected: string, got?: string, code: ConfigProblemCode = 'invalid'): void {
    if (key !== undefined && !Object.hasOwn(this.#values, key)) {
      this.noteAt('missing', [key], `missing; expected ${expected}`, [key])
      return
    }
    const value = key === undefined ? this.#values : this.value(key)
    const isUndefined = (value ?? undefined) === undefined
    const hint = value === undefined ? IS_SET : ''
    this.note(isUndefined ? 'missing' : code, key, `got ${got ?? describeValue(value)}; expected ${expected}${hint}`)
  }

  /** Notes that one of several options is required, and none is there. */
  missing(key: string | undefined, alternatives: readonly string[], text: string): void {
    this.noteAt('missing', key === undefined ? [] : [key], text, alternatives)
  }

  /** Notes a problem of the first of two options if both are there. */
  refuseBoth(one: string, other: string): void {
    if (this.has(one) && this.has(other)) this.note('conflict', one, `set ${option(one)} or ${option(other)}, not both`)
  }

  /**
   * Notes any other problem, in a sentence that says what is wrong and what to do.
   *
   * @param without options of this table: with any one of them it would not be a problem
   */
  note(code: ConfigProblemCode, key: string | undefined, text: string, without?: readonly string[]): void {
    this.noteAt(code, key === undefined ? [] : [key], text, without)
  }

  /** Notes a name that is not an option, but was probably meant as another one of this table. */
  suggest(key: string, suggestion: string): void {
    const text = `unknown name; did you mean ${option(suggestion)}?`
    const path = [...this.path, key]
    this.findings.add({ code: 'unknown_option', path, table: this.path, text, suggestion })
  }

  /**
   * Notes every option that no getter asked for. Call it last.
   *
   * @param hint what to do about one that is like none of them
   */
  refuseUnknown(hint?: (key: string) => string | undefined): void {
    const unknown = Object.keys(this.#values).filter((key) => !this.#known.has(key))
    const described = unknown.map((key) => ({ table: this.path, key, hint: hint?.(key) }))
    this.findings.addTable(this.path, this.#known, described)
  }

  /** Those of this object, and of all objects around and within it. */
  problems(): readonly OptionProblem[] {
    return this.findings.all()
  }

  /** @throws ConfigError with all of these problems together */
  throwProblems(): void {
    throwProblemsOf(this.#given, this.problems())
  }

  protected noteAt(code: ConfigProblemCode, place: OptionPath, text: string, missing?: readonly string[]): void {
    const problem = { code, path: [...this.path, ...place], table: this.path, text }
    this.findings.add(missing === undefined ? problem : { ...problem, missing })
  }

  #raw(key: string): unknown {
    return this.isNamed(key) ? this.#values[key] : undefined
  }
}
