import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { systemClock } from '../../../src/clock/clock.js'
import { type JwtExchangeSettings, readExchangeOptions } from '../../../src/exchange/options.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { type ConfigProblem, formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { generateFakeKey } from '../../../src/testing/index.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { EC_CERTIFICATE, RSA_CERTIFICATE, RSA_CERTIFICATE_KEY } from '../../support/certificates.js'

type Options = Record<string, unknown>

const ISSUER = 'https://api.example.com/oauth2'
const IDP = { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' }
const OTHER_IDP = {
  name: 'https://other.example.com',
  allowedSubjects: 'any',
  jwksUri: 'https://other.example.com/keys',
}
const CLIENT = { clientId: 'app', clientSecret: 'hunter2-of-the-tests' }
const BASE = {
  issuer: ISSUER,
  identityProviders: [IDP],
  clients: [CLIENT],
  accessToken: { audience: 'https://api.example.com' },
}
const { publicJwk, privateJwk } = await generateFakeKey('ES256', 'k')

/** The base with some options laid over it. */
const check = (options: Options = {}, base: Options = BASE) => readExchangeOptions({ ...base, ...options })
const checkProvider = (options: Options) => check({ identityProviders: [{ ...IDP, ...options }] })

function problems(options: Options): readonly ConfigProblem[] {
  try {
    check(options)
    return []
  } catch (error) {
    if (isConfigError(error)) return error.problems
    throw error
  }
}

/** Each problem as `path: what is expected`, or the whole message if it says otherwise. */
function problemsOf(options: Options): string[] {
  return problems(options).map(({ path, message }) => `${formatPath(path)}: ${expectedIn(message)}`)
}

function expectedIn(message: string): string {
  return message.replace(/^(?:got .*?|missing); expected /, '').replace(/\. Is the environment variable set\?$/, '')
}

const providerProblemsOf = (options: Options) => problemsOf({ identityProviders: [{ ...IDP, ...options }] })

/** An options object with one value at a path such as `jwksEndpoint.readTimeout`. */
function at(path: string, value: unknown): Options {
  const [first = '', second] = path.split('.')
  if (second === undefined) return { [first]: value }
  return { [first]: { ...(first === 'accessToken' ? BASE.accessToken : {}), [second]: value } }
}

describe('the options', () => {
  it('have these defaults', () => {
    const settings = check()
    const limits = {
      clockTolerance: 60,
      maxAge: 1800,
      requireIat: false,
      requireJti: false,
      soleAudience: false,
      maxLifetime: 86_400,
      maxBytes: 32_768,
      replay: 'once',
      algorithms: new Set('RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')),
    }
    expect(settings).toMatchObject({
      issuer: ISSUER,
      tokenEndpoint: `${ISSUER}/token`,
      requireHttps: false,
      jwksEndpoint: {
        enable: true,
        connectionTimeout: 1000,
        readTimeout: 1000,
        sizeLimitBytes: 51_200,
        cacheMaxAge: 300_000,
        cacheMaxAgeAtLeast: 30_000,
        cacheMaxAgeAtMost: 3_600_000,
        refreshAhead: 80,
        refreshBudget: 2,
        cooldownDuration: 30_000,
        cacheMaxAgeFallback: 3_600_000,
        failureBackOff: 1000,
        connectionRetries: 1,
      },
      identityProviderLookup: undefined,
      findClient: undefined,
      clientAuthentication: { maxFailures: 500, failureWindow: 600 },
      accessToken: { lifetime: 3600, signingKeys: undefined },
      replay: { store: undefined, timeout: 1000, maxEntries: 1_000_000 },
      revocation: {
        ...{ isOn: false, store: undefined, pollInterval: 500, maxStale: 10_000, timeout: 1000, maxEntries: 1_000_000 },
      },
      hostFunctions: { timeout: 1000, maxConcurrent: 1000 },
      clock: systemClock,
    })
    expect(settings.identityProviders).toEqual([
      {
        id: IDP.name,
        name: IDP.name,
        registration: undefined,
        alias: `${ISSUER}/token`,
        audiences: new Set([`${ISSUER}/token`]),
        enabled: true,
        clientAuthentication: 'required',
        scopes: undefined,
        lifetime: undefined,
        maxBeyondAssertion: undefined,
        types: new Set(['jwt']),
        limits,
        policy: {
          saysWho: true,
          acceptsSubject: undefined,
          allowedSubjects: undefined,
          requiredClaims: [],
          check: undefined,
          scopeClaim: undefined,
          bindings: [],
          claimMapping: [],
        },
        subject: { builtIn: expect.any(Function) },
        subjectPrefix: undefined,
        keys: { jwksUri: IDP.jwksUri, metadataOf: undefined, connection: DIRECT_CONNECTION, reading: undefined },
        tenants: undefined,
        index: 0,
      },
    ])
  })

  it('are frozen, and not those that were given', () => {
    const given = { ...BASE }
    const settings = readExchangeOptions(given)
    expect(Object.isFrozen(settings)).toBe(true)
    given.issuer = 'https://elsewhere.example.com'
    expect(settings.issuer).toBe(ISSUER)
  })

  it.each<[string, number, number, (settings: Readonly<JwtExchangeSettings>) => unknown]>([
    ['jwksEndpoint.connectionTimeout', 20, 10_000, (settings) => settings.jwksEndpoint.connectionTimeout],
    ['jwksEndpoint.readTimeout', 20, 10_000, (settings) => settings.jwksEndpoint.readTimeout],
    ['jwksEndpoint.sizeLimitBytes', 1024, 1_048_576, (settings) => settings.jwksEndpoint.sizeLimitBytes],
    ['jwksEndpoint.cacheMaxAge', 20, 3_600_000, (settings) => settings.jwksEndpoint.cacheMaxAge],
    ['jwksEndpoint.cacheMaxAgeAtLeast', 20, 3_600_000, (settings) => settings.jwksEndpoint.cacheMaxAgeAtLeast],
    ['jwksEndpoint.refreshAhead', 50, 95, (settings) => settings.jwksEndpoint.refreshAhead],
    ['jwksEndpoint.refreshBudget', 1, 10, (settings) => settings.jwksEndpoint.refreshBudget],
    ['jwksEndpoint.cooldownDuration', 20, 600_000, (settings) => settings.jwksEndpoint.cooldownDuration],
    ['jwksEndpoint.failureBackOff', 20, 60_000, (settings) => settings.jwksEndpoint.failureBackOff],
    ['jwksEndpoint.connectionRetries', 0, 2, (settings) => settings.jwksEndpoint.connectionRetries],
    ['jwksEndpoint.cacheMaxAgeFallback', 0, 86_400_000, (settings) => settings.jwksEndpoint.cacheMaxAgeFallback],
    ['assertion.clockTolerance', 0, 600, (settings) => settings.identityProviders[0]?.limits.clockTolerance],
    ['assertion.maxAge', 1, 31_536_000, (settings) => settings.identityProviders[0]?.limits.maxAge],
    ['assertion.maxLifetime', 1, 31_536_000, (settings) => settings.identityProviders[0]?.limits.maxLifetime],
    ['assertion.maxBytes', 256, 1_048_576, (settings) => settings.identityProviders[0]?.limits.maxBytes],
    ['clientAuthentication.maxFailures', 1, 1_000_000, (settings) => settings.clientAuthentication.maxFailures],
    ['clientAuthentication.failureWindow', 1, 86_400, (settings) => settings.clientAuthentication.failureWindow],
    ['accessToken.lifetime', 1, 86_400, (settings) => settings.accessToken.lifetime],
    ['accessToken.cacheSizeBytes', 0, 2 ** 30, (settings) => settings.accessToken.cacheSizeBytes],
    ['replay.timeout', 10, 60_000, (settings) => settings.replay.timeout],
    ['replay.maxEntries', 1, 10_000_000, (settings) => settings.replay.maxEntries],
    ['revocation.timeout', 10, 60_000, (settings) => settings.revocation.timeout],
    ['revocation.maxEntries', 1, 10_000_000, (settings) => settings.revocation.maxEntries],
    ['hostFunctions.timeout', 10, 60_000, (settings) => settings.hostFunctions.timeout],
    ['hostFunctions.maxConcurrent', 1, 100_000, (settings) => settings.hostFunctions.maxConcurrent],
  ])('have %s from %d to %d', (path, min, max, read) => {
    expect([read(check(at(path, min))), read(check(at(path, max)))]).toEqual([min, max])
    for (const value of [
      min - 1,
      max + 1,
      min + 0.5,
      String(min),
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -1,
      true,
      [min],
    ]) {
      expect([value, problems(at(path, value)).map((problem) => formatPath(problem.path))]).toEqual([value, [path]])
    }
  })

  it.each(['requireHttps', 'jwksEndpoint.enable'])('have %s as a boolean', (path) => {
    for (const value of ['true', 'false', 0, 1, 'yes', {}])
      expect(problemsOf(at(path, value))).toContain(`${path}: true or false`)
  })

  it('show all that is wrong at once', () => {
    const found = problemsOf({
      issuer: 'api.example.com',
      tokenEndpoint: 'http://api.example.com/token',
      identityProviders: [{ name: '', allowedSubjects: 'any', jwksUri: 'ftp://x' }, { name: 'https://a' }],
      clients: [{ clientId: 'app' }],
      accessToken: { lifetime: 0 },
      jwksEndpoint: { readTimeout: 1 },
      replay: { store: 'redis' },
      colour: 'red',
    })
    expect(found.map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining([
        'issuer',
        'tokenEndpoint',
        'jwksEndpoint.readTimeout',
        'identityProviders[0].name',
        'identityProviders[0].jwksUri',
        'identityProviders[1]',
        'clients[0].clientSecret',
        'accessToken.audience',
        'accessToken.lifetime',
        'subject',
        'replay.store',
        'colour',
      ]),
    )
  })

  it.each([undefined, null, 'options', 7, []])('are an object and not %j', (options) => {
    expect(() => readExchangeOptions(options)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
  })

  it.each<[string, Options, string]>([
    ['isuer', { isuer: ISSUER }, 'issuer'],
    ['identity_providers', { identity_providers: [] }, 'identityProviders'],
    ['jwksEndpoints', { jwksEndpoints: {} }, 'jwksEndpoint'],
    ['jwksEndpoint.readTimeOut', at('jwksEndpoint.readTimeOut', 1), 'readTimeout'],
    ['assertion.maxage', at('assertion.maxage', 1), 'maxAge'],
    ['replay.maxEntrys', at('replay.maxEntrys', 1), 'maxEntries'],
    ['clientAuthentication.maxFailure', at('clientAuthentication.maxFailure', 1), 'maxFailures'],
    ['identityProviders[0].jwks_uri', { identityProviders: [{ ...IDP, jwks_uri: '' }] }, 'jwksUri'],
    ['clients[0].client_id', { clients: [{ ...CLIENT, client_id: '' }] }, 'clientId'],
  ])('of an unknown name ask what was meant: %s', (path, options, suggestion) => {
    expect(problems(options)).toContainEqual(
      expect.objectContaining({ path: expect.anything(), code: 'unknown_option', suggestion }),
    )
    expect(problems(options).map((problem) => formatPath(problem.path))).toContain(path)
  })

  it('print no secret, whatever is wrong with it or beside it', () => {
    const secrets: Options[] = [
      { clients: [{ clientId: 'app', clientSecretHash: 'hunter2-of-the-tests' }] },
      { clients: [{ clientId: 'app', clientSecret: ['hunter2-of-the-tests'] }] },
      {
        clients: [{ clientId: 'app', clientSecret: 'hunter2-of-the-tests', clientSecretHash: 'hunter2-of-the-tests' }],
      },
      { clients: [{ clientId: 'app', secret: 'hunter2-of-the-tests' }] },
      { clients: ['hunter2-of-the-tests'] },
      { clients: { app: 'hunter2-of-the-tests' } },
      { clients: 'hunter2-of-the-tests', findClient: () => undefined },
      { accessToken: { audience: 'a', signingKeys: ['hunter2-of-the-tests'] } },
      { accessToken: { audience: 'a', signingKeys: [{ kty: 'oct', k: 'hunter2-of-the-tests' }] } },
      { identityProviders: [{ ...IDP, jwksUri: 'https://user:hunter2-of-the-tests@idp.example.com/keys' }] },
      {
        identityProviders: [
          { name: IDP.name, allowedSubjects: 'any', jwks: { keys: [{ kty: 'oct', k: 'hunter2-of-the-tests' }] } },
        ],
      },
      {
        identityProviders: [
          { name: IDP.name, allowedSubjects: 'any', jwks: '{"keys":[{"kty":"oct","k":"hunter2-of-the-tests"}]}' },
        ],
      },
      {
        identityProviders: [
          {
            name: IDP.name,
            allowedSubjects: 'any',
            certificates: ['-----BEGIN PRIVATE KEY-----\nhunter2-of-the-tests'],
          },
        ],
      },
    ]
    for (const options of secrets) {
      expect(problems(options).length).toBeGreaterThan(0)
      expect(() => check({ ...options, colour: 'hunter' })).not.toThrow(/hunter2-of-the-tests/)
    }
  })
})

describe('the issuer', () => {
  it.each([
    'https://api.example.com',
    'https://api.example.com/',
    'http://localhost:3000/oauth2',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ])('may be %s', (issuer) => expect(check({ issuer }).issuer).toBe(issuer))

  it.each([
    undefined,
    '',
    'api.example.com',
    'http://api.example.com',
    'https://api.example.com?tenant=a',
    'https://api.example.com?',
    'https://api.example.com/#a',
    'https://api.example.com#',
    'https://user@api.example.com',
    'urn:example:api',
    ' https://api.example.com',
    7,
  ])('is refused when it is %j', (issuer) => {
    expect(problemsOf({ issuer })).toEqual(['issuer: an https URL without query and fragment (http only on loopback)'])
  })

  it('gives the token endpoint, with one slash', () => {
    expect(check({ issuer: 'https://api.example.com/' }).tokenEndpoint).toBe('https://api.example.com/token')
    expect(check({ issuer: 'https://api.example.com' }).tokenEndpoint).toBe('https://api.example.com/token')
    expect(check({ tokenEndpoint: 'https://t.example.com/x?y=1' }).tokenEndpoint).toBe('https://t.example.com/x?y=1')
  })

  it.each(['http://api.example.com/token', '/oauth2/token', 'https://api.example.com/token#a'])(
    'gives none at %j',
    (tokenEndpoint) => {
      expect(problemsOf({ tokenEndpoint })).toEqual([
        'tokenEndpoint: an https URL without fragment (http only on loopback)',
      ])
    },
  )

  it('is no identity provider as well', () => {
    expect(providerProblemsOf({ name: ISSUER })).toEqual([
      'identityProviders[0].name: is our own `issuer`; our access tokens are not assertions, so name another issuer',
    ])
  })
})

describe('the identity providers', () => {
  it('must say how their subjects are kept apart when they are several', () => {
    const several = { identityProviders: [IDP, OTHER_IDP] }
    expect(problemsOf(several)).toEqual([
      expect.stringMatching(/^subject: "namespaced", "raw", a template or a function, because /),
    ])
    expect(problemsOf({ ...several, subject: 'Raw' })).toEqual([
      expect.stringMatching(/^subject: "raw", "namespaced", a function, or text /),
    ])
    for (const subject of ['raw', 'namespaced', 'x|${claims.sub}', () => 'x']) check({ ...several, subject })
    const [first, second] = several.identityProviders
    const own = (subject: unknown, other: unknown) => ({
      identityProviders: [
        { ...first, subject },
        { ...second, subject: other },
      ],
    })
    expect(problemsOf(own('namespaced', 'namespaced'))).toEqual([])
    expect(problemsOf({ identityProviders: [{ ...first, subject: 'raw' }, second] })).toHaveLength(1)
  })

  it.each<[unknown, unknown, boolean]>([
    ['raw', 'raw', false],
    ['raw', 'namespaced', false],
    ['namespaced', 'namespaced', true],
    ['a|${claims.sub}', 'b|${claims.sub}', true],
    ['a${claims.sub}', 'ab${claims.sub}', false],
    ['ab${claims.sub}', 'a${claims.sub}', false],
    ['${claims.sub}', 'b|${claims.sub}', false],
    [`${OTHER_IDP.name}|\${claims.sub}`, 'namespaced', false],
    [`${OTHER_IDP.name}/|\${claims.sub}`, 'namespaced', true],
    [() => 'x', 'raw', true],
  ])('may have subjects made by %j and %j: %j', (one, other, isFine) => {
    const wanted = 'its subjects begin like those of "'
    const expected = isFine
      ? []
      : [expect.stringMatching(new RegExp(`^identityProviders\\[[01]\\]\\.subject: ${wanted}`))]
    const [ownAndOwn, ownAndAll] = [
      {
        identityProviders: [
          { ...IDP, subject: one },
          { ...OTHER_IDP, subject: other },
        ],
      },
      { identityProviders: [{ ...IDP, subject: one }, OTHER_IDP], subject: other },
    ]
    expect([problemsOf(ownAndOwn), problemsOf(ownAndAll)]).toEqual([expected, expected])
  })

  it('have names that differ, exactly', () => {
    const subject = 'namespaced'
    expect(problemsOf({ subject, identityProviders: [IDP, OTHER_IDP, { ...OTHER_IDP, name: IDP.name }] })).toEqual([
      'identityProviders[2].name: entry 1 has the same `name`; choose another one, or give each an `id` and a `registration`',
    ])
    expect(problemsOf({ subject, identityProviders: [IDP, { ...OTHER_IDP, name: `${IDP.name}/` }] })).toEqual([])
  })

  it('are required, as an array', () => {
    expect(problemsOf({ identityProviders: undefined })).toEqual(['identityProviders: an array of identity providers'])
    expect(problemsOf({ identityProviders: IDP })).toEqual(['identityProviders: an array of objects'])
    expect(problemsOf({ identityProviders: [null] })).toContain('identityProviders[0]: an object')
  })

  it('take the limits of all from assertion, and their own before them', () => {
    const settings = check({
      subject: 'raw',
      assertion: { maxAge: 100, clockTolerance: 5, replay: 'allow', algorithms: ['ES256'] },
      identityProviders: [{ ...IDP, maxAge: 10, algorithms: ['RS256'] }, OTHER_IDP],
    })
    expect(settings.identityProviders.map(({ limits }) => limits)).toMatchObject([
      { maxAge: 10, clockTolerance: 5, replay: 'allow', algorithms: new Set(['RS256']) },
      { maxAge: 100, clockTolerance: 5, replay: 'allow', algorithms: new Set(['ES256']) },
    ])
  })

  it.each<[string, Options, Options, boolean]>([
    ['nothing is said', {}, {}, false],
    ['maxAge is set for all', { maxAge: 600 }, {}, true],
    ['maxAge is set to its default', { maxAge: 1800 }, {}, true],
    ['maxAge is set for it', {}, { maxAge: 600 }, true],
    ['another limit is set', { maxLifetime: 600 }, { maxLifetime: 300 }, false],
    ['it is set for all', { requireIat: true }, {}, true],
    ['it is set for it', {}, { requireIat: true }, true],
    ['it is taken back for all', { maxAge: 600, requireIat: false }, {}, false],
    ['it is taken back for it', { maxAge: 600 }, { requireIat: false }, false],
    ['it is taken back for it beside its maxAge', {}, { maxAge: 60, requireIat: false }, false],
    ['it is taken back for all, but its maxAge is set', { requireIat: false }, { maxAge: 60 }, true],
    ['it is taken back for it, though it is set for all', { requireIat: true }, { requireIat: false }, false],
    ['it is set for it, though it is taken back for all', { requireIat: false }, { requireIat: true }, true],
  ])('demand iat as they should where %s', (_, assertion, own, isRequired) => {
    const [provider] = check({ assertion, identityProviders: [{ ...IDP, ...own }] }).identityProviders
    expect(provider?.limits.requireIat).toBe(isRequired)
  })

  it.each(['maxAge', 'requireIat'])('never take %s for left out where it is undefined', (option) => {
    const problem = `${option}: got undefined; set a value or leave the option out`
    expect(problemsOf({ assertion: { [option]: undefined } })).toEqual([`assertion.${problem}`])
    expect(providerProblemsOf({ [option]: undefined })).toEqual([`identityProviders[0].${problem}`])
  })

  it.each([null, 'true', 1, ''])('take true or false alone for requireIat, and not %j', (value) => {
    expect(problemsOf({ assertion: { requireIat: value } })).toEqual(['assertion.requireIat: true or false'])
  })

  it.each(['none', 'HS256', 'RS1', 'rs256', '', 'ES256K'])('never accept the algorithm %j', (algorithm) => {
    expect(providerProblemsOf({ algorithms: ['RS256', algorithm] })).toEqual([
      expect.stringMatching(/^identityProviders\[0\]\.algorithms\[1\]: an asymmetric algorithm, such as /),
    ])
  })

  it('accept some algorithm', () => {
    expect(providerProblemsOf({ algorithms: [] })).toEqual([
      expect.stringMatching(/algorithms: an array of at least one string/),
    ])
  })

  it.each([
    'at+jwt',
    'AT+JWT',
    'application/at+jwt',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'kb+jwt',
    'client-authentication+jwt',
    'oauth-id-jag+jwt',
    'OAuth-ID-JAG+JWT',
    'application/oauth-id-jag+jwt',
    'oauth-authz-req+jwt',
    'token-introspection+jwt',
    'oauth-client-attestation+jwt',
    'oauth-client-attestation-pop+jwt',
    'entity-statement+jwt',
    'trust-mark+jwt',
    'trust-mark-delegation+jwt',
    'resolve-response+jwt',
    'jwk-set+jwt',
    'sd-jwt',
    'dc+sd-jwt',
    'vc+sd-jwt',
    'vc+jwt',
    'vp+jwt',
    'vc+ld+jwt',
    'provided-claims+jwt',
    'statuslist+jwt',
    'wit+jwt',
    'wpt+jwt',
    'txntoken+jwt',
    'txn_token',
    'openid4vci-proof+jwt',
    'gnap-binding-jws',
    'passport',
    'eat+jwt',
    '',
  ])('never accept the foreign type %j', (type) => {
    expect(providerProblemsOf({ types: [type] })).toEqual([
      'identityProviders[0].types[0]: a `typ` that means an assertion and nothing else',
    ])
  })

  it.each(['authorization-grant+jwt', 'sa+jwt', 'jose', 'sd-jwt-like', 'my+jwt', 'at+jwts'])(
    'accept the type %j, which means nothing else',
    (type) => {
      expect(checkProvider({ types: [type] }).identityProviders[0]?.types).toEqual(new Set(['jwt', type]))
    },
  )

  it('accept further types and audiences beside their own', () => {
    const [provider] = checkProvider({
      types: ['application/Assertion+JWT'],
      alias: 'us',
      audiences: ['old us'],
    }).identityProviders
    expect(provider).toMatchObject({
      alias: 'us',
      audiences: new Set(['us', 'old us']),
      types: new Set(['jwt', 'assertion+jwt']),
    })
  })

  it.each(['scopes', 'algorithms', 'lifetime', 'maxBeyondAssertion', 'replay', 'network', 'enabled'])(
    'are not bounded by %s that is undefined, as by a variable that is not set',
    (option) => {
      const provider = { name: IDP.name, jwksUri: IDP.jwksUri, allowedSubjects: 'any', [option]: undefined }
      expect(problemsOf({ identityProviders: [provider] })).toEqual([
        `identityProviders[0].${option}: got undefined; set a value or leave the option out`,
      ])
    },
  )

  it('must say who is accepted, or what that obtains', () => {
    const bare = { name: IDP.name, jwksUri: IDP.jwksUri }
    const problem =
      /^identityProviders\[0\]: nothing restricts who is accepted; set `allowedSubjects` to the accepted subjects, or to "any" for everyone/
    expect(problemsOf({ identityProviders: [bare] })).toEqual([expect.stringMatching(problem)])
    expect(problemsOf({ identityProviders: [{ ...bare, lifetime: 60 }] })).toEqual([expect.stringMatching(problem)])
    expect(problemsOf({ identityProviders: [{ ...bare, scopes: undefined }] })).toEqual([
      'identityProviders[0].scopes: got undefined; set a value or leave the option out',
    ])
    const groupsToScopes = { admins: ['a'] }
    for (const said of [
      ...[{ allowedSubjects: 'any' }, { allowedSubjects: ['a'] }, { requiredClaims: { a: 1 } }, { check: () => true }],
      ...[{ scopes: [] }, { bindings: [{ name: 'a' }] }, { groupsToScopes }],
    ]) {
      expect(problemsOf({ identityProviders: [{ ...bare, ...said }] })).toEqual([])
    }
  })

  it('are bounded in scopes that are well formed', () => {
    expect(checkProvider({ scopes: [] }).identityProviders[0]?.scopes).toEqual(new Set())
    expect(providerProblemsOf({ scopes: ['a b'] })).toEqual([
      'identityProviders[0].scopes[0]: a scope token (RFC 6749 §3.3)',
    ])
    expect(providerProblemsOf({ scopes: 'a' })).toEqual([
      'identityProviders[0].scopes: an array of strings, each a scope token (RFC 6749 §3.3)',
    ])
  })
})

describe('the keys of an identity provider', () => {
  const { name, allowedSubjects } = IDP
  const keysOf = (options: Options, enable = true) =>
    check({ identityProviders: [{ name, allowedSubjects, ...options }], jwksEndpoint: { enable } }).identityProviders[0]
      ?.keys
  const keyProblemsOf = (options: Options, enable = true) =>
    problemsOf({ identityProviders: [{ name, allowedSubjects, ...options }], jwksEndpoint: { enable } })

  it('come from one place', () => {
    expect(keyProblemsOf({})).toEqual([
      'identityProviders[0]: has no keys; set one of `jwksUri`, `discovery`, `certificates`, `jwks`',
    ])
    expect(keysOf({ jwksUri: IDP.jwksUri })).toEqual({
      jwksUri: IDP.jwksUri,
      metadataOf: undefined,
      connection: DIRECT_CONNECTION,
    })
    expect(keysOf({ certificates: [RSA_CERTIFICATE] })).toHaveProperty('certificates.length', 1)
    expect(keysOf({ jwks: { keys: [publicJwk] } })).toHaveProperty('keySet.kids', ['k'])
    expect(keyProblemsOf({ certificates: [RSA_CERTIFICATE], jwks: { keys: [publicJwk] } })).toEqual([
      'identityProviders[0].jwks: set `jwks` or `certificates`, not both',
    ])
  })

  it.each<[unknown, string | undefined]>([
    [true, `${IDP.name}/.well-known/openid-configuration`],
    ['https://elsewhere.example.com/metadata', 'https://elsewhere.example.com/metadata'],
    [false, undefined],
  ])('come from where metadata say with discovery: %j', (discovery, jwksUri) => {
    if (jwksUri === undefined) expect(keyProblemsOf({ discovery })).toHaveLength(1)
    else expect(keysOf({ discovery })).toEqual({ jwksUri, metadataOf: IDP.name, connection: DIRECT_CONNECTION })
  })

  it.each<[string, Options, string]>([
    ['beside a jwksUri', { discovery: true, jwksUri: IDP.jwksUri }, 'set `discovery` or `jwksUri`, not both'],
    [
      'at an address without TLS',
      { discovery: 'http://idp.example.com' },
      'true, false, or the https URL of its metadata (http only on loopback, or with `allowInsecureHttp: true`)',
    ],
    [
      'by a number',
      { discovery: 1 },
      'true, false, or the https URL of its metadata (http only on loopback, or with `allowInsecureHttp: true`)',
    ],
    [
      'by null',
      { discovery: null },
      'true, false, or the https URL of its metadata (http only on loopback, or with `allowInsecureHttp: true`)',
    ],
  ])('are not discovered %s', (_, options, wanted) => {
    expect(keyProblemsOf(options)).toContain(`identityProviders[0].discovery: ${wanted}`)
  })

  it.each([
    ['that is no URL', 'idp'],
    ['without TLS', 'http://idp.example.com'],
    ['with a query', 'https://idp.example.com?a'],
  ])('are not discovered of a name %s', (_, name) => {
    expect(keyProblemsOf({ discovery: true, name })).toEqual([
      'identityProviders[0].name: an https URL without query (http only on loopback, or with `allowInsecureHttp: true`), because of `discovery: true`. Or set `discovery` to the URL of its metadata',
    ])
  })

  it('come from certificates beside an endpoint only when endpoints are off', () => {
    const both = { jwksUri: IDP.jwksUri, certificates: [RSA_CERTIFICATE] }
    expect(keysOf(both)).toEqual({ jwksUri: IDP.jwksUri, metadataOf: undefined, connection: DIRECT_CONNECTION })
    expect(keysOf(both, false)).toHaveProperty('certificates.length', 1)
  })

  it('cannot come from an endpoint when endpoints are off', () => {
    expect(keyProblemsOf({ jwksUri: IDP.jwksUri }, false)).toEqual([
      'identityProviders[0].jwksUri: `jwksEndpoint.enable` is false; set `certificates` or `jwks`, or `enabled: false`',
    ])
    expect(keysOf({ jwksUri: IDP.jwksUri, enabled: false }, false)).toBeUndefined()
    expect(keysOf({ jwks: { keys: [publicJwk] } }, false)).toHaveProperty('keySet')
  })

  it('come in one way for all that have one alias and one endpoint, because one client fetches them', () => {
    const first = { name: 'https://one.example.com', allowedSubjects: 'any', jwksUri: IDP.jwksUri }
    const second = { name: 'https://two.example.com', allowedSubjects: 'any', jwksUri: IDP.jwksUri }
    const problemsWith = (options: Options) =>
      problemsOf({ subject: 'raw', identityProviders: [first, { ...second, ...options }] })
    const wanted =
      'another entry with this `alias` and `jwksUri` connects or reads keys differently; give both the same connection options, or change the alias of one'
    expect(problemsWith({ x5cOnlyKeys: true })).toEqual([`identityProviders[1].jwksUri: ${wanted}`])
    expect(problemsWith({ keyUses: ['jwt-svid'] })).toEqual([`identityProviders[1].jwksUri: ${wanted}`])
    expect(problemsWith({ x5cOnlyKeys: false, keyUses: [] })).toEqual([])
    expect(problemsWith({ network: 'public' })).toEqual([`identityProviders[1].jwksUri: ${wanted}`])
    expect(problemsWith({ allowInsecureHttp: true })).toEqual([`identityProviders[1].jwksUri: ${wanted}`])
    expect(problemsWith({ headers: { authorization: 'Bearer s3cret' } })).toEqual([
      `identityProviders[1].jwksUri: ${wanted}`,
    ])
    expect(problemsWith({})).toEqual([])
    expect(problemsWith({ network: 'public', alias: 'another' })).toEqual([])
    expect(problemsWith({ network: 'public', jwksUri: `${IDP.jwksUri}?other` })).toEqual([])
  })

  it('are not needed while it is disabled', () => expect(keysOf({ enabled: false })).toBeUndefined())

  it.each([
    'http://idp.example.com/keys',
    'https://u:p@idp.example.com/keys',
    'https://idp.example.com/keys#a',
    'file:///keys',
    '/keys',
    '',
    7,
  ])('do not come from %j', (jwksUri) => {
    expect(keyProblemsOf({ jwksUri })).toEqual([
      'identityProviders[0].jwksUri: an https URL without user info or fragment (http only on loopback, or with `allowInsecureHttp: true`)',
    ])
  })

  it.each<[string, Options]>([
    ['a jwksUri', { jwksUri: 'http://keycloak:8080/keys' }],
    ['an address', { jwksUri: 'http://192.0.2.7/keys' }],
    ['metadata', { discovery: 'http://keycloak:8080/metadata' }],
    ['the metadata of a name', { discovery: true, name: 'http://keycloak:8080/realms/r' }],
  ])('come by http from another host only where that is allowed: %s', (_, options) => {
    expect(keysOf({ ...options, allowInsecureHttp: true })).toMatchObject({ connection: { allowInsecureHttp: true } })
    for (const allowInsecureHttp of [false, undefined]) {
      expect(keyProblemsOf({ ...options, allowInsecureHttp }).join()).toContain('http only on loopback, or with')
    }
    expect(keyProblemsOf({ ...options, allowInsecureHttp: 'true' })).toContain(
      'identityProviders[0].allowInsecureHttp: true or false',
    )
  })

  it.each([
    'http://u:p@keycloak/keys',
    'http://keycloak/keys#a',
    'ftp://keycloak/keys',
    'http:keycloak',
    'http://',
    'http://169.254.169.254/keys',
  ])('do not come from %j where http is allowed', (jwksUri) => {
    expect(keyProblemsOf({ jwksUri, allowInsecureHttp: true })).toHaveLength(1)
  })

  it('do not come by http from another host for one that allows it beside one that does not', () => {
    const plain = { jwksUri: 'http://keycloak/keys', allowedSubjects: 'any' }
    const allowed = { ...plain, name: 'https://one.example.com', allowInsecureHttp: true }
    const others = [allowed, { ...plain, name: 'https://two.example.com' }]
    expect(problemsOf({ subject: 'raw', identityProviders: others }).join()).toContain('identityProviders[1].jwksUri')
  })

  it('allow nobody to be named by http for anything but keys', () => {
    const jwksUri = 'http://keycloak/keys'
    const issuer = 'http://api.internal/oauth2'
    const allowed = { identityProviders: [{ ...IDP, jwksUri, allowInsecureHttp: true }] }
    expect(problemsOf({ ...allowed, issuer }).join()).toContain('issuer: an https URL')
    expect(problemsOf({ ...allowed, tokenEndpoint: `${issuer}/token` }).join()).toContain('tokenEndpoint: an https URL')
  })

  it('do not come by http through a proxy, which is asked for a tunnel', () => {
    const options = { jwksUri: 'http://keycloak/keys', allowInsecureHttp: true, proxy: 'http://proxy.example.com:3128' }
    expect(keyProblemsOf(options)).toEqual([
      'identityProviders[0].proxy: the tunnel through a proxy requires https; use an https URL, or remove this option',
    ])
  })

  it.each(['http://localhost:8080/keys', 'http://127.0.0.1:8080/keys', 'http://[::1]/keys'])(
    'may come from loopback: %s',
    (jwksUri) => {
      expect(keysOf({ jwksUri })).toEqual({ jwksUri, connection: DIRECT_CONNECTION })
    },
  )

  it('come from ten certificates at most, all of them readable', () => {
    expect(keysOf({ certificates: [RSA_CERTIFICATE.repeat(5), EC_CERTIFICATE.repeat(5)] })).toHaveProperty(
      'certificates.length',
      10,
    )
    expect(keyProblemsOf({ certificates: [RSA_CERTIFICATE.repeat(11)] })).toContain(
      'identityProviders[0].certificates: at most 10',
    )
    expect(keyProblemsOf({ certificates: [] })).toContainEqual(
      expect.stringMatching(/certificates: an array of at least one string, each PEM text/),
    )
    for (const spoiled of ['idp.pem', RSA_CERTIFICATE_KEY, RSA_CERTIFICATE.replace('MII', 'AAA')]) {
      expect(keyProblemsOf({ certificates: [EC_CERTIFICATE, spoiled] })).toEqual([
        expect.stringMatching(/^identityProviders\[0\]\.certificates\[1\]: PEM text of X\.509 certificates/),
      ])
    }
  })

  it.each<[string, unknown, string]>([
    ['a private key', { keys: [publicJwk, privateJwk] }, 'public signature keys only'],
    ['a symmetric key', { keys: [publicJwk, { kty: 'oct', k: 'AA' }] }, 'public signature keys only'],
    ['no usable key', { keys: [{ ...publicJwk, use: 'enc' }] }, 'public signature keys only'],
    ['no key', { keys: [] }, 'at least one key'],
    [
      'an array',
      [publicJwk],
      'a JWK set: { keys: [...] }; it is a bare array of keys: they must be in { "keys": [...] }',
    ],
    ['JSON', JSON.stringify({ keys: [publicJwk] }), 'a JWK set: { keys: [...] }; parse the text with JSON.parse'],
    ['a key', publicJwk, 'a JWK set: { keys: [...] }; it is a single key (JWK): it must be in { "keys": [...] }'],
    [
      'a map of kids to PEM text',
      { a: '-----BEGIN PUBLIC KEY-----' },
      'a JWK set: { keys: [...] }; it is a map of kids to PEM text: use the URL of the JWK set',
    ],
    ['null', null, 'a JWK set: { keys: [...] }'],
  ])('do not come from a fixed set that is or has %s', (_, jwks, wanted) => {
    expect(keyProblemsOf({ jwks })).toEqual([`identityProviders[0].jwks: ${wanted}`])
  })

  it('are read strictly unless x5cOnlyKeys or keyUses say otherwise', () => {
    const readingOf = (options: Options) =>
      (keysOf({ jwksUri: IDP.jwksUri, ...options }) as { reading?: unknown }).reading
    for (const options of [{}, { x5cOnlyKeys: false }, { keyUses: [] }]) expect(readingOf(options)).toBeUndefined()
    for (const key of ['x5cOnlyKeys', 'keyUses'])
      expect(keyProblemsOf({ jwksUri: IDP.jwksUri, [key]: undefined })).toEqual([expect.stringContaining(key)])
    expect(readingOf({ x5cOnlyKeys: true })).toEqual({ x5cOnlyKeys: true, keyUses: [] })
    expect(readingOf({ keyUses: ['jwt-svid', 'jwt-svid'] })).toEqual({ x5cOnlyKeys: false, keyUses: ['jwt-svid'] })
  })

  it.each([null, 'true', 1, [], {}])('are not read by x5cOnlyKeys: %j', (x5cOnlyKeys) => {
    expect(keyProblemsOf({ jwksUri: IDP.jwksUri, x5cOnlyKeys })).toEqual([
      'identityProviders[0].x5cOnlyKeys: true or false',
    ])
  })

  it.each([['enc'], ['sig'], ['x509-svid'], ['JWT-SVID'], [''], [null], ['jwt-svid', 'enc'], [['jwt-svid']]])(
    'are not read by keyUses: [%j, %j]',
    (...keyUses) => {
      expect(keyProblemsOf({ jwksUri: IDP.jwksUri, keyUses })).toEqual([
        `identityProviders[0].keyUses[${keyUses.length - 1}]: "jwt-svid"`,
      ])
    },
  )

  it.each([null, 'jwt-svid', true, { 0: 'jwt-svid' }])('are not read by keyUses: %j', (keyUses) => {
    expect(keyProblemsOf({ jwksUri: IDP.jwksUri, keyUses })).toEqual([
      'identityProviders[0].keyUses: an array of strings, each "jwt-svid"',
    ])
  })

  it('of a fixed set are read by x5cOnlyKeys and keyUses', () => {
    const x5c = [new X509Certificate(RSA_CERTIFICATE).raw.toString('base64')]
    const jwks = { keys: [publicJwk, { x5c, kid: 'x5c' }, { ...publicJwk, kid: 'svid', use: 'jwt-svid' }] }
    expect(keysOf({ jwks })).toHaveProperty('keySet.kids', ['k'])
    expect(keysOf({ jwks, x5cOnlyKeys: true })).toHaveProperty('keySet.kids', ['k', 'x5c'])
    expect(keysOf({ jwks, keyUses: ['jwt-svid'] })).toHaveProperty('keySet.kids', ['k', 'svid'])
  })

  it('of a fixed set are all used: more than maxKeys are refused, and none is left out in silence', () => {
    const jwks = { keys: Array.from({ length: 11 }, (_, index) => ({ ...publicJwk, kid: `${index}` })) }
    const identityProviders = [{ name, allowedSubjects, jwks }]
    expect(problemsOf({ identityProviders, jwksEndpoint: { maxKeys: 10 } })).toEqual([
      'identityProviders[0].jwks: at most 10; to use more, raise `jwksEndpoint.maxKeys`',
    ])
    expect(problemsOf({ identityProviders, jwksEndpoint: { maxKeys: 11 } })).toEqual([])
    expect(keysOf({ jwks })).toHaveProperty('keySet.kids.length', 11)
  })

  it('come from a fixed set beside keys that are for something else', () => {
    expect(keysOf({ jwks: { keys: [publicJwk, { ...publicJwk, kid: 'e', use: 'enc' }] } })).toHaveProperty(
      'keySet.kids',
      ['k'],
    )
  })
})

describe('the clients', () => {
  it('are listed or looked up, and not both', () => {
    const wanted = ['clients: set `clients` or `findClient`, not both']
    const { clients: _, ...others } = BASE
    const findClient = () => undefined
    expect(() => check({}, others)).toThrow('clients: missing; set `clients` or `findClient`')
    expect(problemsOf({ findClient })).toEqual(wanted)
    expect(check({ findClient }, others)).toMatchObject({ clients: [], findClient })
    expect(() => check({ findClient: 'app' }, others)).toThrow('findClient: got "app"; expected a function')
    expect(problemsOf({ clients: undefined, findClient })).toEqual([
      'clients: got undefined; set a value or leave the option out',
    ])
  })

  it('have ids that differ, exactly', () => {
    expect(problemsOf({ clients: [CLIENT, { ...CLIENT, clientId: 'App' }, CLIENT] })).toEqual([
      'clients[2].clientId: entry 1 has the same `clientId`; choose another one',
    ])
  })

  it('name identity providers that there are', () => {
    expect(check({ clients: [{ ...CLIENT, identityProviders: [IDP.name] }] }).clients[0]?.identityProviders).toEqual(
      new Set([IDP.name]),
    )
    expect(problemsOf({ clients: [{ ...CLIENT, identityProviders: [IDP.name, `${IDP.name}/`] }] })).toEqual([
      'clients[0].identityProviders: the `id` of registered identity providers, or the `name` if they have no `id`',
    ])
  })
})

describe('the replay store and the clock', () => {
  it('are what they must be able to do', () => {
    const store = { markUsed: () => true }
    const clock = new AdjustableClock()
    expect(check({ replay: { store }, clock })).toMatchObject({ replay: { store }, clock })
    for (const other of ['redis', null, {}, { markUsed: true }, () => true]) {
      expect(problemsOf({ replay: { store: other } })).toEqual([
        'replay.store: a replay store: an object with the function `markUsed`',
      ])
    }
    for (const isShared of ['no', null, 0]) {
      expect(problemsOf({ replay: { store: { ...store, isShared } } })).toEqual([
        'replay.store: true or false, or a store without this member',
      ])
    }
    for (const member of ['fillLevel', 'findRisk']) {
      expect(problemsOf({ replay: { store: { ...store, [member]: 0.5 } } })).toEqual([
        'replay.store: a function, or a store without this member',
      ])
    }
    for (const said of [{ isShared: false }, { isShared: undefined }, { fillLevel: () => 0 }]) {
      expect(problemsOf({ replay: { store: { ...store, ...said } } })).toEqual([])
    }
    for (const other of [{}, { now: () => 0 }, { now: 0, monotonic: 0 }, 7]) {
      expect(problemsOf({ clock: other })).toEqual([
        'clock: an object with the functions now() in seconds and monotonic() in milliseconds',
      ])
    }
  })
})
