import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import { ASYMMETRIC_ALGORITHMS, type AsymmetricAlgorithm, isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import { exportCertifiedJwk, type PublicParameters, readPublicParameters } from '../jwt/public-key.js'

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

/**
 * A member of a key set as a usable verification key, or the reason why it is skipped (RFC 7517 §4 and §5: members that
 * are not understood are ignored). Refused are private and symmetric keys, keys not meant for signatures, keys that are not
 * sound, and keys that contradict their certificate.
 */
export function readUsableKey(member: unknown): UsableKey | SkippedKey {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return { skipped: 'not_an_object' }
  const jwk: Readonly<Record<string, unknown>> = Object.assign(Object.create(null), member) // Own members only.
  const kid = jwk.kid === undefined ? {} : typeof jwk.kid === 'string' ? { kid: jwk.kid } : undefined
  if (kid === undefined) return { skipped: 'invalid_kid' }
  const skipped = (reason: string) => ({ ...kid, skipped: reason })

  if (PRIVATE_PARAMETERS.some((parameter) => Object.hasOwn(jwk, parameter))) return skipped('private_or_symmetric')
  if (!isMeantForVerification(jwk)) return skipped('not_for_signatures')
  if (jwk.alg !== undefined && !isAsymmetricAlgorithm(jwk.alg)) return skipped('unsupported_algorithm')
  const parameters = readPublicParameters(jwk)
  if (typeof parameters === 'string') return skipped(parameters)
  const algorithms = algorithmsOf(parameters, jwk.alg)
  if (jwk.alg !== undefined && algorithms.length === 0) return skipped('algorithm_mismatch')
  const publicKey = importPublicKey(parameters)
  if (publicKey === undefined) return skipped('invalid_key')
  if (jwk.x5c === undefined) return { ...kid, algorithms, publicKey }
  const certificate = readCertificate(jwk.x5c)
  if (certificate === undefined || !holdsKey(certificate, publicKey)) return skipped('certificate_mismatch')
  const certificateExpiresAt = Date.parse(certificate.validTo) / 1000
  return Number.isFinite(certificateExpiresAt)
    ? { ...kid, algorithms, publicKey, certificateExpiresAt }
    : skipped('certificate_mismatch')
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

/** The first certificate of an `x5c` (RFC 7517 §4.7). */
function readCertificate(x5c: unknown): X509Certificate | undefined {
  if (!Array.isArray(x5c) || typeof x5c[0] !== 'string') return undefined
  try {
    return new X509Certificate(Buffer.from(x5c[0], 'base64'))
  } catch {
    return undefined
  }
}

/** Its key must be the one that the other members describe (RFC 7517 §4.7). */
function holdsKey(certificate: X509Certificate, publicKey: KeyObject): boolean {
  const certified = exportCertifiedJwk(certificate)
  return certified !== undefined && JSON.stringify(certified) === JSON.stringify(publicKey.export({ format: 'jwk' }))
}
