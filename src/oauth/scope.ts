/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/

export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value)
}

/** The scope tokens of a `scope` parameter, each once, in their order; undefined if one is malformed or there is none. */
export function parseScope(scope: string): string[] | undefined {
  const tokens = scope.split(' ').filter((token) => token !== '')
  return tokens.length > 0 && tokens.every(isScopeToken) ? [...new Set(tokens)] : undefined
}

/** RFC 7523 §2.1. */
export const JWT_BEARER_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The claim of an access token that names the identity provider whose assertion it was issued for. */
export const IDENTITY_PROVIDER_CLAIM = 'idp'

/** RFC 9068 §2.1: the `typ` of an access token. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'
