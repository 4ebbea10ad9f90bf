import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import type { JWK } from 'jose'
import { readAccessTokenOptions } from '../../../src/access-token/access-token-options.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { generateSigningKey } from '../../../src/signing-keys/signing-keys.js'
import { POINT_AT_INFINITY, RSA_CERTIFICATE_KEY, toPem } from '../../support/certificates.js'
import { generatePair } from '../../support/generate-pair.js'

/** The order of the base point of P-256. */
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

/** PKCS #8 of P-256, with any number as the private key. */
function privateKeyOf(number: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex'),
    number,
  ])
}

function check(signingKeys: unknown, algorithm?: string) {
  const options = { audience: 'https://api.example.com', signingKeys, ...(algorithm !== undefined && { algorithm }) }
  const reader = new OptionReader(options)
  const settings = readAccessTokenOptions(reader)
  reader.throwProblems()
  return settings.signingKeys
}

describe('a signing key that could not sign', () => {
  const good = generateSigningKey()
  it.each<[string, JWK]>([
    ['the private part of another key', { ...good, d: generateSigningKey().d ?? '' }],
    ['operations without signing', { ...good, key_ops: ['encrypt'] }],
    ['an empty kid', { ...good, kid: '' }],
  ])('is refused at creation: one with %s', (_, key) => {
    expect(() => check([key])).toThrow(expect.objectContaining({ name: 'ConfigError' }))
    expect(check([good])?.active.kid).toBe(good.kid)
  })

  const { privateKey } = generatePair('rsa', { modulusLength: 2048 })
  const weak = { ...createPublicKey(privateKey).export({ format: 'jwk' }) }
  const modulus = Buffer.from(String(weak.n), 'base64url')
  const even = Buffer.from(modulus.with(modulus.length - 1, 0)).toString('base64url')
  const text = Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' }))
    .subarray(0, 400)
    .toString('base64url')
  it.each<[string, JWK, string]>([
    ['an even modulus', { ...weak, n: even }, 'the key is not sound: invalid_key'],
    ['text for a modulus', { ...weak, n: text }, 'the key is not sound: invalid_key'],
    ['the exponent 1', { ...weak, e: 'AQ' }, 'the key is not sound: rsa_exponent_too_small_or_even'],
    ['an exponent of 33 bits', { ...weak, e: 'AQAAAAE' }, 'the key is not sound: rsa_exponent_too_large'],
    ['bytes of zero', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }, 'the key is not sound: invalid_key'],
  ])('is refused at creation: a retired one with %s', (_, key, words) => {
    expect(() => check([good, { ...key, kid: 'retired' }])).toThrow(words)
  })

  it.each<[string, string]>([
    ['public PEM', toPem(POINT_AT_INFINITY, 'PUBLIC KEY')],
    ['a private key of zero', toPem(privateKeyOf(Buffer.alloc(32)), 'PRIVATE KEY')],
    ['a private key of the order of the curve', toPem(privateKeyOf(ORDER), 'PRIVATE KEY')],
  ])('is refused at creation: one that is the point at infinity, at which Node would abort, as %s', (_, pem) => {
    expect(() => check([good, pem])).toThrow('no supported algorithm suits the key')
    expect(() => check(pem)).toThrow('no supported algorithm suits the key')
  })

  it('is refused at creation: PEM of a key of small order', () => {
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.alloc(32)])
    expect(() => check([good, toPem(spki, 'PUBLIC KEY')])).toThrow('the key is not sound: invalid_key')
  })

  it('is not replaced by the next key', () => {
    const retired = String(
      generatePair('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    )
    expect(() => check(`${retired.slice(0, 80)}\n${retired}`)).toThrow('the PEM is incomplete')
  })
})

describe('a retired key', () => {
  it('keeps its algorithm when another is chosen for the first key', () => {
    const active = String(
      generatePair('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    )
    const keySet = check([active, RSA_CERTIFICATE_KEY], 'PS256')?.publicKeySet
    expect(keySet?.keys.map(({ alg }) => alg)).toEqual(['PS256', 'RS256'])
  })
})
