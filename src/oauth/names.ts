/** RFC 7523 §2.1. */
export const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The claim of an access token that names the identity provider whose assertion it was issued for. */
export const IDENTITY_PROVIDER_CLAIM = 'idp'

/** RFC 9068 §2.1: the `typ` of an access token. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'
