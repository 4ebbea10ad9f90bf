import type { Client } from '../client-auth/client.js'

/** The parameters of a token request. Those without a value are left out (RFC 6749 §3.2). */
export interface TokenRequestParameters {
  /** Of a parameter that cannot be repeated. */
  one(name: string): string | undefined
  /** The values in their order. Only `resource` may have several (RFC 8707 §2). */
  all(name: string): readonly string[]
}

/** What a grant allows. */
export interface Authorization {
  subject: string
  /** Never more than the client and the identity provider may have. */
  scopes: readonly string[]
  /** The `aud` of the access token: some of those that the exchange has. */
  audiences: ReadonlySet<string>
  /** Claims of the access token beside its own. */
  claims: Readonly<Record<string, unknown>>
  /** Seconds, at most, of the access token; infinite where nothing but the exchange bounds it. */
  lifetime: number
  /** Seconds since the epoch, at the latest, when the access token expires; infinite where nothing bounds it. */
  latestExpiry: number
  /** The `name` of the identity provider that vouches for the subject. */
  identityProvider: string
  /** The names of the bindings that gave this, for the event. */
  grants: readonly string[]
  /** The key that signed the assertion, for the event. */
  kid?: string
}

/** One way to get an access token. */
export interface Grant {
  grantType: string
  /**
   * @throws OAuthError for the client: `invalid_request`, `invalid_scope`, …
   * @throws TokenRejected for a bad assertion: becomes `invalid_grant`
   * @throws DependencyUnavailable for an outage: becomes 503
   */
  authorize(parameters: TokenRequestParameters, client: Client): Promise<Authorization>
}
