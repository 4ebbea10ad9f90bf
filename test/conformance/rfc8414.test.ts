import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLocalJWKSet, jwtVerify } from 'jose'
import request from 'supertest'
import { ConfigError, createJwtExchange, generateSigningKey } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const WELL_KNOWN = '/.well-known/oauth-authorization-server'

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    exchange: {
      clients: [CLIENT, { clientId: 'b', clientSecret: 'secret-of-the-client-b', scopes: ['openid', 'profile'] }],
    },
  })
})
afterAll(() => host.close())

async function metadataOf(exchange: Parameters<typeof startClockedHost>[0], path: string) {
  const other = await startClockedHost(exchange)
  try {
    return (await request(other.url).get(path)).body
  } finally {
    await other.close()
  }
}

describe('the address of the metadata', () => {
  it.each([WELL_KNOWN, `${WELL_KNOWN}/`, `${WELL_KNOWN}/other`, `${WELL_KNOWN}/oauth2/token`, `/oauth2${WELL_KNOWN}`])(
    'RFC 8414 §3.1: %s is not that of an issuer with the path /oauth2 [rule 92]',
    async (path) => {
      expect((await request(host.url).get(path)).status).toBe(404)
    },
  )

  it('RFC 8414 §3.1: the well-known path is between host and path of the issuer [rule 92]', async () => {
    const response = await request(host.url).get(`${WELL_KNOWN}/oauth2`)
    expect(response.status).toBe(200)
    expect(response.body.issuer).toBe(ISSUER)
  })

  it.each(['https://api.example.com', 'https://api.example.com/'])(
    'RFC 8414 §3.1: the well-known path is all there is for the issuer %s [rule 92]',
    async (issuer) => {
      expect((await metadataOf({ exchange: { issuer } }, WELL_KNOWN)).issuer).toBe(issuer)
    },
  )

  it('RFC 8414 §3.1: a slash that ends the path of the issuer is left out [rule 92]', async () => {
    const issuer = 'https://api.example.com/tenant/one/'
    expect((await metadataOf({ exchange: { issuer } }, `${WELL_KNOWN}/tenant/one`)).issuer).toBe(issuer)
  })

  it('RFC 8414 §3.2: the metadata is application/json with status 200, to be read only [rule 92]', async () => {
    const posted = await request(host.url).post(`${WELL_KNOWN}/oauth2`)
    expect(posted.status).toBe(405)
    expect(posted.headers.allow).toBe('GET, HEAD')
    const read = await request(host.url).get(`${WELL_KNOWN}/oauth2`)
    expect(read.status).toBe(200)
    expect(read.headers['content-type']).toMatch(/^application\/json(?:;|$)/)
  })
})

describe('the issuer', () => {
  it.each([
    undefined,
    '',
    'api.example.com',
    'http://api.example.com',
    'ftp://api.example.com',
    'https://api.example.com?x=1',
    'https://api.example.com/?',
    'https://api.example.com/#fragment',
    'https://api.example.com/#',
    'https://user:password@api.example.com',
  ])('RFC 8414 §2: the issuer cannot be %j [rule 93]', (issuer) => {
    const options = {
      issuer,
      identityProviders: [
        { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' },
      ],
      tokenEndpoint: TOKEN_ENDPOINT,
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }
    // @ts-expect-error: the type demands an issuer
    expect(() => createJwtExchange(options)).toThrow(ConfigError)
    // @ts-expect-error: the type demands an issuer
    expect(() => createJwtExchange(options)).toThrow(/issuer: got .*; expected an https URL/)
  })

  it.each([ISSUER, 'https://API.example.com:443/OAuth2/', 'https://api.example.com/%7Etenant'])(
    'RFC 8414 §3.3: %s is in metadata and access token as it is configured [rule 93]',
    async (issuer) => {
      const other = await startClockedHost({ exchange: { issuer, tokenEndpoint: TOKEN_ENDPOINT } })
      try {
        const path = WELL_KNOWN + new URL(issuer).pathname.replace(/\/$/, '')
        expect((await request(other.url).get(path)).body.issuer).toBe(issuer)
        expect((await other.exchange.verifyAccessToken(await other.accessToken())).issuer).toBe(issuer)
      } finally {
        await other.close()
      }
    },
  )
})

describe('the metadata', () => {
  let metadata: Record<string, unknown>
  beforeAll(async () => {
    metadata = (await request(host.url).get(`${WELL_KNOWN}/oauth2`)).body
  })

  it('RFC 8414 §2: the metadata names the token endpoint, the default one or the configured one [rule 94]', async () => {
    expect(metadata.token_endpoint).toBe(TOKEN_ENDPOINT)
    const tokenEndpoint = 'https://api.example.com/elsewhere/token'
    const other = await metadataOf({ exchange: { tokenEndpoint } }, `${WELL_KNOWN}/oauth2`)
    expect(other.token_endpoint).toBe(tokenEndpoint)
  })

  it('RFC 8414 §2: the metadata names the grant type jwt-bearer and no other [rule 94]', () => {
    expect(metadata.grant_types_supported).toEqual([GRANT_TYPE])
  })

  it('RFC 8414 §2: the metadata has the required response types, none, and no authorization endpoint [rule 94]', () => {
    expect(metadata.response_types_supported).toEqual(['none'])
    expect(metadata).not.toHaveProperty('authorization_endpoint')
  })

  it('RFC 8414 §3.2: the metadata has no empty array and no null [rule 94]', async () => {
    const clients = [{ clientId: 'no-scope', clientSecret: 'secret-of-the-tests' }]
    for (const document of [metadata, await metadataOf({ exchange: { clients } }, `${WELL_KNOWN}/oauth2`)]) {
      expect(document).toHaveProperty('issuer', ISSUER)
      for (const value of Object.values(document)) expect([[], null]).not.toContainEqual(value)
    }
  })

  it.each([
    ['client_secret_basic', true, false],
    ['client_secret_post', false, true],
  ])(
    'RFC 8414 §2: the metadata names %s as a client authentication method, and it works [rule 95]',
    async (method, header, body) => {
      expect(metadata.token_endpoint_auth_methods_supported).toContain(method)
      const { clientId, clientSecret } = CLIENT
      const post = request(host.url).post('/oauth2/token').type('form')
      const response = await (header ? post.auth(clientId, clientSecret) : post).send({
        grant_type: GRANT_TYPE,
        assertion: await host.assertion(),
        ...(body && { client_id: clientId, client_secret: clientSecret }),
      })
      expect(response.status).toBe(200)
    },
  )

  it('RFC 8414 §2: the metadata names no client authentication method that does not work, none least of all [rule 95]', () => {
    expect(metadata.token_endpoint_auth_methods_supported).toHaveLength(2)
    expect(metadata).not.toHaveProperty('token_endpoint_auth_signing_alg_values_supported')
  })

  it('RFC 8414 §2: the metadata names the scopes of the clients, each of them once [rule 95]', () => {
    expect(metadata.scopes_supported).toEqual(['openid', 'orders:read', 'profile'])
  })

  it('RFC 8414 §2: the metadata names no scopes if clients are looked up [rule 95]', async () => {
    const document = await metadataOf({ exchange: { findClient: () => undefined } }, `${WELL_KNOWN}/oauth2`)
    expect(document.issuer).toBe(ISSUER)
    expect(document).not.toHaveProperty('scopes_supported')
  })

  it('RFC 8414 §2: the metadata names endpoints that are there and no others [rule 95]', () => {
    const endpoints = Object.keys(metadata).filter((name) => /_(?:endpoint|uri)$/.test(name))
    expect(endpoints).toEqual(['token_endpoint', 'jwks_uri'])
  })

  it('RFC 8414 §2: the metadata does not reveal which identity providers are trusted [rule 95]', () => {
    expect(JSON.stringify(metadata)).not.toContain(host.idp.name)
    expect(JSON.stringify(metadata)).not.toContain(CLIENT.clientId)
  })

  it('RFC 8414 §2: the metadata has an authorization endpoint of the host, which the MCP SDK demands [rule 258]', async () => {
    const members = { authorization_endpoint: 'https://api.example.com/authorize' }
    const document = await metadataOf({ exchange: { metadata: members } }, `${WELL_KNOWN}/oauth2`)
    expect(document).toEqual({ ...metadata, ...members, scopes_supported: CLIENT.scopes })
  })

  it('RFC 8414 §2.1: the metadata has no other issuer or endpoint, and no signed_metadata [rule 258]', async () => {
    for (const name of ['issuer', 'token_endpoint', 'jwks_uri', 'signed_metadata']) {
      const options = { exchange: { metadata: { [name]: 'https://evil.example.com' } } }
      await expect(startClockedHost(options)).rejects.toThrow(`metadata.${name}: `)
    }
  })

  it('RFC 8414 §2: the metadata leads by jwks_uri to the keys that verify our tokens, retired ones too, public only [rule 95]', async () => {
    const [active, retired] = [generateSigningKey('ES256'), generateSigningKey('EdDSA')]
    const other = await startClockedHost({
      exchange: { accessToken: { audience: AUDIENCE, signingKeys: [active, retired] } },
    })
    try {
      const { body: document } = await request(other.url).get(`${WELL_KNOWN}/oauth2`)
      expect(document.jwks_uri).toBe(`${ISSUER}/jwks`)
      const { body: keySet } = await request(other.url).get(new URL(document.jwks_uri).pathname)
      const members = keySet.keys.map((key: object) => Object.keys(key).sort())
      expect(members).toEqual([
        ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
        ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
      ])
      const options = { issuer: ISSUER, currentDate: new Date(other.clock.now() * 1000) }
      const verified = await jwtVerify(await other.accessToken(), createLocalJWKSet(keySet), options)
      expect(verified.protectedHeader.kid).toBe(active.kid)
    } finally {
      await other.close()
    }
  })
})
