/** RFC 7523 §2.1. */
export const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** RFC 9068 §2.1: the `typ` of an access token. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'
