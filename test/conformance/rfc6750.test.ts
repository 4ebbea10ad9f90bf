import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import passport from 'passport'
import { ConfigError, createResourceServer, generateSigningKey, getAuth, type ResourceServer } from '../../src/index.js'
import { type FakeKey, signAssertion } from '../../src/testing/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'

const privateJwk = generateSigningKey('ES256')
const KEY: FakeKey = { kid: String(privateJwk.kid), algorithm: 'ES256', privateJwk, publicJwk: {} }
const OTHER_AUDIENCE = 'https://other-api.example.com'

/** `me` goes through Passport, `orders` through `protect`; first of the exchange, then of a resource server that trusts it. */
const ROUTES = ['/me', '/orders', '/other/me', '/other/orders']

let host: ClockedHost
let token: string
let resourceServer: ResourceServer
beforeAll(async () => {
  host = await startClockedHost({
    exchange: {
      accessToken: { audience: AUDIENCE, signingKeys: [privateJwk] },
      clients: [CLIENT, { clientId: 'reader', clientSecret: 'secret-of-the-reader', scopes: ['openid'] }],
    },
    before: (app) => app.use(express.urlencoded({ extended: false })),
  })
  token = await host.accessToken()
  resourceServer = mountResourceServer(host)
})
afterAll(async () => {
  resourceServer.close()
  await host.close()
})

function mountResourceServer({ app, clock, events }: ClockedHost): ResourceServer {
  const { d: _, ...publicJwk } = privateJwk
  const issuer = { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [publicJwk] }, clockTolerance: 0 }
  const other = createResourceServer({ ...issuer, clock })
  other.events.on('access.denied', (event) => events.push({ name: 'access.denied', ...event }))
  const authenticator = new passport.Passport()
  authenticator.use(other.accessTokenStrategy)
  const byToken = authenticator.authenticate('access-token', { session: false })
  const byScope = authenticator.authenticate('access-token', { session: false, scope: 'admin' })
  app.get('/other/me', byToken, (req, res) => void res.json(req.user))
  app.get('/other/admin', byScope, (req, res) => void res.json(req.user))
  app.all('/other/orders', other.protect({ scope: 'orders:read' }), (req, res) => void res.json(getAuth(req)))
  return other
}

async function call(path: string, headers: Record<string, string | readonly string[]>, method = 'GET', body = '') {
  const response = await sendRequest(host.url + path, { method, headers, body })
  return { ...response, challenge: response.headers['www-authenticate'] ?? '' }
}

function accessTokenWith(changes: Record<string, unknown>): Promise<string> {
  const now = host.clock.now()
  const claims = { iss: ISSUER, sub: 'alice', aud: AUDIENCE, client_id: 'app', iat: now, exp: now + 60, jti: 'a' }
  const header = { alg: 'ES256', typ: 'at+jwt', kid: KEY.kid }
  return signAssertion(KEY, header, { ...claims, scope: 'openid orders:read', ...changes })
}

/** The auth-params of a challenge, each as often as it stands there. */
function parametersOf(challenge: string): [name: string, value: string][] {
  expect(challenge).toMatch(/^Bearer (?:[a-z_]+="[\x20-\x21\x23-\x5B\x5D-\x7E]*"(?:, |$))+$/)
  return [...challenge.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])
}

describe.each(ROUTES)('the route %s', (route) => {
  it.each([
    ['no Authorization header', {}],
    ['another scheme', { authorization: `Basic ${Buffer.from('app:secret').toString('base64')}` }],
    ['a scheme that only begins like Bearer', { authorization: 'Bearers abc' }],
  ])('RFC 6750 §3.1: without a token, %s, it answers 401 and names no error [rule 30]', async (_, headers) => {
    const { status, challenge } = await call(route, headers)
    expect(status).toBe(401)
    const scope = route.endsWith('/orders') ? [['scope', 'orders:read']] : []
    const realm = route.startsWith('/other/') ? AUDIENCE : ISSUER
    expect(parametersOf(challenge)).toEqual([['realm', realm], ...scope])
    expect(host.lastReason()).toBe('no_token')
  })

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b', 'Bearer "a"', 'Bearer =', 'Bearer abc', 'Bearer a.b.c'])(
    'RFC 6750 §3.1: "%s" is 401 invalid_token [rule 31]',
    async (authorization) => {
      const { status, challenge } = await call(route, { authorization })
      expect(status).toBe(401)
      expect(challenge).toContain('error="invalid_token"')
      expect(host.lastReason()).toBe(
        /^Bearer [a-z.]+$/.test(authorization) ? 'malformed_jwt' : 'malformed_authorization',
      )
    },
  )

  it('RFC 6750 §3.1: a token whose signature is of other claims is 401 invalid_token [rule 31]', async () => {
    const [header, , signature] = token.split('.')
    const [, payload] = (await accessTokenWith({ scope: 'admin' })).split('.')
    const { status, challenge } = await call(route, { authorization: `Bearer ${header}.${payload}.${signature}` })
    expect(status).toBe(401)
    expect(challenge).toContain('error="invalid_token"')
    expect(host.lastReason()).toBe('bad_signature')
  })

  it('RFC 6750 §3.1: an expired token is 401 invalid_token from the second on at which it expires [rule 31]', async () => {
    const now = host.clock.now()
    const authorization = `Bearer ${await accessTokenWith({ exp: now + 60 })}`
    host.clock.set(now + 59.999)
    const before = await call(route, { authorization })
    host.clock.set(now + 60)
    const after = await call(route, { authorization })
    host.clock.set(now)
    expect(before.status).toBe(200)
    expect(after.status).toBe(401)
    expect(after.challenge).toContain('error="invalid_token"')
    expect(host.lastReason()).toBe('expired')
  })

  it('RFC 6750 §3.1: an assertion instead of an access token is 401 invalid_token [rule 31]', async () => {
    const { status, challenge } = await call(route, { authorization: `Bearer ${await host.assertion()}` })
    expect(status).toBe(401)
    expect(challenge).toContain('error="invalid_token"')
  })

  it.each([OTHER_AUDIENCE, `${AUDIENCE}/`, AUDIENCE.toUpperCase(), [], [OTHER_AUDIENCE], undefined, null, 1])(
    'RFC 6750 §5.2: a token for the audience %j is 401 invalid_token [rule 34]',
    async (aud) => {
      const { status, challenge } = await call(route, { authorization: `Bearer ${await accessTokenWith({ aud })}` })
      expect(status).toBe(401)
      expect(challenge).toContain('error="invalid_token"')
      expect(host.lastReason()).toMatch(/^(?:wrong|invalid)_audience$/)
    },
  )

  it('RFC 6750 §5.2: a token for several audiences of which one is this resource is accepted [rule 34]', async () => {
    const authorization = `Bearer ${await accessTokenWith({ aud: [OTHER_AUDIENCE, AUDIENCE] })}`
    expect((await call(route, { authorization })).status).toBe(200)
  })

  it('RFC 6750 §2: a token in the header and in the query is 400 invalid_request [rule 28]', async () => {
    const { status, challenge } = await call(`${route}?access_token=${token}`, { authorization: `Bearer ${token}` })
    expect(status).toBe(400)
    expect(challenge).toContain('error="invalid_request"')
    expect(host.lastReason()).toBe('token_sent_twice')
  })

  it('RFC 6750 §2: two Authorization headers are 400 invalid_request [rule 28]', async () => {
    const { status, challenge } = await call(route, { authorization: [`Bearer ${token}`, `Bearer ${token}`] })
    expect(status).toBe(400)
    expect(challenge).toContain('error="invalid_request"')
  })

  it('RFC 6750 §2.3: a token in the query opens nothing [rule 29]', async () => {
    const { status, challenge } = await call(`${route}?access_token=${token}`, {})
    expect(status).toBe(401)
    expect(challenge).not.toContain('error=')
  })

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'RFC 6750 §2.1: a token behind the scheme %s is accepted [rule 27]',
    async (scheme) => {
      const { status, body } = await call(route, { authorization: `${scheme} ${token}` })
      expect(status).toBe(200)
      expect(JSON.parse(body)).toMatchObject({ sub: 'alice', clientId: 'app', tokenId: expect.any(String) })
    },
  )

  it('RFC 6750 §3: challenges quote their attributes, each of them once [rule 33]', async () => {
    const answers = [
      await call(route, {}),
      await call(route, { authorization: 'Bearer abc", error="none' }),
      await call(`${route}?access_token=x`, { authorization: `Bearer ${token}` }),
      await call(route, { authorization: `Bearer ${await accessTokenWith({ aud: '", scope="admin' })}` }),
    ]
    for (const { status, challenge } of answers) {
      expect(status).toBeGreaterThanOrEqual(400)
      const names = parametersOf(challenge).map(([name]) => name)
      expect(names).toEqual([...new Set(names)])
    }
  })
})

describe.each(['/orders', '/other/orders'])('a form to %s', (route) => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

  it('RFC 6750 §2.2: a token in the header and another one in the form is 400 invalid_request [rule 28]', async () => {
    const headers = { ...FORM, authorization: `Bearer ${token}` }
    const { status, challenge } = await call(route, headers, 'POST', `access_token=${token}`)
    expect(status).toBe(400)
    expect(challenge).toContain('error="invalid_request"')
  })

  it('RFC 6750 §2.2: a form with a token opens nothing, by POST and by GET [rule 29]', async () => {
    for (const method of ['POST', 'GET']) {
      const { status, challenge } = await call(route, FORM, method, `access_token=${token}`)
      expect(status).toBe(401)
      expect(challenge).not.toContain('error=')
    }
  })

  it('RFC 6750 §2.1: a form without a token is accepted with a token in the header [rule 27]', async () => {
    const headers = { ...FORM, authorization: `Bearer ${token}` }
    expect((await call(route, headers, 'POST', 'amount=1')).status).toBe(200)
  })
})

describe('the scope of a route', () => {
  it.each([
    ['/orders', 'openid', 'orders:read'],
    ['/other/orders', 'openid', 'orders:read'],
    ['/other/orders', undefined, 'orders:read'],
    ['/other/admin', 'openid orders:read', 'admin'],
    ['/orders', 'orders:readonly orders ORDERS:READ', 'orders:read'],
    ['/orders', undefined, 'orders:read'],
    ['/admin', 'openid orders:read', 'admin'],
  ])(
    'RFC 6750 §3.1: %s with the scope %s is 403 insufficient_scope, naming %s [rule 32]',
    async (route, scope, wanted) => {
      const { status, challenge } = await call(route, { authorization: `Bearer ${await accessTokenWith({ scope })}` })
      expect(status).toBe(403)
      const parameters = parametersOf(challenge)
      expect(parameters).toContainEqual(['error', 'insufficient_scope'])
      expect(parameters).toContainEqual(['scope', wanted])
      expect(new Set(parameters.map(([name]) => name)).size).toBe(parameters.length)
    },
  )

  it.each(['a"b', 'a\\b', 'a\r\nb', 'é', ['orders:read admin'], ['']])(
    'RFC 6750 §3: the scope of a route cannot be %j, which no challenge can name [rule 33]',
    (scope) => {
      expect(() => host.exchange.protect({ scope })).toThrow(ConfigError)
    },
  )

  it('RFC 6750 §3.1: the scope of a route is satisfied by a token that has it among others [rule 32]', async () => {
    const authorization = `Bearer ${await accessTokenWith({ scope: 'a orders:read b' })}`
    for (const route of ['/orders', '/other/orders']) expect((await call(route, { authorization })).status).toBe(200)
  })

  it('RFC 6750 §3.1: the scope of a route is refused to a token that was issued with fewer scopes [rule 32]', async () => {
    const response = await host.exchangeAssertion(await host.assertion(), { scope: 'openid' })
    const { status } = await call('/orders', { authorization: `Bearer ${response.body.access_token}` })
    expect(status).toBe(403)
    expect(host.lastReason()).toBe('insufficient_scope')
  })
})
