import type { ReasonCode } from '../errors/reason-codes.js'
import { OAuthError, type OAuthErrorCode } from '../oauth/errors.js'

export const INVALID_TOKEN = 'The access token is not valid'

/** Builds the `WWW-Authenticate` values of one service (RFC 6750 §3). All texts are fixed; input never gets in. */
export class BearerChallenge {
  readonly #realm: string

  constructor(realm: string) {
    this.#realm = realm.replace(/[^\x20-\x7E]|["\\]/g, '')
  }

  /** The challenge for a request without a token: no error code (RFC 6750 §3.1). */
  plain(): string {
    return `Bearer realm="${this.#realm}"`
  }

  error(code: OAuthErrorCode, description: string, reason: ReasonCode, scope?: string): OAuthError {
    const attributes = [`error="${code}"`, `error_description="${description}"`]
    if (scope !== undefined) attributes.push(`scope="${scope}"`)
    const value = `${this.plain()}, ${attributes.join(', ')}`
    return new OAuthError(code, description, { reason, headers: { 'WWW-Authenticate': value } })
  }
}
