import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createJwtExchange, generateSigningKey, type IdentityProviderOptions } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { CLIENT, type ExchangeHost, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const TEMPLATE = 'https://login.example.com/{tenantid}/v2.0'
const ACME = '11111111-2222-3333-4444-555555555555'
const GLOBEX = '99999999-2222-3333-4444-555555555555'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

interface Started {
  host: ExchangeHost
  idp: FakeIdentityProvider
}

/** An identity provider with one endpoint for the keys of all its tenants. */
async function start(entry: Partial<IdentityProviderOptions>, exchange = {}): Promise<Started> {
  const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256', name: TEMPLATE })
  const keys = entry.discovery === undefined ? { jwksUri: idp.jwksUri } : {}
  const provider = { name: TEMPLATE, ...keys, allowedSubjects: 'any' as const, ...entry }
  const discovery = entry.discovery === undefined ? {} : { discovery: `${idp.url}/.well-known/openid-configuration` }
  const host = await startExchangeHost({
    exchange: { subject: 'namespaced', identityProviders: [{ ...provider, ...discovery }], ...exchange },
  })
  closers.push(
    () => host.close(),
    () => idp.close(),
  )
  return { host, idp }
}

const issuerOf = (tenant: string) => TEMPLATE.replace('{tenantid}', tenant)
const claimsOf = (tenant: string) => ({ iss: issuerOf(tenant), tid: tenant })

async function outcomeOf({ host, idp }: Started, claims: object) {
  const { status, body } = await host.exchangeAssertion(await idp.issueAssertion({ ...claims }))
  return status === 200 ? body.access_token : host.lastReason()
}

const WRONG: [string, object][] = [
  ['no tid', { iss: issuerOf(ACME) }],
  ['the tid of another tenant', { iss: issuerOf(ACME), tid: GLOBEX }],
  ['the tid in upper case', { iss: issuerOf('abc'), tid: 'ABC' }],
  ['a tid that is a list', { iss: issuerOf(ACME), tid: [ACME] }],
  ['the template itself', { iss: TEMPLATE, tid: '{tenantid}' }],
  ['an empty tenant', { iss: issuerOf(''), tid: '' }],
  ['a tenant of two segments', { iss: issuerOf(`${ACME}/x`), tid: `${ACME}/x` }],
  ['a tenant with dots only', { iss: issuerOf('..'), tid: '..' }],
  ['a tenant with a query', { iss: issuerOf(`${ACME}?x=`), tid: `${ACME}?x=` }],
  ['a tenant of 129 characters', { iss: issuerOf('a'.repeat(129)), tid: 'a'.repeat(129) }],
  ['another host', { iss: issuerOf(ACME).replace('login', 'evil'), tid: ACME }],
  ['more behind it', { iss: `${issuerOf(ACME)}/`, tid: ACME }],
  ['another beginning', { iss: `x${issuerOf(ACME)}`, tid: ACME }],
]

describe.each([
  ['a list', [ACME, 'abc'] as const],
  ['any', 'any' as const],
])('an entry for tenants: %s', (_, tenants) => {
  it('accepts a tenant by its iss and tid, with a subject and an idp claim of its own, and one key set', async () => {
    const started = await start({ tenants })
    for (const tenant of [ACME, 'abc']) {
      const token = await outcomeOf(started, { ...claimsOf(tenant), sub: 'alice' })
      expect(await started.host.exchange.verifyAccessToken(token)).toMatchObject({
        sub: `${issuerOf(tenant)}|alice`,
        identityProvider: issuerOf(tenant),
      })
    }
    expect(started.idp.fetches).toBe(1)
  })

  it.each(WRONG)('refuses %s', async (__, claims) => {
    const started = await start({ tenants })
    expect(await outcomeOf(started, claims)).toMatch(/^unknown_(?:issuer|registration)$/)
  })

  it('uses an assertion up for its tenant only', async () => {
    const started = await start({ tenants })
    const jti = randomUUID()
    expect(await outcomeOf(started, { ...claimsOf(ACME), jti })).toMatch(/^ey/)
    expect(await outcomeOf(started, { ...claimsOf(ACME), jti })).toBe('replayed')
    expect(await outcomeOf(started, { ...claimsOf('abc'), jti })).toMatch(/^ey/)
  })

  it('has a switch for each tenant, also for its access tokens', async () => {
    const started = await start({ tenants })
    const { exchange } = started.host
    const [token, other] = [await outcomeOf(started, claimsOf(ACME)), await outcomeOf(started, claimsOf('abc'))]
    await exchange.disableIdentityProvider(issuerOf(ACME))
    expect(await outcomeOf(started, claimsOf(ACME))).toBe('identity_provider_disabled')
    await expect(exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
    expect(await exchange.verifyAccessToken(other)).toMatchObject({ identityProvider: issuerOf('abc') })
    expect(await outcomeOf(started, claimsOf('abc'))).toMatch(/^ey/)
    await exchange.enableIdentityProvider(issuerOf(ACME))
    expect(await outcomeOf(started, claimsOf(ACME))).toMatch(/^ey/)
    expect(await exchange.verifyAccessToken(token)).toMatchObject({ identityProvider: issuerOf(ACME) })
  })

  it('has an id for each tenant from the template of the ids', async () => {
    const started = await start({ tenants, id: 'entra-{tenantid}' })
    const token = await outcomeOf(started, { ...claimsOf(ACME), sub: 'alice' })
    expect(await started.host.exchange.verifyAccessToken(token)).toMatchObject({
      sub: `entra-${ACME}|alice`,
      identityProvider: `entra-${ACME}`,
    })
  })

  it('reads metadata of all tenants, whose issuer is the template', async () => {
    const started = await start({ tenants, discovery: true })
    expect(await outcomeOf(started, claimsOf(ACME))).toMatch(/^ey/)
    expect(started.idp.fetches).toBe(1)
  })

  it('loses to an entry with the exact name', async () => {
    const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
    closers.push(() => idp.close())
    const exact = { name: issuerOf(GLOBEX), jwksUri: idp.jwksUri, allowedSubjects: ['bob'] }
    const template = { name: TEMPLATE, jwksUri: idp.jwksUri, allowedSubjects: 'any' as const, tenants }
    const { host } = await start({}, { identityProviders: [template, exact] })
    expect(await outcomeOf({ host, idp }, claimsOf(GLOBEX))).toBe('subject_not_allowed')
    expect(await outcomeOf({ host, idp }, { ...claimsOf(GLOBEX), sub: 'bob' })).toMatch(/^ey/)
  })
})

describe('an entry for any tenant', () => {
  it('is switched off as a whole by its id', async () => {
    const started = await start({ tenants: 'any' })
    const token = await outcomeOf(started, claimsOf(ACME))
    await started.host.exchange.disableIdentityProvider(TEMPLATE)
    expect(await outcomeOf(started, claimsOf(ACME))).toBe('identity_provider_disabled')
    await expect(started.host.exchange.verifyAccessToken(token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
  })

  it('keeps a tenant off when the options change', async () => {
    const accessToken = { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] }
    const started = await start({ tenants: 'any' }, { accessToken })
    const { exchange } = started.host
    const token = await outcomeOf(started, claimsOf(ACME))
    await exchange.disableIdentityProvider(issuerOf(ACME))
    exchange.reconfigure({
      issuer: 'https://api.example.com/oauth2',
      subject: 'namespaced',
      identityProviders: [{ name: TEMPLATE, jwksUri: started.idp.jwksUri, allowedSubjects: 'any', tenants: 'any' }],
      clients: [CLIENT],
      accessToken,
    })
    expect(await outcomeOf(started, claimsOf(ACME))).toBe('identity_provider_disabled')
    await expect(exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
  })
})

describe('a list of tenants', () => {
  it('refuses a tenant that it does not have', async () => {
    const started = await start({ tenants: [ACME] })
    expect(await outcomeOf(started, claimsOf(GLOBEX))).toBe('unknown_issuer')
  })

  it('may have an endpoint for each tenant', () => {
    const exchange = createWith({ tenants: [ACME, GLOBEX], jwksUri: 'https://login.example.com/{tenantid}/keys' })
    expect(exchange.stats().identityProviders.map(({ id }) => id)).toEqual([issuerOf(ACME), issuerOf(GLOBEX)])
    exchange.close()
  })
})

function createWith(entry: object, subject: string | null = 'namespaced') {
  const keys = 'discovery' in entry ? {} : { jwksUri: 'https://login.example.com/keys' }
  const provider = { name: TEMPLATE, ...keys, allowedSubjects: 'any', ...entry }
  return createJwtExchange({
    issuer: 'https://api.example.com/oauth2',
    ...(subject !== null && { subject }),
    identityProviders: [provider as IdentityProviderOptions],
    clients: [CLIENT],
    accessToken: { audience: 'https://api.example.com' },
  })
}

describe('options that would trust other tenants than meant are refused', () => {
  it.each<[string, object, RegExp]>([
    ['a template without tenants', {}, /name: got a template.*set `tenants` for several tenants/],
    [
      'common without tenants',
      { name: 'https://login.microsoftonline.com/common/v2.0' },
      /name: got a name of many tenants/,
    ],
    ['a star without tenants', { name: 'https://login.example.com/*/v2.0' }, /name: got a template/],
    ['tenants without a template', { name: 'https://idp.example.com', tenants: [ACME] }, /name: .*`\{tenantid\}` once/],
    ['the tenant in the host', { name: 'https://{tenantid}.example.com/', tenants: [ACME] }, /name: .*whole segment/],
    ['the tenant in half a segment', { name: 'https://a.example.com/x-{tenantid}/', tenants: [ACME] }, /whole segment/],
    ['two tenants', { name: 'https://a.example.com/{tenantid}/{tenantid}', tenants: [ACME] }, /name: .*once/],
    ['an empty list', { tenants: [] }, /tenants: got an empty array/],
    ['a star for any', { tenants: '*' }, /tenants: got "\*"; expected "any", or an array/],
    ['a star in the list', { tenants: ['*'] }, /tenants\[0\]: got "\*"/],
    ['a path in the list', { tenants: ['a/b'] }, /tenants\[0\]/],
    ['a number', { tenants: [7] }, /tenants\[0\]/],
    ['an id for all', { tenants: [ACME], id: 'entra' }, /id: got "entra"; expected a text with `\{tenantid\}` once/],
    [
      'a registration',
      { tenants: [ACME], registration: { claim: 'x', value: 'y' } },
      /registration: a tenant is found/,
    ],
    [
      'keys for each of any',
      { tenants: 'any', jwksUri: 'https://a.example.com/{tenantid}' },
      /jwksUri: with `tenants: 'any'`/,
    ],
    ['discovery for each of any', { tenants: 'any', discovery: true }, /discovery: with `tenants: 'any'`/],
  ])('%s', (_, entry, message) => {
    expect(() => createWith(entry)).toThrow(message)
  })

  it.each<[string, object, string | null]>([
    ['any, with raw subjects', { tenants: 'any' }, 'raw'],
    ['any, without a subject', { tenants: 'any' }, null],
    ['any, with a template', { tenants: 'any', subject: 'u|${claims.oid}' }, 'namespaced'],
    ['two tenants without a subject', { tenants: [ACME, GLOBEX] }, null],
    ['two tenants with one template', { tenants: [ACME, GLOBEX], subject: 'u|${claims.oid}' }, 'namespaced'],
  ])('subjects that tenants could share: %s', (_, entry, subject) => {
    expect(() => createWith(entry, subject)).toThrow(/subject: /)
  })
})

describe('an id that a tenant of another entry can have', () => {
  const entra = { id: 'entra-{tenantid}', tenants: 'any' as const }
  const other = { name: 'https://other.example.com' }

  function createWithSecond(first: object, second: object) {
    const keys = { jwksUri: 'https://login.example.com/keys', allowedSubjects: 'any' as const }
    return createJwtExchange({
      issuer: 'https://api.example.com/oauth2',
      subject: 'namespaced',
      identityProviders: [{ name: TEMPLATE, ...keys, ...first }, { ...keys, ...second } as IdentityProviderOptions],
      clients: [CLIENT],
      accessToken: { audience: 'https://api.example.com' },
    })
  }

  it.each<[string, object, object]>([
    ['the id of another issuer', entra, { ...other, id: 'entra-abc' }],
    ['the id of another issuer, by the template of the names', { tenants: 'any' }, { ...other, id: issuerOf('abc') }],
    ['the name of a tenant as the id of another issuer', entra, { ...other, id: issuerOf('abc') }],
    ['the name of another issuer', { ...entra, id: 'https://{tenantid}' }, { name: 'https://abc' }],
    ['another tenant of the issuer', entra, { name: issuerOf('abc'), id: 'entra-def' }],
    ['another template', entra, { name: `https://b.example.com/{tenantid}`, tenants: 'any', id: 'entra-b-{tenantid}' }],
    ['a list', entra, { name: `https://b.example.com/{tenantid}`, tenants: ['x'], id: 'entra-b-{tenantid}' }],
  ])('is refused: %s', (_, first, second) => {
    expect(() => createWithSecond(first, second)).toThrow(/id: a tenant of another entry can have this `id`/)
    expect(() => createWithSecond(second, { name: TEMPLATE, ...first })).toThrow(
      /id: a tenant of another entry can have/,
    )
  })

  it.each<[string, object, object]>([
    ['the tenant itself', entra, { name: issuerOf('abc'), id: 'entra-abc' }],
    ['the tenant itself, by its name', { tenants: 'any' }, { name: issuerOf('abc') }],
    ['a text that no tenant has', entra, { ...other, id: 'entra-a/b' }],
    ['another beginning', entra, { name: 'https://b.example.com/{tenantid}', tenants: 'any', id: 'b-{tenantid}' }],
    ['another end', { tenants: 'any' }, { name: 'https://login.example.com/{tenantid}/v1.0', tenants: 'any' }],
    ['another segment', { tenants: 'any' }, { name: 'https://login.example.com/a/{tenantid}/v2.0', tenants: 'any' }],
  ])('is not %s', (_, first, second) => {
    createWithSecond(first, second).close()
  })
})
