import { fieldOf } from './field-of.js'
import type { RejectionReason, UnavailableReason } from './reason-codes.js'

/** What an event says about the token: never the token itself. */
export interface TokenContext {
  /** Absent until the client is found: before that, the value may be a secret that was sent in the wrong place. */
  clientId?: string
  /** The `id` (by default the `name`) of the identity provider, if it is known. */
  identityProvider?: string
  kid?: string
  algorithm?: string
  /** The `iss`, if no identity provider has this name. */
  issuer?: string
  /** The `aud`, if it is not accepted. */
  audience?: string
  /** The path of the claim that a rule refuses. */
  claim?: string
  /** The message of that rule, from the operator. */
  message?: string
}

/** Details of a valid access token that does not suffice for the route. */
export interface ScopeContext {
  subject?: string
  /** The scopes that the token has. */
  scopes?: readonly string[]
  /** The scopes that the route requires, all of them. */
  requiredScopes?: readonly string[]
  /** The scopes of which the route requires at least one. */
  anyScope?: readonly string[]
}

/** Details of a token request: who sent it, and what is wrong with its grant type or the assertion of its client. */
export interface GrantContext {
  /** The request had only an assertion: see `clientAuthentication` of identity providers. */
  withoutClient?: true
  /** With `wrong_client_assertion`: why the assertion of the client was rejected. */
  clientAssertionReason?: RejectionReason
  /** The unsupported grant type; withheld if it may be a secret that was sent in the wrong place. */
  grantType?: string
}

/**
 * A token that must not be accepted, with a reason for the operator. The caller translates it into the client's error: the
 * same bad JWT is `invalid_grant`, `invalid_client` or `invalid_token` by its role.
 */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected'
  readonly reason: RejectionReason
  /** For a host that passes the error to an error handler. */
  readonly status = 401
  readonly statusCode = 401
  /** Whether a host may show the message: it is the reason. Nest 12 reads no status of an error without this. */
  readonly expose = false
  readonly headers: Readonly<Record<string, string>> = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
  context: TokenContext = {}

  constructor(reason: RejectionReason) {
    super(reason)
    this.reason = reason
  }
}

/** A dependency did not answer: an outage, never the client's fault. */
export class DependencyUnavailable extends Error {
  override readonly name = 'DependencyUnavailable'
  readonly reason: UnavailableReason
  /** Seconds after which to try again, a whole number of at least 1. */
  readonly retryAfter: number
  /** For a host that passes the error to an error handler. */
  readonly status = 503
  readonly statusCode = 503
  readonly expose = false
  readonly headers: Readonly<Record<string, string>>
  context: TokenContext = {}

  constructor(reason: UnavailableReason, options: { retryAfter?: number; cause?: unknown } = {}) {
    const { retryAfter, cause } = { retryAfter: undefined, cause: undefined, ...options }
    super(reason, { cause })
    this.reason = reason
    this.retryAfter = Number.isFinite(retryAfter) ? Math.max(1, Math.ceil(Number(retryAfter))) : 1
    this.headers = { 'Retry-After': String(this.retryAfter) }
  }
}

export function isTokenRejected(error: unknown): error is TokenRejected {
  return fieldOf(error, 'name') === 'TokenRejected'
}

export function isDependencyUnavailable(error: unknown): error is DependencyUnavailable {
  return fieldOf(error, 'name') === 'DependencyUnavailable'
}
