import type { Eventual } from '../clock/when-ready.js'

/** A verified access token: `req.auth`, and `req.user` through Passport. */
export interface AccessToken {
  /** Who the caller is: the subject that the option `subject` made from the assertion. */
  sub: string
  /** The client that obtained the token. Undefined only for a token of another issuer that does not say. */
  clientId: string | undefined
  /** What the token allows. */
  scopes: readonly string[]
  /**
   * The `id` (by default the `name`) of the identity provider whose assertion the token was issued for: the claim `idp`.
   * Undefined if a grant of the option `grants` issued it without one.
   */
  identityProvider?: string | undefined
  /** Seconds since the epoch. */
  expiresAt: number
  /** The `iss`: this service, or another issuer whose access tokens are accepted. */
  issuer: string
  audience: readonly string[]
  /** The `jti`. Undefined only for a token of another issuer that has none. */
  tokenId: string | undefined
  /** The token as the caller sent it. Not enumerable, so JSON and spreads leave it out. */
  token: string
  /** All claims. */
  payload: Readonly<Record<string, unknown>>
}

/** Requires the syntax that a token needs where it was found. @throws OAuthError */
export type RequireSyntax = (token: string) => void

/**
 * Verifies an access token.
 *
 * @param requireSyntax called unless the token was verified before. Default: any syntax is accepted
 * @throws TokenRejected, DependencyUnavailable, what `requireSyntax` throws, or rejects with one of them
 */
export type AccessTokenVerifier = (token: string, requireSyntax?: RequireSyntax) => Eventual<AccessToken>

/**
 * Holds the token that a caller presented. The token is readable but not enumerable, so JSON, spreads and session stores,
 * which keep a user as JSON, omit it. It is a getter because `defineProperty` for each request costs more than all other work
 * for a cached token.
 */
export class PresentedToken {
  #token: string

  constructor(token: string) {
    this.#token = token
  }

  /** Empty in a copy that a library made together with its prototype. */
  get token(): string {
    return #token in this ? this.#token : ''
  }

  set token(token: string) {
    if (#token in this) this.#token = token
  }
}

/** An object of its own for each request: a host may add to it. */
export class PresentedAccessToken extends PresentedToken implements AccessToken {
  declare sub: string
  declare clientId: string | undefined
  declare scopes: readonly string[]
  /** Always present, so that none is read from `Object.prototype` instead. */
  declare identityProvider: string | undefined
  declare expiresAt: number
  declare issuer: string
  declare audience: readonly string[]
  declare tokenId: string | undefined
  declare payload: Readonly<Record<string, unknown>>

  /** Assigns each field by itself, which is several times as fast as copying them all. */
  constructor(accessToken: Omit<AccessToken, 'token'>, token: string) {
    super(token)
    this.sub = accessToken.sub
    this.clientId = accessToken.clientId
    this.scopes = accessToken.scopes
    this.identityProvider = accessToken.identityProvider
    this.expiresAt = accessToken.expiresAt
    this.issuer = accessToken.issuer
    this.audience = accessToken.audience
    this.tokenId = accessToken.tokenId
    this.payload = accessToken.payload
  }
}

/** Whether it was made here from a verified token; an object with the same fields was not. */
export function isPresentedAccessToken(value: unknown): value is AccessToken {
  return value instanceof PresentedAccessToken
}
