import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'

/** A key with a self-signed certificate for it, in DER. */
const CERTIFIED_JWK = {
  kty: 'EC',
  crv: 'P-256',
  x: '7LZ52SUbeqYAgxGqOP9bTBBNe6xFIXCFOTFE5QmuCP0',
  y: 'LlMhjwOPDXuG_lLsCdvb7t3l-PbwQYhjOtOogyFmB_s',
  kid: 'certified',
} as const
const CERTIFIED: FakeKey = {
  kid: CERTIFIED_JWK.kid,
  algorithm: 'ES256',
  privateJwk: { ...CERTIFIED_JWK, d: 'Ps2Stlw8UekHJ1mQQ1PgpVS4tiAt1PnSbou-9Rw6Ro0' },
  publicJwk: CERTIFIED_JWK,
}
const CERTIFICATE =
  'MIIBijCCATGgAwIBAgIUa+yzjnxRtHGEVvvabrhZmfmmOg0wCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUuY29tMCAXDTI2' +
  'MTEyMzIxNTA0MVoYDzIxMjYxMDMwMjE1MDQxWjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC' +
  'AATstnnZJRt6pgCDEao4/1tMEE17rEUhcIU5MUTlCa4I/S5TIY8Djw17hv5S7Anb2+7d5fj28EGIYzrTqIMhZgf7o1MwUTAdBgNVHQ4EFgQU' +
  'fpBS8YtUjBW+jKAsICrEvSIjtTIwHwYDVR0jBBgwFoAUfpBS8YtUjBW+jKAsICrEvSIjtTIwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD' +
  'AgNHADBEAiA7xPJIggvio19rBBXbhb10q3IYXemAAzJGfqCdWNF9/QIgbYWAPpwi+/S+6SiW+JFveu7UAnvhkBNab4Zrth7Ic5I='

let host: ClockedHost
let good: FakeKey
let suspect: FakeKey
let rsa: FakeKey
beforeAll(async () => {
  host = await startClockedHost()
  good = host.idp.signingKey
  suspect = await generateFakeKey('ES256', 'suspect')
  rsa = await generateFakeKey('RS256', 'rsa')
})
afterAll(() => host.close())

function signedBy(key: FakeKey, header: Record<string, unknown> = {}): Promise<string> {
  return signAssertion(key, host.header({ alg: key.algorithm, kid: key.kid, ...header }), host.claims())
}

/** Publishes a member beside a good key, and tells what becomes of assertions by either and why the member was skipped. */
async function judgeMember(member: unknown, key = suspect) {
  host.publish([member, good.publicJwk])
  const eventsBefore = host.events.length
  const byMember = await host.judge(await signedBy(key))
  const byGood = await host.judge(await signedBy(good))
  const skipped = host.events.slice(eventsBefore).find(({ name }) => name === 'jwks.key_rejected')?.reason
  return { byMember, byGood, skipped }
}

function skippedFor(reason: string) {
  return { byMember: refused('unknown_key'), byGood: ACCEPTED, skipped: reason }
}

const USED = { byMember: ACCEPTED, byGood: ACCEPTED, skipped: undefined }

function publicJwk(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...suspect.publicJwk, ...changes }
}

describe('a key set', () => {
  it.each([
    ['no array', { 0: 'key' }],
    ['a string', 'keys'],
    ['null', null],
    ['empty', []],
    ['without a usable key', [{ kty: 'EC' }, null]],
  ])(
    'RFC 7517 §5: a key set whose keys are %s is an outage and not the fault of the client [rule 42]',
    async (_, members) => {
      const fresh = await startClockedHost()
      try {
        fresh.idp.publish(members)
        const verdict = await fresh.judge(await fresh.assertion())
        expect(verdict).toEqual({ status: 503, error: 'temporarily_unavailable', reason: 'jwks_unavailable' })
      } finally {
        await fresh.close()
      }
    },
  )

  it.each<[string, unknown, string]>([
    ['null', null, 'not_an_object'],
    ['a number', 1, 'not_an_object'],
    ['an array', [], 'not_an_object'],
    ['without kty', { kid: 'suspect' }, 'invalid_key'],
    [
      'with a kty that is unknown',
      { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'suspect' },
      'unsupported_algorithm',
    ],
    ['with the kty __proto__', { kty: '__proto__', kid: 'suspect' }, 'unsupported_key_type'],
    [
      'with a curve for key agreement',
      { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), kid: 'suspect' },
      'unsupported_key_type',
    ],
    [
      'with the curve secp256k1',
      { kty: 'EC', crv: 'secp256k1', x: 'A'.repeat(43), y: 'A'.repeat(43) },
      'unsupported_key_type',
    ],
    ['without y', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), kid: 'suspect' }, 'invalid_key'],
    ['with a coordinate that is a number', { kty: 'EC', crv: 'P-256', x: 1, y: 2, kid: 'suspect' }, 'invalid_key'],
    [
      'with a coordinate that is too short',
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'suspect' },
      'invalid_key',
    ],
    ['with a kid that is a number', { kty: 'EC', crv: 'P-256', kid: 1 }, 'invalid_kid'],
  ])('RFC 7517 §5: a member %s is skipped and the others are used [rule 42]', async (_, member, reason) => {
    expect(await judgeMember(member)).toEqual(skippedFor(reason))
  })

  it('RFC 7517 §4: unknown parameters of a key are ignored [rule 42]', async () => {
    expect(await judgeMember(publicJwk({ 'urn:example:x': { y: 1 }, exp: 0, nbf: '?' }))).toEqual(USED)
  })
})

describe('a published key', () => {
  it.each<[string, Record<string, unknown>]>([
    ['the use enc', { use: 'enc' }],
    ['a use in another case', { use: 'SIG' }],
    ['a use of its own', { use: 'urn:example:use' }],
    ['key_ops without verify', { use: undefined, key_ops: ['encrypt', 'wrapKey'] }],
    ['key_ops sign only', { key_ops: ['sign'] }],
    ['empty key_ops', { key_ops: [] }],
    ['key_ops that are a string', { key_ops: 'verify' }],
    ['the use enc beside key_ops verify', { use: 'enc', key_ops: ['verify'] }],
  ])('RFC 7517 §4.2: a key with %s verifies nothing [rule 43]', async (_, changes) => {
    expect(await judgeMember(publicJwk(changes))).toEqual(skippedFor('not_for_signatures'))
  })

  it.each<[string, Record<string, unknown>]>([
    ['neither use nor key_ops', { use: undefined }],
    ['key_ops verify', { use: undefined, key_ops: ['verify'] }],
    ['use sig and key_ops verify among others', { key_ops: ['encrypt', 'verify'] }],
  ])('RFC 7517 §4.3: a key with %s verifies [rule 43]', async (_, changes) => {
    expect(await judgeMember(publicJwk(changes))).toEqual(USED)
  })

  it.each(['PS256', 'RS512', 'PS384'])(
    'RFC 7517 §4.4: a key with the alg %s does not verify RS256, though the key could [rule 44]',
    async (alg) => {
      expect(await judgeMember({ ...rsa.publicJwk, alg }, rsa)).toEqual({ ...USED, byMember: refused('unknown_key') })
    },
  )

  it('RFC 7517 §4.4: a key with the alg PS256 verifies PS256 and not RS256 [rule 44]', async () => {
    host.publish([{ ...rsa.publicJwk, alg: 'PS256' }])
    const pss: FakeKey = { ...rsa, algorithm: 'PS256' }
    expect(await host.judge(await signedBy(rsa))).toEqual(refused('unknown_key'))
    expect(await host.judge(await signedBy(pss))).toEqual(ACCEPTED)
  })

  it.each(['HS256', 'none', 'RSA-OAEP', 'es256', '', 1, null])(
    'RFC 7517 §4.4: a key with the alg %j is skipped [rule 44]',
    async (alg) => {
      expect(await judgeMember(publicJwk({ alg }))).toEqual(skippedFor('unsupported_algorithm'))
    },
  )

  it('RFC 7517 §4.4: a key without alg verifies any algorithm that suits its type [rule 44]', async () => {
    expect(await judgeMember(publicJwk({ alg: undefined }))).toEqual(USED)
    const withoutAlg = { ...rsa.publicJwk, alg: undefined }
    expect(await judgeMember(withoutAlg, rsa)).toEqual(USED)
    expect(await judgeMember(withoutAlg, { ...rsa, algorithm: 'PS512' })).toEqual(USED)
  })

  it('RFC 7517 §4.5: a key of another type may share a kid: type and alg choose [rule 45]', async () => {
    const p384 = await generateFakeKey('ES384', 'shared')
    const p256 = { ...suspect, kid: 'shared' }
    const rs256 = { ...rsa, kid: 'shared' }
    host.publish([rs256, p384, p256].map((key) => ({ ...key.publicJwk, kid: 'shared', alg: undefined })))
    expect(await host.judge(await signedBy(p256, { alg: 'RS256' }))).toEqual(refused('bad_signature'))
    for (const key of [p256, p384, rs256]) expect(await host.judge(await signedBy(key))).toEqual(ACCEPTED)
  })

  it('RFC 7517 §4.5: a key of the same type may share a kid: each of them verifies [rule 45]', async () => {
    const twin = await generateFakeKey('ES256', 'suspect')
    host.publish([suspect.publicJwk, twin.publicJwk])
    const stranger = await generateFakeKey('ES256', 'suspect')
    expect(await host.judge(await signedBy(stranger))).toEqual(refused('bad_signature'))
    for (const key of [suspect, twin]) expect(await host.judge(await signedBy(key))).toEqual(ACCEPTED)
  })

  it('RFC 7517 §4.5: a kid is compared case-sensitively [rule 45]', async () => {
    host.publish([suspect.publicJwk])
    expect(await host.judge(await signedBy(suspect, { kid: 'SUSPECT' }))).toEqual(refused('unknown_key'))
    expect(await host.judge(await signedBy(suspect))).toEqual(ACCEPTED)
  })
})

describe('a private or symmetric key', () => {
  it('RFC 7517 §9.3: a key published with its private part is not used, since everybody can sign with it [rule 46]', async () => {
    expect(await judgeMember(suspect.privateJwk)).toEqual(skippedFor('private_or_symmetric'))
    expect(await judgeMember(rsa.privateJwk, rsa)).toEqual(skippedFor('private_or_symmetric'))
  })

  it.each(['p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'RFC 7518 §6: a key with the private parameter %s is not used, and that is reported [rule 46]',
    async (parameter) => {
      expect(await judgeMember(publicJwk({ [parameter]: 'AA' }))).toEqual(skippedFor('private_or_symmetric'))
      const warning = host.events.findLast(({ name }) => name === 'jwks.key_rejected')
      expect(warning).toMatchObject({ kid: 'suspect', reason: 'private_or_symmetric', endpoint: host.idp.jwksUri })
    },
  )

  it('RFC 7518 §6.4: a key of type oct is ignored [rule 46]', async () => {
    const secret = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), kid: 'suspect' }
    expect(await judgeMember(secret)).toEqual(skippedFor('private_or_symmetric'))
    expect(await judgeMember({ ...secret, k: undefined })).toEqual(skippedFor('unsupported_key_type'))
  })
})

describe('the certificate of a published key', () => {
  it.each<[string, unknown]>([
    ['is no certificate', ['AAAA']],
    ['is no array', CERTIFICATE],
    ['is an empty array', []],
    ['is a number', [1]],
    ['is null', null],
  ])('RFC 7517 §4.7: an x5c that %s does not spoil the key, and the operator can see it [rule 47]', async (_, x5c) => {
    expect(await judgeMember({ ...CERTIFIED_JWK, x5c }, CERTIFIED)).toEqual(USED)
    const [key] = host.exchange.stats().identityProviders[0]?.keys ?? []
    expect(key).toEqual({ kid: 'certified', algorithms: ['ES256'], note: 'x5c_unreadable' })
  })

  it('RFC 7517 §4.7: an x5c that has another key spoils the key [rule 47]', async () => {
    expect(await judgeMember(publicJwk({ x5c: [CERTIFICATE] }))).toEqual(skippedFor('certificate_mismatch'))
  })

  it('RFC 7517 §4.7: an x5c that has the same key is fine [rule 47]', async () => {
    expect(await judgeMember({ ...CERTIFIED_JWK, x5c: [CERTIFICATE] }, CERTIFIED)).toEqual(USED)
  })
})
