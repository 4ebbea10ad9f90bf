import { stringify } from 'node:querystring'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import * as oauth from 'oauth4webapi'
import request, { type Response } from 'supertest'
import { generateSigningKey, type RevocationStore } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

const OTHER = { clientId: 'other', clientSecret: 'other-secret-of-the-tests', scopes: ['orders:read'] }
const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({ exchange: { clients: [CLIENT, OTHER], accessToken, revocation: {} } })
})
afterAll(() => host.close())
beforeEach(() => void host.events.splice(0))

type Parameters = Record<string, string | string[]>

function ask(
  parameters: Parameters,
  client: typeof OTHER | typeof CLIENT | null = CLIENT,
  url = host.url,
): Promise<Response> {
  const post = request(url).post('/oauth2/revoke').type('form')
  const sent = client === null ? post : post.auth(client.clientId, client.clientSecret)
  return sent.send(stringify(parameters))
}

const outcomeOf = (token: string) =>
  host.exchange.verifyAccessToken(token).then(
    () => 'accepted',
    ({ reason }) => reason,
  )
const revoked = () => host.events.filter(({ name }) => name === 'token.revoked')

describe('the client', () => {
  it('RFC 7009 §2.1: must have credentials, and otherwise revokes nothing [rule 216]', async () => {
    const token = await host.accessToken()
    const assertion = await host.assertion()
    for (const parameters of [
      {},
      { client_id: CLIENT.clientId },
      { assertion },
      { client_id: CLIENT.clientId, client_secret: 'wrong-secret-of-the-tests' },
      { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE },
    ]) {
      const { status, body } = await ask({ token, ...parameters } as Parameters, null)
      expect([parameters, status, body.error]).toEqual([parameters, 401, 'invalid_client'])
    }
    expect([await outcomeOf(token), revoked()]).toEqual(['accepted', []])
  })

  it('RFC 7009 §2.1: sends a form by POST, with one token [rule 217]', async () => {
    const got = await request(host.url).get('/oauth2/revoke').auth(CLIENT.clientId, CLIENT.clientSecret)
    expect([got.status, got.headers.allow, got.body.error]).toEqual([405, 'POST', 'invalid_request'])
    const token = await host.accessToken()
    for (const parameters of [{}, { token: '' }, { token: [token, token] }, { token, token_type_hint: ['a', 'b'] }]) {
      const { status, body } = await ask(parameters)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
    expect(await outcomeOf(token)).toBe('accepted')
  })

  it('RFC 7009 §2.1: cannot revoke a token of another client [rule 115]', async () => {
    const token = await host.accessToken()
    const { status, body } = await ask({ token }, OTHER)
    expect([status, body]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'The token was issued to another client' },
    ])
    expect(host.events.at(-1)).toMatchObject({ name: 'token.rejected', clientId: 'other', path: '/oauth2/revoke' })
    expect([await outcomeOf(token), revoked()]).toEqual(['accepted', []])
  })
})

describe('the answer', () => {
  it('RFC 7009 §2.2: is 200 without a body, and the token is refused from then on [rule 115] [rule 219]', async () => {
    const [token, kept] = [await host.accessToken(), await host.accessToken()]
    const { status, text, headers } = await ask({ token })
    expect([status, text, headers['cache-control'], headers['content-length']]).toEqual([200, '', 'no-store', '0'])
    const route = await request(host.url).get('/orders').auth(token, { type: 'bearer' })
    expect([route.status, await outcomeOf(kept)]).toEqual([401, 'accepted'])
    expect(revoked()).toEqual([
      {
        name: 'token.revoked',
        by: 'client',
        tokenId: expect.any(String),
        subject: 'alice',
        clientId: CLIENT.clientId,
        expiresAt: host.clock.now() + 3600,
      },
    ])
    expect((await ask({ token })).status).toBe(200)
  })

  it('RFC 7009 §2.2: is 200 for a token that is unknown, expired or of another kind [rule 115]', async () => {
    const [expired, tampered] = [await host.accessToken(), `${(await host.accessToken()).slice(0, -2)}AA`]
    host.clock.advance(3600)
    const before = host.exchange.stats().revocation?.entries
    const idToken = await host.assertion({ nonce: 'n', at_hash: 'h' })
    for (const token of [expired, tampered, idToken, await host.assertion(), 'nonsense', 'a.b.c', ' ']) {
      const { status, text } = await ask({ token })
      expect([status, text]).toEqual([200, ''])
    }
    expect([revoked(), host.exchange.stats().revocation?.entries]).toEqual([[], before])
  })

  it('RFC 7009 §2.1: is the same with a hint that is wrong or unknown [rule 115] [rule 217]', async () => {
    for (const hint of ['access_token', 'refresh_token', 'id_token', 'nonsense']) {
      const token = await host.accessToken()
      expect((await ask({ token, token_type_hint: hint })).status).toBe(200)
      expect(await outcomeOf(token)).toBe('revoked')
    }
  })

  it('RFC 7009 §2.2.1: is 503 with Retry-After if the store does not take it, never 200 [rule 219]', async () => {
    let isUp = false
    const store: RevocationStore = {
      add: () => (isUp ? undefined : Promise.reject(new Error('down'))),
      read: () => ({ revocations: [] }),
    }
    const failing = await startClockedHost({ exchange: { accessToken, revocation: { store, maxEntries: 10 } } })
    try {
      await failing.exchange.ready()
      const ofOneClient = { token: await failing.accessToken() }
      const { status, body, headers } = await ask(ofOneClient, CLIENT, failing.url)
      expect([status, body.error, headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '1'])
      expect(failing.lastReason()).toBe('revocation_store_unavailable')
      isUp = true
      for (let index = 0; index < 8; index += 1) await failing.exchange.revoke({ tokenId: `of an operator ${index}` })
      const full = await ask({ token: await failing.accessToken() }, CLIENT, failing.url)
      expect([full.status, full.headers['retry-after'], failing.lastReason()]).toEqual([
        ...[503, '30', 'revocation_store_full'],
      ])
      await failing.exchange.revoke({ tokenId: 'the last one, of an operator' })
    } finally {
      await failing.close()
    }
  })
})

describe('the endpoint', () => {
  it('RFC 7009 §2: is in the metadata, and is not served if revocation is off [rule 95]', async () => {
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body).toMatchObject({
      revocation_endpoint: `${ISSUER}/revoke`,
      revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    })
    const off = await startClockedHost({ exchange: { accessToken, introspection: true } })
    try {
      const metadata = await request(off.url).get('/.well-known/oauth-authorization-server/oauth2')
      expect(Object.keys(metadata.body).filter((name) => name.startsWith('revocation'))).toEqual([])
      expect((await ask({ token: await off.accessToken() }, CLIENT, off.url)).status).toBe(404)
    } finally {
      await off.close()
    }
  })

  it('RFC 7009 §2: answers oauth4webapi [rule 115]', async () => {
    const server = { issuer: ISSUER, revocation_endpoint: `${host.url}/oauth2/revoke` }
    const client = { client_id: CLIENT.clientId }
    for (const authentication of [
      oauth.ClientSecretBasic(CLIENT.clientSecret),
      oauth.ClientSecretPost(CLIENT.clientSecret),
    ]) {
      const token = await host.accessToken()
      for (const each of [token, 'nonsense']) {
        const response = await oauth.revocationRequest(server, client, authentication, each, {
          [oauth.allowInsecureRequests]: true,
        })
        expect(await oauth.processRevocationResponse(response)).toBeUndefined()
      }
      expect(await outcomeOf(token)).toBe('revoked')
    }
  })
})
