import { createPrivateKey, createPublicKey, type KeyObject, sign, verify, X509Certificate } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { JWK } from 'jose'
import { type KeyReading, STRICT_READING } from '../../../src/verification-keys/key-reading.js'
import { readUsableKey } from '../../../src/verification-keys/usable-key.js'
import {
  EC_CERTIFICATE,
  EC_CERTIFICATE_KEY,
  EXPIRED_CERTIFICATE,
  EXPIRED_CERTIFICATE_KEY,
  POINT_AT_INFINITY,
  RSA_CERTIFICATE,
  RSA_CERTIFICATE_KEY,
  withoutEnd,
  withPublicKey,
} from '../../support/certificates.js'
import { encode, P } from '../../support/ed25519-curve.js'
import { generatePair } from '../../support/generate-pair.js'

const jwkOf = (key: KeyObject): JWK => ({ ...key.export({ format: 'jwk' }) }) as JWK
const RSA = jwkOf(createPublicKey(RSA_CERTIFICATE_KEY))
const EC = jwkOf(createPublicKey(EC_CERTIFICATE_KEY))
const ED = jwkOf(generatePair('ed25519').publicKey)
const x5cOf = (pem: string) => [new X509Certificate(pem).raw.toString('base64')]
const RSA_ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512'
/** Odd, and of no factor below 752 if the size is one that is accepted. */
const randomModulus = (bits: number, last = 0xcd) => {
  const bytes = Buffer.alloc(bits / 8, 0xab)
  bytes.writeUInt16BE(last, bytes.length - 2)
  return bytes.toString('base64url')
}
const soundModulus = (bits: number) =>
  Array.from({ length: 3000 }, (_, index) => randomModulus(bits, 2 * index + 1)).find(
    (n) => outcomeOf({ ...RSA, n }) === `used: ${RSA_ALGORITHMS}`,
  )
const numberOf = (text: string | undefined) => BigInt(`0x${recode(text, 'hex')}`)
const addedTo = (text: string | undefined, more: bigint) => {
  const hex = (numberOf(text) + more).toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
const PEM = String(createPublicKey(RSA_CERTIFICATE_KEY).export({ format: 'pem', type: 'spki' }))
const recodeText = (text: string) => Buffer.from(text).toString('base64url')
const recode = (text: string | undefined, encoding: BufferEncoding, zeros = 0) =>
  Buffer.concat([Buffer.alloc(zeros), Buffer.from(String(text), 'base64url')]).toString(encoding)

/** Why a member is skipped, or the algorithms of the key that is used, and its kid where it has one. */
function outcomeOf(member: unknown, reading?: KeyReading): string {
  const key = readUsableKey(member, reading)
  if ('skipped' in key) return key.skipped
  return `used: ${[...key.algorithms, ...(key.kid === undefined ? [] : [`as "${key.kid}"`])].join(' ')}`
}

describe('a usable key', () => {
  it.each<[string, unknown, string]>([
    ['RSA', RSA, `used: ${RSA_ALGORITHMS}`],
    ['P-256', EC, 'used: ES256'],
    ['P-384', jwkOf(generatePair('ec', { namedCurve: 'P-384' }).publicKey), 'used: ES384'],
    ['P-521', jwkOf(generatePair('ec', { namedCurve: 'P-521' }).publicKey), 'used: ES512'],
    ['Ed25519', ED, 'used: EdDSA Ed25519'],
    ['RSA with e = 3', { ...RSA, e: 'Aw' }, `used: ${RSA_ALGORITHMS}`],
    ['RSA of 8192 bits', { ...RSA, n: soundModulus(8192) }, `used: ${RSA_ALGORITHMS}`],
    ['RSA with zeros in front', { ...RSA, n: recode(RSA.n, 'base64url', 1), e: 'AAEAAQ' }, `used: ${RSA_ALGORITHMS}`],
    ['RSA with padding', { ...RSA, n: `${RSA.n}==` }, `used: ${RSA_ALGORITHMS}`],
    ['RSA in base64', { ...RSA, n: recode(RSA.n, 'base64') }, `used: ${RSA_ALGORITHMS}`],
    ['P-256 in base64', { ...EC, x: recode(EC.x, 'base64'), y: recode(EC.y, 'base64') }, 'used: ES256'],
    ['P-256 with a zero in front', { ...EC, x: recode(EC.x, 'base64url', 1) }, 'used: ES256'],
    ['Ed25519 with padding', { ...ED, x: `${ED.x}=` }, 'used: EdDSA Ed25519'],
    ['one for signatures', { ...RSA, use: 'sig', key_ops: ['verify'], alg: 'PS512', kid: 'k' }, 'used: PS512 as "k"'],
    ['one that may do more', { ...EC, key_ops: ['sign', 'verify'] }, 'used: ES256'],
    ['one with an empty kid', { ...EC, kid: '' }, 'used: ES256 as ""'],
    ['one with its certificate', { ...RSA, x5c: x5cOf(RSA_CERTIFICATE) }, `used: ${RSA_ALGORITHMS}`],
    [
      'one with a certificate that has expired',
      { ...jwkOf(createPublicKey(EXPIRED_CERTIFICATE_KEY)), x5c: x5cOf(EXPIRED_CERTIFICATE) },
      'used: ES256',
    ],
    [
      'one with members that nobody knows',
      { ...EC, x5t: 'a', x5u: 'https://evil.example', custom: { d: 1 } },
      'used: ES256',
    ],
  ])('is %s; nothing but what matters is taken over', (_, member, outcome) => expect(outcomeOf(member)).toBe(outcome))

  it('is the key that the member describes, with nothing else of it', () => {
    const key = readUsableKey({ ...EC, kid: 'k', alg: 'ES256', custom: 'more' })
    expect(key).toEqual({ kid: 'k', algorithms: ['ES256'], publicKey: expect.anything() })
    expect('publicKey' in key && jwkOf(key.publicKey)).toEqual(EC)
  })

  it('has the end of its certificate, in seconds since the epoch', () => {
    const key = readUsableKey({ ...jwkOf(createPublicKey(EXPIRED_CERTIFICATE_KEY)), x5c: x5cOf(EXPIRED_CERTIFICATE) })
    expect(key).toMatchObject({ certificateExpiresAt: Date.parse('2021-01-01T00:00:00Z') / 1000 })
  })
})

describe('a key with an x5c that cannot be read', () => {
  const expired = jwkOf(createPublicKey(EXPIRED_CERTIFICATE_KEY))
  it.each<[string, unknown]>([
    ['is empty', []],
    ['is null', null],
    ['is a text', x5cOf(RSA_CERTIFICATE)[0]],
    ['is a number', 1],
    ['is an object', { 0: x5cOf(EC_CERTIFICATE)[0] }],
    ['begins with a number', [1]],
    ['begins with null', [null, ...x5cOf(RSA_CERTIFICATE)]],
    ['begins with an empty text', ['']],
    ['begins with no certificate', ['AAAA']],
    ['begins with a certificate that is cut off', [x5cOf(EC_CERTIFICATE)[0]?.slice(0, -8)]],
  ])('is used by its other members, with a note: one whose x5c %s', (_, x5c) => {
    expect(readUsableKey({ ...RSA, kid: 'k', x5c })).toEqual({
      kid: 'k',
      algorithms: RSA_ALGORITHMS.split(' '),
      publicKey: expect.anything(),
      note: 'x5c_unreadable',
    })
  })

  it('is used with a note if the certificate has that key, and an end that is no date', () => {
    const key = readUsableKey({ ...expired, x5c: x5cOf(withoutEnd(EXPIRED_CERTIFICATE)) })
    expect(key).toMatchObject({ algorithms: ['ES256'], note: 'x5c_unreadable' })
    expect(key).not.toHaveProperty('certificateExpiresAt')
    expect(outcomeOf({ ...EC, x5c: x5cOf(withoutEnd(EXPIRED_CERTIFICATE)) })).toBe('certificate_mismatch')
  })

  it('is skipped if it is weak', () => {
    expect(outcomeOf({ ...RSA, e: 'AQ', x5c: [] })).toBe('rsa_exponent_too_small_or_even')
    expect(outcomeOf({ ...ED, x: 'A'.repeat(43), x5c: null })).toBe('invalid_key')
  })

  it('has no note if there is no x5c, or a good one', () => {
    for (const x5c of [undefined, x5cOf(RSA_CERTIFICATE)])
      expect(readUsableKey({ ...RSA, x5c })).not.toHaveProperty('note')
  })
})

describe('a key that is in its certificate only', () => {
  const withOption = (member: unknown) => outcomeOf(member, { ...STRICT_READING, x5cOnlyKeys: true })
  const ed25519 = withPublicKey(
    EC_CERTIFICATE,
    generatePair('ed25519').publicKey.export({ format: 'der', type: 'spki' }),
  )
  const weak = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.alloc(32)])

  it.each<[string, Record<string, unknown>, string]>([
    ['RSA', { kty: 'RSA', x5c: x5cOf(RSA_CERTIFICATE) }, `used: ${RSA_ALGORITHMS}`],
    ['P-256', { kty: 'EC', crv: 'P-256', x5c: x5cOf(EC_CERTIFICATE) }, 'used: ES256'],
    ['Ed25519', { kty: 'OKP', x5c: x5cOf(ed25519) }, 'used: EdDSA Ed25519'],
    ['no type', { x5c: x5cOf(RSA_CERTIFICATE), kid: 'k', alg: 'RS256', use: 'sig' }, 'used: RS256 as "k"'],
    ['an end that has passed', { kty: 'EC', x5c: x5cOf(EXPIRED_CERTIFICATE) }, 'used: ES256'],
    ['a chain', { x5c: [...x5cOf(RSA_CERTIFICATE), ...x5cOf(EC_CERTIFICATE)] }, `used: ${RSA_ALGORITHMS}`],
  ])('is used by the option alone: one with %s', (_, member, outcome) => {
    expect(outcomeOf(member)).toBe('x5c_only')
    expect(withOption(member)).toBe(outcome)
  })

  it.each<[string, string, Record<string, unknown>]>([
    ['invalid_key', 'of another type', { kty: 'EC', x5c: x5cOf(RSA_CERTIFICATE) }],
    ['invalid_key', 'of another curve', { kty: 'EC', crv: 'P-384', x5c: x5cOf(EC_CERTIFICATE) }],
    ['invalid_key', 'with one number of its own', { kty: 'RSA', e: 'AQAB', x5c: x5cOf(RSA_CERTIFICATE) }],
    ['invalid_key', 'with a number that is null', { kty: 'RSA', n: null, x5c: x5cOf(RSA_CERTIFICATE) }],
    ['invalid_key', 'with an empty x5c', { kty: 'RSA', x5c: [] }],
    ['invalid_key', 'with an x5c that cannot be read', { kty: 'RSA', x5c: ['AAAA'] }],
    ['invalid_key', 'without an x5c', { kty: 'RSA' }],
    ['invalid_key', 'of small order', { x5c: x5cOf(withPublicKey(EC_CERTIFICATE, weak)) }],
    ['invalid_key', 'that is the point at infinity', { x5c: x5cOf(withPublicKey(EC_CERTIFICATE, POINT_AT_INFINITY)) }],
    ['unsupported_key_type', 'of another kind', { kty: 'AKP', x5c: x5cOf(EC_CERTIFICATE) }],
    ['algorithm_mismatch', 'for another algorithm', { alg: 'RS256', x5c: x5cOf(EC_CERTIFICATE) }],
    ['not_for_signatures', 'for encryption', { use: 'enc', x5c: x5cOf(EC_CERTIFICATE) }],
    ['private_or_symmetric', 'that is private', { d: 'AA', x5c: x5cOf(EC_CERTIFICATE) }],
  ])('is skipped as %s in spite of the option: one %s', (reason, _, member) => {
    expect(withOption(member)).toBe(reason)
  })
})

describe('a key of SPIFFE', () => {
  it('is used by the option alone', () => {
    expect(outcomeOf({ ...EC, use: 'jwt-svid', kid: 'k' })).toBe('jwt_svid')
    expect(outcomeOf({ ...EC, use: 'jwt-svid', kid: 'k' }, { ...STRICT_READING, keyUses: ['jwt-svid'] })).toBe(
      'used: ES256 as "k"',
    )
  })

  it.each(['x509-svid', 'JWT-SVID', 'jwt-svid ', ['jwt-svid'], null])('of the use %j is used by none', (use) => {
    expect(outcomeOf({ ...EC, use }, { ...STRICT_READING, keyUses: ['jwt-svid'] })).toBe('not_for_signatures')
  })

  it('is skipped with operations that lack verify', () => {
    const reading = { ...STRICT_READING, keyUses: ['jwt-svid'] as const }
    expect(outcomeOf({ ...EC, use: 'jwt-svid', key_ops: ['sign'] }, reading)).toBe('not_for_signatures')
  })
})

describe('an Ed25519 key', () => {
  it.each(['EdDSA', 'Ed25519'])('published with alg %s is used under both names of its algorithm', (alg) => {
    expect(outcomeOf({ ...ED, alg })).toBe('used: EdDSA Ed25519')
  })
})

describe('a member of a key set is skipped', () => {
  it.each([
    ['an EC key for RS256', { ...EC, alg: 'RS256' }],
    ['a P-256 key for ES384', { ...EC, alg: 'ES384' }],
    ['an RSA key for EdDSA', { ...RSA, alg: 'EdDSA' }],
  ])('with algorithm_mismatch: %s', (_, member) => expect(outcomeOf(member)).toBe('algorithm_mismatch'))

  const privateRsa = jwkOf(createPrivateKey(RSA_CERTIFICATE_KEY))
  it.each<[string, string, unknown]>([
    ['not_an_object', 'null', null],
    ['not_an_object', 'a text', 'key'],
    ['not_an_object', 'an array', [EC]],
    ['invalid_kid', 'with a kid that is a number', { ...EC, kid: 1 }],
    ['invalid_kid', 'with a kid that is null', { ...EC, kid: null }],
    ['private_or_symmetric', 'that is private', privateRsa],
    ['private_or_symmetric', 'with d, even if it is null', { ...EC, d: null }],
    ...['p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].map((name): [string, string, unknown] => [
      'private_or_symmetric',
      `with ${name}`,
      { ...RSA, [name]: 'AA' },
    ]),
    ['private_or_symmetric', 'that is symmetric', { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }],
    ['unsupported_key_type', 'that is symmetric without its key', { kty: 'oct' }],
    ['not_for_signatures', 'for encryption', { ...RSA, use: 'enc' }],
    ['not_for_signatures', 'for something else', { ...RSA, use: 'SIG' }],
    ['not_for_signatures', 'that may only sign', { ...RSA, key_ops: ['sign'] }],
    ['not_for_signatures', 'that may do nothing', { ...RSA, key_ops: [] }],
    ['not_for_signatures', 'with key_ops that are no array', { ...RSA, key_ops: 'verify' }],
    ['unsupported_algorithm', 'for HS256', { ...RSA, alg: 'HS256' }],
    ['unsupported_algorithm', 'for none', { ...RSA, alg: 'none' }],
    ['unsupported_algorithm', 'for RSA-OAEP', { ...RSA, alg: 'RSA-OAEP' }],
    ['unsupported_algorithm', 'for rs256', { ...RSA, alg: 'rs256' }],
    ['unsupported_algorithm', 'for several', { ...RSA, alg: ['RS256'] }],
    ['unsupported_algorithm', 'for ES256K', { ...EC, alg: 'ES256K' }],
    ['unsupported_key_type', 'of the type of the prototype', { kty: '__proto__' }],
    ['unsupported_key_type', 'of a type that comes later', { kty: 'AKP', pub: 'AA' }],
    ['unsupported_key_type', 'on secp256k1', jwkOf(generatePair('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['unsupported_key_type', 'on X25519', jwkOf(generatePair('x25519').publicKey)],
    ['unsupported_key_type', 'on Ed448', jwkOf(generatePair('ed448').publicKey)],
    ['invalid_key', 'without a type', { n: RSA.n, e: RSA.e }],
    ['invalid_key', 'with a type that is null', { ...RSA, kty: null }],
    ['invalid_key', 'with a type in an array', { ...RSA, kty: ['RSA'] }],
    ['invalid_key', 'of RSA without n', { kty: 'RSA', e: 'AQAB' }],
    ['invalid_key', 'of RSA without e', { kty: 'RSA', n: RSA.n }],
    ['invalid_key', 'of RSA with an n that is null', { ...RSA, n: null }],
    ['invalid_key', 'of EC without its curve', { ...EC, crv: undefined }],
    ['invalid_key', 'of EC with a curve that is null', { ...EC, crv: null }],
    ['invalid_key', 'of EC without x', { ...EC, x: undefined }],
    ['invalid_key', 'of EC without y', { ...EC, y: undefined }],
    ['invalid_key', 'of OKP without its curve', { ...ED, crv: undefined }],
    ['invalid_key', 'of OKP without x', { ...ED, x: undefined }],
    ['invalid_key', 'of OKP on the curve of EC', { ...ED, crv: 'P-256' }],
    ['invalid_key', 'with a parameter that is no text', { ...EC, x: 1 }],
    ['invalid_key', 'with a parameter that is inherited', Object.create(EC)],
    ['invalid_key', 'with an empty modulus', { ...RSA, n: '' }],
    ['invalid_key', 'with an empty exponent', { ...RSA, e: '' }],
    ['invalid_key', 'with empty coordinates', { ...EC, x: '', y: '' }],
    ['invalid_key', 'with coordinates of zero', { ...EC, x: 'A'.repeat(43), y: 'A'.repeat(43) }],
    ['invalid_key', 'with an x that has the prime added', { ...EC, x: addedTo(EC.x, P256) }],
    ['invalid_key', 'with a y that has the prime added', { ...EC, y: addedTo(EC.y, P256) }],
    ['invalid_key', 'whose modulus is even', { ...RSA, n: addedTo(RSA.n, 1n) }],
    ['invalid_key', 'whose modulus is PEM text', { ...RSA, n: recodeText(PEM) }],
    ['invalid_key', 'whose n is PEM text as it is', { ...RSA, n: PEM }],
    ['invalid_key', 'whose n is the base64 of a whole key', { ...RSA, n: PEM.replace(/-----[^-]+-----|\s/g, '') }],
    ['invalid_key', 'whose n is hexadecimal', { ...RSA, n: recode(RSA.n, 'hex') }],
    ['invalid_key', 'whose n is hexadecimal in capitals', { ...RSA, n: recode(RSA.n, 'hex').toUpperCase() }],
    ['invalid_key', 'whose n is decimal', { ...RSA, n: String(numberOf(RSA.n)) }],
    ['invalid_key', 'whose e is a decimal text', { ...RSA, e: '65537' }],
    ['invalid_key', 'whose e is a hexadecimal text', { ...RSA, e: '010001' }],
    ['invalid_key', 'with white space in a parameter', { ...RSA, n: ` ${RSA.n}` }],
    ['invalid_key', 'with a line break in a parameter', { ...RSA, n: `${RSA.n?.slice(0, 64)}\n${RSA.n?.slice(64)}` }],
    ['invalid_key', 'with foreign characters in a parameter', { ...EC, x: `${EC.x}!` }],
    ['invalid_key', 'with bits left over in a parameter', { ...RSA, e: 'AQB' }],
    ['invalid_key', 'with too much padding', { ...EC, x: `${EC.x}==` }],
    ['invalid_key', 'of Ed25519 that is the identity', { ...ED, x: encode(1n, 0n).toString('base64url') }],
    ['invalid_key', 'of Ed25519 that is zero', { ...ED, x: encode(0n, 0n).toString('base64url') }],
    ['invalid_key', 'of Ed25519 that is zero otherwise', { ...ED, x: encode(P, 1n).toString('base64url') }],
    ['invalid_key', 'of Ed25519 off the curve', { ...ED, x: encode(2n, 0n).toString('base64url') }],
    ['invalid_key', 'with a point that is not on the curve', { ...EC, y: EC.x }],
    ['invalid_key', 'with the point of another curve', { ...EC, crv: 'P-384' }],
    ['invalid_key', 'with coordinates of the wrong length', { ...EC, x: 'AA', y: 'AA' }],
    ['invalid_key', 'with Ed25519 bytes of the wrong length', { ...ED, x: 'AAAA' }],
    ['invalid_key', 'of one type on the curve of another', { ...EC, crv: 'Ed25519' }],
    ['rsa_too_small', 'of 1024 bits', jwkOf(generatePair('rsa', { modulusLength: 1024 }).publicKey)],
    ['rsa_too_small', 'of 2040 bits', { ...RSA, n: randomModulus(2040) }],
    ['rsa_too_large', 'of 8200 bits', { ...RSA, n: randomModulus(8200) }],
    ['rsa_exponent_too_small_or_even', 'with e = 1', { ...RSA, e: 'AQ' }],
    ['rsa_exponent_too_small_or_even', 'with e = 2', { ...RSA, e: 'Ag' }],
    ['rsa_exponent_too_small_or_even', 'with e = 65 536', { ...RSA, e: 'AQAA' }],
    ['rsa_exponent_too_large', 'with e of 33 bits', { ...RSA, e: 'AQAAAAE' }],
    ['rsa_exponent_too_large', 'with e of 2048 bits', { ...RSA, e: RSA.n }],
    ['certificate_mismatch', 'with the certificate of another key', { ...RSA, x5c: x5cOf(EC_CERTIFICATE) }],
    [
      'certificate_mismatch',
      'with another certificate first',
      { ...RSA, x5c: [...x5cOf(EC_CERTIFICATE), ...x5cOf(RSA_CERTIFICATE)] },
    ],
  ])('as %s: one %s', (reason, _, member) => expect(outcomeOf(member)).toBe(reason))

  it.each<[string, Buffer, Buffer]>([
    ['of a curve that nobody knows', Buffer.from('2a8648ce3d030107', 'hex'), Buffer.from('2a8648ce3d030177', 'hex')],
    ['of a kind that nobody knows', Buffer.from('2a8648ce3d0201', 'hex'), Buffer.from('2a8648ce3d0277', 'hex')],
  ])('with certificate_mismatch: one whose certificate has a key %s', (_, known, unknown) => {
    const { raw } = new X509Certificate(EC_CERTIFICATE)
    const changed = Buffer.from(raw)
    unknown.copy(changed, raw.indexOf(known))
    expect(outcomeOf({ ...EC, x5c: [changed.toString('base64')] })).toBe('certificate_mismatch')
  })

  it('with certificate_mismatch: one whose certificate has the point at infinity, at which Node would abort', () => {
    const x5c = x5cOf(withPublicKey(EC_CERTIFICATE, POINT_AT_INFINITY))
    expect(outcomeOf({ ...EC, x5c })).toBe('certificate_mismatch')
    expect(createPrivateKey(RSA_CERTIFICATE_KEY).asymmetricKeyType).toBe('rsa')
  })

  it('with certificate_mismatch: one of another type, which leaves nothing behind that fails the next signature', () => {
    const { publicKey, privateKey } = generatePair('rsa', { modulusLength: 2048 })
    for (const x5c of [x5cOf(RSA_CERTIFICATE), x5cOf(EC_CERTIFICATE)]) {
      expect(outcomeOf({ ...ED, x5c })).toBe('certificate_mismatch')
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
      expect(createPrivateKey(pem).asymmetricKeyType).toBe('rsa')
      expect(verify('sha256', Buffer.of(1), publicKey, sign('sha256', Buffer.of(1), pem))).toBe(true)
    }
  })

  it('with its kid, for the operator', () => {
    expect(readUsableKey({ ...RSA, use: 'enc', kid: 'k' })).toEqual({ kid: 'k', skipped: 'not_for_signatures' })
  })

  it.each([16_384, 131_072, 4_194_304])('fast when its modulus has %d bits', (bits) => {
    const member = { ...RSA, n: randomModulus(bits) }
    const start = performance.now()
    expect(outcomeOf(member)).not.toMatch(/^used/)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  it('and nothing thrown, whatever it is', () => {
    const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'key_ops', 'x5c', '__proto__']
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('RSA', 'EC', 'OKP', 'P-256', 'Ed25519', 'sig', 'RS256', 'AQAB', EC.x, EC.y, RSA.n),
    )
    const member = fc
      .dictionary(fc.constantFrom(...names), value)
      .chain((changes) => fc.constantFrom(changes, { ...RSA, ...changes }, { ...EC, ...changes }))
    fc.assert(
      fc.property(fc.oneof(member, fc.anything()), (each) => expect(outcomeOf(each)).toMatch(/^(used: |[a-z0-9_]+$)/)),
      { numRuns: 300 },
    )
  })
})
