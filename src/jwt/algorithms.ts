import { constants, type KeyObject, type SignKeyObjectInput } from 'node:crypto'

/** The signature algorithms accepted of an identity provider: asymmetric only (RFC 8725 §3.1, RFC 7518 §3.1, RFC 9864). */
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

export function isAsymmetricAlgorithm(value: unknown): value is AsymmetricAlgorithm {
  return ASYMMETRIC_ALGORITHMS.some((algorithm) => algorithm === value)
}

/** How `node:crypto` verifies and signs by one algorithm (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1). */
export interface SignatureScheme {
  hash: 'sha256' | 'sha384' | 'sha512' | null
  parameters: Pick<SignKeyObjectInput, 'padding' | 'saltLength' | 'dsaEncoding'>
}

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING }
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

const OF_RSA: Readonly<Record<string, SignatureScheme>> = {
  RS256: { hash: 'sha256', parameters: PKCS1 },
  RS384: { hash: 'sha384', parameters: PKCS1 },
  RS512: { hash: 'sha512', parameters: PKCS1 },
  PS256: { hash: 'sha256', parameters: PSS },
  PS384: { hash: 'sha384', parameters: PSS },
  PS512: { hash: 'sha512', parameters: PSS },
}
const OF_P256: Readonly<Record<string, SignatureScheme>> = {
  ES256: { hash: 'sha256', parameters: { dsaEncoding: 'ieee-p1363' } },
}
const ED25519: SignatureScheme = { hash: null, parameters: {} }
const OF_ED25519: Readonly<Record<string, SignatureScheme>> = { EdDSA: ED25519, Ed25519: ED25519 }

const NONE: Readonly<Record<string, SignatureScheme>> = {}
/** With 8192 bits a verification takes 0.18 ms. */
const MAX_SYNC_RSA_BITS = 4096
const MIN_RSA_BITS = 2048

/**
 * The scheme of an algorithm where a verification by this key is quick: it takes the main thread less than 0.1 ms. RSA of
 * 2048 to 4096 bits, P-256 and Ed25519 (measured: docs/performance.md). Undefined for every other key, and for an
 * algorithm that does not suit it.
 */
export function quickVerificationScheme(key: KeyObject, algorithm: string): SignatureScheme | undefined {
  const schemes = key.asymmetricKeyType === 'rsa' && isQuickRsa(key) ? OF_RSA : schemesOfCurve(key)
  return Object.hasOwn(schemes, algorithm) ? schemes[algorithm] : undefined
}

/** The same for a signature: P-256 and Ed25519. With RSA it takes ten times as long as a verification, or more. */
export function quickSigningScheme(key: KeyObject, algorithm: string): SignatureScheme | undefined {
  const schemes = schemesOfCurve(key)
  return Object.hasOwn(schemes, algorithm) ? schemes[algorithm] : undefined
}

function schemesOfCurve({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'ed25519') return OF_ED25519
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1' ? OF_P256 : NONE
}

function isQuickRsa({ asymmetricKeyDetails }: KeyObject): boolean {
  const { modulusLength = 0 } = asymmetricKeyDetails ?? {}
  return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_SYNC_RSA_BITS
}
