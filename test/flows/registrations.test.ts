import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  type ClientOptions,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { AUDIENCE, CLIENT, type ExchangeHost, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { startHostOfMany } from '../support/host-of-many.js'

const SCOPES = ['openid', 'orders:read', 'orders:write']
const ALL_SCOPES: ClientOptions = { ...CLIENT, scopes: SCOPES }
const ACCESS_TOKEN = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }
const CLIENTS: readonly ClientOptions[] = [
  ALL_SCOPES,
  { ...CLIENT, clientId: 'only-b', identityProviders: ['b'], scopes: SCOPES },
]

let host: ExchangeHost
let idp: FakeIdentityProvider
afterEach(() => host?.close())

function tenant(id: string, scope: string, others: Partial<IdentityProviderOptions> = {}): IdentityProviderOptions {
  const registration = { claim: 'tenant', value: id }
  return { name: idp.name, jwksUri: idp.jwksUri, id, registration, allowedSubjects: 'any', scopes: [scope], ...others }
}

const bothTenants = () => [tenant('a', 'orders:read'), tenant('b', 'orders:write')]

async function start(entries = bothTenants, exchange: Partial<JwtExchangeOptions> = {}): Promise<void> {
  idp = await FakeIdentityProvider.start({ name: 'https://idp.example.com', alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
  host = await startHostOfMany(idp, entries(), { clients: CLIENTS, accessToken: ACCESS_TOKEN, ...exchange })
}

/** With other entries, by the same clients unless others are given. */
function reconfigure(
  identityProviders: readonly IdentityProviderOptions[],
  clients: readonly ClientOptions[] = [ALL_SCOPES],
): void {
  host.exchange.reconfigure({
    issuer: ISSUER,
    subject: 'namespaced',
    identityProviders,
    clients,
    accessToken: ACCESS_TOKEN,
  })
}

/** What the token endpoint says of an assertion: the scope that was granted, or why it was refused. */
async function outcomeOf(claims: Record<string, unknown>, scope?: string): Promise<unknown> {
  const assertion = await idp.issueAssertion(claims)
  const { status, body } = await host.exchangeAssertion(assertion, scope === undefined ? {} : { scope })
  return status === 200 ? body.scope : [status, body.error, host.lastReason()]
}

const exchangeAs = (clientId: string, assertion: string) =>
  request(host.url)
    .post('/oauth2/token')
    .auth(clientId, CLIENT.clientSecret)
    .type('form')
    .send({ grant_type: GRANT_TYPE, assertion })
const tokenOf = async (id: string) => {
  const { body } = await host.exchangeAssertion(await idp.issueAssertion({ tenant: id }))
  return String(body.access_token)
}
const verdictOn = (token: string) =>
  host.exchange.verifyAccessToken(token).then(
    ({ identityProvider }) => identityProvider,
    ({ reason }) => reason,
  )

describe('an assertion of an issuer with several registrations', () => {
  it.each<[string, unknown]>([
    ['missing', undefined],
    ['null', null],
    ['of nobody', 'c'],
    ['of other case', 'A'],
    ['with white space', 'a '],
    ['empty', ''],
    ['an array of one', ['a']],
    ['an array of both', ['a', 'b']],
    ['an object', { a: 'b' }],
    ['a number', 1],
    ['true', true],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
  ])('matches none if the claim is %s, and is answered like one of an unknown issuer', async (_, value) => {
    await start()
    const assertion = await idp.issueAssertion({ tenant: value })
    const { status, body } = await host.exchangeAssertion(assertion)
    expect([status, host.lastReason()]).toEqual([400, 'unknown_registration'])
    expect(host.events.at(-1)).toMatchObject({ issuer: idp.name, reason: 'unknown_registration' })
    expect(host.events.at(-1)).not.toHaveProperty('identityProvider')
    const unknown = await host.exchangeAssertion(await idp.issueAssertion({ iss: 'https://else.example.com' }))
    expect([body, host.lastReason()]).toEqual([unknown.body, 'unknown_issuer'])
    expect(idp.fetches).toBe(0)
  })

  it('is refused behind the assertion strategy like one of an unknown issuer', async () => {
    await start()
    const send = async (claims: object) =>
      await request(host.url)
        .get('/whoami')
        .auth(await idp.issueAssertion({ ...claims }), { type: 'bearer' })
    const [none, unknown] = [await send({}), await send({ iss: 'https://else.example.com' })]
    expect([none.status, none.body]).toEqual([unknown.status, unknown.body])
    expect(none.status).toBe(401)
  })

  it('obtains the scopes of its own registration, and never of another', async () => {
    await start()
    expect(await outcomeOf({ tenant: 'a' })).toBe('orders:read')
    expect(await outcomeOf({ tenant: 'b' })).toBe('orders:write')
    expect(await outcomeOf({ tenant: 'a' }, 'orders:write')).toEqual([400, 'invalid_scope', 'invalid_scope'])
    expect(await outcomeOf({ tenant: 'b' }, 'orders:read')).toEqual([400, 'invalid_scope', 'invalid_scope'])
    expect(await outcomeOf({ tenant: 'a' }, 'orders:read orders:write')).toBe('orders:read')
  })

  it('obtains nothing by a claim that is not signed', async () => {
    await start()
    const [header, , signature] = (await idp.issueAssertion({ tenant: 'a' })).split('.')
    const [, payload] = (await idp.issueAssertion({ tenant: 'b' })).split('.')
    const { status } = await host.exchangeAssertion([header, payload, signature].join('.'))
    expect([status, host.lastReason()]).toEqual([400, 'bad_signature'])
    expect(host.events.at(-1)).toMatchObject({ identityProvider: 'b' })
  })

  it('is called by the id of its registration in tokens, events, stats and functions', async () => {
    const seen: unknown[] = []
    const check: IdentityProviderOptions['check'] = (_, context) => {
      seen.push(context)
      return true
    }
    await start(() => [tenant('a', 'orders:read', { check }), tenant('b', 'orders:write')])
    const accessToken = await host.exchange.verifyAccessToken(await tokenOf('a'))
    expect(accessToken).toMatchObject({ sub: 'a|alice', identityProvider: 'a', payload: { idp: 'a' } })
    expect(seen).toEqual([{ identityProvider: 'a', clientId: 'app' }])
    expect(host.events.findLast(({ name }) => name === 'token.issued')).toMatchObject({ identityProvider: 'a' })
    expect(host.exchange.stats().identityProviders).toMatchObject([
      { id: 'a', name: idp.name, state: 'ok' },
      { id: 'b', name: idp.name, state: 'ok' },
    ])
    const refreshed = host.events.filter(({ name }) => name === 'jwks.refreshed')
    expect(refreshed.map(({ identityProvider }) => identityProvider)).toEqual(['a', 'b'])
    expect(idp.fetches).toBe(1)
  })

  it('is for the clients that name its registration', async () => {
    await start()
    const [ofA, ofB] = [await idp.issueAssertion({ tenant: 'a' }), await idp.issueAssertion({ tenant: 'b' })]
    const { status } = await exchangeAs('only-b', ofA)
    expect([status, host.lastReason()]).toEqual([400, 'client_not_allowed'])
    expect((await exchangeAs('only-b', ofB)).status).toBe(200)
  })

  it('is used once, and its jti counts within its registration only', async () => {
    await start()
    const claims = { tenant: 'a', jti: 'one' }
    expect(await outcomeOf(claims)).toBe('orders:read')
    expect(await outcomeOf({ tenant: 'b', jti: 'one' })).toBe('orders:write')
    expect(await outcomeOf(claims)).toEqual([400, 'invalid_grant', 'replayed'])
    expect(await outcomeOf({ tenant: 'b', jti: 'one' })).toEqual([400, 'invalid_grant', 'replayed'])
  })

  it('matches none if the only entry of its issuer has a registration for others', async () => {
    await start(() => [tenant('a', 'orders:read')], { clients: [CLIENT] })
    expect(await outcomeOf({ tenant: 'a' })).toBe('orders:read')
    expect(await outcomeOf({ tenant: 'b' })).toEqual([400, 'invalid_grant', 'unknown_registration'])
    expect(await outcomeOf({})).toEqual([400, 'invalid_grant', 'unknown_registration'])
  })
})

describe('the switch of a registration', () => {
  it('leaves the others on', async () => {
    await start()
    const [ofA, ofB] = [await tokenOf('a'), await tokenOf('b')]
    host.exchange.disableIdentityProvider('a')
    expect(await outcomeOf({ tenant: 'a' })).toEqual([400, 'invalid_grant', 'identity_provider_disabled'])
    expect(await outcomeOf({ tenant: 'b' })).toBe('orders:write')
    expect([await verdictOn(ofA), await verdictOn(ofB)]).toEqual(['identity_provider_disabled', 'b'])
    expect(host.exchange.stats().identityProviders.map(({ enabled }) => enabled)).toEqual([false, true])
    host.exchange.enableIdentityProvider('a')
    expect(await verdictOn(ofA)).toBe('a')
  })

  it('that the options turn off does not give its assertions to another', async () => {
    await start(() => [tenant('a', 'orders:read', { enabled: false }), tenant('b', 'orders:write')])
    expect(await outcomeOf({ tenant: 'a' })).toEqual([400, 'invalid_grant', 'identity_provider_disabled'])
  })

  it('is turned off for all by their name, and on by the id only', async () => {
    await start()
    host.exchange.disableIdentityProvider(idp.name)
    const switched = host.events.filter(({ name }) => name === 'identity_provider.disabled')
    expect(switched.map(({ identityProvider }) => identityProvider)).toEqual(['a', 'b'])
    await expect(host.exchange.enableIdentityProvider(idp.name)).rejects.toThrow(
      'expected the `id` of one of its registrations',
    )
    host.exchange.enableIdentityProvider('b')
    expect(host.exchange.stats().identityProviders.map(({ enabled }) => enabled)).toEqual([false, true])
    await expect(host.exchange.disableIdentityProvider('c')).rejects.toThrow('id: got "c"')
    await expect(host.exchange.refreshKeys(idp.name)).rejects.toThrow('one of its registrations: "a" or "b"')
    await expect(host.exchange.refreshKeys('b')).resolves.toMatchObject({ id: 'b' })
  })
})

describe('a change of the options', () => {
  const whole = (others: Partial<IdentityProviderOptions> = {}): IdentityProviderOptions => ({
    name: idp.name,
    jwksUri: idp.jwksUri,
    allowedSubjects: 'any',
    scopes: ['openid'],
    ...others,
  })
  const startWhole = (others: Partial<IdentityProviderOptions> = {}) =>
    start(() => [whole(others)], { clients: [ALL_SCOPES] })
  const enabledById = () =>
    Object.fromEntries(host.exchange.stats().identityProviders.map(({ id, enabled }) => [id, enabled]))

  it.each<[string, () => IdentityProviderOptions[], string[]]>([
    ['gets an id', () => [whole({ id: 'a' })], ['a']],
    ['is divided', bothTenants, ['a', 'b']],
  ])('does not switch on what was off at run time when an entry %s', async (_, next, ids) => {
    await startWhole()
    const { body } = await host.exchangeAssertion(await idp.issueAssertion({ tenant: 'a' }))
    host.exchange.disableIdentityProvider(idp.name)
    reconfigure(next())
    expect(enabledById()).toEqual(Object.fromEntries(ids.map((id) => [id, false])))
    expect(await outcomeOf({ tenant: 'a' })).toEqual([400, 'invalid_grant', 'identity_provider_disabled'])
    expect(await verdictOn(body.access_token)).toBe('identity_provider_disabled')
    host.exchange.enableIdentityProvider('a')
    reconfigure(next())
    expect(enabledById()).toMatchObject({ a: true })
  })

  it('does not switch on what was off at run time when entries are merged, or get another id', async () => {
    await start()
    host.exchange.disableIdentityProvider('a')
    reconfigure([{ ...tenant('a', 'orders:read'), id: 'c' }, tenant('b', 'orders:write')])
    expect(enabledById()).toEqual({ c: false, b: true })
    reconfigure([tenant('b', 'orders:write')])
    reconfigure([whole()])
    expect(enabledById()).toEqual({ [idp.name]: false })
  })

  it.each<[string, () => IdentityProviderOptions]>([
    ['another value', () => ({ ...tenant('b', 'orders:read'), id: 'a' })],
    ['another issuer', () => whole({ name: 'https://else.example.com', id: 'a' })],
  ])('does not switch on what was off at run time after its id was given to %s', async (_, next) => {
    await start()
    host.exchange.disableIdentityProvider('a')
    reconfigure([next()])
    reconfigure([next(), { ...tenant('a', 'orders:read'), id: 'c' }])
    expect(enabledById()).toEqual({ a: false, c: false })
    expect(await outcomeOf({ tenant: 'a' })).toEqual([400, 'invalid_grant', 'identity_provider_disabled'])
    reconfigure([tenant('a', 'orders:read')])
    host.exchange.enableIdentityProvider('a')
    reconfigure([{ ...tenant('a', 'orders:read'), id: 'd' }])
    expect(await outcomeOf({ tenant: 'a' })).toEqual([400, 'invalid_grant', 'identity_provider_disabled'])
    host.exchange.enableIdentityProvider('c')
    host.exchange.enableIdentityProvider('d')
    expect(await outcomeOf({ tenant: 'a' })).toBe('orders:read')
  })

  it('refuses access tokens of a former name while an entry is off to which they could belong', async () => {
    await startWhole()
    const { body } = await host.exchangeAssertion(await idp.issueAssertion({ tenant: 'a' }))
    reconfigure(bothTenants())
    expect(await verdictOn(body.access_token)).toBe(idp.name)
    host.exchange.disableIdentityProvider('b')
    expect(await verdictOn(body.access_token)).toBe('identity_provider_disabled')
    host.exchange.enableIdentityProvider('b')
    expect(await verdictOn(body.access_token)).toBe(idp.name)
    reconfigure([whole({ id: 'new' })])
    host.exchange.disableIdentityProvider('new')
    expect(await verdictOn(body.access_token)).toBe('identity_provider_disabled')
  })

  it('refuses access tokens of a former id when the entry that has its assertions is off', async () => {
    await start()
    const [ofA, ofB] = [await tokenOf('a'), await tokenOf('b')]
    reconfigure([{ ...tenant('a', 'orders:read'), id: 'c' }, tenant('b', 'orders:write')])
    host.exchange.disableIdentityProvider('c')
    expect([await verdictOn(ofA), await verdictOn(ofB)]).toEqual(['identity_provider_disabled', 'b'])
  })

  it.each<[string, () => IdentityProviderOptions[], () => IdentityProviderOptions[]]>([
    ['gets an id', () => [whole()], () => [whole({ id: 'a' })]],
    ['gets another id', bothTenants, () => [{ ...tenant('a', 'orders:read'), id: 'c' }, tenant('b', 'orders:write')]],
    ['is divided', () => [whole()], bothTenants],
    ['is merged with others', bothTenants, () => [whole()]],
    [
      'gets a condition on another claim',
      () => [tenant('a', 'openid')],
      () => [whole({ id: 'x', registration: { claim: 'sub', value: 'alice' } })],
    ],
  ])('does not make a used assertion usable again when an entry %s', async (_, entriesBefore, entriesAfter) => {
    await start(entriesBefore, { clients: [ALL_SCOPES] })
    const used = await idp.issueAssertion({ tenant: 'a' })
    const withoutId = await idp.issueAssertion({ tenant: 'a', jti: undefined, tick: randomUUID() })
    for (const each of [used, withoutId]) {
      const { status } = await host.exchangeAssertion(each)
      expect([status, host.lastReason()]).toEqual([200, undefined])
    }
    reconfigure(entriesAfter())
    const replayed = async () => {
      for (const each of [used, withoutId]) {
        expect([(await host.exchangeAssertion(each)).status, host.lastReason()]).toEqual([400, 'replayed'])
      }
    }
    await replayed()
    reconfigure(entriesAfter())
    await replayed()
    const fresh = await idp.issueAssertion({ tenant: 'a' })
    expect((await host.exchangeAssertion(fresh)).status).toBe(200)
    reconfigure(entriesBefore())
    expect([(await host.exchangeAssertion(fresh)).status, host.lastReason()]).toEqual([400, 'replayed'])
  })

  it('lets each entry keep its clock tolerance, and gives none more than its assertions had', async () => {
    const entries = () => [
      tenant('a', 'orders:read', { clockTolerance: 10 }),
      tenant('b', 'orders:write', { clockTolerance: 60 }),
    ]
    await start(entries)
    reconfigure(entries())
    const more = { ...tenant('a', 'orders:read', { clockTolerance: 60 }), id: 'c' }
    expect(() => reconfigure([more])).toThrow('clockTolerance: got 60; expected at most 10')
    expect(() => reconfigure([whole({ clockTolerance: 60 })])).toThrow('expected at most 10')
    reconfigure([tenant('c', 'openid', { clockTolerance: 60 })])
  })

  it('that gives an entry an id is refused while a client still names it by its name', async () => {
    await startWhole()
    const client = { ...ALL_SCOPES, identityProviders: [idp.name] }
    expect(() => reconfigure(bothTenants(), [client])).toThrow('clients[0].identityProviders')
    reconfigure([whole()], [client])
  })
})

describe('a subject that is a URI of a workload', () => {
  const PATTERNS = ['spiffe://example.org/ns/*', 'wimse://example.org/Batch']
  const startWithPatterns = () =>
    start(() => [
      tenant('a', 'orders:read', {
        allowedSubjects: PATTERNS,
        subject: 'w|${claims.sub}',
        bindings: [{ name: 'prod', when: { sub: 'spiffe://example.org/ns/prod/*' }, scopes: ['orders:read'] }],
      }),
      tenant('b', 'orders:write', { allowedSubjects: PATTERNS, subject: 'x|${claims.sub}' }),
    ])

  it.each(['spiffe://example.org/ns/prod/sa/web', 'spiffe://example.org/ns/', 'wimse://example.org/Batch'])(
    'is accepted by its text, without registration: %s',
    async (sub) => {
      await startWithPatterns()
      const { body } = await host.exchangeAssertion(await idp.issueAssertion({ tenant: 'b', sub }))
      expect(await host.exchange.verifyAccessToken(body.access_token)).toMatchObject({ sub: `x|${sub}` })
    },
  )

  it.each([
    'SPIFFE://example.org/ns/prod',
    'spiffe://Example.org/ns/prod',
    'spiffe://example.org.evil.example/ns/prod',
    'spiffe://evil.example/spiffe://example.org/ns/prod',
    'spiffe://example.org/NS/prod',
    'spiffe://example.org/ns',
    'wimse://example.org/ns/prod',
    'wimse://example.org/batch',
    'wimse://example.org/Batch/x',
    'wimse://example.org/%42atch',
  ])('is refused if it differs in any character: %s', async (sub) => {
    await startWithPatterns()
    expect(await outcomeOf({ tenant: 'b', sub })).toEqual([400, 'invalid_grant', 'subject_not_allowed'])
  })

  it('satisfies a binding by its text', async () => {
    await startWithPatterns()
    expect(await outcomeOf({ tenant: 'a', sub: 'spiffe://example.org/ns/prod/sa/web' })).toBe('orders:read')
    const other = { tenant: 'a', sub: 'spiffe://example.org/ns/Prod/sa/web' }
    expect(await outcomeOf(other)).toEqual([400, 'invalid_grant', 'no_binding_matches'])
  })
})
