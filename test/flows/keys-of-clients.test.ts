import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ClientOptions } from '../../src/index.js'
import { FakeIdentityProvider, type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient, signClientAssertion } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const unavailable = (reason: string) => ({ status: 503, error: 'temporarily_unavailable', reason })
const rejected = (reason: string) => refusedClient(`wrong_client_assertion: ${reason}`)

async function present(
  host: ClockedHost,
  key: FakeKey,
  claims: Readonly<Record<string, unknown>> = {},
  clientId = 'keyed',
) {
  const assertion = await signClientAssertion(host, key, clientId, claims)
  return judgeClient(host, { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE })
}

describe('a client whose keys are at a URL', () => {
  let endpoint: FakeIdentityProvider
  let host: ClockedHost
  beforeAll(async () => {
    endpoint = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const client = { clientId: 'keyed', jwksUri: endpoint.jwksUri, scopes: CLIENT.scopes }
    host = await startClockedHost({ exchange: { clients: [CLIENT, client] } })
  })
  afterAll(async () => {
    await host.close()
    await endpoint.close()
  })

  it('authenticates with keys that are fetched once, and the event names the client', async () => {
    expect(await present(host, endpoint.signingKey)).toEqual(ACCEPTED)
    expect(await present(host, endpoint.signingKey)).toEqual(ACCEPTED)
    const fetched = host.events.filter(({ name, clientId }) => name === 'jwks.refreshed' && clientId === 'keyed')
    expect(fetched).toHaveLength(1)
    expect(fetched[0]).toMatchObject({ alias: ISSUER, endpoint: endpoint.jwksUri })
    expect(fetched[0]).not.toHaveProperty('identityProvider')
  })

  it('authenticates by a new key in the same request', async () => {
    await endpoint.rotate()
    expect(await present(host, endpoint.signingKey)).toEqual(ACCEPTED)
  })

  it('is not refused while the endpoint is down: 503', async () => {
    const other = await startClockedHost({
      exchange: { clients: [{ clientId: 'keyed', jwksUri: 'http://127.0.0.1:9/keys', scopes: CLIENT.scopes }] },
    })
    try {
      expect(await present(other, endpoint.signingKey)).toEqual(unavailable('jwks_unavailable'))
      const { kid, algorithm } = endpoint.signingKey
      expect(other.events.at(-1)).toMatchObject({ name: 'token.rejected', clientId: 'keyed', kid, algorithm })
    } finally {
      await other.close()
    }
  })
})

describe('a client that is looked up', () => {
  let key: FakeKey
  let host: ClockedHost
  const found = new Map<string, ClientOptions>()
  beforeAll(async () => {
    key = await generateFakeKey('ES256', 'k')
    host = await startClockedHost({ exchange: { findClient: (clientId) => found.get(clientId) } })
    const bounds = { scopes: CLIENT.scopes }
    found.set('keyed', { clientId: 'keyed', jwks: { keys: [key.publicJwk] }, ...bounds })
    found.set('private', { clientId: 'private', jwks: { keys: [key.publicJwk, key.privateJwk] }, ...bounds })
    found.set('fetched', { clientId: 'fetched', jwksUri: 'https://10.0.0.1/keys', ...bounds })
    found.set('asserted', {
      clientId: 'asserted',
      assertedBy: { identityProvider: host.idp.name, subject: 'pod' },
      ...bounds,
    })
  })
  afterAll(() => host.close())

  it('authenticates by its key, time and again', async () => {
    for (let count = 0; count < 3; count += 1) expect(await present(host, key)).toEqual(ACCEPTED)
  })

  it('authenticates by another key as soon as it is found with that', async () => {
    const next = await generateFakeKey('ES256', 'k')
    found.set('keyed', { clientId: 'keyed', jwks: { keys: [next.publicJwk] }, scopes: CLIENT.scopes })
    expect(await present(host, key)).toEqual(rejected('bad_signature'))
    expect(await present(host, next)).toEqual(ACCEPTED)
  })

  it.each<[string, (jwks: { keys: object[] }) => { keys: object[] }]>([
    ['the set', (jwks) => ({ ...jwks, toJSON: () => 'withheld' })],
    ['its list', ({ keys }) => ({ keys: Object.assign([...keys], { toJSON: () => [] }) })],
    ['a key', ({ keys }) => ({ keys: keys.map((each) => ({ ...each, toJSON: () => ({ kid: 'k' }) })) })],
    ['no part that is enumerated', ({ keys }) => Object.defineProperty({ keys }, 'keys', { enumerable: false })],
  ])('never authenticates by the key of another client that looks the same as JSON: %s', async (_, disguise) => {
    const other = await generateFakeKey('ES256', 'k')
    const disguised = (clientId: string, { publicJwk }: FakeKey) =>
      found.set(clientId, { clientId, jwks: disguise({ keys: [publicJwk] }), scopes: CLIENT.scopes })
    disguised('one', key)
    disguised('two', other)
    expect(await present(host, key, {}, 'one')).toEqual(ACCEPTED)
    expect(await present(host, key, {}, 'two')).toEqual(rejected('bad_signature'))
    expect(await present(host, other, {}, 'two')).toEqual(ACCEPTED)
  })

  it('is an outage of ours with a private key, each time, and with a URL: nothing is fetched', async () => {
    for (const clientId of ['private', 'private', 'fetched']) {
      expect(await present(host, key, {}, clientId)).toEqual(unavailable('client_lookup_failed'))
    }
    expect(host.events.filter(({ name, clientId }) => name.startsWith('jwks.') && clientId !== undefined)).toEqual([])
  })

  it('is an outage of ours with the name of an identity provider as its id', async () => {
    const { name } = host.idp
    found.set(name, { clientId: name, jwks: { keys: [key.publicJwk] }, scopes: CLIENT.scopes })
    expect(await present(host, key, {}, name)).toEqual(unavailable('client_lookup_failed'))
  })

  it('authenticates by an assertion of its identity provider, if the form has client_id', async () => {
    const assertion = () => host.assertion({ sub: 'pod', aud: TOKEN_ENDPOINT })
    const form = { client_assertion_type: CLIENT_ASSERTION_TYPE }
    const client_id = 'asserted'
    expect(await judgeClient(host, { client_assertion: await assertion(), client_id, ...form })).toEqual(ACCEPTED)
    expect(await judgeClient(host, { client_assertion: await assertion(), ...form })).toEqual(
      refusedClient('unknown_client'),
    )
  })
})

describe('failures of client assertions', () => {
  it('end in 429 before any cryptography, for this id and address alone', async () => {
    const [key, other] = await Promise.all([generateFakeKey('ES256', 'k'), generateFakeKey('ES256', 'k')])
    const jwks = { keys: [key.publicJwk] }
    const clients = ['keyed', 'second'].map((clientId) => ({ clientId, jwks, scopes: CLIENT.scopes }))
    const host = await startClockedHost({ exchange: { clients, clientAuthentication: { maxFailures: 2 } } })
    try {
      expect(await present(host, other)).toEqual(rejected('bad_signature'))
      expect(await present(host, other, {}, 'nobody')).toEqual(refusedClient('unknown_client'))
      expect(await present(host, other)).toEqual(rejected('bad_signature'))
      const limited = { status: 429, error: 'temporarily_unavailable', reason: 'too_many_client_failures' }
      expect(await present(host, key)).toEqual(limited)
      expect(await present(host, key, {}, 'second')).toEqual(ACCEPTED)
      host.clock.advance(301)
      expect(await present(host, key)).toEqual(ACCEPTED)
    } finally {
      await host.close()
    }
  })

  it('are outages where the replay store is down: 503, and nothing is counted', async () => {
    const key = await generateFakeKey('ES256', 'k')
    let isDown = true
    const store = {
      markUsed: () => {
        if (isDown) throw new Error('down')
        return true
      },
    }
    const clients = [{ clientId: 'keyed', jwks: { keys: [key.publicJwk] }, scopes: CLIENT.scopes }]
    const host = await startClockedHost({
      exchange: { clients, replay: { store }, clientAuthentication: { maxFailures: 1 } },
    })
    try {
      for (let count = 0; count < 3; count += 1) {
        expect(await present(host, key)).toEqual(unavailable('replay_store_unavailable'))
      }
      isDown = false
      expect(await present(host, key)).toEqual(ACCEPTED)
    } finally {
      await host.close()
    }
  })
})

describe('clientAuthentication.allowTokenEndpointAudience', () => {
  it('accepts the URL of the token endpoint, as the only value', async () => {
    const key = await generateFakeKey('ES256', 'k')
    const clients = [{ clientId: 'keyed', jwks: { keys: [key.publicJwk] }, scopes: CLIENT.scopes }]
    const clientAuthentication = { allowTokenEndpointAudience: true }
    const host = await startClockedHost({ exchange: { clients, clientAuthentication } })
    try {
      for (const aud of [ISSUER, TOKEN_ENDPOINT, [TOKEN_ENDPOINT]]) {
        expect(await present(host, key, { aud })).toEqual(ACCEPTED)
      }
      expect(await present(host, key, { aud: [ISSUER, TOKEN_ENDPOINT] })).toEqual(rejected('several_audiences'))
      expect(await present(host, key, { aud: `${TOKEN_ENDPOINT}/` })).toEqual(rejected('wrong_audience'))
    } finally {
      await host.close()
    }
  })
})
