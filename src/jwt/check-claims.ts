import { printable } from '../errors/printable.js'
import type { RejectionReason } from '../errors/reason-codes.js'
import { TokenRejected } from '../errors/rejections.js'

type Claims = Readonly<Record<string, unknown>>

/** The end of the year 9999: a later NumericDate is no date. */
const LATEST_DATE = 253_402_300_799
const CONTROL_CHARACTER = /\p{Cc}/u

/** A claim that must be a non-empty, well-formed string without control characters (RFC 7519 §4.1). */
export function checkStringClaim(claims: Claims, name: string, reason: RejectionReason): string {
  const value = claims[name]
  if (!isPlainText(value)) throw new TokenRejected(reason)
  return value
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !CONTROL_CHARACTER.test(value)
}

/** The NumericDate of a claim (RFC 7519 §2): a finite number of seconds, fractions allowed; undefined where absent. */
export function checkNumericDate(claims: Claims, name: string, reason: RejectionReason): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  const value = claims[name]
  if (typeof value !== 'number' || !(value >= 0 && value <= LATEST_DATE)) throw new TokenRejected(reason)
  return value
}

/** `aud` is a string or an array of strings and names one of `accepted`, compared exactly (RFC 7519 §4.1.3). */
export function checkAudience(claims: Claims, accepted: ReadonlySet<string>): void {
  const audiences = typeof claims.aud === 'string' ? [claims.aud] : claims.aud
  if (!Array.isArray(audiences) || audiences.length === 0) throw new TokenRejected('invalid_audience')
  if (!audiences.every((audience) => typeof audience === 'string')) throw new TokenRejected('invalid_audience')
  if (audiences.some((audience) => accepted.has(audience))) return
  const rejection = new TokenRejected('wrong_audience')
  rejection.context = { audience: printable(audiences.join(' ')) }
  throw rejection
}

/** `exp` is required; refused from the second `exp + clockTolerance` on (RFC 7519 §4.1.4). */
export function checkExpiry(claims: Claims, now: number, clockTolerance: number): number {
  const expiresAt = checkNumericDate(claims, 'exp', 'invalid_expiry')
  if (expiresAt === undefined) throw new TokenRejected('invalid_expiry')
  if (now >= expiresAt + clockTolerance) throw new TokenRejected('expired')
  return expiresAt
}

/** `nbf`, when present: refused before the second `nbf - clockTolerance` (RFC 7519 §4.1.5). */
export function checkNotBefore(claims: Claims, now: number, clockTolerance: number): number | undefined {
  const notBefore = checkNumericDate(claims, 'nbf', 'invalid_not_before')
  if (notBefore !== undefined && now < notBefore - clockTolerance) throw new TokenRejected('not_yet_valid')
  return notBefore
}

/** `iat`, when present: not in the future, and at most `maxAge` seconds ago (RFC 7523 §3, 6). */
export function checkIssuedAt(claims: Claims, now: number, clockTolerance: number, maxAge: number): void {
  const issuedAt = checkNumericDate(claims, 'iat', 'invalid_issued_at')
  if (issuedAt === undefined) return
  if (now < issuedAt - clockTolerance) throw new TokenRejected('issued_in_future')
  if (now > issuedAt + maxAge + clockTolerance) throw new TokenRejected('too_old')
}
