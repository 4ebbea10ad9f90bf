import type { OptionReader } from '../option-checks/option-reader.js'
import { type ClaimConditionOption, readClaimConditions } from './claim-condition.js'
import { compileValue, isScalarOption } from './claim-value.js'
import type { CheckAssertion, Policy } from './policy.js'

/** Which assertions of one identity provider are accepted, beside what every assertion must satisfy. */
export interface PolicyOptions {
  /**
   * The accepted `sub`s, 1 or more: each exactly, or as a glob where it contains `*`, which stands for any run of
   * characters. `'any'`: all. Default: all.
   */
  subjects?: readonly string[] | 'any'
  /** What claims must be, by their paths: all of it. See docs/policy.md. Default: no condition. */
  claims?: Readonly<Record<string, ClaimConditionOption>>
  /** A rule in code, after all others. */
  check?: CheckAssertion
}

const SUBJECTS = 'an array of one subject or more, or "any"'
/** Of all that configure none. */
const ANYTHING: Policy = { acceptsSubject: undefined, claims: [], check: undefined }

export function readPolicy(reader: OptionReader): Policy {
  const acceptsSubject = readSubjects(reader)
  const claims = reader.isNamed('claims') ? readClaimConditions(reader, 'claims') : []
  const check = readCheck(reader)
  const isAnything = acceptsSubject === undefined && claims.length === 0 && check === undefined
  return isAnything ? ANYTHING : { acceptsSubject, claims, check }
}

function readSubjects(reader: OptionReader): Policy['acceptsSubject'] {
  const subjects = reader.value('subjects')
  if (!reader.isNamed('subjects') || subjects === 'any') return undefined
  if (!Array.isArray(subjects)) {
    reader.problem('subjects', SUBJECTS)
    return () => false
  }
  const isSubject = (text: string) => text !== '' && isScalarOption(text)
  const patterns = reader.strings('subjects', 'non-empty strings of at most 1024 characters', isSubject) ?? []
  if (patterns.length === 0) reader.problem('subjects', SUBJECTS, 'none that is usable')
  const tests = patterns.map(compileValue)
  return (sub) => tests.some((test) => test(sub))
}

function readCheck(reader: OptionReader): CheckAssertion | undefined {
  const check = reader.value('check')
  if (!reader.isNamed('check')) return undefined
  if (typeof check === 'function') return check as CheckAssertion
  reader.problem('check', 'a function of the claims: true, or the reason for which they are refused')
  return () => 'unusable'
}
