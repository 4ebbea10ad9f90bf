import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import { decodeJwt } from 'jose'
import request, { type Response } from 'supertest'
import {
  type ClientOptions,
  generateSigningKey,
  type JwtExchangeOptions,
  type ResourceOptions,
} from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, type ExchangeHostOptions, GRANT_TYPE, ISSUER } from '../support/exchange-host.js'
import { expectRefusal } from '../support/expect-refusal.js'

const BILLING = 'https://billing.example.com/api'
const SHIPPING = 'urn:example:shipping'
const NO_URI = 'shipping'
const SCOPES = ['orders:read', 'bills:read']

let host: ClockedHost
const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((each) => each.close())))

async function start(options: ExchangeHostOptions = {}): Promise<ClockedHost> {
  const started = await startClockedHost({
    ...options,
    exchange: {
      clients: [{ ...CLIENT, scopes: SCOPES }],
      accessToken: { audience: [AUDIENCE, BILLING, SHIPPING, NO_URI], signingKeys: [generateSigningKey()] },
    },
  })
  hosts.push(started)
  return started
}

/** Posts a form whose further part is as it is written. */
async function ask(further: string, asked = host, assertion?: string): Promise<Response> {
  const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: assertion ?? (await asked.assertion()) })
  return request(asked.url)
    .post('/oauth2/token')
    .auth(CLIENT.clientId, CLIENT.clientSecret)
    .type('form')
    .send(`${form}${further}`)
}

function resourcesOf(...resources: string[]): string {
  return resources.map((resource) => `&resource=${encodeURIComponent(resource)}`).join('')
}

/** The audience of the access token that is issued. */
async function audienceOf(further: string, asked = host): Promise<unknown> {
  const { status, body } = await ask(further, asked)
  if (status !== 200) return [status, body.error]
  return (await asked.exchange.verifyAccessToken(body.access_token)).payload.aud
}

describe('the parameter resource', () => {
  beforeAll(async () => {
    host = await start()
  })

  it('RFC 8707 §2: one resource is the only audience of the token [rule 110] [rule 111]', async () => {
    expect(await audienceOf(resourcesOf(AUDIENCE))).toBe(AUDIENCE)
    expect(await audienceOf(resourcesOf(BILLING))).toBe(BILLING)
    expect(await audienceOf(resourcesOf(SHIPPING))).toBe(SHIPPING)
  })

  it('RFC 8707 §2: several resources are the audiences of the token, each once [rule 110] [rule 111]', async () => {
    expect(await audienceOf(resourcesOf(SHIPPING, AUDIENCE))).toEqual([SHIPPING, AUDIENCE])
    expect(await audienceOf(resourcesOf(BILLING, BILLING, BILLING))).toBe(BILLING)
    expect(await audienceOf(resourcesOf(...Array<string>(90).fill(BILLING)))).toBe(BILLING)
  })

  it('RFC 8707 §2: a request without it, or without a value, is for all audiences [rule 110]', async () => {
    const all = [AUDIENCE, BILLING, SHIPPING, NO_URI]
    expect(await audienceOf('')).toEqual(all)
    expect(await audienceOf('&resource=')).toEqual(all)
    expect(await audienceOf('&resource=&resource=')).toEqual(all)
    expect(await audienceOf(`&resource=${resourcesOf(BILLING)}`)).toBe(BILLING)
  })

  it.each([
    ['another host', 'https://else.example.com'],
    ['another path', `${BILLING}/v2`],
    ['a path more', `${AUDIENCE}/orders`],
    ['a slash more', `${BILLING}/`],
    ['a path in capitals', BILLING.replace('api', 'API')],
    ['a path that is encoded', BILLING.replace('api', '%61pi')],
    ['a query', `${AUDIENCE}?x=1`],
    ['the default port', `${AUDIENCE}:443`],
    ['http', AUDIENCE.replace('https', 'http')],
    ['user info', AUDIENCE.replace('//', '//app@')],
    ['an urn in capitals', SHIPPING.toUpperCase()],
    ['a pattern', 'https://*'],
    ['two in one', `${AUDIENCE} ${BILLING}`],
    ['a fragment', `${AUDIENCE}#x`],
    ['an empty fragment', `${AUDIENCE}#`],
    ['a relative one', '/api'],
    ['what is no URI, though it is an audience', NO_URI],
    ['a line break', `${AUDIENCE}\n`],
    ['NUL', `${AUDIENCE}\0`],
    ['white space', ' '],
    ['8 KB', `${AUDIENCE}/${'x'.repeat(8192)}`],
    ['8 KB of no URI', 'a'.repeat(8192)],
  ])('RFC 8707 §2: a resource with %s is an invalid_target [rule 110]', async (_, resource) => {
    for (const further of [resourcesOf(resource), resourcesOf(AUDIENCE, resource), resourcesOf(resource, AUDIENCE)]) {
      await expectRefusal(ask(further), { status: 400, error: 'invalid_target' })
      expect(host.events.at(-1)).toMatchObject({ name: 'token.rejected', reason: 'invalid_target' })
    }
  })

  it('RFC 8707 §2: case of scheme and host, and the slash of an empty path, are the same resource, as registered [rule 110]', async () => {
    expect(await audienceOf(resourcesOf(`${AUDIENCE}/`))).toBe(AUDIENCE)
    expect(await audienceOf(resourcesOf(AUDIENCE.toUpperCase()))).toBe(AUDIENCE)
    expect(await audienceOf(resourcesOf(`${AUDIENCE.toUpperCase()}/`, AUDIENCE))).toBe(AUDIENCE)
    expect(await audienceOf(resourcesOf(BILLING.replace('billing', 'BILLING')))).toBe(BILLING)
  })

  it('RFC 8707 §2: a request with a refused resource does not consume the assertion [rule 110]', async () => {
    const assertion = await host.assertion()
    expect((await ask(resourcesOf('urn:else'), host, assertion)).body.error).toBe('invalid_target')
    expect((await ask(resourcesOf(BILLING), host, assertion)).status).toBe(200)
  })

  it('RFC 8707 §2: more than a hundred parameters are too many, even if all are resources [rule 110]', async () => {
    await expectRefusal(ask(resourcesOf(...Array<string>(99).fill(BILLING))), { status: 400, error: 'invalid_request' })
  })

  it('RFC 8707 §2: no other parameter may be repeated [rule 110]', async () => {
    for (const further of ['&scope=a&scope=b', '&audience=a&audience=b', `&resource[]=${AUDIENCE}&resource[]=x`]) {
      expect((await ask(further)).body.error).toBe('invalid_request')
    }
  })
})

describe('the parameter resource behind a parser of the host', () => {
  it.each<[string, ExchangeHostOptions['before']]>([
    ['urlencoded, extended', (app) => app.use(express.urlencoded({ extended: true }))],
    ['urlencoded', (app) => app.use(express.urlencoded({ extended: false }))],
    ['text', (app) => app.use(express.text({ type: '*/*' }))],
    ['raw', (app) => app.use(express.raw({ type: '*/*' }))],
  ])('RFC 8707 §2: is read alike behind express.%s [rule 110]', async (_, before) => {
    const behind = await start({ ...(before && { before }) })
    expect(await audienceOf(resourcesOf(BILLING), behind)).toBe(BILLING)
    expect(await audienceOf(resourcesOf(SHIPPING, AUDIENCE), behind)).toEqual([SHIPPING, AUDIENCE])
    expect(await audienceOf(resourcesOf('urn:else', AUDIENCE), behind)).toEqual([400, 'invalid_target'])
    const many = resourcesOf(...Array<string>(120).fill(BILLING))
    expect(await audienceOf(many, behind)).toEqual([400, 'invalid_request'])
  })

  it.each<[string, unknown, unknown]>([
    ['an array of one', [BILLING], BILLING],
    ['an array of two', [BILLING, AUDIENCE], [BILLING, AUDIENCE]],
    ['an empty array', [], [AUDIENCE, BILLING, SHIPPING, NO_URI]],
    ['an array with an empty string', ['', BILLING], BILLING],
    ['an array in an array', [[BILLING]], [400, 'invalid_request']],
    ['an array with a number', [BILLING, 1], [400, 'invalid_request']],
    ['an array with a hole', Object.assign(Array(2), { 0: BILLING }), [400, 'invalid_request']],
    ['an array of a hundred', Array(100).fill(BILLING), [400, 'invalid_request']],
    ['an object', { 0: BILLING }, [400, 'invalid_request']],
    ['null', null, [400, 'invalid_request']],
    ['a number', 1, [400, 'invalid_request']],
  ])('RFC 8707 §2: may be %s there [rule 110]', async (_, resource, audience) => {
    const before: ExchangeHostOptions['before'] = (app) =>
      app.use(express.urlencoded({ extended: false }), (req, _res, next) => {
        if (req.body) req.body.resource = resource
        next()
      })
    expect(await audienceOf('', await start({ before }))).toEqual(audience)
  })
})

describe('a resource and bindings', () => {
  const bindings = [
    { name: 'orders', scopes: ['orders:read'], resources: [AUDIENCE] },
    { name: 'bills', scopes: ['bills:read'], resources: [BILLING], when: { team: 'billing' } },
  ]
  beforeAll(async () => {
    host = await start({ identityProvider: { bindings: bindings } })
  })

  it('RFC 8707 §2: scopes of another resource do not get into the token [rule 110]', async () => {
    const assertion = await host.assertion({ team: 'billing' })
    const { body } = await ask(`&scope=bills:read+orders:read${resourcesOf(BILLING)}`, host, assertion)
    expect(body.scope).toBe('bills:read')
    const { scopes, audience } = await host.exchange.verifyAccessToken(body.access_token)
    expect([scopes, audience]).toEqual([['bills:read'], [BILLING]])
  })

  it('RFC 8707 §2: naming one of several resources without a scope grants the scopes of that resource [rule 110]', async () => {
    const whole = await host.assertion({ team: 'billing' })
    expect((await ask('', host, whole)).body.error).toBe('invalid_scope')
    expect((await ask(resourcesOf(AUDIENCE), host, whole)).body.scope).toBe('orders:read')
  })

  it('RFC 8707 §2: a resource that no matching binding grants is an invalid_target [rule 110]', async () => {
    expect(await audienceOf(resourcesOf(AUDIENCE))).toBe(AUDIENCE)
    expect(await audienceOf(resourcesOf(BILLING))).toEqual([400, 'invalid_target'])
    expect(await audienceOf(resourcesOf(SHIPPING))).toEqual([400, 'invalid_target'])
    const both = await host.assertion({ team: 'billing' })
    const { body } = await ask(`&scope=bills:read${resourcesOf(BILLING, AUDIENCE)}`, host, both)
    expect(body.error).toBe('invalid_scope')
  })
})

describe('the option resources', () => {
  const ORDERS = 'https://api.example.com/orders'
  const ROOT = 'https://billing.example.com'
  const QUERY = 'https://api.example.com/find?tenant=a'
  const PORT = 'https://api.example.com:8443'
  const resources: readonly ResourceOptions[] = [
    { identifier: ORDERS, scopes: ['orders:read', 'orders:write', 'shared'], lifetime: 300 },
    { identifier: ROOT, scopes: ['bills:read', 'shared'], lifetime: 120 },
    { identifier: SHIPPING },
    { identifier: QUERY },
    { identifier: PORT },
  ]
  const clients: readonly ClientOptions[] = [
    { ...CLIENT, scopes: ['orders:read', 'bills:read', 'shared'] },
    { ...CLIENT, clientId: 'billing', scopes: ['bills:read', 'shared'], resources: [ROOT] },
  ]
  const started = async (exchange: Partial<JwtExchangeOptions>, identityProvider = {}) => {
    const accessToken = { signingKeys: [generateSigningKey()] }
    const found = await startClockedHost({
      identityProvider,
      exchange: { resources, clients, accessToken, ...exchange },
    })
    hosts.push(found)
    return found
  }

  /** The audience, scope and answered resource of an access token, or the error. */
  async function outcomeOf(further: string, clientId: string = CLIENT.clientId, asked = host, claims = {}) {
    const assertion = await asked.assertion(claims)
    const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion })
    const { body } = await request(asked.url)
      .post('/oauth2/token')
      .auth(clientId, CLIENT.clientSecret)
      .type('form')
      .send(`${form}${further}`)
    if (body.error !== undefined) return body.error
    const { aud, scope } = decodeJwt(body.access_token)
    return { aud, scope, ...(body.resource !== undefined && { resource: body.resource }), lifetime: body.expires_in }
  }

  beforeAll(async () => {
    host = await started({})
  })

  it.each([
    ['another host', 'https://else.example.com'],
    ['a path more', `${ORDERS}/v2`],
    ['the slash of a path', `${ORDERS}/`],
    ['a path in capitals', ORDERS.replace('orders', 'Orders')],
    ['a path that is encoded', ORDERS.replace('orders', '%6Frders')],
    ['a query more', `${ORDERS}?x=1`],
    ['no query', QUERY.replace(/\?.*/, '')],
    ['another port', `${PORT.slice(0, -1)}4`],
    ['no port', 'https://api.example.com'],
    ['the default port', `${ROOT}:443`],
    ['a dot segment', `${ORDERS}/.`],
    ['an urn in capitals', SHIPPING.toUpperCase()],
    ['a relative one', '/orders'],
    ['a host alone', 'api.example.com/orders'],
    ['a fragment', `${ORDERS}#x`],
    ['an empty fragment', `${ORDERS}#`],
    ['white space', ` ${ORDERS}`],
    ['two in one', `${ORDERS} ${ROOT}`],
    ['NUL', `${ORDERS}\0`],
    ['a member of every object', '__proto__'],
  ])(
    'RFC 8707 §2: a resource with %s is an invalid_target, without an echo [rule 110] [rule 212]',
    async (_, resource) => {
      for (const further of [resourcesOf(resource), resourcesOf(ORDERS, resource)]) {
        const response = await ask(further)
        expect([response.status, response.body.error]).toEqual([400, 'invalid_target'])
        expect(response.text).not.toContain(JSON.stringify(resource).slice(1, -1).trim())
      }
    },
  )

  it('RFC 8707 §2: a form of 11 MB is refused before its resources are read [rule 110]', async () => {
    const response = await ask(`&resource=${'x'.repeat(11 * 2 ** 20)}`).catch((error: Error) => error)
    expect(response instanceof Error || response.status === 413 || response.status === 400).toBe(true)
    expect(await outcomeOf(resourcesOf(ORDERS))).toMatchObject({ aud: ORDERS })
  })

  it('RFC 8707 §2: without the parameter and without a default, a request is an invalid_target [rule 103]', async () => {
    expect(await outcomeOf('')).toBe('invalid_target')
    expect(await outcomeOf('&resource=')).toBe('invalid_target')
    expect(await outcomeOf('&scope=orders:read')).toBe('invalid_target')
    expect(host.lastReason()).toBe('invalid_target')
  })

  it('RFC 8707 §2: a resource of another client is an invalid_target [rule 110]', async () => {
    expect(await outcomeOf(resourcesOf(ORDERS), 'billing')).toBe('invalid_target')
    expect(await outcomeOf(resourcesOf(ROOT, ORDERS), 'billing')).toBe('invalid_target')
    expect(await outcomeOf(resourcesOf(ROOT), 'billing')).toMatchObject({ aud: ROOT, scope: 'bills:read shared' })
  })

  it('RFC 8707 §2.2: the token is for what was requested, as registered, and the answer says so [rule 111] [rule 213]', async () => {
    const spellings = [ROOT, `${ROOT}/`, ROOT.toUpperCase(), 'HTTPS://Billing.Example.com/']
    for (const spelling of spellings) {
      expect(await outcomeOf(resourcesOf(spelling))).toMatchObject({ aud: ROOT, resource: ROOT })
    }
    expect(await outcomeOf(resourcesOf('https://API.example.com/orders'))).toMatchObject({
      aud: ORDERS,
      resource: ORDERS,
    })
    expect(await outcomeOf(resourcesOf(...spellings))).toMatchObject({ aud: ROOT, resource: ROOT })
    for (const each of [QUERY, PORT, `${PORT}/`]) {
      expect(await outcomeOf(resourcesOf(each))).toMatchObject({ aud: each.replace(/\/$/, '') })
    }
  })

  it('RFC 9068 §3: a token has only scopes of its resource [rule 103]', async () => {
    expect(await outcomeOf(resourcesOf(ORDERS))).toMatchObject({ scope: 'orders:read shared' })
    expect(await outcomeOf(`&scope=bills:read+orders:read${resourcesOf(ROOT)}`)).toMatchObject({ scope: 'bills:read' })
    expect(await outcomeOf(`&scope=bills:read${resourcesOf(ORDERS)}`)).toBe('invalid_scope')
    expect(await outcomeOf(`&scope=orders:write${resourcesOf(ORDERS)}`)).toBe('invalid_scope')
  })

  it('RFC 9068 §3: a token for several resources has only scopes that all of them have [rule 103]', async () => {
    const both = resourcesOf(ROOT, ORDERS)
    const expected = { aud: [ROOT, ORDERS], resource: [ROOT, ORDERS], scope: 'shared' }
    expect(await outcomeOf(both)).toMatchObject(expected)
    expect(await outcomeOf(`&scope=bills:read+orders:read+shared${both}`)).toMatchObject(expected)
    expect(await outcomeOf(`&scope=bills:read+orders:read${both}`)).toBe('invalid_scope')
  })

  it('RFC 8707 §2.2: the lifetime of each resource is a bound [rule 111]', async () => {
    expect(await outcomeOf(resourcesOf(ORDERS))).toMatchObject({ lifetime: 300 })
    expect(await outcomeOf(resourcesOf(ORDERS, ROOT))).toMatchObject({ lifetime: 120 })
    expect(await outcomeOf(resourcesOf(SHIPPING))).toMatchObject({ lifetime: 3600 })
  })

  it('RFC 9068 §3: without the parameter, a request is for the default resource, and the answer names none [rule 103]', async () => {
    const accessToken = { audience: ROOT, signingKeys: [generateSigningKey()] }
    const withDefault = await started({ accessToken })
    const expected = { aud: ROOT, scope: 'bills:read shared', lifetime: 120 }
    expect(await outcomeOf('', CLIENT.clientId, withDefault)).toEqual(expected)
    const only = await started({ resources: resources.slice(0, 1), clients: clients.slice(0, 1) })
    expect(await outcomeOf('', CLIENT.clientId, only)).toEqual({
      aud: ORDERS,
      scope: 'orders:read shared',
      lifetime: 300,
    })
  })

  it('RFC 8707 §2.2: of several default resources, a client obtains its own [rule 111]', async () => {
    const several = await started({ accessToken: { audience: [ORDERS, ROOT], signingKeys: [generateSigningKey()] } })
    expect(await outcomeOf('', CLIENT.clientId, several)).toMatchObject({ aud: [ORDERS, ROOT], scope: 'shared' })
    expect(await outcomeOf('', 'billing', several)).toMatchObject({ aud: ROOT, scope: 'bills:read shared' })
    const other = await started({ accessToken: { audience: ORDERS, signingKeys: [generateSigningKey()] } })
    expect(await outcomeOf('', 'billing', other)).toBe('invalid_target')
  })

  it('RFC 8707 §2: one scope in the bindings of two resources is granted for the one that is requested [rule 110]', async () => {
    const bindings = [
      { name: 'orders', scopes: ['shared', 'orders:read'], resources: [ORDERS], lifetime: 100 },
      { name: 'bills', scopes: ['shared'], resources: [ROOT], lifetime: 90, when: { team: 'billing' } },
    ]
    const bound = await started(
      { accessToken: { audience: ORDERS, signingKeys: [generateSigningKey()] } },
      { bindings },
    )
    const outcome = (further: string) => outcomeOf(further, CLIENT.clientId, bound, { team: 'billing' })
    expect(await outcome(`&scope=shared${resourcesOf(ORDERS)}`)).toMatchObject({ aud: ORDERS, lifetime: 100 })
    expect(await outcome(`&scope=shared${resourcesOf(ROOT)}`)).toMatchObject({ aud: ROOT, lifetime: 90 })
    expect(await outcome('&scope=shared')).toMatchObject({ aud: ORDERS })
    expect(await outcome(`&scope=shared+orders:read${resourcesOf(ROOT, ORDERS)}`)).toMatchObject({ scope: 'shared' })
    expect(await outcome(resourcesOf(SHIPPING))).toBe('invalid_target')
    expect(await outcomeOf(resourcesOf(ROOT), CLIENT.clientId, bound)).toBe('invalid_target')
  })

  it('RFC 8707 §2: the rules are the same for callers without a client [rule 110]', async () => {
    const alone = await started(
      {},
      {
        clientAuthentication: 'optional',
        bindings: [{ name: 'all', scopes: ['orders:read', 'bills:read'], resources: [ORDERS, ROOT] }],
      },
    )
    const outcome = async (further: string) => {
      const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await alone.assertion() })
      const { body } = await request(alone.url).post('/oauth2/token').type('form').send(`${form}${further}`)
      return body.error ?? [decodeJwt(body.access_token).aud, body.scope, body.resource, body.expires_in]
    }
    expect(await outcome('')).toBe('invalid_target')
    expect(await outcome(resourcesOf(SHIPPING))).toBe('invalid_target')
    expect(await outcome(resourcesOf('https://else.example.com'))).toBe('invalid_target')
    expect(await outcome(resourcesOf(ORDERS, ROOT))).toBe('invalid_scope')
    expect(await outcome(resourcesOf(`${ROOT}/`))).toEqual([ROOT, 'bills:read', ROOT, 120])
  })

  it('RFC 8707 §2: reconfigure changes resources at once, and refuses tokens of one that is removed [rule 111]', async () => {
    const signingKeys = [generateSigningKey()]
    const changing = await started({ accessToken: { signingKeys } })
    const { body } = await ask(resourcesOf(ORDERS), changing)
    const verify = () => changing.exchange.verifyAccessToken(body.access_token, { resource: ORDERS })
    await verify()
    const { name, jwksUri } = changing.idp
    const identityProviders = [{ name, jwksUri, allowedSubjects: 'any' as const }]
    const other = { issuer: ISSUER, identityProviders, clock: changing.clock, accessToken: { signingKeys } }
    const resource = { identifier: `${ORDERS}/v2` }
    expect(() => {
      changing.exchange.reconfigure({ ...other, clients, resources: [resource] })
    }).toThrow('clients[1].resources')
    expect(await outcomeOf(resourcesOf(ORDERS), CLIENT.clientId, changing)).toMatchObject({ aud: ORDERS })
    changing.exchange.reconfigure({ ...other, clients: clients.slice(0, 1), resources: [resource] })
    expect(await outcomeOf(resourcesOf(ORDERS), CLIENT.clientId, changing)).toBe('invalid_target')
    expect(await outcomeOf('', CLIENT.clientId, changing)).toMatchObject({ aud: `${ORDERS}/v2` })
    await expect(verify()).rejects.toMatchObject({
      reason: 'wrong_audience',
    })
  })
})
