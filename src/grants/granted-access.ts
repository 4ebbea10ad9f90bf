import { MAX_SUBJECT_LENGTH } from '../assertion/resolve-subject.js'
import type { Authorization } from '../authorization/authorization.js'
import { isSubject } from '../jwt/check-claims.js'
import { isScopeToken } from '../oauth/scope.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { OWN_CLAIMS } from '../policy/claim-mapping.js'
import type { GrantedAccess } from './grant.js'

/** The end of the year 9999: a time in milliseconds is later. */
const MAX_DATE = 253_402_300_799
/** Members of the answer that come from the access token (RFC 6749 §5.1), or make it an error (§5.2). */
const OWN_MEMBERS = ['access_token', 'token_type', 'expires_in', 'scope', 'error', 'error_description', 'error_uri']
const SCOPE = 'scope tokens of RFC 6749 §3.3'
const NO_CLAIMS: Readonly<Record<string, unknown>> = {}

/**
 * What a grant has returned, each member there, so that nothing is taken from `Object.prototype` instead. They are copies:
 * what the host does with its objects while the access is bounded adds no name that was not checked.
 */
export interface CheckedAccess {
  subject: string
  scopes: readonly string[]
  audiences: readonly string[] | undefined
  claims: Readonly<Record<string, unknown>>
  lifetime: number | undefined
  latestExpiry: number | undefined
  identityProvider: string | undefined
  bindings: readonly string[]
  response: GrantedAccess['response'] | undefined
}

/**
 * What a grant of the host has returned, if it has the right shape. This does not check whether the client may have it.
 *
 * @throws ConfigError with all problems together
 */
export function readGrantedAccess(value: unknown): CheckedAccess {
  const reader = new OptionReader(value, ['authorize()'])
  const access = {
    subject: readUsableSubject(reader),
    scopes: readScopes(reader),
    audiences: readAudiences(reader),
    claims: readClaims(reader),
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }),
    latestExpiry: reader.optionalInteger('latestExpiry', { min: 0, max: MAX_DATE, unit: 'seconds since the epoch' }),
    identityProvider: reader.has('identityProvider') ? reader.string('identityProvider') : undefined,
    bindings: reader.strings('bindings', 'names of bindings') ?? [],
    response: readResponse(reader),
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return access
}

/** The authorization of a built-in grant, as a grant of the host gets and returns it. */
export function toGrantedAccess({
  subject,
  scopes,
  audiences,
  claims,
  lifetime,
  latestExpiry,
  identityProvider,
  bindings,
}: Authorization): GrantedAccess {
  return {
    subject,
    scopes,
    audiences: [...audiences],
    claims,
    ...(Number.isFinite(lifetime) && { lifetime }),
    ...(Number.isFinite(latestExpiry) && { latestExpiry }),
    ...(identityProvider !== undefined && { identityProvider }),
    ...(bindings.length > 0 && { bindings }),
  }
}

/** Reads the subject unchanged. If a mark for literal text were converted to its character, two subjects could become one. */
function readUsableSubject(reader: OptionReader): string {
  const expected = 'a string that can be a subject'
  const subject = reader.string('subject', expected, isUsableSubject)
  if (reader.pattern('subject') !== subject) reader.problem('subject', expected)
  return subject
}

function isUsableSubject(text: string): boolean {
  return isSubject(text) && text.length <= MAX_SUBJECT_LENGTH
}

/** Empty is an answer, but none is not. */
function readScopes(reader: OptionReader): string[] {
  if (!reader.has('scopes')) reader.problem('scopes', `an array of ${SCOPE}`)
  return [...new Set(reader.strings('scopes', SCOPE, isScopeToken))]
}

function readAudiences(reader: OptionReader): string[] | undefined {
  const audiences = reader.strings('audiences', 'audiences of the exchange')
  if (audiences?.length === 0) reader.problem('audiences', 'at least one audience', 'an empty array')
  return audiences
}

/** A copy: what the host does with its object later must not add a claim. */
function readClaims(reader: OptionReader): Readonly<Record<string, unknown>> {
  const given = reader.has('claims') ? reader.pattern('claims') : NO_CLAIMS
  if (!isPlainObject(given)) {
    reader.problem('claims', 'an object of claims')
    return NO_CLAIMS
  }
  const claims = { ...given }
  const own = Object.keys(claims).find((name) => OWN_CLAIMS.includes(name))
  if (own !== undefined)
    reader.problem('claims', 'only claims that the exchange does not set itself', JSON.stringify(own))
  if (Object.values(claims).some(isThenable)) {
    reader.problem('claims', 'values that the grant has awaited', 'a promise')
    return NO_CLAIMS
  }
  return claims
}

/** It would be waited for, even if it never settles. */
function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function readResponse(reader: OptionReader): GrantedAccess['response'] {
  if (!reader.has('response')) return undefined
  const given = reader.pattern('response')
  const response = isPlainObject(given) ? { ...given } : undefined
  const isMember = ([name, value]: [string, unknown]) =>
    !OWN_MEMBERS.includes(name) && (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value))
  if (response !== undefined && Object.entries(response).every(isMember)) return response as GrantedAccess['response']
  reader.problem('response', `an object of strings, numbers and booleans, without ${OWN_MEMBERS.join(', ')}`)
  return undefined
}
