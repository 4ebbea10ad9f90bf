import type { ConfigProblem } from './config-error.js'
import { isPlainObject } from './describe-value.js'

type Path = ConfigProblem['path']

/** Steps of a path: nothing that is an option stands deeper. */
const MAX_DEPTH = 12
const WANTED = 'a value, or the option left out: is an environment variable unset?'
/** Each of these problems, with how many steps of its path lead to the option that the place is in. */
const stepsToOption = new WeakMap<ConfigProblem, number>()

/** The problem of a named option that is undefined or null. */
export function missingValue(path: Path, steps = path.length): ConfigProblem {
  const problem = { path, found: 'no value', wanted: WANTED }
  stepsToOption.set(problem, steps)
  return problem
}

/**
 * The problems of what is undefined within the value of an option: in plain objects and arrays. `null` may be a member of
 * what is not ours, such as a JWK.
 */
export function missingWithin(value: unknown, path: Path, steps = path.length): ConfigProblem[] {
  if (path.length > MAX_DEPTH) return []
  const members = Array.isArray(value) ? [...value.entries()] : isPlainObject(value) ? Object.entries(value) : []
  return members.flatMap(([step, member]) => {
    const place = [...path, step]
    return member === undefined ? [missingValue(place, steps)] : missingWithin(member, place, steps)
  })
}

/** Of a place without a value one problem, and none if another one says what is wanted there, or of the whole option. */
export function withoutRepetition(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const places = new Set(problems.filter((each) => !stepsToOption.has(each)).map(({ path }) => JSON.stringify(path)))
  return problems.filter((problem) => {
    const { path } = problem
    const steps = stepsToOption.get(problem)
    if (steps === undefined) return true
    const isRepeated = path.some((_, index) => {
      return index + 1 >= steps && places.has(JSON.stringify(path.slice(0, index + 1)))
    })
    places.add(JSON.stringify(path))
    return !isRepeated
  })
}
