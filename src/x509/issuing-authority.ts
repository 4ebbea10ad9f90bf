import type { X509Certificate } from 'node:crypto'
import { type CertificateContents, readCertificateContents, SUBJECT_ALTERNATIVE_NAME } from './certificate-contents.js'
import { DER_TAGS, type DerValue, derContentsOf, derMembersOf, derObjectIdentifier, readDerValues } from './der.js'

/** An authority that issues the certificates of clients. */
export interface IssuingAuthority {
  x509: X509Certificate
  /** Seconds since the epoch. */
  validFrom: number
  expiresAt: number
}

const KEY_USAGE = '2.5.29.15'
const BASIC_CONSTRAINTS = '2.5.29.19'
const NAME_CONSTRAINTS = '2.5.29.30'
const EXTENDED_KEY_USAGE = '2.5.29.37'
/** A certificate with any other critical extension is refused (RFC 5280 §4.2). */
const UNDERSTOOD_EXTENSIONS = [KEY_USAGE, SUBJECT_ALTERNATIVE_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE]
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2'
const ANY_PURPOSE = '2.5.29.37.0'
/** An authority that is for servers only, for example, does not vouch for clients. */
const PURPOSES_OF_AUTHORITY = [CLIENT_AUTHENTICATION, ANY_PURPOSE]
/** `digitalSignature` and `keyAgreement`: one of these bits in the first octet must be set. */
const USABLE_IN_TLS = 0x88
/** With SHA-256, SHA-384 and SHA-512: RSA and ECDSA; Ed25519 and Ed448. */
const SIGNATURE_ALGORITHMS = [
  ...['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4', '1.3.101.112', '1.3.101.113'],
]
const RSA_PSS = '1.2.840.113549.1.1.10'
const SHA_2 = ['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3']
const PSS_HASH = 0xa0

/**
 * Whether a certificate is that of an authority that may issue certificates of clients. Name constraints are not checked here, so
 * an authority with them is refused.
 */
export function isAuthority({ ca, raw }: X509Certificate): boolean {
  const extensions = readCertificateContents(raw)?.extensions
  if (!ca || extensions === undefined || extensions.has(NAME_CONSTRAINTS)) return false
  const purposes = extensions.get(EXTENDED_KEY_USAGE)
  try {
    return purposes === undefined || purposesIn(purposes.value).some((each) => PURPOSES_OF_AUTHORITY.includes(each))
  } catch {
    return false
  }
}

/**
 * Whether one of these authorities has itself issued a certificate, and issued it for TLS clients (RFC 5280 §6.1). The caller
 * checks the dates of the certificate.
 *
 * @param now seconds since the epoch
 */
export function isIssuedByOneOf(
  authorities: readonly IssuingAuthority[],
  certificate: X509Certificate,
  now: number,
): boolean {
  const contents = readCertificateContents(certificate.raw)
  try {
    if (contents === undefined || !isForTlsClients(contents) || !isStrongAlgorithm(contents.signatureAlgorithm))
      return false
    return authorities.some(({ x509, validFrom, expiresAt }) => {
      const isValid = validFrom <= now && now <= expiresAt
      return isValid && certificate.checkIssued(x509) && certificate.verify(x509.publicKey)
    })
  } catch {
    return false
  }
}

function isForTlsClients({ extensions }: CertificateContents): boolean {
  const keyUsage = extensions.get(KEY_USAGE)
  const purposes = extensions.get(EXTENDED_KEY_USAGE)
  const areExtensionsUnderstood = [...extensions].every(
    ([type, { isCritical }]) => !isCritical || UNDERSTOOD_EXTENSIONS.includes(type),
  )
  return (
    areExtensionsUnderstood &&
    (keyUsage === undefined || (firstBitsOf(keyUsage.value) & USABLE_IN_TLS) > 0) &&
    (purposes === undefined || purposesIn(purposes.value).includes(CLIENT_AUTHENTICATION))
  )
}

function firstBitsOf(bitString: Buffer): number {
  return derContentsOf(readDerValues(bitString)[0], DER_TAGS.bitString)[1] ?? 0
}

function purposesIn(list: Buffer): string[] {
  return derMembersOf(readDerValues(list)[0], DER_TAGS.sequence).map(derObjectIdentifier)
}

function isStrongAlgorithm(signatureAlgorithm: DerValue): boolean {
  const [type, parameters] = derMembersOf(signatureAlgorithm, DER_TAGS.sequence)
  const algorithm = derObjectIdentifier(type)
  if (algorithm !== RSA_PSS) return SIGNATURE_ALGORITHMS.includes(algorithm)
  const hash = derMembersOf(parameters, DER_TAGS.sequence).find(({ tag }) => tag === PSS_HASH)
  const [named] = derMembersOf(derMembersOf(hash, PSS_HASH)[0], DER_TAGS.sequence)
  return SHA_2.includes(derObjectIdentifier(named))
}
