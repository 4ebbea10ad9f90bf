import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  randomBytes,
} from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type FakeKey, generateFakeKey, type SigningAlgorithm, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { signCompact, signingInputOf, withSignature } from '../support/compact-jws.js'
import { CLIENT } from '../support/exchange-host.js'
import { generatePair } from '../support/generate-pair.js'

const RSA_PSS = 6
/** DigestInfo of SHA-256 (RFC 8017 §9.2). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')

let host: ClockedHost
let good: FakeKey
let rsa: FakeKey
beforeAll(async () => {
  host = await startClockedHost()
  good = host.idp.signingKey
  rsa = await generateFakeKey('RS256', 'rsa')
})
afterAll(() => host.close())

function inputFor(key: FakeKey, header: Record<string, unknown> = {}): string {
  return signingInputOf(host.header({ alg: key.algorithm, kid: key.kid, ...header }), host.claims())
}

/** Publishes keys beside a good one. */
function publish(...members: unknown[]): void {
  host.publish([...members, good.publicJwk])
}

function lastSkipped(): string | undefined {
  return host.events.findLast(({ name }) => name === 'jwks.key_rejected')?.reason
}

function generateRsa(modulusLength: number, publicExponent = 65_537): FakeKey {
  const pair = generatePair('rsa', { modulusLength, publicExponent })
  const named = { kid: `rsa-${modulusLength}-${publicExponent}`, alg: 'RS256' }
  return {
    kid: named.kid,
    algorithm: 'RS256',
    privateJwk: { ...pair.privateKey.export({ format: 'jwk' }), ...named },
    publicJwk: { ...pair.publicKey.export({ format: 'jwk' }), ...named },
  }
}

function privateKeyOf(key: FakeKey): KeyObject {
  return createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' })
}

function encodeNumber(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

describe('an RSA key', () => {
  it.each([1024, 2040])('RFC 7518 §3.3: an RSA key of %i bits is not used [rule 48]', async (bits) => {
    const weak = generateRsa(bits)
    publish(weak.publicJwk)
    expect(await host.judge(signCompact(weak, inputFor(weak)))).toEqual(refused('unknown_key'))
    expect(lastSkipped()).toBe('rsa_too_small')
    expect(await host.judge(signCompact(good, inputFor(good)))).toEqual(ACCEPTED)
  })

  it('RFC 8017 §3.1: an RSA key with the exponent 1 is not used, with which anybody signs [rule 48]', async () => {
    const kid = 'exponent-1'
    publish({ ...rsa.publicJwk, kid, e: 'AQ' })
    const input = inputFor(rsa, { kid })
    const digest = createHash('sha256').update(input).digest()
    const padding = Buffer.alloc(256 - 3 - SHA256_DIGEST_INFO.length - digest.length, 0xff)
    const forged = Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), SHA256_DIGEST_INFO, digest])
    expect(await host.judge(withSignature(input, forged))).toEqual(refused('unknown_key'))
    expect(lastSkipped()).toBe('rsa_exponent_too_small_or_even')
  })

  it.each([
    ['an even exponent', 'BA', 'rsa_exponent_too_small_or_even'],
    ['an exponent of 64 bits', encodeNumber(2n ** 64n - 1n), 'rsa_exponent_too_large'],
  ])('RFC 8017 §3.1: an RSA key with %s is not used [rule 48]', async (_, e, reason) => {
    publish({ ...rsa.publicJwk, kid: 'odd-exponent', e })
    expect(await host.judge(signCompact(rsa, inputFor(rsa, { kid: 'odd-exponent' })))).toEqual(refused('unknown_key'))
    expect(lastSkipped()).toBe(reason)
  })

  it.each([
    [8200, 'rsa_too_large'],
    [65_536, 'rsa_too_large'],
  ])('RFC 7518 §3.3: an RSA key of %i bits is not used, and costs no time [rule 48]', async (bits, reason) => {
    const modulus = randomBytes(bits / 8)
    modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0)
    modulus.writeUInt8(modulus.readUInt8(modulus.length - 1) | 1, modulus.length - 1)
    publish({ kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB', kid: 'huge' })
    expect(await host.judge(withSignature(inputFor(rsa, { kid: 'huge' }), modulus))).toEqual(refused('unknown_key'))
    expect(lastSkipped()).toBe(reason)
  })

  it('RFC 7518 §3.3: an RSA key of 2048 bits verifies [rule 48]', async () => {
    publish(rsa.publicJwk)
    expect(await host.judge(signCompact(rsa, inputFor(rsa)))).toEqual(ACCEPTED)
  })

  it('RFC 7518 §3.3: an RSA key does not verify a signature by another hash, or without padding [rule 48]', async () => {
    publish({ ...rsa.publicJwk, alg: undefined })
    expect(await host.judge(signCompact(rsa, inputFor(rsa), 'sha1', {}))).toEqual(refused('bad_signature'))
    expect(await host.judge(signCompact(rsa, inputFor(rsa), 'sha512', {}))).toEqual(refused('bad_signature'))
    const input = inputFor(rsa)
    const bare = privateEncrypt(privateKeyOf(rsa), createHash('sha256').update(input).digest())
    expect(await host.judge(withSignature(input, bare))).toEqual(refused('bad_signature'))
  })
})

describe('an RSASSA-PSS signature', () => {
  let pss: FakeKey
  beforeAll(() => {
    pss = { ...rsa, kid: 'pss', algorithm: 'PS256', publicJwk: { ...rsa.publicJwk, kid: 'pss', alg: 'PS256' } }
    publish(pss.publicJwk)
  })

  it.each([0, 20, 31, 33, 64, 222])(
    'RFC 7518 §3.5: an RSASSA-PSS signature with a salt of %i octets is refused [rule 50]',
    async (saltLength) => {
      const how = { padding: RSA_PSS, saltLength }
      expect(await host.judge(signCompact(pss, inputFor(pss), 'sha256', how))).toEqual(refused('bad_signature'))
    },
  )

  it('RFC 7518 §3.5: an RSASSA-PSS signature by PKCS 1 v1.5 under the alg PS256 is refused [rule 50]', async () => {
    expect(await host.judge(signCompact(pss, inputFor(pss), 'sha256', {}))).toEqual(refused('bad_signature'))
  })

  it('RFC 7518 §3.5: an RSASSA-PSS signature with a salt as long as the hash is accepted [rule 50]', async () => {
    const how = { padding: RSA_PSS, saltLength: 32 }
    expect(await host.judge(signCompact(pss, inputFor(pss), 'sha256', how))).toEqual(ACCEPTED)
  })
})

describe.each([
  ['ES256', 64, 'P-256'],
  ['ES384', 96, 'P-384'],
  ['ES512', 132, 'P-521'],
] as const)('an ECDSA signature of %s', (algorithm, octets, curve) => {
  let key: FakeKey
  beforeAll(async () => {
    key = await generateFakeKey(algorithm, algorithm)
    publish(key.publicJwk)
  })

  it('RFC 7518 §3.4: an ECDSA signature in DER is refused [rule 49]', async () => {
    const assertion = signCompact(key, inputFor(key), undefined, { dsaEncoding: 'der' })
    expect(await host.judge(assertion)).toEqual(refused('bad_signature'))
  })

  it('RFC 7518 §3.4: an ECDSA signature of one octet too few or too many, or of zeros, is refused [rule 49]', async () => {
    const input = inputFor(key)
    const signature = Buffer.from(signCompact(key, input).split('.')[2] ?? '', 'base64url')
    expect(signature.length).toBe(octets)
    const wrong = [
      signature.subarray(0, -1),
      signature.subarray(1),
      Buffer.concat([signature, Buffer.from([0])]),
      Buffer.concat([Buffer.from([0]), signature]),
      Buffer.alloc(octets),
      Buffer.alloc(octets, 0xff),
    ]
    for (const bytes of wrong) expect(await host.judge(withSignature(input, bytes))).toEqual(refused('bad_signature'))
  })

  it('RFC 7518 §3.4: an ECDSA signature of the right length is accepted with its curve [rule 49]', async () => {
    expect(key.publicJwk.crv).toBe(curve)
    expect(await host.judge(signCompact(key, inputFor(key)))).toEqual(ACCEPTED)
  })

  it('RFC 7518 §3.4: an ECDSA signature by a key on another curve is refused [rule 49]', async () => {
    const other = await generateFakeKey(algorithm === 'ES384' ? 'ES256' : 'ES384', 'other-curve')
    publish({ ...other.publicJwk, alg: undefined })
    const assertion = signCompact(other, inputFor(other, { alg: algorithm }), `sha${algorithm.slice(2)}`)
    expect(await host.judge(assertion)).toEqual(refused('unknown_key'))
    publish(key.publicJwk)
  })
})

describe('a MAC', () => {
  const secrets: [string, (key: FakeKey) => string | Buffer][] = [
    ['the public key in PEM', (key) => pemOf(key)],
    ['the public key in PEM, trimmed', (key) => pemOf(key).trim()],
    ['the modulus', (key) => Buffer.from(String(key.publicJwk.n), 'base64url')],
    ['the JWK', (key) => JSON.stringify(key.publicJwk)],
    ['the secret of the client', () => CLIENT.clientSecret],
    ['an empty secret', () => ''],
  ]

  it.each(secrets)('RFC 8725 §3.1: a MAC keyed by %s is refused [rule 51]', async (_, secretOf) => {
    publish({ ...rsa.publicJwk, alg: undefined })
    for (const hash of ['256', '384', '512']) {
      const input = inputFor(rsa, { alg: `HS${hash}` })
      const mac = createHmac(`sha${hash}`, secretOf(rsa)).update(input).digest()
      expect(await host.judge(withSignature(input, mac))).toEqual(refused('algorithm_not_allowed'))
    }
  })

  it('RFC 8725 §3.1: a MAC keyed by a published oct key is refused [rule 51]', async () => {
    const secret = randomBytes(32)
    publish({ kty: 'oct', k: secret.toString('base64url'), kid: 'oct', alg: 'HS256' })
    const input = inputFor(rsa, { alg: 'HS256', kid: 'oct' })
    const mac = createHmac('sha256', secret).update(input).digest()
    expect(await host.judge(withSignature(input, mac))).toEqual(refused('algorithm_not_allowed'))
  })

  function pemOf(key: FakeKey): string {
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
    return publicKey.export({ format: 'pem', type: 'spki' }).toString()
  }
})

describe('an Ed25519 signature', () => {
  const names: SigningAlgorithm[] = ['EdDSA', 'Ed25519']

  it('RFC 8037 §3.1: an Ed25519 signature that is not of the claims is refused [rule 52]', async () => {
    const key = await generateFakeKey('Ed25519', 'ed-bad')
    publish(key.publicJwk)
    const [, , signature] = (
      await signAssertion(key, host.header({ alg: 'Ed25519', kid: key.kid }), host.claims())
    ).split('.')
    const bytes = Buffer.from(signature ?? '', 'base64url')
    const input = inputFor(key)
    for (const wrong of [bytes, Buffer.alloc(64), bytes.subarray(1)]) {
      expect(await host.judge(withSignature(input, wrong))).toEqual(refused('bad_signature'))
    }
  })

  it('RFC 9864 §2.2: an Ed25519 signature under the name Ed448 is refused [rule 52]', async () => {
    const key = await generateFakeKey('Ed25519', 'ed-448')
    publish({ ...key.publicJwk, alg: undefined })
    const assertion = await signAssertion(key, host.header({ alg: 'Ed448', kid: key.kid }), host.claims())
    expect(await host.judge(assertion)).toEqual(refused('algorithm_not_allowed'))
  })

  it.each(names)(
    'RFC 9864 §2.2: an Ed25519 signature under the name %s is accepted, the key being named so or not at all [rule 52]',
    async (alg) => {
      const key = await generateFakeKey(alg, `ed-${alg}`)
      for (const published of [key.publicJwk, { ...key.publicJwk, alg: undefined }]) {
        publish(published)
        const assertion = await signAssertion(key, host.header({ alg, kid: key.kid }), host.claims())
        expect(await host.judge(assertion)).toEqual(ACCEPTED)
      }
    },
  )
})
