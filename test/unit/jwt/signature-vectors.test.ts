import { createHash, type KeyObject, sign } from 'node:crypto'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { parseJwt } from '../../../src/jwt/parse-jwt.js'
import { isSignedBy } from '../../../src/jwt/signatures.js'
import { type KeySet, readKeySet } from '../../../src/verification-keys/key-set.js'
import { encodePart, signingInputOf, withSignature } from '../../support/compact-jws.js'
import { generatePair } from '../../support/generate-pair.js'
import {
  type DerMutation,
  digestInfo,
  encodeDer,
  encodePss,
  type PssEncoding,
  padPkcs1,
  signRaw,
  tlv,
} from '../../support/rsa-encodings.js'

/**
 * Signatures of every kind that the vectors of Project Wycheproof for JWS have, made here by their descriptions. The
 * vectors themselves: wycheproof.test.ts.
 */
const RSA = generatePair('rsa', { modulusLength: 2048 })
const P256 = generatePair('ec', { namedCurve: 'P-256' })
const ED25519 = generatePair('ed25519')
const RSA_BYTES = 256
const CLAIMS = { sub: 'alice' }

const N_OF_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const L_OF_ED25519 = 2n ** 252n + 27742317777372353535851937790883648493n

const inputOf = (alg: string) => signingInputOf({ alg, kid: 'key' }, CLAIMS)
const keySetOf = ({ publicKey }: { publicKey: KeyObject }, more: object = {}) =>
  readKeySet([{ ...publicKey.export({ format: 'jwk' }), kid: 'key', ...more }]).keySet

const KEY_SETS = { RSA: keySetOf(RSA), EC: keySetOf(P256), OKP: keySetOf(ED25519) }

/** By parsing, choice of the key and signature, as an assertion is judged. */
async function isAccepted(jws: string, keySet: KeySet | undefined): Promise<boolean> {
  try {
    const jwt = parseJwt(jws, 100_000)
    for (const key of keySet?.find(jwt.header) ?? []) if (await isSignedBy(key, jwt)) return true
    return false
  } catch (error) {
    if (error instanceof Error && error.name === 'TokenRejected') return false
    throw error
  }
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest()
const flipped = (bytes: Buffer, at: number, bits = 1) => {
  const copy = Buffer.from(bytes)
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] ?? 0) ^ bits
  return copy
}
const toBigInt = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`)
const toBytes = (number: bigint, length: number) => Buffer.from(number.toString(16).padStart(length * 2, '0'), 'hex')
const modulus = () => toBigInt(Buffer.from(RSA.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'))

describe('a signature by RSASSA-PKCS1-v1_5', () => {
  const input = inputOf('RS256')
  const info = digestInfo('sha256', sha256(input))
  const verify = (signature: Buffer) => isAccepted(withSignature(input, signature), KEY_SETS.RSA)
  const verifyEncoded = (encoded: Buffer) => verify(signRaw(RSA.privateKey, encoded))
  const verifyEnd = (end: Buffer) => verifyEncoded(padPkcs1(RSA_BYTES, end))

  const ELEMENTS = ['the outer sequence', 'the algorithm', 'the OID', 'the NULL', 'the digest']
  const long = (length: bigint, bytes: number) => Buffer.concat([Buffer.of(0x80 | bytes), toBytes(length, bytes)])
  const withLength =
    (lengthOf: (length: number) => Buffer): DerMutation =>
    ({ tag, content }) =>
      Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
  const withContent =
    (change: (content: Buffer) => Buffer): DerMutation =>
    ({ tag, content }) =>
      tlv(tag, change(content))
  const NULL = Buffer.of(5, 0)
  const MUTATIONS: Readonly<Record<string, DerMutation>> = {
    'a length in long form': withLength((length) => long(BigInt(length), 1)),
    'a length with a leading zero': withLength((length) => long(BigInt(length), 2)),
    'a length of one more': withLength((length) => Buffer.of(length + 1)),
    'a length of one less': withLength((length) => Buffer.of((length + 255) % 256)),
    'a length that overflows 32 bits': withLength((length) => long(2n ** 32n + BigInt(length), 5)),
    'a length that overflows 64 bits': withLength((length) => long(2n ** 64n + BigInt(length), 9)),
    'a length of 2^31 - 1': withLength(() => long(2n ** 31n - 1n, 4)),
    'a length of 2^31': withLength(() => long(2n ** 31n, 4)),
    'a length of 2^32 - 1': withLength(() => long(2n ** 32n - 1n, 4)),
    'a length of 2^40 - 1': withLength(() => long(2n ** 40n - 1n, 5)),
    'a length of 2^64 - 1': withLength(() => long(2n ** 64n - 1n, 8)),
    'a length of 255': withLength(() => Buffer.of(0xff)),
    'a length that is cut off': withLength(() => Buffer.of(0x81)),
    'an indefinite length without an end': withLength(() => Buffer.of(0x80)),
    'an indefinite length': ({ tag, content }) => Buffer.concat([Buffer.of(tag, 0x80), content, Buffer.of(0, 0)]),
    'an indefinite length that ends with content': ({ tag, content }) =>
      Buffer.concat([Buffer.of(tag, 0x80), content, Buffer.of(0, 2, 5, 0)]),
    'nothing in its place': () => Buffer.alloc(0),
    'its tag alone': ({ tag }) => Buffer.of(tag),
    'no content': ({ tag }) => (tag === 5 ? Buffer.of(5, 1, 0) : Buffer.of(tag, 0)),
    'NULL in its place': ({ tag }) => (tag === 5 ? Buffer.of(2, 0) : NULL),
    'zeros before its content': withContent((content) => Buffer.concat([Buffer.alloc(2), content])),
    'zeros after its content': withContent((content) => Buffer.concat([content, Buffer.alloc(2)])),
    'unused zeros after it': ({ tag, content }) => Buffer.concat([tlv(tag, content), Buffer.alloc(2)]),
    'NULL after its content': withContent((content) => Buffer.concat([content, NULL])),
    'garbage before its content': withContent((content) => Buffer.concat([Buffer.of(0x49, 0x77), content])),
    'garbage after its content': withContent((content) => Buffer.concat([content, Buffer.of(0x49, 0x77)])),
    'an empty sequence before its content': withContent((content) => Buffer.concat([Buffer.of(0x30, 0), content])),
    'a high tag number after its content': withContent((content) => Buffer.concat([content, Buffer.of(0xbf, 0x7f, 0)])),
    'content that is cut off': ({ tag, content }) =>
      tag === 5 ? Buffer.of(5) : tlv(tag, content.subarray(0, content.length - 1)),
    'an undefined tag before it': ({ tag, content }) => Buffer.concat([Buffer.of(0xaa, 0xbb), tlv(tag, content)]),
    'a composition in its place': ({ tag, content }) => tlv(tag ^ 0x20, tlv(tag, content)),
    'a sequence around it': ({ tag, content }) => tlv(0x30, tlv(tag, content)),
    'itself twice': ({ tag, content }) => Buffer.concat([tlv(tag, content), tlv(tag, content)]),
    ...Object.fromEntries(
      [0, 1, 0x1f, 0x31, 0x2e, 0xff].map((tag) => [
        `the tag ${tag}`,
        ({ content }: { content: Buffer }) => tlv(tag, content),
      ]),
    ),
  }

  it('is accepted in its one encoding', async () => {
    expect(await verifyEnd(encodeDer(info))).toBe(true)
  })

  it.each(ELEMENTS)('is refused with any other encoding of %s', async (element) => {
    const der = encodeDer(info)
    const accepted: string[] = []
    for (const [name, mutate] of Object.entries(MUTATIONS)) {
      const end = encodeDer(info, element, mutate)
      expect([name, end.equals(der)]).toEqual([name, false])
      if (await verifyEnd(end)) accepted.push(name)
    }
    expect(accepted).toEqual([])
  })

  it.each([
    ['the OID of another hash', () => encodeDer(digestInfo('sha1', sha256(input)))],
    ['the OID of a longer hash', () => encodeDer(digestInfo('sha512', sha256(input)))],
    [
      'an OID whose first byte is changed',
      () =>
        encodeDer(
          info,
          'the OID',
          withContent((oid) => flipped(oid, 0)),
        ),
    ],
    [
      'an OID whose last byte is changed',
      () =>
        encodeDer(
          info,
          'the OID',
          withContent((oid) => flipped(oid, -1)),
        ),
    ],
    [
      'an OID with one more node',
      () =>
        encodeDer(
          info,
          'the OID',
          withContent((oid) => Buffer.concat([oid, Buffer.of(1)])),
        ),
    ],
    [
      'an OID with an unfinished node',
      () =>
        encodeDer(
          info,
          'the OID',
          withContent((oid) => Buffer.concat([oid, Buffer.of(0x80)])),
        ),
    ],
    [
      'a digest whose first byte is changed',
      () =>
        encodeDer(
          info,
          'the digest',
          withContent((digest) => flipped(digest, 0)),
        ),
    ],
    [
      'a digest whose last byte is changed',
      () =>
        encodeDer(
          info,
          'the digest',
          withContent((digest) => flipped(digest, -1)),
        ),
    ],
    ['the digest of another message', () => encodeDer(digestInfo('sha256', sha256('another')))],
    ['a digest by SHA-1', () => encodeDer(digestInfo('sha1', createHash('sha1').update(input).digest()))],
    ['a digest by SHA-512', () => encodeDer(digestInfo('sha512', createHash('sha512').update(input).digest()))],
    ['the digest alone', () => sha256(input)],
    ['the message itself', () => Buffer.from(input)],
    ['nothing', () => Buffer.alloc(0)],
  ])('is refused with %s', async (_, end) => {
    expect(await verifyEnd(end())).toBe(false)
  })

  it.each([
    [
      'padding of 8 bytes and garbage at the end',
      () => Buffer.concat([padPkcs1(62, encodeDer(info)), Buffer.alloc(RSA_BYTES - 62)]),
    ],
    ['padding of the type for encryption', () => padPkcs1(RSA_BYTES, encodeDer(info), [0, 2])],
    ['padding of the type 0', () => padPkcs1(RSA_BYTES, encodeDer(info), [0, 0], 0)],
    ['a padding byte that is not 0xff', () => flipped(padPkcs1(RSA_BYTES, encodeDer(info)), 100)],
    ['no zero after the padding', () => flipped(padPkcs1(RSA_BYTES, encodeDer(info)), 204)],
    ['another first byte', () => flipped(padPkcs1(RSA_BYTES, encodeDer(info)), 0)],
    ['zeros in front of a short padding', () => Buffer.concat([Buffer.alloc(60), padPkcs1(196, encodeDer(info))])],
  ])('is refused with %s', async (_, encoded) => {
    expect(await verifyEncoded(encoded())).toBe(false)
  })

  it.each(['sha1', 'sha384', 'sha512'])('is refused if it was made with %s', async (hash) => {
    expect(await verify(sign(hash, Buffer.from(input), RSA.privateKey))).toBe(false)
  })
})

describe('a signature by RSASSA-PSS', () => {
  const input = inputOf('PS256')
  const message = Buffer.from(input)
  const GOOD: PssEncoding = { hash: 'sha256', salt: Buffer.alloc(32, 7) }
  const verify = (signature: Buffer) => isAccepted(withSignature(input, signature), KEY_SETS.RSA)
  const sized = (number: bigint) => toBytes(number, RSA_BYTES)

  const verifyEncoded = (how: Partial<PssEncoding>) =>
    verify(signRaw(RSA.privateKey, encodePss(RSA_BYTES, message, { ...GOOD, ...how })))

  it.each([
    ['any salt', { salt: Buffer.from(sha256('salt')) }],
    ['a salt of zeros', { salt: Buffer.alloc(32) }],
    ['a salt of ones', { salt: Buffer.alloc(32, 0xff) }],
  ])('is accepted with %s', async (_, how) => {
    expect(await verifyEncoded(how)).toBe(true)
  })

  it.each<[string, Partial<PssEncoding>]>([
    ['another first byte of the message hash', { digest: (bytes) => flipped(bytes, 0) }],
    ['another last byte of the message hash', { digest: (bytes) => flipped(bytes, -1) }],
    ['a message hash of flipped bits', { digest: (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0xff)) }],
    ['a message hash of zeros', { digest: (bytes) => Buffer.alloc(bytes.length) }],
    ...[0, 1, 20, 31, 33, 64, 222].map((length): [string, Partial<PssEncoding>] => [
      `a salt of ${length} bytes`,
      { salt: Buffer.alloc(length, 7) },
    ]),
    ['another first byte of H', { hashed: (bytes) => flipped(bytes, 0) }],
    ['another last byte of H', { hashed: (bytes) => flipped(bytes, -1, 0x80) }],
    ['H of zeros', { hashed: (bytes) => Buffer.alloc(bytes.length) }],
    ['another salt than was hashed', { block: (bytes) => flipped(bytes, -1) }],
    ['another first byte of the salt than was hashed', { block: (bytes) => flipped(bytes, -32) }],
    ['a padding byte that is not zero', { block: (bytes) => flipped(bytes, 3) }],
    ['a last padding byte that is not zero', { block: (bytes) => flipped(bytes, -34) }],
    [
      'padding of 0xff',
      { block: (bytes) => Buffer.concat([Buffer.alloc(bytes.length - 33, 0xff), bytes.subarray(-33)]) },
    ],
    ['0 in place of the 1 after the padding', { block: (bytes) => flipped(bytes, -33) }],
    ['2 in place of the 1 after the padding', { block: (bytes) => flipped(bytes, -33, 3) }],
    ['another last byte than 0xbc', { encoded: (bytes) => flipped(bytes, -1) }],
    ['a last byte of 0xcc', { encoded: (bytes) => flipped(bytes, -1, 0x70) }],
    ['a changed byte of the masked block', { encoded: (bytes) => flipped(bytes, 10) }],
    ['the mask of another hash', { mgfHash: 'sha1' }],
    ['the mask of a longer hash', { mgfHash: 'sha512' }],
    ['another hash', { hash: 'sha384', salt: Buffer.alloc(48, 7) }],
    ['another hash and its mask', { hash: 'sha512', salt: Buffer.alloc(32, 7) }],
  ])('is refused with %s', async (_, how) => {
    expect(await verifyEncoded(how)).toBe(false)
  })

  it('is refused with a first bit that is set', async () => {
    let encoded = encodePss(RSA_BYTES, message, GOOD)
    for (let salt = 0; toBigInt(flipped(encoded, 0, 0x80)) >= modulus(); salt += 1)
      encoded = encodePss(RSA_BYTES, message, { ...GOOD, salt: Buffer.alloc(32, salt) })
    expect(await verify(signRaw(RSA.privateKey, encoded))).toBe(true)
    expect(await verify(signRaw(RSA.privateKey, flipped(encoded, 0, 0x80)))).toBe(false)
  })

  it.each<[string, () => Buffer]>([
    ['0', () => sized(0n)],
    ['1', () => sized(1n)],
    ['n - 1', () => sized(modulus() - 1n)],
    ['n', () => sized(modulus())],
    ['the largest of its length', () => Buffer.alloc(RSA_BYTES, 0xff)],
    ['of no bytes', () => Buffer.alloc(0)],
  ])('is refused if it is %s', async (_, signature) => {
    expect(await verify(signature())).toBe(false)
  })

  it('is refused if it is not reduced, longer or shorter', async () => {
    const half = 2n ** 2048n - modulus()
    let signature = signRaw(RSA.privateKey, encodePss(RSA_BYTES, message, GOOD))
    for (let salt = 0; toBigInt(signature) >= half; salt += 1)
      signature = signRaw(RSA.privateKey, encodePss(RSA_BYTES, message, { ...GOOD, salt: Buffer.alloc(32, salt) }))
    expect(await verify(signature)).toBe(true)
    expect(await verify(sized(toBigInt(signature) + modulus()))).toBe(false)
    expect(await verify(Buffer.concat([Buffer.alloc(1), signature]))).toBe(false)
    expect(await verify(Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false)
    expect(await verify(signature.subarray(0, -1))).toBe(false)
  })

  it('is refused if it was made by RSASSA-PKCS1-v1_5, and the other way round', async () => {
    expect(await verify(sign('sha256', message, RSA.privateKey))).toBe(false)
    const byPss = signRaw(RSA.privateKey, encodePss(RSA_BYTES, Buffer.from(inputOf('RS256')), GOOD))
    expect(await isAccepted(withSignature(inputOf('RS256'), byPss), KEY_SETS.RSA)).toBe(false)
  })
})

describe('a signature by ECDSA with P-256', () => {
  const input = inputOf('ES256')
  const verify = (signature: Buffer) => isAccepted(withSignature(input, signature), KEY_SETS.EC)
  const good = () => sign('sha256', Buffer.from(input), { key: P256.privateKey, dsaEncoding: 'ieee-p1363' })
  const joined = (r: bigint, s: bigint, bytes = 32) => Buffer.concat([toBytes(r, bytes), toBytes(s, bytes)])
  let r = 0n
  let s = 0n
  beforeAll(() => {
    const signature = good()
    ;[r, s] = [toBigInt(signature.subarray(0, 32)), toBigInt(signature.subarray(32))]
  })

  it('is accepted as r and s of 32 bytes each', async () => {
    expect(await verify(joined(r, s))).toBe(true)
  })

  const EDGES = {
    '0': 0n,
    '1': 1n,
    'n - 1': N_OF_P256 - 1n,
    n: N_OF_P256,
    'n + 1': N_OF_P256 + 1n,
    '2^256 - 1': 2n ** 256n - 1n,
  }
  const PAIRS = Object.entries(EDGES).flatMap(([rName, rEdge]) =>
    Object.entries(EDGES).map(([sName, sEdge]) => [rName, sName, rEdge, sEdge] as const),
  )
  it.each(PAIRS)('is refused with r = %s and s = %s', async (_, __, rEdge, sEdge) => {
    expect(await verify(joined(rEdge, sEdge))).toBe(false)
  })

  it.each<[string, () => Buffer]>([
    ['r and s of 33 bytes', () => joined(r, s, 33)],
    ['r and s of 64 bytes', () => joined(r, s, 64)],
    ['r + n', () => joined(r + N_OF_P256, s, 33)],
    ['s + n', () => joined(r, s + N_OF_P256, 33)],
    ['r + 2^256', () => joined(r + 2n ** 256n, s, 33)],
    ['s + 2^256', () => joined(r, s + 2n ** 256n, 33)],
    ['r + 2^320', () => joined(r + 2n ** 320n, s, 41)],
    ['n - r', () => joined(N_OF_P256 - r, s)],
    ['r and s exchanged', () => joined(s, r)],
    ['a zero byte at its end', () => Buffer.concat([joined(r, s), Buffer.alloc(1)])],
    ['zeros at its end', () => Buffer.concat([joined(r, s), Buffer.alloc(64)])],
    ['a zero byte at its beginning', () => Buffer.concat([Buffer.alloc(1), joined(r, s)])],
    ['its last byte missing', () => joined(r, s).subarray(0, -1)],
    ['r alone', () => joined(r, s).subarray(0, 32)],
    ['a zero in each place of 4096 bytes', () => Buffer.alloc(4096)],
    ['no bytes', () => Buffer.alloc(0)],
    ['DER', () => sign('sha256', Buffer.from(input), P256.privateKey)],
    ['another hash', () => sign('sha512', Buffer.from(input), { key: P256.privateKey, dsaEncoding: 'ieee-p1363' })],
  ])('is refused with %s', async (_, signature) => {
    expect(await verify(signature())).toBe(false)
  })
})

describe('a signature by Ed25519', () => {
  const input = inputOf('EdDSA')
  const verify = (signature: Buffer) => isAccepted(withSignature(input, signature), KEY_SETS.OKP)
  const signature = sign(null, Buffer.from(input), ED25519.privateKey)
  const pointR = signature.subarray(0, 32)
  const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`)
  const withScalar = (number: bigint) => Buffer.concat([pointR, toBytes(number, 32).reverse()])
  const y = (number: bigint) => toBytes(number, 32).reverse()

  it('is accepted as it is', async () => {
    expect(await verify(signature)).toBe(true)
  })

  it.each([1n, 2n, 4n, 8n, 14n])('is refused with S + %d L', async (times) => {
    expect(await verify(withScalar(scalar + times * L_OF_ED25519))).toBe(false)
  })

  it('is refused with any bit of R or S changed', async () => {
    const accepted: number[] = []
    for (let bit = 0; bit < 512; bit += 1)
      if (await verify(flipped(signature, Math.floor(bit / 8), 1 << (bit % 8)))) accepted.push(bit)
    expect(accepted).toEqual([])
  })

  const P = 2n ** 255n - 19n
  const SPECIAL = { '0': 0n, '1': 1n, 'p - 1': P - 1n, p: P, 'p + 1': P + 1n, 'all ones': 2n ** 256n - 1n }
  it.each(Object.entries(SPECIAL))('is refused with R = %s and any special S', async (_, special) => {
    for (const number of [0n, 1n, L_OF_ED25519 - 1n, L_OF_ED25519, L_OF_ED25519 + 1n, 2n ** 256n - 1n])
      expect(await verify(Buffer.concat([y(special), y(number)]))).toBe(false)
  })

  it.each<[string, Buffer]>([
    ['no bytes', Buffer.alloc(0)],
    ['R alone', pointR],
    ['its last byte missing', signature.subarray(0, -1)],
    ['one more byte', Buffer.concat([signature, Buffer.alloc(1)])],
    ['a zero byte in front', Buffer.concat([Buffer.alloc(1), signature])],
    ['the public key behind it', Buffer.concat([signature, Buffer.alloc(32, 3)])],
    ['zeros', Buffer.alloc(64)],
  ])('is refused with %s', async (_, bytes) => {
    expect(await verify(bytes)).toBe(false)
  })
})

describe.each([
  ['RS256', RSA, KEY_SETS.RSA],
  ['PS256', RSA, KEY_SETS.RSA],
  ['ES256', P256, KEY_SETS.EC],
  ['EdDSA', ED25519, KEY_SETS.OKP],
])('a JWS by %s', (alg, pair, keySet) => {
  const how = {
    key: pair.privateKey,
    dsaEncoding: 'ieee-p1363' as const,
    ...(alg === 'PS256' && { padding: 6, saltLength: 32 }),
  }
  const signInput = (input: string) => {
    return withSignature(input, sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), how))
  }
  const good = signInput(inputOf(alg))
  const [header = '', payload = '', signature = ''] = good.split('.')
  const otherAlgorithm = alg === 'RS256' ? 'PS256' : 'RS256'
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
  const macOf = (key: Buffer) => {
    const input = inputOf('HS256')
    return withSignature(input, createHash('sha256').update(key).update(input).digest())
  }

  it('is accepted as it is', async () => {
    expect(await isAccepted(good, keySet)).toBe(true)
  })

  it.each<[string, () => string]>([
    [
      'with another signature',
      () => `${header}.${payload}.${encodePart(flipped(Buffer.from(signature, 'base64url'), 5))}`,
    ],
    ['with another payload', () => `${header}.${encodePart({ sub: 'mallory' })}.${signature}`],
    ['with another header', () => `${encodePart({ alg, kid: 'key', typ: 'JWT' })}.${payload}.${signature}`],
    ['without signature', () => `${header}.${payload}.`],
    ['without signature and its dot', () => `${header}.${payload}`],
    ['without payload', () => `${header}..${signature}`],
    ['without payload and its dot', () => `${header}.${signature}`],
    ['without header', () => `.${payload}.${signature}`],
    ['without header and its dot', () => `${payload}.${signature}`],
    ['without header and signature', () => `.${payload}.`],
    ['of the payload alone', () => payload],
    ['without anything', () => ''],
    ['of dots', () => '..'],
    ['with an empty part more', () => `${good}.`],
    ['with a part more', () => `${good}.${signature}`],
    ['in JSON serialization', () => JSON.stringify({ protected: header, payload, signature })],
    ['with spaces in the signature', () => `${header}.${payload}.    ${signature}`],
    [
      'with a foreign character in the signature',
      () => `${header}.${payload}.${signature.slice(0, 5)}?${signature.slice(5)}`,
    ],
    ['with a foreign character for one of the signature', () => `${header}.${payload}.?${signature.slice(1)}`],
    ['with padding of the signature', () => `${header}.${payload}.${signature}==`],
    ['signed with spaces behind the header', () => signInput(`${header}    .${payload}`)],
    ['signed with foreign characters behind the header', () => signInput(`${header}####.${payload}`)],
    [
      'signed with a foreign character in the header',
      () => signInput(`${header.slice(0, 9)}?${header.slice(9)}.${payload}`),
    ],
    ['signed with spaces before the payload', () => signInput(`${header}.    ${payload}`)],
    ['signed with foreign characters in the payload', () => signInput(`${header}.####${payload}`)],
    ['signed with padding of the payload', () => signInput(`${header}.${encodePart('{"a":1}')}==`)],
    ['signed with unused bits in the payload', () => signInput(`${header}.${encodePart('{"a":1}').slice(0, -1)}R`)],
    ['of the algorithm none', () => signInput(inputOf('none'))],
    ['of the algorithm none without signature', () => `${inputOf('none')}.`],
    ['of the algorithm None', () => `${inputOf('None')}.`],
    ['of the algorithm NONE', () => `${inputOf('NONE')}.`],
    ['of the algorithm nOnE', () => signInput(inputOf('nOnE'))],
    ['of an empty algorithm', () => signInput(inputOf(''))],
    ['of another algorithm', () => signInput(inputOf(otherAlgorithm))],
    ['with a MAC by the bytes of the public key', () => macOf(spki)],
    ['with a MAC by its PEM text', () => macOf(Buffer.from(pair.publicKey.export({ type: 'spki', format: 'pem' })))],
    [
      'by a key in its own header',
      () => {
        const own = generatePair('ec', { namedCurve: 'P-256' })
        const jwk = own.publicKey.export({ format: 'jwk' })
        const input = signingInputOf({ alg: 'ES256', kid: 'key', jwk: { ...jwk } }, CLAIMS)
        return withSignature(
          input,
          sign('sha256', Buffer.from(input), { key: own.privateKey, dsaEncoding: 'ieee-p1363' }),
        )
      },
    ],
  ])('is refused %s', async (_, jws) => {
    expect(await isAccepted(jws(), keySet)).toBe(false)
  })

  it.each([
    ['of another algorithm', { alg: alg === 'RS256' ? 'RS384' : 'ES384' }],
    ['of an algorithm that does not exist', { alg: 'ES521' }],
    ['for encryption', { use: 'enc' }],
    ['whose operations are those of encryption', { key_ops: ['encrypt', 'wrapKey'] }],
    ['of another type', { kty: pair === RSA ? 'EC' : 'RSA' }],
    ['with a secret', { d: 'AQAB' }],
  ])('is refused with a key %s', async (_, more) => {
    expect(await isAccepted(good, keySetOf(pair, more))).toBe(false)
  })

  it('is accepted with white space in the JSON of its header', async () => {
    expect(await isAccepted(signInput(signingInputOf(` {\n\t"alg" : "${alg}", "kid":"key" } `, CLAIMS)), keySet)).toBe(
      true,
    )
  })
})
