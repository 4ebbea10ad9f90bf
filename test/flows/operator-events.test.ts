import { afterEach, describe, expect, it } from '@jest/globals'
import { CLIENT, type ExchangeHost, type ExchangeHostOptions, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

const start = async (options: ExchangeHostOptions = {}) => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options })
}
const lastRejection = () => host.events.findLast(({ name }) => name === 'token.rejected')

describe('the event of a refused exchange', () => {
  it.each<[string, ExchangeHostOptions, Record<string, string>]>([
    ['client_not_allowed', { exchange: { clients: [{ ...CLIENT, identityProviders: [] }] } }, {}],
    ['subject_is_client_id', { exchange: { subject: () => CLIENT.clientId } }, {}],
    ['invalid_subject', { exchange: { subject: () => 'a\nb' } }, {}],
    ['invalid_scope', { identityProvider: { scopes: ['openid'] } }, { scope: 'orders:read' }],
    [
      'replay_store_unavailable',
      { exchange: { replay: { store: { markUsed: () => Promise.reject(new Error('gone')) } } } },
      {},
    ],
  ])('tells client, provider, key and algorithm: %s', async (reason, options, parameters) => {
    await start(options)
    await host.exchangeAssertion(await host.idp.issueAssertion(), parameters)
    expect(lastRejection()).toMatchObject({
      reason,
      clientId: CLIENT.clientId,
      identityProvider: host.idp.name,
      kid: host.idp.signingKey.kid,
      algorithm: 'ES256',
    })
  })

  it('tells the client alone where that may never have the scope, because the assertion was not looked at', async () => {
    await start()
    await host.exchangeAssertion(await host.idp.issueAssertion(), { scope: 'nothing-of-this' })
    expect(lastRejection()).toMatchObject({
      reason: 'invalid_scope',
      clientId: CLIENT.clientId,
      error: 'invalid_scope',
    })
    expect(Object.keys(lastRejection() ?? {})).not.toContain('identityProvider')
  })

  it('tells the issuer that nobody has, and the audience that is not ours', async () => {
    await start()
    await host.exchangeAssertion(await host.idp.issueAssertion({ iss: 'https://idp.example.com/' }))
    expect(lastRejection()).toMatchObject({ reason: 'unknown_issuer', issuer: 'https://idp.example.com/' })
    await host.exchangeAssertion(await host.idp.issueAssertion({ aud: ['https://a', 'https://b\n'] }))
    expect(lastRejection()).toMatchObject({ reason: 'wrong_audience', audience: 'https://a https://b\\u000a' })
  })
})

describe('the event of an exchange', () => {
  it('tells the key that signed the assertion', async () => {
    await start()
    await host.accessToken()
    const issued = host.events.find(({ name }) => name === 'token.issued')
    expect(issued).toMatchObject({ kid: host.idp.signingKey.kid, identityProvider: host.idp.name })
  })
})

describe('a subject of a function', () => {
  it.each(['', 'a\u0000', '\ud800', 'x'.repeat(20_000), 7])(
    'that no token could carry is refused: %j',
    async (subject) => {
      await start({ exchange: { subject: () => subject as string } })
      const response = await host.exchangeAssertion(await host.idp.issueAssertion())
      expect([response.status, host.lastReason()]).toEqual([400, 'invalid_subject'])
    },
  )

  it('that is as long as may be makes a token that is accepted again', async () => {
    await start({ exchange: { subject: () => '\u20ac'.repeat(16_384) } })
    expect((await host.exchange.verifyAccessToken(await host.accessToken())).sub).toHaveLength(16_384)
  })
})

describe('what JavaScript callers pass', () => {
  it.each([undefined, null, 5, ['a.b.c'], {}])('for an access token is rejected like a bad one: %j', async (token) => {
    await start()
    const rejection = { name: 'TokenRejected', reason: 'malformed_jwt' }
    await expect(host.exchange.verifyAccessToken(token as string)).rejects.toMatchObject(rejection)
  })

  it.each<[string, () => number]>([
    ['no number', () => Number.NaN],
    ['milliseconds', Date.now],
  ])('for a clock is refused where now() gives %s', async (_, now) => {
    await start()
    const clock = { now, monotonic: () => performance.now() }
    await expect(startExchangeHost({ exchange: { clock } })).rejects.toMatchObject({ name: 'ConfigError' })
  })
})
