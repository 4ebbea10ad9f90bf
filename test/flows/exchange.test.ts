import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createLocalJWKSet, jwtVerify } from 'jose'
import request from 'supertest'
import { AUDIENCE, type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
beforeEach(async () => {
  host = await startExchangeHost()
})
afterEach(() => host.close())

describe('an assertion exchanged for an access token', () => {
  it('gets a bearer token with the scopes that client and request share', async () => {
    const response = await host.exchangeAssertion(await host.idp.issueAssertion(), { scope: 'orders:read admin' })
    expect(response.status).toBe(200)
    expect(response.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'orders:read',
    })
  })

  it('gets a token that verifies with the published key set', async () => {
    const token = await host.accessToken()
    const { body } = await request(host.url).get('/oauth2/jwks')
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(body), {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt',
    })
    expect(protectedHeader.alg).toBe('ES256')
    expect(payload).toMatchObject({ sub: 'alice', client_id: 'app', scope: 'openid orders:read' })
  })

  it('is told to the operator without the token', async () => {
    const token = await host.accessToken()
    const issued = host.events.find(({ name }) => name === 'token.issued')
    expect(issued).toMatchObject({ clientId: 'app', identityProvider: host.idp.name, subject: 'alice' })
    expect(JSON.stringify(host.events)).not.toContain(token.split('.')[2])
  })

  it('opens the protected routes, through Passport and without', async () => {
    const authorization = `Bearer ${await host.accessToken()}`
    const me = await request(host.url).get('/me').set({ authorization })
    expect(me.body).toMatchObject({ sub: 'alice', clientId: 'app', scopes: ['openid', 'orders:read'] })
    const orders = await request(host.url).get('/orders').set({ authorization })
    expect(orders.body).toMatchObject({ sub: 'alice', clientId: 'app' })
  })
})

describe("the request of WSO2 Identity Server's guide", () => {
  it('works as curl sends it: nothing encoded in the body', async () => {
    const response = await request(host.url)
      .post('/oauth2/token')
      .auth('app', 'app-secret-of-the-tests')
      .set('Content-Type', 'application/x-www-form-urlencoded')
      .send(`grant_type=${GRANT_TYPE}&assertion=${await host.idp.issueAssertion()}`)
    expect(response.status).toBe(200)
    expect(response.body.token_type).toBe('Bearer')
  })
})
