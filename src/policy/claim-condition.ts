import { printable } from '../errors/printable.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type ClaimOperators, OPERATORS, readOneOf, testOf } from './claim-operators.js'
import { CLAIM_PATH, type ClaimPath, type Claims, parseClaimPath, readClaim, writeClaimPath } from './claim-path.js'
import {
  type ClaimScalar,
  type ClaimTest,
  type ConditionContext,
  isScalarOption,
  NEVER,
  SCALAR,
  type WantedValues,
} from './claim-value.js'

/**
 * What one claim must be.
 *
 * - a string: exactly that. If it contains `*`, it is a pattern, in which `*` matches any run of characters, including none, and
 *   including `/`. At most 1,024 characters.
 * - a number, within 2^53 - 1 either way, or a boolean: exactly that.
 * - an array: one of its members, each read as if it were alone.
 * - an object: operators, all of which must match.
 *
 * A missing claim satisfies only `exists: false`.
 */
export type ClaimConditionOption = ClaimScalar | readonly ClaimScalar[] | ClaimOperators

/** One condition on the claims of a verified JWT. */
export interface ClaimCondition {
  /** The claim's path, as it is written in the options. */
  path: string
  holds(claims: Claims): boolean
  /** What it must be, in plain words for an operator: printable ASCII, at most 200 characters. */
  expected: string
  /** What the event says if the condition fails: printable ASCII, at most 200 characters. */
  message?: string
  /** The values that its operators want, for hints. */
  wants: readonly WantedValues[]
}

/** An option, read. */
interface Demand {
  tests: readonly ClaimTest[]
  message?: string
}

const OPERATOR_NAMES = Object.keys(OPERATORS) as (keyof typeof OPERATORS)[]
const MAX_MESSAGE_LENGTH = 200
const MESSAGE = `1 to ${MAX_MESSAGE_LENGTH} characters of printable ASCII`
const IS_PRINTABLE = /^[\x20-\x7E]+$/

/**
 * The conditions of the option `key`, an object of at least one `ClaimConditionOption` by its claim's path, in its
 * order. An absent option is a problem too, and so is a value that is named but undefined: neither may loosen a rule.
 * What cannot be read becomes a problem of the reader, and a condition that never matches.
 */
export function readClaimConditions(reader: OptionReader, key: string, context: ConditionContext): ClaimCondition[] {
  const claims = reader.value(key)
  if (!isPlainObject(claims) || Object.keys(claims).length === 0) {
    const got = isPlainObject(claims) ? 'an empty object' : undefined
    reader.problem(key, 'an object with at least one claim path and its condition', got)
    return []
  }
  const conditions = reader.object(key)
  return Object.keys(claims).map((path) => readCondition(conditions, path, context))
}

/** The first condition that does not match, or undefined if all of them do. */
export function findFailing(conditions: readonly ClaimCondition[], claims: Claims): ClaimCondition | undefined {
  return conditions.find((condition) => !condition.holds(claims))
}

function readCondition(reader: OptionReader, path: string, context: ConditionContext): ClaimCondition {
  const place = parseClaimPath(path)
  if (place !== undefined) return conditionOf(path, place, readDemand(reader, path, place, context))
  reader.problem(path, CLAIM_PATH, 'a malformed claim path')
  return conditionOf(path, { segments: [], indexesArrays: false }, { tests: [NEVER] })
}

function conditionOf(path: string, place: ClaimPath, { tests, message }: Demand): ClaimCondition {
  return {
    path,
    holds: (claims) => {
      const claim = readClaim(claims, place)
      return tests.every((test) => test.holds(claim, claims))
    },
    expected: printable(tests.map((test) => test.expected).join(' and ')),
    ...(message !== undefined && { message }),
    wants: tests.flatMap(({ wants = [] }) => wants),
  }
}

function readDemand(reader: OptionReader, path: string, place: ClaimPath, context: ConditionContext): Demand {
  const option = reader.pattern(path)
  if (isScalarOption(option)) return { tests: [testOf(option)] }
  if (Array.isArray(option)) return { tests: [readOneOf(reader, path)] }
  if (isPlainObject(option)) return readOperators(reader.object(path), Object.keys(option), place, context)
  reader.problem(path, `${SCALAR}, an array of these, or an object with operators`)
  return { tests: [NEVER] }
}

function readOperators(
  reader: OptionReader,
  names: readonly string[],
  place: ClaimPath,
  context: ConditionContext,
): Demand {
  const tests = OPERATOR_NAMES.filter((name) => reader.isNamed(name)).map((name) =>
    OPERATORS[name](reader, name, place, context),
  )
  const message = reader.has('message') ? reader.string('message', MESSAGE, isMessage) : undefined
  reader.refuseUnknown((name) => describeOperators([...place.segments, name]))
  if (names.every((name) => name === 'message')) {
    reader.note('missing', undefined, 'no operator; write at least one (docs/policy.md lists them)')
  }
  return { tests: tests.length === 0 ? [NEVER] : tests, ...(message !== undefined && { message }) }
}

function describeOperators(segments: readonly string[]): string {
  const path = writeClaimPath(segments)
  const list = 'docs/policy.md lists the operators'
  return path === undefined ? list : `${list}; for a claim within this one, write its whole path in quotes: '${path}'`
}

function isMessage(text: string): boolean {
  return text.length <= MAX_MESSAGE_LENGTH && IS_PRINTABLE.test(text)
}
