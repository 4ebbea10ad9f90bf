import { lookup } from 'node:dns/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { IdentityProviderOptions } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import {
  type AdminAnswer,
  type AdminHost,
  type AdminHostOptions,
  ENTRY,
  startAdminHost,
} from '../support/admin-host.js'

const hosts: AdminHost[] = []
const servers: Server[] = []
let idp: FakeIdentityProvider

beforeEach(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
})
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await idp.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost({ admin: { allowPrivateNetworks: true }, ...options })
  hosts.push(host)
  return host
}

/** A server on loopback. @returns its URL */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An entry for the fake identity provider, which is on loopback. */
const entryOf = ({ name, jwksUri }: { name: string; jwksUri: string }) =>
  ({ ...ENTRY, name, jwksUri, network: 'any' }) as const

/** The same in the options. */
function fixedEntry(): IdentityProviderOptions {
  const { displayName: _, ...entry } = entryOf(idp)
  return { ...entry, id: 'fixed', allowedSubjects: 'any' }
}

/** A name that leads to an address of this machine or of its network, as an attacker's name might. */
async function localName(): Promise<string> {
  for (const name of [hostname(), 'ip6-localhost']) {
    if (await lookup(name).catch(() => undefined)) return name
  }
  throw new Error('this machine has no name that leads to it')
}

const pathsOf = ({ body }: AdminAnswer): string[] => body.problems.map(({ path }: { path: string[] }) => path.join('.'))

describe('the test of an identity provider', () => {
  it('says what was found, and changes nothing', async () => {
    const { ask, store, exchange } = await start()
    await store.put(entryOf(idp))
    const before = [await store.get('acme'), exchange.stats(), (await ask('GET', '/events')).body]
    const answer = await ask('POST', '/identity-providers/acme/test')
    expect(answer).toMatchObject({
      status: 200,
      body: { id: 'acme', name: idp.name, enabled: true, keys: { state: 'ok', kids: [idp.signingKey.publicJwk.kid] } },
    })
    expect([await store.get('acme'), exchange.stats(), (await ask('GET', '/events')).body]).toEqual(before)
    expect(idp.fetches).toBe(1)
  })

  it('of an entry that is not saved does not save it', async () => {
    const { ask, store } = await start()
    const { status, body } = await ask('POST', '/identity-providers/test', { entry: entryOf(idp) })
    expect([status, body.keys.state]).toEqual([200, 'ok'])
    expect(await store.list()).toEqual([])
  })

  it('says what is wrong if the endpoint fails', async () => {
    const { ask } = await start()
    await idp.fault('garbage')
    const { status, body } = await ask('POST', '/identity-providers/test', { entry: entryOf(idp) })
    expect([status, body.keys.state, body.keys.lastFailure.reason]).toEqual([200, 'down', 'not_json'])
  })

  it('of one that does not exist, or is not in the store, is refused', async () => {
    const { ask } = await start()
    expect((await ask('POST', '/identity-providers/nobody/test')).status).toBe(404)
    expect((await ask('POST', '/identity-providers/fixed/test')).status).toBe(405)
  })

  it.each([
    ['no entry', {}],
    ['an entry that is no object', { entry: 'acme' }],
    ['an entry that is an array', { entry: [ENTRY] }],
    ['another member', { entry: ENTRY, save: true }],
  ])('is refused with %s', async (_, body) => {
    const { ask } = await start()
    for (const path of ['check', 'test']) {
      expect([400, 422]).toContain((await ask('POST', `/identity-providers/${path}`, body)).status)
    }
  })
})

describe('a check of an entry', () => {
  it('lists its problems, or none, and saves nothing', async () => {
    const { ask, store } = await start()
    const good = await ask('POST', '/identity-providers/check', { entry: ENTRY })
    expect(good).toMatchObject({ status: 200, body: { problems: [] } })
    const bad = await ask('POST', '/identity-providers/check', { entry: { ...ENTRY, jwksUri: 5, network: 'moon' } })
    expect([bad.status, pathsOf(bad).sort()]).toEqual([200, ['jwksUri', 'network']])
    expect(await store.list()).toEqual([])
  })
})

describe('a server-side request by the API (SSRF)', () => {
  it.each([
    'http://127.0.0.1:PORT/jwks',
    'https://127.0.0.1:PORT/jwks',
    'https://localhost:PORT/jwks',
    'https://a.localhost:PORT/jwks',
    'https://[::1]:PORT/jwks',
    'https://0.0.0.0:PORT/jwks',
    'https://10.0.0.1/jwks',
    'https://192.168.1.1/jwks',
    'https://172.16.0.1/jwks',
    'https://169.254.1.1/jwks',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fe80::1]/jwks',
    'https://[fd00:ec2::254]/latest',
    'https://[::ffff:127.0.0.1]:PORT/jwks',
    'https://[64:ff9b::7f00:1]:PORT/jwks',
    'https://0x7f000001:PORT/jwks',
    'https://127.1:PORT/jwks',
    'gopher://127.0.0.1:PORT/',
  ])('is not made to %s, by a test or by discovery', async (address) => {
    const { ask } = await start({ admin: {} })
    const url = address.replace('PORT', new URL(idp.url).port)
    const tested = await ask('POST', '/identity-providers/test', { entry: { ...ENTRY, jwksUri: url } })
    expect([tested.status, pathsOf(tested)]).toEqual([422, ['jwksUri']])
    const discovered = await ask('POST', '/identity-providers/discover', { issuer: url })
    expect([discovered.status, pathsOf(discovered)]).toEqual([422, ['issuer']])
    expect(idp.fetches).toBe(0)
  })

  it('is not made to a name that leads to such an address, by a test or by discovery', async () => {
    const { ask } = await start({ admin: {} })
    let requests = 0
    const url = await serve((_, res) => {
      requests += 1
      res.end()
    })
    const issuer = `https://${await localName()}:${new URL(url).port}`
    const tested = await ask('POST', '/identity-providers/test', { entry: { ...ENTRY, jwksUri: `${issuer}/keys` } })
    expect(tested).toMatchObject({
      status: 200,
      body: { keys: { state: 'down', lastFailure: { reason: 'address_not_allowed' } } },
    })
    const discovered = await ask('POST', '/identity-providers/discover', { issuer })
    expect(discovered).toMatchObject({
      status: 422,
      body: {
        type: 'urn:express-jwt-exchange:problem:discovery-failed',
        attempts: [{ reason: 'address_not_allowed' }, {}],
      },
    })
    expect(requests).toBe(0)
  })

  it('does not follow a redirect, by a test or by discovery', async () => {
    const { ask } = await start()
    let requests = 0
    const inner = await serve((_, res) => {
      requests += 1
      res.end('{}')
    })
    const outer = await serve((_, res) => res.writeHead(302, { location: `${inner}/latest?token=a-secret` }).end())
    const entry = { ...ENTRY, jwksUri: `${outer}/keys`, network: 'any' }
    const tested = await ask('POST', '/identity-providers/test', { entry })
    expect(tested.body.keys.lastFailure.reason).toBe('redirected')
    const discovered = await ask('POST', '/identity-providers/discover', { issuer: outer, network: 'any' })
    expect(discovered.body.attempts.map(({ reason }: { reason: string }) => reason)).toEqual([
      'redirected',
      'redirected',
    ])
    expect(tested.text + discovered.text).not.toContain('a-secret')
    expect(requests).toBe(0)
  })

  it('is never made to a metadata service, even where private networks are allowed', async () => {
    const { ask } = await start()
    const url = 'https://169.254.169.254/latest'
    const tested = await ask('POST', '/identity-providers/test', { entry: { ...ENTRY, jwksUri: url, network: 'any' } })
    expect([tested.status, pathsOf(tested)]).toEqual([422, ['jwksUri']])
    const discovered = await ask('POST', '/identity-providers/discover', { issuer: url, network: 'any' })
    expect([discovered.status, pathsOf(discovered)]).toEqual([422, ['issuer']])
  })

  it('is made to at most ten addresses at once', async () => {
    const { ask } = await start()
    const url = await serve(() => {})
    const entry = { ...ENTRY, jwksUri: `${url}/keys`, network: 'any' }
    const answers = await Promise.all(
      Array.from({ length: 15 }, () => ask('POST', '/identity-providers/test', { entry })),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(5)
    expect(refused[0]).toMatchObject({ headers: { 'retry-after': '1' } })
    expect((await ask('POST', '/identity-providers/test', { entry })).status).toBe(200)
  })
})

describe('discovery', () => {
  const metadata = (issuer: string) => ({
    issuer,
    jwks_uri: `${issuer}/keys`,
    id_token_signing_alg_values_supported: ['RS256', 'none', 'HS256', 'EdDSA', '<script>'],
  })

  it('finds the metadata of OpenID Connect', async () => {
    const { ask } = await start()
    const { status, body } = await ask('POST', '/identity-providers/discover', { issuer: idp.url, network: 'any' })
    expect([status, body]).toEqual([
      200,
      {
        issuer: idp.name,
        jwksUri: idp.jwksUri,
        metadataUrl: `${idp.url}/.well-known/openid-configuration`,
        algorithms: expect.any(Array),
      },
    ])
  })

  it.each([
    ['before the path', '/.well-known/oauth-authorization-server/tenant'],
    ['before the path, by the name of OpenID Connect', '/.well-known/openid-configuration/tenant'],
    ['after the path', '/tenant/.well-known/openid-configuration'],
  ])('finds metadata that are %s (RFC 8414)', async (_, path) => {
    const { ask } = await start()
    const url: string = await serve((req, res) => {
      if (req.url === path) res.end(JSON.stringify(metadata(`${url}/tenant`)))
      else res.writeHead(404).end()
    })
    const found = { issuer: `${url}/tenant`, jwksUri: `${url}/tenant/keys`, algorithms: ['RS256', 'EdDSA'] }
    for (const issuer of [`${url}/tenant`, `${url}/tenant/`, `${url}${path}`]) {
      const { body } = await ask('POST', '/identity-providers/discover', { issuer, network: 'any' })
      expect(body).toEqual({ ...found, metadataUrl: `${url}${path}` })
    }
  })

  it.each<[string, string]>([
    ['not JSON', '<html>'],
    ['no object', '[]'],
    ['without an issuer', '{"jwks_uri":"https://a.example/keys"}'],
    ['without a jwks_uri', '{"issuer":"https://a.example"}'],
    ['with a jwks_uri of http', '{"issuer":"https://a.example","jwks_uri":"http://a.example/keys"}'],
    ['with a jwks_uri of script', '{"issuer":"https://a.example","jwks_uri":"javascript:alert(1)"}'],
    ['without an end', 'x'.repeat(200_000)],
  ])('refuses metadata that are %s', async (_, text) => {
    const { ask } = await start()
    const url = await serve((_req, res) => res.end(text))
    const answer = await ask('POST', '/identity-providers/discover', { issuer: url, network: 'any' })
    expect(answer).toMatchObject({ status: 422, body: { attempts: [{ reason: expect.any(String) }, {}] } })
    expect(answer.text).not.toContain('alert')
  })

  it('ends in time if the server does not answer', async () => {
    const { ask } = await start()
    const url = await serve(() => {})
    const issuer = `${url}/.well-known/openid-configuration`
    const answer = await ask('POST', '/identity-providers/discover', { issuer, network: 'any' })
    expect(answer).toMatchObject({ status: 422, body: { attempts: [{ reason: 'read_timeout' }] } })
  })

  it.each<[string, unknown]>([
    ['no issuer', {}],
    ['an issuer that is no text', { issuer: 5 }],
    ['an issuer that is too long', { issuer: `https://a.example/${'x'.repeat(1000)}` }],
    ['an issuer with user info', { issuer: 'https://a:b@a.example' }],
    ['another network without permission', { issuer: 'https://a.example', network: 'any' }],
    ['an unknown network', { issuer: 'https://a.example', network: 'moon' }],
    ['an unknown member', { issuer: 'https://a.example', timeout: 1e9 }],
  ])('is refused with %s', async (_, body) => {
    const { ask } = await start({ admin: {} })
    expect([400, 422]).toContain((await ask('POST', '/identity-providers/discover', body)).status)
  })
})

describe('the keys of an identity provider', () => {
  it('are those in use, and otherwise fetched', async () => {
    const { ask, store } = await start()
    await store.put(entryOf(idp))
    const fixed = await ask('GET', '/identity-providers/fixed/keys')
    expect(fixed).toMatchObject({ status: 200, body: { keys: { state: 'never', keys: [] } } })
    const stored = await ask('GET', '/identity-providers/acme/keys')
    expect(stored).toMatchObject({ status: 200, body: { keys: { state: 'ok', kids: [idp.signingKey.publicJwk.kid] } } })
    expect((await ask('GET', '/identity-providers/nobody/keys')).status).toBe(404)
  })

  it('are fetched again on demand, and the old ones stay if that fails', async () => {
    const { ask, exchange } = await start({
      exchange: { identityProviders: [fixedEntry()] },
    })
    const refreshed = await ask('POST', '/identity-providers/fixed/refresh-keys')
    expect(refreshed).toMatchObject({ status: 200, body: { id: 'fixed', keys: { state: 'ok' } } })
    await idp.fault('error')
    const failed = await ask('POST', '/identity-providers/fixed/refresh-keys')
    expect(failed).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    expect(exchange.stats().identityProviders[0]?.kids).toEqual([idp.signingKey.publicJwk.kid])
    expect((await ask('POST', '/identity-providers/nobody/refresh-keys')).status).toBe(404)
  })
})

describe('an explanation', () => {
  it('names each check, and takes the client and the scope', async () => {
    const { ask } = await start({
      exchange: { identityProviders: [fixedEntry()] },
    })
    const assertion = await idp.issueAssertion()
    const { status, body } = await ask('POST', '/explain', { assertion, clientId: 'app', scope: 'orders:read' })
    expect([status, body.isAccepted]).toEqual([200, true])
    expect(body.steps.length).toBeGreaterThan(5)
    const expired = await ask('POST', '/explain', { assertion: await idp.issueAssertion({ exp: 1 }) })
    expect(expired.body).toMatchObject({ isAccepted: false, reason: 'expired' })
  })

  it.each<[string, unknown]>([
    ['no assertion', {}],
    ['an assertion that is no text', { assertion: ['a'] }],
    ['an unknown member', { assertion: 'a', client: 'app' }],
    ['a scope that is no text', { assertion: 'a', scope: 5 }],
  ])('is refused for %s', async (_, body) => {
    const { ask } = await start()
    const answer = await ask('POST', '/explain', body)
    expect(answer).toMatchObject({ status: 422, body: { problems: [{ message: expect.any(String) }] } })
  })
})
