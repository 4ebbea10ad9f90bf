import { type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { generatePair } from './generate-pair.js'

/** A certificate and its private key, in PEM. */
export interface IssuedCertificate {
  cert: string
  key: string
}

export interface CertificateContent {
  /** DNS names and IPv4 addresses that it is for. */
  names: readonly string[]
  /** Default: since yesterday. */
  validFrom?: Date
  /** Default: until tomorrow. */
  validTo?: Date
  /** The subject in DER; default: the first of `names` as common name. */
  subject?: Buffer
  /** Alternative names in DER besides `names`. */
  generalNames?: readonly Buffer[]
  /** Other extensions in DER. */
  extensions?: readonly Buffer[]
  /** Default: a new one. */
  keyPair?: { publicKey: KeyObject; privateKey: KeyObject }
}

/** A private certificate authority, made for one test (RFC 5280). Its certificates have P-256 keys. */
export interface CertificateAuthority {
  /** Its own certificate, in PEM. */
  certificate: string
  issue(content: CertificateContent): IssuedCertificate
}

const DAY = 86_400_000
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const COMMON_NAME = [0x55, 0x04, 0x03]
const SUBJECT_ALTERNATIVE_NAME = [0x55, 0x1d, 0x11]
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13]

/** Of an authority itself. */
export interface AuthorityContent {
  validTo?: Date
  /** Default: that it is an authority. */
  extensions?: readonly Buffer[]
}

export function createCertificateAuthority(name: string, content: AuthorityContent = {}): CertificateAuthority {
  const own = generatePair('ec', { namedCurve: 'P-256' })
  const issue = (
    subject: Buffer,
    publicKey: KeyObject,
    extensions: readonly Buffer[],
    { validFrom, validTo }: Partial<Validity>,
  ) =>
    signCertificate(own.privateKey, [
      tagged(0xa0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      signatureAlgorithm(),
      nameOf(name),
      sequence(time(validFrom ?? new Date(Date.now() - DAY)), time(validTo ?? new Date(Date.now() + DAY))),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length > 0 ? [tagged(0xa3, sequence(...extensions))] : []),
    ])
  const ofAuthority = content.extensions ?? [certificateAuthorityExtension()]
  return {
    certificate: issue(nameOf(name), own.publicKey, ofAuthority, content),
    issue: ({ names, subject, generalNames = [], extensions = [], keyPair, ...validity }) => {
      const { publicKey, privateKey } = keyPair ?? generatePair('ec', { namedCurve: 'P-256' })
      const general = [...names.map(generalNameOf), ...generalNames]
      const all = [...(general.length > 0 ? [alternativeNames(general)] : []), ...extensions]
      const cert = issue(subject ?? nameOf(names[0] ?? ''), publicKey, all, validity)
      return { cert, key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) }
    },
  }
}

type Validity = Pick<Required<CertificateContent>, 'validFrom' | 'validTo'>

function signCertificate(privateKey: KeyObject, fields: readonly Buffer[]): string {
  const toBeSigned = sequence(...fields)
  const signature = tagged(0x03, Buffer.of(0), sign('sha256', toBeSigned, privateKey))
  const der = sequence(toBeSigned, signatureAlgorithm(), signature)
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function certificateAuthorityExtension(): Buffer {
  return extensionOf(BASIC_CONSTRAINTS, sequence(tagged(0x01, Buffer.of(0xff))), true)
}

/** @param oid encoded */
export function extensionOf(oid: readonly number[], value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [tagged(0x01, Buffer.of(0xff))] : []
  return sequence(objectIdentifier(oid), ...critical, tagged(0x04, value))
}

function generalNameOf(name: string): Buffer {
  return isIPv4(name) ? tagged(0x87, Buffer.from(name.split('.').map(Number))) : tagged(0x82, Buffer.from(name))
}

function alternativeNames(general: readonly Buffer[]): Buffer {
  return extensionOf(SUBJECT_ALTERNATIVE_NAME, sequence(...general))
}

/** The encoded types that tests use in names. */
const ATTRIBUTES: Readonly<Record<string, readonly number[]>> = {
  CN: COMMON_NAME,
  C: [0x55, 0x04, 0x06],
  O: [0x55, 0x04, 0x0a],
  OU: [0x55, 0x04, 0x0b],
  DC: [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19],
  '1.2.840.1': [0x2a, 0x86, 0x48, 0x01],
}

/**
 * A name in DER, its parts in the order of the certificate.
 *
 * @param parts each with its types and their values; text is UTF8String, and bytes are a whole value
 */
export function distinguishedName(...parts: readonly Readonly<Record<string, string | Buffer>>[]): Buffer {
  const attributes = (part: Readonly<Record<string, string | Buffer>>) =>
    Object.entries(part).map(([type, value]) => {
      const text = typeof value === 'string' ? tagged(0x0c, Buffer.from(value)) : value
      return sequence(objectIdentifier(ATTRIBUTES[type] ?? []), text)
    })
  return sequence(...parts.map((part) => tagged(0x31, ...attributes(part))))
}

function nameOf(commonName: string): Buffer {
  const attribute = sequence(objectIdentifier(COMMON_NAME), tagged(0x0c, Buffer.from(commonName)))
  return sequence(tagged(0x31, attribute))
}

function signatureAlgorithm(): Buffer {
  return sequence(objectIdentifier(ECDSA_WITH_SHA256))
}

/** GeneralizedTime. */
function time(date: Date): Buffer {
  return tagged(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`))
}

function integer(positive: Buffer): Buffer {
  return tagged(0x02, positive)
}

function objectIdentifier(bytes: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes))
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

/** One value of DER (X.690 §8.1): tag, length, contents. */
export function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), contents])
}
