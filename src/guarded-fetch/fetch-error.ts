import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'

/** Why a key set could not be fetched. Stable: see docs/errors.md. */
export type JwksFetchFailure =
  | 'request_headers_failed'
  | 'bearer_token_file_failed'
  | 'address_not_allowed'
  | 'proxy_refused'
  | 'connection_timeout'
  | 'connection_failed'
  | 'certificate_not_trusted'
  | 'read_timeout'
  | 'read_failed'
  | 'too_large'
  | 'redirected'
  | 'unexpected_status'
  | 'unexpected_encoding'
  | 'not_json'
  | 'not_a_key_set'
  | 'not_metadata'
  | 'metadata_of_another_issuer'
  | 'no_usable_key'
  | 'closed'

export interface JwksFetchErrorDetails {
  /** The code of the underlying error, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`, or the HTTP status. */
  code?: string
  /** Milliseconds for which the endpoint asked to be left alone. */
  retryAfter?: number
  /** What was found, for an operator. Printable ASCII, at most 200 characters. */
  detail?: string
}

/** A failed fetch, as operators see it. */
export interface FetchFailure {
  /** A stable code: see docs/errors.md. */
  reason: string
  /** The code of the underlying error, or the HTTP status. */
  code?: string
  /** The URL that was requested. With `discovery` it is the URL of the metadata or of the key set. */
  url?: string
  /** What was found instead. */
  detail?: string
}

export class JwksFetchError extends Error {
  override readonly name = 'JwksFetchError'
  readonly failure: JwksFetchFailure
  readonly code: string | undefined
  readonly retryAfter: number | undefined
  readonly detail: string | undefined
  #url: string | undefined
  #isOfReusedConnection = false

  constructor(failure: JwksFetchFailure, details: JwksFetchErrorDetails = {}) {
    super(failure)
    this.failure = failure
    const { code, retryAfter, detail } = { code: undefined, retryAfter: undefined, detail: undefined, ...details }
    this.code = code
    this.retryAfter = retryAfter
    this.detail = detail === undefined ? undefined : printable(detail)
  }

  /** The URL that was requested: of the metadata or of the key set. Printable ASCII, at most 200 characters. */
  get url(): string | undefined {
    return this.#url
  }

  /**
   * Whether the connection had served an earlier request, and ended before there was an answer: the endpoint may have closed it
   * because it was idle.
   */
  get isOfReusedConnection(): boolean {
    return this.#isOfReusedConnection
  }

  at(url: URL, isOfReusedConnection = false): this {
    this.#url ??= printable(url.href)
    this.#isOfReusedConnection ||= isOfReusedConnection
    return this
  }

  /** What events and stats say of it. */
  describe(): FetchFailure {
    return {
      reason: this.failure,
      ...(this.code !== undefined && { code: this.code }),
      ...(this.url !== undefined && { url: this.url }),
      ...(this.detail !== undefined && { detail: this.detail }),
    }
  }
}

export function isJwksFetchError(error: unknown): error is JwksFetchError {
  return fieldOf(error, 'name') === 'JwksFetchError'
}

/** Anything that was thrown during a fetch, as a failure. */
export function toJwksFetchError(error: unknown, failure: JwksFetchFailure): JwksFetchError {
  if (isJwksFetchError(error)) return error
  const code = fieldOf(error, 'code')
  return new JwksFetchError(failure, typeof code === 'string' ? { code } : {})
}

const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|CRL_|HOSTNAME_MISMATCH|INVALID_CA)/

/** Whether TLS failed because of the certificate. */
export function isUntrustedCertificate(error: unknown): boolean {
  return UNTRUSTED.test(String(fieldOf(error, 'code')))
}
