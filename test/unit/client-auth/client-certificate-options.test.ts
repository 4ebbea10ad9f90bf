import { describe, expect, it } from '@jest/globals'
import { isFromProxy, readClientCertificateHeader } from '../../../src/client-auth/client-certificate-header.js'
import { readClientOptions } from '../../../src/client-auth/client-options.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { createCertificateAuthority, extensionOf, sequence, tagged } from '../../support/certificate-authority.js'
import { AUTHORITY_CERTIFICATE, ISSUED_CERTIFICATE } from '../../support/certificate-chain.js'
import { EC_CERTIFICATE, RSA_CERTIFICATE } from '../../support/certificates.js'

/** The certificate of an authority that issues certificates for these purposes. */
function authorityFor(...purposes: readonly Buffer[]): string {
  const isAuthority = extensionOf([0x55, 0x1d, 0x13], sequence(tagged(0x01, Buffer.of(0xff))), true)
  const forPurposes = extensionOf([0x55, 0x1d, 0x25], sequence(...purposes))
  return createCertificateAuthority('authority', { extensions: [isAuthority, forPurposes] }).certificate
}
const SERVERS = tagged(0x06, Buffer.of(0x2b, 6, 1, 5, 5, 7, 3, 1))
const CLIENTS = tagged(0x06, Buffer.of(0x2b, 6, 1, 5, 5, 7, 3, 2))
const ANYTHING = tagged(0x06, Buffer.of(0x55, 0x1d, 0x25, 0))
const MALFORMED = tagged(0x06, Buffer.of(0x80))

const x5c = (pem: string) => [pem.replace(/-.*-|\s/g, '')]

/** What was read, or the codes and places of the problems. */
function read(certificate: unknown) {
  const reader = new OptionReader({ clientId: 'app', certificate })
  const { credential } = readClientOptions(reader)
  const problems = reader.problems().map(({ code, path }) => `${code} ${path.join('.')}`)
  return problems.length > 0 ? problems : credential
}

describe('the certificate of a client', () => {
  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['missing certificate']],
    ['something else', 'CN=app', ['wrong_type certificate']],
    ['two members', { sanDns: 'a.example.com', sanUri: 'https://a' }, ['conflict certificate.sanUri']],
    ['an unknown member', { sanDns: 'a.example.com', dns: 'b' }, ['unknown_option certificate.dns']],
    ['a wildcard', { sanDns: '*.example.com' }, ['invalid certificate.sanDns']],
    ['a DNS name that is not ASCII', { sanDns: 'äpp.example.com' }, ['invalid certificate.sanDns']],
    ['a DNS name that ends in a dot', { sanDns: 'a.example.com.' }, ['invalid certificate.sanDns']],
    ['a relative URI', { sanUri: '/app' }, ['invalid certificate.sanUri']],
    ['an address with a zone', { sanIp: 'fe80::1%eth0' }, ['invalid certificate.sanIp']],
    ['a block of addresses', { sanIp: '10.0.0.0/8' }, ['invalid certificate.sanIp']],
    ['two email addresses', { sanEmail: 'a@b,c@d@e' }, ['invalid certificate.sanEmail']],
    ['an empty name', { subjectDn: '' }, ['invalid certificate.subjectDn']],
    ['a name with spaces', { subjectDn: 'CN = app, O = Example' }, ['invalid certificate.subjectDn']],
    ['a name that is too long', { subjectDn: `CN=${'a'.repeat(3000)}` }, ['invalid certificate.subjectDn']],
    ['no thumbprint', { sha256Thumbprints: [] }, ['out_of_bounds certificate.sha256Thumbprints']],
    ['a SHA-1', { sha256Thumbprints: ['ab'.repeat(20)] }, ['invalid certificate.sha256Thumbprints.0']],
    ['base64 of 33 bytes', { sha256Thumbprints: ['A'.repeat(44)] }, ['invalid certificate.sha256Thumbprints.0']],
    [
      'base64url with bits left over',
      { sha256Thumbprints: [`${'A'.repeat(42)}B`] },
      ['invalid certificate.sha256Thumbprints.0'],
    ],
    [
      '21 thumbprints',
      { sha256Thumbprints: Array(21).fill('ab'.repeat(32)) },
      ['out_of_bounds certificate.sha256Thumbprints'],
    ],
    ['no key', { jwks: { keys: [] } }, ['wrong_type certificate.jwks']],
    ['a key without x5c', { jwks: { keys: [{ kty: 'EC' }] } }, ['invalid certificate.jwks']],
    ['a private key', { jwks: { keys: [{ d: 'AA', x5c: x5c(EC_CERTIFICATE) }] } }, ['invalid certificate.jwks']],
    ['another key', { jwks: { keys: [{ kty: 'RSA', x5c: x5c(EC_CERTIFICATE) }] } }, ['invalid certificate.jwks']],
  ])('is refused with %s', (_, certificate, problems) => expect(read(certificate)).toEqual(problems))

  it('may have thumbprints in hex, as OpenSSL prints them, and in base64url', () => {
    const bytes = Buffer.alloc(32, 0xab)
    const written = ['hex', 'base64url'].map((form) => bytes.toString(form as 'hex'))
    const [hex = ''] = written
    const ofOpenSsl = hex.toUpperCase().replace(/..(?=.)/g, '$&:')
    const thumbprints = new Set([hex])
    for (const each of [...written, hex.toUpperCase(), ofOpenSsl])
      expect(read({ sha256Thumbprints: [each] })).toEqual({ kind: 'certificate_thumbprint', thumbprints })
  })

  it.each([
    ['2001:DB8::1', '20010db8000000000000000000000001'],
    ['2001:db8:0:0:0:0:0.0.0.1', '20010db8000000000000000000000001'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['1::', `0001${'0'.repeat(28)}`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['192.0.2.1', 'c0000201'],
  ])('may have the address %s', (sanIp, name) => {
    expect(read({ sanIp })).toEqual({ kind: 'certificate_name', nameKind: 'sanIp', name })
  })

  it('never stands next to a secret', () => {
    const reader = new OptionReader({
      clientId: 'app',
      clientSecret: 'a secret of the tests',
      certificate: { sanDns: 'a.example.com' },
    })
    readClientOptions(reader)
    expect(() => reader.throwProblems()).toThrow('set `certificate` or `clientSecret`, not both')
  })
})

describe('a key set with certificates', () => {
  const foundIn = (key: unknown) => {
    const reader = new OptionReader({ clientId: 'app', certificate: { jwks: { keys: [key] } } })
    readClientOptions(reader)
    return reader.problems().map(({ text }) => text)
  }

  it.each<[string, unknown]>([
    ['something other than a key', 'a'],
    ['a key with private parts', { d: 'AA', x5c: x5c(EC_CERTIFICATE) }],
    ['a key without `x5c`', { kty: 'EC' }],
    ['a key whose `x5c` cannot be read, or has another key', { kty: 'RSA', x5c: x5c(EC_CERTIFICATE) }],
  ])('is refused by what it has: %s', (found, key) => {
    expect(foundIn(key)).toEqual([expect.stringContaining(`got ${found} at position 1; expected public keys`)])
  })
})

describe('the option clientCertificate', () => {
  const readHeader = (clientCertificate: unknown, credential?: unknown) => {
    const reader = new OptionReader({ clientCertificate })
    const header = readClientCertificateHeader(reader, credential === undefined ? [] : ([{ credential }] as never))
    return { header, problems: reader.problems().map(({ code, path }) => `${code} ${path.join('.')}`) }
  }

  it.each<[string, unknown, string]>([
    ['no addresses', {}, 'missing clientCertificate.from'],
    ["Envoy's header", { from: ['10.0.0.1'], header: 'x-forwarded-Client-Cert' }, 'conflict clientCertificate.header'],
    ['an empty list', { from: [] }, 'out_of_bounds clientCertificate.from'],
    ['everybody', { from: ['0.0.0.0/0'] }, 'invalid clientCertificate.from.0'],
    ['everybody with IPv6', { from: ['::/0'] }, 'invalid clientCertificate.from.0'],
    ['a mapped address', { from: ['::ffff:10.0.0.1'] }, 'invalid clientCertificate.from.0'],
    ['one in other words', { from: ['0:0:0:0:0:ffff:a00:1'] }, 'invalid clientCertificate.from.0'],
    ['every IPv4 address as a mapped one', { from: ['::ffff:0:0/96'] }, 'invalid clientCertificate.from.0'],
    ['them among others', { from: ['::/1'] }, 'invalid clientCertificate.from.0'],
    ['a prefix with a zero', { from: ['10.0.0.0/08'] }, 'invalid clientCertificate.from.0'],
    ['a host name', { from: ['proxy.example.com'] }, 'invalid clientCertificate.from.0'],
    ['a prefix that is too long', { from: ['10.0.0.0/33'] }, 'invalid clientCertificate.from.0'],
    ['a header with a space', { from: ['10.0.0.1'], header: 'Client Cert' }, 'invalid clientCertificate.header'],
    [
      'a certificate that is not an authority',
      { from: ['10.0.0.1'], ca: [EC_CERTIFICATE] },
      'invalid clientCertificate.ca.0',
    ],
    ['a certificate of a client', { from: ['10.0.0.1'], ca: [ISSUED_CERTIFICATE] }, 'invalid clientCertificate.ca.0'],
    [
      'an old certificate without extensions',
      { from: ['10.0.0.1'], ca: [RSA_CERTIFICATE] },
      'invalid clientCertificate.ca.0',
    ],
    ['an authority of servers', { from: ['10.0.0.1'], ca: [authorityFor(SERVERS)] }, 'invalid clientCertificate.ca.0'],
    [
      'one of nothing readable',
      { from: ['10.0.0.1'], ca: [authorityFor(MALFORMED)] },
      'invalid clientCertificate.ca.0',
    ],
    ['no authority in a list', { from: ['10.0.0.1'], ca: [] }, 'out_of_bounds clientCertificate.ca'],
  ])('is refused with %s', (_, options, problem) => expect(readHeader(options).problems).toContain(problem))

  it('is one problem if the addresses are text', () => {
    expect(readHeader({ from: '10.0.0.1' }).problems).toEqual(['wrong_type clientCertificate.from'])
  })

  it('takes authorities of clients, or of anything', () => {
    const ca = [authorityFor(SERVERS, CLIENTS), authorityFor(ANYTHING)]
    expect(readHeader({ from: ['10.0.0.1'], ca }).problems).toEqual([])
  })

  it('requires authorities for clients with a name only', () => {
    const named = { kind: 'certificate_name', nameKind: 'sanDns', name: 'a' }
    const from = ['10.0.0.1']
    expect(readHeader({ from }, named).problems).toEqual(['missing clientCertificate.ca'])
    expect(readHeader({ from, ca: [AUTHORITY_CERTIFICATE] }, named).problems).toEqual([])
    expect(readHeader({ from }, { kind: 'certificate_thumbprint', thumbprints: new Set() }).problems).toEqual([])
  })

  it.each<[string | undefined, boolean]>([
    ['10.0.0.7', true],
    ['::ffff:10.0.0.7', true],
    ['::FFFF:10.0.0.7', true],
    ['10.0.1.7', false],
    ['2001:db8::7', true],
    ['2001:db9::7', false],
    ['fe80::1%eth0', true],
    ['::ffff:a00:7', true],
    ['127.0.0.1', false],
    ['', false],
    [undefined, false],
    ['10.0.0.7, 1.1.1.1', false],
  ])('knows whether %s is one of the proxies', (address, isProxy) => {
    const { header } = readHeader({ from: ['10.0.0.0/24', '2001:db8::/32', 'fe80::1'] })
    expect(header && isFromProxy(header, address)).toBe(isProxy)
  })
})
