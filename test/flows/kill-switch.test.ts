import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchange,
} from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

const signingKey = generateSigningKey()
const accessToken = { audience: AUDIENCE, signingKeys: [signingKey] }

let host: ClockedHost
let name: string
beforeAll(async () => {
  host = await startClockedHost({ exchange: { accessToken } })
  name = host.idp.name
})
beforeEach(() => host.exchange.enableIdentityProvider(name))
afterAll(() => host.close())

const get = (token: string) => request(host.url).get('/orders').auth(token, { type: 'bearer' })
const outcomeOf = (token: string, exchange: JwtExchange = host.exchange) =>
  exchange.verifyAccessToken(token).then(
    ({ sub }) => sub,
    ({ reason }) => reason,
  )

/** Another exchange with the same signing key, as in another process. */
function otherProcess(identityProviders: readonly IdentityProviderOptions[]): JwtExchange {
  return createJwtExchange({
    issuer: ISSUER,
    clients: [CLIENT],
    subject: 'raw',
    identityProviders,
    accessToken,
    clock: host.clock,
  })
}

describe('an identity provider that is switched off', () => {
  it('gets no new token, and one again when it is switched on', async () => {
    host.exchange.disableIdentityProvider(name)
    expect(await host.judge(await host.assertion())).toMatchObject({
      status: 400,
      error: 'invalid_grant',
      reason: 'identity_provider_disabled',
    })
    host.exchange.enableIdentityProvider(name)
    expect((await host.judge(await host.assertion())).status).toBe(200)
  })

  it('does not use up the assertion that it refuses', async () => {
    const assertion = await host.assertion()
    host.exchange.disableIdentityProvider(name)
    expect((await host.judge(assertion)).reason).toBe('identity_provider_disabled')
    host.exchange.enableIdentityProvider(name)
    expect((await host.judge(assertion)).status).toBe(200)
  })

  it.each([1, 2, 3, 4])('is refused the token that it obtained before, which was accepted %i times', async (times) => {
    const token = await host.accessToken()
    for (let count = 0; count < times; count += 1) expect((await get(token)).status).toBe(200)
    host.exchange.disableIdentityProvider(name)
    for (let count = 0; count < 3; count += 1) {
      const { status, body, headers } = await get(token)
      expect([status, body.error, host.lastReason()]).toEqual([401, 'invalid_token', 'identity_provider_disabled'])
      expect(headers['www-authenticate']).not.toContain(name)
      expect(await outcomeOf(token)).toBe('identity_provider_disabled')
    }
    host.exchange.enableIdentityProvider(name)
    expect([(await get(token)).status, await outcomeOf(token)]).toEqual([200, 'alice'])
  })

  it('is refused while its assertion waits for the key', async () => {
    host.publish([host.idp.signingKey.publicJwk])
    await host.idp.fault('stalled')
    const fetchesBefore = host.idp.fetches
    const judged = host.judge(await host.assertion())
    while (host.idp.fetches === fetchesBefore) await setTimeout(5)
    host.exchange.disableIdentityProvider(name)
    expect((await judged).reason).toBe('identity_provider_disabled')
    await host.idp.fault('off')
  })

  it.each(['/token', '/whoami'])('is refused while the replay store is asked: %s', async (path) => {
    const store = {
      markUsed: async () => {
        other.exchange.disableIdentityProvider(other.idp.name)
        return true
      },
    }
    const other = await startClockedHost({ exchange: { accessToken, replay: { store } } })
    try {
      await other.exchange.ready()
      const assertion = await other.assertion()
      const asked =
        path === '/token'
          ? other.exchangeAssertion(assertion)
          : request(other.url).get(path).auth(assertion, { type: 'bearer' })
      expect([(await asked).status, other.lastReason()]).toEqual([
        path === '/token' ? 400 : 401,
        'identity_provider_disabled',
      ])
    } finally {
      await other.close()
    }
  })

  it('is refused the token of another process, too, and another one is not', async () => {
    const token = await host.accessToken()
    const keys = { keys: [host.idp.signingKey.publicJwk] }
    const other = otherProcess([
      { name, allowedSubjects: 'any', jwks: keys },
      { name: 'https://other.example', allowedSubjects: 'any', jwks: keys },
    ])
    expect(await outcomeOf(token, other)).toBe('alice')
    other.disableIdentityProvider('https://other.example')
    expect(await outcomeOf(token, other)).toBe('alice')
    other.disableIdentityProvider(name)
    expect(await outcomeOf(token, other)).toBe('identity_provider_disabled')
    other.enableIdentityProvider(name)
    expect(await outcomeOf(token, other)).toBe('alice')
  })

  it('is refused its tokens where the options say enabled: false', async () => {
    const token = await host.accessToken()
    const other = otherProcess([{ name, allowedSubjects: 'any', jwksUri: 'https://idp.example/jwks', enabled: false }])
    expect(await outcomeOf(token, other)).toBe('identity_provider_disabled')
  })

  it('is not refused its tokens where nobody of its name is registered', async () => {
    const token = await host.accessToken()
    const other = otherProcess([{ name: `${name}/`, allowedSubjects: 'any', jwksUri: 'https://idp.example/jwks' }])
    other.disableIdentityProvider(`${name}/`)
    expect(await outcomeOf(token, other)).toBe('alice')
  })

  it('is told of in stats and in one event each time', async () => {
    const told: unknown[] = []
    host.exchange.events.on('identity_provider.disabled', (event) => told.push(['off', event]))
    host.exchange.events.on('identity_provider.enabled', (event) => told.push(['on', event]))
    for (const isOff of [true, true, false, false]) {
      if (isOff) host.exchange.disableIdentityProvider(name)
      else host.exchange.enableIdentityProvider(name)
      expect(host.exchange.stats().identityProviders[0]?.enabled).toBe(!isOff)
    }
    const event = { identityProvider: name }
    expect(told).toEqual([
      ['off', event],
      ['on', event],
    ])
  })
})

describe('an access token', () => {
  it('names the identity provider that it came from', async () => {
    const verified = await host.exchange.verifyAccessToken(await host.accessToken())
    expect([verified.identityProvider, verified.payload.idp]).toEqual([name, name])
  })
})

describe('a name that nobody has', () => {
  it.each([
    ['another', 'https://nobody.example'],
    ['one in other case', 'HTTPS://IDP.EXAMPLE'],
    ['none', ''],
    ['of the prototype', '__proto__'],
    ['no text', undefined],
    ['an object', {}],
  ])('is an error that says so: %s', async (_, wrong) => {
    for (const switchOver of [host.exchange.disableIdentityProvider, host.exchange.enableIdentityProvider]) {
      let error: unknown
      try {
        await switchOver(wrong as string)
      } catch (thrown) {
        error = thrown
      }
      expect(isConfigError(error)).toBe(true)
      expect(String(error)).toContain('a registered identity provider')
    }
  })
})
