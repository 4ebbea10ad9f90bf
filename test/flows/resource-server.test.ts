import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createResourceServer, type ResourceServerOptions } from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { FakeIdentityProvider, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { AUDIENCE } from '../support/exchange-host.js'
import { type ResourceServerHost, startResourceServerHost } from '../support/resource-server-host.js'

const ISSUER = 'https://auth.example.com/oauth2'
const NOW = Math.floor(Date.now() / 1000)
/** By every clock of the tests. */
const LATER = 1_820_000_000

function problemsOf(options: unknown): string[] {
  try {
    createResourceServer(options as ResourceServerOptions).close()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ path, code }) => `${path.join('.')} ${code}`)
  }
}

describe('createResourceServer refuses', () => {
  const good = { issuer: ISSUER, audience: AUDIENCE }
  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, [' wrong_type', 'audience missing', 'issuer missing']],
    ['no audience', { issuer: ISSUER }, ['audience missing']],
    ['no issuer', { audience: AUDIENCE }, ['issuer missing']],
    ['an empty list of audiences', { ...good, audience: [] }, ['audience out_of_bounds']],
    ['an audience that is no text', { ...good, audience: [7] }, ['audience.0 wrong_type']],
    ['an issuer that is undefined', { ...good, issuer: undefined }, ['issuer missing']],
    ['a pattern as the issuer', { ...good, issuer: 'https://*.example.com' }, ['issuer invalid']],
    ['an http issuer', { ...good, issuer: 'http://auth.example.com' }, ['issuer invalid']],
    ['a misspelled option', { ...good, algorithm: ['RS256'] }, ['algorithm unknown_option']],
    ['a symmetric algorithm', { ...good, algorithms: ['HS256'] }, ['algorithms.0 invalid']],
    ['no algorithm', { ...good, algorithms: [] }, ['algorithms out_of_bounds']],
    ['no type', { ...good, types: [] }, ['types out_of_bounds']],
    [
      'the type of another token',
      { ...good, types: ['dpop+jwt', 'logout+jwt'] },
      ['types.0 invalid', 'types.1 invalid'],
    ],
    ['a replay protection', { ...good, replay: 'once' }, ['replay unknown_option']],
    ['scope claims with a pattern', { ...good, scopeClaims: ['sc*'] }, ['scopeClaims.0 invalid']],
    ['a list and an issuer', { ...good, issuers: [good] }, ['audience unknown_option', 'issuers conflict']],
    ['an empty list', { issuers: [] }, ['issuers out_of_bounds']],
    ['one issuer twice', { issuers: [good, good], subject: 'raw' }, ['issuers.1.issuer not_unique']],
    [
      'two issuers without a rule for their subjects',
      { issuers: [good, { ...good, issuer: 'https://other.example.com' }] },
      ['subject missing'],
    ],
    [
      'the id of another issuer',
      { issuers: [good, { ...good, issuer: 'https://other.example.com', id: ISSUER }], subject: 'raw' },
      ['issuers.1.id not_unique'],
    ],
    ['tenants', { ...good, tenants: ['acme'] }, ['issuer invalid', 'tenants conflict']],
    ['a token endpoint', { ...good, clients: [] }, ['clients unknown_option']],
  ])('%s', (_, options, problems) => {
    expect(problemsOf(options).sort()).toEqual(problems)
  })
})

describe('a resource server with an issuer', () => {
  let host: ResourceServerHost
  const clock = new AdjustableClock()
  beforeAll(async () => {
    host = await startResourceServerHost({}, { clock })
  })
  afterAll(() => host.close())

  async function refusal(token: Promise<string> | string): Promise<[number, string | undefined]> {
    const { status, body, challenge } = await host.get('/', await token)
    expect(challenge).toMatch(/^Bearer realm="https:\/\/api\.example\.com", error="invalid_token"/)
    expect(body.error).toBe('invalid_token')
    return [status, host.lastReason()]
  }

  const token = (claims = {}, header = {}) => {
    const now = Math.floor(clock.now())
    return host.issuer.issueAccessToken({ iat: now, exp: now + 300, ...claims }, header)
  }

  it('answers a request without a token with a challenge that names no error', async () => {
    expect(await host.get('/')).toMatchObject({ status: 401, challenge: `Bearer realm="${AUDIENCE}"`, body: {} })
  })

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['of another issuer', { iss: 'https://evil.example.com' }, {}, 'unknown_issuer'],
    ['with a slash more in its issuer', { iss: 'http://127.0.0.1/' }, {}, 'unknown_issuer'],
    ['without an issuer', { iss: undefined }, {}, 'unknown_issuer'],
    ['with an issuer that is a list', { iss: ['https://evil.example.com'] }, {}, 'unknown_issuer'],
    ['for another audience', { aud: 'https://other.example.com' }, {}, 'wrong_audience'],
    ['without an audience', { aud: undefined }, {}, 'invalid_audience'],
    ['that has expired', { exp: NOW - 3600 }, {}, 'expired'],
    ['without an expiry', { exp: undefined }, {}, 'invalid_expiry'],
    ['that is valid later', { nbf: LATER }, {}, 'not_yet_valid'],
    ['that was issued in the future', { iat: LATER, exp: LATER + 100 }, {}, 'issued_in_future'],
    ['without a subject', { sub: undefined }, {}, 'invalid_subject'],
    ['of the type JWT', {}, { typ: 'JWT' }, 'type_not_allowed'],
    ['without a type', {}, { typ: undefined }, 'type_not_allowed'],
    ['that is a logout token', {}, { typ: 'logout+jwt' }, 'type_not_allowed'],
    ['with an unknown key', {}, { kid: 'unknown' }, 'unknown_key'],
    ['with the algorithm none', {}, { alg: 'none' }, 'algorithm_not_allowed'],
    ['with an algorithm of another key', {}, { alg: 'ES384' }, 'unknown_key'],
    ['bound to a key', { cnf: { jkt: 'x' } }, {}, 'unconfirmed_key'],
    ['of a delegate', { act: { sub: 'mallory' } }, {}, 'unsupported_delegation'],
    ['with a scope that is a number', { scope: 7 }, {}, 'invalid_claim'],
    ['with a client that is an object', { client_id: { id: 'app' } }, {}, 'invalid_claim'],
  ])('refuses a token %s', async (_, claims, header, reason) => {
    expect(await refusal(token(claims, header))).toEqual([401, reason])
  })

  it('refuses a token that another key has signed, under the name of a known one', async () => {
    const { kid } = host.issuer.signingKey.publicJwk
    const other = await generateFakeKey('ES256', String(kid))
    const [, payload = ''] = (await token()).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    expect(await refusal(signAssertion(other, { alg: 'ES256', kid, typ: 'at+jwt' }, claims))).toEqual([
      401,
      'bad_signature',
    ])
  })

  it('accepts a token any number of times, and gives its claims', async () => {
    const good = await token({ scope: 'orders:read openid', jti: 'id-1' })
    for (let use = 0; use < 4; use += 1) {
      const { status, body } = await host.get('/orders', good)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        sub: 'alice',
        clientId: 'app',
        scopes: ['orders:read', 'openid'],
        identityProvider: host.issuer.name,
        issuer: host.issuer.name,
        audience: [AUDIENCE],
        tokenId: 'id-1',
      })
    }
  })

  it('asks for the scopes that are missing with 403', async () => {
    const { status, challenge } = await host.get('/orders', await token({ scope: 'openid' }))
    expect([status, challenge]).toEqual([403, expect.stringContaining('scope="orders:read"')])
  })

  it('refuses a remembered token from the second on in which it expires', async () => {
    const short = await token({ exp: clock.now() + 100 })
    for (let use = 0; use < 3; use += 1) expect((await host.get('/', short)).status).toBe(200)
    clock.advance(159)
    expect((await host.get('/', short)).status).toBe(200)
    clock.advance(2)
    expect(await refusal(short)).toEqual([401, 'expired'])
  })

  it('reads the scopes of Okta, and a client that is named otherwise', async () => {
    const ofOkta = await token({ scope: undefined, scp: ['orders:read'], client_id: undefined, cid: 'okta-app' })
    expect((await host.get('/orders', ofOkta)).body).toMatchObject({ scopes: ['orders:read'], clientId: 'okta-app' })
  })

  it('lists the issuer and its keys for operators', () => {
    expect(host.resourceServer.stats()).toMatchObject({
      identityProviders: [{ id: host.issuer.name, alias: AUDIENCE, enabled: true, state: 'ok' }],
      config: { revision: 1 },
    })
  })
})

describe('a key that signed a remembered token', () => {
  it('is no longer accepted once the issuer has withdrawn it and its key set was fetched', async () => {
    const clock = new AdjustableClock()
    const host = await startResourceServerHost({}, { clock })
    try {
      const now = Math.floor(clock.now())
      const token = await host.issuer.issueAccessToken({ iat: now, exp: now + 3000 })
      for (let use = 0; use < 3; use += 1) expect((await host.get('/', token)).status).toBe(200)
      const { kid } = host.issuer.signingKey.publicJwk
      await host.issuer.rotate()
      host.issuer.withdraw(String(kid))
      const newer = await host.issuer.issueAccessToken({ iat: now, exp: now + 3000 })
      expect((await host.get('/', newer)).status).toBe(200) // An unknown kid: the key set is fetched.
      expect([(await host.get('/', token)).status, host.lastReason()]).toEqual([401, 'unknown_key'])
    } finally {
      await host.close()
    }
  })
})

describe('an issuer that does not answer', () => {
  it('is 503 with Retry-After before its keys are known, and nothing that a good token would show afterwards', async () => {
    const host = await startResourceServerHost()
    try {
      await host.issuer.fault('error')
      const token = await host.issuer.issueAccessToken()
      const response = await fetch(host.url, { headers: { Authorization: `Bearer ${token}` } })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
      expect(host.lastReason()).toBe('jwks_unavailable')
      await expect(host.resourceServer.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
      await expect(host.resourceServer.ready({ failFast: true })).rejects.toMatchObject({ reason: 'jwks_unavailable' })
    } finally {
      await host.close()
    }
  })
})

describe('tokens without the type at+jwt', () => {
  let host: ResourceServerHost
  const CLIENT_ID = 'the-client'
  beforeAll(async () => {
    host = await startResourceServerHost({
      audience: [AUDIENCE, CLIENT_ID],
      types: ['JWT', 'none'],
      scopeClaims: ['scope', 'permissions', 'realm_access.roles'],
    })
  })
  afterAll(() => host.close())

  const ID_TOKEN = { aud: CLIENT_ID, client_id: undefined, auth_time: NOW, email: 'alice@example.com' }

  it.each<[string, Record<string, unknown>]>([
    ['with a nonce', { nonce: 'n' }],
    ['with at_hash', { at_hash: 'h' }],
    ['with a nonce and the scopes of the login', { nonce: 'n', scope: 'openid' }],
    ['with at_hash and a client', { at_hash: 'h', client_id: CLIENT_ID }],
    ['with c_hash', { c_hash: 'h', azp: 'other' }],
    ['with nothing but the claims of a person', {}],
    ['with an azp that is its audience', { azp: CLIENT_ID }],
    ['of Keycloak', { typ: 'ID', azp: CLIENT_ID, scope: 'openid' }],
    ['that is a refresh token of Keycloak', { typ: 'Refresh', azp: 'app', scope: 'openid' }],
    ['of Cognito', { token_use: 'id', client_id: CLIENT_ID }],
    ['for another party than its audience, as Google issues it', { azp: 'mobile-app' }],
    ['with roles and permissions', { permissions: ['orders:read'], realm_access: { roles: ['orders:read'] } }],
    ['that is a refresh token of Spring', { ati: 'id-of-the-access-token', client_id: 'app', scope: ['read'] }],
    ['that is a refresh token by token_type', { token_type: 'refresh', client_id: 'app', scope: 'read' }],
  ])('are refused for an ID token %s', async (_, claims) => {
    for (const typ of ['JWT', undefined]) {
      const token = await host.issuer.issueAccessToken({ ...ID_TOKEN, ...claims }, { typ })
      expect([(await host.get('/', token)).status, host.lastReason()]).toEqual([401, 'wrong_token_kind'])
    }
  })

  it('are refused with the type at+jwt, which was not named', async () => {
    const token = await host.issuer.issueAccessToken()
    expect([(await host.get('/', token)).status, host.lastReason()]).toEqual([401, 'type_not_allowed'])
  })

  it.each<[string, Record<string, unknown>, string[]]>([
    [
      'Auth0',
      { client_id: undefined, azp: 'app', permissions: ['orders:read'], scope: 'openid' },
      ['openid', 'orders:read'],
    ],
    ['Keycloak', { typ: 'Bearer', azp: 'app', nonce: 'n', realm_access: { roles: ['orders:read'] } }, ['orders:read']],
    ['Cognito', { token_use: 'access', client_id: 'app', scope: 'orders:read' }, ['orders:read']],
    ['a machine of Auth0', { client_id: undefined, azp: 'app', gty: 'client-credentials' }, []],
  ])('are accepted for an access token of %s', async (_, claims, scopes) => {
    for (const typ of ['JWT', undefined]) {
      const { status, body } = await host.get('/', await host.issuer.issueAccessToken(claims, { typ }))
      expect([status, body.scopes, body.clientId]).toEqual([200, scopes, 'app'])
    }
  })
})

describe('two issuers', () => {
  it('accept each its own tokens, and no token in the name of the other', async () => {
    const other = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const host = await startResourceServerHost()
    const named = { issuer: host.issuer.name, id: 'first', audience: AUDIENCE, scopes: ['orders:read'] }
    host.resourceServer.reconfigure({
      issuers: [named, { issuer: other.name, audience: AUDIENCE, allowedSubjects: ['service-*'] }],
      subject: 'namespaced',
    })
    try {
      const ofFirst = await host.issuer.issueAccessToken({ scope: 'orders:read admin' })
      expect((await host.get('/', ofFirst)).body).toMatchObject({
        sub: 'first|alice',
        identityProvider: 'first',
        scopes: ['orders:read'],
      })
      const ofOther = await other.issueAccessToken({ sub: 'service-1' })
      expect((await host.get('/', ofOther)).body.sub).toBe(`${other.name}|service-1`)
      expect([(await host.get('/', await other.issueAccessToken())).status, host.lastReason()]).toEqual([
        401,
        'subject_not_allowed',
      ])
      const forged = await other.issueAccessToken(
        { iss: host.issuer.name },
        { kid: host.issuer.signingKey.publicJwk.kid },
      )
      expect([(await host.get('/', forged)).status, host.lastReason()]).toEqual([401, 'bad_signature'])
    } finally {
      await host.close()
      await other.close()
    }
  })
})

describe('new options', () => {
  it('change what is accepted at once, also for remembered tokens, and refused ones change nothing', async () => {
    const host = await startResourceServerHost()
    try {
      const token = await host.issuer.issueAccessToken()
      for (let use = 0; use < 3; use += 1) expect((await host.get('/', token)).status).toBe(200)
      expect(() => host.resourceServer.reconfigure({ issuer: host.issuer.name } as ResourceServerOptions)).toThrow(
        /audience/,
      )
      expect((await host.get('/', token)).status).toBe(200)
      const { name } = host.issuer
      host.resourceServer.reconfigure({ issuer: name, audience: AUDIENCE, requiredClaims: { tier: 'gold' } })
      expect([(await host.get('/', token)).status, host.lastReason()]).toEqual([401, 'claim_not_allowed'])
      host.resourceServer.reconfigure({ issuer: name, audience: AUDIENCE, enabled: false })
      expect([(await host.get('/', token)).status, host.lastReason()]).toEqual([401, 'identity_provider_disabled'])
      const other = { issuer: name, audience: AUDIENCE, clock: new AdjustableClock() }
      expect(() => host.resourceServer.reconfigure(other)).toThrow(/clock/)
    } finally {
      await host.close()
    }
  })
})

describe('discovery', () => {
  it('finds the keys of an issuer that has only the metadata of OAuth', async () => {
    const { startExchangeHost } = await import('../support/exchange-host.js')
    const { default: express } = await import('express')
    const app = express()
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}/oauth2`
    const exchangeHost = await startExchangeHost({ exchange: { issuer, tokenEndpoint: `${issuer}/token` } })
    app.use('/oauth2', exchangeHost.exchange.router).use(exchangeHost.exchange.wellKnown)
    const resourceServer = createResourceServer({ issuer, audience: AUDIENCE })
    try {
      const { body } = await exchangeHost.exchangeAssertion(
        await exchangeHost.idp.issueAssertion({ aud: `${issuer}/token` }),
      )
      const auth = await resourceServer.verifyAccessToken(body.access_token)
      expect(auth).toMatchObject({ sub: 'alice', issuer, clientId: 'app' })
    } finally {
      resourceServer.close()
      await exchangeHost.close()
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('explain', () => {
  let host: ResourceServerHost
  beforeAll(async () => {
    host = await startResourceServerHost({
      allowedSubjects: ['alice'],
      requiredClaims: { tier: 'gold' },
      types: ['JWT'],
    })
  })
  afterAll(() => host.close())

  it('refuses what is no token, and says what a text lacks', async () => {
    await expect(host.resourceServer.explain(7 as unknown as string)).rejects.toMatchObject({ name: 'ConfigError' })
    const { isAccepted, reason, steps } = await host.resourceServer.explain('opaque')
    expect([isAccepted, reason, steps.length]).toEqual([false, 'malformed_jwt', 1])
  })

  it('names the first reason that a route has, and each step that fails', async () => {
    const token = await host.issuer.issueAccessToken(
      { aud: `${AUDIENCE}/`, client_id: undefined, sub: 'mallory', cnf: {}, scope: 7 },
      { typ: 'JWT' },
    )
    const { isAccepted, reason, steps } = await host.resourceServer.explain(token)
    await host.get('/', token)
    expect([isAccepted, reason]).toEqual([false, host.lastReason()])
    const failed = steps.filter(({ outcome }) => outcome === 'failed').map(({ step }) => step)
    expect(failed).toEqual(['aud', 'cnf', 'allowedSubjects', 'claim tier', 'scope'])
    expect(steps.find(({ step }) => step === 'aud')?.hint).toMatch(/a slash at the end/)
  })

  it('says why an ID token is none, and which type is not named', async () => {
    const idToken = await host.issuer.issueAccessToken({ client_id: undefined, tier: 'gold' }, { typ: 'JWT' })
    const { steps } = await host.resourceServer.explain(idToken)
    expect(steps.find(({ step }) => step === 'kind')).toMatchObject({
      outcome: 'failed',
      hint: expect.stringMatching(/accessTokenClaims/),
    })
    const { steps: others } = await host.resourceServer.explain(await host.issuer.issueAccessToken({ tier: 'gold' }))
    expect(others.find(({ step }) => step === 'typ')).toMatchObject({ found: 'at+jwt', expected: 'one of jwt' })
  })

  it('gives what a route gets of a good token', async () => {
    const token = await host.issuer.issueAccessToken({ tier: 'gold', scope: 'a b' }, { typ: 'JWT' })
    const { isAccepted, accessToken } = await host.resourceServer.explain(token)
    expect([isAccepted, accessToken]).toEqual([
      true,
      { sub: 'alice', identityProvider: host.issuer.name, scopes: ['a', 'b'] },
    ])
  })
})

describe('resources of a resource server', () => {
  const IDENTIFIER = 'https://api.example.com/mcp'
  const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource/mcp'
  const one = { issuer: ISSUER, audience: IDENTIFIER }

  it.each<[string, unknown, string[]]>([
    ['a lifetime', [{ identifier: IDENTIFIER, lifetime: 60 }], ['resources.0.lifetime conflict']],
    ['a relative identifier', [{ identifier: '/mcp' }], ['resources.0.identifier invalid']],
    ['no resource', [], ['resources out_of_bounds']],
  ])('are refused with %s', (_, resources, problems) => {
    expect(problemsOf({ ...one, resources })).toEqual(problems)
  })

  it('are published, and named in each challenge', async () => {
    const host = await startResourceServerHost(
      { audience: IDENTIFIER },
      { resources: [{ identifier: IDENTIFIER, scopes: ['orders:read'], name: 'Orders' }] },
    )
    host.app.use(host.resourceServer.wellKnown)
    try {
      const response = await fetch(`${host.url}/.well-known/oauth-protected-resource/mcp`)
      expect(await response.json()).toEqual({
        resource: IDENTIFIER,
        authorization_servers: [host.issuer.name],
        scopes_supported: ['orders:read'],
        bearer_methods_supported: ['header'],
        resource_name: 'Orders',
      })
      expect((await fetch(`${host.url}/.well-known/oauth-protected-resource`)).status).toBe(404)
      const token = await host.issuer.issueAccessToken({ aud: IDENTIFIER })
      for (const each of [undefined, 'forged', token]) {
        const { status, challenge } = await host.get('/orders', each)
        expect([status >= 401, challenge]).toEqual([true, expect.stringContaining(`resource_metadata="${METADATA}"`)])
      }
    } finally {
      await host.close()
    }
  })
})
