import { webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createPrivateKeyJwtAuth, exchangeJwtAuthGrant } from '@modelcontextprotocol/client'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { createCertificateAuthority, type IssuedCertificate } from '../support/certificate-authority.js'
import { CA_OF_SERVERS, type CertificateHost, startCertificateHost } from '../support/certificate-host.js'
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

describe('a client with a certificate', () => {
  const authority = createCertificateAuthority('Authority of clients')
  const listed = createCertificateAuthority('listed').issue({ names: [] })
  let tls: CertificateHost
  beforeAll(async () => {
    const certificates = {
      tls_client_auth: { sanDns: 'app.example.com' },
      self_signed_tls_client_auth: { sha256Thumbprints: [new X509Certificate(listed.cert).fingerprint256] },
    }
    const clients = Object.entries(certificates).map(([clientId, certificate]) => ({
      ...{ clientId, certificate, scopes: CLIENT.scopes },
    }))
    tls = await startCertificateHost({ ca: [authority.certificate], exchange: { clients } })
  })
  afterAll(() => tls.close())

  const certificateOf = (method: string) =>
    method === 'tls_client_auth' ? authority.issue({ names: ['app.example.com'] }) : listed

  /** `fetch` of Node itself cannot send a certificate. */
  function fetchWith(certificate: IssuedCertificate): typeof fetch {
    return async (url, { method = 'GET', headers, body } = {}) => {
      const sent = new Headers(headers)
      const options = { ...certificate, ca: CA_OF_SERVERS, method, headers: Object.fromEntries(sent) }
      const message = httpsRequest(String(url), options).end(String(body ?? ''))
      const [answer] = (await once(message, 'response')) as [IncomingMessage]
      const received = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
      return new Response(await text(answer), { status: answer.statusCode ?? 0, headers: received })
    }
  }

  it.each(['tls_client_auth', 'self_signed_tls_client_auth'])(
    'exchanges an assertion by %s of oauth4webapi and openid-client',
    async (clientId) => {
      const server = { issuer: ISSUER, token_endpoint: `https://127.0.0.1:${tls.port}/oauth2/token` }
      const withCertificate = fetchWith(certificateOf(clientId))
      const assertion = () => tls.host.idp.issueAssertion({})
      const response = await oauth.genericTokenEndpointRequest(
        server,
        { client_id: clientId },
        oauth.TlsClientAuth(),
        GRANT_TYPE,
        { assertion: await assertion() },
        { [oauth.customFetch]: withCertificate },
      )
      expect([response.status, await response.json()]).toEqual([
        200,
        expect.objectContaining({ scope: 'openid orders:read' }),
      ])
      const config = new openid.Configuration(server, clientId, undefined, openid.TlsClientAuth())
      config[openid.customFetch] = withCertificate as openid.CustomFetch
      const tokens = await openid.genericGrantRequest(config, GRANT_TYPE, { assertion: await assertion() })
      expect(tokens.access_token).toEqual(expect.any(String))
      const issued = tls.host.events.filter(({ name }) => name === 'token.issued').slice(-2)
      expect(issued.map((event) => event.clientId)).toEqual([clientId, clientId])
    },
  )
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
