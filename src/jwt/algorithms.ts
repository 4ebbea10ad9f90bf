import { constants, type KeyObject, type SignKeyObjectInput } from 'node:crypto'

/** The signature algorithms that an identity provider may use: asymmetric only (RFC 8725 §3.1, RFC 7518 §3.1, RFC 9864). */
export const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
/** The signature algorithms that an assertion may have. */
export type AsymmetricAlgorithm = (typeof ASYMMETRIC_ALGORITHMS)[number]

/** How `node:crypto` verifies and signs by one algorithm (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1). */
export interface SignatureScheme {
  hash: 'sha256' | 'sha384' | 'sha512' | null
  parameters: Pick<SignKeyObjectInput, 'padding' | 'saltLength' | 'dsaEncoding'>
}

/** The keys that suit an algorithm, as a JWK and as a `KeyObject` name their type and curve. */
interface SuitableKey {
  kty: 'RSA' | 'EC' | 'OKP'
  crv?: string
  asymmetricKeyType: 'rsa' | 'ec' | 'ed25519'
  namedCurve?: string
}

interface Algorithm {
  key: SuitableKey
  scheme: SignatureScheme
  /** The length of every signature; undefined: the length of the modulus. */
  signatureBytes?: number
}

export const MIN_RSA_BITS = 2048
/** A verification with 8192 bits takes 0.18 ms. */
const MAX_QUICK_RSA_BITS = 4096

const RSA: SuitableKey = { kty: 'RSA', asymmetricKeyType: 'rsa' }
const P256: SuitableKey = { kty: 'EC', crv: 'P-256', asymmetricKeyType: 'ec', namedCurve: 'prime256v1' }
const P384: SuitableKey = { kty: 'EC', crv: 'P-384', asymmetricKeyType: 'ec', namedCurve: 'secp384r1' }
const P521: SuitableKey = { kty: 'EC', crv: 'P-521', asymmetricKeyType: 'ec', namedCurve: 'secp521r1' }
const ED25519: SuitableKey = { kty: 'OKP', crv: 'Ed25519', asymmetricKeyType: 'ed25519' }

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING }
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
/** The signature is r and s, each with the length of the curve's order (RFC 7518 §3.4). */
const R_AND_S = { dsaEncoding: 'ieee-p1363' as const }

/** RFC 7518 §3.1, RFC 8037, RFC 9864. `EdDSA` and `Ed25519` are two names of one algorithm. */
const ALGORITHMS: Readonly<Record<AsymmetricAlgorithm, Algorithm>> = {
  RS256: { key: RSA, scheme: { hash: 'sha256', parameters: PKCS1 } },
  RS384: { key: RSA, scheme: { hash: 'sha384', parameters: PKCS1 } },
  RS512: { key: RSA, scheme: { hash: 'sha512', parameters: PKCS1 } },
  PS256: { key: RSA, scheme: { hash: 'sha256', parameters: PSS } },
  PS384: { key: RSA, scheme: { hash: 'sha384', parameters: PSS } },
  PS512: { key: RSA, scheme: { hash: 'sha512', parameters: PSS } },
  ES256: { key: P256, scheme: { hash: 'sha256', parameters: R_AND_S }, signatureBytes: 64 },
  ES384: { key: P384, scheme: { hash: 'sha384', parameters: R_AND_S }, signatureBytes: 96 },
  ES512: { key: P521, scheme: { hash: 'sha512', parameters: R_AND_S }, signatureBytes: 132 },
  EdDSA: { key: ED25519, scheme: { hash: null, parameters: {} }, signatureBytes: 64 },
  Ed25519: { key: ED25519, scheme: { hash: null, parameters: {} }, signatureBytes: 64 },
}

export function isAsymmetricAlgorithm(value: unknown): value is AsymmetricAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value)
}

/** The length of every signature by this algorithm; undefined if it depends on the key, or for an unknown algorithm. */
export function signatureBytesOf(algorithm: string): number | undefined {
  return isAsymmetricAlgorithm(algorithm) ? ALGORITHMS[algorithm].signatureBytes : undefined
}

/** The algorithms that suit a key of this type and curve. */
export function algorithmsFor({ kty, crv }: { kty: string; crv?: string }): AsymmetricAlgorithm[] {
  return ASYMMETRIC_ALGORITHMS.filter((algorithm) => {
    const { key } = ALGORITHMS[algorithm]
    return key.kty === kty && key.crv === crv
  })
}

/** Whether a key has the type, the curve and the minimum size that an algorithm needs. */
export function suitsKey(
  algorithm: AsymmetricAlgorithm,
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
): boolean {
  const { key } = ALGORITHMS[algorithm]
  if (asymmetricKeyType !== key.asymmetricKeyType || asymmetricKeyDetails?.namedCurve !== key.namedCurve) return false
  return key.kty !== 'RSA' || (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS
}

/**
 * The scheme of an algorithm if verification with this key takes the main thread less than 0.1 ms. That holds for RSA of 2048
 * to 4096 bits, P-256 and Ed25519 (measured: docs/performance.md). Undefined for every other key, and for an algorithm that
 * does not suit the key.
 */
export function quickVerificationScheme(key: KeyObject, algorithm: string): SignatureScheme | undefined {
  return isAsymmetricAlgorithm(algorithm) && suitsKey(algorithm, key) && isQuickToVerify(key)
    ? ALGORITHMS[algorithm].scheme
    : undefined
}

/** The same for signing: P-256 and Ed25519. Signing with RSA takes at least ten times as long as verifying. */
export function quickSigningScheme(key: KeyObject, algorithm: string): SignatureScheme | undefined {
  return key.asymmetricKeyType === 'rsa' ? undefined : quickVerificationScheme(key, algorithm)
}

function isQuickToVerify(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ed25519') return true
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  return namedCurve === undefined ? modulusLength <= MAX_QUICK_RSA_BITS : namedCurve === P256.namedCurve
}
