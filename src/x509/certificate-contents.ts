import { DER_TAGS, type DerValue, derContentsOf, derMembersOf, derObjectIdentifier, readDerValues } from './der.js'
import { canonicalName, formatDistinguishedName, readAscii, readDistinguishedName } from './distinguished-name.js'

/** The kinds of names by which a certificate is recognised (RFC 8705 §2.1.2). */
export type CertificateNameKind = 'subjectDn' | 'sanDns' | 'sanUri' | 'sanIp' | 'sanEmail'

export interface CertificateExtension {
  isCritical: boolean
  value: Buffer
}

/** What a certificate says. Node's text form of names is not used, because one name can look like several in it. */
export interface CertificateContents {
  /** As RFC 4514 writes it, for operators. */
  subject: string
  /** In the form in which they are compared. */
  names: Readonly<Record<CertificateNameKind, readonly string[]>>
  /** By object identifier. */
  extensions: ReadonlyMap<string, CertificateExtension>
  /** An AlgorithmIdentifier (RFC 5280 §4.1.1.2). */
  signatureAlgorithm: DerValue
}

/** Positions in a TBSCertificate after its version (RFC 5280 §4.1). */
const SUBJECT = 4
const FIELDS_BEFORE_OPTIONAL = 6
const VERSION = 0xa0
const EXTENSIONS = 0xa3
export const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
/** Context-specific tags of a GeneralName (RFC 5280 §4.2.1.6). */
const EMAIL = 0x81
const DNS = 0x82
const URI = 0x86
const IP = 0x87

/** The contents of a certificate in DER; undefined if any part is malformed or ambiguous. Then no name counts. */
export function readCertificateContents(der: Buffer): CertificateContents | undefined {
  try {
    const [certificate, ...others] = readDerValues(der)
    if (others.length > 0) return undefined
    const [toBeSigned, signatureAlgorithm] = derMembersOf(certificate, DER_TAGS.sequence)
    if (signatureAlgorithm === undefined) return undefined
    const fields = derMembersOf(toBeSigned, DER_TAGS.sequence).filter(({ tag }, index) => index > 0 || tag !== VERSION)
    const subject = readDistinguishedName(fields[SUBJECT])
    const extensions = readExtensions(fields.slice(FIELDS_BEFORE_OPTIONAL).find(({ tag }) => tag === EXTENSIONS))
    const alternativeNames = readAlternativeNames(extensions.get(SUBJECT_ALTERNATIVE_NAME))
    return {
      subject: formatDistinguishedName(subject),
      names: { subjectDn: [canonicalName(subject)], ...alternativeNames },
      extensions,
      signatureAlgorithm,
    }
  } catch {
    return undefined
  }
}

/** The form in which an IP address is compared; undefined if there is none. */
export function canonicalAddress(octets: Buffer): string | undefined {
  return octets.length === 4 || octets.length === 16 ? octets.toString('hex') : undefined
}

/** Host names are ASCII, and their case means nothing (RFC 4343). */
export function canonicalHostName(name: string): string {
  return name.toLowerCase()
}

function readExtensions(value: DerValue | undefined): Map<string, CertificateExtension> {
  const extensions = new Map<string, CertificateExtension>()
  if (value === undefined) return extensions
  const [list, ...others] = derMembersOf(value, EXTENSIONS)
  const members = derMembersOf(list, DER_TAGS.sequence)
  for (const member of members) {
    const parts = derMembersOf(member, DER_TAGS.sequence)
    if (parts.length !== 2 && parts.length !== 3) throw new RangeError('An extension has two or three parts')
    // DER leaves out what is false.
    const isCritical = parts.length === 3 && derContentsOf(parts[1], DER_TAGS.boolean).length > 0
    extensions.set(derObjectIdentifier(parts[0]), {
      isCritical,
      value: derContentsOf(parts.at(-1), DER_TAGS.octetString),
    })
  }
  if (others.length > 0 || extensions.size < members.length) throw new RangeError('An extension is repeated')
  return extensions
}

function readAlternativeNames(
  extension: CertificateExtension | undefined,
): Omit<Record<CertificateNameKind, string[]>, 'subjectDn'> {
  const [list, ...others] = extension === undefined ? [] : readDerValues(extension.value)
  if (others.length > 0) throw new RangeError('The alternative names are not one list')
  const general = list === undefined ? [] : derMembersOf(list, DER_TAGS.sequence)
  const ofTag = (tag: number) => general.filter((name) => name.tag === tag)
  return {
    sanDns: ofTag(DNS).map((name) => canonicalHostName(readAscii(name, DNS))),
    sanUri: ofTag(URI).map((name) => readAscii(name, URI)),
    sanEmail: ofTag(EMAIL).map((name) => readAscii(name, EMAIL)),
    sanIp: ofTag(IP).flatMap(({ contents }) => canonicalAddress(contents) ?? []),
  }
}
