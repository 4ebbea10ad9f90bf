import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'

/** Keys and array indexes from the top of the options: `['identityProviders', 0, 'jwksUri']`. */
export type OptionPath = readonly (string | number)[]

/**
 * What kind of mistake a problem is.
 *
 * - `missing`: a required option is absent, or an option is named but undefined or null.
 * - `unknown_option`: there is no option of this name in this place.
 * - `renamed`: the option has a new name, which `suggestion` gives.
 * - `wrong_type`: the value has the wrong type.
 * - `out_of_bounds`: a number, a size or a count is too small or too large.
 * - `invalid`: the value has the right type but cannot be used.
 * - `not_unique`: another entry has the same value.
 * - `conflict`: two options contradict each other.
 * - `fixed`: the option cannot change while the exchange runs.
 * - `unreadable`: a file cannot be read, or is not valid TOML.
 */
export type ConfigProblemCode =
  | 'missing'
  | 'unknown_option'
  | 'renamed'
  | 'wrong_type'
  | 'out_of_bounds'
  | 'invalid'
  | 'not_unique'
  | 'conflict'
  | 'fixed'
  | 'unreadable'

/** One thing that is wrong with the options. */
export interface ConfigProblem {
  /** What kind of mistake it is. Decide by this, never by the text. */
  code: ConfigProblemCode
  /**
   * Where it is. For options that were read from a file, these are the names in the file. For options of another call than
   * `createJwtExchange`, the first step is that call: `['protect', 'scope']`.
   */
  path: OptionPath
  /** What is wrong and what to do, such as `got 0; expected a whole number of seconds from 1 to 600`. Never contains a secret. */
  message: string
  /** The name of the option that was probably meant. */
  suggestion?: string
  /** File, line and column if the options came from a file: `deployment.toml:12:3`. */
  location?: string
}

/** A message is kept, and sent to logs. */
const MAX_IN_MESSAGE = 100

/** The options cannot be used. `problems` has all problems together; the message has the first 100. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const lines = problems.slice(0, MAX_IN_MESSAGE).map(lineOf)
    const more = problems.length > lines.length ? [`  and ${problems.length - lines.length} more`] : []
    super([`${count} in the options of express-jwt-exchange:`, ...lines, ...more].join('\n'))
    this.problems = problems
  }
}

export function isConfigError(error: unknown): error is ConfigError {
  return fieldOf(error, 'name') === 'ConfigError'
}

export function formatPath(path: OptionPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('')
}

/**
 * A problem before it is reported. Names of options in its text are marked, so that the report can show them as the reader
 * writes them: `readTimeout` in code, `read_timeout` in a file.
 */
export interface OptionProblem {
  code: ConfigProblemCode
  path: OptionPath
  /** The table that the marked names are in, unless they name another table. */
  table: OptionPath
  /** What is wrong and what to do. */
  text: string
  /** The option of `table` that was probably meant. */
  suggestion?: string
  /** If an option is missing: the options of `table`, any one of which is enough. */
  missing?: readonly string[]
  /** If a value is undefined: how many steps of the path lead to the option that the place is in. */
  stepsToOption?: number
}

/** How options are written: in code, or in a file. */
export interface OptionNotation {
  path(path: OptionPath): OptionPath
  /** One name within a table, without quotes. */
  name(table: OptionPath, name: string): string
  /**
   * A name within a table, as written in a sentence.
   *
   * @param value the value to set; undefined: the name alone
   * @param isFar whether the sentence is about another table, so that the name of this one is needed
   */
  option(table: OptionPath, name: string, value: unknown, isFar: boolean): string
  /**
   * A table, as written in a sentence.
   *
   * @param name the option that belongs in it, which a file may write as a table of its own
   */
  table(table: OptionPath, name?: string): string
}

/** Enclose a marked name. Noncharacters of Unicode: no text that is interchanged has them. */
const [BEGIN, END] = ['\uFDD3', '\uFDD4']
const MARKED = new RegExp(`${BEGIN}(#?)([\\w.]*)(?:=([^${END}]*))?${END}`, 'g')

export const IN_CODE: OptionNotation = {
  path: (path) => path,
  name: (_, name) => name,
  option: (table, name, value, isFar) => {
    const written = isFar ? formatPath([...table, name]) : name
    return `\`${written}${value === undefined ? '' : `: ${writeInCode(value)}`}\``
  },
  table: (table) => (table.length === 0 ? 'at the top level' : `in \`${table.join('.')}\``),
}

/**
 * An option in the text of a problem, to be written as code or the file writes it.
 *
 * @param name one of the same table, or a path from the top with dots, such as `jwksEndpoint.maxKeys` or `.issuer`
 * @param value what to set it to
 */
export function option(name: string, value?: string | boolean): string {
  return `${BEGIN}${name}${value === undefined ? '' : `=${JSON.stringify(value)}`}${END}`
}

/**
 * Where a table is, in the text of a problem: `in jwksEndpoint`, or `at the top level`.
 *
 * @param name the option that belongs in it
 */
export function inTable(path: OptionPath, name: string): string {
  return `${BEGIN}#${path.join('.')}=${JSON.stringify(name)}${END}`
}

export function writeProblem(problem: OptionProblem, notation: OptionNotation): ConfigProblem {
  const { code, path, table, suggestion } = problem
  return {
    code,
    path: notation.path(path),
    message: problem.text.replace(MARKED, (_, isTable: string, name: string, value: string | undefined) => {
      const given = value === undefined ? undefined : parseMarkedValue(value)
      if (isTable !== '') return notation.table(name === '' ? [] : name.split('.'), String(given))
      if (!name.includes('.')) return notation.option(table, name, given, false)
      const steps = name.replace(/^\./, '').split('.')
      return notation.option(steps.slice(0, -1), steps.at(-1) ?? '', given, true)
    }),
    ...(suggestion !== undefined && { suggestion: notation.name(table, suggestion) }),
  }
}

/** What is wrong with a file as a whole has a location, and is not a problem of an option. */
function lineOf({ location, path, message }: ConfigProblem): string {
  const option = formatPath(path) || (location === undefined ? 'options' : '')
  return inOneLine(`  ${[location, option, message].filter((part) => part).join(': ')}`)
}

function writeInCode(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** The text itself, if no option was marked here: a value of an option can contain the marks. */
function parseMarkedValue(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
