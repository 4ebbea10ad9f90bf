import type { KeyObject } from 'node:crypto'
import { compactVerify } from 'jose'
import { TokenRejected } from '../errors/rejections.js'
import type { VerificationKeySource } from '../jwks/verification-key-source.js'
import type { UnverifiedHeader } from '../jwt/parse-jwt.js'

/**
 * A signature by a key of this identity provider (RFC 7523 §3, 9). Where the known keys do not verify it, newer ones
 * are looked for once: the identity provider may have changed a key under its `kid`, or use none.
 *
 * @throws TokenRejected `unknown_key`, `certificate_expired`, `bad_signature`
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifySignature(
  assertion: string,
  header: UnverifiedHeader,
  keySource: VerificationKeySource,
): Promise<void> {
  const keys = await keySource.findKeys(header)
  if (await isSignedByOneOf(keys, assertion, header.alg)) return
  if (await isSignedByOneOf(await keySource.findNewerKeys(header, keys), assertion, header.alg)) return
  throw new TokenRejected('bad_signature')
}

async function isSignedByOneOf(keys: readonly KeyObject[], assertion: string, algorithm: string): Promise<boolean> {
  for (const key of keys) {
    if (await isSignedBy(key, assertion, algorithm)) return true
  }
  return false
}

async function isSignedBy(key: KeyObject, assertion: string, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(assertion, key, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}
