import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  discoverOAuthProtectedResourceMetadata,
  discoverOAuthServerInfo,
  extractWWWAuthenticateParams,
  type FetchLike,
} from '@modelcontextprotocol/client'
import * as oauth from 'oauth4webapi'
import request from 'supertest'
import {
  createJwtExchange,
  generateSigningKey,
  type JwtExchangeOptions,
  type ResourceOptions,
} from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { CLIENT, ISSUER } from '../support/exchange-host.js'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const ORDERS = 'https://api.example.com/orders'
const BILLING = 'https://billing.example.com'
const SEARCH = 'https://api.example.com/?tenant=a'
const URN = 'urn:example:shipping'
const RESOURCES: readonly ResourceOptions[] = [
  {
    ...{ identifier: ORDERS, scopes: ['orders:read', 'orders:write'], name: 'Orders "of" Ünternehmen' },
    documentation: 'https://docs.example.com/orders',
  },
  { identifier: BILLING, scopes: [] },
  { identifier: 'https://Shop.example.com:8443' },
  { identifier: SEARCH },
  { identifier: 'https://api.example.com/a/' },
  { identifier: URN },
]
const signingKeys = [generateSigningKey()]

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    exchange: { resources: RESOURCES, accessToken: { audience: ORDERS, signingKeys } },
  })
})
afterAll(() => host.close())

const get = (path: string, headers: Record<string, string> = {}) => request(host.url).get(path).set(headers)

describe('the address of the metadata', () => {
  it.each([
    WELL_KNOWN.replace('protected', 'Protected'),
    `${WELL_KNOWN}/`,
    `${WELL_KNOWN}/order`,
    `${WELL_KNOWN}/Orders`,
    `${WELL_KNOWN}/orders/`,
    `${WELL_KNOWN}/%6Frders`,
    `${WELL_KNOWN}//orders`,
    `${WELL_KNOWN}/orders/../orders`,
    `${WELL_KNOWN}/a`,
    `${WELL_KNOWN}/${URN}`,
    `${WELL_KNOWN}/__proto__`,
    `/orders${WELL_KNOWN}`,
    `${WELL_KNOWN}/oauth2`,
  ])('RFC 9728 §3.1: %s is not that of a resource [rule 206]', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  it('RFC 9728 §3.1: the well-known path is between host and path or query [rule 206]', async () => {
    expect((await get(`${WELL_KNOWN}/orders`)).body.resource).toBe(ORDERS)
    expect((await get(`${WELL_KNOWN}/orders?x=1`)).body.resource).toBe(ORDERS)
    expect((await get(`${WELL_KNOWN}?tenant=a`)).body.resource).toBe(SEARCH)
    expect((await get(`${WELL_KNOWN}/a/`)).body.resource).toBe('https://api.example.com/a/')
  })

  it('RFC 9728 §3.1: of several hosts with one path the Host header chooses, and it is nowhere in the answer [rule 208]', async () => {
    const at = async (name: string) => (await get(WELL_KNOWN, { Host: name })).body.resource
    expect(await at('billing.example.com')).toBe(BILLING)
    expect(await at('BILLING.example.com:443')).toBe(BILLING)
    expect(await at('shop.example.com:8443')).toBe('https://Shop.example.com:8443')
    const { status, text } = await get(WELL_KNOWN, {
      Host: 'evil.example.com',
      'X-Forwarded-Host': 'billing.example.com',
    })
    expect([status, text.includes('evil')]).toEqual([404, false])
    const { text: ofOrders } = await get(`${WELL_KNOWN}/orders`, { Host: 'evil.example.com' })
    expect(ofOrders).not.toContain('evil')
  })

  it('RFC 9728 §3.1: without the option resources there is none [rule 206]', async () => {
    const without = createJwtExchange(optionsOf({ accessToken: { audience: ORDERS, signingKeys } }))
    let isPassedOn = false
    const req = { method: 'GET', url: `${WELL_KNOWN}/orders`, headers: {} } as never
    without.wellKnown(req, {} as never, () => {
      isPassedOn = true
    })
    without.close()
    expect(isPassedOn).toBe(true)
  })
})

describe('the metadata of a resource', () => {
  it('RFC 9728 §2: has what is configured, and no member without a value [rule 205] [rule 207]', async () => {
    const response = await get(`${WELL_KNOWN}/orders`)
    expect(response.headers['content-type']).toBe('application/json')
    expect(response.body).toEqual({
      resource: ORDERS,
      authorization_servers: [ISSUER],
      scopes_supported: ['orders:read', 'orders:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Orders "of" Ünternehmen',
      resource_documentation: 'https://docs.example.com/orders',
    })
    const { body } = await get(WELL_KNOWN, { Host: 'billing.example.com' })
    expect(body).toEqual({
      resource: BILLING,
      authorization_servers: [ISSUER],
      bearer_methods_supported: ['header'],
    })
  })

  it('RFC 9728 §2.2: are not signed [rule 205]', async () => {
    expect((await get(`${WELL_KNOWN}/orders`)).body.signed_metadata).toBeUndefined()
  })

  it('RFC 9728 §3.2: are answered to GET and HEAD alone [rule 205]', async () => {
    expect((await request(host.url).head(`${WELL_KNOWN}/orders`)).status).toBe(200)
    const { status, headers } = await request(host.url).post(`${WELL_KNOWN}/orders`)
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('RFC 9728 §4: are announced by the authorization server [rule 205]', async () => {
    const { body } = await get('/.well-known/oauth-authorization-server/oauth2')
    expect(body.protected_resources).toEqual(RESOURCES.map(({ identifier }) => identifier))
    const metadata = { protected_resources: [ORDERS] }
    expect(() => createJwtExchange(optionsOf({ resources: RESOURCES, metadata }))).toThrow('protected_resources')
  })
})

describe('the challenge of a route', () => {
  const URL_OF_ORDERS = `https://api.example.com${WELL_KNOWN}/orders`

  it('RFC 9728 §5.1: 401 names the metadata of the default resource, whatever the host is called [rule 99] [rule 208] [rule 209]', async () => {
    const named = {
      Host: 'evil.example.com',
      'X-Forwarded-Host': 'evil.example.com',
      Forwarded: 'host=evil.example.com',
    }
    for (const path of ['/orders', '/me']) {
      const { status, headers } = await get(path, named)
      expect(status).toBe(401)
      expect(headers['www-authenticate']).toContain(`resource_metadata="${URL_OF_ORDERS}"`)
      expect(headers['www-authenticate']).not.toMatch(/evil|error=/)
      const bad = await get(path, { ...named, Authorization: 'Bearer x.y.z' })
      expect(bad.headers['www-authenticate']).toMatch(/error="invalid_token".*resource_metadata=/)
      expect(bad.headers['www-authenticate']?.match(/resource_metadata=/g)).toHaveLength(1)
    }
  })

  it('RFC 9728 §5.1: 403 names it as well, with all scopes, through Passport too [rule 99] [rule 210]', async () => {
    const token = await host.accessToken()
    const { status, headers } = await get('/admin', { Authorization: `Bearer ${token}` })
    expect(status).toBe(403)
    expect(headers['www-authenticate']).toMatch(/error="insufficient_scope".*scope="admin"/)
    expect(headers['www-authenticate']).toContain(`resource_metadata="${URL_OF_ORDERS}"`)
  })

  it('RFC 9728 §5.1: a route that takes assertions names none, because access tokens are not accepted there [rule 99]', async () => {
    expect((await get('/whoami')).headers['www-authenticate']).not.toContain('resource_metadata')
  })

  it('RFC 9728 §5.1: reconfigure changes challenges and documents at once [rule 99]', async () => {
    const changing = await startClockedHost({
      exchange: { resources: [{ identifier: ORDERS }], accessToken: { signingKeys } },
    })
    try {
      const { name, jwksUri } = changing.idp
      const identityProviders = [{ name, jwksUri, allowedSubjects: 'any' as const }]
      const resources = [{ identifier: `${BILLING}/v2` }]
      const { clock } = changing
      changing.exchange.reconfigure(optionsOf({ identityProviders, clock, resources, accessToken: { signingKeys } }))
      const { headers } = await request(changing.url).get('/orders')
      expect(headers['www-authenticate']).toContain(`resource_metadata="${BILLING}${WELL_KNOWN}/v2"`)
      expect((await request(changing.url).get(`${WELL_KNOWN}/orders`)).status).toBe(404)
      expect((await request(changing.url).get(`${WELL_KNOWN}/v2`)).body.resource).toBe(`${BILLING}/v2`)
    } finally {
      await changing.close()
    }
  })
})

describe('a client that discovers a resource', () => {
  /** The host by the name that its options have. */
  const fetchFromHost = (url: string | URL, init?: { headers?: Record<string, string> | Headers }) => {
    const { pathname, search } = new URL(url)
    return fetch(`${host.url}${pathname}${search}`, { headers: init?.headers ?? {} })
  }

  it('RFC 9728 §3.3: oauth4webapi discovers a resource, and compares it [rule 207]', async () => {
    for (const identifier of [ORDERS, SEARCH]) {
      const resource = new URL(identifier)
      const response = await oauth.resourceDiscoveryRequest(resource, { [oauth.customFetch]: fetchFromHost })
      const found = await oauth.processResourceDiscoveryResponse(resource, response)
      expect(found.authorization_servers).toEqual([ISSUER])
    }
    const other = new URL('https://api.example.com/orders/1')
    const response = await oauth.resourceDiscoveryRequest(other, { [oauth.customFetch]: fetchFromHost })
    await expect(oauth.processResourceDiscoveryResponse(other, response)).rejects.toThrow('unexpected HTTP status')
  })

  it('RFC 9728 §5: the client of the MCP SDK finds the authorization server by a challenge [rule 207]', async () => {
    const challenged = await fetchFromHost(ORDERS)
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(challenged)
    expect(resourceMetadataUrl?.href).toBe(`https://api.example.com${WELL_KNOWN}/orders`)
    const asFetch = fetchFromHost as FetchLike
    const found = await discoverOAuthProtectedResourceMetadata(
      ORDERS,
      resourceMetadataUrl && { resourceMetadataUrl },
      asFetch,
    )
    expect(found).toMatchObject({ resource: ORDERS, authorization_servers: [ISSUER] })
    const { authorizationServerUrl } = await discoverOAuthServerInfo(ORDERS, { fetchFn: asFetch }).catch((error) => {
      // It refuses metadata without an authorization endpoint, which come after the metadata of the resource.
      expect(String(error)).toMatch(/authorization_endpoint/)
      return { authorizationServerUrl: ISSUER }
    })
    expect(authorizationServerUrl).toBe(ISSUER)
  })
})

describe('the option resources', () => {
  it.each<[string, unknown, string]>([
    ['a list of none', [], 'resources'],
    ['a single one', { identifier: ORDERS }, 'resources'],
    ['more than a thousand', Array.from({ length: 1001 }, (_, n) => ({ identifier: `urn:r:${n}` })), 'resources'],
    ['one without an identifier', [{}], 'resources[0].identifier'],
    ...[
      '',
      'orders',
      '/orders',
      '//api.example.com',
      'api.example.com/orders',
      'api.example.com:8443',
      'localhost:3000/orders',
      'http://api.example.com',
      'https://',
      'https:///orders',
      'https:api.example.com',
      'https://user@api.example.com',
      'https://api.example.com/#x',
      'https://api.example.com#',
      'https://api.example.com/a b',
      'https://api.example.com/ä',
      'https://ä.example.com',
      'https://api.example.com/%zz',
      'https://api.example.com/"',
      'https://api.example.com/a\\b',
      'https://api.example.com/a/../b',
      'https://api.example.com/a/.',
      'https://api.example.com/{tenant}',
      'https://*.example.com/<a>',
      'https://api.example.com:99999',
      'urn:',
      'urn:a\nb',
      `urn:${'x'.repeat(2048)}`,
    ].map((identifier): [string, unknown, string] => [
      identifier.slice(0, 40),
      [{ identifier }],
      'resources[0].identifier',
    ]),
    [
      'two in other spellings',
      [{ identifier: BILLING }, { identifier: 'HTTPS://Billing.example.com/' }],
      'resources[1].identifier',
    ],
    ['scopes with a space', [{ identifier: ORDERS, scopes: ['a b'] }], 'resources[0].scopes[0]'],
    ['scopes in a string', [{ identifier: ORDERS, scopes: 'a b' }], 'resources[0].scopes'],
    ['a lifetime of none', [{ identifier: ORDERS, lifetime: 0 }], 'resources[0].lifetime'],
    ['a lifetime of more than a day', [{ identifier: ORDERS, lifetime: 86_401 }], 'resources[0].lifetime'],
    ['a blank name', [{ identifier: ORDERS, name: ' ' }], 'resources[0].name'],
    ['a long name', [{ identifier: ORDERS, name: 'x'.repeat(257) }], 'resources[0].name'],
    [
      'a page without TLS',
      [{ identifier: ORDERS, documentation: 'http://docs.example.com' }],
      'resources[0].documentation',
    ],
    ['an option of another name', [{ identifier: ORDERS, scope: ['a'] }], 'resources[0].scope'],
    ['scopes that are undefined', [{ identifier: ORDERS, scopes: undefined }], 'resources[0].scopes'],
  ])('RFC 9728 §2: an option resources with %s is refused [rule 205]', (_, resources, place) => {
    expect(placesOf({ resources: resources as readonly ResourceOptions[], accessToken: { signingKeys } })).toEqual([
      place,
    ])
  })

  it.each<[string, Partial<JwtExchangeOptions>, string]>([
    ['an unknown default', { accessToken: { audience: 'https://else.example.com' } }, 'accessToken.audience'],
    ['a default in another spelling', { accessToken: { audience: `${BILLING}/` } }, 'accessToken.audience'],
    ['one unknown default of two', { accessToken: { audience: [ORDERS, 'x'] } }, 'accessToken.audience[1]'],
    ['no default in a list', { accessToken: { audience: [] } }, 'accessToken.audience'],
    ['an unknown one of a client', { clients: [{ ...CLIENT, resources: ['x'] }] }, 'clients[0].resources'],
    [
      'one of a client in another spelling',
      { clients: [{ ...CLIENT, resources: [`${BILLING}/`] }] },
      'clients[0].resources',
    ],
  ])('RFC 9728 §2: next to resources, %s is refused [rule 205]', (_, options, place) => {
    expect(placesOf({ resources: RESOURCES, ...options })).toEqual([place])
  })

  it('RFC 9728 §2: web addresses and other URIs are resources [rule 205]', () => {
    const identifiers = [
      'http://localhost:3000/api',
      'http://[::1]:3000',
      'https://a.example.com/?b=c',
      'api://a-b/c',
      'urn:a:b',
    ]
    const resources = identifiers.map((identifier) => ({ identifier }))
    expect(placesOf({ resources, accessToken: {} })).toEqual([])
  })

  it('RFC 9728 §2: accessToken.audience is required only without resources [rule 205]', () => {
    expect(placesOf({ accessToken: {} })).toEqual(['accessToken.audience'])
  })
})

function optionsOf(options: Partial<JwtExchangeOptions>): JwtExchangeOptions {
  const { name, jwksUri } = host.idp
  const identityProviders = [{ name, jwksUri, allowedSubjects: 'any' as const }]
  return { issuer: ISSUER, identityProviders, clients: [CLIENT], accessToken: { signingKeys }, ...options }
}

function placesOf(options: Partial<JwtExchangeOptions>): string[] {
  try {
    createJwtExchange(optionsOf(options)).close()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ path }) =>
      path
        .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
        .join('')
        .slice(1),
    )
  }
}
