import { constants, createPrivateKey, generateKeyPair, type KeyObject, randomUUID, sign } from 'node:crypto'
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

/** A key pair of a fake identity provider. Made for tests: the private half is there to be read. */
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

/** Generates a key pair. RSA keys have 2048 bits and take some 100 ms. Default `kid`: a random UUID. */
export async function generateFakeKey(algorithm: SigningAlgorithm, kid: string = randomUUID()): Promise<FakeKey> {
  const pair = await generatePairFor(algorithm)
  const parameters = { kid, alg: algorithm, use: 'sig' }
  return {
    kid,
    algorithm,
    privateJwk: { ...pair.privateKey.export({ format: 'jwk' }), ...parameters },
    publicJwk: { ...pair.publicKey.export({ format: 'jwk' }), ...parameters },
  }
}

/** The same key with no `kid` in its JWKs. */
export function withoutKeyId(key: FakeKey): FakeKey {
  const { kid: _privateKid, ...privateJwk } = key.privateJwk
  const { kid: _publicKid, ...publicJwk } = key.publicJwk
  return { ...key, privateJwk, publicJwk }
}

/**
 * Signs any header and claims, valid or not, by the key's own algorithm, whatever the header says. An object becomes
 * JSON as `JSON.stringify` has it (a member that is `undefined` is left out); a string is used verbatim, JSON or not.
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

function generatePairFor(algorithm: SigningAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ES256':
      return generatePair('ec', { namedCurve: 'P-256' })
    case 'ES384':
      return generatePair('ec', { namedCurve: 'P-384' })
    case 'ES512':
      return generatePair('ec', { namedCurve: 'P-521' })
    case 'EdDSA':
    case 'Ed25519':
      return generatePair('ed25519')
    default:
      return generatePair('rsa', { modulusLength: 2048 })
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
