import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  type AuthenticatedClient,
  type ConfigError,
  createJwtExchange,
  DependencyUnavailable,
  type Grant,
  type GrantedAccess,
  type GrantTools,
  generateSigningKey,
  OAuthError,
  TokenRejected,
} from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  type ExchangeHostOptions,
  GRANT_TYPE,
  ISSUER,
  startExchangeHost,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'

const TYPE = 'urn:example:grant-type:voucher'
const OTHER_AUDIENCE = 'https://billing.example.com'
const GOOD: GrantedAccess = { subject: 'alice', scopes: ['openid'] }
const OTHER_CLIENT = { clientId: 'other', clientSecret: 'other-secret-of-the-tests', scopes: ['openid'] }

let host: ExchangeHost
afterEach(() => host?.close())

/** A host with a grant that answers like this. */
async function start(
  authorize: (...args: Parameters<Grant['authorize']>) => unknown,
  options: ExchangeHostOptions = {},
) {
  const grant = { grantType: TYPE, authorize } as Grant
  const accessToken = { audience: [AUDIENCE, OTHER_AUDIENCE] }
  const clients = options.exchange?.findClient === undefined ? { clients: [CLIENT, OTHER_CLIENT] } : {}
  host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    ...options,
    exchange: { accessToken, ...clients, grants: [grant], ...options.exchange },
  })
}

const named = (name: string) => Object.assign(new Error('secret'), { name })
const redeem = (parameters: Record<string, string> = {}) => host.post({ grant_type: TYPE, ...parameters })
const lastEvent = () => host.events.at(-1)

describe('a slip in the option grants', () => {
  const authorize = () => GOOD
  const problemsOf = (grants: unknown) => {
    try {
      createJwtExchange({
        issuer: 'https://api.example.com',
        accessToken: { audience: AUDIENCE },
        identityProviders: [{ name: 'https://idp.example.com', discovery: true, scopes: ['openid'] }],
        clients: [CLIENT],
        grants: grants as Grant[],
      }).close()
      return []
    } catch (error) {
      return (error as ConfigError).problems.map(({ path }) => path)
    }
  }

  it.each<[string, unknown, (string | number)[]]>([
    ['not an array', { grantType: TYPE, authorize }, ['grants']],
    ['a member that is not an object', [authorize], ['grants', 0]],
    ['no grant type', [{ authorize }], ['grants', 0, 'grantType']],
    ['an empty grant type', [{ grantType: '', authorize }], ['grants', 0, 'grantType']],
    ['a grant type with a space', [{ grantType: 'urn:a b', authorize }], ['grants', 0, 'grantType']],
    ['a relative URI', [{ grantType: '/voucher', authorize }], ['grants', 0, 'grantType']],
    ['a URI with a fragment', [{ grantType: 'urn:a#b', authorize }], ['grants', 0, 'grantType']],
    ['a grant type that is too long', [{ grantType: `urn:${'a'.repeat(300)}`, authorize }], ['grants', 0, 'grantType']],
    ['the built-in grant type', [{ grantType: GRANT_TYPE, authorize }], ['grants', 0, 'grantType']],
    [
      'a grant type twice',
      [
        { grantType: TYPE, authorize },
        { grantType: TYPE, authorize },
      ],
      ['grants', 1, 'grantType'],
    ],
    ['no function', [{ grantType: TYPE }], ['grants', 0, 'authorize']],
    ['something else for the function', [{ grantType: TYPE, authorize: 'yes' }], ['grants', 0, 'authorize']],
    ['an unknown member', [{ grantType: TYPE, authorize, scopes: [] }], ['grants', 0, 'scopes']],
    [
      'client authentication that may be repeated',
      [{ grantType: TYPE, authorize, repeatableParameters: ['client_secret'] }],
      ['grants', 0, 'repeatableParameters', 0],
    ],
  ])('is a ConfigError at its place: %s', (_, grants, path) => {
    expect(problemsOf(grants)[0]).toEqual(path)
  })

  it.each(['voucher', 'x.y-z_1', TYPE, 'https://example.com/grants/voucher?v=1'])(
    'is not the grant type %s',
    (type) => {
      expect(problemsOf([{ grantType: type, authorize }])).toEqual([])
    },
  )

  it('is the end of its grant type in the grantTypes of a client', () => {
    const create = (grantTypes: string[]) =>
      createJwtExchange({
        issuer: 'https://api.example.com',
        accessToken: { audience: AUDIENCE },
        identityProviders: [{ name: 'https://idp.example.com', discovery: true, scopes: ['openid'] }],
        clients: [{ ...CLIENT, grantTypes }],
        grants: [{ grantType: TYPE, authorize }],
      }).close()
    expect(() => create(['voucher'])).toThrow('clients[0].grantTypes[0]')
    expect(() => create([TYPE])).not.toThrow()
  })
})

describe('the grantTypes of a client that the host looks up', () => {
  it.each([
    [[TYPE], 200],
    [[GRANT_TYPE], 400],
    [['voucher'], 503],
  ])('are read with the grants of the host: %j', async (grantTypes, status) => {
    const findClient = (clientId: string) => (clientId === 'app' ? { ...CLIENT, grantTypes } : undefined)
    const grant: Grant = { grantType: TYPE, authorize: () => GOOD }
    host = await startExchangeHost({ exchange: { grants: [grant], findClient } })
    expect((await redeem()).status).toBe(status)
  })
})

describe('a faulty grant of the host', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'alice'],
    ['an array', [GOOD]],
    ['an empty object', {}],
    ['no subject', { scopes: [] }],
    ['no scopes', { subject: 'alice' }],
    ['an empty subject', { ...GOOD, subject: '' }],
    ['a subject with a line break', { ...GOOD, subject: 'alice\n' }],
    ['a subject that is too long', { ...GOOD, subject: 'a'.repeat(20_000) }],
    ['a number as the subject', { ...GOOD, subject: 7 }],
    ['scopes in a string', { ...GOOD, scopes: 'openid' }],
    ['a malformed scope', { ...GOOD, scopes: ['a b'] }],
    ['scope instead of scopes', { ...GOOD, scope: 'openid' }],
    ['a lifetime of none', { ...GOOD, lifetime: 0 }],
    ['a lifetime that is not finite', { ...GOOD, lifetime: Number.POSITIVE_INFINITY }],
    ['a lifetime that is not a number', { ...GOOD, lifetime: '60' }],
    ['an undefined lifetime', { ...GOOD, lifetime: undefined }],
    ['a misspelled lifetime', { ...GOOD, lifeTime: 60 }],
    ['an expiry in milliseconds', { ...GOOD, latestExpiry: Date.now() }],
    ['no audience', { ...GOOD, audiences: [] }],
    ['an audience in a string', { ...GOOD, audiences: AUDIENCE }],
    ['an identity provider that is not registered', { ...GOOD, identityProvider: 'https://other.example.com' }],
    ['an empty identity provider', { ...GOOD, identityProvider: '' }],
    ['claims in an array', { ...GOOD, claims: ['a'] }],
    ...['sub', 'client_id', 'scope', 'idp', 'cnf', 'act', 'aud', 'jti', '__proto__'].map((name): [string, unknown] => [
      `the claim ${name}`,
      { ...GOOD, claims: Object.fromEntries([[name, 'x']]) },
    ]),
    ['a claim that is a function', { ...GOOD, claims: { a: () => 1 } }],
    ['a claim that never settles', { ...GOOD, claims: { a: new Promise(() => {}) } }],
    ['a promise within a claim', { ...GOOD, claims: { a: { roles: Promise.resolve(['admin']) } } }],
    ['a claim that is not a number', { ...GOOD, claims: { a: Number.NaN } }],
    ['an access token of its own', { ...GOOD, response: { access_token: 'x' } }],
    ['another token type', { ...GOOD, response: { token_type: 'DPoP' } }],
    ['an object in the answer', { ...GOOD, response: { a: {} } }],
    ['a subject that options would read as another one', { ...GOOD, subject: 'al\uFDD0ice' }],
  ])('never gives a token, but 503: %s', async (_, granted) => {
    await start(async () => granted)
    const { status, body } = await redeem()
    expect([status, body.error, body.access_token]).toEqual([503, 'temporarily_unavailable', undefined])
    expect(lastEvent()).toMatchObject({
      name: 'token.rejected',
      reason: expect.stringMatching(/grant_failed|claim_mapping/),
    })
  })

  it('gives 503 also if it returns at once, and the event names the member', async () => {
    await start(() => ({ ...GOOD, scope: 'openid' }))
    expect((await redeem()).status).toBe(503)
    expect(lastEvent()).toMatchObject({ reason: 'grant_failed', clientId: 'app', cause: 'ConfigError authorize.scope' })
  })

  it.each<[string, GrantedAccess, object]>([
    ['a scope that the client may not have', { ...GOOD, scopes: ['openid', 'admin'] }, { error: 'invalid_scope' }],
    ['an audience that is not ours', { ...GOOD, audiences: ['https://x.example.com'] }, { error: 'invalid_target' }],
    ['the id of a client as the subject', { ...GOOD, subject: 'other' }, { error: 'invalid_grant' }],
    ['an expiry that has passed', { ...GOOD, latestExpiry: 1000 }, { error: 'invalid_grant' }],
    ['claims that are too large', { ...GOOD, claims: { a: 'x'.repeat(9000) } }, { error: 'invalid_grant' }],
  ])('gives 400 for %s', async (_, granted, answer) => {
    await start(() => granted)
    const { status, body } = await redeem()
    expect([status, body]).toEqual([400, expect.objectContaining(answer)])
    expect(body.access_token).toBeUndefined()
  })

  it('gives no token for an identity provider that is disabled, or that the client may not use', async () => {
    await start(() => ({ ...GOOD, identityProvider: host.idp.name }), {
      exchange: { clients: [{ ...CLIENT, identityProviders: [] }, OTHER_CLIENT] },
    })
    expect((await redeem()).body.error).toBe('invalid_grant')
    expect(host.lastReason()).toBe('client_not_allowed')
    host.exchange.disableIdentityProvider(host.idp.name)
    expect((await redeem()).body.error).toBe('invalid_grant')
    expect(host.lastReason()).toBe('identity_provider_disabled')
  })

  it('gives no token for an identity provider that is disabled while a function of the host is waited for', async () => {
    const findClient = (clientId: string) => {
      if (clientId === GOOD.subject) host.exchange.disableIdentityProvider(host.idp.name)
      return clientId === CLIENT.clientId ? CLIENT : undefined
    }
    await start(() => ({ ...GOOD, identityProvider: host.idp.name }), {
      exchange: { findClient },
    })
    expect((await redeem()).body.error).toBe('invalid_grant')
    expect(host.lastReason()).toBe('identity_provider_disabled')
  })

  it('adds nothing to the token or the answer after it was checked', async () => {
    const granted = { ...GOOD, scopes: [], claims: { a: 1 }, response: { b: 2 } }
    const findClient = (clientId: string) => {
      Object.assign(granted.claims, { idp: 'https://x.example.com', act: { sub: 'x' } })
      Object.assign(granted.response, { scope: 'admin', error: 'x' })
      return clientId === CLIENT.clientId ? CLIENT : undefined
    }
    await start(
      () => {
        granted.claims = { a: 1 }
        granted.response = { b: 2 }
        return granted
      },
      { exchange: { findClient } },
    )
    const { body } = await redeem()
    expect(Object.keys(body).sort()).toEqual(['access_token', 'b', 'expires_in', 'token_type'])
    const { payload } = await host.exchange.verifyAccessToken(body.access_token)
    expect(payload).toMatchObject({ a: 1 })
    expect([Object.hasOwn(payload, 'idp'), Object.hasOwn(payload, 'act')]).toEqual([false, false])
  })

  it('gives no scope that the identity provider may not have', async () => {
    await start(() => ({ ...GOOD, scopes: ['orders:read'], identityProvider: host.idp.name }), {
      identityProvider: { scopes: ['openid'] },
    })
    expect((await redeem()).body.error).toBe('invalid_scope')
  })
})

const FAILED = { reason: 'grant_failed' }

function refusalWith(headers: object): OAuthError {
  return new OAuthError('invalid_grant', 'The code is old', { headers: headers as Record<string, string> })
}

describe('what a grant of the host throws', () => {
  it.each<[string, unknown, number, object]>([
    ['an error', new TypeError('secret'), 503, { reason: 'grant_failed', cause: 'TypeError' }],
    ['a text', 'secret', 503, { reason: 'grant_failed' }],
    ['nothing', undefined, 503, { reason: 'grant_failed' }],
    ['an OAuthError of another library', named('OAuthError'), 503, { reason: 'grant_failed', cause: 'OAuthError' }],
    ['an OAuth error with a line break in a header', refusalWith({ 'X-Hint': 'a\r\nSet-Cookie: b=c' }), 503, FAILED],
    ['an OAuth error with a header that is a number', refusalWith({ 'Retry-After': 5 }), 503, FAILED],
    ['an OAuth error with the length of its body', refusalWith({ 'Content-Length': '1' }), 503, FAILED],
    ['an OAuth error with a header', refusalWith({ 'Retry-After': '5' }), 400, { error: 'invalid_grant' }],
    ['a TokenRejected of another library', named('TokenRejected'), 503, { reason: 'grant_failed' }],
    ['a DependencyUnavailable of another library', named('DependencyUnavailable'), 503, { reason: 'grant_failed' }],
    ['a rejected token', new TokenRejected('replayed'), 400, { reason: 'replayed', error: 'invalid_grant' }],
    ['an outage', new DependencyUnavailable('internal_error'), 503, { reason: 'internal_error' }],
    ['an OAuth error', new OAuthError('invalid_grant', 'The "code" is old'), 400, { error: 'invalid_grant' }],
  ])('becomes an answer without its text, unless it is for the client: %s', async (_, thrown, status, event) => {
    await start(async () => {
      throw thrown
    })
    const response = await redeem()
    expect([response.status, response.text.includes('secret')]).toEqual([status, false])
    expect(lastEvent()).toMatchObject(event)
  })

  it('reaches the client as an OAuth error, in the characters that its description may have', async () => {
    await start(() => {
      throw new OAuthError('invalid_grant', 'The "code" is old\n')
    })
    expect((await redeem()).body).toEqual({ error: 'invalid_grant', error_description: 'The  code  is old ' })
  })

  it('may be the same error for each request, and each event has its own client', async () => {
    const sameForAll = new OAuthError('invalid_grant', 'The code is not valid')
    await start(async () => {
      throw sameForAll
    })
    const asOther = request(host.url).post('/oauth2/token').auth(OTHER_CLIENT.clientId, OTHER_CLIENT.clientSecret)
    await Promise.all([redeem(), asOther.type('form').send({ grant_type: TYPE }), redeem()])
    const rejected = host.events.filter(({ name }) => name === 'token.rejected')
    expect(rejected.map(({ clientId }) => clientId).sort()).toEqual(['app', 'app', 'other'])
    expect(sameForAll.context).toEqual({})
  })

  it('does not matter if it never answers: the request gets 503 in time, and its signal is aborted', async () => {
    let signal: AbortSignal | undefined
    await start(
      (_request, _client, tools) => {
        signal = tools.signal
        return new Promise(() => {})
      },
      { exchange: { hostFunctions: { timeout: 50 } } },
    )
    expect((await redeem()).status).toBe(503)
    expect(lastEvent()).toMatchObject({ reason: 'host_function_timed_out', message: expect.stringContaining(TYPE) })
    expect(signal?.aborted).toBe(true)
  })
})

describe('a grant of the host', () => {
  it('gives an access token with what it says, bounded by the client', async () => {
    const granted: GrantedAccess = {
      ...GOOD,
      audiences: [OTHER_AUDIENCE],
      claims: { department: 'sales' },
      lifetime: 600,
      response: { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    }
    await start(async () => granted, { exchange: { clients: [{ ...CLIENT, lifetime: 60 }] } })
    const { status, body } = await redeem()
    expect([status, body]).toEqual([
      200,
      {
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 60,
        scope: 'openid',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    ])
    const { payload, ...accessToken } = await host.exchange.verifyAccessToken(body.access_token)
    expect(accessToken).toMatchObject({ sub: 'alice', clientId: 'app', scopes: ['openid'], audience: [OTHER_AUDIENCE] })
    expect(payload).toMatchObject({ department: 'sales' })
    expect(payload).not.toHaveProperty('idp')
  })

  it('is reported with its grant type', async () => {
    await start(() => ({ ...GOOD, bindings: ['vouchers'] }))
    await redeem()
    const event = { name: 'token.issued', clientId: 'app', subject: 'alice', grantType: TYPE }
    expect(lastEvent()).toMatchObject(event)
    expect(lastEvent()).not.toHaveProperty('identityProvider')
  })

  it('gives the audience that the client asks for, if it says nothing', async () => {
    await start(() => GOOD)
    const { body } = await redeem({ resource: OTHER_AUDIENCE })
    expect((await host.exchange.verifyAccessToken(body.access_token)).audience).toEqual([OTHER_AUDIENCE])
    expect((await redeem({ resource: 'https://x.example.com' })).body.error).toBe('invalid_target')
  })

  it('sees the parameters and the client, and no secret of the client', async () => {
    const seen: unknown[] = []
    await start((tokenRequest, client) => {
      seen.push(tokenRequest.one('voucher'), tokenRequest.remoteAddress.replace('::ffff:', ''), client)
      return GOOD
    })
    await redeem({ voucher: 'v1' })
    const expected: AuthenticatedClient = { clientId: 'app', scopes: [...CLIENT.scopes] }
    expect(seen).toEqual(['v1', '127.0.0.1', expected])
  })

  it('is not asked for a client that may not use it, or that does not authenticate', async () => {
    const calls: unknown[] = []
    await start(
      () => {
        calls.push(1)
        return GOOD
      },
      { exchange: { clients: [{ ...CLIENT, grantTypes: [GRANT_TYPE] }] } },
    )
    expect((await redeem()).body.error).toBe('unauthorized_client')
    expect((await request(host.url).post('/oauth2/token').type('form').send({ grant_type: TYPE })).status).toBe(401)
    expect(calls).toEqual([])
  })

  it('may allow parameters to be repeated; others are refused', async () => {
    const seen: unknown[] = []
    const grant: Grant = {
      grantType: TYPE,
      repeatableParameters: ['audience'],
      authorize: (tokenRequest) => {
        seen.push(tokenRequest.all('audience'))
        return GOOD
      },
    }
    await start(() => GOOD, { exchange: { grants: [grant] } })
    const send = async (body: string) => {
      const post = request(host.url).post('/oauth2/token').auth(CLIENT.clientId, CLIENT.clientSecret).type('form')
      return (await post.send(`grant_type=${TYPE}&${body}`)).status
    }
    expect(await send('audience=a&audience=b')).toBe(200)
    expect(await send('scope=a&scope=b')).toBe(400)
    expect(seen).toEqual([['a', 'b']])
  })

  it('is in the metadata, after the built-in one', async () => {
    await start(() => GOOD)
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body.grant_types_supported).toEqual([GRANT_TYPE, TYPE])
  })

  it('comes and goes with the options', async () => {
    await start(() => GOOD)
    const options = {
      issuer: ISSUER,
      identityProviders: [{ name: host.idp.name, jwksUri: host.idp.jwksUri, scopes: ['openid'] }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    }
    host.exchange.reconfigure(options)
    expect((await redeem()).body.error).toBe('unsupported_grant_type')
    host.exchange.reconfigure({ ...options, grants: [{ grantType: TYPE, authorize: () => GOOD }] })
    expect((await redeem()).status).toBe(200)
  })

  it('gives what it has returned, whatever becomes of its object while a client is looked up', async () => {
    const claims: Record<string, unknown> = { department: 'sales' }
    const scopes = ['openid']
    const response: Record<string, string> = { a: 'b' }
    const findClient = async (clientId: string) => {
      if (clientId === 'alice') Object.assign(claims, { cnf: {}, scope: 'admin' })
      if (clientId === 'alice') Object.assign(response, { access_token: 'x', more: 'x' })
      if (clientId === 'alice') scopes.push('admin')
      return clientId === 'app' ? CLIENT : undefined
    }
    const grant: Grant = { grantType: TYPE, authorize: () => ({ subject: 'alice', scopes, claims, response }) }
    host = await startExchangeHost({ exchange: { grants: [grant], findClient } })
    const { body } = await redeem()
    expect(body).toMatchObject({ a: 'b', scope: 'openid' })
    expect(body).not.toHaveProperty('more')
    const { payload } = await host.exchange.verifyAccessToken(body.access_token)
    expect(payload).toMatchObject({ department: 'sales', scope: 'openid' })
    expect(payload).not.toHaveProperty('cnf')
  })

  it('is a function of its object', async () => {
    const grant = {
      grantType: TYPE,
      authorize() {
        return { ...GOOD, subject: this.grantType }
      },
    }
    await start(() => GOOD, { exchange: { grants: [grant] } })
    const { body } = await redeem()
    expect((await host.exchange.verifyAccessToken(body.access_token)).sub).toBe(TYPE)
  })
})

describe('authorizeAssertion, for a grant of the host', () => {
  const exchangeSubjectToken: Grant['authorize'] = (tokenRequest, _client, { authorizeAssertion }) =>
    authorizeAssertion(tokenRequest.one('subject_token'))
  const start8693 = (options: ExchangeHostOptions = {}) => start(exchangeSubjectToken, options)

  it('refuses what the JWT bearer grant refuses', async () => {
    await start8693()
    expect((await redeem()).body.error).toBe('invalid_request')
    for (const subject_token of ['x', 'a.b.c', await host.idp.issueAssertion({ aud: 'https://x.example.com' })]) {
      expect((await redeem({ subject_token })).body.error).toBe('invalid_grant')
    }
    const subject_token = await host.idp.issueAssertion()
    expect((await redeem({ subject_token, scope: 'admin' })).body.error).toBe('invalid_scope')
    expect(lastEvent()).not.toHaveProperty('identityProvider')
    expect((await redeem({ subject_token })).status).toBe(200)
    expect((await redeem({ subject_token })).body.error).toBe('invalid_grant')
    expect(lastEvent()).toMatchObject({ reason: 'replayed', identityProvider: host.idp.name })
  })

  it('gives what the JWT bearer grant gives', async () => {
    await start8693({ identityProvider: { scopes: ['openid'], lifetime: 60 } })
    const subject_token = await host.idp.issueAssertion({ sub: 'alice' })
    const { body } = await redeem({ subject_token, resource: AUDIENCE })
    expect(body).toMatchObject({ scope: 'openid', expires_in: 60 })
    const accessToken = await host.exchange.verifyAccessToken(body.access_token)
    expect(accessToken).toMatchObject({ sub: 'alice', identityProvider: host.idp.name, audience: [AUDIENCE] })
  })

  it('gives an access token that ends with the trust in the identity provider', async () => {
    await start8693()
    const { body } = await redeem({ subject_token: await host.idp.issueAssertion() })
    host.exchange.disableIdentityProvider(host.idp.name)
    await expect(host.exchange.verifyAccessToken(body.access_token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
  })

  it('may be narrowed by the grant', async () => {
    await start(async (tokenRequest, _client, { authorizeAssertion }) => {
      const access = await authorizeAssertion(tokenRequest.one('subject_token'))
      return { ...access, scopes: access.scopes.filter((scope) => scope === 'openid'), lifetime: 30 }
    })
    const { body } = await redeem({ subject_token: await host.idp.issueAssertion() })
    expect(body).toMatchObject({ scope: 'openid', expires_in: 30 })
  })

  it('cannot be widened by the grant: by scopes, resources, lifetime, or another identity provider', async () => {
    let change: object = {}
    await start(
      async (tokenRequest, _client, { authorizeAssertion }) => {
        const { subject, scopes } = await authorizeAssertion(tokenRequest.one('subject_token'))
        return { subject, scopes, ...change }
      },
      { identityProvider: { bindings: [{ name: 'b', scopes: ['openid'], resources: [AUDIENCE], lifetime: 60 }] } },
    )
    const attempt = async (changed: object) => {
      change = changed
      return (await redeem({ subject_token: await host.idp.issueAssertion() })).body
    }
    expect((await attempt({ scopes: ['openid', 'orders:read'] })).error).toBe('invalid_scope')
    expect((await attempt({ audiences: [OTHER_AUDIENCE] })).error).toBe('invalid_target')
    expect((await attempt({ identityProvider: 'https://x.example.com' })).error).toBe('temporarily_unavailable')
    const body = await attempt({ lifetime: 600 })
    expect(body).toMatchObject({ expires_in: 60, scope: 'openid' })
    expect(await host.exchange.verifyAccessToken(body.access_token)).toMatchObject({
      identityProvider: host.idp.name,
      audience: [AUDIENCE],
    })
  })

  it('is not called after the deadline', async () => {
    let late: Promise<unknown> | undefined
    await start(
      async (tokenRequest, _client, { authorizeAssertion, signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        late = authorizeAssertion(tokenRequest.one('subject_token')).catch(({ name }) => name)
        return GOOD
      },
      { exchange: { hostFunctions: { timeout: 50 } } },
    )
    const subject_token = await host.idp.issueAssertion()
    expect((await redeem({ subject_token })).status).toBe(503)
    expect(await late).toBe('TimeoutError')
    expect((await host.exchangeAssertion(subject_token)).status).toBe(200)
  })

  it('counts even if the grant does not await it', async () => {
    await start(async (tokenRequest, _client, { authorizeAssertion }) => {
      authorizeAssertion(tokenRequest.one('subject_token'))
      return GOOD
    })
    const forged = `${await host.idp.issueAssertion()}A`
    expect((await redeem({ subject_token: forged })).body.error).toBe('invalid_grant')
    const { body } = await redeem({ subject_token: await host.idp.issueAssertion() })
    expect(await host.exchange.verifyAccessToken(body.access_token)).toMatchObject({ identityProvider: host.idp.name })
  })

  it.each<[string, (authorizeAssertion: GrantTools['authorizeAssertion'], forged: string) => Promise<unknown>]>([
    ['after it has waited for something else', async () => new Promise((resolve) => setImmediate(resolve))],
    [
      'when another one was verified',
      async (authorizeAssertion) => authorizeAssertion(await host.idp.issueAssertion()),
    ],
  ])('counts even if the grant calls it without await %s', async (_, wait) => {
    await start(async (tokenRequest, _client, { authorizeAssertion }) => {
      const forged = String(tokenRequest.one('subject_token'))
      await wait(authorizeAssertion, forged)
      authorizeAssertion(forged)
      return GOOD
    })
    expect((await redeem({ subject_token: `${await host.idp.issueAssertion()}A` })).body.error).toBe('invalid_grant')
  })

  it('counts if it is called when another one, which the grant does not await, has settled', async () => {
    await start(async (tokenRequest, _client, { authorizeAssertion }) => {
      authorizeAssertion(await host.idp.issueAssertion())
        .then(() => authorizeAssertion(tokenRequest.one('subject_token')))
        .catch(() => {})
      return GOOD
    })
    expect((await redeem({ subject_token: `${await host.idp.issueAssertion()}A` })).body.error).toBe('invalid_grant')
  })

  it('verifies nothing and uses no assertion when the grant has returned or failed', async () => {
    let tools: GrantTools | undefined
    let pending: Promise<unknown> | undefined
    await start((tokenRequest, _client, given) => {
      tools = given
      if (tokenRequest.one('subject_token') === undefined) return GOOD
      pending = given.authorizeAssertion(tokenRequest.one('subject_token'))
      throw new OAuthError('invalid_grant', 'The code is old')
    })
    const [first, second] = [await host.idp.issueAssertion(), await host.idp.issueAssertion()]
    expect((await redeem()).status).toBe(200)
    await expect(tools?.authorizeAssertion(first)).rejects.toMatchObject({ name: 'AbortError' })
    expect((await redeem({ subject_token: second })).body.error).toBe('invalid_grant')
    await expect(pending).rejects.toMatchObject({ cause: { name: 'AbortError' } })
    for (const unused of [first, second]) expect((await host.exchangeAssertion(unused)).status).toBe(200)
  })

  it('counts even if the grant ignores that it refuses', async () => {
    await start(async (tokenRequest, _client, { authorizeAssertion }) => {
      await authorizeAssertion(tokenRequest.one('subject_token')).catch(() => {})
      return GOOD
    })
    expect((await redeem({ subject_token: 'x' })).body.error).toBe('invalid_grant')
  })

  it('ends no process if it refuses after the grant has failed', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    await start((tokenRequest, _client, { authorizeAssertion }) => {
      authorizeAssertion(tokenRequest.one('subject_token'))
      throw new TypeError('x')
    })
    expect((await redeem({ subject_token: 'x' })).status).toBe(503)
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('gives audiences that are not URIs, too', async () => {
    await start8693({ exchange: { accessToken: { audience: 'orders' } } })
    const { body } = await redeem({ subject_token: await host.idp.issueAssertion() })
    expect((await host.exchange.verifyAccessToken(body.access_token)).audience).toEqual(['orders'])
    expect((await redeem({ subject_token: 'x', resource: 'orders' })).body.error).toBe('invalid_grant')
  })

  it('keeps the assertion for later if its request has got 503 meanwhile', async () => {
    let late: Promise<unknown> | undefined
    let hold = true
    const wait = () => new Promise((resolve) => setTimeout(resolve, hold ? 150 : 0))
    const check = async (): Promise<true> => {
      await wait()
      return true
    }
    const subject = async () => {
      await wait()
      return 'alice'
    }
    await start(
      (tokenRequest, _client, { authorizeAssertion }) => {
        const access = authorizeAssertion(tokenRequest.one('subject_token'))
        late = access.catch(() => 'refused')
        return access
      },
      { identityProvider: { check, subject }, exchange: { hostFunctions: { timeout: 200 } } },
    )
    const subject_token = await host.idp.issueAssertion()
    expect((await redeem({ subject_token })).status).toBe(503)
    expect(await late).toBe('refused')
    hold = false
    expect((await host.exchangeAssertion(subject_token)).status).toBe(200)
  })

  it('for two identity providers needs the name of one for the token, and both enabled', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(() => FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })),
    )
    let name: string | undefined
    await start(
      async (tokenRequest, _client, { authorizeAssertion }) => {
        await Promise.all(['subject_token', 'actor_token'].map((each) => authorizeAssertion(tokenRequest.one(each))))
        if (tokenRequest.one('disable')) host.exchange.disableIdentityProvider(tokenRequest.one('disable') ?? '')
        return { ...GOOD, ...(name !== undefined && { identityProvider: name }) }
      },
      {
        exchange: {
          subject: 'namespaced',
          identityProviders: [one, other].map((each) => ({
            name: String(each?.name),
            jwksUri: String(each?.jwksUri),
            allowedSubjects: 'any',
          })),
        },
      },
    )
    const attempt = async (more: Record<string, string> = {}) => {
      const [subject_token = '', actor_token = ''] = await Promise.all(
        [one, other].map((each) => each?.issueAssertion()),
      )
      return (await redeem({ subject_token, actor_token, ...more })).body
    }
    expect((await attempt()).error).toBe('temporarily_unavailable')
    name = other?.name
    const { access_token } = await attempt()
    expect(await host.exchange.verifyAccessToken(access_token)).toMatchObject({ identityProvider: other?.name })
    expect((await attempt({ disable: String(one?.name) })).error).toBe('invalid_grant')
    await Promise.all([one?.close(), other?.close()])
  })
})
