import {
  ConfigError,
  type ConfigProblem,
  IN_CODE,
  type OptionPath,
  type OptionProblem,
  writeProblem,
} from './config-error.js'
import { isPlainObject } from './describe-value.js'
import { describeUnknown, tableName, type UnknownOption } from './unknown-option.js'

/** Reports problems of options from another place than code. */
export type ReportProblems = (problems: readonly OptionProblem[]) => ConfigProblem[]

/** Steps of a path: no option is nested deeper. */
const MAX_DEPTH = 12
/** Ends the message of a value that is missing or empty. */
export const IS_SET = '. Is the environment variable set?'
const reporters = new WeakMap<object, ReportProblems>()

/** What the readers of one tree of options have found. */
export class Findings {
  /** In the order in which they were found. */
  readonly #found: (OptionProblem | UnknownOption)[] = []
  /** The options of each table that was read to its end, by its path without indexes. */
  readonly #known = new Map<string, Set<string>>()

  add(...problems: readonly OptionProblem[]): void {
    this.#found.push(...problems)
  }

  addTable(table: OptionPath, known: Iterable<string>, unknown: readonly UnknownOption[]): void {
    const name = tableName(table)
    this.#known.set(name, new Set([...(this.#known.get(name) ?? []), ...known]))
    this.#found.push(...unknown)
  }

  /** Where an unknown option belongs is known when everything was read. */
  all(): OptionProblem[] {
    return this.#found.map((each) => ('key' in each ? describeUnknown(each, this.#known) : each))
  }
}

/** Problems of these options are reported so from now on: a file says line and column. */
export function reportProblemsOf(options: object, report: ReportProblems): void {
  reporters.set(options, report)
}

/** @throws ConfigError for one problem or more */
export function throwProblemsOf(options: unknown, found: readonly OptionProblem[]): void {
  if (found.length === 0) return
  const problems = withoutConsequences(found)
  const report = typeof options === 'object' && options !== null ? reporters.get(options) : undefined
  throw new ConfigError(report?.(problems) ?? problems.map((problem) => writeProblem(problem, IN_CODE)))
}

/** The problem of a named option that is undefined or null. */
export function missingValue(path: OptionPath, value: unknown, stepsToOption = path.length): OptionProblem {
  const hint = value === undefined ? IS_SET : ''
  const text = `got ${value}; set a value or leave the option out${hint}`
  return { code: 'missing', path, table: path.slice(0, -1), text, stepsToOption }
}

/**
 * The problems of what is undefined within the value of an option: in plain objects and arrays. `null` may be a member of
 * what is not ours, such as a JWK.
 */
export function missingWithin(value: unknown, path: OptionPath, stepsToOption = path.length): OptionProblem[] {
  if (path.length > MAX_DEPTH) return []
  const members = Array.isArray(value) ? [...value.entries()] : isPlainObject(value) ? Object.entries(value) : []
  return members.flatMap(([step, member]) => {
    const place = [...path, step]
    return member === undefined
      ? [missingValue(place, member, stepsToOption)]
      : missingWithin(member, place, stepsToOption)
  })
}

/**
 * One mistake is one problem. A place without a value has one problem, or none if another problem says what is expected
 * there or of the whole option. An option is not missing if a refused name was probably meant as its name, or as the name of
 * its table.
 *
 * @param meant options that were meant by names that were refused before
 */
export function withoutConsequences(
  problems: readonly OptionProblem[],
  meant: readonly OptionPath[] = [],
): OptionProblem[] {
  const suggested = problems.flatMap(({ table, suggestion }) =>
    suggestion === undefined ? [] : [[...table, suggestion]],
  )
  const found = new Set([...meant, ...suggested].map((path) => JSON.stringify(path)))
  const isWithin = (path: OptionPath) => path.some((_, index) => found.has(JSON.stringify(path.slice(0, index + 1))))
  const isMeant = ({ table, missing = [] }: OptionProblem) => missing.some((name) => isWithin([...table, name]))
  return withoutRepetition(problems.filter((problem) => !isMeant(problem)))
}

function withoutRepetition(problems: readonly OptionProblem[]): OptionProblem[] {
  const ofOthers = problems.filter(({ stepsToOption }) => stepsToOption === undefined)
  const places = new Set(ofOthers.map(({ path }) => JSON.stringify(path)))
  return problems.filter(({ path, stepsToOption }) => {
    if (stepsToOption === undefined) return true
    const isRepeated = path.some((_, index) => {
      return index + 1 >= stepsToOption && places.has(JSON.stringify(path.slice(0, index + 1)))
    })
    places.add(JSON.stringify(path))
    return !isRepeated
  })
}
