import type { ReasonCode } from '../errors/reason-codes.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { isForeignType, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { describeType } from '../option-checks/describe-value.js'
import type { Claims } from '../policy/claim-path.js'
import { optionName } from './wording.js'

/** Characters: a longer text is not a near miss, and is not compared in five ways. */
export const MAX_COMPARED_LENGTH = 1024
/** Members of `aud` that are compared with each accepted one. */
const MAX_AUDIENCES = 20
/** Characters of an `aud` that a hint repeats: the advice behind it must not be cut. */
const MAX_SHOWN_AUDIENCE = 64
const IS_ACCESS_TOKEN = 'it is an access token, not an assertion'
/** Seconds: a difference that a clock may well have. */
const PLAUSIBLE_CLOCK_ERROR = 3600

/** How a text that is almost one of these differs from it; undefined if it is like none of them. */
export function nearMiss(found: unknown, wanted: Iterable<string>): string | undefined {
  if (typeof found !== 'string' || found.length > MAX_COMPARED_LENGTH) return undefined
  for (const text of wanted) {
    const difference = differenceOf(found, text)
    if (difference !== undefined) return `it differs from ${text} by ${difference}: they are compared exactly`
  }
  return undefined
}

function differenceOf(found: string, wanted: string): string | undefined {
  const withoutSlash = (text: string) => (text.endsWith('/') ? text.slice(0, -1) : text)
  const withoutScheme = (text: string) => text.replace(/^[a-z]+:\/\//i, '')
  const isSame = (...normalise: ((text: string) => string)[]) =>
    normalise.reduce((text, each) => each(text), found) === normalise.reduce((text, each) => each(text), wanted)
  if (found === wanted) return undefined
  if (found.trim() === wanted) return 'white space around it'
  if (isSame(withoutSlash)) return 'a slash at the end'
  if (isSame((text) => text.toLowerCase())) return 'upper and lower case'
  if (isSame(withoutScheme)) return 'the scheme before ://'
  if (isSame(withoutSlash, withoutScheme, (text) => text.toLowerCase())) return 'slash, scheme or case'
  return undefined
}

/** Of an assertion whose issuer is not known. */
export function hintOfIssuer(
  { header, payload }: UnverifiedJwt,
  names: readonly string[],
  accessTokenAudiences: ReadonlySet<string>,
): string | undefined {
  const iss = ownMember(payload, 'iss')
  if (typeof iss !== 'string') return hintOfText('iss', iss)
  if (!isAccessToken(header.typ)) return nearMiss(iss, names)
  const isForUs = [ownMember(payload, 'aud')]
    .flat()
    .some((each) => typeof each === 'string' && accessTokenAudiences.has(each))
  return isForUs ? 'this is an access token for the APIs of this service, not an assertion' : IS_ACCESS_TOKEN
}

/** @param values of the entries for this issuer */
export function hintOfRegistration(claim: unknown, values: readonly string[]): string {
  if (claim === undefined) return 'the claim is missing: it says which entry of this issuer the assertion is for'
  if (typeof claim !== 'string') return 'the claim must be one string'
  return nearMiss(claim, values) ?? 'no entry of this issuer has this value in registration'
}

function isAccessToken(typ: string | undefined): boolean {
  return /at\+jwt$/i.test(typ ?? '')
}

export function hintOfAlgorithm(alg: string): string | undefined {
  return /^HS|^none$/i.test(alg) ? 'only asymmetric algorithms are accepted' : undefined
}

export function hintOfType(typ: string): string {
  if (isAccessToken(typ)) return IS_ACCESS_TOKEN
  return isForeignType(typ)
    ? 'it is another kind of token, which types cannot allow'
    : 'if it is an assertion, add its typ to types'
}

export function hintOfAudience(
  reason: ReasonCode,
  claims: Claims,
  accepted: ReadonlySet<string>,
  clientId: string | undefined,
): string | undefined {
  const aud = ownMember(claims, 'aud')
  if (reason === 'several_audiences') {
    return `configure the identity provider to send one aud, or set ${optionName('soleAudience')} to false`
  }
  if (reason === 'invalid_audience') return hintOfNoAudience(aud)
  const audiences = [aud].flat().slice(0, MAX_AUDIENCES)
  if (clientId !== undefined && audiences.includes(clientId)) {
    return 'aud is the client id: configure the identity provider to send the alias, or add the client id to audiences'
  }
  return (
    audiences.map((each) => nearMiss(each, accepted)).find((hint) => hint !== undefined) ??
    hintOfOtherAudience(audiences)
  )
}

/** Nobody but the operator knows whether another audience means this service. */
function hintOfOtherAudience([first]: readonly unknown[]): string {
  const meant = typeof first === 'string' && first.length <= MAX_SHOWN_AUDIENCE ? JSON.stringify(first) : 'this aud'
  return `if ${meant} means this service, set alias of this identity provider to it; if not, change the audience at the identity provider`
}

function hintOfNoAudience(aud: unknown): string {
  if (aud === undefined) return 'aud is missing: configure the identity provider to include the alias'
  if (!Array.isArray(aud)) return `aud is ${describeType(aud)}: it must be a string, or an array of strings`
  const wrong = aud.findIndex((each) => typeof each !== 'string')
  if (wrong === -1) return 'aud is an empty array: configure the identity provider to include the alias'
  return `aud has ${describeType(aud[wrong])} at [${wrong}]: each of its members must be a string`
}

/** Of a claim that must be a string which can be read. */
export function hintOfText(name: string, value: unknown): string {
  if (value === undefined) return `${name} is missing: configure the identity provider to include it`
  if (typeof value !== 'string') return `${name} is ${describeType(value)}: it must be a string`
  if (value === '') return `${name} is empty: configure the identity provider to fill it`
  return value === value.trim() ? `${name} has invisible characters` : `${name} has white space around it`
}

export function hintOfJwtId(value: unknown): string {
  const option = `set ${optionName('requireJti')} to false`
  return value === undefined ? `configure the identity provider to include jti, or ${option}` : hintOfText('jti', value)
}

/** Each of the seconds by which a date is off. */
const HINTS_OF_DATES: Partial<Readonly<Record<ReasonCode, (seconds: number) => string>>> = {
  expired: (seconds) => orClock('get a fresh one', seconds),
  not_yet_valid: (seconds) => orClock('it becomes valid later', seconds),
  issued_in_future: (seconds) => `a clock is off by ${Math.ceil(seconds)} s`,
  too_old: () => `get a fresh one, or raise ${optionName('maxAge')}`,
  lifetime_too_long: () => `shorten it at the identity provider, or raise ${optionName('maxLifetime')}`,
}

export function hintOfDate(reason: ReasonCode, date: unknown, now: number): string {
  return HINTS_OF_DATES[reason]?.(Math.abs(Number(date) - now)) ?? hintOfNoDate(date)
}

export function hintOfIssuedAt(reason: ReasonCode, date: unknown, now: number): string {
  if (date !== undefined) return hintOfDate(reason, date, now)
  const option = `set ${optionName('requireIat')} to false`
  return `configure the identity provider to include iat, or ${option}: the age of its assertions is then unknown`
}

function hintOfNoDate(date: unknown): string {
  const wanted = 'it must be a number of seconds since 1970'
  if (date === undefined) return `it is missing: ${wanted}`
  if (typeof date === 'number' && date > 0 && Number.isFinite(date))
    return `it is in milliseconds or smaller units: ${wanted}`
  return typeof date === 'string' ? `it is a string: ${wanted}` : wanted
}

function orClock(advice: string, seconds: number): string {
  const isClock = seconds <= PLAUSIBLE_CLOCK_ERROR
  return isClock ? `${advice}, or a clock is off by ${Math.ceil(seconds)} s or more` : advice
}
