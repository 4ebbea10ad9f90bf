/** Of a certificate, in base64url, by SHA-1 and SHA-256 (RFC 7515 §4.1.7, §4.1.8; RFC 7517 §4.8, §4.9). */
export interface Thumbprints {
  x5t?: string | undefined
  x5tS256?: string | undefined
}

/** Laid under what is found, so that nothing is taken from `Object.prototype` instead. */
export const NO_THUMBPRINTS: Thumbprints = { x5t: undefined, x5tS256: undefined }
const NONE: Thumbprints = {}
const SHA1 = /^[\w-]{27}$/
const SHA256 = /^[\w-]{43}$/

/** Of the header of a JWT, or of a JWK. One that is malformed is left out, because they only narrow down what is trusted. */
export function readThumbprints(object: Readonly<Record<string, unknown>>): Thumbprints {
  const x5t = Object.hasOwn(object, 'x5t') ? object.x5t : undefined
  const x5tS256 = Object.hasOwn(object, 'x5t#S256') ? object['x5t#S256'] : undefined
  if (x5t === undefined && x5tS256 === undefined) return NONE
  return {
    ...(typeof x5t === 'string' && SHA1.test(x5t) && { x5t }),
    ...(typeof x5tS256 === 'string' && SHA256.test(x5tS256) && { x5tS256 }),
  }
}
