import type { JsonWebKey, KeyObject, X509Certificate } from 'node:crypto'
import { findRsaFault, isSoundEd25519Key, type RsaFault } from './key-numbers.js'

/** The members of a JWK that make its public key, and nothing else, in canonical base64url. */
export interface PublicParameters {
  kty: string
  crv?: string
  [parameter: string]: string | undefined
}

/** Why a public key is not used. */
export type KeyFault = RsaFault | 'unsupported_key_type'

interface KeyType {
  /** The accepted values of `crv`; undefined: the type has no curves. */
  curves: readonly string[] | undefined
  numbers: readonly string[]
}

const KEY_TYPES: ReadonlyMap<unknown, KeyType> = new Map([
  ['RSA', { curves: undefined, numbers: ['n', 'e'] }],
  ['EC', { curves: ['P-256', 'P-384', 'P-521'], numbers: ['x', 'y'] }],
  ['OKP', { curves: ['Ed25519'], numbers: ['x'] }],
])
const ALL_CURVES = [...KEY_TYPES.values()].flatMap(({ curves = [] }) => curves)
/** Characters of one parameter: a little more than 8192 bits need. */
const MAX_PARAMETER_LENGTH = 1400
/** Above the point at infinity, and below a compressed point of P-256, which has 59 bytes. */
const MIN_EC_SPKI_BYTES = 40
/** Such text is also valid base64url, but a modulus never looks like this at random. */
const HEXADECIMAL = /^[0-9a-f]{100,}$/i

/**
 * The public key of a JWK, or why it is not used. Only this function decides whether a key is sound: every key that verifies
 * signatures passes here, even if it comes from a certificate or PEM text. The import checks that an EC point is on its curve.
 *
 * Padding, plain base64 and leading zeros are accepted, because identity providers publish them and they change no key.
 */
export function readPublicParameters(jwk: Readonly<Record<string, unknown>>): PublicParameters | KeyFault {
  const { kty, crv } = jwk
  if (typeof kty !== 'string') return 'invalid_key'
  const keyType = KEY_TYPES.get(kty)
  if (keyType === undefined) return 'unsupported_key_type'
  const { curves, numbers } = keyType
  if (curves !== undefined && typeof crv === 'string' && !ALL_CURVES.includes(crv)) return 'unsupported_key_type'
  if (curves !== undefined && !curves.some((curve) => curve === crv)) return 'invalid_key'
  if (kty === 'RSA' && typeof jwk.n === 'string' && jwk.n.length > MAX_PARAMETER_LENGTH) return 'rsa_too_large'
  const bytes = new Map(numbers.map((name) => [name, decodeNumber(jwk[name])]))
  const fault = findFault(kty, (name) => bytes.get(name))
  if (fault !== undefined) return fault
  const encoded = [...bytes].map(([name, number]) => [name, number?.toString('base64url')])
  return { kty, ...(curves !== undefined && { crv: String(crv) }), ...Object.fromEntries(encoded) }
}

/**
 * A public key from a certificate or PEM text as a JWK, for `readPublicParameters`; undefined if it has no such form. Must be
 * called before any other use of the key. An EC key can be the point at infinity. Node aborts the process when such a key is
 * exported as a JWK, asked for its curve, or verifies.
 */
export function exportPublicJwk(publicKey: KeyObject): JsonWebKey | undefined {
  try {
    return isPointAtInfinity(publicKey) ? undefined : publicKey.export({ format: 'jwk' })
  } catch {
    return undefined
  }
}

/** @throws for most such keys when they are exported as SPKI; the others have a point of one byte */
function isPointAtInfinity(publicKey: KeyObject): boolean {
  if (publicKey.asymmetricKeyType !== 'ec') return false
  return publicKey.export({ type: 'spki', format: 'der' }).length < MIN_EC_SPKI_BYTES
}

/** The same for the key of a certificate, which Node may be unable to read. */
export function exportCertifiedJwk(certificate: X509Certificate): JsonWebKey | undefined {
  try {
    return exportPublicJwk(certificate.publicKey)
  } catch {
    return undefined
  }
}

function findFault(kty: string, numberOf: (name: string) => Buffer | undefined): KeyFault | undefined {
  const [n, e, x, y] = ['n', 'e', 'x', 'y'].map(numberOf)
  if (kty === 'RSA') return n === undefined || e === undefined ? 'invalid_key' : findRsaFault(n, e)
  const isSound = kty === 'EC' ? x !== undefined && y !== undefined : x !== undefined && isSoundEd25519Key(x)
  return isSound ? undefined : 'invalid_key'
}

/** Accepts base64 and base64url, with or without padding. `Buffer` alone would accept other text as well. */
function decodeNumber(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text.length > MAX_PARAMETER_LENGTH || HEXADECIMAL.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  const [plain, url] = [bytes.toString('base64'), bytes.toString('base64url')]
  const padding = plain.slice(url.length)
  const isCanonical = [plain, plain.slice(0, url.length), url, `${url}${padding}`].includes(text)
  return isCanonical && bytes.length > 0 ? bytes : undefined
}

/** SHA-1 and SHA-256 thumbprints of a certificate, in base64url (RFC 7515 §4.1.7, §4.1.8; RFC 7517 §4.8, §4.9). */
export interface Thumbprints {
  x5t?: string | undefined
  x5tS256?: string | undefined
}

/** Spread first, so that nothing is read from `Object.prototype`. */
export const NO_THUMBPRINTS: Thumbprints = { x5t: undefined, x5tS256: undefined }
const NONE: Thumbprints = {}
const SHA1 = /^[\w-]{27}$/
const SHA256 = /^[\w-]{43}$/

/** The thumbprints of a JWT header or a JWK. Malformed ones are ignored, because thumbprints only narrow the choice of keys. */
export function readThumbprints(object: Readonly<Record<string, unknown>>): Thumbprints {
  const x5t = Object.hasOwn(object, 'x5t') ? object.x5t : undefined
  const x5tS256 = Object.hasOwn(object, 'x5t#S256') ? object['x5t#S256'] : undefined
  if (x5t === undefined && x5tS256 === undefined) return NONE
  return {
    ...(typeof x5t === 'string' && SHA1.test(x5t) && { x5t }),
    ...(typeof x5tS256 === 'string' && SHA256.test(x5tS256) && { x5tS256 }),
  }
}
