import type { UnverifiedJwt } from '../jwt/parse-jwt.js'

/** Bytes of a signature: r and s of the same length one after the other (RFC 7518 §3.4), or RFC 8032 §5.1.6. */
const SIZES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, ES512: 132, EdDSA: 64, Ed25519: 64 }
/** Of the smallest RSA keys that are accepted. */
const MIN_RSA_SIZE = 256
const DER_SEQUENCE = 0x30
const DER_INTEGER = 0x02
/** The next byte has the length. */
const DER_LONG_LENGTH = 0x81

/** How a signature is written in a form that JWTs do not have; undefined: its form is as it must be. */
export function hintOfSignatureForm({ header: { alg }, signature }: UnverifiedJwt): string | undefined {
  const size = Object.hasOwn(SIZES, alg) ? SIZES[alg] : undefined
  if (size === undefined)
    return signature.length < MIN_RSA_SIZE ? describeSize(alg, signature, 'at least 256') : undefined
  if (signature.length === size) return undefined
  if (!alg.startsWith('ES') || !isDer(signature)) return describeSize(alg, signature, String(size))
  return `the signature is in DER, as OpenSSL and Java make it: ${alg} needs the ${size} bytes of r and s (RFC 7518 3.4)`
}

function describeSize(alg: string, { length }: Buffer, size: string): string {
  return `the signature has ${length} bytes, but ${alg} has ${size}: it is cut off, or encoded in another way`
}

/** An ASN.1 sequence that begins with an integer and is as long as it says. */
function isDer(bytes: Buffer): boolean {
  const start = bytes[1] === DER_LONG_LENGTH ? 3 : 2
  const isWhole = bytes[start - 1] === bytes.length - start
  return bytes[0] === DER_SEQUENCE && isWhole && bytes[start] === DER_INTEGER
}
