import { checkPrimeSync, createPublicKey, generatePrimeSync, type KeyObject, randomInt, verify } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { findRsaFault, isSoundEd25519Key } from '../../../src/jwt/key-numbers.js'
import { RSA_CERTIFICATE_KEY } from '../../support/certificates.js'
import { encode, findX, P, pointsOfSmallOrder } from '../../support/ed25519-curve.js'
import { generatePair } from '../../support/generate-pair.js'

const ALL_Y = 2n ** 255n
/** Each point of small order in each encoding: y or y + p if that fits, and both signs if x is 0. */
const SMALL_ORDER = [
  ...new Set(
    pointsOfSmallOrder().flatMap(({ x, y }) =>
      [y, y + P]
        .filter((each) => each < ALL_Y)
        .flatMap((each) => (x === 0n ? [0n, 1n] : [x % 2n]).map((sign) => encode(each, sign).toString('hex'))),
    ),
  ),
]

const keyOf = (bytes: Buffer): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' })
const bytesOf = (key: KeyObject, member: 'n' | 'e' | 'x') =>
  Buffer.from(String(key.export({ format: 'jwk' })[member]), 'base64url')
const toBytes = (number: bigint) => {
  const hex = number.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

/** k·M + (65537^a modulo M), where M is the product of the first 126 primes: of 1024 bits, if k is large enough. */
function rocaPrime(): bigint {
  const primes = Array.from({ length: 700 }, (_, index) => index + 2).filter(isSmallPrime)
  const m = primes.reduce((product, each) => product * BigInt(each), 1n)
  const first = (2n ** 1024n - 2n ** 1020n) / m
  for (;;) {
    const power = powerModulo(65_537n, BigInt(randomInt(2 ** 40)), m)
    const candidate = (first + BigInt(randomInt(2 ** 40))) * m + power
    if (checkPrimeSync(candidate)) return candidate
  }
}

const isSmallPrime = (number: number) => {
  for (let factor = 2; factor * factor <= number; factor += 1) if (number % factor === 0) return false
  return true
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (exponent === 0n) return 1n
  const root = powerModulo(base, exponent / 2n, modulus)
  return (root * root * (exponent % 2n === 0n ? 1n : base)) % modulus
}

describe('an Ed25519 key of small order', () => {
  it('has one of fourteen encodings: eight points, and six twins that are not canonical', () => {
    expect([pointsOfSmallOrder().length, SMALL_ORDER.length]).toEqual([8, 14])
  })

  it.each(SMALL_ORDER)('%s is not sound: before Node 24, node:crypto verifies with it what nobody signed', (hex) => {
    const bytes = Buffer.from(hex, 'hex')
    const identityAndZero = Buffer.concat([encode(1n, 0n), Buffer.alloc(32)])
    const messages = Array.from({ length: 200 }, (_, index) => Buffer.from(`message ${index}`))
    const forged = messages.filter((message) => verify(null, message, keyOf(bytes), identityAndZero))
    expect(forged.length === 0 || forged.length > 5).toBe(true)
    expect(isSoundEd25519Key(bytes)).toBe(false)
  })
})

describe('an Ed25519 key', () => {
  const noPoint = [2n, 3n, 4n, 5n, 6n, 7n].find((y) => findX(y) === undefined) ?? 0n
  const point = [2n, 3n, 4n, 5n, 6n, 7n].find((y) => findX(y) !== undefined) ?? 0n

  it('is not sound with a y of p or above, for any point', () => {
    for (let y = P; y < ALL_Y; y += 1n)
      for (const sign of [0n, 1n]) expect(isSoundEd25519Key(encode(y, sign))).toBe(false)
  })

  it('is sound at a point of the curve only', () => {
    expect([noPoint, point]).not.toContain(0n)
    for (const sign of [0n, 1n]) {
      expect(isSoundEd25519Key(encode(noPoint, sign))).toBe(false)
      expect(isSoundEd25519Key(encode(point, sign))).toBe(true)
    }
  })

  it('is sound if and only if its y has an x, at any y that is not of small order', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: P - 2n }), fc.constantFrom(0n, 1n), (y, sign) => {
        expect(isSoundEd25519Key(encode(y, sign))).toBe(findX(y) !== undefined)
      }),
      { numRuns: 60, examples: [[2n, 0n]] },
    )
  })

  it('is sound as it is generated', () => {
    for (let count = 0; count < 30; count += 1)
      expect(isSoundEd25519Key(bytesOf(generatePair('ed25519').publicKey, 'x'))).toBe(true)
  })

  it.each([0, 31, 33, 64])('is not sound with %i bytes', (length) => {
    expect(isSoundEd25519Key(Buffer.alloc(length, 2))).toBe(false)
  })
})

describe('an RSA key', () => {
  const modulus = bytesOf(createPublicKey(RSA_CERTIFICATE_KEY), 'n')
  const n = BigInt(`0x${modulus.toString('hex')}`)
  const F4 = Buffer.from('010001', 'hex')
  const prime = generatePrimeSync(1024, { bigint: true })
  const times = (factor: bigint) => toBytes(n * factor)
  const spki = createPublicKey(RSA_CERTIFICATE_KEY).export({ format: 'der', type: 'spki' })
  const pkcs1 = createPublicKey(RSA_CERTIFICATE_KEY).export({ format: 'der', type: 'pkcs1' })
  const pem = String(createPublicKey(RSA_CERTIFICATE_KEY).export({ format: 'pem', type: 'spki' }))

  it('is sound as it is generated, and with zeros in front', () => {
    expect(findRsaFault(modulus, F4)).toBeUndefined()
    expect(
      findRsaFault(Buffer.concat([Buffer.alloc(3), modulus]), Buffer.concat([Buffer.alloc(2), F4])),
    ).toBeUndefined()
    expect(findRsaFault(bytesOf(generatePair('rsa', { modulusLength: 3072 }).publicKey, 'n'), F4)).toBeUndefined()
  })

  it.each<[string, Buffer]>([
    ['that is even', toBytes(n - 1n)],
    ['with the factor 2', times(2n)],
    ['with the factor 3', times(3n)],
    ['with the factor 751', times(751n)],
    ['that is a power of 2', toBytes(2n ** 2047n)],
    ['of ones only', Buffer.alloc(256, 0xff)],
    ['of one byte again and again', Buffer.alloc(256, 0xab)],
    ['that is the square of a prime', toBytes(prime * prime)],
    ['that is the square of a product', toBytes(n * n)],
    ['that is PEM text', Buffer.from(pem)],
    ['that is one line of PEM text', Buffer.from(pem.replaceAll('\n', ''))],
    ['that is the base64 text of the modulus', Buffer.from(modulus.toString('base64'))],
    ['that is the hexadecimal text of the modulus', Buffer.from(modulus.toString('hex'))],
    ['that is the decimal text of the modulus', Buffer.from(String(n))],
    ['that is a whole key as SPKI', spki],
    ['that is a whole key as PKCS #1', pkcs1],
  ])('is not sound with a modulus %s', (_, bytes) => {
    expect(findRsaFault(bytes, F4)).toBe('invalid_key')
  })

  it('is not sound with a modulus that a chip of Infineon would make', () => {
    expect(findRsaFault(toBytes(rocaPrime() * rocaPrime()), F4)).toBe('invalid_key')
  })

  it('is sound with a modulus of which only one factor is like that', () => {
    expect(findRsaFault(toBytes(rocaPrime() * generatePrimeSync(1024, { bigint: true })), F4)).toBeUndefined()
  })

  it('is sound with a factor of 757, which is not looked for', () => {
    expect(findRsaFault(times(757n), F4)).toBeUndefined()
  })

  it.each<[string, Buffer, Buffer]>([
    ['rsa_too_small', Buffer.alloc(1), F4],
    ['rsa_too_small', toBytes(2n ** 2047n - 1n), F4],
    ['rsa_too_large', toBytes(2n ** 8192n + 1n), F4],
    ['rsa_exponent_too_small_or_even', modulus, Buffer.alloc(1)],
    ['rsa_exponent_too_small_or_even', modulus, Buffer.of(1)],
    ['rsa_exponent_too_small_or_even', modulus, Buffer.of(0, 0, 1)],
    ['rsa_exponent_too_small_or_even', modulus, Buffer.of(1, 0, 0)],
    ['rsa_exponent_too_large', modulus, Buffer.of(1, 0, 0, 0, 1)],
    ['rsa_exponent_too_large', modulus, modulus],
  ])('is %s', (fault, bytes, exponent) => expect(findRsaFault(bytes, exponent)).toBe(fault))

  it('is judged quickly: a hundred of 4096 bits, within seconds', () => {
    const large = toBytes(n * n) // Everything is computed before a square is found out.
    const start = performance.now()
    for (let count = 0; count < 100; count += 1) findRsaFault(large, F4)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
