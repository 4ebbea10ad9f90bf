import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { calculateJwkThumbprint, type JWK } from 'jose'
import {
  generateSigningKey,
  isActiveSigningKey,
  readSigningKey,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  SigningKeys,
} from '../../../src/signing-keys/signing-keys.js'
import { EC_CERTIFICATE_KEY, RSA_CERTIFICATE_KEY } from '../../support/certificates.js'
import { generatePair } from '../../support/generate-pair.js'

const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' | 'spki') => String(key.export({ format: 'pem', type }))
const rsa = generatePair('rsa', { modulusLength: 2048 })
const ec = generatePair('ec', { namedCurve: 'P-256' })
const ed = generatePair('ed25519')
const privateJwk = (key: KeyObject): JWK => ({ ...key.export({ format: 'jwk' }) }) as JWK

/** What is wrong with a key, in words; 'read' where nothing is. */
function outcomeOf(source: unknown, algorithm?: SigningAlgorithm): string {
  try {
    readSigningKey(source, algorithm)
    return 'read'
  } catch (error) {
    if (error instanceof Object && 'name' in error && error.name === 'SigningKeyError' && 'message' in error)
      return String(error.message)
    throw error
  }
}

describe('a generated signing key', () => {
  it.each(SIGNING_ALGORITHMS)('for %s is a private JWK that can be read again', (algorithm) => {
    const jwk = generateSigningKey(algorithm)
    expect(jwk).toMatchObject({ alg: algorithm, use: 'sig', kid: expect.any(String), d: expect.any(String) })
    const key = readSigningKey(jwk, undefined)
    expect([key.kid, key.algorithm, key.privateKey?.type]).toEqual([jwk.kid, algorithm, 'private'])
  })

  it('is for ES256 by default, and is a new key each time', () => {
    const [first, second] = [generateSigningKey(), generateSigningKey()]
    expect([first.alg, first.crv]).toEqual(['ES256', 'P-256'])
    expect(first.kid).not.toBe(second.kid)
  })

  it.each(SIGNING_ALGORITHMS)('for %s is named by its thumbprint (RFC 7638)', async (algorithm) => {
    const jwk = generateSigningKey(algorithm)
    expect(jwk.kid).toBe(await calculateJwkThumbprint(jwk, 'sha256'))
  })
})

describe('a signing key', () => {
  it.each<[string, string, string]>([
    ['PKCS #8, RSA', pem(rsa.privateKey, 'pkcs8'), 'RS256'],
    ['PKCS #1', pem(rsa.privateKey, 'pkcs1'), 'RS256'],
    ['PKCS #8, P-256', pem(ec.privateKey, 'pkcs8'), 'ES256'],
    ['SEC 1', pem(ec.privateKey, 'sec1'), 'ES256'],
    ['PKCS #8, Ed25519', pem(ed.privateKey, 'pkcs8'), 'EdDSA'],
    ['PKCS #8 of OpenSSL, RSA', RSA_CERTIFICATE_KEY, 'RS256'],
    ['PKCS #8 of OpenSSL, P-256', EC_CERTIFICATE_KEY, 'ES256'],
    ['PKCS #8 with Windows line ends', pem(ec.privateKey, 'pkcs8').replaceAll('\n', '\r\n'), 'ES256'],
  ])('may be PEM: %s', (_, source, algorithm) => {
    const key = readSigningKey(source, undefined)
    expect([key.algorithm, isActiveSigningKey(key)]).toEqual([algorithm, true])
  })

  it('may be public PEM, which verifies and does not sign', () => {
    const key = readSigningKey(pem(ec.publicKey, 'spki'), undefined)
    expect([key.algorithm, isActiveSigningKey(key), key.publicKey.equals(ec.publicKey)]).toEqual(['ES256', false, true])
  })

  it('may be a JWK, private or public', () => {
    expect(isActiveSigningKey(readSigningKey(privateJwk(ed.privateKey), undefined))).toBe(true)
    expect(isActiveSigningKey(readSigningKey(privateJwk(ed.publicKey), undefined))).toBe(false)
  })

  it('keeps the kid of its JWK, and is named alike as PEM and as JWK without one', () => {
    expect(readSigningKey({ ...privateJwk(ec.privateKey), kid: 'mine' }, undefined).kid).toBe('mine')
    const kids = [
      pem(ec.privateKey, 'pkcs8'),
      pem(ec.publicKey, 'spki'),
      privateJwk(ec.privateKey),
      privateJwk(ec.publicKey),
    ].map((source) => readSigningKey(source, undefined).kid)
    expect(new Set(kids).size).toBe(1)
  })

  it('uses its own alg first, then the wanted one, then the usual one', () => {
    const jwk = privateJwk(rsa.privateKey)
    expect(readSigningKey({ ...jwk, alg: 'RS256' }, 'PS256').algorithm).toBe('RS256')
    expect(readSigningKey(jwk, 'PS256').algorithm).toBe('PS256')
    expect(readSigningKey(jwk, undefined).algorithm).toBe('RS256')
    expect(readSigningKey(jwk, 'ES256').algorithm).toBe('RS256')
  })

  it('is published without anything private', () => {
    for (const source of [privateJwk(rsa.privateKey), privateJwk(ec.privateKey), privateJwk(ed.privateKey)]) {
      const { publicJwk } = readSigningKey({ ...source, kid: 'k', key_ops: ['sign'], extra: 'member' }, undefined)
      expect(Object.keys(publicJwk).sort()).toEqual(
        {
          RSA: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
          EC: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
          OKP: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
        }[String(source.kty)],
      )
    }
  })

  const small = generatePair('rsa', { modulusLength: 1024 })
  const p384 = generatePair('ec', { namedCurve: 'P-384' })
  it.each<[string, unknown, string]>([
    ['RSA of 1024 bits', pem(small.privateKey, 'pkcs8'), 'no supported algorithm suits the key'],
    ['P-384', pem(p384.privateKey, 'pkcs8'), 'no supported algorithm suits the key'],
    [
      'secp256k1',
      pem(generatePair('ec', { namedCurve: 'secp256k1' }).privateKey, 'pkcs8'),
      'no supported algorithm suits the key',
    ],
    ['X25519', pem(generatePair('x25519').privateKey, 'pkcs8'), 'no supported algorithm suits the key'],
    ['an alg that we cannot', { ...privateJwk(rsa.privateKey), alg: 'RS384' }, 'no supported algorithm suits the key'],
    [
      'an alg of another key type',
      { ...privateJwk(rsa.privateKey), alg: 'ES256' },
      'no supported algorithm suits the key',
    ],
    ['HS256', { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }, 'the key cannot be read'],
    ['a JWK without its parameters', { kty: 'EC', crv: 'P-256' }, 'the key cannot be read'],
    ['broken PEM', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'the key cannot be read'],
    [
      'encrypted PEM',
      String(ec.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'p' })),
      'the key is encrypted',
    ],
    ['the name of a file', 'keys.pem', 'this is neither PEM nor JSON'],
    ['no text at all', '', 'got an empty string'],
    ['a JWK set', { keys: [privateJwk(ec.privateKey)] }, 'got a JWK set inside an array'],
    ['a Buffer', Buffer.from('keys'), 'got a Buffer'],
    ['bytes', new Uint8Array(3), 'got a Buffer'],
    ['PEM without its first line', '-----END PRIVATE KEY-----', 'the PEM is incomplete'],
    ['a number', 7, 'neither a JWK nor PEM text'],
    ['null', null, 'neither a JWK nor PEM text'],
  ])('is refused when it is %s', (_, source, words) => expect(outcomeOf(source).split(';', 1)).toEqual([words]))
})

describe('the signing keys', () => {
  const active = readSigningKey({ ...privateJwk(ec.privateKey), kid: 'new' }, undefined)
  const retired = readSigningKey({ ...privateJwk(rsa.publicKey), kid: 'old' }, undefined)

  it('are found by kid only', () => {
    if (!isActiveSigningKey(active)) throw new Error('not private')
    const keys = new SigningKeys(active, [retired])
    expect([keys.find('new'), keys.find('old')]).toEqual([active, retired])
    for (const kid of [undefined, '', 'New', '__proto__']) expect(keys.find(kid)).toBeUndefined()
  })

  it('are all published, the active one first, with nothing private', () => {
    if (!isActiveSigningKey(active)) throw new Error('not private')
    const { keys } = new SigningKeys(active, [retired]).publicKeySet
    expect(keys.map(({ kid, use, alg }) => [kid, use, alg])).toEqual([
      ['new', 'sig', 'ES256'],
      ['old', 'sig', 'RS256'],
    ])
    for (const key of keys)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(member)
  })

  it('have thumbprints of SHA-256 over sorted members', () => {
    const { crv, kty, x, y } = privateJwk(ec.publicKey)
    const digest = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
    expect(readSigningKey(createPrivateKey(pem(ec.privateKey, 'pkcs8')).export({ format: 'jwk' }), undefined).kid).toBe(
      digest,
    )
  })
})
