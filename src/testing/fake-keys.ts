import {
  constants,
  createPrivateKey,
  createPublicKey,
  type ED25519KeyPairOptions,
  generateKeyPair,
  randomUUID,
  sign,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'

/** The JWS algorithms that a fake key can have. */
export type SigningAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519'

/** A key pair of a fake identity provider. It is for tests, so the private key is readable. */
export interface FakeKey {
  /** Names the key, for `withdraw`; also the `kid` of both JWKs, unless the provider has `keyIds: false`. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly privateJwk: JWK
  /** As published: with `alg` and `use: 'sig'`. */
  readonly publicJwk: JWK
}

const generatePair = promisify(generateKeyPair)
const signAsync = promisify(sign)
const AS_DER: ED25519KeyPairOptions<'der', 'der'> = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
}

/**
 * Generates a key pair. RSA keys have 2048 bits and take about 100 ms. Default `kid`: a random UUID.
 *
 * @example
 * const { publicJwk } = await generateFakeKey('ES256')
 */
export async function generateFakeKey(algorithm: SigningAlgorithm, kid: string = randomUUID()): Promise<FakeKey> {
  const pkcs8 = await generatePkcs8(algorithm)
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const parameters = { kid, alg: algorithm, use: 'sig' }
  return {
    kid,
    algorithm,
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...parameters },
    publicJwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), ...parameters },
  }
}

/** The same key with no `kid` in its JWKs. */
export function withoutKeyId(key: FakeKey): FakeKey {
  const { kid: _privateKid, ...privateJwk } = key.privateJwk
  const { kid: _publicKid, ...publicJwk } = key.publicJwk
  return { ...key, privateJwk, publicJwk }
}

/**
 * Signs any header and claims, valid or not, always by the key's own algorithm. An object becomes JSON by `JSON.stringify`,
 * without members that are `undefined`. A string is used verbatim, even if it is not JSON.
 *
 * @example
 * const key = await generateFakeKey('ES256')
 * const forged = await signAssertion(key, { alg: 'none' }, { iss: 'https://idp.example.com', sub: 'mallory' })
 */
export async function signAssertion(
  key: FakeKey,
  header: Readonly<Record<string, unknown>> | string,
  claims: Readonly<Record<string, unknown>> | string,
): Promise<string> {
  const signingInput = `${encodePart(header)}.${encodePart(claims)}`
  const signature = await signBytes(key, Buffer.from(signingInput))
  return `${signingInput}.${signature.toString('base64url')}`
}

function encodePart(part: Readonly<Record<string, unknown>> | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/**
 * Returns bytes, not a KeyObject. In Node 20, exporting a generated KeyObject as a JWK can deadlock: a garbage collection
 * may meanwhile end the job that generated it, and that locks the key's mutex.
 */
async function generatePkcs8(algorithm: SigningAlgorithm): Promise<Buffer> {
  switch (algorithm) {
    case 'ES256':
      return (await generatePair('ec', { namedCurve: 'P-256', ...AS_DER })).privateKey
    case 'ES384':
      return (await generatePair('ec', { namedCurve: 'P-384', ...AS_DER })).privateKey
    case 'ES512':
      return (await generatePair('ec', { namedCurve: 'P-521', ...AS_DER })).privateKey
    case 'EdDSA':
    case 'Ed25519':
      return (await generatePair('ed25519', AS_DER)).privateKey
    default:
      return (await generatePair('rsa', { modulusLength: 2048, ...AS_DER })).privateKey
  }
}

function signBytes(key: FakeKey, bytes: Buffer): Promise<Buffer> {
  const privateKey = createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' })
  const hash = `sha${key.algorithm.slice(2)}`
  switch (key.algorithm.slice(0, 2)) {
    case 'Ed':
      return signAsync(null, bytes, privateKey)
    case 'ES':
      return signAsync(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    case 'PS':
      return signAsync(hash, bytes, {
        key: privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      })
    default:
      return signAsync(hash, bytes, privateKey)
  }
}
