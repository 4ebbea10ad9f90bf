import { createPrivateKey, type SignKeyObjectInput, sign } from 'node:crypto'
import type { FakeKey } from '../../src/testing/index.js'

/** Bytes as they are, text as UTF-8, anything else as JSON. */
export type JwsPart = Buffer | string | Readonly<Record<string, unknown>>

/** The first two parts of a JWS in compact form, well-formed or not. */
export function signingInputOf(header: JwsPart, payload: JwsPart): string {
  return `${encodePart(header)}.${encodePart(payload)}`
}

export function encodePart(part: JwsPart): string {
  const bytes = Buffer.isBuffer(part) ? part : Buffer.from(typeof part === 'string' ? part : JSON.stringify(part))
  return bytes.toString('base64url')
}

/** Signs any bytes by an RSA or EC key, with any hash, padding, salt length and signature encoding. */
export function signCompact(
  key: FakeKey,
  input: string,
  hash = `sha${key.algorithm.slice(2)}`,
  how: Omit<SignKeyObjectInput, 'key'> = { dsaEncoding: 'ieee-p1363' },
): string {
  const privateKey = createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' })
  return withSignature(input, sign(hash, Buffer.from(input), { ...how, key: privateKey }))
}

export function withSignature(input: string, signature: Uint8Array): string {
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}
