import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readThumbprints } from '../../../src/jwt/public-key.js'
import { KEY_USES, type KeyReading } from '../../../src/verification-keys/key-reading.js'
import { type KeySet, MAX_CANDIDATES, readKeySet } from '../../../src/verification-keys/key-set.js'
import { EC_CERTIFICATE, EC_CERTIFICATE_KEY } from '../../support/certificates.js'
import { generatePair } from '../../support/generate-pair.js'

const PUBLISHED = Array.from({ length: 12 }, () => ({ ...generatePair('ed25519').publicKey.export({ format: 'jwk' }) }))
const [FIRST, SECOND, THIRD] = PUBLISHED
const SHA1 = (text: string) => hash('sha1', text, 'base64url')
const SHA256 = (text: string) => hash('sha256', text, 'base64url')
const ED = { alg: 'EdDSA' }

function read(members: readonly unknown[], reading?: KeyReading): KeySet {
  const { keySet } = readKeySet(members, 100, reading)
  if (keySet === undefined) throw new Error('no usable key')
  return keySet
}

const numbersOf = (keys: readonly KeyObject[]) => keys.map((key) => key.export({ format: 'jwk' }).x)
const found = (keySet: KeySet, header: object) => numbersOf(keySet.find({ ...ED, ...header }))

describe('the thumbprint of a header', () => {
  const keySet = read([
    { ...FIRST, x5t: SHA1('first') },
    { ...SECOND, x5t: SHA1('second'), 'x5t#S256': SHA256('second') },
    { ...THIRD },
  ])

  it.each<[string, object, readonly unknown[]]>([
    ['by SHA-1', { x5t: SHA1('first') }, [FIRST]],
    ['by SHA-1, of a key that has both', { x5t: SHA1('second') }, [SECOND]],
    ['by SHA-256', { x5tS256: SHA256('second') }, [SECOND]],
    ['by both', { x5t: SHA1('second'), x5tS256: SHA256('second') }, [SECOND]],
    ['by one of both', { x5t: SHA1('gone'), x5tS256: SHA256('second') }, [SECOND]],
    ['of two keys', { x5t: SHA1('first'), x5tS256: SHA256('second') }, [FIRST, SECOND]],
    ['of none of them: then it is ignored', { x5t: SHA1('gone'), x5tS256: SHA256('gone') }, [FIRST, SECOND, THIRD]],
    ['of the other kind: then it is ignored', { x5t: SHA256('second') }, [FIRST, SECOND, THIRD]],
    ['of a key that has another kid: then it is ignored', { kid: 'none', x5t: SHA1('first') }, []],
  ])('narrows down the keys that fit: %s', (_, header, keys) => {
    expect(found(keySet, header)).toEqual(keys.map((key) => (key as typeof FIRST)?.x))
  })

  it('narrows down the keys of one kid, and leads to none of another kid', () => {
    const named = read([
      { ...FIRST, kid: 'a', x5t: SHA1('first') },
      { ...SECOND, kid: 'a', x5t: SHA1('second') },
      { ...THIRD, kid: 'b', x5t: SHA1('third') },
    ])
    expect(found(named, { kid: 'a', x5t: SHA1('second') })).toEqual([SECOND?.x])
    expect(found(named, { kid: 'a', x5t: SHA1('third') })).toEqual([FIRST?.x, SECOND?.x])
    expect(found(named, { kid: 'b', x5t: SHA1('first') })).toEqual([THIRD?.x])
  })

  it('never leads to a key of another algorithm', () => {
    const certified = { ...createPublicKey(EC_CERTIFICATE_KEY).export({ format: 'jwk' }), x5t: SHA1('first') }
    const mixed = read([certified, { ...SECOND, x5t: SHA1('second') }])
    expect(found(mixed, { x5t: SHA1('first') })).toEqual([SECOND?.x])
  })

  it('is compared with the certificate of a key that is published without a thumbprint', () => {
    const { raw } = new X509Certificate(EC_CERTIFICATE)
    const key = { ...createPublicKey(EC_CERTIFICATE_KEY).export({ format: 'jwk' }), x5c: [raw.toString('base64')] }
    const other = { ...generatePair('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }) }
    const keys = read([other, key])
    for (const header of [{ x5t: hash('sha1', raw, 'base64url') }, { x5tS256: hash('sha256', raw, 'base64url') }])
      expect(numbersOf(keys.find({ alg: 'ES256', ...header }))).toEqual([key.x])
  })

  it('finds the one key of twelve that five tries would not reach', () => {
    const twelve = read(PUBLISHED.map((key, index) => ({ ...key, 'x5t#S256': SHA256(`key ${index}`) })))
    expect(found(twelve, { x5tS256: SHA256('key 11') })).toEqual([PUBLISHED[11]?.x])
    expect(found(twelve, {})).toEqual(PUBLISHED.slice(0, MAX_CANDIDATES).map(({ x }) => x))
    expect(twelve.countFitting(ED)).toBe(12)
    expect(twelve.countFitting({ ...ED, x5tS256: SHA256('key 11') })).toBe(1)
  })

  it('never adds a key to those that would be found without it', () => {
    const thumbprint = fc.constantFrom(undefined, 'first', 'second', 'gone')
    const kid = fc.constantFrom(undefined, 'a', 'b', 'gone')
    const member = fc.record({ index: fc.nat({ max: 11 }), kid, x5t: thumbprint, s256: thumbprint })
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 1, maxLength: 8 }),
        kid,
        thumbprint,
        thumbprint,
        (members, id, one, two) => {
          const keys = read(
            members.map(({ index, kid: own, x5t, s256 }) => ({
              ...PUBLISHED[index],
              kid: own,
              ...(x5t !== undefined && { x5t: SHA1(x5t) }),
              ...(s256 !== undefined && { 'x5t#S256': SHA256(s256) }),
            })),
          )
          const header = { ...ED, ...(id !== undefined && { kid: id }) }
          const more = {
            ...(one !== undefined && { x5t: SHA1(one) }),
            ...(two !== undefined && { x5tS256: SHA256(two) }),
          }
          const fitting = members.filter((each) => id === undefined || each.kid === id)
          const numbers = fitting.map(({ index }) => PUBLISHED[index]?.x)
          expect(numbers).toEqual(expect.arrayContaining(found(keys, { ...header, ...more })))
          expect(found(keys, { ...header, ...more }).length > 0).toBe(found(keys, header).length > 0)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a thumbprint', () => {
  it('is read from a header or a key', () => {
    expect(readThumbprints({ x5t: SHA1('a'), 'x5t#S256': SHA256('a') })).toEqual({
      x5t: SHA1('a'),
      x5tS256: SHA256('a'),
    })
  })

  it.each([
    null,
    1,
    '',
    'AA',
    [SHA1('a')],
    { 0: 'a' },
    `${SHA1('a')}=`,
    `${SHA1('a')}\n`,
    'ab'.repeat(20),
    SHA256('a'),
  ])('that is malformed is left out: %j', (x5t) => expect(readThumbprints({ x5t })).toEqual({}))

  it.each([
    null,
    1,
    '',
    'AA',
    [SHA256('a')],
    `${SHA256('a')}=`,
    `+${SHA256('a').slice(1)}`,
    'ab'.repeat(32),
    SHA1('a'),
  ])('by SHA-256 that is malformed is left out: %j', (thumbprint) =>
    expect(readThumbprints({ 'x5t#S256': thumbprint, x5tS256: SHA256('a') })).toEqual({}),
  )

  it('that is inherited is left out', () => {
    expect(readThumbprints(Object.create({ x5t: SHA1('a') }))).toEqual({})
  })
})

describe('a key set', () => {
  it('is cut after as many members as are read, good or bad', () => {
    const { keySet, skipped, cut } = readKeySet([...PUBLISHED.slice(0, 5), null, ...PUBLISHED.slice(5)], 10)
    expect([keySet?.stats().length, skipped]).toEqual([9, [{ skipped: 'not_an_object' }]])
    expect([cut, keySet?.cut]).toEqual([
      { keys: 13, maxKeys: 10 },
      { keys: 13, maxKeys: 10 },
    ])
  })

  it('of exactly as many members as are read is whole', () => {
    const { keySet, cut } = readKeySet(PUBLISHED, 12)
    expect([keySet?.stats().length, cut, keySet?.cut]).toEqual([12, undefined, undefined])
  })

  it('without a usable key among those that are read says that it is cut all the same', () => {
    expect(readKeySet([...Array(10).fill(null), FIRST], 10)).toMatchObject({ cut: { keys: 11, maxKeys: 10 } })
  })

  it('that is read in another way loses the keys that this would not give, and nothing else', () => {
    const x5c = [new X509Certificate(EC_CERTIFICATE).raw.toString('base64')]
    const generous = { x5cOnlyKeys: true, keyUses: KEY_USES }
    const keySet = read(
      [
        { ...FIRST, kid: 'plain' },
        { x5c, kid: 'x5c' },
        { ...SECOND, use: 'jwt-svid', kid: 'svid' },
      ],
      generous,
    )
    expect(keySet.readBy(generous)?.kids).toEqual(['plain', 'x5c', 'svid'])
    expect(keySet.readBy({ ...generous, keyUses: [] })?.kids).toEqual(['plain', 'x5c'])
    expect(keySet.readBy({ ...generous, x5cOnlyKeys: false })?.kids).toEqual(['plain', 'svid'])
    expect(keySet.readBy()?.kids).toEqual(['plain'])
    expect(read([{ x5c }], generous).readBy()).toBeUndefined()
  })
})
