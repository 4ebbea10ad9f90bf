import { printable } from '../errors/printable.js'
import type { RejectionReason } from '../errors/reason-codes.js'
import { TokenRejected } from '../errors/rejections.js'
import { ownMember } from './parse-json-object.js'

type Claims = Readonly<Record<string, unknown>>

/** A kind of JWT that is neither an assertion nor an access token, and the claims that mark it. */
export interface OtherKind {
  kind: 'security_event' | 'id_token' | 'dpop_proof' | 'introspection_response' | 'refresh_token'
  members: readonly string[]
  /** The value that each of the members has, in any case; undefined: any value. */
  value?: string
}

/** The end of the year 9999. A later NumericDate is refused. */
const MAX_DATE = 253_402_300_799
/**
 * Members that together mark a JWT as another kind of token, for any `typ` (RFC 8725 §3.12).
 */
const OTHER_KINDS: readonly OtherKind[] = [
  { members: ['events'], kind: 'security_event' }, // RFC 8417 §2.2
  { members: ['nonce', 'at_hash'], kind: 'id_token' }, // OpenID Connect Core §3.1.3.6
  { members: ['nonce', 'c_hash'], kind: 'id_token' }, // OpenID Connect Core §3.3.2.11
  { members: ['nonce', 's_hash'], kind: 'id_token' }, // FAPI 1.0 part 2, §5.1.1
  { members: ['htm', 'htu'], kind: 'dpop_proof' }, // RFC 9449 §4.2
  { members: ['token_introspection'], kind: 'introspection_response' }, // RFC 9701 §5
  // No standard says what a refresh token is, so these are the words of products: Keycloak, Cognito and others, and Spring.
  { members: ['typ'], value: 'refresh', kind: 'refresh_token' },
  { members: ['typ'], value: 'offline', kind: 'refresh_token' },
  { members: ['token_use'], value: 'refresh', kind: 'refresh_token' },
  { members: ['token_type'], value: 'refresh', kind: 'refresh_token' },
  { members: ['ati'], kind: 'refresh_token' },
]
const CONTROL_CHARACTER = /\p{Cc}/u
/** Characters that make two subjects look alike, or end a line of a log. U+2800 is a blank. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u
const VISIBLE_ASCII = /^[\x21-\x7E]+$/

/** A claim that must be a non-empty, well-formed string without control characters (RFC 7519 §4.1). */
export function readStringClaim(claims: Claims, name: string, reason: RejectionReason): string {
  const value = ownMember(claims, name)
  if (!isPlainText(value)) throw new TokenRejected(reason)
  return value
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !CONTROL_CHARACTER.test(value)
}

/**
 * Whether a value can be a subject: plain text without invisible characters, and without white space around it, which
 * databases and people overlook. White space inside is common, as in `CN=Alice Smith, O=Acme`.
 */
export function isSubject(value: unknown): value is string {
  if (typeof value !== 'string') return false
  return VISIBLE_ASCII.test(value) || (isPlainText(value) && !hasInvisible(value) && value === value.trim())
}

export function hasInvisible(text: string): boolean {
  return INVISIBLE.test(text)
}

/** @throws TokenRejected `invalid_subject` */
export function readSubject(claims: Claims): string {
  const sub = ownMember(claims, 'sub')
  if (!isSubject(sub)) throw new TokenRejected('invalid_subject')
  return sub
}

/** The NumericDate of a claim (RFC 7519 §2): a finite number of seconds, fractions allowed; undefined if absent. */
export function readNumericDate(claims: Claims, name: string, reason: RejectionReason): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  const value = claims[name]
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_DATE)) throw new TokenRejected(reason)
  return value
}

/**
 * `aud` is a string or an array of strings and names one of `accepted`, compared exactly (RFC 7519 §4.1.3).
 *
 * @param isSole whether it must be the only one
 */
export function checkAudience(claims: Claims, accepted: ReadonlySet<string>, isSole = false): void {
  const aud = ownMember(claims, 'aud')
  const audiences = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(audiences) || audiences.length === 0) throw new TokenRejected('invalid_audience')
  if (!audiences.every((audience) => typeof audience === 'string')) throw new TokenRejected('invalid_audience')
  const isAccepted = audiences.some((audience) => accepted.has(audience))
  if (isAccepted && !(isSole && audiences.length > 1)) return
  const rejection = new TokenRejected(isAccepted ? 'several_audiences' : 'wrong_audience')
  rejection.context = { audience: printable(audiences.join(' ')) }
  throw rejection
}

/** `exp`, which is required and must not have passed (RFC 7519 §4.1.4). */
export function readExpiry(claims: Claims, now: number, clockTolerance: number): number {
  const expiresAt = readNumericDate(claims, 'exp', 'invalid_expiry')
  if (expiresAt === undefined) throw new TokenRejected('invalid_expiry')
  checkNotExpired(expiresAt, now, clockTolerance)
  return expiresAt
}

/**
 * Refuses from the second `expiresAt + clockTolerance` on. This and the checks below are written with `!`, so that they also
 * refuse if the clock of the host returns `NaN`.
 *
 * @throws TokenRejected `expired`
 */
export function checkNotExpired(expiresAt: number, now: number, clockTolerance: number): void {
  if (!(now < expiresAt + clockTolerance)) throw new TokenRejected('expired')
}

/** In seconds. */
export interface LifetimeLimits {
  clockTolerance: number
  maxLifetime: number
}

/**
 * `exp`, which must not have passed and must be at most `maxLifetime` seconds ahead.
 *
 * @throws TokenRejected `invalid_expiry`, `expired`, `lifetime_too_long`
 */
export function readBoundedExpiry(
  claims: Claims,
  now: number,
  { clockTolerance, maxLifetime }: LifetimeLimits,
): number {
  const expiresAt = readExpiry(claims, now, clockTolerance)
  if (!(expiresAt <= now + maxLifetime + clockTolerance)) throw new TokenRejected('lifetime_too_long')
  return expiresAt
}

/** `nbf`, if present. Refuses before the second `nbf - clockTolerance` (RFC 7519 §4.1.5). */
export function readNotBefore(claims: Claims, now: number, clockTolerance: number): number | undefined {
  const notBefore = readNumericDate(claims, 'nbf', 'invalid_not_before')
  if (notBefore !== undefined && !(now >= notBefore - clockTolerance)) throw new TokenRejected('not_yet_valid')
  return notBefore
}

/** In seconds. */
export interface AgeLimits {
  clockTolerance: number
  maxAge: number
  requireIat: boolean
}

/** `iat`: not in the future, and at most `maxAge` seconds ago (RFC 7523 §3, 6). */
export function checkIssuedAt(claims: Claims, now: number, { clockTolerance, maxAge, requireIat }: AgeLimits): void {
  const issuedAt = readNumericDate(claims, 'iat', 'invalid_issued_at')
  if (issuedAt === undefined && requireIat) throw new TokenRejected('invalid_issued_at')
  if (issuedAt === undefined) return
  if (!(now >= issuedAt - clockTolerance)) throw new TokenRejected('issued_in_future')
  if (!(now <= issuedAt + maxAge + clockTolerance)) throw new TokenRejected('too_old')
}

/**
 * What every assertion that authenticates a client must satisfy (RFC 7523 §3, rules 3 to 7). Returns `exp`.
 *
 * @param audiences accepted as the only value of `aud`
 */
export function checkClientAssertionClaims(
  claims: Claims,
  audiences: ReadonlySet<string>,
  now: number,
  limits: LifetimeLimits & AgeLimits,
): number {
  checkAudience(claims, audiences, true)
  const expiresAt = readBoundedExpiry(claims, now, limits)
  readNotBefore(claims, now, limits.clockTolerance)
  checkIssuedAt(claims, now, limits)
  checkTokenKind(claims)
  checkNoConfirmation(claims)
  checkNoDelegation(claims)
  return expiresAt
}

/** The kind of token that the claims mark, if it is neither an assertion nor an access token. */
export function findOtherKind(claims: Claims): OtherKind | undefined {
  return OTHER_KINDS.find(({ members, value }) => members.every((member) => isMarked(claims, member, value)))
}

function isMarked(claims: Claims, member: string, value: string | undefined): boolean {
  if (value === undefined) return Object.hasOwn(claims, member)
  const claim = ownMember(claims, member)
  return typeof claim === 'string' && claim.toLowerCase() === value
}

/** @throws TokenRejected `wrong_token_kind` */
export function checkTokenKind(claims: Claims): void {
  if (findOtherKind(claims) !== undefined) throw new TokenRejected('wrong_token_kind')
}

/**
 * A token with `cnf` is for the holder of a key only (RFC 7800 §3.1). Without a proof of that key the token may be stolen, and
 * no proof is read here.
 *
 * @throws TokenRejected `unconfirmed_key`
 */
export function checkNoConfirmation(claims: Claims): void {
  if (Object.hasOwn(claims, 'cnf')) throw new TokenRejected('unconfirmed_key')
}

/**
 * A token with `act` is used by another party for its subject (RFC 8693 §4.1), and that party must not become the subject.
 * `may_act` only permits such use, so it is accepted.
 *
 * @throws TokenRejected `unsupported_delegation`
 */
export function checkNoDelegation(claims: Claims): void {
  if (Object.hasOwn(claims, 'act')) throw new TokenRejected('unsupported_delegation')
}
