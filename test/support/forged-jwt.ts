import { createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto'
import type { FakeIdentityProvider, FakeKey } from '../../src/testing/index.js'
import { encodePart, type JwsPart, signingInputOf } from './compact-jws.js'

/** A compact JWS with a signature of one's own. */
export function joinParts(header: JwsPart, claims: JwsPart, signature: JwsPart = ''): string {
  return `${signingInputOf(header, claims)}.${encodePart(signature)}`
}

/** A compact JWS with a MAC instead of a signature. */
export function macToken(header: JwsPart, claims: JwsPart, key: string | Buffer, hash = 'sha256'): string {
  const signingInput = signingInputOf(header, claims)
  return `${signingInput}.${createHmac(hash, key).update(signingInput).digest('base64url')}`
}

/** Signs two encoded parts as they are, base64url or not, with a P-256 key. */
export function signEncoded(key: FakeKey, encodedHeader: string, encodedClaims: string): string {
  const signingInput = `${encodedHeader}.${encodedClaims}`
  return `${signingInput}.${signES256(key, signingInput).toString('base64url')}`
}

export function signES256(key: FakeKey, signingInput: string): Buffer {
  const privateKey = createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' })
  return sign('sha256', Buffer.from(signingInput), { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

/** The header of a good assertion of this identity provider. */
export function goodHeader(idp: FakeIdentityProvider): Record<string, unknown> {
  return { alg: idp.signingKey.algorithm, kid: idp.signingKey.publicJwk.kid, typ: 'JWT' }
}

/** The claims of a good assertion of this identity provider, with a new `jti`. */
export function goodClaims(idp: FakeIdentityProvider): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  return { iss: idp.name, sub: 'alice', aud: idp.alias, iat: now, exp: now + 300, jti: randomUUID() }
}
