import { plainText } from '../option-checks/literal-text.js'
import { isTooLongFor } from '../policy/claim-value.js'
import { compileGlob } from '../policy/glob.js'
import { sideBySide } from './explanation.js'
import { MAX_COMPARED_LENGTH, TOO_LONG_FOR_PATTERNS } from './hints.js'

const MAX_LISTED = 5
/** Patterns that a `sub` is compared with in further ways. */
const MAX_COMPARED = 100
/** One that begins with `^` is refused in the options. */
const LIKE_REGULAR_EXPRESSION = /\.\*|\$$/

/** The first of the configured patterns. */
export function listSubjects(patterns: readonly string[]): string {
  const listed = patterns.slice(0, MAX_LISTED).map((pattern) => JSON.stringify(plainText(pattern)))
  const others = patterns.length - listed.length
  return sideBySide(others === 0 ? listed : [...listed, `and ${others} more`], 'one of allowedSubjects: ')
}

/** How a `sub` almost matches one of the patterns, or what is odd about these. */
export function hintOfSubject(sub: unknown, patterns: readonly string[]): string | undefined {
  const compared = patterns.slice(0, MAX_COMPARED)
  if (isTooLongFor(sub, compared)) return TOO_LONG_FOR_PATTERNS
  return hintOfNearMiss(sub, compared) ?? hintOfPatterns(compared)
}

function hintOfNearMiss(sub: unknown, patterns: readonly string[]): string | undefined {
  if (typeof sub !== 'string' || sub.length > MAX_COMPARED_LENGTH) return undefined
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
  return `it begins with ${plainText(pattern)}: a pattern must match the whole subject; end it with * to accept every subject that begins so`
}

function hintOfPatterns(patterns: readonly string[]): string | undefined {
  const odd = patterns.find((pattern) => LIKE_REGULAR_EXPRESSION.test(pattern))
  return (
    odd && `${plainText(odd)} is not a regular expression: $ and . are ordinary characters, and only * matches any text`
  )
}
