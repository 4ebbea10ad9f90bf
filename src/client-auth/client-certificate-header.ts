import { X509Certificate } from 'node:crypto'
import { BlockList, isIP, isIPv4 } from 'node:net'
import type { OptionReader } from '../option-checks/option-reader.js'
import { readCertificates } from '../verification-keys/certificate.js'
import { type IssuingAuthority, isAuthority } from '../x509/issuing-authority.js'
import type { Client } from './client-options.js'

/**
 * The header in which a proxy that ends TLS passes on the certificate of the client. Without this option, no header is read.
 *
 * @example
 * const clientCertificate: ClientCertificateHeaderOptions = {
 *   header: 'Client-Cert',
 *   from: ['10.0.0.0/24'],
 *   ca: [readFileSync('client-authorities.pem', 'utf8')],
 * }
 */
export interface ClientCertificateHeaderOptions {
  /**
   * The header: `Client-Cert` as in RFC 9440, or any other one that has the certificate in URL-encoded PEM. The proxy must replace
   * it in every request. Default: `Client-Cert`.
   */
  header?: string
  /**
   * The addresses of your proxies, or blocks of addresses such as `10.0.0.0/24`, 1 or more. From other addresses, the header is
   * refused.
   */
  from: readonly string[]
  /**
   * The authorities that issue the certificates of clients, in PEM. Each must have issued them itself: list an intermediate
   * authority, not its root. Required for clients with a name, because a proxy may pass on certificates that it did not verify.
   */
  ca?: readonly string[]
}

/** How the header is read. */
export interface ClientCertificateHeader {
  /** In lower case. */
  header: string
  proxies: BlockList
  /** Undefined: no certificate in the header is trusted for its name. */
  authorities: readonly IssuingAuthority[] | undefined
}

/** Envoy's header has the certificate as one of several parts, and those of earlier proxies as well. */
const XFCC = 'x-forwarded-client-cert'
const NOT_XFCC =
  'the format of this header is not read; let the proxy send the certificate alone, in a header such as Client-Cert'
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const BLOCK = /^([0-9A-Fa-f.:]+)(?:\/([1-9]\d{0,2}))?$/
const IPV4_MAPPED = /^::ffff:(?=\d+\.)/i
const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')
/** Characters of a header. */
const MAX_LENGTH = 12_000
/** A byte sequence of a structured field (RFC 8941 §3.3.5). */
const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]+={0,2}):$/
const PEM_BODY = /^-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/

/** The option `clientCertificate`; undefined if it is not set. */
export function readClientCertificateHeader(
  parent: OptionReader,
  clients: readonly Client[],
): ClientCertificateHeader | undefined {
  if (!parent.isNamed('clientCertificate')) return undefined
  const reader = parent.object('clientCertificate')
  const isHeaderName = (text: string) => HEADER_NAME.test(text)
  const header = reader.has('header') ? reader.string('header', 'the name of a header', isHeaderName) : 'Client-Cert'
  if (header.toLowerCase() === XFCC) reader.note('conflict', 'header', NOT_XFCC)
  const proxies = new BlockList()
  const each = 'an IP address, or a block of addresses such as "10.0.0.0/24"'
  reader.someStrings('from', each, (text) => addBlock(proxies, text))
  if (!reader.isNamed('from')) reader.problem('from', `an array of strings, each ${each}`)
  const authorities = readAuthorities(reader)
  if (!reader.isNamed('ca')) checkNamesHaveAuthorities(reader, clients)
  reader.refuseUnknown()
  return { header: header.toLowerCase(), proxies, authorities }
}

/** A proxy may pass on certificates that it did not verify, and anyone can make a certificate with any name. */
function checkNamesHaveAuthorities(reader: OptionReader, clients: readonly Client[]): void {
  const named = clients.find(({ credential }) => credential?.kind === 'certificate_name')
  if (named === undefined) return
  const text = `missing; the client ${JSON.stringify(named.clientId)} is registered with a name: add the authorities that issue the certificates, in PEM`
  reader.missing('ca', ['ca'], text)
}

/** Whether a connection comes from one of the proxies. */
export function isFromProxy({ proxies }: ClientCertificateHeader, address: string | undefined): boolean {
  const plain = (address ?? '').replace(IPV4_MAPPED, '').replace(/%.*$/, '')
  return isIP(plain) !== 0 && proxies.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
}

/** The certificate in a header: a byte sequence (RFC 9440 §2.2), or URL-encoded PEM; undefined for anything else. */
export function parseCertificateHeader(value: string): X509Certificate | undefined {
  if (value.length > MAX_LENGTH) return undefined
  const encoded = BYTE_SEQUENCE.exec(value)?.[1] ?? findEncodedPem(value)
  const der = Buffer.from(encoded ?? '', 'base64')
  if (encoded === undefined || der.toString('base64') !== encoded) return undefined
  try {
    const certificate = new X509Certificate(der)
    return certificate.raw.equals(der) ? certificate : undefined
  } catch {
    return undefined
  }
}

function findEncodedPem(value: string): string | undefined {
  try {
    return PEM_BODY.exec(decodeURIComponent(value))?.[1]?.replace(/\s/g, '')
  } catch {
    return undefined
  }
}

function readAuthorities(reader: OptionReader): IssuingAuthority[] | undefined {
  const expected = 'PEM text of certificates of authorities that may issue those of clients, without name constraints'
  const isReadable = (pem: string) => readAuthorityCertificates(pem) !== undefined
  const texts = reader.someStrings('ca', expected, isReadable)
  return texts?.flatMap((pem) => readAuthorityCertificates(pem) ?? [])
}

function readAuthorityCertificates(pem: string): IssuingAuthority[] | undefined {
  const certificates = readCertificates(pem)
  return certificates?.every(({ x509 }) => isAuthority(x509)) ? certificates : undefined
}

/** @returns whether it is an address, or a block that does not contain every address */
function addBlock(proxies: BlockList, text: string): boolean {
  const [, address = '', length] = BLOCK.exec(text) ?? []
  const kind = isIP(address)
  const family = kind === 4 ? 'ipv4' : 'ipv6'
  const bits = kind === 4 ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  if (kind === 0 || prefix > bits || containsMapped(address, prefix, family)) return false
  proxies.addSubnet(address, prefix, family)
  return true
}

/** Node takes an IPv4 address for the IPv6 address that stands for it. So `::/1` would be every IPv4 address. */
function containsMapped(address: string, prefix: number, family: 'ipv4' | 'ipv6'): boolean {
  if (family === 'ipv4') return false
  const block = new BlockList()
  block.addSubnet(address, prefix, family)
  return block.check('0.0.0.0', 'ipv4') || MAPPED.check(address, family)
}
