import { describe, expect, it } from '@jest/globals'
import { compactVerify, createLocalJWKSet, createRemoteJWKSet, importJWK, jwtVerify, SignJWT } from 'jose'
import {
  FakeIdentityProvider,
  generateFakeKey,
  type SigningAlgorithm,
  signAssertion,
} from '../../../src/testing/index.js'

const algorithms: SigningAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

describe('the keys of a fake identity provider', () => {
  it.each(algorithms)('%s assertions verify against the published key set', async (algorithm) => {
    const idp = await FakeIdentityProvider.start({ algorithm })
    try {
      const { payload, protectedHeader } = await jwtVerify(
        await idp.issueAssertion(),
        createRemoteJWKSet(new URL(idp.jwksUri)),
        { issuer: idp.name, audience: idp.alias, algorithms: [algorithm] },
      )
      expect(payload.sub).toBe('alice')
      expect(protectedHeader).toEqual({ alg: algorithm, kid: idp.signingKey.kid, typ: 'JWT' })
    } finally {
      await idp.close()
    }
  })

  it('a generated key signs with jose too', async () => {
    const key = await generateFakeKey('ES256', 'my-key')
    const token = await new SignJWT().setProtectedHeader({ alg: 'ES256' }).sign(await importJWK(key.privateJwk))
    const verified = await jwtVerify(token, createLocalJWKSet({ keys: [key.publicJwk] }))
    expect(verified.payload).toEqual({})
    expect(key.kid).toBe('my-key')
  })

  it('the public half has nothing private', async () => {
    for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
      const { publicJwk } = await generateFakeKey(algorithm)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(publicJwk).not.toHaveProperty(member)
      expect(publicJwk).toMatchObject({ alg: algorithm, use: 'sig', kid: expect.any(String) })
    }
  })
})

describe('signAssertion', () => {
  it('signs claims given as text byte for byte', async () => {
    const key = await generateFakeKey('EdDSA')
    const text = '{"exp":1e999, "exp":1}'
    const { payload } = await compactVerify(
      await signAssertion(key, { alg: 'EdDSA' }, text),
      await importJWK(key.publicJwk),
    )
    expect(Buffer.from(payload).toString()).toBe(text)
  })

  it('keeps any header, and signs by the algorithm of the key', async () => {
    const key = await generateFakeKey('ES256')
    const header = { alg: ['none'], b64: false, crit: ['b64'] }
    const token = await signAssertion(key, header, {})
    const [first, second, signature] = token.split('.')
    expect(JSON.parse(Buffer.from(String(first), 'base64url').toString())).toEqual(header)

    const publicKey = await crypto.subtle.importKey(
      'jwk',
      { ...key.publicJwk, alg: 'ES256' },
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['verify'],
    )
    const verifies = crypto.subtle.verify(
      { name: 'ECDSA', hash: 'SHA-256' },
      publicKey,
      Buffer.from(String(signature), 'base64url'),
      Buffer.from(`${first}.${second}`),
    )
    expect(await verifies).toBe(true)
  })
})
