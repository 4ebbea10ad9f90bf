import { stringify } from 'node:querystring'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import * as oauth from 'oauth4webapi'
import request, { type Response } from 'supertest'
import { generateSigningKey, MemoryRevocationStore, type RevocationStore } from '../../src/index.js'
import { signAssertion } from '../../src/testing/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, ISSUER } from '../support/exchange-host.js'

const OTHER = { clientId: 'other', clientSecret: 'other-secret-of-the-tests', scopes: ['orders:read'] }
const INACTIVE = { active: false }

/** A store that fails when a test says so. */
const memory = new MemoryRevocationStore()
let isDown = false
const store: RevocationStore = {
  add: (revocations) => memory.add(revocations),
  read: (cursor) => (isDown ? Promise.reject(new Error('down')) : memory.read(cursor)),
}

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    identityProvider: { clientAuthentication: 'optional', scopes: ['orders:read'] },
    exchange: {
      clients: [CLIENT, OTHER],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
      introspection: true,
      revocation: { store, maxStale: 3_600_000 },
    },
  })
  await host.exchange.ready()
})
afterAll(() => host.close())

type Parameters = Record<string, string | string[]>

function ask(parameters: Parameters, client: typeof OTHER | typeof CLIENT | null = CLIENT): Promise<Response> {
  const post = request(host.url).post('/oauth2/introspect').type('form')
  const sent = client === null ? post : post.auth(client.clientId, client.clientSecret)
  return sent.send(stringify(parameters))
}

async function answerTo(token: string, further: Parameters = {}, client: typeof OTHER | typeof CLIENT = CLIENT) {
  const { status, body } = await ask({ token, ...further }, client)
  return [status, body]
}

describe('the caller', () => {
  it('RFC 7662 §2.1: must be a client with credentials, even with a good token [rule 112] [rule 216]', async () => {
    const token = await host.accessToken()
    const [assertion, ofWorkload] = [await host.assertion(), await host.assertion()]
    for (const parameters of [
      {},
      { client_id: CLIENT.clientId },
      { client_id: 'nobody' },
      { assertion },
      { client_id: CLIENT.clientId, client_secret: 'wrong-secret-of-the-tests' },
      { client_assertion: ofWorkload, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
    ]) {
      const { status, body, headers } = await ask({ token, ...parameters } as Parameters, null)
      expect([parameters, status, body.error]).toEqual([parameters, 401, 'invalid_client'])
      expect(headers['www-authenticate']).toMatch(/^Basic realm=/)
    }
    expect(host.events.findLast(({ name }) => name === 'token.rejected')?.path).toBe('/oauth2/introspect')
  })

  it('RFC 7662 §2.1: sends a form by POST, with one token [rule 217]', async () => {
    const got = await request(host.url).get('/oauth2/introspect').auth(CLIENT.clientId, CLIENT.clientSecret)
    expect([got.status, got.headers.allow, got.body.error]).toEqual([405, 'POST', 'invalid_request'])
    const token = await host.accessToken()
    for (const parameters of [{}, { token: '' }, { token: [token, token] }, { token, scope: ['a', 'b'] }]) {
      const { status, body } = await ask(parameters)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
    const json = await request(host.url)
      .post('/oauth2/introspect')
      .auth(CLIENT.clientId, CLIENT.clientSecret)
      .send({ token })
    expect([json.status, json.body.error]).toEqual([400, 'invalid_request'])
    const tooLong = await ask({ token: 'x'.repeat(300_000) })
    expect([tooLong.status, tooLong.body.error]).toEqual([413, 'invalid_request'])
  })

  it('RFC 7662 §2.1: may send any hint, which changes nothing [rule 217]', async () => {
    const token = await host.accessToken()
    for (const hint of ['access_token', 'refresh_token', 'nonsense', '']) {
      expect(await answerTo(token, { token_type_hint: hint })).toEqual([200, expect.objectContaining({ active: true })])
      expect(await answerTo('nonsense', { token_type_hint: hint })).toEqual([200, INACTIVE])
    }
  })
})

describe('the answer', () => {
  it('RFC 7662 §2.2: has the claims that this caller may see, and nothing else [rule 114]', async () => {
    const { body, headers } = await ask({ token: await host.accessToken() })
    const now = host.clock.now()
    expect(body).toEqual({
      active: true,
      token_type: 'Bearer',
      scope: 'orders:read',
      client_id: CLIENT.clientId,
      iat: now,
      exp: now + 3600,
      sub: 'alice',
      aud: AUDIENCE,
      iss: ISSUER,
      jti: expect.stringMatching(/^[\w-]{36}$/),
      idp: host.idp.name,
    })
    expect([headers['cache-control'], headers['content-type']]).toEqual(['no-store', 'application/json'])
  })

  it('RFC 7662 §2.2: is inactive alone for what is not a valid access token of ours [rule 113] [rule 217]', async () => {
    const now = host.clock.now()
    const claims = { ...host.claims(), iss: ISSUER, aud: AUDIENCE, client_id: CLIENT.clientId }
    const forged = await signAssertion(host.idp.signingKey, { alg: 'ES256', typ: 'at+jwt' }, claims)
    const idToken = await host.assertion({ nonce: 'n', at_hash: 'h' })
    const good = await host.accessToken()
    const tampered = `${good.slice(0, -2)}${good.endsWith('AA') ? 'BB' : 'AA'}`
    const kinds = [
      forged,
      idToken,
      tampered,
      await host.assertion(),
      `${good}x`,
      'a.b.c',
      ' ',
      '💥',
      good.split('.')[0],
    ]
    for (const token of kinds) expect(await answerTo(token ?? '')).toEqual([200, INACTIVE])
    expect(host.clock.now()).toBe(now)
  })

  it('RFC 7662 §2.2: is inactive alone for a token of another client or of a workload [rule 113] [rule 114]', async () => {
    const token = await host.accessToken()
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await host.assertion({ sub: 'job' }),
    }
    const { body } = await request(host.url).post('/oauth2/token').type('form').send(form)
    expect(await answerTo(token, {}, OTHER)).toEqual([200, INACTIVE])
    for (const client of [CLIENT, OTHER]) expect(await answerTo(body.access_token, {}, client)).toEqual([200, INACTIVE])
  })

  it('RFC 7662 §2.2: is inactive alone once the token is revoked, switched off or expired [rule 113] [rule 219]', async () => {
    const [revoked, token] = [await host.accessToken(), await host.accessToken()]
    await host.exchange.revoke({ token: revoked })
    expect(await answerTo(revoked)).toEqual([200, INACTIVE])
    await host.exchange.disableIdentityProvider(host.idp.name)
    expect(await answerTo(token)).toEqual([200, INACTIVE])
    await host.exchange.enableIdentityProvider(host.idp.name)
    expect(await answerTo(token)).toEqual([200, expect.objectContaining({ active: true })])
    host.clock.advance(3600)
    await host.exchange.ready()
    expect(await answerTo(token)).toEqual([200, INACTIVE])
  })

  it('RFC 7662 §2.2: is 503 if it is not known what was revoked, and never that a token is active [rule 219]', async () => {
    isDown = true
    const token = await host.accessToken()
    host.clock.advance(3601)
    const fresh = await host.accessToken()
    for (const each of [token, fresh]) {
      const { status, body, headers } = await ask({ token: each })
      const expected = each === token ? [200, undefined, undefined] : [503, 'temporarily_unavailable', '1']
      expect([status, body.error, headers['retry-after']]).toEqual(expected)
      expect(body.active).not.toBe(true)
    }
    isDown = false
    while (host.exchange.stats().revocation?.state !== 'following') await new Promise((next) => setTimeout(next, 20))
    expect(await answerTo(fresh)).toEqual([200, expect.objectContaining({ active: true })])
  })
})

describe('a client with resources', () => {
  it('RFC 7662 §2.2: sees the tokens for these, of any client, and no others [rule 113] [rule 114]', async () => {
    const [ORDERS, BILLING] = ['https://api.example.com/orders', 'https://api.example.com/billing']
    const { scopes: _, ...service } = OTHER
    const other = await startClockedHost({
      exchange: {
        clients: [CLIENT, { ...service, resources: [BILLING] }],
        resources: [{ identifier: ORDERS }, { identifier: BILLING }],
        accessToken: { signingKeys: [generateSigningKey()] },
        introspection: true,
      },
    })
    try {
      const isActive = async (...resources: string[]) => {
        const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await other.assertion() })
        for (const resource of resources) form.append('resource', resource)
        const authorization = `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`
        const issued = await request(other.url)
          .post('/oauth2/token')
          .set({ authorization })
          .type('form')
          .send(String(form))
        const asked = request(other.url)
          .post('/oauth2/introspect')
          .auth(OTHER.clientId, OTHER.clientSecret)
          .type('form')
        return (await asked.send({ token: issued.body.access_token })).body.active
      }
      expect(await isActive(BILLING)).toBe(true)
      expect(await isActive(ORDERS, BILLING)).toBe(true)
      expect(await isActive(ORDERS)).toBe(false)
    } finally {
      await other.close()
    }
  })
})

describe('the endpoint', () => {
  it('RFC 7662 §4: is in the metadata with what its clients may use, and is not served if it is off [rule 95]', async () => {
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body).toMatchObject({
      introspection_endpoint: `${ISSUER}/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    })
    const off = await startClockedHost({ exchange: { introspection: false, revocation: {} } })
    try {
      const metadata = await request(off.url).get('/.well-known/oauth-authorization-server/oauth2')
      expect(Object.keys(metadata.body).filter((name) => name.startsWith('introspection'))).toEqual([])
      off.app.post('/oauth2/introspect', (_, res) => void res.send('of the host'))
      const asked = request(off.url).post('/oauth2/introspect').auth(CLIENT.clientId, CLIENT.clientSecret).type('form')
      expect((await asked.send({ token: 'a' })).text).toBe('of the host')
    } finally {
      await off.close()
    }
  })

  it('RFC 7662 §2: answers oauth4webapi [rule 112]', async () => {
    const server = { issuer: ISSUER, introspection_endpoint: `${host.url}/oauth2/introspect` }
    const client = { client_id: CLIENT.clientId }
    for (const authentication of [
      oauth.ClientSecretBasic(CLIENT.clientSecret),
      oauth.ClientSecretPost(CLIENT.clientSecret),
    ]) {
      for (const [token, expected] of [
        [await host.accessToken(), { active: true, sub: 'alice', client_id: CLIENT.clientId }],
        ['nonsense', INACTIVE],
      ] as const) {
        const options = {
          [oauth.allowInsecureRequests]: true,
          additionalParameters: { token_type_hint: 'access_token' },
        }
        const response = await oauth.introspectionRequest(server, client, authentication, token, options)
        expect(await oauth.processIntrospectionResponse(server, client, response)).toMatchObject(expected)
      }
    }
  })
})
