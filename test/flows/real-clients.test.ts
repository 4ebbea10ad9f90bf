import { webcrypto } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createPrivateKeyJwtAuth, exchangeJwtAuthGrant } from '@modelcontextprotocol/client'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { CLIENT, type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'

let key: FakeKey
let cryptoKey: webcrypto.CryptoKey
let host: ExchangeHost
let tokenEndpoint: string
beforeAll(async () => {
  key = await generateFakeKey('ES256', 'k')
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  cryptoKey = await webcrypto.subtle.importKey('jwk', { ...key.privateJwk, kty: 'EC' }, curve, false, ['sign'])
  const keyed = { clientId: 'keyed', jwks: { keys: [key.publicJwk] }, scopes: CLIENT.scopes }
  host = await startExchangeHost({ exchange: { clients: [CLIENT, keyed] } })
  tokenEndpoint = `${host.url}/oauth2/token`
})
afterAll(() => host.close())

const issuedTo = () => host.events.findLast(({ name }) => name.startsWith('token.'))?.clientId

describe('openid-client', () => {
  it.each<[string, string, () => openid.ClientAuth]>([
    ['client_secret_basic', CLIENT.clientId, () => openid.ClientSecretBasic(CLIENT.clientSecret)],
    ['client_secret_post', CLIENT.clientId, () => openid.ClientSecretPost(CLIENT.clientSecret)],
    ['private_key_jwt', 'keyed', () => openid.PrivateKeyJwt(cryptoKey)],
    ['private_key_jwt with a kid', 'keyed', () => openid.PrivateKeyJwt({ key: cryptoKey, kid: 'k' })],
  ])('exchanges an assertion by %s', async (_, clientId, authentication) => {
    const server = { issuer: ISSUER, token_endpoint: tokenEndpoint }
    const config = new openid.Configuration(server, clientId, undefined, authentication())
    openid.allowInsecureRequests(config)
    const assertion = await host.idp.issueAssertion({})
    const tokens = await openid.genericGrantRequest(config, GRANT_TYPE, { assertion })
    expect(tokens).toMatchObject({ access_token: expect.any(String), scope: 'openid orders:read' })
    expect(issuedTo()).toBe(clientId)
  })
})

describe('oauth4webapi', () => {
  it.each<[string, string, () => oauth.ClientAuth]>([
    ['client_secret_basic', CLIENT.clientId, () => oauth.ClientSecretBasic(CLIENT.clientSecret)],
    ['client_secret_post', CLIENT.clientId, () => oauth.ClientSecretPost(CLIENT.clientSecret)],
    ['private_key_jwt', 'keyed', () => oauth.PrivateKeyJwt(cryptoKey)],
  ])('exchanges an assertion by %s', async (_, clientId, authentication) => {
    const server = { issuer: ISSUER, token_endpoint: tokenEndpoint }
    const client = { client_id: clientId }
    const parameters = { assertion: await host.idp.issueAssertion({}) }
    const response = await oauth.genericTokenEndpointRequest(server, client, authentication(), GRANT_TYPE, parameters, {
      [oauth.allowInsecureRequests]: true,
    })
    const tokens = await oauth.processGenericTokenEndpointResponse(server, client, response)
    expect(tokens.access_token).toEqual(expect.any(String))
    expect(issuedTo()).toBe(clientId)
  })
})

describe('the client of the MCP SDK', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'exchanges an assertion by %s',
    async (authMethod) => {
      const { clientId, clientSecret } = CLIENT
      const jwtAuthGrant = await host.idp.issueAssertion({})
      const tokens = await exchangeJwtAuthGrant({ tokenEndpoint, jwtAuthGrant, clientId, clientSecret, authMethod })
      expect(tokens.access_token).toEqual(expect.any(String))
      expect(issuedTo()).toBe(clientId)
    },
  )

  it('authenticates by private_key_jwt, without kid and without client_id in the form [rule 259]', async () => {
    const { privateJwk } = key
    const addClientAuth = createPrivateKeyJwtAuth({
      ...{ issuer: 'keyed', subject: 'keyed', privateKey: { ...privateJwk }, alg: 'ES256' },
    })
    const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion({}) })
    const metadata = { issuer: ISSUER, token_endpoint: tokenEndpoint, authorization_endpoint: tokenEndpoint }
    const headers = new Headers()
    await addClientAuth(headers, form, tokenEndpoint, { ...metadata, response_types_supported: ['none'] })
    expect(form.has('client_id')).toBe(false)
    const response = await fetch(tokenEndpoint, { method: 'POST', headers, body: form })
    expect([response.status, issuedTo()]).toEqual([200, 'keyed'])
  })
})
