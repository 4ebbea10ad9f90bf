import { type KeyObject, type SignKeyObjectInput, sign, verify } from 'node:crypto'
import { quickSigningScheme, quickVerificationScheme, type SignatureScheme } from './algorithms.js'
import type { UnverifiedJws } from './parse-jwt.js'

/** Signs claims as a JWT in compact form. Returns a string if signing is quick, otherwise a promise. */
export type SignJwt = (claims: Readonly<Record<string, unknown>>) => string | Promise<string>

export interface JwtHeader {
  alg: string
  typ: string
  kid: string
}

/**
 * Whether a key signed a JWT by the algorithm of its header (RFC 7515 §5.2). `node:crypto` verifies quick algorithms at once;
 * jose verifies the others without blocking the main thread.
 */
export function isSignedBy(key: KeyObject, jws: UnverifiedJws): boolean | Promise<boolean> {
  if (!hasExpectedLength(key, jws.signature)) return false
  const scheme = quickVerificationScheme(key, jws.header.alg)
  return scheme === undefined ? verifySlowly(key, jws) : verifyQuickly(key, jws, scheme)
}

/**
 * An RSA signature is as long as the modulus (RFC 8017 §8.1.2, §8.2.2). OpenSSL, and so jose, also accepts a PSS signature
 * without its leading zeros. OpenSSL checks the length for other keys.
 */
function hasExpectedLength({ asymmetricKeyDetails }: KeyObject, signature: Buffer): boolean {
  const { modulusLength } = asymmetricKeyDetails ?? {}
  return modulusLength === undefined || signature.length === Math.ceil(modulusLength / 8)
}

async function verifySlowly(key: KeyObject, { compact, header }: UnverifiedJws): Promise<boolean> {
  const { compactVerify } = await import('jose')
  try {
    await compactVerify(compact, key, { algorithms: [header.alg] })
    return true
  } catch {
    return false
  }
}

function verifyQuickly(key: KeyObject, jws: UnverifiedJws, { hash, parameters }: SignatureScheme): boolean {
  try {
    return verify(hash, Buffer.from(jws.signingInput, 'latin1'), keyInputOf(key, parameters), jws.signature)
  } catch {
    return false
  }
}

/** A function that signs with one key and header. The header's `alg` must suit the key. */
export function createJwtSigner(header: JwtHeader, key: KeyObject): SignJwt {
  const scheme = quickSigningScheme(key, header.alg)
  if (scheme === undefined) return (claims) => signSlowly(header, claims, key)
  const { hash, parameters } = scheme
  const input = keyInputOf(key, parameters)
  const encodedHeader = encode(header)
  return (claims) => {
    const signingInput = `${encodedHeader}.${encode(claims)}`
    const signature = sign(hash, Buffer.from(signingInput, 'latin1'), input)
    return `${signingInput}.${signature.toString('base64url')}`
  }
}

/** Without a prototype: Node also reads inherited options, and from Node 24 on a `context` changes the result. */
export function keyInputOf(key: KeyObject, parameters: SignatureScheme['parameters'] = {}): SignKeyObjectInput {
  const input: SignKeyObjectInput & { __proto__: null } = { __proto__: null, key, ...parameters }
  return input
}

async function signSlowly(header: JwtHeader, claims: Readonly<Record<string, unknown>>, key: KeyObject) {
  const { SignJWT } = await import('jose')
  return new SignJWT({ ...claims }).setProtectedHeader({ ...header }).sign(key)
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
