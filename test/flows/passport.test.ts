import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import passport from 'passport'
import request from 'supertest'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

describe('requests in parallel through one strategy', () => {
  it('do not swap users, though the strategy object itself was handed to passport.authenticate', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const byObject = passport.authenticate(host.exchange.accessTokenStrategy, { session: false })
    host.app.get('/by-object', byObject, (req, res) => void res.json(req.user))
    const users = Array.from({ length: 10 }, (_, number) => `user-${number}`)
    const tokens = await Promise.all(users.map((sub) => host.accessToken({ sub })))
    for (const path of ['/by-object', '/me']) {
      const answers = await Promise.all(
        [...tokens, 'not-a-token', ...tokens].map((token) =>
          request(host.url).get(path).auth(token, { type: 'bearer' }),
        ),
      )
      expect(answers.map(({ body }) => body.sub)).toEqual([...users, undefined, ...users])
      expect(answers.map(({ status }) => status)).toEqual([...users.map(() => 200), 401, ...users.map(() => 200)])
    }
  })

  it('do not swap users of the assertion strategy, while one of them waits for a key set', async () => {
    const assertionStrategy = { waitForKeys: true }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { assertionStrategy } })
    const byObject = passport.authenticate(host.exchange.assertionStrategy, { session: false })
    host.app.get('/by-object', byObject, (req, res) => void res.json(req.user))
    const users = ['alice', 'bob', 'carol']
    const assertions = await Promise.all(users.map((sub) => host.idp.issueAssertion({ sub })))
    const answers = await Promise.all(
      assertions.map((assertion) => request(host.url).get('/by-object').auth(assertion, { type: 'bearer' })),
    )
    expect(answers.map(({ body }) => body.sub)).toEqual(users)
  })
})

describe('a listener that authenticates another request through the same strategy object, as Passport does', () => {
  interface Reported {
    user: unknown
    failed: boolean
  }
  /** Puts the actions of one request on the shared object, as `passport.authenticate` does, and authenticates it. */
  const authenticate = (token: string): Reported => {
    const reported: Reported = { user: undefined, failed: false }
    const strategy = Object.assign(host.exchange.accessTokenStrategy, {
      success: (user: unknown) => void Object.assign(reported, { user }),
      fail: () => void Object.assign(reported, { failed: true }),
      error: () => void Object.assign(reported, { failed: true }),
    })
    const headers = { authorization: `Bearer ${token}` }
    strategy.authenticate({ headers, url: '/', originalUrl: '/' } as unknown as IncomingMessage)
    return reported
  }

  it.each(['access.granted', 'access.denied'] as const)('on %s does not swap users', async (name) => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const [alice, bob] = [await host.accessToken({ sub: 'alice' }), await host.accessToken({ sub: 'bob' })]
    const outer = name === 'access.granted' ? alice : 'not-a-token'
    let inner: Reported | undefined
    host.exchange.events.once(name, () => {
      inner = authenticate(bob)
    })
    const reported = authenticate(outer)
    await setImmediate()
    expect(inner).toMatchObject({ user: { sub: 'bob' }, failed: false })
    const isAlice = name === 'access.granted'
    expect(reported).toEqual({
      user: isAlice ? expect.objectContaining({ sub: 'alice' }) : undefined,
      failed: !isAlice,
    })
  })
})

describe('a refusal through Passport', () => {
  it('is 401 with a challenge that names no error where there is no token', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const { status, headers } = await request(host.url).get('/me')
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="https://api.example.com/oauth2"'])
  })

  it('is 403 with a challenge where the scope is missing', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const { status, headers } = await request(host.url)
      .get('/admin')
      .auth(await host.accessToken(), { type: 'bearer' })
    expect(status).toBe(403)
    expect(headers['www-authenticate']).toContain('error="insufficient_scope"')
    expect(headers['www-authenticate']).toContain('scope="admin"')
  })

  it('is 400 with a challenge where the token is sent twice', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const { status, headers } = await request(host.url)
      .get('/me?access_token=again')
      .auth(await host.accessToken(), { type: 'bearer' })
    expect(status).toBe(400)
    expect(headers['www-authenticate']).toContain('error="invalid_request"')
  })

  it('reaches a custom callback with challenge and status', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    host.app.get('/custom', (req, res, next) => {
      passport.authenticate(
        host.exchange.accessTokenStrategy,
        { session: false },
        (error: unknown, user: unknown, challenge: unknown, status: unknown) => {
          res.json({ error, user, challenge, status })
        },
      )(req, res, next)
    })
    const { body } = await request(host.url).get('/custom')
    expect(body).toEqual({ error: null, user: false, challenge: expect.stringContaining('Bearer'), status: 401 })
  })
})

describe('an assertion directly', () => {
  it('opens a route behind the assertion strategy once', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    await host.exchange.ready()
    const assertion = await host.idp.issueAssertion()
    const first = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    expect(first.body).toMatchObject({ sub: 'alice', identityProvider: host.idp.name })
    const second = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    expect(second.status).toBe(401)
    expect(host.lastReason()).toBe('replayed')
  })

  it('is no access token, and an access token is no assertion', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const asAccessToken = await request(host.url)
      .get('/me')
      .auth(await host.idp.issueAssertion(), { type: 'bearer' })
    expect(asAccessToken.status).toBe(401)
    const asAssertion = await request(host.url)
      .get('/whoami')
      .auth(await host.accessToken(), { type: 'bearer' })
    expect(asAssertion.status).toBe(401)
  })
})
