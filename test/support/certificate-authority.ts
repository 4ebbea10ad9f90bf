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

export function createCertificateAuthority(name: string): CertificateAuthority {
  const own = generatePair('ec', { namedCurve: 'P-256' })
  const issue = (subject: string, publicKey: KeyObject, extension: Buffer, { validFrom, validTo }: Partial<Validity>) =>
    signCertificate(own.privateKey, [
      tagged(0xa0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      signatureAlgorithm(),
      nameOf(name),
      sequence(time(validFrom ?? new Date(Date.now() - DAY)), time(validTo ?? new Date(Date.now() + DAY))),
      nameOf(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(extension)),
    ])
  return {
    certificate: issue(name, own.publicKey, certificateAuthorityExtension(), {}),
    issue: ({ names, ...validity }) => {
      const { publicKey, privateKey } = generatePair('ec', { namedCurve: 'P-256' })
      const cert = issue(names[0] ?? '', publicKey, alternativeNames(names), validity)
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
  const isAuthority = sequence(tagged(0x01, Buffer.of(0xff)))
  return sequence(objectIdentifier(BASIC_CONSTRAINTS), tagged(0x01, Buffer.of(0xff)), tagged(0x04, isAuthority))
}

function alternativeNames(names: readonly string[]): Buffer {
  const general = names.map((name) =>
    isIPv4(name) ? tagged(0x87, Buffer.from(name.split('.').map(Number))) : tagged(0x82, Buffer.from(name)),
  )
  return sequence(objectIdentifier(SUBJECT_ALTERNATIVE_NAME), tagged(0x04, sequence(...general)))
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

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

/** One value of DER (X.690 §8.1): tag, length, contents. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), contents])
}
