import { describeType, plainValue } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { Claims } from './claim-path.js'
import { compileGlob, MAX_PATTERN_LENGTH } from './glob.js'

/** What a claim can be compared with. */
export type ClaimScalar = string | number | boolean

/** UTF-16 units: no pattern matches a longer claim, so that a long one does not cost more. */
export const MAX_MATCHED_LENGTH = 4096

/** What a scalar in the options must be, for the message of a problem. */
export const SCALAR = `a string of at most ${MAX_PATTERN_LENGTH} characters, a number from -(2^53 - 1) to 2^53 - 1, true or false`

/**
 * Whether a claim is one that can equal another. Numbers beyond 2^53 - 1 either way cannot: JSON numbers that differ are
 * the same number there, and `1e999` is infinite.
 */
export function isScalar(value: unknown): value is ClaimScalar {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER
  return typeof value === 'string' || typeof value === 'boolean'
}

export function isScalarOption(value: unknown): value is ClaimScalar {
  return isScalar(value) && !(typeof value === 'string' && value.length > MAX_PATTERN_LENGTH)
}

export function isGlob(value: ClaimScalar): value is string {
  return typeof value === 'string' && value.includes('*')
}

/** A test for claims of the same type and value; for a string with a `*`, for strings that match it as a glob. */
export function compileValue(wanted: ClaimScalar): (claim: unknown) => boolean {
  if (!isGlob(wanted)) {
    const exact = plainValue(wanted)
    return (claim) => claim === exact
  }
  const matches = compileGlob(wanted)
  return (claim) => typeof claim === 'string' && claim.length <= MAX_MATCHED_LENGTH && matches(claim)
}

/** Whether a claim is longer than the patterns among these values may match. */
export function isTooLongFor(claim: unknown, values: readonly ClaimScalar[]): boolean {
  return typeof claim === 'string' && claim.length > MAX_MATCHED_LENGTH && values.some(isGlob)
}

/** A value in the options that is not a scalar, without quoting it. */
export function describeNoScalar(value: unknown): string {
  if (typeof value === 'string') return `a string of ${value.length} characters`
  return typeof value === 'number' ? String(value) : describeType(value)
}

/** What one operator demands of a claim. */
export interface ClaimTest {
  /** @param claim undefined if it is missing */
  holds(claim: unknown, claims: Claims): boolean
  /** In plain words. */
  expected: string
  /** For hints; undefined: nothing can be said of a claim that is almost right. */
  wants?: WantedValues
}

/** What a claim must be: one of the values, an array or words with one of them, or any number. */
export type WantedValues =
  | { kind: 'value' | 'element' | 'elementOrString' | 'word'; values: readonly ClaimScalar[] }
  | { kind: 'number' }

/** How conditions of one identity provider are read. */
export interface ConditionContext {
  /** Whether a claim that is one string is taken as an array of one, as `singleAsArray` says. */
  singleAsArray: boolean
}

/** Used for what could not be read, so that nothing passes by mistake. */
export const NEVER: ClaimTest = { holds: () => false, expected: 'nothing' }

/** An array of one scalar or more, or undefined after noting what is wrong with it. */
export function readScalars(reader: OptionReader, key: string, value: unknown): ClaimScalar[] | undefined {
  const members: unknown[] = Array.isArray(value) ? value : []
  if (members.length === 0) {
    reader.problem(key, 'an array of at least one value')
    return undefined
  }
  // A hole reads as undefined here, and is refused.
  const wrong = members.findIndex((member) => !isScalarOption(member))
  if (wrong === -1) return members.filter(isScalarOption)
  reader.problem(key, `each value to be ${SCALAR}`, `${describeNoScalar(members[wrong])} at [${wrong}]`)
  return undefined
}

export function refuse(reader: OptionReader, key: string, expected: string, got?: string): ClaimTest {
  reader.problem(key, expected, got)
  return NEVER
}

export function listOf(scalars: readonly ClaimScalar[]): string {
  return scalars.map((scalar) => JSON.stringify(plainValue(scalar))).join(', ')
}
