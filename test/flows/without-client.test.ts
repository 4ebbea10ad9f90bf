import { afterEach, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import request from 'supertest'
import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
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

const OPTIONAL = { clientAuthentication: 'optional', scopes: ['openid', 'orders:read', 'orders:write'] } as const
const SIGNING_KEY = generateSigningKey()
const INVALID_GRANT = { error: 'invalid_grant', error_description: 'The assertion is not valid' }
const INVALID_CLIENT = { error: 'invalid_client', error_description: 'Client authentication failed' }

let host: ExchangeHost
afterEach(() => host?.close())

async function start(
  identityProvider: Partial<IdentityProviderOptions> = {},
  exchange: ExchangeHostOptions['exchange'] = {},
): Promise<void> {
  const idp = { algorithm: 'ES256' } as const
  host = await startExchangeHost({ idp, identityProvider: { ...OPTIONAL, ...identityProvider }, exchange })
}

/** Posts a form without any authentication. */
function post(parameters: Record<string, string>, url = host.url) {
  return request(url)
    .post('/oauth2/token')
    .type('form')
    .send({ grant_type: GRANT_TYPE, ...parameters })
}

async function postAssertion(claims: Record<string, unknown> = {}, parameters: Record<string, string> = {}) {
  return post({ assertion: await host.idp.issueAssertion(claims), ...parameters })
}

function lastEvent(name: string) {
  return host.events.findLast((event) => event.name === name)
}

describe('a request with nothing but grant_type and an assertion', () => {
  it('is refused as before if no identity provider accepts it', async () => {
    await start({ clientAuthentication: 'required' })
    const response = await postAssertion()
    expect([response.status, response.body]).toEqual([401, INVALID_CLIENT])
    expect(host.lastReason()).toBe('no_client_authentication')
  })

  it('gets a token with all scopes of the identity provider', async () => {
    await start()
    const response = await postAssertion({ sub: 'pod' })
    expect([response.status, response.body.scope]).toEqual([200, 'openid orders:read orders:write'])
    expect(decodeJwt(response.body.access_token)).toMatchObject({
      sub: 'pod',
      client_id: 'pod',
      idp: host.idp.name,
      scope: 'openid orders:read orders:write',
    })
  })

  it('gets what it requests of these scopes, and an error if that is nothing', async () => {
    await start()
    expect((await postAssertion({}, { scope: 'orders:write billing' })).body.scope).toBe('orders:write')
    const refused = await postAssertion({}, { scope: 'billing' })
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_scope'])
    const malformed = await postAssertion({}, { scope: 'orders:"read' })
    expect(malformed.body).toEqual({ error: 'invalid_scope', error_description: 'The scope is malformed' })
  })

  it('has the mapped subject as its client_id', async () => {
    await start({ subject: 'namespaced' })
    const { access_token } = (await postAssertion({ sub: 'pod' })).body
    const { sub, client_id } = decodeJwt(access_token)
    expect([sub, client_id]).toEqual([`${host.idp.name}|pod`, `${host.idp.name}|pod`])
    expect((await host.exchange.verifyAccessToken(access_token)).clientId).toBe(`${host.idp.name}|pod`)
  })

  it('is refused if its subject is the id of a registered client', async () => {
    await start()
    expect((await postAssertion({ sub: CLIENT.clientId })).body).toEqual(INVALID_GRANT)
    expect(host.lastReason()).toBe('subject_is_client_id')
  })

  it('obtains what a binding gives, but never what a binding with clients gives', async () => {
    const when = { sub: 'pod' }
    const bindings = [
      { name: 'everyone', when, scopes: ['orders:read'] },
      { name: 'of the app', when, clients: ['app'], scopes: ['orders:write'] },
    ]
    await start({ bindings })
    const response = await postAssertion({ sub: 'pod' })
    expect(response.body.scope).toBe('orders:read')
    expect((await postAssertion({ sub: 'pod' }, { scope: 'orders:write' })).body.error).toBe('invalid_scope')
    host.exchange.reconfigure({
      ...optionsOf({ bindings: [{ name: 'of the app', when, clients: ['app'], scopes: ['orders:write'] }] }),
    })
    expect((await postAssertion({ sub: 'pod' })).body).toEqual(INVALID_GRANT)
    expect(host.lastReason()).toBe('no_binding_matches')
  })

  it('is accepted without any client in the options', async () => {
    await start({}, { clients: [] })
    expect((await postAssertion()).status).toBe(200)
    const { clients: _, ...withoutClients } = optionsOf()
    host.exchange.reconfigure(withoutClients)
    expect((await postAssertion()).status).toBe(200)
  })

  it('is accepted if clients are looked up, who may not be its subject', async () => {
    await start({}, { findClient: (clientId) => (clientId === 'app' ? CLIENT : undefined) })
    expect((await postAssertion({ sub: 'pod' })).status).toBe(200)
    expect((await postAssertion({ sub: 'app' })).body).toEqual(INVALID_GRANT)
  })

  it('is used up like any other', async () => {
    await start()
    const assertion = await host.idp.issueAssertion()
    expect((await post({ assertion })).status).toBe(200)
    expect((await post({ assertion })).body).toEqual(INVALID_GRANT)
    expect((await host.exchangeAssertion(assertion)).body).toEqual(INVALID_GRANT)
    expect(host.lastReason()).toBe('replayed')
  })

  it('is also accepted from a client, with the scopes of both', async () => {
    await start()
    const response = await host.exchangeAssertion(await host.idp.issueAssertion({ sub: 'pod' }))
    expect(response.body.scope).toBe('openid orders:read')
    expect(decodeJwt(response.body.access_token).client_id).toBe('app')
  })

  it('follows the rollover of the identity provider', async () => {
    await start()
    await postAssertion()
    await host.idp.rotate()
    expect((await postAssertion()).status).toBe(200)
  })

  it('is answered with 503 if the keys cannot be fetched', async () => {
    await start()
    await host.idp.fault('error')
    const response = await postAssertion()
    expect([response.status, response.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(response.headers['retry-after']).toMatch(/^\d+$/)
    expect(lastEvent('token.rejected')).toMatchObject({ withoutClient: true, identityProvider: host.idp.name })
  })
})

describe('a request that has something of a client', () => {
  it.each<[string, Record<string, string>]>([
    ['the id of a client alone', { client_id: 'app' }],
    ['an unknown client id alone', { client_id: 'nobody' }],
    ['a wrong secret', { client_id: 'app', client_secret: 'a wrong secret of the tests' }],
    ['a secret without an id', { client_secret: CLIENT.clientSecret }],
    ['a client assertion', { client_assertion: 'e30.e30.AA', client_assertion_type: 'urn:example' }],
    ['the type of a client assertion alone', { client_assertion_type: 'urn:example' }],
  ])('is never judged by its assertion alone: %s', async (_, parameters) => {
    await start()
    const assertion = await host.idp.issueAssertion()
    const response = await post({ assertion, ...parameters })
    expect([response.status, response.body]).toEqual([401, INVALID_CLIENT])
    expect((await post({ assertion })).status).toBe(200)
  })

  it.each([
    ['a wrong secret', `Basic ${Buffer.from('app:wrong').toString('base64')}`],
    ['no credentials', 'Basic'],
    ['an empty id and secret', `Basic ${Buffer.from(':').toString('base64')}`],
    ['another scheme', 'Bearer e30.e30.AA'],
  ])('is never judged by its assertion alone: an Authorization header with %s', async (_, authorization) => {
    await start()
    const response = await post({ assertion: await host.idp.issueAssertion() }).set('Authorization', authorization)
    expect([response.status, response.body]).toEqual([401, INVALID_CLIENT])
  })

  it('is one without a client if the parameters are empty', async () => {
    await start()
    expect((await postAssertion({}, { client_id: '', client_secret: '' })).status).toBe(200)
  })
})

describe('an identity provider that requires a client, next to one that does not', () => {
  it('gives a stranger the same answer as an unknown issuer, and its keys are not fetched for it', async () => {
    const other = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      await start()
      host.exchange.reconfigure({
        ...optionsOf(),
        subject: 'namespaced',
        identityProviders: [
          ...(optionsOf().identityProviders ?? []),
          { name: other.name, jwksUri: other.jwksUri, allowedSubjects: 'any', scopes: ['openid'] },
        ],
      })
      const response = await post({ assertion: await other.issueAssertion() })
      expect([response.status, response.body]).toEqual([400, INVALID_GRANT])
      expect(host.lastReason()).toBe('client_required')
      expect(other.fetches).toBe(0)
      const unknown = await post({ assertion: await host.idp.issueAssertion({ iss: 'https://unknown.example.com' }) })
      expect([unknown.status, unknown.body]).toEqual([400, INVALID_GRANT])
      expect((await host.exchangeAssertion(await other.issueAssertion())).status).toBe(200)
    } finally {
      await other.close()
    }
  })

  it('is left alone by a grant of the host, which always needs a client', async () => {
    const grants = [{ grantType: 'urn:example:own', authorize: () => ({ subject: 'alice', scopes: [] }) }]
    await start({}, { grants })
    const response = await post({ grant_type: 'urn:example:own' })
    expect([response.status, response.body]).toEqual([401, INVALID_CLIENT])
  })
})

describe('the budget of requests without a client', () => {
  const limited = { clientAuthentication: { maxFailures: 3, failureWindow: 600 } }

  it('refuses an address with 429 after its rejected assertions, even good ones, but not a client from there', async () => {
    await start({}, limited)
    for (let count = 0; count < 3; count += 1) expect((await postAssertion({ aud: 'another' })).status).toBe(400)
    const response = await postAssertion()
    expect([response.status, response.body.error]).toEqual([429, 'temporarily_unavailable'])
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    expect(host.lastReason()).toBe('too_many_rejected_assertions')
    expect((await host.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(200)
  })

  it('comes before any cryptography and any fetch', async () => {
    await start({}, limited)
    for (let count = 0; count < 3; count += 1) await post({ assertion: 'no JWT' })
    await host.idp.rotate()
    expect((await postAssertion()).status).toBe(429)
    expect(host.idp.fetches).toBe(0)
  })

  it('is spent by rejected assertions only', async () => {
    await start({}, limited)
    for (let count = 0; count < 5; count += 1) {
      expect((await postAssertion({}, { scope: 'billing' })).status).toBe(400)
      expect((await postAssertion()).status).toBe(200)
    }
  })

  it.each<[string, ExchangeHostOptions['exchange']]>([
    ['as without the option `refusals`', {}],
    ['with it', { refusals: { documentation: 'https://docs.example.com/tokens' } }],
  ])('is spent by assertions that the policy rejects, %s', async (_, refusals) => {
    await start({ allowedSubjects: ['pod'] }, { ...limited, ...refusals })
    for (let count = 0; count < 3; count += 1) expect((await postAssertion({ sub: 'stranger' })).status).toBe(400)
    expect((await postAssertion({ sub: 'pod' })).status).toBe(429)
  })

  it('is one for each address', async () => {
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      identityProvider: OPTIONAL,
      exchange: limited,
      before: (app) => app.set('trust proxy', true),
    })
    const from = async (address: string, claims = {}) =>
      post({ assertion: await host.idp.issueAssertion(claims) }).set('X-Forwarded-For', address)
    for (let count = 0; count < 3; count += 1) await from('192.0.2.1', { aud: 'another' })
    expect((await from('192.0.2.1')).status).toBe(429)
    expect((await from('192.0.2.2')).status).toBe(200)
  })
})

describe('the events of requests without a client', () => {
  it('say so, from which address they came and whose assertion it was', async () => {
    await start()
    await postAssertion({ sub: 'pod' })
    const issued = lastEvent('token.issued')
    expect(issued).toMatchObject({
      withoutClient: true,
      identityProvider: host.idp.name,
      subject: 'pod',
      remoteAddress: expect.stringContaining('127.0.0.1'),
    })
    expect(issued).not.toHaveProperty('clientId')
    await postAssertion({ aud: 'another' })
    const rejected = lastEvent('token.rejected')
    expect(rejected).toMatchObject({ withoutClient: true, identityProvider: host.idp.name, reason: 'wrong_audience' })
    expect(rejected).not.toHaveProperty('clientId')
    await host.exchangeAssertion(await host.idp.issueAssertion())
    expect(lastEvent('token.issued')).not.toHaveProperty('withoutClient')
  })
})

describe('the metadata and explain', () => {
  it('list the method none and the scopes only if an identity provider accepts requests without a client', async () => {
    await start()
    const metadataOf = async () => (await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')).body
    expect(await metadataOf()).toMatchObject({
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      scopes_supported: ['openid', 'orders:read', 'orders:write'],
    })
    host.exchange.reconfigure(optionsOf({ clientAuthentication: 'required' }))
    expect(await metadataOf()).toMatchObject({
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      scopes_supported: ['openid', 'orders:read'],
    })
  })

  it('explain what a request without a client obtains', async () => {
    await start()
    const explanation = await host.exchange.explain(await host.idp.issueAssertion({ sub: 'pod' }))
    expect(explanation).toMatchObject({
      isAccepted: true,
      accessToken: { subject: 'pod', scopes: ['openid', 'orders:read', 'orders:write'] },
    })
  })
})

describe('the option clientAuthentication of an identity provider', () => {
  it.each<[string, Partial<IdentityProviderOptions>, string]>([
    ['without a bound of the scopes', { scopes: undefined as never }, 'scopes'],
    ['of another value', { ...OPTIONAL, clientAuthentication: 'none' as never }, 'clientAuthentication'],
    ['of another type', { ...OPTIONAL, clientAuthentication: true as never }, 'clientAuthentication'],
  ])('is a ConfigError %s', (_, identityProvider, named) => {
    const { scopes, ...entry } = { clientAuthentication: 'optional' as const, ...identityProvider }
    const problems = problemsOf({ ...entry, ...(scopes !== undefined && { scopes }) })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(named)
  })

  it.each<[string, Partial<IdentityProviderOptions>]>([
    ['scopes', { scopes: [] }],
    ['bindings', { bindings: [{ name: 'all', when: { sub: 'pod' }, scopes: ['openid'] }] }],
    ['groupsToScopes', { groupsToScopes: { admins: ['openid'] } }],
  ])('is optional with %s', (_, bound) => {
    expect(problemsOf({ clientAuthentication: 'optional', ...bound })).toEqual([])
  })

  it('leaves clients required if no identity provider has it', () => {
    const { clients: _, ...options } = OPTIONS
    expect(() => createJwtExchange(options as JwtExchangeOptions)).toThrow('clients')
  })
})

const OPTIONS: JwtExchangeOptions = {
  issuer: ISSUER,
  identityProviders: [
    { name: 'https://idp.example.com', jwksUri: 'https://idp.example.com/keys', allowedSubjects: 'any' },
  ],
  clients: [CLIENT],
  accessToken: { audience: AUDIENCE },
}

function problemsOf(entry: Partial<IdentityProviderOptions>): string[] {
  try {
    const [provider] = OPTIONS.identityProviders ?? []
    createJwtExchange({ ...OPTIONS, identityProviders: [{ name: '', ...provider, ...entry }] }).close()
    return []
  } catch (error) {
    if (isConfigError(error)) return error.problems.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
}

/** The options of the host, with another entry of its identity provider. */
function optionsOf(identityProvider: Partial<IdentityProviderOptions> = {}): JwtExchangeOptions {
  return {
    issuer: ISSUER,
    identityProviders: [
      { name: host.idp.name, jwksUri: host.idp.jwksUri, allowedSubjects: 'any', ...OPTIONAL, ...identityProvider },
    ],
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE, signingKeys: [SIGNING_KEY] },
  }
}
