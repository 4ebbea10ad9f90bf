import { plainText } from '../option-checks/describe-value.js'
import type { ClaimCondition } from '../policy/claim-condition.js'
import { isBoundedText } from '../policy/claim-operators.js'
import { type Claims, parseClaimPath, readClaim } from '../policy/claim-path.js'
import {
  type ClaimScalar,
  compileValue,
  isGlob,
  isTooLongFor,
  MAX_MATCHED_LENGTH,
  type WantedValues,
} from '../policy/claim-value.js'
import { compileGlob } from '../policy/glob.js'
import { hintOfMissing, hintOfMissingGroups, type TableOfClaims } from './missing-claim.js'
import { MAX_COMPARED_LENGTH, nearMiss } from './token-hints.js'
import { optionName } from './wording.js'

/** Elements, words and wanted values that are compared with each other. */
const MAX_EXAMINED = 20
/** What identity providers put between words that is not one space. */
const OTHER_SEPARATORS = /[\s,;]+/
/** Patterns that a `sub` is compared with in further ways. */
const MAX_COMPARED = 100
/** One that begins with `^` is refused in the options. */
const LIKE_REGULAR_EXPRESSION = /\.\*|\$$/
const NOT_LISTED = `if it may use this service, add it to ${optionName('allowedSubjects')}, exactly or as a pattern with *`
const TOO_LONG_FOR_PATTERNS = `it is too long: a pattern matches at most ${MAX_MATCHED_LENGTH} characters`

/** Why a claim is not what a condition wants. */
export function hintOfClaim({ path, wants }: ClaimCondition, claims: Claims, table: TableOfClaims): string | undefined {
  const claim = claimAt(path, claims)
  return claim === undefined ? hintOfMissing(path, claims, table) : hintOfValue(claim, wants)
}

/** The same of the claim that should have groups. */
export function hintOfGroups({ path, wants }: ClaimCondition, claims: Claims): string | undefined {
  const claim = claimAt(path, claims)
  return claim === undefined ? hintOfMissingGroups(path, claims) : hintOfValue(claim, wants)
}

export function claimAt(written: string, claims: Claims): unknown {
  const path = parseClaimPath(written)
  return path === undefined ? undefined : readClaim(claims, path)
}

/** Of a claim that is almost what one of the operators wants. */
function hintOfValue(found: unknown, wants: readonly WantedValues[]): string | undefined {
  for (const wanted of wants) {
    const hint = HINTS[wanted.kind](found, wanted.kind === 'number' ? [] : wanted.values)
    if (hint !== undefined) return hint
  }
  return undefined
}

type HintOfValue = (found: unknown, values: readonly ClaimScalar[]) => string | undefined

const HINTS: Readonly<Record<WantedValues['kind'], HintOfValue>> = {
  value: (found, values) => {
    if (values.some((value) => value === found)) return undefined
    if (Array.isArray(found)) return 'it is an array: use includes'
    if (isTooLongFor(found, values)) return TOO_LONG_FOR_PATTERNS
    return hintOfOtherType(found, values) ?? hintOfTexts([found], values) ?? hintOfWord(found, values)
  },
  element: (found, values) => {
    if (Array.isArray(found)) return hintOfElements(found.slice(0, MAX_EXAMINED), values)
    if (typeof found !== 'string') return 'it is not an array'
    const isAlone = values.some((value) => compileValue(value)(found))
    const isString = 'it is a string, not an array of one'
    if (isAlone) return `${isString}: set ${optionName('singleAsArray')}`
    return hintOfWord(found, values) ?? isString
  },
  elementOrString: (found, values) => {
    if (Array.isArray(found)) return hintOfElements(found.slice(0, MAX_EXAMINED), values)
    if (typeof found !== 'string') return 'it is neither an array nor a string'
    return hintOfTexts([found], values) ?? hintOfWord(found, values)
  },
  word: (found, values) => {
    if (Array.isArray(found)) return 'it is an array: use includes'
    if (typeof found !== 'string') return 'it is not a string'
    if (!isBoundedText(found)) return 'it is too long to be searched for words'
    const words = found.split(OTHER_SEPARATORS)
    if (words.length > 1 && values.some((value) => words.includes(String(value)))) {
      return 'its words must be separated by spaces'
    }
    return hintOfSpelling(found.split(' ').slice(0, MAX_EXAMINED), values)
  },
  number: (found) => (typeof found === 'string' ? 'it is a string, not a number' : undefined),
}

function hintOfOtherType(found: unknown, values: readonly ClaimScalar[]): string | undefined {
  if (typeof found !== 'string' && typeof found !== 'number' && typeof found !== 'boolean') return undefined
  if (!values.some((value) => typeof value !== typeof found && String(value) === String(found))) return undefined
  const kind = typeof found === 'boolean' ? 'true or false' : `a ${typeof found}`
  return `it is ${kind}: write it ${typeof found === 'string' ? 'in' : 'without'} quotes`
}

function hintOfElements(elements: readonly unknown[], values: readonly ClaimScalar[]): string | undefined {
  const ofType = elements.map((element) => hintOfOtherType(element, values)).find((hint) => hint !== undefined)
  return ofType === undefined ? hintOfTexts(elements, values) : `of an element: ${ofType}`
}

/** Of a list of words in one string. */
function hintOfWord(found: unknown, values: readonly ClaimScalar[]): string | undefined {
  if (typeof found !== 'string' || !found.includes(' ') || !isBoundedText(found)) return undefined
  const words = found.split(' ')
  const isWord = values.some((value) => words.includes(String(value)))
  return isWord ? `it is one string of several words: use ${optionName('hasWord')}` : undefined
}

/** Of texts that a wanted one matches but for its literal `*`, or by its spelling. */
function hintOfTexts(found: readonly unknown[], values: readonly ClaimScalar[]): string | undefined {
  const texts = values.filter((value) => typeof value === 'string').slice(0, MAX_EXAMINED)
  for (const each of found) {
    const hint =
      typeof each === 'string' && each.length <= MAX_COMPARED_LENGTH ? hintOfLiterals(each, texts) : undefined
    if (hint !== undefined) return hint
  }
  return hintOfSpelling(found, values)
}

/** If a `*` came from an environment variable, and would match as a pattern. */
function hintOfLiterals(text: string, patterns: readonly string[]): string | undefined {
  const literal = patterns.find((each) => each !== plainText(each) && compileGlob(plainText(each))(text))
  if (literal === undefined) return undefined
  return `the * in ${plainText(literal)} comes from an environment variable and is literal; write the pattern in the file`
}

/** Of texts that differ from a wanted one by case, white space or a slash. */
function hintOfSpelling(found: readonly unknown[], values: readonly ClaimScalar[]): string | undefined {
  const texts = values.filter((value) => typeof value === 'string').filter((value) => !isGlob(value))
  return found.map((each) => nearMiss(each, texts.slice(0, MAX_EXAMINED))).find((hint) => hint !== undefined)
}

/** How a `sub` almost matches one of the patterns, or what is odd about these, or how to accept it. */
export function hintOfSubject(sub: unknown, patterns: readonly string[]): string {
  const compared = patterns.slice(0, MAX_COMPARED)
  if (isTooLongFor(sub, compared)) return TOO_LONG_FOR_PATTERNS
  return hintOfNearMiss(sub, compared) ?? hintOfPatterns(compared) ?? NOT_LISTED
}

function hintOfNearMiss(sub: unknown, patterns: readonly string[]): string | undefined {
  if (typeof sub !== 'string' || sub.length > MAX_COMPARED_LENGTH) return undefined
  const literal = hintOfLiterals(sub, patterns)
  if (literal !== undefined) return literal
  for (const pattern of patterns) {
    const hint = nearMissOf(sub, pattern)
    if (hint !== undefined) return hint
  }
  return undefined
}

function nearMissOf(sub: string, pattern: string): string | undefined {
  const isSame = (normalise: (text: string) => string) => compileGlob(normalise(pattern))(normalise(sub))
  const differs = (difference: string) =>
    `it differs from ${plainText(pattern)} by ${difference}: they are compared exactly`
  if (isSame((text) => text.trim())) return differs('white space around it')
  if (isSame((text) => text.toLowerCase())) return differs('upper and lower case')
  if (!compileGlob(`${pattern}*`)(sub)) return undefined
  return `it begins with ${plainText(pattern)}: a pattern must match the whole subject; end it with * to accept every subject that begins like this`
}

function hintOfPatterns(patterns: readonly string[]): string | undefined {
  const odd = patterns.find((pattern) => LIKE_REGULAR_EXPRESSION.test(pattern))
  return (
    odd && `${plainText(odd)} is not a regular expression: $ and . are ordinary characters, and only * matches any text`
  )
}
