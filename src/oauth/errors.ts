import { fieldOf } from '../errors/field-of.js'
import type { ReasonCode, RequestReason } from '../errors/reason-codes.js'
import type { GrantContext, ScopeContext, TokenContext } from '../errors/rejections.js'

/** The error codes of RFC 6749 §5.2, RFC 6750 §3.1 and RFC 8707 §2, and `temporarily_unavailable` for an outage. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'temporarily_unavailable'

const STATUS_OF_CODE: Record<OAuthErrorCode, number> = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  temporarily_unavailable: 503,
}

/** What an `OAuthError` has in addition to its code and description. */
export interface OAuthErrorDetails {
  /** HTTP status; default: the one that belongs to the code. */
  status?: number
  headers?: Readonly<Record<string, string>>
  /** The URI of a page about the error, in the characters of RFC 6749 §5.2: `error_uri`. Default: none. */
  uri?: string
  /** The reason that events report and the client does not see. Default: the code, which is then a reason as well. */
  reason?: ReasonCode
}

/** Spread first, so that nothing is read from `Object.prototype`. */
const NO_DETAILS = { status: undefined, headers: undefined, uri: undefined, reason: undefined }
const ERROR_URI = /^[\x21\x23-\x5B\x5D-\x7E]+$/

/**
 * What a client sees. `message` is the `error_description`: a fixed text in the characters of RFC 6749 §5.2 that
 * never quotes input. It is an answer, not a defect, so it has no stack that a host's error page could print.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly status: number
  /** The same as `status`, for frameworks that read this name, such as Nest. */
  readonly statusCode: number
  /** Whether a host may show `message`, for frameworks that read this name, such as Koa. It is a fixed text. */
  readonly expose = true
  readonly headers: Readonly<Record<string, string>>
  /** The `error_uri`; undefined: none. */
  readonly uri: string | undefined
  readonly reason: ReasonCode
  context: TokenContext & ScopeContext & GrantContext = {}

  constructor(code: OAuthErrorCode, description: string, details: OAuthErrorDetails = {}) {
    super(description)
    this.stack = `OAuthError: ${description}`
    const { status, headers, uri, reason } = { ...NO_DETAILS, ...details }
    this.code = code
    this.status = status ?? STATUS_OF_CODE[code] ?? 400 // JavaScript callers may have a code of their own.
    this.statusCode = this.status
    this.headers = headers ?? {}
    this.uri = uri
    this.reason = reason ?? (code as RequestReason)
  }
}

export function isOAuthError(error: unknown): error is OAuthError {
  return fieldOf(error, 'name') === 'OAuthError'
}

/** RFC 6749 §5.2. */
export function isErrorUri(text: unknown): text is string {
  return typeof text === 'string' && ERROR_URI.test(text)
}
