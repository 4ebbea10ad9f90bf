const BEARER = /^Bearer +(\S+)$/i

/** The token of the Authorization header, or the empty string. */
export function bearerTokenOf({ headers }) {
  return BEARER.exec(headers.authorization)?.[1] ?? ''
}
