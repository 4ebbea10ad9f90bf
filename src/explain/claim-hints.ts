import type { ClaimCondition } from '../policy/claim-condition.js'
import { type Claims, parseClaimPath, readClaim } from '../policy/claim-path.js'
import type { WantedValues } from '../policy/claim-value.js'
import { type ClaimScalar, compileValue, isGlob, isTooLongFor } from '../policy/claim-value.js'
import { isBoundedText } from '../policy/list-operators.js'
import { nearMiss, TOO_LONG_FOR_PATTERNS } from './hints.js'
import { hintOfOtherPath } from './missing-claim.js'
import { isOptionBeside, type TableOfClaims } from './option-names.js'

/** Elements, words and wanted values that are compared with each other. */
const MAX_EXAMINED = 20
/** What identity providers put between words that is not one space. */
const OTHER_SEPARATORS = /[\s,;]+/

const MISSING = 'the claim is missing: have the identity provider put it'

/** Why a claim is not what a condition wants. */
export function hintOfClaim({ path, wants }: ClaimCondition, claims: Claims, table: TableOfClaims): string | undefined {
  const claim = claimAt(path, claims)
  return claim === undefined ? hintOfMissing(path, claims, table) : hintOfValue(claim, wants)
}

/** The same of the claim that should have groups. */
export function hintOfGroups({ path, wants }: ClaimCondition, claims: Claims): string | undefined {
  const claim = claimAt(path, claims)
  if (claim !== undefined) return hintOfValue(claim, wants)
  const otherPath = hintOfOtherPath(path, claims)
  const byOption = 'groupsClaim (groups_claim)'
  if (otherPath !== undefined) return `${otherPath}: name it by ${byOption}`
  return `${MISSING}, or, with groupsToScopes, name another one by ${byOption}`
}

export function claimAt(written: string, claims: Claims): unknown {
  const path = parseClaimPath(written)
  return path === undefined ? undefined : readClaim(claims, path)
}

function hintOfMissing(path: string, claims: Claims, table: TableOfClaims): string {
  const otherPath = hintOfOtherPath(path, claims)
  if (otherPath !== undefined) return otherPath
  if (!isOptionBeside(path, table)) return MISSING
  return `the claim is missing: is this an option that stands under the table ${table === 'when' ? table : 'requiredClaims (required_claims)'}?`
}

/** Of a claim that is almost what one of the operators wants. */
function hintOfValue(found: unknown, wants: readonly WantedValues[]): string | undefined {
  for (const wanted of wants) {
    const hint = HINTS[wanted.of](found, wanted.of === 'number' ? [] : wanted.values)
    if (hint !== undefined) return hint
  }
  return undefined
}

type HintOfValue = (found: unknown, values: readonly ClaimScalar[]) => string | undefined

const HINTS: Readonly<Record<WantedValues['of'], HintOfValue>> = {
  claim: (found, values) => {
    if (values.some((value) => value === found)) return undefined
    if (Array.isArray(found)) return 'it is an array: use includes'
    if (isTooLongFor(found, values)) return TOO_LONG_FOR_PATTERNS
    return hintOfOtherType(found, values) ?? hintOfSpelling([found], values) ?? hintOfWord(found, values)
  },
  element: (found, values) => {
    if (Array.isArray(found)) return hintOfElements(found.slice(0, MAX_EXAMINED), values)
    if (typeof found !== 'string') return 'it is not an array'
    const isAlone = values.some((value) => compileValue(value)(found))
    const isString = 'it is a string, and not an array of one'
    if (isAlone) return `${isString}: set singleAsArray (single_as_array)`
    return hintOfWord(found, values) ?? isString
  },
  elementOrString: (found, values) => {
    if (Array.isArray(found)) return hintOfElements(found.slice(0, MAX_EXAMINED), values)
    if (typeof found !== 'string') return 'it is neither an array nor a string'
    return hintOfSpelling([found], values) ?? hintOfWord(found, values)
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
  number: (found) => (typeof found === 'string' ? 'it is a string, and not a number' : undefined),
}

function hintOfOtherType(found: unknown, values: readonly ClaimScalar[]): string | undefined {
  if (typeof found !== 'string' && typeof found !== 'number' && typeof found !== 'boolean') return undefined
  if (!values.some((value) => typeof value !== typeof found && String(value) === String(found))) return undefined
  const kind = typeof found === 'boolean' ? 'true or false' : `a ${typeof found}`
  return `it is ${kind}: write it ${typeof found === 'string' ? 'in' : 'without'} quotes`
}

function hintOfElements(elements: readonly unknown[], values: readonly ClaimScalar[]): string | undefined {
  const ofType = elements.map((element) => hintOfOtherType(element, values)).find((hint) => hint !== undefined)
  return ofType === undefined ? hintOfSpelling(elements, values) : `of an element: ${ofType}`
}

/** Of a list of words in one string. */
function hintOfWord(found: unknown, values: readonly ClaimScalar[]): string | undefined {
  if (typeof found !== 'string' || !found.includes(' ') || !isBoundedText(found)) return undefined
  const words = found.split(' ')
  const isWord = values.some((value) => words.includes(String(value)))
  return isWord ? 'it is one string of several words: use hasWord (has_word)' : undefined
}

/** Of texts that differ from a wanted one by case, white space or a slash. */
function hintOfSpelling(found: readonly unknown[], values: readonly ClaimScalar[]): string | undefined {
  const texts = values.filter((value) => typeof value === 'string').filter((value) => !isGlob(value))
  return found.map((each) => nearMiss(each, texts.slice(0, MAX_EXAMINED))).find((hint) => hint !== undefined)
}
