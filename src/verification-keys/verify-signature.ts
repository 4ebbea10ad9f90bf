import type { KeyObject } from 'node:crypto'
import { TokenRejected } from '../errors/rejections.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isSignedBy } from '../jwt/signatures.js'
import type { VerificationKeySource } from './key-source.js'

/**
 * Verifies a signature by the keys of one owner (RFC 7523 §3, 9). If the known keys do not verify it, newer ones are searched
 * once, because the owner may have changed a key under its `kid`, or use none.
 *
 * @throws TokenRejected `unknown_key`, `certificate_expired`, `bad_signature`
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifySignature(assertion: UnverifiedJwt, keySource: VerificationKeySource): Promise<void> {
  const keys = await keySource.requireKeys(assertion.header)
  if (await isSignedByOneOf(keys, assertion)) return
  if (await isSignedByOneOf(await keySource.findNewerKeys(assertion.header, keys), assertion)) return
  throw new TokenRejected('bad_signature')
}

/**
 * The same for a caller that has no credentials. It does not wait for a fetch, so that the time of a refusal does not show
 * whom we trust. Only an assertion signed with a key that has expired here waits until the key is confirmed.
 *
 * @throws TokenRejected `unknown_key`, `keys_not_fetched`, `certificate_expired`, `bad_signature`
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export async function verifySignatureAtOnce(assertion: UnverifiedJwt, keySource: VerificationKeySource): Promise<void> {
  const { keys, areCurrent } = keySource.requireKeysAtOnce(assertion.header)
  if (!(await isSignedByOneOf(keys, assertion))) {
    keySource.refreshInBackground(assertion.header, keys)
    throw new TokenRejected('bad_signature')
  }
  if (!areCurrent) await verifySignature(assertion, keySource)
}

async function isSignedByOneOf(keys: readonly KeyObject[], assertion: UnverifiedJwt): Promise<boolean> {
  for (const key of keys) {
    if (await isSignedBy(key, assertion)) return true
  }
  return false
}
