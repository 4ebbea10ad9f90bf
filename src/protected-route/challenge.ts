import type { ReasonCode } from '../errors/reason-codes.js'
import { OAuthError, type OAuthErrorCode } from '../oauth/errors.js'

/** How a token is presented in the `Authorization` header (RFC 6750 §2.1). */
export type AuthScheme = 'Bearer'

/** What a challenge tells the caller to ask for. */
export interface ChallengedAccess {
  /** All scopes of the operation (RFC 6750 §3). Default: none. */
  scopes?: readonly string[]
  /** The resource that the token must be for. Default: the default resource, if there is one. */
  resource?: string
}

/**
 * The URL of a resource's metadata (RFC 9728 §5.1): one that is configured, never one that a request names.
 *
 * @param resource undefined: the default resource
 * @returns undefined if there is no such document
 */
export type FindResourceMetadata = (resource: string | undefined) => string | undefined

export const INVALID_TOKEN = 'The access token is not valid'

/** Spread first, so that nothing is read from `Object.prototype`. */
const NO_ACCESS = { scopes: [], resource: undefined }

/**
 * Builds the `WWW-Authenticate` values of one service for one scheme (RFC 6750 §3). All texts are fixed, and input is never
 * in them.
 */
export class Challenge {
  readonly scheme: AuthScheme
  readonly #realm: string
  readonly #findResourceMetadata: FindResourceMetadata

  constructor(scheme: AuthScheme, realm: string, findResourceMetadata: FindResourceMetadata = () => undefined) {
    this.scheme = scheme
    this.#realm = realm.replace(/[^\x20-\x7E]|["\\]/g, '')
    this.#findResourceMetadata = findResourceMetadata
  }

  /** The challenge for a request without a token: no error code (RFC 6750 §3.1). */
  plain(access: ChallengedAccess = {}): string {
    return this.#write([], access)
  }

  error(code: OAuthErrorCode, description: string, reason: ReasonCode, access: ChallengedAccess = {}): OAuthError {
    const value = this.#write([`error="${code}"`, `error_description="${description}"`], access)
    return new OAuthError(code, description, { reason, headers: { 'WWW-Authenticate': value } })
  }

  #write(error: readonly string[], access: ChallengedAccess): string {
    const { scopes, resource } = { ...NO_ACCESS, ...access }
    const metadata = this.#findResourceMetadata(resource)
    const attributes = [
      `realm="${this.#realm}"`,
      ...error,
      ...(scopes.length > 0 ? [`scope="${scopes.join(' ')}"`] : []),
      ...(metadata === undefined ? [] : [`resource_metadata="${metadata}"`]),
    ]
    return `${this.scheme} ${attributes.join(', ')}`
  }
}
