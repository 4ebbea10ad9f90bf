import { randomBytes } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { AccessToken } from '../../../src/access-token/access-token.js'
import { VerifiedTokenCache } from '../../../src/access-token/verified-token-cache.js'
import { recogniseToken } from '../../../src/access-token/verify-access-token.js'
import { IdentityProviderRegistry } from '../../../src/identity-provider/identity-provider-registry.js'
import {
  type ActiveSigningKey,
  generateSigningKey,
  readSigningKey,
  SigningKeys,
} from '../../../src/signing-keys/signing-keys.js'

const NOW = 1_800_000_000

function newKey(): ActiveSigningKey {
  return readSigningKey(generateSigningKey(), undefined) as ActiveSigningKey
}

const KEY = newKey()
const KEYS = new SigningKeys(KEY, [])

function accessToken(token: string, expiresAt = NOW + 60): AccessToken {
  const claims = { sub: 'alice', clientId: 'app', scopes: ['a'], issuer: 'i', audience: ['b'], tokenId: 't' }
  return { ...claims, expiresAt, token, payload: {} }
}

function entryOf(verified: AccessToken) {
  return { accessToken: verified, validFrom: undefined, validUntil: verified.expiresAt, signingKey: KEY }
}

/** What a route gets of it. */
function recognise(verifiedTokens: VerifiedTokenCache, token: string, signingKeys = KEYS): AccessToken | undefined {
  const clock = { now: () => NOW, monotonic: () => 0 }
  const identityProviders = new IdentityProviderRegistry([])
  const own = { issuer: 'i', audiences: new Set(['b']), signingKeys, verifiedTokens, identityProviders, clock }
  return recogniseToken(token, own)
}

function cacheOf(token: string, changes: { expiresAt?: number; notBefore?: number } = {}): VerifiedTokenCache {
  const cache = new VerifiedTokenCache(1_000_000)
  const { expiresAt, notBefore } = changes
  cache.add({ ...entryOf(accessToken(token, expiresAt)), validFrom: notBefore })
  return cache
}

describe('the cache of verified tokens', () => {
  it('finds the exact text and no other', () => {
    const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl'
    const cache = cacheOf(token)
    expect(cache.find(token, NOW)?.accessToken.sub).toBe('alice')
    const others = [...token].map(
      (character, at) => token.slice(0, at) + (character === 'A' ? 'B' : 'A') + token.slice(at + 1),
    )
    for (const other of [
      ...others,
      `${token} `,
      ` ${token}`,
      token.slice(1),
      token.slice(0, -1),
      `${token}=`,
      '',
      'constructor',
      '__proto__',
    ]) {
      expect([other, cache.find(other, NOW)]).toEqual([other, undefined])
    }
  })

  it('finds neither of two tokens for the other whose different ends give the same number', () => {
    const ends = ['xxxxxxAm', 'xxxxxxB0'] // 65 · 61 + 109 = 66 · 61 + 48
    const [first = '', second = ''] = ends.map((end) => `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.${end}`)
    const cache = cacheOf(first)
    expect(cache.find(second, NOW)).toBeUndefined()
    expect(cache.find(first, NOW)?.accessToken.token).toBe(first)
    cache.add(entryOf(accessToken(second)))
    expect(cache.size).toBe(1)
    expect(cache.find(first, NOW)).toBeUndefined()
    expect(cache.find(second, NOW)?.accessToken.token).toBe(second)
  })

  it('finds neither of two tokens for the other that end alike, however long the end', () => {
    const cache = new VerifiedTokenCache(1_000_000)
    const end = 'x'.repeat(300)
    for (const token of [`a${end}`, `b${end}`]) {
      const entry = { ...accessToken(token), sub: token }
      cache.add(entryOf(entry))
      expect(cache.find(token, NOW)?.accessToken.sub).toBe(token)
      for (const other of [`c${end}`, end, `aa${end}`]) expect(cache.find(other, NOW)).toBeUndefined()
    }
    const found = cache.find(`a${end}`, NOW)?.accessToken.sub
    expect([undefined, `a${end}`]).toContain(found)
  })

  it('finds no token from the second on in which it expires', () => {
    const cache = cacheOf('a', { expiresAt: NOW + 60 })
    expect(cache.find('a', NOW + 59.999)).toBeDefined()
    expect(cache.find('a', NOW + 60)).toBeUndefined()
  })

  it('finds no token before its nbf, where the clock was set back', () => {
    const cache = cacheOf('a', { notBefore: NOW })
    expect(cache.find('a', NOW)).toBeDefined()
    expect(cache.find('a', NOW - 0.001)).toBeUndefined()
  })

  it('finds no token whose key is gone, or is another one of the same kid', () => {
    const cache = cacheOf('a')
    expect(recognise(cache, 'a', new SigningKeys(newKey(), [KEY]))).toBeDefined()
    expect(recognise(cache, 'a', new SigningKeys(newKey(), []))).toBeUndefined()
    expect(recognise(cache, 'a', new SigningKeys({ ...newKey(), kid: KEY.kid }, []))).toBeUndefined()
  })

  it('gives each caller an object of its own', () => {
    const cache = cacheOf('a')
    const first = recognise(cache, 'a')
    Object.assign(first ?? {}, { sub: 'mallory', scopes: ['admin'] })
    expect(recognise(cache, 'a')).toMatchObject({ sub: 'alice', scopes: ['a'] })
  })

  it('remembers nothing where it may hold nothing, nor a token that is larger than half of it', () => {
    for (const maxBytes of [0, 1, 3000]) {
      const cache = new VerifiedTokenCache(maxBytes)
      cache.add(entryOf(accessToken('a')))
      expect([maxBytes, cache.size, cache.find('a', NOW)]).toEqual([maxBytes, 0, undefined])
    }
  })

  it('adds a token that is seen again, and none that comes once', () => {
    const cache = new VerifiedTokenCache(1_000_000)
    const signatures = [randomBytes(64), randomBytes(256), Buffer.alloc(64, 1)]
    const seeAll = () => {
      for (const [index, signature] of signatures.entries()) {
        const entry = entryOf(accessToken(`token ${index}`))
        cache.addSeenAgain(signature, () => entry)
      }
    }
    seeAll()
    expect(cache.size).toBe(0)
    seeAll()
    expect(cache.size).toBe(3)
    expect(cache.find('token 1', NOW)).toBeDefined()
  })

  it('adds nothing that is seen again where it may hold nothing', () => {
    const cache = new VerifiedTokenCache(0)
    const entry = entryOf(accessToken('a'))
    for (let count = 0; count < 3; count += 1) cache.addSeenAgain(Buffer.alloc(64, 1), () => entry)
    expect(cache.size).toBe(0)
  })

  it('is not filled by tokens that come once each', () => {
    const cache = new VerifiedTokenCache(100_000_000)
    for (let count = 0; count < 5000; count += 1) {
      const entry = entryOf(accessToken(`token ${count}`))
      cache.addSeenAgain(randomBytes(64), () => entry)
    }
    expect(cache.size).toBeLessThan(3) // Two by chance: 18 bits each decide.
  })

  it('keeps what is used, however many others come', () => {
    const cache = new VerifiedTokenCache(100_000)
    cache.add(entryOf(accessToken('used')))
    for (let other = 0; other < 1000; other += 1) {
      cache.add(entryOf(accessToken(`other ${other}`)))
      expect(cache.find('used', NOW)).toBeDefined()
    }
    expect(cache.find('other 0', NOW)).toBeUndefined()
  })

  it('stays within its bytes, whatever comes', () => {
    const step = fc.record({ token: fc.integer({ min: 0, max: 30 }), length: fc.integer({ min: 1, max: 3000 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 0, max: 60_000 }), (steps, maxBytes) => {
        const cache = new VerifiedTokenCache(maxBytes)
        for (const { token, length } of steps) {
          const text = `${token}`.padEnd(length, 'x')
          cache.find(text, NOW)
          cache.add(entryOf(accessToken(text)))
        }
        // No entry counts for less.
        expect(cache.size * 1500).toBeLessThanOrEqual(maxBytes)
      }),
    )
  })
})
