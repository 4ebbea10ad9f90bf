import { createPrivateKey, hash, X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  generateSigningKey,
  type IdentityProviderOptions,
  type JwksEndpointOptions,
  type JwtExchangeOptions,
} from '../../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../../src/testing/index.js'
import { EC_CERTIFICATE, EC_CERTIFICATE_KEY } from '../../support/certificates.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../../support/exchange-host.js'

const X5C = [new X509Certificate(EC_CERTIFICATE).raw.toString('base64')]
/** Published by its certificate alone. */
const CERTIFIED: FakeKey = {
  kid: 'certified',
  algorithm: 'ES256',
  privateJwk: { ...createPrivateKey(EC_CERTIFICATE_KEY).export({ format: 'jwk' }) } as FakeKey['privateJwk'],
  publicJwk: { kty: 'EC', kid: 'certified', x5c: X5C },
}
const OUTAGE = { status: 503, error: 'temporarily_unavailable', reason: 'jwks_unavailable' }
const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }

let svid: FakeKey
let many: FakeKey[]
let host: ClockedHost
beforeAll(async () => {
  svid = await generateFakeKey('ES256', 'svid')
  many = await Promise.all(Array.from({ length: 12 }, (_, index) => generateFakeKey('ES256', `key ${index}`)))
})
afterEach(() => host.close())

async function start(provider: Partial<IdentityProviderOptions>, jwksEndpoint: JwksEndpointOptions = {}) {
  host = await startClockedHost({ identityProvider: provider, exchange: { accessToken, jwksEndpoint } })
}

function change(provider: Partial<IdentityProviderOptions>, jwksEndpoint: JwksEndpointOptions = {}): void {
  const { name, jwksUri } = host.idp
  const options: JwtExchangeOptions = {
    issuer: ISSUER,
    identityProviders: [{ name, jwksUri, allowedSubjects: 'any', ...provider }],
    clients: [CLIENT],
    accessToken,
    jwksEndpoint,
    clock: host.clock,
  }
  host.exchange.reconfigure(options)
}

/** Publishes these beside a good key. */
function publish(...members: unknown[]): void {
  host.idp.publish([host.idp.signingKey.publicJwk, ...members])
}

async function judge(key = host.idp.signingKey, header: Record<string, unknown> = {}) {
  return host.judge(await signAssertion(key, host.header({ kid: key.kid, ...header }), host.claims()))
}

const publishedSvid = () => ({ ...svid.publicJwk, use: 'jwt-svid' })
const stats = () => host.exchange.stats().identityProviders[0]
const eventsOf = (wanted: string) => host.events.filter(({ name }) => name === wanted)

describe.each<[string, () => unknown, () => FakeKey, Partial<IdentityProviderOptions>, string]>([
  ['x5cOnlyKeys', () => CERTIFIED.publicJwk, () => CERTIFIED, { x5cOnlyKeys: true }, 'x5c_only'],
  ['keyUses', publishedSvid, () => svid, { keyUses: ['jwt-svid'] }, 'jwt_svid'],
])('the option %s', (_, member, key, option, reason) => {
  it('decides whether such a key is used', async () => {
    await start({})
    publish(member())
    expect([await judge(key()), await judge()]).toEqual([refused('unknown_key'), ACCEPTED])
    expect(eventsOf('jwks.key_rejected')).toMatchObject([{ kid: key().kid, reason }])
    await host.close()
    await start(option)
    publish(member())
    expect([await judge(key()), await judge()]).toEqual([ACCEPTED, ACCEPTED])
    expect(eventsOf('jwks.key_rejected')).toEqual([])
  })

  it('is in force with the next request when it is added, though the key set is cached and has not changed', async () => {
    await start({})
    host.idp.setKeySetHeaders({ etag: '"the same"' })
    publish(member())
    expect([await judge(), await judge(key())]).toEqual([ACCEPTED, refused('unknown_key')])
    const { fetches } = host.idp
    change(option)
    expect([await judge(key()), await judge()]).toEqual([ACCEPTED, ACCEPTED])
    expect(host.idp.fetches).toBe(fetches + 1)
    expect(stats()?.state).toBe('ok')
  })

  it('is in force with the next request when it is taken away, even in an outage, and the other keys serve on', async () => {
    await start(option)
    publish(member())
    expect([await judge(), await judge(key())]).toEqual([ACCEPTED, ACCEPTED])
    await host.idp.fault('down')
    change({})
    expect(await judge()).toEqual(ACCEPTED)
    expect(await judge(key())).toEqual(OUTAGE)
    expect(stats()).toMatchObject({ kids: [host.idp.signingKey.kid], state: 'ok', failedFetches: 1 })
    await host.idp.fault('off')
    host.clock.advance(60)
    expect([await judge(key()), await judge()]).toEqual([refused('unknown_key'), ACCEPTED])
    expect(eventsOf('jwks.key_rejected')).toMatchObject([{ kid: key().kid, reason }])
  })

  it('leaves no key when it is taken away where there was no other', async () => {
    await start(option)
    host.idp.publish([member()])
    expect(await judge(key())).toEqual(ACCEPTED)
    change({})
    expect(await judge(key())).toEqual(OUTAGE)
    expect(stats()).toMatchObject({ kids: [], state: 'down', lastFailure: { reason: 'no_usable_key' } })
    change(option)
    host.clock.advance(60)
    expect(await judge(key())).toEqual(ACCEPTED)
  })

  it('is in force behind the assertion strategy, too, where known keys serve at once and new ones are fetched', async () => {
    const whoami = async (signer = host.idp.signingKey) => {
      const assertion = await signAssertion(signer, host.header({ kid: signer.kid }), host.claims())
      return (await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })).status
    }
    await start({})
    publish(member())
    await host.exchange.ready()
    expect([await whoami(), await whoami(key())]).toEqual([200, 401])
    change(option)
    expect(await whoami()).toBe(200)
    await host.exchange.ready()
    expect([await whoami(key()), await whoami()]).toEqual([200, 200])
    await host.idp.fault('down')
    change({})
    expect(await whoami(key())).not.toBe(200)
    expect(await whoami()).toBe(200)
  })

  it('costs no fetch when it stays', async () => {
    await start(option)
    publish(member())
    expect(await judge(key())).toEqual(ACCEPTED)
    change({ ...option, lifetime: 60 })
    change(option, { readTimeout: 900 })
    expect([await judge(key()), host.idp.fetches]).toEqual([ACCEPTED, 1])
  })
})

describe('a key set that is larger than maxKeys', () => {
  it('is cut, which an event says once of each version', async () => {
    await start({}, { maxKeys: 10 })
    host.idp.publish(many.map(({ publicJwk }) => publicJwk))
    expect(await judge(many[9])).toEqual(ACCEPTED)
    expect(await judge(many[10])).toEqual(refused('unknown_key'))
    await host.exchange.refreshKeys(host.idp.name)
    const { name, alias, jwksUri } = host.idp
    const cut = { keys: 12, maxKeys: 10 }
    const event = { name: 'jwks.key_set_cut', identityProvider: name, alias, endpoint: jwksUri, ...cut }
    expect([eventsOf('jwks.key_set_cut'), eventsOf('jwks.key_rejected')]).toEqual([[event], []])
    expect(stats()).toMatchObject({ cut })
    expect(stats()?.kids).toHaveLength(10)
    host.idp.publish(many.slice(0, 11).map(({ publicJwk }) => publicJwk))
    await host.exchange.refreshKeys(host.idp.name)
    expect(eventsOf('jwks.key_set_cut')).toHaveLength(2)
    host.idp.publish(many.slice(0, 10).map(({ publicJwk }) => publicJwk))
    await host.exchange.refreshKeys(host.idp.name)
    expect(eventsOf('jwks.key_set_cut')).toHaveLength(2)
    expect(stats()).not.toHaveProperty('cut')
  })

  it('whose first keys are all skipped is a failed fetch that says that there are more', async () => {
    await start({}, { maxKeys: 10 })
    host.idp.publish([...Array(10).fill(null), ...many.map(({ publicJwk }) => publicJwk)])
    expect(await judge(many[0])).toEqual(OUTAGE)
    const detail = expect.stringMatching(/^each of the first 10 of 22 keys is skipped: without kid: not_an_object; /)
    expect(stats()?.lastFailure).toMatchObject({ reason: 'no_usable_key', detail })
    expect(eventsOf('jwks.key_set_cut')).toMatchObject([{ keys: 22, maxKeys: 10 }])
  })

  it('is read whole with the next request when maxKeys is raised, and cut again when it is lowered', async () => {
    await start({}, { maxKeys: 10 })
    host.idp.publish(many.map(({ publicJwk }) => publicJwk))
    expect([await judge(many[0]), await judge(many[11])]).toEqual([ACCEPTED, refused('unknown_key')])
    change({}, { maxKeys: 12 })
    expect([await judge(many[11]), stats()?.kids.length]).toEqual([ACCEPTED, 12])
    expect(stats()).not.toHaveProperty('cut')
    change({}, { maxKeys: 11 })
    expect(await judge(many[0])).toEqual(ACCEPTED)
    await host.exchange.ready()
    expect([await judge(many[0]), await judge(many[11])]).toEqual([ACCEPTED, refused('unknown_key')])
    expect(eventsOf('jwks.key_set_cut').map(({ keys, maxKeys }) => [keys, maxKeys])).toEqual([
      [12, 10],
      [12, 11],
    ])
  })

  it('serves on in an outage when maxKeys changes', async () => {
    await start({}, { maxKeys: 10 })
    host.idp.publish(many.map(({ publicJwk }) => publicJwk))
    expect(await judge(many[0])).toEqual(ACCEPTED)
    await host.idp.fault('down')
    change({}, { maxKeys: 20 })
    expect([await judge(many[0]), await judge(many[11])]).toEqual([ACCEPTED, OUTAGE])
  })
})

describe('an assertion without a kid', () => {
  const thumbprint = (index: number) => hash('sha256', `certificate ${index}`, 'base64url')
  const start12 = async () => {
    await start({})
    host.idp.publish(
      many.map(({ publicJwk: { kid: _, ...jwk } }, index) => ({ ...jwk, 'x5t#S256': thumbprint(index) })),
    )
  }

  it('is verified by the key of its thumbprint, however many there are', async () => {
    await start12()
    for (const index of [0, 4, 5, 11])
      expect(await judge(many[index], { kid: undefined, 'x5t#S256': thumbprint(index) })).toEqual(ACCEPTED)
    expect(host.idp.fetches).toBe(1)
  })

  it('is not verified by a key that the thumbprint does not name', async () => {
    await start12()
    expect(await judge(many[0], { kid: undefined, 'x5t#S256': thumbprint(1) })).toEqual(refused('bad_signature'))
    const stranger = await generateFakeKey('ES256')
    expect(await judge(stranger, { kid: undefined, 'x5t#S256': thumbprint(0) })).toEqual(refused('bad_signature'))
  })

  it.each([null, 7, 'AA', ['A'], { a: 1 }, 'A'.repeat(43), 'A'.repeat(10_000)])(
    'is judged as if it had no thumbprint if that is malformed or unknown: %j',
    async (x5t) => {
      await start12()
      const header = { kid: undefined, x5t, 'x5t#S256': x5t }
      expect(await judge(many[0], header)).toEqual(ACCEPTED)
      expect(await judge(many[11], header)).toEqual(refused('bad_signature'))
    },
  )
})

describe('an explanation', () => {
  const explain = async (key: FakeKey | undefined, header: Record<string, unknown> = {}) => {
    const signer = key ?? host.idp.signingKey
    const assertion = await signAssertion(signer, host.header({ kid: signer.kid, ...header }), host.claims())
    const { steps } = await host.exchange.explain(assertion, { clientId: CLIENT.clientId })
    const { outcome, reason, hint } = steps.find(({ step }) => step === 'signature') ?? {}
    return [outcome, reason, hint]
  }
  const CUT = 'the set has 12 keys, and only the first 10 are used; raise jwksEndpoint.maxKeys (max_keys)'

  it('says that the key may be one that was not read', async () => {
    await start({}, { maxKeys: 10 })
    host.idp.publish(many.map(({ publicJwk }) => publicJwk))
    expect(await explain(many[11])).toEqual([
      'failed',
      'unknown_key',
      `kid is not among the keys that are read: ${CUT}`,
    ])
    expect(await explain(many[0])).toEqual(['passed', undefined, undefined])
    const rsa = await generateFakeKey('RS256')
    expect(await explain(rsa, { alg: 'RS256', kid: undefined })).toEqual([
      'failed',
      'unknown_key',
      `no key that is read fits: ${CUT}`,
    ])
  })

  it('says so of a bad signature, too, where the key was not named', async () => {
    await start({}, { maxKeys: 10 })
    const rsa = await generateFakeKey('RS256')
    host.idp.publish([...many.slice(0, 3), ...Array(8).fill(rsa), many[11]].map((key: FakeKey) => key.publicJwk))
    expect(await explain(many[11], { kid: undefined })).toEqual([
      'failed',
      'bad_signature',
      `it was not signed by any of the keys that are read: ${CUT}`,
    ])
    expect(await explain(many[11], { kid: 'key 0' })).toEqual([
      'failed',
      'bad_signature',
      expect.stringMatching(/forged/),
    ])
  })

  it('says that not all keys were tried where more than five fit', async () => {
    await start({})
    host.idp.publish(many.map(({ publicJwk }) => publicJwk))
    expect(await explain(many[11], { kid: undefined })).toEqual([
      'failed',
      'bad_signature',
      '12 keys fit and only the first 5 are tried, because the assertion names no kid: configure the identity provider to include it',
    ])
    host.idp.publish(many.slice(0, 6).map(({ publicJwk }) => ({ ...publicJwk, kid: 'one' })))
    await host.exchange.refreshKeys(host.idp.name)
    expect(await explain(many[5], { kid: 'one' })).toEqual([
      'failed',
      'bad_signature',
      '6 keys have this kid and only the first 5 are tried: each key needs a kid of its own at the identity provider',
    ])
  })

  it('calls a bad signature forged where five keys or fewer fit, by themselves or by a thumbprint', async () => {
    await start({})
    const stranger = await generateFakeKey('ES256')
    host.idp.publish(many.slice(0, 5).map(({ publicJwk }) => publicJwk))
    const forged = ['failed', 'bad_signature', expect.stringMatching(/, or was altered or forged$/)]
    expect(await explain(stranger, { kid: undefined })).toEqual(forged)
    const x5t = hash('sha1', 'certificate', 'base64url')
    host.idp.publish(many.map(({ publicJwk }, index) => ({ ...publicJwk, ...(index === 7 && { x5t }) })))
    await host.exchange.refreshKeys(host.idp.name)
    expect(await explain(stranger, { kid: undefined, x5t })).toEqual(forged)
  })
})
