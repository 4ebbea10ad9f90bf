/** A function of the host that a request waits for. */
export interface HostFunctionCall {
  /** The name of an option. `route.check`: the `check` of a route; `strategy.verify`: the callback of an `AccessTokenStrategy`. */
  function: 'findClient' | 'check' | 'subject' | 'claimsToToken' | 'grants' | 'route.check' | 'strategy.verify'
  /**
   * The `id` (by default the `name`) of the provider whose assertion it handles; only for `check`, `subject` and
   * `claimsToToken`.
   */
  identityProvider?: string
  /** For `claimsToToken`: the claim that the function makes. */
  claim?: string
  /** For `grants`: the grant type. */
  grantType?: string
}

/**
 * Whose key set it is: an identity provider's, or a client's with `jwksUri`. If two owners share an alias and an endpoint, each
 * event is emitted for both.
 */
export interface KeySetOwner {
  /** The `id` (by default the `name`) of the identity provider. */
  identityProvider?: string
  /** The `clientId`, if it is the key set of a client. */
  clientId?: string
  alias: string
  /** The `jwksUri`, or with `discovery` the URL of the metadata. */
  endpoint: string
}

/** An access token that was issued, and for whom. */
export interface TokenIssued {
  /** Absent if the request had only an assertion. */
  clientId?: string
  /** The request had only an assertion: see `clientAuthentication` of identity providers. */
  withoutClient?: true
  /** With `withoutClient`: the address of the caller, which is Express's `req.ip`. */
  remoteAddress?: string
  /**
   * The `id` (by default the `name`) of the identity provider that vouches for the subject. Absent if a grant of the option
   * `grants` uses none.
   */
  identityProvider?: string
  /** The grant type, if the grant is one of the option `grants`. */
  grantType?: string
  /** The key that signed the assertion. */
  kid?: string
  subject: string
  scopes: readonly string[]
  /** The names of the bindings that granted the scopes. Absent without bindings. */
  bindings?: readonly string[]
  /** The `jti` of the access token. */
  tokenId: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Which access tokens were revoked, and by whom. */
export interface TokensRevoked {
  /** `client`: the revocation endpoint did it for the client. `operator`: `exchange.revoke` did it. */
  by: 'client' | 'operator'
  /** The `jti` of the one token. */
  tokenId?: string
  subject?: string
  /** The client that the tokens were issued to. */
  clientId?: string
  identityProvider?: string
  /** Seconds since the epoch: tokens with an earlier `iat` are refused. Absent for one token. */
  issuedBefore?: number
  /** Seconds since the epoch, when the last of them expires. */
  expiresAt: number
}

/** An introspection endpoint that does not answer questions about tokens, or not as it should. */
export interface IntrospectionFailure {
  /** The `id` of the issuer whose tokens it knows. */
  identityProvider: string
  endpoint: string
  /** A stable code: see docs/errors.md. `credentials_refused`: it does not accept `clientId` and `clientSecret`. */
  reason: string
  /** The code of the underlying error, or the HTTP status. */
  code?: string
  /** What the answer contained instead. */
  detail?: string
}
