import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request, { type Response } from 'supertest'
import { generateSigningKey } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, type ExchangeHostOptions, GRANT_TYPE } from '../support/exchange-host.js'
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
