import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request, { type Response } from 'supertest'
import {
  type ClientOptions,
  generateSigningKey,
  type JwtExchangeOptions,
  MemoryReplayStore,
  type PolicyOptions,
} from '../../../src/index.js'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { type ClockedHost, startClockedHost } from '../../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, startExchangeHost, TOKEN_ENDPOINT } from '../../support/exchange-host.js'
import { expectCleanEvents, expectInvalidGrant } from '../../support/expect-refusal.js'

const BILLING = 'https://billing.example.com'
const SHIPPING = 'https://shipping.example.com'
const SCOPES = ['orders:read', 'orders:write', 'bills:read', 'bills:write']
const APP = { ...CLIENT, scopes: SCOPES } satisfies ClientOptions
const CI = { clientId: 'ci', clientSecret: 'ci-secret-of-the-tests', scopes: SCOPES } satisfies ClientOptions
const BARE = { clientId: 'bare', clientSecret: 'bare-secret-of-the-tests' } satisfies ClientOptions

const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((host) => host.close())))

async function startWith(policy: PolicyOptions, others: Partial<JwtExchangeOptions> = {}): Promise<ClockedHost> {
  const host = await startClockedHost({
    identityProvider: policy,
    exchange: {
      ...(others.findClient === undefined && { clients: [APP, CI, BARE] }),
      accessToken: { audience: [AUDIENCE, BILLING, SHIPPING], signingKeys: [generateSigningKey()] },
      ...others,
    },
  })
  hosts.push(host)
  return host
}

interface Wish {
  scope?: string
  client?: ClientOptions
}

function present(host: ClockedHost, assertion: string, { scope, client = APP }: Wish = {}): Promise<Response> {
  const parameters = { grant_type: GRANT_TYPE, assertion, ...(scope !== undefined && { scope }) }
  return request(host.url)
    .post('/oauth2/token')
    .auth(client.clientId, String(client.clientSecret))
    .type('form')
    .send(parameters)
    .then((response) => response)
}

/** What the access token for these claims is, which the answer bears out, or why there is none. */
async function outcomeOf(host: ClockedHost, claims: object, wish: Wish = {}): Promise<unknown> {
  const { status, body } = await present(host, await host.assertion({ ...claims }), wish)
  if (status !== 200) return [status, body.error, host.lastReason()]
  const { scopes, audience, payload } = await host.exchange.verifyAccessToken(body.access_token)
  expect(body.scope?.split(' ') ?? []).toEqual(scopes)
  expect(payload.exp).toBe(Number(payload.iat) + body.expires_in)
  return { scopes, audience, lifetime: body.expires_in }
}

const NO_GRANT = [400, 'invalid_grant', 'no_binding_matches']
const NO_SCOPE = [400, 'invalid_scope', 'invalid_scope']
const MAIN = { ref: 'refs/heads/main', environment: 'production' }

const GRANTS: PolicyOptions['bindings'] = [
  {
    name: 'deploy',
    when: { ref: 'refs/heads/main', environment: ['production', 'stage-*'] },
    clients: ['ci'],
    scopes: ['orders:write', 'orders:read'],
    resources: [AUDIENCE],
    lifetime: 300,
  },
  { name: 'read', when: { ref: 'refs/*' }, scopes: ['orders:read'], resources: [AUDIENCE], lifetime: 600 },
  {
    name: 'bills',
    when: { sub: 'alice', team: { exists: true } },
    scopes: ['bills:read', 'bills:write'],
    resources: [BILLING],
  },
]

describe('an assertion for which no binding holds', () => {
  let host: ClockedHost
  beforeAll(async () => {
    host = await startWith({ bindings: GRANTS })
  })
  afterAll(() => expectCleanEvents(host))

  it.each<[string, object]>([
    ['has none of the claims', {}],
    ['has another branch', { ref: 'heads/main' }],
    ['has a branch in an array', { ref: ['refs/heads/main'] }],
    ['has a branch within an object', { ref: { name: 'refs/heads/main' } }],
    ['has a null branch', { ref: null }],
    ['has a claim of a name in another case', { Ref: 'refs/heads/main' }],
    ['has the team of another sub', { sub: 'bob', team: 'a' }],
    ['has a sub that begins alike', { sub: 'alice2', team: 'a' }],
    [
      'has the name of a binding as a claim',
      { name: 'deploy', grant: 'deploy', bindings: ['deploy'], scope: 'orders:read' },
    ],
  ])('is refused, and the client is told nothing of it, where it %s', async (_, claims) => {
    await expectInvalidGrant(present(host, await host.assertion({ ...claims })), host, 'no_binding_matches')
    expect(host.events.at(-1)).toMatchObject({
      name: 'token.rejected',
      reason: 'no_binding_matches',
      identityProvider: host.idp.name,
      clientId: APP.clientId,
    })
  })

  it('is refused before the scope is bounded by anything but the client, so that nobody learns of scopes', async () => {
    for (const scope of ['orders:read', 'bills:write', 'orders:read nothing'])
      expect(await outcomeOf(host, { ref: 'other' }, { scope })).toEqual(NO_GRANT)
  })

  it('is not used up: another client can present it for which one holds', async () => {
    const onlyCi = await startWith({ bindings: [{ name: 'ci', clients: ['ci'], scopes: ['orders:read'] }] })
    const assertion = await onlyCi.assertion()
    expect((await present(onlyCi, assertion)).body.error).toBe('invalid_grant')
    expect(onlyCi.lastReason()).toBe('no_binding_matches')
    expect((await present(onlyCi, assertion)).status).toBe(400)
    expect((await present(onlyCi, assertion, { client: CI })).status).toBe(200)
    expect((await present(onlyCi, assertion, { client: CI })).status).toBe(400)
    expect(onlyCi.lastReason()).toBe('replayed')
  })

  it('is not used up: it can be exchanged as soon as one holds', async () => {
    const store = new MemoryReplayStore({ clock: new AdjustableClock() })
    const narrow = await startWith({ bindings: [{ name: 'x', when: { ref: 'a' } }] }, { replay: { store } })
    const wide = await startWith(
      {},
      {
        replay: { store },
        identityProviders: [
          {
            name: narrow.idp.name,
            allowedSubjects: 'any',
            jwksUri: narrow.idp.jwksUri,
            bindings: [{ name: 'x', when: { ref: ['a', 'b'] }, scopes: ['orders:read'] }],
          },
        ],
      },
    )
    const assertion = await narrow.assertion({ ref: 'b' })
    expect((await narrow.judge(assertion)).reason).toBe('no_binding_matches')
    expect((await wide.judge(assertion)).status).toBe(200)
    expect((await wide.judge(assertion)).reason).toBe('replayed')
  })
})

describe('a scope that no binding gives', () => {
  it('is not granted, whoever may have it otherwise', async () => {
    const host = await startWith({ bindings: GRANTS })
    expect(await outcomeOf(host, MAIN, { scope: 'orders:write' })).toEqual(NO_SCOPE)
    expect(await outcomeOf(host, MAIN, { scope: 'orders:write bills:read' })).toEqual(NO_SCOPE)
    expect(await outcomeOf(host, MAIN, { scope: 'orders:write orders:read' })).toMatchObject({
      scopes: ['orders:read'],
    })
    expect(await outcomeOf(host, MAIN, { scope: 'ORDERS:READ' })).toEqual(NO_SCOPE)
  })

  it('is not granted of one that the client or the identity provider has not', async () => {
    const bindings = [{ name: 'all', scopes: [...SCOPES, 'admin'] }]
    const host = await startWith({ bindings: bindings, ...{ scopes: ['admin', 'orders:read'] } })
    expect(await outcomeOf(host, {}, { scope: 'admin' })).toEqual(NO_SCOPE)
    expect(await outcomeOf(host, {}, { scope: 'orders:write' })).toEqual(NO_SCOPE)
    expect(await outcomeOf(host, {}, { scope: 'admin orders:read orders:write' })).toMatchObject({
      scopes: ['orders:read'],
    })
    expect(await outcomeOf(host, {}, { client: BARE, scope: 'orders:read' })).toEqual(NO_SCOPE)
  })

  it('does not use up the assertion', async () => {
    const host = await startWith({ bindings: GRANTS })
    const assertion = await host.assertion({ ...MAIN })
    expect((await present(host, assertion, { scope: 'bills:read' })).body.error).toBe('invalid_scope')
    expect((await present(host, assertion)).status).toBe(200)
  })
})

describe('scopes of several resources', () => {
  let host: ClockedHost
  const claims = { ...MAIN, team: 'a' }
  beforeAll(async () => {
    host = await startWith({ bindings: GRANTS })
  })

  it('are refused together, with a text that quotes nothing', async () => {
    const { status, body } = await present(host, await host.assertion(claims))
    expect([status, body]).toEqual([
      400,
      {
        error: 'invalid_scope',
        error_description: 'The requested scopes belong to different resources; request scopes of one resource',
      },
    ])
    expect(host.events.at(-1)).toMatchObject({ reason: 'invalid_scope', identityProvider: host.idp.name })
    expect(await outcomeOf(host, claims, { scope: 'orders:read bills:read' })).toEqual(NO_SCOPE)
  })

  it('are granted one after the other, each for its own resource alone', async () => {
    expect(await outcomeOf(host, claims, { scope: 'orders:read' })).toEqual({
      scopes: ['orders:read'],
      audience: [AUDIENCE],
      lifetime: 600,
    })
    expect(await outcomeOf(host, claims, { scope: 'bills:write bills:read' })).toEqual({
      scopes: ['bills:write', 'bills:read'],
      audience: [BILLING],
      lifetime: 3600,
    })
  })

  it('do not use up the assertion for which they are refused', async () => {
    const assertion = await host.assertion(claims)
    expect((await present(host, assertion)).body.error).toBe('invalid_scope')
    expect((await present(host, assertion, { scope: 'bills:read' })).status).toBe(200)
    expect((await present(host, assertion, { scope: 'orders:read' })).body.error).toBe('invalid_grant')
    expect(host.lastReason()).toBe('replayed')
  })

  it('are granted together where each is given for every resource', async () => {
    const bindings = [
      { name: '1', scopes: ['orders:read'], resources: [AUDIENCE, BILLING] },
      { name: '2', scopes: ['bills:read'], resources: [BILLING] },
      { name: '3', scopes: ['bills:read', 'orders:read'], resources: [AUDIENCE] },
    ]
    expect(await outcomeOf(await startWith({ bindings: bindings }), {})).toMatchObject({
      scopes: ['orders:read', 'bills:read'],
      audience: [AUDIENCE, BILLING],
    })
  })
})

describe('an access token by bindings', () => {
  it('has what all that hold give together, for this client', async () => {
    const host = await startWith({ bindings: GRANTS })
    expect(await outcomeOf(host, MAIN)).toEqual({ scopes: ['orders:read'], audience: [AUDIENCE], lifetime: 600 })
    expect(await outcomeOf(host, MAIN, { client: CI })).toEqual({
      scopes: ['orders:read', 'orders:write'],
      audience: [AUDIENCE],
      lifetime: 300,
    })
    expect(await outcomeOf(host, { ...MAIN, environment: 'stage-7' }, { client: CI, scope: 'orders:write' })).toEqual({
      scopes: ['orders:write'],
      audience: [AUDIENCE],
      lifetime: 300,
    })
    expect(await outcomeOf(host, { ...MAIN, environment: 'dev' }, { client: CI })).toEqual({
      scopes: ['orders:read'],
      audience: [AUDIENCE],
      lifetime: 600,
    })
  })

  it('has one audience as text, and several as an array, in its payload', async () => {
    const host = await startWith({
      bindings: [
        { name: '1', scopes: ['orders:read'], resources: [BILLING] },
        { name: '2', scopes: ['bills:read'], resources: [SHIPPING, BILLING] },
      ],
    })
    const audOf = async (scope: string) => {
      const { body } = await present(host, await host.assertion(), { scope })
      return (await host.exchange.verifyAccessToken(body.access_token)).payload.aud
    }
    expect(await audOf('orders:read')).toBe(BILLING)
    expect(await audOf('bills:read')).toEqual([SHIPPING, BILLING])
  })

  it('without a scope has the resources of all that hold, and the least of their lifetimes', async () => {
    const host = await startWith({
      bindings: [
        { name: '1', scopes: ['orders:read'], resources: [SHIPPING], lifetime: 120 },
        { name: '2', resources: [BILLING], lifetime: 60 },
        { name: '3', lifetime: 1, clients: ['ci'] },
      ],
    })
    const expected = { scopes: [], audience: [SHIPPING, BILLING], lifetime: 60 }
    expect(await outcomeOf(host, {}, { client: BARE })).toEqual(expected)
  })

  it('has all audiences of the exchange where a binding names none', async () => {
    const host = await startWith({ bindings: [{ name: '1', scopes: ['orders:read'] }] })
    expect(await outcomeOf(host, {})).toMatchObject({ audience: [AUDIENCE, BILLING, SHIPPING] })
  })

  it.each([
    ['the binding', { grant: 60 }, 60],
    ['the client', { grant: 600, client: 50 }, 50],
    ['the identity provider', { grant: 600, client: 500, provider: 40 }, 40],
    ['the exchange', { grant: 86_400, client: 86_400, provider: 86_400, exchange: 30 }, 30],
    ['no binding that gives none of its scopes', { other: 1, grant: 600 }, 600],
  ])('lives as long as %s allows', async (_, bounds: Record<string, number>, expected) => {
    const { grant, client, provider, exchange, other } = bounds
    const host = await startWith(
      {
        bindings: [
          { name: '1', scopes: ['orders:read'], ...(grant && { lifetime: grant }) },
          { name: '2', scopes: ['bills:read'], ...(other && { lifetime: other }) },
        ],
        ...(provider && { lifetime: provider }),
      },
      {
        clients: [{ ...APP, ...(client && { lifetime: client }) }],
        accessToken: {
          audience: AUDIENCE,
          signingKeys: [generateSigningKey()],
          ...(exchange && { lifetime: exchange }),
        },
      },
    )
    expect(await outcomeOf(host, {}, { scope: 'orders:read' })).toMatchObject({ lifetime: expected })
  })

  it('never outlives its assertion where it must not, however long its binding lets it', async () => {
    const host = await startWith({
      bindings: [{ name: '1', scopes: ['orders:read'], lifetime: 3600 }],
      ...{ maxBeyondAssertion: 0 },
    })
    expect(await outcomeOf(host, { exp: Math.floor(host.clock.now()) + 77 })).toMatchObject({ lifetime: 77 })
  })

  it('is for clients that are looked up, by their ids', async () => {
    const found = [APP, CI]
    const host = await startWith(
      {
        bindings: [
          { name: '1', clients: ['ci'], scopes: ['orders:write'] },
          { name: '2', clients: ['nobody', '*', 'APP'], scopes: ['orders:read'] },
        ],
      },
      { findClient: (id) => found.find(({ clientId }) => clientId === id) },
    )
    expect(await outcomeOf(host, {})).toEqual(NO_GRANT)
    expect(await outcomeOf(host, {}, { client: CI })).toMatchObject({ scopes: ['orders:write'] })
  })

  it('passes a route that requires a scope which it has, and none that requires another', async () => {
    const host = await startWith({
      bindings: [
        { name: '1', when: { sub: 'alice' }, scopes: ['orders:read'] },
        { name: '2', scopes: ['orders:write'] },
      ],
    })
    const statusFor = async (sub: string) => {
      const { body } = await present(host, await host.assertion({ sub }))
      return (await request(host.url).get('/orders').auth(body.access_token, { type: 'bearer' })).status
    }
    expect([await statusFor('alice'), await statusFor('bob')]).toEqual([200, 403])
  })
})

describe('bindings of one identity provider', () => {
  let strict: FakeIdentityProvider
  let loose: FakeIdentityProvider
  let host: ClockedHost
  beforeAll(async () => {
    strict = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    loose = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const bindings = [{ name: 'main', when: { ref: 'main' }, scopes: ['orders:read'] }]
    const identityProviders = [
      { name: strict.name, jwksUri: strict.jwksUri, bindings },
      {
        name: loose.name,
        jwksUri: loose.jwksUri,
        bindings: [{ name: 'any', scopes: ['orders:write'] }],
      },
    ]
    host = await startWith({}, { subject: 'namespaced', identityProviders })
  })
  afterAll(() => Promise.all([strict.close(), loose.close()]))

  it('hold for its own assertions alone', async () => {
    const exchange = async (idp: FakeIdentityProvider, claims: object) => {
      const now = Math.floor(host.clock.now())
      const { body } = await present(host, await idp.issueAssertion({ iat: now, exp: now + 300, ...claims }))
      return body.scope ?? host.lastReason()
    }
    expect(await exchange(strict, {})).toBe('no_binding_matches')
    expect(await exchange(strict, { ref: 'main' })).toBe('orders:read')
    expect(await exchange(loose, { ref: 'main' })).toBe('orders:write')
    expect(await exchange(loose, { iss: strict.name, ref: 'main' })).toBe('unknown_key')
  })
})

describe('groups', () => {
  let host: ClockedHost
  beforeAll(async () => {
    host = await startWith({
      groupsToScopes: { 'orders-admins': ['orders:write'], everybody: ['orders:read'], '*': ['bills:write'] },
      groupsClaim: 'realm_access.roles',
    })
  })
  const roles = (value: unknown) => ({ realm_access: { roles: value } })

  it.each<[string, object]>([
    ['missing', {}],
    ['of a claim with dots', { 'realm_access.roles': ['everybody'] }],
    ['of the claim groups', { groups: ['everybody'] }],
    ['text', roles('everybody')],
    ['text with the group in it', roles('everybody orders-admins')],
    ['an object', roles({ everybody: true })],
    ['an object like an array', roles({ 0: 'everybody', length: 1 })],
    ['within an array', roles([['everybody']])],
    ['of another case', roles(['Everybody'])],
    ['like the group', roles(['everybody ', 'everybody2', 'every', 'every*', '**', ''])],
    ['null', roles(null)],
    ['none', roles([])],
  ])('hold nothing where they are %s', async (_, claims) => {
    expect(await outcomeOf(host, claims)).toEqual(NO_GRANT)
  })

  it('give the scopes of each that is there, exactly', async () => {
    expect(await outcomeOf(host, roles(['everybody']))).toMatchObject({ scopes: ['orders:read'] })
    expect(await outcomeOf(host, roles(['orders-admins', 7, null]))).toMatchObject({ scopes: ['orders:write'] })
    expect(await outcomeOf(host, roles(['x', 'everybody', 'orders-admins', 'everybody']))).toMatchObject({
      scopes: ['orders:read', 'orders:write'],
    })
    expect(await outcomeOf(host, roles(['*']))).toMatchObject({ scopes: ['bills:write'] })
  })

  it('give beside other bindings, and under the bounds of all', async () => {
    const mixed = await startWith({
      bindings: [{ name: 'x', when: { sub: 'alice' }, scopes: ['orders:read'], lifetime: 60 }],
      groupsToScopes: { admins: ['orders:write', 'admin'] },
    })
    expect(await outcomeOf(mixed, {})).toMatchObject({ scopes: ['orders:read'], lifetime: 60 })
    expect(await outcomeOf(mixed, { sub: 'bob' })).toEqual(NO_GRANT)
    expect(await outcomeOf(mixed, { sub: 'bob', groups: ['admins'] })).toMatchObject({
      scopes: ['orders:write'],
      lifetime: 3600,
    })
    expect(await outcomeOf(mixed, { groups: ['admins'] })).toMatchObject({
      scopes: ['orders:read', 'orders:write'],
      lifetime: 60,
    })
  })

  it('are found among two thousand that are claimed', async () => {
    const many = Array.from({ length: 2_000 }, (_, index) => `g${index}`)
    expect(await outcomeOf(host, roles(many))).toEqual(NO_GRANT)
    expect(await outcomeOf(host, roles([...many, 'everybody']))).toMatchObject({ scopes: ['orders:read'] })
  })
})

describe('bindings behind the assertion strategy', () => {
  it('do not count: nothing is issued there', async () => {
    const host = await startWith({ bindings: [{ name: 'x', when: { ref: 'main' } }] })
    const assertion = await host.assertion()
    expect((await host.judge(assertion)).reason).toBe('no_binding_matches')
    expect((await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })).status).toBe(200)
  })

  it.each<[string, PolicyOptions & { scopes?: string[] }]>([
    ['bindings', { bindings: [{ name: 'x', when: { sub: 'alice' }, scopes: ['orders:read'] }] }],
    ['scopes', { scopes: ['orders:read'] }],
    ['groups', { groupsToScopes: { admins: ['orders:read'] } }],
  ])('let nobody in where only %s are said, and not who is accepted', async (_, bound) => {
    const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
    const bounded = { name: idp.name, jwksUri: idp.jwksUri, ...bound }
    const host = await startExchangeHost({ exchange: { identityProviders: [bounded] } })
    await host.exchange.ready()
    const assertion = await idp.issueAssertion({ sub: 'alice', groups: ['admins'] })
    const response = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
    await Promise.all([host.close(), idp.close()])
    expect(response.status).toBe(401)
    const denied = host.events.find(({ name }) => name === 'access.denied')
    expect(denied).toMatchObject({
      reason: 'subject_not_allowed',
      message: expect.stringContaining('allowedSubjects: "any"'),
    })
  })
})
