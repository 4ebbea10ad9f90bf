import type { KeyObject } from 'node:crypto'
import { type Eventual, whenReady } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isSignedBy } from '../jwt/signatures.js'
import type { VerificationKeySource } from './key-source.js'

/**
 * Verifies a signature by the keys of one owner (RFC 7523 §3, 9). If the known keys do not verify it, newer ones are searched
 * once, because the owner may have changed a key under its `kid`, or use none. Returns the key that has signed.
 *
 * @throws TokenRejected `unknown_key`, `certificate_expired`, `bad_signature`
 * @throws DependencyUnavailable `jwks_unavailable`
 */
export function verifySignature(token: UnverifiedJwt, keySource: VerificationKeySource): Eventual<KeyObject> {
  return whenReady(keySource.requireKeys(token.header), (keys) =>
    whenReady(findSigner(keys, token), (signer) => signer ?? findNewerSigner(keys, token, keySource)),
  )
}

async function findNewerSigner(
  known: readonly KeyObject[],
  token: UnverifiedJwt,
  keySource: VerificationKeySource,
): Promise<KeyObject> {
  const newer = await findSigner(await keySource.findNewerKeys(token.header, known), token)
  if (newer === undefined) throw new TokenRejected('bad_signature')
  return newer
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
  if ((await findSigner(keys, assertion)) === undefined) {
    keySource.refreshInBackground(assertion.header, keys)
    throw new TokenRejected('bad_signature')
  }
  if (!areCurrent) await verifySignature(assertion, keySource)
}

function findSigner([key, ...others]: readonly KeyObject[], token: UnverifiedJwt): Eventual<KeyObject | undefined> {
  if (key === undefined) return undefined
  return whenReady(isSignedBy(key, token), (isSigner) => (isSigner === true ? key : findSigner(others, token)))
}
