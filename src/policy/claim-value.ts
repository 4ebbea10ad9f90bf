import { plainValue } from '../option-checks/literal-text.js'
import { compileGlob, LONGEST_PATTERN } from './glob.js'

/** What a claim can be compared with. */
export type ClaimScalar = string | number | boolean

/** UTF-16 units: no pattern matches a longer claim, so that a long one does not cost more. */
export const MAX_MATCHED_LENGTH = 4096

/** What a scalar in the options must be, for the message of a problem. */
export const SCALAR = `a string of at most ${LONGEST_PATTERN} characters, a number within 2^53 - 1 either way, true or false`

/**
 * Whether a claim is one that can equal another. Numbers beyond 2^53 - 1 either way cannot: JSON numbers that differ are
 * the same number there, and `1e999` is infinite.
 */
export function isScalar(value: unknown): value is ClaimScalar {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER
  return typeof value === 'string' || typeof value === 'boolean'
}

export function isScalarOption(value: unknown): value is ClaimScalar {
  return isScalar(value) && !(typeof value === 'string' && value.length > LONGEST_PATTERN)
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

/** A value in the options that is no scalar, without quoting it. */
export function describeNoScalar(value: unknown): string {
  if (typeof value === 'string') return `a string of ${value.length} characters`
  if (typeof value === 'number' || value === null) return String(value)
  if (value === undefined) return 'nothing'
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
