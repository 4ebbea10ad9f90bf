import type { OptionReader } from '../option-checks/option-reader.js'
import { CLAIM_PATH, type ClaimPath, type Claims, isSamePath, parseClaimPath, readClaim } from './claim-path.js'
import {
  type ClaimScalar,
  compileValue,
  describeNoScalar,
  isGlob,
  isScalar,
  isScalarOption,
  SCALAR,
} from './claim-value.js'

/** What one operator demands of a claim. */
export interface ClaimTest {
  /** @param claim undefined where it is missing */
  holds(claim: unknown, claims: Claims): boolean
  /** In plain words. */
  expected: string
}

/**
 * What a claim must satisfy: all that is given here, and at least one operator. Types are never converted: the string
 * `"5"` is not the number 5. A `null` claim is there, but equals nothing.
 */
export interface ClaimOperators {
  /** The claim is this string, number or boolean; `*` is an ordinary character here. */
  equals?: ClaimScalar
  /** The claim is one of these, 1 or more; a string with `*` is a pattern. */
  oneOf?: readonly ClaimScalar[]
  /** The claim is an array with at least one element that is this, or one of these; a string with `*` is a pattern. */
  includes?: ClaimScalar | readonly ClaimScalar[]
  /** `true`: the claim is there, be it as `null`. `false`: it is missing. */
  exists?: boolean
  /** The path of another claim: both are there, and the same string, number or boolean. */
  equalsClaim?: string
  /** The claim is a number, this or a greater one. Finite. */
  atLeast?: number
  /** The claim is a number, this or a smaller one. Finite. */
  atMost?: number
  /** The claim is a number greater than this. Finite. */
  above?: number
  /** The claim is a number smaller than this. Finite. */
  below?: number
  /** What to tell where the condition fails: 1 to 200 characters of printable ASCII. No condition by itself. */
  message?: string
}

type ReadOperator = (reader: OptionReader, key: string, own: ClaimPath) => ClaimTest
type Compare = (claim: number, bound: number) => boolean

/** In place of what could not be read, so that nothing passes by mistake. */
export const NEVER: ClaimTest = { holds: () => false, expected: 'nothing' }

/** Reads the option of each operator. */
export const OPERATORS: Readonly<Record<Exclude<keyof ClaimOperators, 'message'>, ReadOperator>> = {
  equals: readEquals,
  oneOf: readOneOf,
  includes: readIncludes,
  exists: readExists,
  equalsClaim: readEqualsClaim,
  atLeast: (reader, key) => readBound(reader, key, 'of at least', (claim, bound) => claim >= bound),
  atMost: (reader, key) => readBound(reader, key, 'of at most', (claim, bound) => claim <= bound),
  above: (reader, key) => readBound(reader, key, 'above', (claim, bound) => claim > bound),
  below: (reader, key) => readBound(reader, key, 'below', (claim, bound) => claim < bound),
}

/** A scalar that stands for itself; a string with a `*` is a pattern. */
export function testOf(wanted: ClaimScalar): ClaimTest {
  return { holds: compileValue(wanted), expected: `${isGlob(wanted) ? 'like' : 'exactly'} ${JSON.stringify(wanted)}` }
}

function readEquals(reader: OptionReader, key: string): ClaimTest {
  const wanted = reader.value(key)
  if (!isScalarOption(wanted)) return refuse(reader, key, SCALAR, describeNoScalar(wanted))
  return { holds: (claim) => claim === wanted, expected: `exactly ${JSON.stringify(wanted)}` }
}

export function readOneOf(reader: OptionReader, key: string): ClaimTest {
  const scalars = readScalars(reader, key, reader.value(key))
  if (scalars === undefined) return NEVER
  const tests = scalars.map(compileValue)
  return { holds: (claim) => tests.some((test) => test(claim)), expected: `one of ${listOf(scalars)}` }
}

/** A string claim does not satisfy it, whatever it holds. */
function readIncludes(reader: OptionReader, key: string): ClaimTest {
  const value = reader.value(key)
  const scalars = readScalars(reader, key, isScalarOption(value) ? [value] : value)
  if (scalars === undefined) return NEVER
  const tests = scalars.map(compileValue)
  return {
    holds: (claim) => Array.isArray(claim) && claim.some((element) => tests.some((test) => test(element))),
    expected: `an array with ${scalars.length === 1 ? '' : 'one of '}${listOf(scalars)}`,
  }
}

/** An array of one scalar or more, or undefined after noting what is wrong with it. */
function readScalars(reader: OptionReader, key: string, value: unknown): ClaimScalar[] | undefined {
  const members: unknown[] = Array.isArray(value) ? value : []
  if (members.length === 0) {
    reader.problem(key, 'an array of one value or more', Array.isArray(value) ? 'an empty array' : undefined)
    return undefined
  }
  // A hole reads as undefined here, and is refused.
  const wrong = members.findIndex((member) => !isScalarOption(member))
  if (wrong === -1) return members.filter(isScalarOption)
  reader.problem(key, `for each value ${SCALAR}`, `${describeNoScalar(members[wrong])} at [${wrong}]`)
  return undefined
}

function readExists(reader: OptionReader, key: string): ClaimTest {
  const wanted = reader.value(key)
  if (typeof wanted !== 'boolean') return refuse(reader, key, 'true or false')
  return { holds: (claim) => (claim !== undefined) === wanted, expected: wanted ? 'present' : 'missing' }
}

function readEqualsClaim(reader: OptionReader, key: string, own: ClaimPath): ClaimTest {
  const written = reader.value(key)
  const path = typeof written === 'string' ? parseClaimPath(written) : undefined
  if (path === undefined) return refuse(reader, key, CLAIM_PATH)
  if (isSamePath(path, own)) return refuse(reader, key, 'the path of another claim: each claim equals itself')
  return {
    holds: (claim, claims) => isScalar(claim) && claim === readClaim(claims, path),
    expected: `the same as the claim ${written}`,
  }
}

/** A claim that is infinite, as `1e999` is, satisfies no bound. */
function readBound(reader: OptionReader, key: string, words: string, compare: Compare): ClaimTest {
  const bound = reader.value(key)
  if (typeof bound !== 'number' || !Number.isFinite(bound)) return refuse(reader, key, 'a finite number')
  return {
    holds: (claim) => typeof claim === 'number' && Number.isFinite(claim) && compare(claim, bound),
    expected: `a number ${words} ${bound}`,
  }
}

function refuse(reader: OptionReader, key: string, wanted: string, found?: string): ClaimTest {
  reader.problem(key, wanted, found)
  return NEVER
}

function listOf(scalars: readonly ClaimScalar[]): string {
  return scalars.map((scalar) => JSON.stringify(scalar)).join(', ')
}
