import { X509Certificate } from 'node:crypto'
import { KeySet } from './key-set.js'
import { readUsableKey } from './usable-key.js'

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** One X.509 certificate of an identity provider. Its key is used between its dates; no chain is built. */
export interface Certificate {
  subject: string
  /** Seconds since the epoch. */
  validFrom: number
  expiresAt: number
  keySet: KeySet
}

/** The certificates in PEM text, or undefined where there is none or one cannot be used. */
export function readCertificates(pem: string): Certificate[] | undefined {
  const blocks = pem.match(PEM_CERTIFICATE) ?? []
  const certificates = blocks.map(readCertificate)
  return certificates.length > 0 && certificates.every((certificate) => certificate !== undefined)
    ? certificates
    : undefined
}

function readCertificate(pem: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const result = readUsableKey(certificate.publicKey.export({ format: 'jwk' }))
    if (!('key' in result)) return undefined
    const { subject = '' }: { subject?: string } = certificate // Node's types do not know that it may be absent.
    return {
      subject: subject.replaceAll('\n', ', '),
      validFrom: Date.parse(certificate.validFrom) / 1000,
      expiresAt: Date.parse(certificate.validTo) / 1000,
      keySet: new KeySet([result.key]),
    }
  } catch {
    return undefined
  }
}
