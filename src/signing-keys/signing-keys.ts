import {
  createPrivateKey,
  createPublicKey,
  type ED25519KeyPairOptions,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { JWK } from 'jose'
import { suitsKey } from '../jwt/algorithms.js'
import { countPemBlocks, holdsPrivateKey } from '../jwt/pem.js'
import { exportPublicJwk, readPublicParameters } from '../jwt/public-key.js'
import { keyInputOf } from '../jwt/signatures.js'
import { describeOtherText, findKeyTextSlip } from './key-text.js'

/** The algorithms that access tokens can be signed with (RFC 9068 §2.1, RFC 7518 §3.1, RFC 8037). */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
/** The algorithms that access tokens may be signed with. */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** One key of ours. A retired key may be public only. */
export interface SigningKey {
  kid: string
  algorithm: SigningAlgorithm
  privateKey: KeyObject | undefined
  publicKey: KeyObject
  /** As published: public members, `kid`, `alg` and `use`. */
  publicJwk: JWK
}

/** What is wrong with a signing key and what to do, as the text of a ConfigError. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError'
}

const KEYS = 'a P-256, Ed25519 or RSA key (2048 bits or more) as JWK or PEM'
const SUITS_NONE = `no supported algorithm suits the key; expected ${KEYS}`
const AS_DER: ED25519KeyPairOptions<'der', 'der'> = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
}

/**
 * Makes a key for development and tests: a new private JWK with `kid`, `alg` and `use`. In production, create the key once and
 * keep it: when a key is lost, its tokens are refused.
 *
 * @example
 * const keys = { keys: [generateSigningKey('RS256')] }
 * await writeFile('keys.json', JSON.stringify(keys), { mode: 0o600 })
 */
export function generateSigningKey(algorithm: SigningAlgorithm = 'ES256'): JWK {
  const privateKey = createPrivateKey({ key: generatePkcs8(algorithm), format: 'der', type: 'pkcs8' })
  const { kid, publicJwk } = describeKey(privateKey, undefined, algorithm)
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: publicJwk.use ?? 'sig' } as JWK
}

/**
 * Reads a JWK or PEM (PKCS #8, PKCS #1, SEC 1, or a public SPKI key). Its algorithm is its own `alg`, then `algorithm` if that
 * suits the key, then the usual one for its type.
 *
 * @throws SigningKeyError
 */
export function readSigningKey(source: unknown, algorithm: SigningAlgorithm | undefined): SigningKey {
  if (ArrayBuffer.isView(source)) throw new SigningKeyError('got a Buffer; pass its text')
  const jwk: JWK | undefined =
    typeof source === 'object' && source !== null ? Object.assign(Object.create(null), source) : undefined // Own members only.
  if (jwk === undefined && typeof source !== 'string')
    throw new SigningKeyError(`neither a JWK nor PEM text; expected ${KEYS}`)
  if (jwk !== undefined) checkMembers(jwk)
  const key = importKey(jwk ?? String(source))
  const fault = findPublicFault(key)
  const wanted =
    jwk?.alg ?? (algorithm !== undefined && suitsKey(algorithm, key) ? algorithm : undefined) ?? usualAlgorithm(key)
  const known = SIGNING_ALGORITHMS.find((candidate) => candidate === wanted)
  if (known === undefined || !suitsKey(known, key)) throw new SigningKeyError(SUITS_NONE)
  if (fault !== undefined) throw new SigningKeyError(`the key is not sound: ${fault}; generate another one`)
  const signingKey = describeKey(key, jwk?.kid, known)
  if (!canVerifyItself(signingKey))
    throw new SigningKeyError(
      'the private and the public part of the key do not belong together; copy both from one key',
    )
  return signingKey
}

/** Our keys. The active key signs; all keys are published and verify. */
export class SigningKeys {
  readonly active: ActiveSigningKey
  readonly #keys: ReadonlyMap<string, SigningKey>

  /** The `kid`s must differ. */
  constructor(active: ActiveSigningKey, retired: readonly SigningKey[]) {
    this.active = active
    this.#keys = new Map([active, ...retired].map((key) => [key.kid, key]))
  }

  find(kid: string | undefined): SigningKey | undefined {
    return kid === undefined ? undefined : this.#keys.get(kid)
  }

  /** RFC 7517 §5, public members only. */
  get publicKeySet(): { keys: JWK[] } {
    return { keys: [...this.#keys.values()].map((key) => key.publicJwk) }
  }
}

export interface ActiveSigningKey extends SigningKey {
  algorithm: SigningAlgorithm
  privateKey: KeyObject
}

export function isActiveSigningKey(key: SigningKey): key is ActiveSigningKey {
  return key.privateKey !== undefined
}

/** RFC 7517 §4.2 to §4.5. */
function checkMembers(jwk: JWK): void {
  const { use, key_ops: operations, kid } = jwk
  if (Object.hasOwn(jwk, 'keys')) throw new SigningKeyError('got a JWK set inside an array; pass the set itself')
  if (use !== undefined && use !== 'sig')
    throw new SigningKeyError('the key is not for signatures; use a key with `use` "sig"')
  if (operations !== undefined && !operations.some((operation) => operation === 'sign' || operation === 'verify')) {
    throw new SigningKeyError('the key is not for signatures; use a key with `use` "sig"')
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === ''))
    throw new SigningKeyError('the kid is not a non-empty string; name the key, or leave kid out')
}

/** A mismatched key fails when it is configured, not when the first token is signed. */
function canVerifyItself({ privateKey, publicKey, algorithm }: SigningKey): boolean {
  if (privateKey === undefined) return true
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  const probe = Buffer.from('a probe')
  return verify(digest, probe, keyInputOf(publicKey), sign(digest, probe, keyInputOf(privateKey)))
}

function describeKey(key: KeyObject, kid: string | undefined, algorithm: SigningAlgorithm): SigningKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  const parameters = publicKey.export({ format: 'jwk' }) as JWK
  const name = kid ?? thumbprint(parameters)
  return {
    kid: name,
    algorithm,
    privateKey: key.type === 'private' ? key : undefined,
    publicKey,
    publicJwk: { ...parameters, kid: name, alg: algorithm, use: 'sig' },
  }
}

function importKey(source: JWK | string): KeyObject {
  if (typeof source === 'string' && countPemBlocks(source) !== 1) {
    throw new SigningKeyError(findKeyTextSlip(source) ?? describeOtherText(source))
  }
  const input = typeof source === 'string' ? source : { key: source as Record<string, unknown>, format: 'jwk' as const }
  const isPrivate = typeof source === 'string' ? holdsPrivateKey(source) : source.d !== undefined
  try {
    return isPrivate ? createPrivateKey(input) : createPublicKey(input)
  } catch {
    const slip = typeof source === 'string' ? findKeyTextSlip(source) : undefined
    throw new SigningKeyError(slip ?? `the key cannot be read; expected ${KEYS}`)
  }
}

/** Must be called before any other use of the key: some keys without a JWK form abort the Node process. */
function findPublicFault(key: KeyObject): string | undefined {
  const jwk = exportPublicJwk(key.type === 'private' ? createPublicKey(key) : key)
  if (jwk === undefined) throw new SigningKeyError(SUITS_NONE)
  const parameters = readPublicParameters({ ...jwk })
  return typeof parameters === 'string' ? parameters : undefined
}

function usualAlgorithm(key: KeyObject): SigningAlgorithm | undefined {
  return SIGNING_ALGORITHMS.find((algorithm) => suitsKey(algorithm, key))
}

/**
 * Returns bytes, not the KeyObject. In Node 20, exporting a generated KeyObject as a JWK can deadlock: a garbage collection
 * may meanwhile end the job that generated it, and that locks the key's mutex.
 */
function generatePkcs8(algorithm: SigningAlgorithm): Buffer {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256', ...AS_DER }).privateKey
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519', AS_DER).privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048, ...AS_DER }).privateKey
}

/** RFC 7638. */
function thumbprint({ crv, e, kty, n, x, y }: JWK): string {
  const members = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return hash('sha256', JSON.stringify(members), 'base64url')
}
