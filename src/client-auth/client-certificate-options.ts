import { hash, type X509Certificate } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { exportCertifiedJwk } from '../jwt/public-key.js'
import { option } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { readFirstCertificate } from '../verification-keys/published-certificate.js'
import { PRIVATE_PARAMETERS } from '../verification-keys/usable-key.js'
import { type CertificateNameKind, canonicalAddress, canonicalHostName } from '../x509/certificate-contents.js'
import { canonicalName, parseDistinguishedName } from '../x509/distinguished-name.js'

/**
 * The certificate of a client (RFC 8705 §2). Set exactly one member. A name means `tls_client_auth`: the certificate must come
 * from an authority that the server trusts, and have this name. Thumbprints or a key set mean `self_signed_tls_client_auth`: the
 * certificate must be one of these, whoever issued it. Names are compared exactly, without wildcards.
 *
 * @example
 * const certificate: ClientCertificateOptions = { subjectDn: 'CN=reports,OU=Finance,O=Example,C=DE' }
 */
export interface ClientCertificateOptions {
  /** The whole subject as in RFC 4514: the last part first, and no spaces around `,`, `+` and `=`. */
  subjectDn?: string
  /** One of its DNS names, in any case. */
  sanDns?: string
  /** One of its URIs. */
  sanUri?: string
  /** One of its IP addresses, in any spelling. */
  sanIp?: string
  /** One of its email addresses. */
  sanEmail?: string
  /** The SHA-256 of each certificate in DER, in hex or base64url, 1 to 20. Several for rollover. */
  sha256Thumbprints?: readonly string[]
  /** A JWK set whose keys have their certificates in `x5c`, 1 to 20. */
  jwks?: object
}

/** What a client's certificate must be. */
export type CertificateCredential =
  | { kind: 'certificate_name'; nameKind: CertificateNameKind; name: string }
  | { kind: 'certificate_thumbprint'; thumbprints: ReadonlySet<string> }

interface NameReader {
  expected: string
  /** The form in which it is compared; undefined if it is malformed. */
  canonical(text: string): string | undefined
}

const MAX_CERTIFICATES = 20
const MAX_NAME_LENGTH = 2048
const HEX = /^[0-9A-F]{64}$/i
/** As OpenSSL prints it. */
const HEX_WITH_COLONS = /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/i
const BASE64URL = /^[\w-]{42}[AEIMQUYcgkosw048]$/
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i
const URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i
const EMAIL = /^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/

const NAME_READERS: Readonly<Record<CertificateNameKind, NameReader>> = {
  subjectDn: {
    expected:
      'a distinguished name as in RFC 4514, such as "CN=app,O=Example,C=DE", the last part first, without spaces around , + and =',
    canonical: (text) => {
      const name = parseDistinguishedName(text)
      return name && canonicalName(name)
    },
  },
  sanDns: { expected: 'a host name without wildcards', canonical: matching(HOST_NAME, canonicalHostName) },
  sanUri: { expected: 'a URI', canonical: matching(URI) },
  sanIp: { expected: 'an IPv4 or IPv6 address', canonical: (text) => canonicalAddress(octetsOfAddress(text)) },
  sanEmail: { expected: 'an email address', canonical: matching(EMAIL) },
}
const NAME_KINDS: readonly CertificateNameKind[] = ['subjectDn', 'sanDns', 'sanUri', 'sanIp', 'sanEmail']
const KINDS = [...NAME_KINDS, 'sha256Thumbprints', 'jwks'] as const

/** The option `certificate` of a client; undefined after noting that it has no member. */
export function readClientCertificate(parent: OptionReader): CertificateCredential | undefined {
  const reader = parent.object('certificate')
  const [first, ...others] = KINDS.filter((kind) => reader.isNamed(kind))
  const credential = first && readMember(reader, first)
  if (first === undefined) {
    if (isPlainObject(parent.hostObject('certificate')))
      reader.missing(undefined, KINDS, `missing; set one of ${KINDS.map((kind) => option(kind)).join(', ')}`)
  } else {
    for (const other of others) reader.refuseBoth(other, first)
  }
  reader.refuseUnknown()
  return credential
}

function readMember(reader: OptionReader, kind: (typeof KINDS)[number]): CertificateCredential {
  if (kind === 'sha256Thumbprints') return { kind: 'certificate_thumbprint', thumbprints: readThumbprints(reader) }
  if (kind === 'jwks') return { kind: 'certificate_thumbprint', thumbprints: readThumbprintsOfKeys(reader) }
  const { expected, canonical } = NAME_READERS[kind]
  const isName = (text: string) => text.length <= MAX_NAME_LENGTH && canonical(text) !== undefined
  const name = reader.string(kind, expected, isName)
  return { kind: 'certificate_name', nameKind: kind, name: canonical(name) ?? '' }
}

/** The SHA-256 of a certificate, in the form in which it is compared. */
export function thumbprintOf({ raw }: X509Certificate): string {
  return hash('sha256', raw, 'hex')
}

function readThumbprints(reader: OptionReader): Set<string> {
  const each = 'the SHA-256 of a certificate in DER, in hex or base64url'
  const isThumbprint = (text: string) => canonicalThumbprint(text) !== undefined
  const thumbprints = reader.someStrings('sha256Thumbprints', each, isThumbprint) ?? []
  checkCount(reader, 'sha256Thumbprints', thumbprints.length)
  return new Set(thumbprints.flatMap((text) => canonicalThumbprint(text) ?? []))
}

function canonicalThumbprint(text: string): string | undefined {
  if (HEX.test(text)) return text.toLowerCase()
  if (HEX_WITH_COLONS.test(text)) return text.replaceAll(':', '').toLowerCase()
  return BASE64URL.test(text) ? Buffer.from(text, 'base64url').toString('hex') : undefined
}

/** RFC 8705 §2.2.2: the certificates in a key set. */
function readThumbprintsOfKeys(reader: OptionReader): Set<string> {
  const jwks = reader.value('jwks')
  const keys = isJsonObject(jwks) ? ownMember(jwks, 'keys') : undefined
  if (!Array.isArray(keys) || keys.length === 0) {
    reader.problem('jwks', 'a JWK set with at least one key: { keys: [...] }', undefined, 'wrong_type')
    return new Set()
  }
  checkCount(reader, 'jwks', keys.length)
  const certificates = keys.slice(0, MAX_CERTIFICATES).map((key, index) => {
    const certificate = certificateOfKey(key)
    if (certificate !== undefined) return certificate
    reader.problem('jwks', 'public keys, each with its certificate in `x5c`', describeKey(key, index + 1))
    return undefined
  })
  return new Set(certificates.flatMap((certificate) => (certificate === undefined ? [] : thumbprintOf(certificate))))
}

/** For a key without a usable certificate: what is wrong with it. */
function describeKey(key: unknown, position: number): string {
  if (!isJsonObject(key)) return `something other than a key at position ${position}`
  if (isPrivateKey(key)) return `a key with private parts at position ${position}`
  const what = Object.hasOwn(key, 'x5c') ? 'whose `x5c` cannot be read, or has another key' : 'without `x5c`'
  return `a key ${what} at position ${position}`
}

/** The first certificate of a key, which must have that key (RFC 7517 §4.7). */
function certificateOfKey(key: unknown): X509Certificate | undefined {
  if (!isJsonObject(key) || isPrivateKey(key)) return undefined
  const certificate = readFirstCertificate(ownMember(key, 'x5c'))
  const certified = certificate && exportCertifiedJwk(certificate)
  if (certified === undefined) return undefined
  const isSame = Object.entries(certified).every(([name, value]) => [undefined, value].includes(ownMember(key, name)))
  return isSame ? certificate : undefined
}

function isPrivateKey(jwk: object): boolean {
  return PRIVATE_PARAMETERS.some((parameter) => Object.hasOwn(jwk, parameter))
}

function checkCount(reader: OptionReader, key: string, count: number): void {
  if (count <= MAX_CERTIFICATES) return
  reader.problem(key, `at most ${MAX_CERTIFICATES}`, `${count} certificates`, 'out_of_bounds')
}

function matching(pattern: RegExp, canonical = (text: string) => text): NameReader['canonical'] {
  return (text) => (pattern.test(text) ? canonical(text) : undefined)
}

/** Empty if the text is not an address. An IPv4 address never equals the same address mapped to IPv6. */
function octetsOfAddress(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  if (!isIPv6(text) || text.includes('%')) return Buffer.alloc(0)
  const [before = '', after] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const [head, tail] = [before, after ?? ''].map((groups) => (groups === '' ? [] : groups.split(':')))
  const zeros = Array<string>(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill('0')
  const groups = [...(head ?? []), ...zeros, ...(tail ?? [])]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
