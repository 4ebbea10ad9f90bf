import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isForeignType } from '../jwt/parse-jwt.js'
import type { Claims } from '../policy/claim-path.js'
import { MAX_MATCHED_LENGTH } from '../policy/claim-value.js'
import { hintOfMalformed, kindOf } from './malformed-jwt.js'

/** Characters: a longer text is no near miss, and is not compared in five ways. */
export const MAX_COMPARED_LENGTH = 1024
export const TOO_LONG_FOR_PATTERNS = `it is too long: a pattern matches at most ${MAX_MATCHED_LENGTH} characters`
/** Members of `aud` that are compared with each accepted one. */
const MAX_AUDIENCES = 20
const IS_ACCESS_TOKEN = 'it is an access token, not an assertion'
/** Seconds: a difference that a clock may well have. */
const PLAUSIBLE_CLOCK_ERROR = 3600

/** How a text that is almost one of these differs from it; undefined where it is none of them by far. */
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

/** What a text that is no JWT may be. */
export function hintOfShape(reason: string, text: string): string | undefined {
  if (reason === 'unsupported_header') return 'turn the extension off at the identity provider'
  if (reason === 'too_large')
    return 'raise maxBytes (max_bytes), or configure the identity provider to include fewer claims'
  if (text.trim() === '') return 'the input is empty'
  if (/^\s*\{/.test(text) && /"(?:access|id)_token"/.test(text)) {
    return 'this is a whole token response: give the assertion alone'
  }
  if (/^(?:authorization: ?)?bearer /i.test(text)) return 'leave out Bearer'
  if (/^(?:grant_type=[^&]{0,100}&)?assertion=/.test(text)) return 'leave out assertion='
  if (/[\r\n]$/.test(text) && !/\s/.test(text.trimEnd())) return 'it ends with a line break: remove that'
  if (text !== text.trim() && !/\s/.test(text.trim())) return 'it has white space around it: remove that'
  if (/\s/.test(text)) return 'it has white space or line breaks within: send it in one line'
  if (/^["']|["']$/.test(text)) return 'it has quotation marks around it'
  const parts = text.split('.')
  if (parts.length === 5) return 'five parts: it is encrypted, which is not accepted'
  if (parts.length !== 3)
    return `${parts.length === 1 ? 'one part' : `${parts.length} parts`} in place of three: it is opaque, or cut off`
  if (parts[2] === '') return 'it has no signature'
  if (/[=+/]/.test(text)) return 'it is in base64, and not in base64url without padding'
  return hintOfMalformed(parts)
}

/** Of an assertion whose issuer is not known. */
export function hintOfIssuer(
  { header, payload }: UnverifiedJwt,
  names: readonly string[],
  ofAccessTokens: ReadonlySet<string>,
): string | undefined {
  const iss = ownMember(payload, 'iss')
  if (typeof iss !== 'string') return hintOfText('iss', iss)
  if (!isAccessToken(header.typ)) return nearMiss(iss, names)
  const isForUs = [ownMember(payload, 'aud')]
    .flat()
    .some((each) => typeof each === 'string' && ofAccessTokens.has(each))
  return isForUs ? 'this is an access token for the APIs of this service, and not an assertion' : IS_ACCESS_TOKEN
}

function isAccessToken(typ: string | undefined): boolean {
  return /at\+jwt$/i.test(typ ?? '')
}

export function hintOfAlgorithm(alg: string): string | undefined {
  return /^HS|^none$/i.test(alg) ? 'only asymmetric signatures are ever accepted' : undefined
}

export function hintOfType(typ: string): string {
  if (isAccessToken(typ)) return IS_ACCESS_TOKEN
  return isForeignType(typ) ? 'it is another kind of token, which types cannot allow' : 'configure types'
}

export function hintOfAudience(
  reason: string,
  claims: Claims,
  accepted: ReadonlySet<string>,
  clientId: string | undefined,
): string | undefined {
  const aud = ownMember(claims, 'aud')
  if (reason === 'invalid_audience') return hintOfNoAudience(aud)
  const audiences = [aud].flat().slice(0, MAX_AUDIENCES)
  if (clientId !== undefined && audiences.includes(clientId)) {
    return 'aud is the id of the client: have the identity provider put the alias, or add the id to audiences'
  }
  return audiences.map((each) => nearMiss(each, accepted)).find((hint) => hint !== undefined)
}

function hintOfNoAudience(aud: unknown): string {
  if (aud === undefined) return 'aud is missing: configure the identity provider to include the alias'
  if (!Array.isArray(aud)) return `aud is ${kindOf(aud)}: it must be a string, or an array of strings`
  const wrong = aud.findIndex((each) => typeof each !== 'string')
  if (wrong === -1) return 'aud is an empty array: configure the identity provider to include the alias'
  return `aud has ${kindOf(aud[wrong])} at [${wrong}]: each of its members must be a string`
}

/** Of a claim that must be a string which can be read. */
export function hintOfText(name: string, value: unknown): string {
  if (value === undefined) return `${name} is missing: configure the identity provider to include it`
  if (typeof value !== 'string') return `${name} is ${kindOf(value)}: it must be a string`
  if (value === '') return `${name} is empty: configure the identity provider to fill it`
  return value === value.trim() ? `${name} has invisible characters` : `${name} has white space around it`
}

export function hintOfNoDate(date: unknown): string {
  const wanted = 'it must be a number of seconds since 1970'
  if (date === undefined) return `it is missing: ${wanted}`
  if (typeof date === 'number' && date > 0 && Number.isFinite(date))
    return `it is in milliseconds or smaller units: ${wanted}`
  return typeof date === 'string' ? `it is a string: ${wanted}` : wanted
}

/** @param seconds by which a date is off */
export function hintOfClock(seconds: number, otherwise: string): string {
  const isClock = seconds <= PLAUSIBLE_CLOCK_ERROR
  return isClock ? `${otherwise}, or a clock is off by ${Math.ceil(seconds)} s or more` : otherwise
}
