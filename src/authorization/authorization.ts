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
  bindings: readonly string[]
  /** The key that signed the assertion, for the event. */
  kid?: string
}
