import {
  accessTokenLifetime,
  audience,
  client,
  identityProviderName,
  issuer,
  scope,
  subject,
  tokenEndpoint,
} from '../deployment.js'

/** Seconds: longer than any part takes. */
const ASSERTION_LIFETIME = 1800

/** What assertions of one identity provider have in common: all but the `jti`. */
export function assertionClaims(name = identityProviderName, alias = tokenEndpoint) {
  const now = Math.floor(Date.now() / 1000)
  return { iss: name, sub: subject, aud: alias, iat: now, exp: now + ASSERTION_LIFETIME }
}

/** The claims of our own access tokens (RFC 9068 §2.2), all but the `jti`. */
export function accessTokenClaims() {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    sub: subject,
    aud: audience,
    client_id: client.clientId,
    iat: now,
    exp: now + accessTokenLifetime,
    scope,
  }
}
