import { hash, type KeyObject, X509Certificate } from 'node:crypto'
import { exportCertifiedJwk, readThumbprints, type Thumbprints } from '../jwt/public-key.js'

/** The members of a JWK, own ones only. */
export type Jwk = Readonly<Record<string, unknown>>

export interface CertificateDetails extends Thumbprints {
  /** Seconds since the epoch. */
  certificateExpiresAt?: number
  /** The `x5c` cannot be read, so that the other members are all that is known. */
  note?: 'x5c_unreadable'
}

/** A member with the key of its certificate. If the member itself names a type or a curve, that one counts, and must fit. */
export function completeJwk({ kty, crv }: Jwk, certificate: X509Certificate): Jwk {
  const ownType = { ...(kty !== undefined && { kty }), ...(crv !== undefined && { crv }) }
  return Object.assign(Object.create(null), exportCertifiedJwk(certificate), ownType)
}

/** The first certificate of an `x5c` (RFC 7517 §4.7); undefined if there is none, or none that can be read. */
export function readFirstCertificate(x5c: unknown): X509Certificate | undefined {
  if (!Array.isArray(x5c) || typeof x5c[0] !== 'string') return undefined
  try {
    return new X509Certificate(Buffer.from(x5c[0], 'base64'))
  } catch {
    return undefined
  }
}

/** Its key must be the one that the other members describe (RFC 7517 §4.7). */
export function holdsKey(certificate: X509Certificate, publicKey: KeyObject): boolean {
  const certified = exportCertifiedJwk(certificate)
  return certified !== undefined && JSON.stringify(certified) === JSON.stringify(publicKey.export({ format: 'jwk' }))
}

/** What its certificate says about a key. */
export function describeCertificate(jwk: Jwk, certificate: X509Certificate | undefined): CertificateDetails {
  const expiresAt = certificate && Date.parse(certificate.validTo) / 1000
  const isExpiryKnown = expiresAt !== undefined && Number.isFinite(expiresAt)
  return {
    ...(certificate !== undefined && digestsOf(certificate)),
    ...readThumbprints(jwk),
    ...(isExpiryKnown && { certificateExpiresAt: expiresAt }),
    ...(jwk.x5c !== undefined && !isExpiryKnown && { note: 'x5c_unreadable' as const }),
  }
}

/** For thumbprints that the member does not have. */
function digestsOf({ raw }: X509Certificate): Thumbprints {
  return { x5t: hash('sha1', raw, 'base64url'), x5tS256: hash('sha256', raw, 'base64url') }
}
