import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import type { ClientOptions, IdentityProviderOptions, ReplayStore } from '../../src/index.js'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, TOKEN_ENDPOINT } from '../support/exchange-host.js'

type Bounds = Pick<IdentityProviderOptions, 'lifetime' | 'maxBeyondAssertion'>

const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((host) => host.close())))

/** Accepts each claim, after something has happened. */
function storeThat(act: () => void): ReplayStore {
  return {
    markUsed: async () => {
      act()
      return true
    },
  }
}

/** An exchange whose own lifetime is an hour. */
async function startBounded(
  provider: Bounds,
  client: Pick<ClientOptions, 'lifetime'> = {},
  duringClaim = () => {},
): Promise<ClockedHost> {
  const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()], lifetime: 3600 }
  const host = await startClockedHost({
    identityProvider: provider,
    exchange: { clients: [{ ...CLIENT, ...client }], accessToken, replay: { store: storeThat(duringClaim) } },
  })
  hosts.push(host)
  return host
}

/** The `expires_in` of the answer, which the `exp` of the token bears out. */
async function lifetimeOf(host: ClockedHost, claims: object = {}): Promise<number | string> {
  const { status, body } = await host.exchangeAssertion(await host.assertion({ ...claims }))
  if (status !== 200) return host.lastReason() ?? 'no reason'
  const { expiresAt, payload } = await host.exchange.verifyAccessToken(body.access_token)
  expect(expiresAt - Number(payload.iat)).toBe(body.expires_in)
  return body.expires_in
}

describe('the lifetime of an access token', () => {
  it.each([
    ['the exchange alone', {}, {}, 3600],
    ['the identity provider', { lifetime: 600 }, {}, 600],
    ['the client', {}, { lifetime: 300 }, 300],
    ['the lesser of both, the client', { lifetime: 600 }, { lifetime: 300 }, 300],
    ['the lesser of both, the identity provider', { lifetime: 60 }, { lifetime: 300 }, 60],
    ['the exchange, where both allow more', { lifetime: 86_400 }, { lifetime: 7200 }, 3600],
  ])('is bounded by %s', async (_, provider, client, expected) => {
    expect(await lifetimeOf(await startBounded(provider, client))).toBe(expected)
  })
})

describe('an access token with maxBeyondAssertion', () => {
  let never: ClockedHost
  let minutes: ClockedHost
  beforeAll(async () => {
    never = await startBounded({ maxBeyondAssertion: 0 })
    minutes = await startBounded({ maxBeyondAssertion: 120 })
  })
  const expiringIn = (host: ClockedHost, seconds: number) => ({ exp: Math.floor(host.clock.now()) + seconds })

  it.each([1, 2, 59, 300, 3599])('0 never outlives its assertion, of which %i seconds are left', async (left) => {
    expect(await lifetimeOf(never, expiringIn(never, left))).toBe(left)
  })

  it.each([0, -1, -59])('0 is not issued when %i seconds of the assertion are left', async (left) => {
    expect(await lifetimeOf(never, expiringIn(never, left))).toBe('expired')
  })

  it('0 does not use up the assertion that it is not issued for', async () => {
    const late = await never.assertion(expiringIn(never, 0))
    expect((await never.judge(late)).reason).toBe('expired')
    never.clock.advance(-1)
    expect((await never.judge(late)).status).toBe(200)
  })

  it('0 never outlives its assertion, however long the replay store takes', async () => {
    const host = await startBounded({ maxBeyondAssertion: 0 }, {}, () => host.clock.advance(7))
    const expiresAt = Math.floor(host.clock.now()) + 10
    const { body } = await host.exchangeAssertion(await host.assertion({ exp: expiresAt }))
    expect([body.expires_in, decodeJwt(body.access_token).exp]).toEqual([3, expiresAt])
    const late = await host.assertion({ exp: Math.floor(host.clock.now()) + 5 })
    expect(await host.judge(late)).toMatchObject({ status: 400, error: 'invalid_grant', reason: 'expired' })
  })

  it('0 takes the whole seconds of a fraction', async () => {
    expect(await lifetimeOf(never, { exp: Math.floor(never.clock.now()) + 10.9 })).toBe(10)
  })

  it.each([
    [300, 420],
    [1, 121],
    [-59, 61],
    [3600, 3600],
  ])('120 outlives its assertion, of which %i seconds are left, by as much: %i in all', async (left, expected) => {
    expect(await lifetimeOf(minutes, expiringIn(minutes, left))).toBe(expected)
  })
})

describe('a lifetime that cannot be meant', () => {
  const wrong = [0, -1, 1.5, 86_401, '600', null, Number.NaN, Number.POSITIVE_INFINITY]
  const create = (provider: object, client: object) => () =>
    createJwtExchange({
      issuer: 'https://api.example.com/oauth2',
      tokenEndpoint: TOKEN_ENDPOINT,
      identityProviders: [
        {
          name: 'https://idp.example.com',
          allowedSubjects: 'any',
          jwksUri: 'https://idp.example.com/jwks',
          ...provider,
        },
      ],
      clients: [{ ...CLIENT, ...client }],
      accessToken: { audience: AUDIENCE },
    })

  it.each(wrong)('of an identity provider is refused at the start: %p', (lifetime) => {
    expect(create({ lifetime }, {})).toThrow('identityProviders[0].lifetime')
  })

  it.each(wrong)('of a client is refused at the start: %p', (lifetime) => {
    expect(create({}, { lifetime })).toThrow('clients[0].lifetime')
  })

  it.each(wrong.filter((value) => value !== 0))('as maxBeyondAssertion is refused at the start: %p', (value) => {
    expect(create({ maxBeyondAssertion: value }, {})).toThrow('identityProviders[0].maxBeyondAssertion')
  })
})
