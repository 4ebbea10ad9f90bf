import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import { ASYMMETRIC_ALGORITHMS, type AsymmetricAlgorithm, isAsymmetricAlgorithm } from '../jwt/algorithms.js'

/** A public key that may verify signatures, and by which algorithms. */
export interface UsableKey {
  kid?: string
  algorithms: readonly AsymmetricAlgorithm[]
  publicKey: KeyObject
  /** Seconds since the epoch, of the certificate that was published with it. */
  certificateExpiresAt?: number
}

/** A member of a key set that is not used. */
export interface SkippedKey {
  kid?: string
  skipped: string
}

/** The members of a JWK that make its key, and nothing else. */
interface PublicParameters {
  kty: string
  crv?: string
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
 */
export function readUsableKey(member: unknown): UsableKey | SkippedKey {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return { skipped: 'not_an_object' }
  const jwk: Readonly<Record<string, unknown>> = { ...member }
  const kid = jwk.kid === undefined ? {} : typeof jwk.kid === 'string' ? { kid: jwk.kid } : undefined
  if (kid === undefined) return { skipped: 'invalid_kid' }
  const skipped = (reason: string) => ({ ...kid, skipped: reason })

  if (PRIVATE_PARAMETERS.some((parameter) => Object.hasOwn(jwk, parameter))) return skipped('private_or_symmetric')
  if (!isMeantForVerification(jwk)) return skipped('not_for_signatures')
  if (jwk.alg !== undefined && !isAsymmetricAlgorithm(jwk.alg)) return skipped('unsupported_algorithm')
  const parameters = pickPublicParameters(jwk)
  if (parameters === undefined) return skipped('unsupported_key_type')
  const algorithms = algorithmsOf(parameters, jwk.alg)
  if (jwk.alg !== undefined && algorithms.length === 0) return skipped('algorithm_mismatch')
  const publicKey = importPublicKey(parameters)
  if (publicKey === undefined) return skipped('invalid_key')
  const weakness = findWeakness(publicKey)
  if (weakness !== undefined) return skipped(weakness)
  if (jwk.x5c === undefined) return { ...kid, algorithms, publicKey }
  const certificate = readCertificate(jwk.x5c)
  if (certificate === undefined || !isSameKey(certificate.publicKey, publicKey)) return skipped('certificate_mismatch')
  return { ...kid, algorithms, publicKey, certificateExpiresAt: certificate.expiresAt }
}

/**
 * Compares the bytes: `KeyObject.equals` of two types leaves an error behind in OpenSSL, at which whatever else the process
 * does next with cryptography fails (seen in Node 20).
 */
export function isSameKey(one: KeyObject, other: KeyObject): boolean {
  const [bytes, otherBytes] = [one, other].map((key) => key.export({ type: 'spki', format: 'der' }))
  return bytes !== undefined && otherBytes !== undefined && bytes.equals(otherBytes)
}

function isMeantForVerification(jwk: Readonly<Record<string, unknown>>): boolean {
  if (jwk.use !== undefined && jwk.use !== 'sig') return false
  return jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))
}

function pickPublicParameters(jwk: Readonly<Record<string, unknown>>): PublicParameters | undefined {
  const { kty } = jwk
  if (typeof kty !== 'string' || !Object.hasOwn(PUBLIC_PARAMETERS, kty)) return undefined
  const key: PublicParameters = { kty }
  for (const parameter of PUBLIC_PARAMETERS[kty] ?? []) {
    const value = jwk[parameter]
    if (typeof value !== 'string' || value.length > LONGEST_PARAMETER) return undefined
    key[parameter] = value
  }
  return key.crv === undefined || CURVES.includes(key.crv) ? key : undefined
}

/**
 * The algorithms that suit the key type and curve; of these the key's own `alg` alone, where it has one (RFC 7517 §4.4).
 * `EdDSA` and `Ed25519` are two names of one algorithm (RFC 9864).
 */
function algorithmsOf({ kty, crv }: PublicParameters, alg?: AsymmetricAlgorithm): AsymmetricAlgorithm[] {
  const suits = (algorithm: AsymmetricAlgorithm) =>
    KEY_OF_ALGORITHM[algorithm].kty === kty && KEY_OF_ALGORITHM[algorithm].crv === crv
  const isMeant = (algorithm: AsymmetricAlgorithm) => alg === undefined || alg === algorithm || kty === 'OKP'
  return alg === undefined || suits(alg) ? ASYMMETRIC_ALGORITHMS.filter((each) => suits(each) && isMeant(each)) : []
}

function importPublicKey(key: PublicParameters): KeyObject | undefined {
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

/** The first certificate of an `x5c`: its key must be the one that the other members describe (RFC 7517 §4.7). */
function readCertificate(x5c: unknown): { publicKey: KeyObject; expiresAt: number } | undefined {
  if (!Array.isArray(x5c) || typeof x5c[0] !== 'string') return undefined
  try {
    const { publicKey, validTo } = new X509Certificate(Buffer.from(x5c[0], 'base64'))
    const expiresAt = Date.parse(validTo) / 1000
    return Number.isFinite(expiresAt) ? { publicKey, expiresAt } : undefined // Reading the key may throw, too.
  } catch {
    return undefined
  }
}
