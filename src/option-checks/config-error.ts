import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'

/** Keys and array indexes from the top of the options: `['identityProviders', 0, 'jwksUri']`. */
export type OptionPath = readonly (string | number)[]

/**
 * What kind of slip a problem is.
 *
 * - `missing`: a required option is absent, or an option is named but undefined or null.
 * - `unknown_option`: there is no option of this name in this place.
 * - `renamed`: the option has another name now, which `suggestion` says.
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
  /** What kind of slip it is. Decide by this, never by the text. */
  code: ConfigProblemCode
  /**
   * Where it is. In options that were read from a file, the names are those of the file. The first step is the call if the
   * options are not those of `createJwtExchange`: `['protect', 'scope']`.
   */
  path: OptionPath
  /** What is wrong and what to do, such as `got 0; expected a whole number of seconds from 1 to 600`. Never has a secret. */
  message: string
  /** The option that was probably meant, as its name alone. */
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

/** What is wrong with a file as a whole has a location, and is not a problem of an option. */
function lineOf({ location, path, message }: ConfigProblem): string {
  const option = formatPath(path) || (location === undefined ? 'options' : '')
  return inOneLine(`  ${[location, option, message].filter((part) => part).join(': ')}`)
}
