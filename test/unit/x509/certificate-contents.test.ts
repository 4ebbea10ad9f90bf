import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readCertificateContents } from '../../../src/x509/certificate-contents.js'
import { canonicalName, formatDistinguishedName, parseDistinguishedName } from '../../../src/x509/distinguished-name.js'
import {
  type CertificateContent,
  createCertificateAuthority,
  distinguishedName,
  extensionOf,
  sequence,
  tagged,
} from '../../support/certificate-authority.js'
import { EC_CERTIFICATE, NAMELESS_CERTIFICATE, RSA_CERTIFICATE } from '../../support/certificates.js'

const authority = createCertificateAuthority('Authority')
const contentsOf = (content: Partial<CertificateContent>) =>
  readCertificateContents(Buffer.from(authority.issue({ names: [], ...content }).cert.replace(/-.*-/g, ''), 'base64'))
const subjectOf = (...parts: Readonly<Record<string, string | Buffer>>[]) =>
  contentsOf({ subject: distinguishedName(...parts) })?.names.subjectDn[0]
const registered = (text: string) => {
  const name = parseDistinguishedName(text)
  return name && canonicalName(name)
}
const utf16 = (text: string) => Buffer.from(text, 'utf16le').swap16()

describe('a distinguished name', () => {
  it('equals that of the certificate, whose parts RFC 4514 writes the last first', () => {
    const subject = subjectOf({ C: 'DE' }, { O: 'Example, Inc.' }, { OU: 'a=b+c' }, { CN: 'app' })
    expect(registered('CN=app,OU=a=b\\+c,O=Example\\, Inc.,C=DE')).toBe(subject)
    expect(registered('C=DE,O=Example\\, Inc.,OU=a=b\\+c,CN=app')).not.toBe(subject)
  })

  it.each([
    ['types in any case', 'cn=app,o=Example'],
    ['types as object identifiers', '2.5.4.3=app,2.5.4.10=Example'],
    ['hexadecimal octets', 'CN=\\61pp,O=E\\78ample'],
    ['hexadecimal DER', 'CN=#0c03617070,O=#13074578616d706c65'],
  ])('may be registered with %s', (_, text) => {
    expect(registered(text)).toBe(subjectOf({ O: 'Example' }, { CN: 'app' }))
  })

  it.each([
    ['PrintableString', tagged(0x13, Buffer.from('app'))],
    ['IA5String', tagged(0x16, Buffer.from('app'))],
    ['BMPString', tagged(0x1e, utf16('app'))],
  ])('equals text of another kind: %s', (_, value) => expect(subjectOf({ CN: value })).toBe(registered('CN=app')))

  it('has the attributes of one part in any order, but not in another part', () => {
    const both = subjectOf({ CN: 'app', OU: 'unit' })
    expect([registered('CN=app+OU=unit'), registered('OU=unit+CN=app')]).toEqual([both, both])
    expect(registered('CN=app,OU=unit')).not.toBe(both)
    expect(subjectOf({ OU: 'unit' }, { CN: 'app' })).toBe(registered('CN=app,OU=unit'))
  })

  it.each([
    ['a line break that looks like the next part', { CN: 'app\nO=Example' }],
    ['a comma that looks like the next part', { CN: 'app,O=Example' }],
    ['a plus that looks like the next attribute', { CN: 'app+O=Example' }],
    ['a slash as OpenSSL writes names', { CN: 'app/O=Example' }],
    ['a NUL at its end', { CN: 'app\0' }],
    ['other case', { CN: 'App' }],
    ['a Cyrillic letter that looks the same', { CN: 'аpp' }],
    ['a byte order mark', { CN: '\ufeffapp' }],
    ['a space at its end', { CN: 'app ' }],
    ['an invisible character', { CN: 'a\u200bpp' }],
    ['a fullwidth letter', { CN: 'ａpp' }],
  ])('does not equal one with %s', (_, part) => {
    const subject = subjectOf(part)
    expect(subject).toBeDefined()
    expect([registered('CN=app'), registered('CN=app,O=Example'), registered('O=Example,CN=app')]).not.toContain(
      subject,
    )
  })

  it('does not equal a longer or a shorter one', () => {
    const subject = subjectOf({ O: 'Example' }, { CN: 'app' })
    for (const text of ['CN=app', 'O=Example', 'CN=app,O=Example,C=DE', 'CN=app,CN=app,O=Example'])
      expect(registered(text)).not.toBe(subject)
  })

  it.each([
    ['Teletex, which is read in different ways', tagged(0x14, Buffer.from('app'))],
    ['UTF-8 that is malformed', tagged(0x0c, Buffer.of(0xff))],
    ['UTF-8 that is longer than it need be', tagged(0x0c, Buffer.of(0xc1, 0xa1))],
    ['half a character of BMPString', tagged(0x1e, Buffer.of(0x00))],
    ['ASCII that is none', tagged(0x16, Buffer.of(0xe9))],
    ['a number', tagged(0x02, Buffer.of(0x01))],
  ])('is not read from a certificate with %s', (_, value) => {
    expect(contentsOf({ subject: distinguishedName({ CN: value }) })).toBeUndefined()
  })

  it('of a certificate without a subject equals none that can be registered', () => {
    const contents = readCertificateContents(new X509Certificate(NAMELESS_CERTIFICATE).raw)
    expect(contents?.names.subjectDn).toEqual(['[]'])
    expect(registered('')).toBeUndefined()
  })

  it.each([
    '',
    'app',
    'CN=',
    '=app',
    'CN=app,',
    ',CN=app',
    'CN=app,,O=x',
    'CN=app+',
    'CN=app;O=x',
    'CN=app, O=x',
    'CN = app',
    'CN= app',
    'CN=app ',
    'CN=#61',
    'CN=#0c',
    'CN=#0201ff',
    'CN=#app',
    'CN="app"',
    'CN=a\\pp',
    'CN=app\\',
    'CN=\\ff',
    'CN=a\npp',
    'CN=a\0pp',
    '/CN=app/O=x',
    'XYZ=app',
    '1.2.3.04=app',
    '9.2=app',
    'CN=app+CN=app',
    'constructor=app',
    'CN=\ud800',
  ])('is not registered as %j', (text) => expect(registered(text)).toBeUndefined())

  it('is registered as it is shown, whatever it holds', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    const part = fc.record({ CN: value, OU: value, '1.2.840.1': value }, { requiredKeys: ['CN'] })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const contents = contentsOf({ subject: distinguishedName(...parts) })
        expect(registered(contents?.subject ?? '')).toBe(contents?.names.subjectDn[0])
      }),
      { numRuns: 50 },
    )
  }, 20_000)

  it('is registered again as it is shown', () => {
    for (const text of [
      'CN=\\ a\\,b\\0A\\ ,O=\\#1',
      'CN=a+OU=b,DC=example,DC=com',
      '1.2.3.4=x',
      'CN=\\\\\\"\\;\\<\\>',
    ]) {
      const name = parseDistinguishedName(text) ?? []
      expect(registered(formatDistinguishedName(name))).toBe(registered(text))
    }
  })
})

describe('the alternative names of a certificate', () => {
  it('are read by kind, and kinds that nobody registers are skipped', () => {
    const generalNames = [
      tagged(0x86, Buffer.from('https://app.example.com/')),
      tagged(0x81, Buffer.from('App@example.com')),
      tagged(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
      tagged(0xa4, distinguishedName({ CN: 'other' })),
      tagged(0x88, Buffer.of(0x2a, 0x03)),
    ]
    expect(contentsOf({ names: ['APP.example.com', '192.0.2.1'], generalNames })?.names).toMatchObject({
      sanDns: ['app.example.com'],
      sanUri: ['https://app.example.com/'],
      sanEmail: ['App@example.com'],
      sanIp: ['c0000201', '20010db8000000000000000000000001'],
    })
  })

  it('keep a NUL, a comma and a quote within the one name', () => {
    const forged = ['app.example.com\0.evil.example', 'x, DNS:app.example.com', '"app.example.com"', 'a\nDNS:b']
    expect(contentsOf({ names: forged })?.names.sanDns).toEqual(forged.map((name) => name.toLowerCase()))
  })

  it.each([
    ['a name that is not ASCII', tagged(0x82, Buffer.from('äpp.example.com'))],
    ['a name that ends too late', Buffer.of(0x82, 0x7f, 0x61)],
  ])('count for nothing with %s', (_, name) => expect(contentsOf({ generalNames: [name] })).toBeUndefined())

  it('count for nothing if there are two lists', () => {
    const second = extensionOf([0x55, 0x1d, 0x11], sequence(tagged(0x82, Buffer.from('b.example.com'))))
    expect(contentsOf({ names: ['a.example.com'], extensions: [second] })).toBeUndefined()
  })

  it('have no address of 5 octets, and none with a mask', () => {
    const generalNames = [tagged(0x87, Buffer.alloc(5)), tagged(0x87, Buffer.alloc(8))]
    expect(contentsOf({ generalNames })?.names.sanIp).toEqual([])
  })
})

describe('a certificate', () => {
  it.each([EC_CERTIFICATE, RSA_CERTIFICATE])('of OpenSSL is read', (pem) => {
    const { raw, subject } = new X509Certificate(pem)
    expect(readCertificateContents(raw)?.subject).toBe(subject)
  })

  it('is read whole or not at all, whichever byte is changed', () => {
    const { raw } = new X509Certificate(authority.issue({ names: ['app.example.com'] }).cert)
    fc.assert(
      fc.property(fc.nat(raw.length - 1), fc.integer({ min: 0, max: 255 }), (at, octet) => {
        const changed = Buffer.from(raw)
        changed[at] = octet
        const names = readCertificateContents(changed)?.names
        expect(names === undefined || names.sanDns.length <= 2).toBe(true)
      }),
    )
    for (const der of [Buffer.alloc(0), raw.subarray(0, -1), Buffer.concat([raw, Buffer.of(0)])])
      expect(readCertificateContents(der)).toBeUndefined()
  })

  it.each([
    ['an indefinite length', '30800000'],
    ['a length of more octets than it needs', '3081020500'],
    ['a length with a leading zero', '308200020500'],
    ['a length of five octets', '30850000000001'],
    ['a tag of several octets', '3f810100'],
  ])('is not read with %s', (_, hex) => expect(readCertificateContents(Buffer.from(hex, 'hex'))).toBeUndefined())
})
