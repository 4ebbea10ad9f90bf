import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type AsymmetricAlgorithm, isAsymmetricAlgorithm } from '../jwt/algorithms.js'

/** A public JWK reduced to the members that matter: all that reaches jose. */
export interface UsableKey {
  kty: string
  kid?: string
  alg?: string
  [parameter: string]: string | undefined
}

const PUBLIC_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
}
const CURVES = ['P-256', 'P-384', 'P-521', 'Ed25519']
const PRIVATE_PARAMETERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
/** The key type and curve for each algorithm (RFC 7518 §3.1, RFC 8037, RFC 9864). */
const KEY_OF_ALGORITHM: Readonly<Record<AsymmetricAlgorithm, { kty: string; crv?: string }>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  Ed25519: { kty: 'OKP', crv: 'Ed25519' },
}
const SMALLEST_RSA_BITS = 2048
const LARGEST_RSA_BITS = 8192
/** Of a public exponent. OpenSSL refuses more than 64 bits for large moduli; real ones are 3, 17 and 65 537. */
const LARGEST_RSA_EXPONENT = 2n ** 32n
/** Of one base64url parameter: 8192 bits and a little. */
const LONGEST_PARAMETER = 1400

/**
 * A member of a key set as a usable verification key, or the reason why it is skipped (RFC 7517 §4 and §5: members that
 * are not understood are ignored). Refused are private and symmetric keys, keys not meant for signatures, RSA below 2048
 * or above 8192 bits or with an exponent below 3, points off the curve, and keys that contradict their certificate.
 * `EdDSA` and `Ed25519` are two names of the one algorithm of an Ed25519 key (RFC 9864), so its `alg` is left out.
 */
export function readUsableKey(member: unknown): { key: UsableKey } | { kid?: string; skipped: string } {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return { skipped: 'not_an_object' }
  const jwk: Readonly<Record<string, unknown>> = { ...member }
  const kid = jwk.kid === undefined ? {} : typeof jwk.kid === 'string' ? { kid: jwk.kid } : undefined
  if (kid === undefined) return { skipped: 'invalid_kid' }
  const skipped = (reason: string) => ({ ...kid, skipped: reason })

  if (PRIVATE_PARAMETERS.some((parameter) => Object.hasOwn(jwk, parameter))) return skipped('private_or_symmetric')
  if (!isMeantForVerification(jwk)) return skipped('not_for_signatures')
  if (jwk.alg !== undefined && !isAsymmetricAlgorithm(jwk.alg)) return skipped('unsupported_algorithm')
  const key = pickPublicParameters(jwk)
  if (key === undefined) return skipped('unsupported_key_type')
  if (jwk.alg !== undefined && !suitsAlgorithm(key, jwk.alg)) return skipped('algorithm_mismatch')
  const publicKey = importPublicKey(key)
  if (publicKey === undefined) return skipped('invalid_key')
  const weakness = findWeakness(publicKey)
  if (weakness !== undefined) return skipped(weakness)
  if (!agreesWithCertificate(jwk.x5c, publicKey)) return skipped('certificate_mismatch')
  return { key: { ...key, ...kid, ...(jwk.alg !== undefined && key.kty !== 'OKP' && { alg: jwk.alg }) } }
}

function isMeantForVerification(jwk: Readonly<Record<string, unknown>>): boolean {
  if (jwk.use !== undefined && jwk.use !== 'sig') return false
  return jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))
}

function pickPublicParameters(jwk: Readonly<Record<string, unknown>>): UsableKey | undefined {
  const { kty } = jwk
  if (typeof kty !== 'string' || !Object.hasOwn(PUBLIC_PARAMETERS, kty)) return undefined
  const key: UsableKey = { kty }
  for (const parameter of PUBLIC_PARAMETERS[kty] ?? []) {
    const value = jwk[parameter]
    if (typeof value !== 'string' || value.length > LONGEST_PARAMETER) return undefined
    key[parameter] = value
  }
  return key.crv === undefined || CURVES.includes(key.crv) ? key : undefined
}

function suitsAlgorithm({ kty, crv }: UsableKey, algorithm: AsymmetricAlgorithm): boolean {
  const wanted = KEY_OF_ALGORITHM[algorithm]
  return wanted.kty === kty && wanted.crv === crv
}

function importPublicKey(key: UsableKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
  } catch {
    return undefined
  }
}

function findWeakness(publicKey: KeyObject): string | undefined {
  if (publicKey.asymmetricKeyType !== 'rsa') return undefined
  const { modulusLength = 0, publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength < SMALLEST_RSA_BITS) return 'rsa_too_small'
  if (modulusLength > LARGEST_RSA_BITS) return 'rsa_too_large'
  if (publicExponent < 3n || publicExponent % 2n === 0n) return 'rsa_exponent_too_small_or_even'
  return publicExponent > LARGEST_RSA_EXPONENT ? 'rsa_exponent_too_large' : undefined
}

/** RFC 7517 §4.7: the key in the first certificate must be the key that the other members describe. */
function agreesWithCertificate(x5c: unknown, publicKey: KeyObject): boolean {
  if (x5c === undefined) return true
  if (!Array.isArray(x5c) || typeof x5c[0] !== 'string') return false
  try {
    return new X509Certificate(Buffer.from(x5c[0], 'base64')).publicKey.equals(publicKey)
  } catch {
    return false
  }
}
