import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'

/** One thing wrong with the options. */
export interface ConfigProblem {
  /** Where, as keys and array indexes: `['identityProviders', 0, 'jwksUri']`. */
  path: readonly (string | number)[]
  /** What stands there, never a secret. */
  found: string
  /** What to write instead. */
  wanted: string
  /** The option that was probably meant, as its key alone. */
  suggestion?: string
  /** File, line and column where the options came from a file: `deployment.toml:12:3`. */
  location?: string
}

/** A message is kept, and sent to logs. */
const MAX_IN_MESSAGE = 100

/** The options cannot be used. `problems` has every one of them at once, and the message the first 100. */
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

export function formatPath(path: ConfigProblem['path']): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('')
}

function lineOf(problem: ConfigProblem): string {
  const location = problem.location === undefined ? '' : `${problem.location}: `
  const meant = problem.suggestion === undefined ? '' : ` (did you mean "${problem.suggestion}"?)`
  const path = formatPath(problem.path) || 'options'
  return inOneLine(`  ${location}${path}: found ${problem.found}; wanted ${problem.wanted}${meant}`)
}
