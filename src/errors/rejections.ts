import { fieldOf } from './field-of.js'
import type { RejectionReason, UnavailableReason } from './reason-codes.js'

/** What an event tells of the token that was judged: never the token itself. */
export interface TokenContext {
  /** The `name` of the identity provider, once it is known. */
  identityProvider?: string
  kid?: string
  algorithm?: string
  /** The `iss`, where no identity provider has it. */
  issuer?: string
  /** The `aud`, where it is not accepted. */
  audience?: string
  /** The path of the claim that a rule refuses. */
  claim?: string
  /** What the operator's rule says of that. */
  message?: string
}

/** A token that must not be accepted, for the operator: the caller translates it to the client's error by its role. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected'
  readonly reason: RejectionReason
  context: TokenContext = {}

  constructor(reason: RejectionReason) {
    super(reason)
    this.reason = reason
  }
}

/** Something we depend on did not answer: an outage, never the client's fault. */
export class DependencyUnavailable extends Error {
  override readonly name = 'DependencyUnavailable'
  readonly reason: UnavailableReason
  /** Seconds after which to try again, a whole number of at least 1. */
  readonly retryAfter: number
  context: TokenContext = {}

  constructor(reason: UnavailableReason, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(reason, { cause: options.cause })
    this.reason = reason
    const { retryAfter = 1 } = options
    this.retryAfter = Number.isFinite(retryAfter) ? Math.max(1, Math.ceil(retryAfter)) : 1
  }
}

export function isTokenRejected(error: unknown): error is TokenRejected {
  return fieldOf(error, 'name') === 'TokenRejected'
}

export function isDependencyUnavailable(error: unknown): error is DependencyUnavailable {
  return fieldOf(error, 'name') === 'DependencyUnavailable'
}
