import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import type { JWK } from 'jose'
import { readAccessTokenOptions, withSigningKeys } from '../../../src/access-token/access-token-options.js'
import { createAccessTokenSigner, issueAccessToken } from '../../../src/access-token/issue-access-token.js'
import { VerifiedTokenCache } from '../../../src/access-token/verified-token-cache.js'
import { verifyAccessToken } from '../../../src/access-token/verify-access-token.js'
import { IdentityProviderRegistry } from '../../../src/identity-provider/identity-provider-registry.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { generateSigningKey, SIGNING_ALGORITHMS } from '../../../src/signing-keys/signing-keys.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const AUDIENCE = 'https://api.example.com'
const ISSUER = 'https://api.example.com/oauth2'

function read(options: Record<string, unknown>) {
  const reader = new OptionReader({ audience: AUDIENCE, ...options })
  const settings = readAccessTokenOptions(reader)
  reader.throwProblems()
  return withSigningKeys(settings)
}

function problemsOf(options: Record<string, unknown>): string[] {
  try {
    read(options)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
}

function publicPart({ kty, crv, x, y, n, e, kid, alg }: JWK): JWK {
  return Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e, kid, alg }).filter(([, value]) => value !== undefined),
  )
}

describe('the options of access tokens', () => {
  const key = generateSigningKey()
  const pkcs8 = () =>
    String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }))

  it('default to an hour and a generated key', () => {
    const settings = read({})
    expect([settings.lifetime, settings.isKeyGenerated, settings.audiences]).toEqual([3600, true, new Set([AUDIENCE])])
    expect(settings.signingKeys.active.algorithm).toBe('ES256')
  })

  it.each(SIGNING_ALGORITHMS)('generate a key for %s', (algorithm) => {
    expect(read({ algorithm }).signingKeys.active.algorithm).toBe(algorithm)
  })

  it.each<[string, () => unknown]>([
    ['a JWK in an array', () => [key]],
    ['a JWK set', () => ({ keys: [key] })],
    ['PEM in an array', () => [pkcs8()]],
    ['PEM', pkcs8],
  ])('take the signing key as %s', (_, signingKeys) => {
    const settings = read({ signingKeys: signingKeys() })
    expect([settings.isKeyGenerated, settings.signingKeys.active.algorithm]).toEqual([false, 'ES256'])
  })

  it('take several audiences', () => {
    expect(read({ audience: ['a', 'b'] }).audiences).toEqual(new Set(['a', 'b']))
  })

  it.each([1, 86_400])('take a lifetime of %d seconds', (lifetime) =>
    expect(read({ lifetime }).lifetime).toBe(lifetime),
  )

  it.each<[string, Record<string, unknown>, string]>([
    ['no lifetime', { lifetime: 0 }, 'lifetime: got 0; expected a whole number of seconds from 1 to 86400'],
    [
      'a lifetime of more than a day',
      { lifetime: 86_401 },
      'lifetime: got 86401; expected a whole number of seconds from 1 to 86400',
    ],
    [
      'no audience',
      { audience: undefined },
      'audience: got undefined; expected a non-empty string or an array of them. Is the environment variable set?',
    ],
    ['an empty audience', { audience: '' }, 'audience: got ""; expected a non-empty string or an array of them'],
    ['an empty list of audiences', { audience: [] }, 'audience: got an empty array; expected at least one audience'],
    ['no signing key', { signingKeys: [] }, 'signingKeys: got an empty list; expected at least one key'],
    [
      'an unknown algorithm',
      { algorithm: 'HS256' },
      'algorithm: got "HS256"; expected one of "ES256", "RS256", "PS256", "EdDSA"',
    ],
    [
      'the algorithm none',
      { algorithm: 'none' },
      'algorithm: got "none"; expected one of "ES256", "RS256", "PS256", "EdDSA"',
    ],
    [
      'an algorithm that the first key cannot',
      { algorithm: 'RS256', signingKeys: [key] },
      'algorithm: got "RS256"; expected "ES256", the algorithm of the first signing key',
    ],
    [
      'a public key in first place',
      { signingKeys: [publicPart(key), generateSigningKey()] },
      'signingKeys: key 1 is public; put a private key first, because the first key signs',
    ],
    [
      'one kid twice',
      { signingKeys: [key, { ...generateSigningKey(), kid: key.kid }] },
      'signingKeys: two keys have the same kid; give each key its own kid',
    ],
    [
      'a broken second key',
      { signingKeys: [key, 'nonsense'] },
      "signingKeys: key 2: this is neither PEM nor JSON; in code, read the file first: JSON.parse(readFileSync('keys.json', 'utf8'))",
    ],
    ['an unknown option', { lifeTime: 60 }, 'lifeTime: unknown option; did you mean `lifetime`?'],
  ])('refuse %s', (_, options, line) => expect(problemsOf(options)).toEqual([line]))

  it('tell nothing of a key that they refuse', () => {
    const { d = '' } = key
    const spoiled = [
      { ...key, alg: 'ES384' },
      { ...key, x: 'AA' },
      JSON.stringify(key),
      `-----BEGIN PRIVATE KEY-----\n${d}`,
    ]
    for (const signingKey of spoiled) {
      for (const signingKeys of [[signingKey], signingKey, { keys: [signingKey] }]) {
        const lines = problemsOf({ signingKeys })
        expect(lines.length).toBeGreaterThan(0)
        expect(lines.join()).not.toContain(d.slice(0, 8))
      }
    }
  })
})

const REQUEST = {
  subject: 'alice',
  scopes: [],
  audiences: new Set(['https://api.example.com']),
  claims: {},
  identityProvider: 'https://idp.example.com',
  lifetime: Number.POSITIVE_INFINITY,
  latestExpiry: Number.POSITIVE_INFINITY,
}

describe('an access token after the signing key has changed', () => {
  const [old, next] = [generateSigningKey('RS256'), generateSigningKey('ES256')]
  const clock = new AdjustableClock()
  const depsOf = (signingKeys: unknown) => {
    const settings = read({ signingKeys, lifetime: 60 })
    const signAccessToken = createAccessTokenSigner(settings.signingKeys)
    const verifiedTokens = new VerifiedTokenCache(settings.cacheSizeBytes)
    const identityProviders = new IdentityProviderRegistry([])
    return { ...settings, issuer: ISSUER, clock, signAccessToken, verifiedTokens, identityProviders }
  }
  const issue = (signingKeys: unknown) => issueAccessToken(REQUEST, 'app', depsOf(signingKeys))

  it.each([
    ['private', old],
    ['public only', publicPart(old)],
  ])('is still accepted while the old key is there, %s, and published', async (_, retired) => {
    const { token } = await issue([old])
    const deps = depsOf([next, retired])
    expect(await verifyAccessToken(token, deps)).toMatchObject({ sub: 'alice', clientId: 'app', scopes: [] })
    expect(deps.signingKeys.publicKeySet.keys.map(({ kid }) => kid)).toEqual([next.kid, old.kid])
  })

  it('is signed by the first key', async () => {
    const { token } = await issue([next, old])
    expect(await verifyAccessToken(token, depsOf([next]))).toMatchObject({ sub: 'alice' })
  })

  it('is refused once the old key is gone', async () => {
    const { token } = await issue([old])
    expect(() => verifyAccessToken(token, depsOf([next]))).toThrow(expect.objectContaining({ reason: 'unknown_key' }))
  })

  it('expires by the clock, at its second', async () => {
    const { token, expiresAt } = await issue([next])
    clock.set(expiresAt - 0.001)
    expect(await verifyAccessToken(token, depsOf([next]))).toMatchObject({ expiresAt })
    clock.set(expiresAt)
    expect(() => verifyAccessToken(token, depsOf([next]))).toThrow(expect.objectContaining({ reason: 'expired' }))
  })
})
