import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { JWK } from 'jose'
import { createJwtExchange } from '../../src/index.js'
import { type FakeKey, generateFakeKey, type SigningAlgorithm, signAssertion } from '../../src/testing/index.js'
import { encodePart } from '../support/compact-jws.js'
import { CLIENT, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import { closeUnharmed, expectAssertionRefused, expectServing } from '../support/expect-refusal.js'
import { goodClaims, goodHeader, joinParts, macToken, signES256 } from '../support/forged-jwt.js'

let host: ExchangeHost

/** Publishes keys beside the host's own one, which stays good. */
async function startHostWith(...members: unknown[]): Promise<ExchangeHost> {
  const started = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  started.idp.publish([...members, started.idp.signingKey.publicJwk])
  return started
}

function signWith(key: FakeKey, header: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return signAssertion(key, { alg: key.algorithm, kid: key.kid, ...header }, goodClaims(host.idp))
}

function skippedKeys(): string[] {
  return host.events.filter(({ name }) => name === 'jwks.key_rejected').map(({ kid, reason }) => `${kid} ${reason}`)
}

describe('a token without a signature', () => {
  beforeAll(async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  })
  afterAll(() => closeUnharmed(host))

  const spellings: [name: string, alg: unknown, reason: string][] = [
    ['none', 'none', 'algorithm_not_allowed'],
    ['None', 'None', 'algorithm_not_allowed'],
    ['NONE', 'NONE', 'algorithm_not_allowed'],
    ['nOnE', 'nOnE', 'algorithm_not_allowed'],
    ['noNE', 'noNE', 'algorithm_not_allowed'],
    ['none and a space', 'none ', 'algorithm_not_allowed'],
    ['none and NUL', 'none\u0000', 'algorithm_not_allowed'],
    ['full-width none', 'ｎｏｎｅ', 'algorithm_not_allowed'],
    ['an empty string', '', 'algorithm_not_allowed'],
    ['es256 in lower case', 'es256', 'algorithm_not_allowed'],
    ['ES256 and a space', 'ES256 ', 'algorithm_not_allowed'],
    ['toString', 'toString', 'algorithm_not_allowed'],
    ['null', null, 'malformed_jwt'],
    ['missing', undefined, 'malformed_jwt'],
    ['["none"]', ['none'], 'malformed_jwt'],
    ['["ES256"]', ['ES256'], 'malformed_jwt'],
    ['0', 0, 'malformed_jwt'],
    ['true', true, 'malformed_jwt'],
    ['an object', { toString: 'ES256' }, 'malformed_jwt'],
  ]

  it.each(spellings)('A1: alg %s is refused with the signature of a good token', async (_name, alg, reason) => {
    const [, , signature] = (await host.idp.issueAssertion()).split('.')
    const unsigned = joinParts({ ...goodHeader(host.idp), alg }, goodClaims(host.idp))
    await expectAssertionRefused(host, `${unsigned}${signature}`, reason)
  })

  it.each(spellings)('A1: alg %s is refused with an empty signature', async (_name, alg) => {
    const unsigned = joinParts({ ...goodHeader(host.idp), alg }, goodClaims(host.idp))
    await expectAssertionRefused(host, unsigned, 'malformed_jwt')
  })

  it.each(spellings)('A1: alg %s is refused though the identity provider signed it', async (_name, alg, reason) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { alg }), reason)
  })

  it.each(['RS256', 'ES256', 'PS256', 'EdDSA', 'HS256'])('A2: an empty signature is refused under %s', async (alg) => {
    const unsigned = joinParts({ ...goodHeader(host.idp), alg }, goodClaims(host.idp))
    await expectAssertionRefused(host, unsigned, 'malformed_jwt')
  })

  it('A2: a token of two parts, or with an empty fourth one, is refused', async () => {
    const unsigned = joinParts(goodHeader(host.idp), goodClaims(host.idp))
    await expectAssertionRefused(host, unsigned.slice(0, -1), 'malformed_jwt')
    await expectAssertionRefused(host, `${unsigned}.`, 'malformed_jwt')
  })
})

describe('a MAC instead of a signature', () => {
  let rsa: FakeKey
  beforeAll(async () => {
    rsa = await generateFakeKey('RS256', 'rsa')
    const { alg: _, use: __, ...publicJwk } = rsa.publicJwk
    host = await startHostWith(publicJwk)
  })
  afterAll(() => closeUnharmed(host))

  const publicForms: [name: string, form: (jwk: JWK) => string | Buffer][] = [
    ['SPKI PEM', (jwk) => pem(jwk, 'spki')],
    ['SPKI PEM without its last newline', (jwk) => pem(jwk, 'spki').trimEnd()],
    ['SPKI PEM after a newline', (jwk) => `\n${pem(jwk, 'spki')}`],
    ['SPKI PEM after spaces', (jwk) => `  ${pem(jwk, 'spki')}`],
    ['SPKI PEM after other text', (jwk) => `key: ${pem(jwk, 'spki')}`],
    ['PKCS #1 PEM', (jwk) => pem(jwk, 'pkcs1')],
    ['SPKI DER', (jwk) => keyObject(jwk).export({ type: 'spki', format: 'der' })],
    ['PKCS #1 DER', (jwk) => keyObject(jwk).export({ type: 'pkcs1', format: 'der' })],
    ['modulus', (jwk) => Buffer.from(jwk.n ?? '', 'base64url')],
    ['modulus as base64url', (jwk) => jwk.n ?? ''],
    ['JWK JSON', (jwk) => JSON.stringify(jwk)],
    ['JWK set JSON', (jwk) => JSON.stringify({ keys: [jwk] })],
  ]

  it.each(publicForms)(
    'A3: HS256, HS384 and HS512 keyed with the public RSA key as %s are refused',
    async (_name, form) => {
      for (const bits of [256, 384, 512]) {
        const header = { alg: `HS${bits}`, kid: rsa.kid, typ: 'JWT' }
        const token = macToken(header, goodClaims(host.idp), form(rsa.publicJwk), `sha${bits}`)
        await expectAssertionRefused(host, token, 'algorithm_not_allowed')
      }
    },
  )

  it.each(publicForms)(
    'A3: a MAC keyed with the public RSA key as %s is not an RS256 signature',
    async (_name, form) => {
      const token = macToken({ alg: 'RS256', kid: rsa.kid }, goodClaims(host.idp), form(rsa.publicJwk))
      await expectAssertionRefused(host, token, 'bad_signature')
    },
  )

  it('A3: a published key without alg verifies RS256, so that it is the MAC that is refused', async () => {
    expect((await host.exchangeAssertion(await signWith(rsa))).status).toBe(200)
  })

  it.each(['HS256', 'none'])('A3: an identity provider cannot be configured with %s', (algorithm) => {
    const options = {
      issuer: ISSUER,
      identityProviders: [
        { name: 'idp', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/jwks', algorithms: [algorithm] },
      ],
      clients: [CLIENT],
      accessToken: { audience: ISSUER },
    }
    expect(() => Reflect.apply(createJwtExchange, undefined, [options])).toThrow(/identityProviders\[0\]\.algorithms/)
  })

  it.each([
    ['an unknown kid', { kid: 'nobody' }],
    ['no kid', { kid: undefined }],
    ['an empty kid', { kid: '' }],
    ['a known kid', {}],
  ])('A4: HS256 with an empty or a default key is refused under %s', async (_name, header) => {
    for (const key of ['', '\0', 'secret', 'undefined', 'null', '[object Object]']) {
      const token = macToken({ alg: 'HS256', kid: rsa.kid, ...header }, goodClaims(host.idp), key)
      await expectAssertionRefused(host, token, 'algorithm_not_allowed')
    }
  })

  it('A4: a MAC with an empty key is not a signature by an unknown key', async () => {
    const token = macToken({ alg: 'ES256', kid: 'nobody' }, goodClaims(host.idp), '')
    await expectAssertionRefused(host, token, 'unknown_key')
  })

  it("A5: HS256 keyed with the caller's own client secret is refused", async () => {
    const claims = goodClaims(host.idp)
    for (const key of [CLIENT.clientSecret, Buffer.from(CLIENT.clientSecret).toString('base64')]) {
      await expectAssertionRefused(host, macToken({ alg: 'HS256' }, claims, key), 'algorithm_not_allowed')
      const ownAssertion = macToken({ alg: 'HS256' }, { ...claims, iss: 'app', sub: 'app' }, key)
      await expectAssertionRefused(host, ownAssertion, 'unknown_issuer')
    }
  })
})

describe('an algorithm that does not belong to the key', () => {
  let rsa: FakeKey
  let pss: FakeKey
  afterAll(() => closeUnharmed(host))
  beforeAll(async () => {
    rsa = await generateFakeKey('RS256', 'rsa')
    pss = { ...rsa, kid: 'pss', publicJwk: { ...rsa.publicJwk, kid: 'pss', alg: 'PS256' } }
    const { alg: _, ...openJwk } = { ...rsa.publicJwk, kid: 'open' }
    host = await startHostWith(rsa.publicJwk, pss.publicJwk, openJwk)
  })

  it('A6: RS512 is refused if the identity provider may use RS256 only', async () => {
    const { alg: _, ...openJwk } = rsa.publicJwk
    const strict = await startExchangeHost({ idp: { algorithm: 'RS256' }, identityProvider: { algorithms: ['RS256'] } })
    try {
      strict.idp.publish([openJwk, strict.idp.signingKey.publicJwk])
      const token = await signAssertion(
        { ...rsa, algorithm: 'RS512' },
        { alg: 'RS512', kid: rsa.kid },
        goodClaims(strict.idp),
      )
      await expectAssertionRefused(strict, token, 'algorithm_not_allowed')
      await expectServing(strict)
    } finally {
      await strict.close()
    }
  })

  const disagreements: [name: string, key: () => FakeKey, algorithm: SigningAlgorithm][] = [
    ['RS256 by a key published for PS256', () => pss, 'RS256'],
    ['PS256 by a key published for RS256', () => rsa, 'PS256'],
    ['RS384 by a key published for RS256', () => rsa, 'RS384'],
    ['ES384 by a P-256 key', () => host.idp.signingKey, 'ES384'],
    ['ES512 by a P-256 key', () => host.idp.signingKey, 'ES512'],
  ]
  it.each(disagreements)('A7: %s is refused', async (_name, key, algorithm) => {
    const token = await signWith({ ...key(), algorithm })
    await expectAssertionRefused(host, token, 'unknown_key')
  })

  it.each(['rsa', 'open'])('A7: ES256 naming the RSA key %s is refused', async (kid) => {
    await expectAssertionRefused(host, await signWith(host.idp.signingKey, { kid }), 'unknown_key')
  })

  it('A7: the header cannot lend an algorithm to a signature made by another', async () => {
    const token = await signAssertion(
      { ...rsa, algorithm: 'RS512' },
      { alg: 'RS256', kid: 'rsa' },
      goodClaims(host.idp),
    )
    await expectAssertionRefused(host, token, 'bad_signature')
  })
})

describe('a signature that nobody made', () => {
  let ed: FakeKey
  let rsa: FakeKey
  let p521: FakeKey
  afterAll(() => closeUnharmed(host))
  beforeAll(async () => {
    ed = await generateFakeKey('EdDSA', 'ed')
    rsa = await generateFakeKey('RS256', 'rsa')
    p521 = await generateFakeKey('ES512', 'p521')
    const ed25519 = { ...ed.publicJwk, kid: 'ed25519', alg: 'Ed25519' }
    host = await startHostWith(ed.publicJwk, ed25519, rsa.publicJwk, p521.publicJwk)
  })

  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const zero = Buffer.alloc(32)
  const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])])

  it.each([
    ['64 zero bytes', Buffer.alloc(64)],
    ['r = 0, s = 1', Buffer.concat([zero, one])],
    ['r = 1, s = 0', Buffer.concat([one, zero])],
    ['r = s = n', Buffer.concat([order, order])],
    ['r = n, s = 1', Buffer.concat([order, one])],
    ['r = 1, s = n', Buffer.concat([one, order])],
    ['r = s = 1', Buffer.concat([one, one])],
    ['64 bytes of 0xFF', Buffer.alloc(64, 255)],
  ])('A8: an ES256 signature of %s is refused', async (_name, signature) => {
    await expectAssertionRefused(
      host,
      joinParts(goodHeader(host.idp), goodClaims(host.idp), signature),
      'bad_signature',
    )
  })

  it.each([
    ['EdDSA', 'ed', 64],
    ['Ed25519', 'ed25519', 64],
    ['RS256', 'rsa', 256],
    ['ES512', 'p521', 132],
  ])('A8: an all-zero %s signature is refused', async (alg, kid, length) => {
    const token = joinParts({ alg, kid }, goodClaims(host.idp), Buffer.alloc(length))
    await expectAssertionRefused(host, token, 'bad_signature')
  })

  it('A8: an RSA signature of 1, of n - 1 and of n is refused', async () => {
    const modulus = BigInt(`0x${Buffer.from(rsa.publicJwk.n ?? '', 'base64url').toString('hex')}`)
    for (const value of [1n, modulus - 1n, modulus]) {
      const signature = Buffer.from(value.toString(16).padStart(512, '0'), 'hex')
      await expectAssertionRefused(
        host,
        joinParts({ alg: 'RS256', kid: 'rsa' }, goodClaims(host.idp), signature),
        'bad_signature',
      )
    }
  })

  it('A9: an ECDSA signature as DER is refused', async () => {
    const unsigned = `${encodePart(goodHeader(host.idp))}.${encodePart(goodClaims(host.idp))}`
    const signature = derOf(signES256(host.idp.signingKey, unsigned))
    await expectAssertionRefused(host, `${unsigned}.${signature.toString('base64url')}`, 'bad_signature')
  })

  it.each<[name: string, change: (signature: Buffer) => Buffer]>([
    ['cut to 63 bytes', (signature) => signature.subarray(0, 63)],
    ['grown to 65 bytes', (signature) => Buffer.concat([signature, Buffer.alloc(1)])],
    ['grown to 66 bytes', (signature) => Buffer.concat([signature, Buffer.alloc(2)])],
    ['after a zero byte', (signature) => Buffer.concat([Buffer.alloc(1), signature])],
    ['twice', (signature) => Buffer.concat([signature, signature])],
    ['cut to 1 byte', (signature) => signature.subarray(0, 1)],
  ])('A9: a good ES256 signature %s is refused', async (_name, change) => {
    const unsigned = `${encodePart(goodHeader(host.idp))}.${encodePart(goodClaims(host.idp))}`
    const changed = change(signES256(host.idp.signingKey, unsigned)).toString('base64url')
    await expectAssertionRefused(host, `${unsigned}.${changed}`, 'bad_signature')
  })

  it('A9: the second signature (r, n - s) that every ECDSA signature has gets no second access token', async () => {
    const unsigned = `${encodePart(goodHeader(host.idp))}.${encodePart(goodClaims(host.idp))}`
    const signature = signES256(host.idp.signingKey, unsigned)
    expect((await host.exchangeAssertion(`${unsigned}.${signature.toString('base64url')}`)).status).toBe(200)
    await expectAssertionRefused(host, `${unsigned}.${malleate(signature).toString('base64url')}`, 'replayed')
  })

  it('A9: an RSA signature of 4 KB, and one cut by a byte, are refused', async () => {
    const [header, claims, signature = ''] = (await signWith(rsa)).split('.')
    const bytes = Buffer.from(signature, 'base64url')
    for (const changed of [
      Buffer.concat([bytes, Buffer.alloc(3840)]),
      Buffer.concat([Buffer.alloc(3840), bytes]),
      bytes.subarray(1),
    ]) {
      await expectAssertionRefused(host, `${header}.${claims}.${changed.toString('base64url')}`, 'bad_signature')
    }
  })

  it('A9: no signature at all is refused', async () => {
    const [header, claims] = (await host.idp.issueAssertion()).split('.')
    await expectAssertionRefused(host, `${header}.${claims}.`, 'malformed_jwt')
  })
})

describe('a published key that must not verify', () => {
  let rsa: FakeKey
  let other: FakeKey
  let weak: FakeKey
  const misused: [kid: string, members: Readonly<Record<string, unknown>>][] = [
    ['use-enc', { use: 'enc' }],
    ['use-array', { use: ['sig'] }],
    ['ops-encrypt', { key_ops: ['encrypt'] }],
    ['ops-sign', { key_ops: ['sign'] }],
    ['ops-none', { key_ops: [] }],
    ['ops-string', { key_ops: 'verify' }],
  ]
  const exponents: [kid: string, e: string][] = [
    ['e-0', 'AA'],
    ['e-1', 'AQ'],
    ['e-2', 'Ag'],
    ['e-empty', ''],
    ['e-65538', 'AQAC'],
    ['e-huge', Buffer.alloc(512, 255).toString('base64url')],
  ]
  afterAll(() => closeUnharmed(host))
  beforeAll(async () => {
    rsa = await generateFakeKey('RS256', 'rsa')
    other = await generateFakeKey('ES256', 'other')
    weak = { ...rsa, kid: 'rsa-1024', ...weakPair() }
    const hugeModulus = randomBytes(8192)
    hugeModulus[0] = 0xff
    hugeModulus[8191] = 0xff
    host = await startHostWith(
      ...misused.map(([kid, members]) => ({ ...other.publicJwk, kid, ...members })),
      ...exponents.map(([kid, e]) => ({ ...rsa.publicJwk, kid, e })),
      { ...weak.publicJwk, kid: weak.kid },
      { ...rsa.publicJwk, kid: 'rsa-65536', n: hugeModulus.toString('base64url') },
      { ...other.publicJwk, kid: 'off-curve', y: host.idp.signingKey.publicJwk.x },
    )
  })

  it.each(misused)('A10: a signature by the key %s is refused', async (kid) => {
    await expectAssertionRefused(host, await signWith(other, { kid }), 'unknown_key')
  })

  it('A10: a signature by a key without kid does not reach such keys either', async () => {
    await expectAssertionRefused(host, await signWith(other, { kid: undefined }), 'bad_signature')
  })

  it('A11: a signature by an RSA key of 1024 bits is refused', async () => {
    await expectAssertionRefused(host, await signWith(weak), 'unknown_key')
    expect(skippedKeys()).toContain('rsa-1024 rsa_too_small')
  })

  it.each(exponents)('A12: a padded digest is not a signature under the RSA key %s', async (kid) => {
    const unsigned = `${encodePart({ alg: 'RS256', kid })}.${encodePart(goodClaims(host.idp))}`
    await expectAssertionRefused(
      host,
      `${unsigned}.${(await paddedDigest(unsigned)).toString('base64url')}`,
      'unknown_key',
    )
    expect(skippedKeys().filter((skipped) => skipped.startsWith(`${kid} `))).not.toEqual([])
  })

  it('A13: an RSA modulus of 65 536 bits costs no time', async () => {
    await expectAssertionRefused(
      host,
      joinParts({ alg: 'RS256', kid: 'rsa-65536' }, goodClaims(host.idp), randomBytes(8192)),
      'unknown_key',
    )
    expect(skippedKeys()).toContain('rsa-65536 rsa_too_large')
  })

  it('A14: a point off the curve verifies nothing', async () => {
    await expectAssertionRefused(host, await signWith(other, { kid: 'off-curve' }), 'unknown_key')
    expect(skippedKeys()).toContain('off-curve invalid_key')
  })
})

describe('another form than the compact JWS', () => {
  afterAll(() => closeUnharmed(host))
  beforeAll(async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  })

  it('A15: the JSON serialization of a good token is refused', async () => {
    const [header, payload, signature] = (await host.idp.issueAssertion()).split('.')
    const flat = { protected: header, payload, signature }
    const general = { payload, signatures: [{ protected: header, signature }] }
    for (const form of [flat, general]) await expectAssertionRefused(host, JSON.stringify(form), 'malformed_jwt')
  })

  it('A15: a forged token between the dots of a JSON serialization is refused', async () => {
    const [protectedHeader, payload, signature] = (await host.idp.issueAssertion()).split('.')
    const forged = encodePart({ ...goodClaims(host.idp), sub: 'admin' })
    for (const x of [`.${forged}.`, `${protectedHeader}.${forged}.`, `.${forged}`]) {
      const token = JSON.stringify({ protected: protectedHeader, payload, signature, x })
      await expectAssertionRefused(host, token, 'malformed_jwt')
    }
  })

  const encryptions: [name: string, header: Record<string, unknown>][] = [
    ['dir', { alg: 'dir', enc: 'A128GCM' }],
    ['unsigned content', { alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' }],
    [
      'PBES2 of 2 147 483 647 rounds',
      { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2147483647, p2s: 'c2FsdHNhbHQ' },
    ],
    ['a DEFLATE bomb', { alg: 'dir', enc: 'A128GCM', zip: 'DEF' }],
    ['A128KW with an empty key', { alg: 'A128KW', enc: 'A128GCM' }],
    ['an epk off the curve', { alg: 'ECDH-ES', enc: 'A128GCM', epk: { kty: 'EC', crv: 'P-256', x: 'AQ', y: 'AQ' } }],
  ]
  it.each(encryptions)('A16: a JWE with %s is refused', async (_name, header) => {
    const part = randomBytes(16).toString('base64url')
    await expectAssertionRefused(host, `${encodePart(header)}.${part}.${part}.${part}.${part}`, 'malformed_jwt')
    await expectAssertionRefused(host, `${encodePart(header)}..${part}.${part}.${part}`, 'malformed_jwt')
  })

  it.each(encryptions)('A16: the header of a JWE with %s on three parts is refused', async (_name, header) => {
    await expectAssertionRefused(host, joinParts(header, goodClaims(host.idp), 'signature'), 'algorithm_not_allowed')
  })

  it('A16: a JWE inside a good signature is refused', async () => {
    const [header] = (await host.idp.issueAssertion({}, { cty: 'JWT' })).split('.')
    const jwe = 'eyJhbGciOiJkaXIifQ..AA.AA.AA'
    const payload = encodePart(jwe)
    const signature = signES256(host.idp.signingKey, `${header}.${payload}`).toString('base64url')
    await expectAssertionRefused(host, `${header}.${payload}.${signature}`, 'malformed_jwt')
  })
})

function keyObject(jwk: JWK) {
  return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
}

function pem(jwk: JWK, type: 'spki' | 'pkcs1'): string {
  return String(keyObject(jwk).export({ type, format: 'pem' }))
}

/** Through PEM: the JWK export of a key that was just generated can deadlock in Node 20. */
function weakPair(): { privateJwk: JWK; publicJwk: JWK } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return {
    privateJwk: createPrivateKey(privateKey).export({ format: 'jwk' }) as JWK,
    publicJwk: createPublicKey(publicKey).export({ format: 'jwk' }) as JWK,
  }
}

/** EMSA-PKCS1-v1_5 of RFC 8017 §9.2 for SHA-256 and 2048 bits: with e = 1 it is its own signature. */
async function paddedDigest(signingInput: string): Promise<Buffer> {
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(signingInput)))
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const start = Buffer.from([0, 1])
  const padding = Buffer.alloc(256 - start.length - 1 - info.length - digest.length, 255)
  return Buffer.concat([start, padding, Buffer.alloc(1), info, digest])
}

function derOf(signature: Buffer): Buffer {
  const integers = [signature.subarray(0, 32), signature.subarray(32)].map((bytes) => {
    const value = Buffer.concat([Buffer.alloc(1), bytes])
    return Buffer.concat([Buffer.from([2, value.length]), value])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

/** The other signature (r, n - s) that verifies whenever (r, s) does. */
function malleate(signature: Buffer): Buffer {
  const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const otherS = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')
  return Buffer.concat([signature.subarray(0, 32), otherS])
}
