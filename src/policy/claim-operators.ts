import type { OptionReader } from '../option-checks/option-reader.js'
import { CLAIM_PATH, type ClaimPath, isSamePath, parseClaimPath, readClaim } from './claim-path.js'
import {
  type ClaimScalar,
  type ClaimTest,
  type ConditionContext,
  compileValue,
  describeNoScalar,
  isGlob,
  isScalar,
  isScalarOption,
  listOf,
  NEVER,
  readScalars,
  refuse,
  SCALAR,
  type WantedValues,
} from './claim-value.js'

/**
 * What a claim must satisfy: every operator given here, and at least one is required. Types are never converted: the string
 * `"5"` is not the number 5. A `null` claim is present, but equals nothing.
 *
 * @example
 * const claims: Record<string, ClaimOperators> = { level: { atLeast: 2 }, groups: { includes: ['admins', 'team-*'] } }
 */
export interface ClaimOperators {
  /** The claim is this string, number or boolean; `*` is an ordinary character here. */
  equals?: ClaimScalar
  /** The claim is one of these, 1 or more; a string with `*` is a pattern. */
  oneOf?: readonly ClaimScalar[]
  /**
   * The claim is an array with at least one element that is this value, or one of these; a string with `*` is a pattern. With
   * `singleAsArray`, a claim that is one string counts as an array of one.
   */
  includes?: ClaimScalar | readonly ClaimScalar[]
  /**
   * The claim is a string of words separated by spaces, like OAuth's `scope`, and contains this word, or one of these. Words are
   * compared exactly; `*` is an ordinary character here. A claim of more than 16 384 characters never matches.
   */
  hasWord?: string | readonly string[]
  /** `true`: the claim is present, even if it is `null`. `false`: it is missing. */
  exists?: boolean
  /** The path of another claim: both are present, and are the same string, number or boolean. */
  equalsClaim?: string
  /** The claim is a number, at least this one. Finite. */
  atLeast?: number
  /** The claim is a number, at most this one. Finite. */
  atMost?: number
  /** The claim is a number greater than this. Finite. */
  above?: number
  /** The claim is a number smaller than this. Finite. */
  below?: number
  /** What the event says if the condition fails: 1 to 200 characters of printable ASCII. Not a condition by itself. */
  message?: string
}

type ReadOperator = (reader: OptionReader, key: string, own: ClaimPath, context: ConditionContext) => ClaimTest
type Compare = (claim: number, bound: number) => boolean

const IS_WORD = /^\S+$/
const WORD = 'one word without spaces, of at most 1024 characters, or an array of such words'
/** UTF-16 units of a claim in which words are looked for. */
const MAX_WORDS_LENGTH = 16_384

/** Reads the option of each operator. */
export const OPERATORS: Readonly<Record<Exclude<keyof ClaimOperators, 'message'>, ReadOperator>> = {
  equals: readEquals,
  oneOf: readOneOf,
  includes: readIncludes,
  hasWord: readHasWord,
  exists: readExists,
  equalsClaim: readEqualsClaim,
  atLeast: (reader, key) => readBound(reader, key, 'of at least', (claim, bound) => claim >= bound),
  atMost: (reader, key) => readBound(reader, key, 'of at most', (claim, bound) => claim <= bound),
  above: (reader, key) => readBound(reader, key, 'above', (claim, bound) => claim > bound),
  below: (reader, key) => readBound(reader, key, 'below', (claim, bound) => claim < bound),
}

/** A scalar as it is; a string with a `*` is a pattern. */
export function testOf(wanted: ClaimScalar): ClaimTest {
  return {
    holds: compileValue(wanted),
    expected: `${isGlob(wanted) ? 'like' : 'exactly'} ${listOf([wanted])}`,
    wants: { kind: 'value', values: [wanted] },
  }
}

function readEquals(reader: OptionReader, key: string): ClaimTest {
  const wanted = reader.value(key)
  if (!isScalarOption(wanted)) return refuse(reader, key, SCALAR, describeNoScalar(wanted))
  return {
    holds: (claim) => claim === wanted,
    expected: `exactly ${JSON.stringify(wanted)}`,
    wants: { kind: 'value', values: [wanted] },
  }
}

export function readOneOf(reader: OptionReader, key: string): ClaimTest {
  const scalars = readScalars(reader, key, reader.pattern(key))
  if (scalars === undefined) return NEVER
  const tests = scalars.map(compileValue)
  return {
    holds: (claim) => tests.some((test) => test(claim)),
    expected: `one of ${listOf(scalars)}`,
    wants: { kind: 'value', values: scalars },
  }
}

function readIncludes(reader: OptionReader, key: string, _own: ClaimPath, context: ConditionContext): ClaimTest {
  const value = reader.pattern(key)
  const scalars = readScalars(reader, key, isScalarOption(value) ? [value] : value)
  if (scalars === undefined) return NEVER
  const tests = scalars.map(compileValue)
  return {
    holds: (claim) => elementsOf(claim, context).some((element) => tests.some((test) => test(element))),
    expected: expectedElement(`${scalars.length === 1 ? '' : 'one of '}${listOf(scalars)}`, context),
    wants: wantedElement(scalars, context),
  }
}

/** The elements of an array. A string has none, unless it is taken as an array of one. */
export function elementsOf(claim: unknown, { singleAsArray }: ConditionContext): readonly unknown[] {
  if (Array.isArray(claim)) return claim
  return singleAsArray && typeof claim === 'string' ? [claim] : []
}

/** @param values the wanted elements, as JSON */
export function expectedElement(values: string, { singleAsArray }: ConditionContext): string {
  return `an array with ${values}${singleAsArray ? ', or such a string alone' : ''}`
}

export function wantedElement(values: readonly ClaimScalar[], { singleAsArray }: ConditionContext): WantedValues {
  return { kind: singleAsArray ? 'elementOrString' : 'element', values }
}

function readHasWord(reader: OptionReader, key: string): ClaimTest {
  const value = reader.value(key)
  const words: unknown[] = Array.isArray(value) ? Array.from(value) : [value]
  const wrong = words.findIndex((word) => !isWord(word))
  if (words.length === 0 || wrong !== -1) {
    const got = Array.isArray(value) && wrong !== -1 ? `${describeNoScalar(words[wrong])} at [${wrong}]` : undefined
    return refuse(reader, key, WORD, got)
  }
  const wanted = new Set(words.filter(isWord))
  const [first, ...others] = [...wanted].map((word) => JSON.stringify(word))
  return {
    holds: (claim) => isBoundedText(claim) && claim.split(' ').some((word) => wanted.has(word)),
    expected: others.length === 0 ? `the word ${first}` : `one of the words ${[first, ...others].join(', ')}`,
    wants: { kind: 'word', values: [...wanted] },
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && isScalarOption(value) && IS_WORD.test(value)
}

/** Whether words are looked for in a claim. */
export function isBoundedText(claim: unknown): claim is string {
  return typeof claim === 'string' && claim.length <= MAX_WORDS_LENGTH
}

function readExists(reader: OptionReader, key: string): ClaimTest {
  const wanted = reader.value(key)
  if (typeof wanted !== 'boolean') return refuse(reader, key, 'true or false')
  if (!wanted) refuseAmbiguousPath(reader, key)
  return { holds: (claim) => (claim !== undefined) === wanted, expected: wanted ? 'present' : 'missing' }
}

/** `exists: false` always matches if the path leads nowhere, so a path that could mean another claim is refused. */
function refuseAmbiguousPath(reader: OptionReader, key: string): void {
  const written = String(reader.path.at(-1))
  const segments = parseClaimPath(written)?.segments ?? []
  if (segments.length < 2 || /^\/|"/.test(written)) return
  const pointer = `/${segments.map((segment) => segment.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
  const slip = 'a bare name with a dot is ambiguous, and false would always match if it meant another claim'
  const toDo = `write '"${written}"' if it is the name of one claim, or '${pointer}' for a claim within another one`
  reader.note('invalid', key, `${slip}; ${toDo}`)
}

function readEqualsClaim(reader: OptionReader, key: string, own: ClaimPath): ClaimTest {
  const written = reader.value(key)
  const path = typeof written === 'string' ? parseClaimPath(written) : undefined
  if (path === undefined) return refuse(reader, key, CLAIM_PATH)
  if (isSamePath(path, own)) return refuse(reader, key, 'the path of another claim, because each claim equals itself')
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
    wants: { kind: 'number' },
  }
}
