import { X509Certificate } from 'node:crypto'
import { parseCertificateBlocks } from '../jwt/pem.js'
import { exportCertifiedJwk } from '../jwt/public-key.js'
import { KeySet } from './key-set.js'
import { isSameKey, readUsableKey } from './usable-key.js'

/** One configured X.509 certificate. Its key is used between its dates; no chain is built. */
export interface Certificate {
  subject: string
  /** Seconds since the epoch. */
  validFrom: number
  expiresAt: number
  keySet: KeySet
  x509: X509Certificate
}

/** The certificates in PEM text; undefined if there is none, one cannot be used, or the text holds something else. */
export function readCertificates(pem: string): Certificate[] | undefined {
  const certificates = parseCertificateBlocks(pem)?.map(readCertificate)
  return certificates?.every((certificate) => certificate !== undefined) ? certificates : undefined
}

/**
 * A certificate that issued another one of them. In a chain, everybody who holds the authority's key would become a signer.
 * Certificates of the same key that follow each other are not a chain.
 */
export function findIssuingCertificate(certificates: readonly Certificate[]): Certificate | undefined {
  const issued = (one: X509Certificate, other: X509Certificate) =>
    !isSameKey(one.publicKey, other.publicKey) && other.verify(one.publicKey)
  return certificates.find((issuer) => certificates.some(({ x509 }) => issued(issuer.x509, x509)))
}

function readCertificate(pem: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const key = readUsableKey(exportCertifiedJwk(certificate))
    if (!('publicKey' in key)) return undefined
    const validFrom = Date.parse(certificate.validFrom) / 1000
    const expiresAt = Date.parse(certificate.validTo) / 1000
    if (!Number.isFinite(validFrom + expiresAt)) return undefined
    const { subject = '' }: { subject?: string } = certificate // Node's types do not know that it may be absent.
    return {
      subject: subject.replaceAll('\n', ', '),
      validFrom,
      expiresAt,
      keySet: new KeySet([key]),
      x509: certificate,
    }
  } catch {
    return undefined
  }
}
