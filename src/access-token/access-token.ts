/** What is known of the caller after its access token was verified: `req.auth`, and `req.user` through Passport. */
export interface AccessToken {
  sub: string
  clientId: string
  scopes: readonly string[]
  /** The `name` of the identity provider whose assertion the token was issued for: the claim `idp`. */
  identityProvider?: string
  /** Seconds since the epoch. */
  expiresAt: number
  /** The `iss`: this service. */
  issuer: string
  audience: readonly string[]
  /** The `jti`. */
  tokenId: string
  /** The token as it was presented. */
  token: string
  /** All claims. */
  payload: Readonly<Record<string, unknown>>
}
