import { plainValue } from '../option-checks/literal-text.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { Claims } from './claim-path.js'
import { type ClaimScalar, describeNoScalar, isScalarOption, SCALAR } from './claim-value.js'

/** What one operator demands of a claim. */
export interface ClaimTest {
  /** @param claim undefined if it is missing */
  holds(claim: unknown, claims: Claims): boolean
  /** In plain words. */
  expected: string
  /** For hints; undefined: nothing can be said of a claim that is almost right. */
  wants?: WantedValues
}

/** The values of which one must be the claim, an element of it, or a word in it; or the claim must be a number. */
export type WantedValues =
  | { of: 'claim' | 'element' | 'elementOrString' | 'word'; values: readonly ClaimScalar[] }
  | { of: 'number' }

/** How conditions of one identity provider are read. */
export interface ConditionContext {
  /** Whether a claim that is one string is taken as an array of one, as `singleAsArray` says. */
  singleAsArray: boolean
}

/** In place of what could not be read, so that nothing passes by mistake. */
export const NEVER: ClaimTest = { holds: () => false, expected: 'nothing' }

/** An array of one scalar or more, or undefined after noting what is wrong with it. */
export function readScalars(reader: OptionReader, key: string, value: unknown): ClaimScalar[] | undefined {
  const members: unknown[] = Array.isArray(value) ? value : []
  if (members.length === 0) {
    reader.problem(key, 'an array of at least one value', Array.isArray(value) ? 'an empty array' : undefined)
    return undefined
  }
  // A hole reads as undefined here, and is refused.
  const wrong = members.findIndex((member) => !isScalarOption(member))
  if (wrong === -1) return members.filter(isScalarOption)
  reader.problem(key, `for each value ${SCALAR}`, `${describeNoScalar(members[wrong])} at [${wrong}]`)
  return undefined
}

export function refuse(reader: OptionReader, key: string, wanted: string, found?: string): ClaimTest {
  reader.problem(key, wanted, found)
  return NEVER
}

export function listOf(scalars: readonly ClaimScalar[]): string {
  return scalars.map((scalar) => JSON.stringify(plainValue(scalar))).join(', ')
}
