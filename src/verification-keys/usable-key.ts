import { createPublicKey, type KeyObject } from 'node:crypto'
import { type AsymmetricAlgorithm, algorithmsFor, isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import { isJsonObject } from '../jwt/parse-json-object.js'
import { NO_THUMBPRINTS, type PublicParameters, readPublicParameters } from '../jwt/public-key.js'
import { KEY_USES, type KeyReading, type KeyUse, STRICT_READING } from './key-reading.js'
import {
  type CertificateDetails,
  completeJwk,
  describeCertificate,
  holdsKey,
  type Jwk,
  readFirstCertificate,
} from './published-certificate.js'

/** A public key that may verify signatures, and by which algorithms. */
export interface UsableKey extends CertificateDetails {
  kid?: string | undefined
  algorithms: readonly AsymmetricAlgorithm[]
  publicKey: KeyObject
  /** It is used because of `x5cOnlyKeys`. */
  isX5cOnly?: true | undefined
  /** It is used because of `keyUses`. */
  use?: KeyUse | undefined
}

/** A member of a key set that is not used. */
export interface SkippedKey {
  kid?: string | undefined
  skipped: string
}

const NUMBERS = ['n', 'e', 'x', 'y']
export const PRIVATE_PARAMETERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/**
 * A member of a key set as a usable verification key, or the reason why it is skipped (RFC 7517 §4 and §5: unknown members
 * are ignored). These are refused: private and symmetric keys, keys that are not for signatures, keys that are not sound, and
 * keys that contradict their certificate. A certificate that cannot be read contradicts nothing.
 */
export function readUsableKey(member: unknown, reading = STRICT_READING): UsableKey | SkippedKey {
  if (!isJsonObject(member)) return { skipped: 'not_an_object' }
  const jwk: Jwk = Object.assign(Object.create(null), member) // Own members only.
  const kid = jwk.kid === undefined ? { kid: undefined } : typeof jwk.kid === 'string' ? { kid: jwk.kid } : undefined
  if (kid === undefined) return { skipped: 'invalid_kid' }
  const key = readKey(jwk, reading)
  return typeof key === 'string' ? { ...kid, skipped: key } : { ...kid, ...key }
}

/** Whether this reading would have given the key. */
export function isReadBy({ x5cOnlyKeys, keyUses }: KeyReading, { isX5cOnly, use }: UsableKey): boolean {
  return (isX5cOnly === undefined || x5cOnlyKeys) && (use === undefined || keyUses.includes(use))
}

function readKey(jwk: Jwk, reading: KeyReading): Omit<UsableKey, 'kid'> | string {
  if (PRIVATE_PARAMETERS.some((parameter) => Object.hasOwn(jwk, parameter))) return 'private_or_symmetric'
  const use = KEY_USES.find((each) => each === jwk.use)
  if (use !== undefined && !reading.keyUses.includes(use)) return 'jwt_svid'
  if (!isMeantForVerification(jwk)) return 'not_for_signatures'
  if (jwk.alg !== undefined && !isAsymmetricAlgorithm(jwk.alg)) return 'unsupported_algorithm'
  const certificate = readFirstCertificate(jwk.x5c)
  const isX5cOnly = certificate !== undefined && NUMBERS.every((name) => jwk[name] === undefined)
  if (isX5cOnly && !reading.x5cOnlyKeys) return 'x5c_only'
  const parameters = readPublicParameters(isX5cOnly ? completeJwk(jwk, certificate) : jwk)
  if (typeof parameters === 'string') return parameters
  const algorithms = algorithmsOf(parameters, jwk.alg)
  if (jwk.alg !== undefined && algorithms.length === 0) return 'algorithm_mismatch'
  const publicKey = importPublicKey(parameters)
  if (publicKey === undefined) return 'invalid_key'
  if (certificate !== undefined && !holdsKey(certificate, publicKey)) return 'certificate_mismatch'
  return {
    algorithms,
    publicKey,
    ...NO_THUMBPRINTS,
    ...describeCertificate(jwk, certificate),
    isX5cOnly: isX5cOnly || undefined,
    use,
  }
}

/**
 * Compares the bytes. `KeyObject.equals` of two key types leaves an error in OpenSSL, so that the next cryptographic operation
 * of the process fails (seen in Node 20).
 */
export function isSameKey(one: KeyObject, other: KeyObject): boolean {
  const [bytes, otherBytes] = [one, other].map((key) => key.export({ type: 'spki', format: 'der' }))
  return bytes !== undefined && otherBytes !== undefined && bytes.equals(otherBytes)
}

/** With a `use` that can be configured, if it is. */
function isMeantForVerification(jwk: Jwk): boolean {
  if (jwk.use !== undefined && ![...KEY_USES, 'sig'].some((use) => use === jwk.use)) return false
  return jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))
}

/**
 * The algorithms that suit the key type and curve. If the key has an `alg` of its own, that one alone (RFC 7517 §4.4), except
 * that `EdDSA` and `Ed25519` are two names of one algorithm (RFC 9864).
 */
function algorithmsOf(parameters: PublicParameters, alg?: AsymmetricAlgorithm): AsymmetricAlgorithm[] {
  const suitable = algorithmsFor(parameters)
  if (alg === undefined) return suitable
  if (!suitable.includes(alg)) return []
  return parameters.kty === 'OKP' ? suitable : [alg]
}

function importPublicKey(key: PublicParameters): KeyObject | undefined {
  try {
    return createPublicKey({ key: Object.assign(Object.create(null), key), format: 'jwk' }) // Node reads inherited members, too.
  } catch {
    return undefined
  }
}
