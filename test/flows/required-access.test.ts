import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import passport from 'passport'
import { findAuth, type ProtectOptions } from '../../src/index.js'
import { ISSUER } from '../support/exchange-host.js'
import { IDP, OTHER_AUDIENCE, type RouteHost, startRouteHost } from '../support/route-host.js'

interface Refused {
  /** Of the token; undefined: no token. */
  claims: Readonly<Record<string, unknown>> | undefined
  status: number
  /** What follows the realm in the challenge. */
  challenge: string
  event: Readonly<Record<string, unknown>>
}

interface Row {
  options: ProtectOptions
  refused: readonly Refused[]
  good: readonly Readonly<Record<string, unknown>>[]
}

const INVALID = 'error="invalid_token", error_description="The access token is not valid"'
const NOT_ALLOWED = 'error="insufficient_scope", error_description="The access token does not allow this request"'
const LACKS = 'error="insufficient_scope", error_description="The access token lacks a required scope"'
const NO_TOKEN = { claims: undefined, status: 401, event: { reason: 'no_token' } }

const ROWS: Readonly<Record<string, Row>> = {
  scope: {
    options: { scope: 'orders:read orders:write' },
    refused: [
      { ...NO_TOKEN, challenge: 'scope="orders:read orders:write"' },
      {
        claims: { scope: 'orders:read' },
        status: 403,
        challenge: `${LACKS}, scope="orders:read orders:write"`,
        event: { scopes: ['orders:read'], requiredScopes: ['orders:read', 'orders:write'] },
      },
    ],
    good: [{ scope: 'orders:write x orders:read' }],
  },
  anyScope: {
    options: { anyScope: ['orders:read', 'orders:admin'] },
    refused: [
      { ...NO_TOKEN, challenge: 'scope="orders:read orders:admin"' },
      {
        claims: { scope: 'orders' },
        status: 403,
        challenge: `${LACKS}, scope="orders:read orders:admin"`,
        event: { reason: 'insufficient_scope', scopes: ['orders'], anyScope: ['orders:read', 'orders:admin'] },
      },
      {
        claims: {},
        status: 403,
        challenge: `${LACKS}, scope="orders:read orders:admin"`,
        event: { scopes: [], subject: 'alice', clientId: 'app' },
      },
    ],
    good: [{ scope: 'orders:read' }, { scope: 'x orders:admin' }],
  },
  requiredClaims: {
    options: { scope: 'a', requiredClaims: { department: 'sales', 'org.level': { atLeast: 2 } } },
    refused: [
      {
        claims: { scope: 'a', department: 'hr', org: { level: 3 } },
        status: 403,
        challenge: NOT_ALLOWED,
        event: { reason: 'claim_not_allowed', claim: 'department', subject: 'alice', requiredScopes: ['a'] },
      },
      {
        claims: { scope: 'a', department: 'sales' },
        status: 403,
        challenge: NOT_ALLOWED,
        event: { claim: 'org.level', message: 'expected a number of at least 2' },
      },
    ],
    good: [{ scope: 'a', department: 'sales', org: { level: 2 } }],
  },
  allowedSubjects: {
    options: { allowedSubjects: ['bob', 'service-*'] },
    refused: [
      {
        claims: { sub: 'alice' },
        status: 403,
        challenge: NOT_ALLOWED,
        event: { reason: 'subject_not_allowed', subject: 'alice' },
      },
    ],
    good: [{ sub: 'bob' }, { sub: 'service-a' }],
  },
  resource: {
    options: { resource: 'HTTPS://Billing.example.com/' },
    refused: [
      {
        claims: {},
        status: 401,
        challenge: INVALID,
        event: { reason: 'wrong_audience', audience: 'https://api.example.com', subject: 'alice' },
      },
    ],
    good: [{ aud: OTHER_AUDIENCE }, { aud: ['https://api.example.com', OTHER_AUDIENCE] }],
  },
  issuers: {
    options: { issuers: ['https://other.example.com'] },
    refused: [
      {
        claims: {},
        status: 401,
        challenge: INVALID,
        event: { reason: 'wrong_issuer', issuer: ISSUER, identityProvider: IDP },
      },
    ],
    good: [{ idp: 'https://other.example.com' }],
  },
}

const hosts = new Map<4 | 5, RouteHost>()
beforeAll(async () => {
  for (const version of [4, 5] as const) hosts.set(version, await startRouteHost(version))
})
afterAll(() => Promise.all([...hosts.values()].map((host) => host.close())))

function hostOf(version: 4 | 5): RouteHost {
  const host = hosts.get(version)
  if (host === undefined) throw new Error('not started')
  return host
}

const open: RequestHandler = (req, res) => void res.json({ sub: findAuth(req)?.sub ?? null })
const REALM = `Bearer realm="${ISSUER}"`

describe.each([4, 5] as const)('a route of Express %i', (version) => {
  it.each(Object.entries(ROWS))(
    'with %s refuses other tokens with the challenge, through Passport too',
    async (name, row) => {
      const host = hostOf(version)
      const { access_token: _, ...authenticator } = { access_token: '', use: new passport.Passport() }
      const chain = authenticator.use.authenticate(
        host.exchange.accessTokenStrategy as passport.Strategy,
        {
          session: false,
          ...row.options,
        } as object,
      )
      host.app.get(`/protect/${name}`, host.exchange.protect(row.options), open)
      host.app.get(`/passport/${name}`, chain as RequestHandler, open)
      for (const path of [`/protect/${name}`, `/passport/${name}`]) {
        for (const { claims, status, challenge, event } of row.refused) {
          const token = claims && (await host.token(claims))
          for (const _time of ['new', 'seen', 'cached']) {
            const answer = await host.get(path, token)
            expect([answer.status, answer.headers['www-authenticate']]).toEqual([status, `${REALM}, ${challenge}`])
            expect(host.events.at(-1)).toMatchObject({
              name: 'access.denied',
              method: 'GET',
              route: path,
              status,
              ...event,
            })
          }
        }
        for (const claims of row.good) expect((await host.get(path, await host.token(claims))).status).toBe(200)
      }
    },
  )
})

describe('an optional route', () => {
  it('refuses a bad token, and one that lacks the scope; without a token it opens, without req.auth', async () => {
    const host = hostOf(5)
    host.app.get('/optional', host.exchange.protect({ optional: true, scope: 'orders:read' }), open)
    const before = host.events.length
    const bad = ['abc', `${await host.token({ scope: 'orders:read' })}x`]
    for (const token of bad) expect((await host.get('/optional', token)).status).toBe(401)
    expect((await host.get('/optional', undefined, { authorization: 'Bearer' })).status).toBe(401)
    expect((await host.get('/optional', await host.token({ scope: 'orders' }))).status).toBe(403)
    expect(host.events.length).toBe(before + 4)
    for (const headers of [{}, { authorization: 'Basic YTpi' }]) {
      const { status, body } = await host.get('/optional', undefined, headers as Record<string, string>)
      expect([status, JSON.parse(body)]).toEqual([200, { sub: null }])
    }
    expect(host.events.length).toBe(before + 4) // Nothing was refused, and nobody was let in.
    const { body } = await host.get('/optional', await host.token({ scope: 'orders:read' }))
    expect(JSON.parse(body)).toEqual({ sub: 'alice' })
  })
})

describe('getToken', () => {
  const cookieOf = ({ cookie = '' }: { cookie?: string | undefined }) => /(?:^|; )token=([^;]*)/.exec(cookie)?.[1]
  it.each<[string, () => unknown, number, string]>([
    ['a promise', () => Promise.resolve('x'), 401, 'malformed_authorization'],
    ['a promise that rejects', () => Promise.reject(new Error('no')), 401, 'malformed_authorization'],
    ['null', () => null, 401, 'malformed_authorization'],
    ['false', () => false, 401, 'malformed_authorization'],
    ['an array', () => ['x'], 401, 'malformed_authorization'],
    ['an empty string', () => '', 401, 'malformed_jwt'],
    ['a line break', () => 'a\r\nb', 401, 'malformed_jwt'],
  ])('that returns %s lets nobody pass', async (name, getToken, status, reason) => {
    const host = hostOf(5)
    const path = `/get-token/${encodeURIComponent(name)}`
    host.app.get(path, host.exchange.protect({ optional: true, getToken } as ProtectOptions), open)
    const answer = await host.get(path, await host.token())
    expect([answer.status, host.events.at(-1)?.reason]).toEqual([status, reason])
  })

  it('that throws is answered with 503, without its message', async () => {
    const host = hostOf(5)
    const getToken = () => {
      throw new Error('a secret')
    }
    host.app.get('/get-token-throws', host.exchange.protect({ getToken, optional: true }), open)
    const { status, headers, body } = await host.get('/get-token-throws')
    expect([status, headers['retry-after'], body.includes('secret')]).toEqual([503, '1', false])
    expect(host.events.at(-1)).toMatchObject({ reason: 'policy_check_failed', cause: 'Error' })
  })

  it('is asked instead of the Authorization header', async () => {
    const host = hostOf(5)
    host.app.get('/cookie', host.exchange.protect({ scope: 'a', getToken: (req) => cookieOf(req.headers) }), open)
    const token = await host.token({ scope: 'a' })
    expect((await host.get('/cookie', token)).status).toBe(401)
    expect(host.events.at(-1)?.reason).toBe('no_token')
    expect((await host.get('/cookie', undefined, { cookie: 'token=x' })).status).toBe(401)
    const lacking = await host.get('/cookie', undefined, { cookie: `token=${await host.token()}` })
    expect(lacking.status).toBe(403)
    expect((await host.get('/cookie', 'anything', { cookie: `a=b; token=${token}` })).status).toBe(200)
  })
})

describe('passErrors', () => {
  it('hands each refusal to the error handler of the app, with what it needs for the answer', async () => {
    const host = hostOf(5)
    const handler: ErrorRequestHandler = (
      { status, statusCode, code, headers, expose, reason, message },
      _,
      res,
      __,
    ) => {
      res.set(headers).status(status).json({ statusCode, code, expose, reason, message })
    }
    host.app.get(
      '/errors',
      host.exchange.protect({ scope: 'a', passErrors: true }),
      open,
      handler as ErrorRequestHandler,
    )
    const ask = async (path: string, token?: string) => {
      const { status, headers, body } = await host.get(path, token)
      return [status, headers['www-authenticate'], JSON.parse(body)]
    }
    expect(await ask('/errors')).toEqual([
      401,
      `${REALM}, scope="a"`,
      {
        statusCode: 401,
        code: 'invalid_token',
        expose: true,
        reason: 'no_token',
        message: 'The request has no access token',
      },
    ])
    expect(await ask('/errors', 'abc')).toEqual([
      401,
      `${REALM}, ${INVALID}, scope="a"`,
      expect.objectContaining({ code: 'invalid_token', reason: 'malformed_jwt' }),
    ])
    expect(await ask('/errors?access_token=1', 'abc')).toEqual([
      400,
      expect.stringContaining('error="invalid_request"'),
      expect.objectContaining({ code: 'invalid_request', statusCode: 400 }),
    ])
    expect(await ask('/errors', await host.token())).toEqual([
      403,
      `${REALM}, ${LACKS}, scope="a"`,
      expect.objectContaining({ code: 'insufficient_scope', statusCode: 403 }),
    ])
    expect(host.events.at(-1)).toMatchObject({ name: 'access.denied', reason: 'insufficient_scope' })
    expect((await host.get('/errors', await host.token({ scope: 'a' }))).status).toBe(200)
  })

  it('lets the default handler of Express send the status and the challenge', async () => {
    const host = hostOf(4)
    host.app.get('/default-handler', host.exchange.protect({ passErrors: true }), open)
    const { status, headers } = await host.get('/default-handler')
    expect([status, headers['www-authenticate']]).toEqual([401, REALM])
  })
})

describe('jsonErrors', () => {
  it('gives 401 without a token a body, whose challenge still names no error', async () => {
    const host = hostOf(5)
    host.app.get('/json', host.exchange.protect({ jsonErrors: true }), open)
    host.app.get('/no-json', host.exchange.protect({}), open)
    const { status, headers, body } = await host.get('/json')
    expect([status, headers['www-authenticate'], headers['cache-control']]).toEqual([401, REALM, 'no-store'])
    expect(JSON.parse(body)).toEqual({ error: 'invalid_token', error_description: 'The request has no access token' })
    const plain = await host.get('/no-json')
    expect([plain.status, plain.headers['www-authenticate'], plain.body]).toEqual([401, REALM, ''])
  })
})
