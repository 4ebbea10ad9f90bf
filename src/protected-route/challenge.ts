import type { ReasonCode } from '../errors/reason-codes.js'
import { OAuthError, type OAuthErrorCode } from '../oauth/errors.js'

/** How a token is presented in the `Authorization` header (RFC 6750 §2.1). */
export type AuthScheme = 'Bearer'

/** What a challenge tells the caller to ask for. */
export interface ChallengedAccess {
  /** All scopes of the operation (RFC 6750 §3). Default: none. */
  scopes?: readonly string[]
}

export const INVALID_TOKEN = 'The access token is not valid'

/**
 * Builds the `WWW-Authenticate` values of one service for one scheme (RFC 6750 §3). All texts are fixed, and input is never
 * in them.
 */
export class Challenge {
  readonly scheme: AuthScheme
  readonly #realm: string

  constructor(scheme: AuthScheme, realm: string) {
    this.scheme = scheme
    this.#realm = realm.replace(/[^\x20-\x7E]|["\\]/g, '')
  }

  /** The challenge for a request without a token: no error code (RFC 6750 §3.1). */
  plain(): string {
    return `${this.scheme} realm="${this.#realm}"`
  }

  error(code: OAuthErrorCode, description: string, reason: ReasonCode, access: ChallengedAccess = {}): OAuthError {
    const { scopes = [] } = access
    const attributes = [`error="${code}"`, `error_description="${description}"`]
    if (scopes.length > 0) attributes.push(`scope="${scopes.join(' ')}"`)
    const value = `${this.plain()}, ${attributes.join(', ')}`
    return new OAuthError(code, description, { reason, headers: { 'WWW-Authenticate': value } })
  }
}
