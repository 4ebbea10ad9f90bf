import type { OptionReader } from '../option-checks/option-reader.js'
import type { ClaimPath } from './claim-path.js'
import {
  type ClaimScalar,
  type ClaimTest,
  type ConditionContext,
  compileValue,
  describeNoScalar,
  isScalarOption,
  listOf,
  NEVER,
  readScalars,
  refuse,
  type WantedValues,
} from './claim-value.js'

const IS_WORD = /^\S+$/
const WORD = 'one word without spaces, of at most 1024 characters, or an array of such words'
/** UTF-16 units of a claim in which words are looked for. */
const MAX_WORDS_LENGTH = 16_384

export function readIncludes(reader: OptionReader, key: string, _own: ClaimPath, context: ConditionContext): ClaimTest {
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
  return { of: singleAsArray ? 'elementOrString' : 'element', values }
}

export function readHasWord(reader: OptionReader, key: string): ClaimTest {
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
    wants: { of: 'word', values: [...wanted] },
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && isScalarOption(value) && IS_WORD.test(value)
}

/** Whether words are looked for in a claim. */
export function isBoundedText(claim: unknown): claim is string {
  return typeof claim === 'string' && claim.length <= MAX_WORDS_LENGTH
}
