import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import passport from 'passport'
import {
  type AccessToken,
  AccessTokenStrategy,
  type AccessTokenStrategyOptions,
  createResourceServer,
  findAuth,
  type LoadUser,
  OAuthError,
  type UserLoaded,
} from '../../src/index.js'
import { AUDIENCE, ISSUER } from '../support/exchange-host.js'
import { OTHER_AUDIENCE, PUBLIC_JWK, type RouteHost, startRouteHost } from '../support/route-host.js'

let host: RouteHost
beforeAll(async () => {
  host = await startRouteHost(5, { hostFunctions: { timeout: 100 } })
})
afterAll(() => host.close())

const REALM = `Bearer realm="${ISSUER}"`
const INVALID = 'error="invalid_token", error_description="The access token is not valid"'
const USERS = new Map([['alice', { id: 1 }]])
let mounted = 0

const send: RequestHandler = (req, res) => void res.json({ user: req.user, auth: findAuth(req)?.sub ?? null })
/** As Nest's filter of exceptions: a status, and no header. */
const filter: ErrorRequestHandler = ({ status = 500, name, message }, _req, res, _next) => {
  res.status(status).json({ name, message: status === 503 ? '' : message })
}

/** Mounts a route behind a strategy. */
function mount(strategies: passport.Strategy | passport.Strategy[], options: object = {}): string {
  mounted += 1
  const guard = passport.authenticate(strategies as passport.Strategy, { session: false, ...options })
  host.app.get(`/route${mounted}`, guard, send, filter)
  host.app.use(`/route${mounted}`, filter)
  return `/route${mounted}`
}

function strategyOf(loadUser?: LoadUser, options: Partial<AccessTokenStrategyOptions> = {}): AccessTokenStrategy {
  return new AccessTokenStrategy({ from: host.exchange, ...options }, loadUser)
}

async function ask(path: string, token?: string) {
  const { status, headers, body } = await host.get(path, token)
  const isJson = body.startsWith('{')
  return { status, challenge: headers['www-authenticate'], body: isJson ? JSON.parse(body) : body }
}

/** A mixin as `PassportStrategy` of @nestjs/passport is one: the callback takes any arguments, and `done` is the last one. */
function withValidate<Auth extends unknown[]>(validate: (...given: Auth) => unknown) {
  return class extends AccessTokenStrategy {
    constructor(options: AccessTokenStrategyOptions) {
      super(options, async (...given: unknown[]) => {
        const done = given.at(-1) as UserLoaded
        try {
          done(null, await validate(...(given as Auth)))
        } catch (error) {
          done(error, null)
        }
      })
    }
  }
}

describe('the options of an AccessTokenStrategy', () => {
  it.each<[string, unknown[]]>([
    ['none', []],
    ['a callback alone', [async () => true]],
    ['no exchange', [{}]],
    ['undefined as the exchange', [{ from: undefined }]],
    ['something else as the exchange', [{ from: { accessTokenStrategy: { name: 'x', authenticate: () => {} } } }]],
    ['the strategy as the exchange', [{ from: 'exchange' }]],
    ['an unknown option', [{ from: 'host', audience: 'x' }]],
    ['an empty name', [{ from: 'host', name: '' }]],
    ['text for passErrors', [{ from: 'host', passErrors: 'yes' }]],
    ['an object as the callback', [{ from: 'host' }, { validate: () => true }]],
    ['null as the callback', [{ from: 'host' }, null]],
  ])('are refused: %s', (_, [options, loadUser]) => {
    const given =
      (options as { from?: unknown })?.from === 'host' ? { ...(options as object), from: host.exchange } : options
    expect(() => new AccessTokenStrategy(given as never, loadUser as never)).toThrow(
      expect.objectContaining({ name: 'ConfigError' }),
    )
  })
})

describe('a strategy without a callback', () => {
  it('judges as the strategy of the exchange does, under another name', async () => {
    const authenticator = new passport.Passport() as unknown as passport.PassportStatic
    authenticator.use(strategyOf(undefined, { name: 'jwt' }) as passport.Strategy)
    const options = { session: false, scope: 'a' } as object
    host.app.get('/named', authenticator.authenticate('jwt', options) as RequestHandler, send)
    expect(await ask('/named')).toMatchObject({ status: 401, challenge: `${REALM}, scope="a"` })
    expect(await ask('/named', 'abc')).toMatchObject({ status: 401, challenge: `${REALM}, ${INVALID}, scope="a"` })
    const lacking = await ask('/named', await host.token())
    expect([lacking.status, lacking.challenge]).toEqual([403, expect.stringContaining('insufficient_scope')])
    const opened = await ask('/named', await host.token({ scope: 'a' }))
    expect([opened.status, opened.body.user.sub, opened.body.auth]).toEqual([200, 'alice', 'alice'])
  })

  it('takes the token from where getToken finds it', async () => {
    const path = mount(strategyOf(undefined, { getToken: (req) => req.headers['x-token'] as string | undefined }))
    expect((await ask(path, await host.token())).status).toBe(401)
    expect((await host.get(path, undefined, { 'x-token': await host.token() })).status).toBe(200)
  })
})

describe('a strategy from a resource server', () => {
  it('accepts what the resource server accepts, with the options of routes and its own limits', async () => {
    const from = createResourceServer({
      issuer: ISSUER,
      audience: OTHER_AUDIENCE,
      jwks: { keys: [PUBLIC_JWK] },
      impliedScopes: { write: ['read'] },
      hostFunctions: { timeout: 50 },
    })
    const denied: unknown[] = []
    from.events.on('access.denied', ({ reason }) => denied.push(reason))
    const loadUser: LoadUser = ({ sub }) => (sub === 'slow' ? new Promise(() => {}) : { id: sub })
    const path = mount(new AccessTokenStrategy({ from }, loadUser), { scope: 'read', issuers: [ISSUER] })
    const statusOf = async (claims: object) =>
      (await ask(path, await host.token({ aud: OTHER_AUDIENCE, ...claims }))).status
    expect(await statusOf({ aud: AUDIENCE, scope: 'read' })).toBe(401)
    expect(await statusOf({ scope: 'other' })).toBe(403)
    expect(await statusOf({ scope: 'read', sub: 'slow' })).toBe(503)
    expect(denied).toEqual(['wrong_audience', 'insufficient_scope', 'host_function_timed_out'])
    expect(await statusOf({ scope: 'write' })).toBe(200)
    from.close()
  })
})

describe('a callback', () => {
  it.each<[string, LoadUser]>([
    ['false', () => false],
    ['undefined', () => undefined],
    ['null', async () => null],
    ['an empty string', () => ''],
    ['nothing', async () => {}],
    ['nothing to done', (_auth, _req, done) => done(null)],
    ['false to done', (_auth, _req, done) => done(null, false)],
    ['nothing, having a third parameter with a default', async (_auth, _req, _done = () => {}) => {}],
  ])('that gives %s refuses with 401', async (_, loadUser) => {
    const before = host.events.length
    const answer = await ask(mount(strategyOf(loadUser)), await host.token())
    expect(answer).toEqual({ status: 401, challenge: `${REALM}, ${INVALID}`, body: 'Unauthorized' })
    expect(host.events.slice(before)).toMatchObject([
      { name: 'access.denied', reason: 'refused_by_check', subject: 'alice', clientId: 'app', scopes: [] },
    ])
  })

  const fault = new Error('a secret')
  const axiosError = Object.assign(new Error('Request failed with status code 404'), { status: 404 })
  it.each<[string, LoadUser]>([
    [
      'throws',
      () => {
        throw fault
      },
    ],
    [
      'rejects',
      async () => {
        throw fault
      },
    ],
    ['gives done an error', (_auth, _req, done) => done(fault)],
    [
      'rejects with the error of a request of its own',
      async () => {
        throw axiosError
      },
    ],
    ['takes the request for done', ((_auth: AccessToken, done: UserLoaded) => done(null, {})) as unknown as LoadUser],
  ])('that %s is an outage', async (_, loadUser) => {
    const { status, challenge, body } = await ask(mount(strategyOf(loadUser)), await host.token())
    expect([status, challenge, body]).toEqual([503, undefined, { name: 'OAuthError', message: '' }])
    expect(host.events.at(-1)).toMatchObject({ name: 'access.denied', reason: 'policy_check_failed', subject: 'alice' })
    expect(JSON.stringify(host.events)).not.toContain('secret')
  })

  it.each<[string, LoadUser]>([
    ['never settles', () => new Promise(() => {})],
    ['never calls done', (_auth, _req, _done) => {}],
  ])('that %s is an outage when its time is over', async (_, loadUser) => {
    expect((await ask(mount(strategyOf(loadUser)), await host.token())).status).toBe(503)
    expect(host.events.at(-1)).toMatchObject({ reason: 'host_function_timed_out' })
  })

  it('is not called for a token that the route refuses', async () => {
    const loaded: string[] = []
    const path = mount(
      strategyOf(({ sub }) => loaded.push(sub)),
      { scope: 'a', check: ({ sub }: AccessToken) => sub === 'alice' || 'no' },
    )
    expect((await ask(path)).status).toBe(401)
    expect((await ask(path, await host.token())).status).toBe(403)
    expect((await ask(path, await host.token({ scope: 'a', sub: 'bob' }))).status).toBe(403)
    expect(loaded).toEqual([])
    expect((await ask(path, await host.token({ scope: 'a' }))).status).toBe(200)
    expect(loaded).toEqual(['alice'])
  })

  it.each<[string, LoadUser]>([
    ['returns it', ({ sub }) => USERS.get(sub)],
    ['returns a promise of it', async ({ sub }) => USERS.get(sub)],
    ['gives it to done', ({ sub }, _req, done) => done(null, USERS.get(sub))],
    [
      'gives it to done, and returns something else',
      ({ sub }, _req, done) => {
        done(null, USERS.get(sub))
        return Promise.resolve({ id: 2 })
      },
    ],
  ])('that %s sets req.user, and req.auth has the token', async (_, loadUser) => {
    const before = host.events.length
    const { status, body } = await ask(mount(strategyOf(loadUser)), await host.token())
    expect([status, body]).toEqual([200, { user: { id: 1 }, auth: 'alice' }])
    expect(host.events.slice(before)).toEqual([
      expect.objectContaining({ name: 'access.granted', subject: 'alice', clientId: 'app' }),
    ])
    expect((await ask(mount(strategyOf(loadUser)), await host.token({ sub: 'bob' }))).status).toBe(401)
  })

  it('of one strategy serves two requests at the same time without mixing their users', async () => {
    const waiting = new Map<string, () => void>()
    const loadUser: LoadUser = async ({ sub }, req) => {
      await new Promise<void>((resolve) => {
        waiting.set(sub, resolve)
        // The first that came is answered last.
        if (waiting.size === 2) for (const answer of [...waiting.values()].reverse()) answer()
      })
      return { id: sub, url: req.url }
    }
    const path = mount(strategyOf(loadUser))
    const ofAlice = await host.token()
    const ofBob = await host.token({ sub: 'bob' })
    const [first, second] = await Promise.all([ask(`${path}?a`, ofAlice), ask(`${path}?b`, ofBob)])
    expect(first.body).toEqual({ user: { id: 'alice', url: `${path}?a` }, auth: 'alice' })
    expect(second.body).toEqual({ user: { id: 'bob', url: `${path}?b` }, auth: 'bob' })
  })
})

describe('a class that extends the strategy, as with Nest', () => {
  /** Has what the exceptions of Nest have. */
  class HttpException extends Error {
    readonly status: number
    constructor(status: number) {
      super('from Nest')
      this.status = status
    }
    getStatus() {
      return this.status
    }
  }

  it('calls validate with the token and the request, and its result is req.user', async () => {
    const Jwt = withValidate((auth: AccessToken, req: Request) => ({ id: auth.sub, path: req.path }))
    const path = mount(new Jwt({ from: host.exchange, name: 'jwt' }))
    expect((await ask(path, await host.token())).body).toEqual({ user: { id: 'alice', path }, auth: 'alice' })
    const None = withValidate(() => undefined)
    expect((await ask(mount(new None({ from: host.exchange })), await host.token())).status).toBe(401)
  })

  it.each([401, 403, 404])(
    'hands an exception with status %i to its filter, and reports the refusal',
    async (status) => {
      const Jwt = withValidate(() => Promise.reject(new HttpException(status)))
      const answer = await ask(mount(new Jwt({ from: host.exchange })), await host.token())
      expect([answer.status, answer.body.message]).toEqual([status, 'from Nest'])
      expect(answer.challenge).toBe(status === 401 ? `${REALM}, ${INVALID}` : undefined)
      expect(host.events.at(-1)).toMatchObject({
        name: 'access.denied',
        reason: 'refused_by_check',
        status,
        subject: 'alice',
      })
    },
  )

  it('makes an outage of any other exception', async () => {
    for (const error of [new HttpException(500), new HttpException(200), new TypeError('x')]) {
      const Jwt = withValidate(() => Promise.reject(error))
      expect((await ask(mount(new Jwt({ from: host.exchange })), await host.token())).status).toBe(503)
    }
  })

  it('answers with the OAuthError that validate throws', async () => {
    const Jwt = withValidate(() => {
      throw new OAuthError('insufficient_scope', 'The user is locked')
    })
    expect((await ask(mount(new Jwt({ from: host.exchange })), await host.token())).status).toBe(403)
    expect(host.events.at(-1)).toMatchObject({ reason: 'insufficient_scope', subject: 'alice', clientId: 'app' })
  })
})

describe('passErrors', () => {
  it('hands every refusal with its status and challenge to the error handlers, as a guard of Nest needs it', async () => {
    const path = mount(
      strategyOf(({ sub }) => USERS.get(sub), { passErrors: true }),
      { scope: 'a' },
    )
    const statuses = []
    for (const token of [undefined, 'abc', await host.token(), await host.token({ scope: 'a', sub: 'bob' })]) {
      const { status, challenge, body } = await ask(path, token)
      expect(challenge).toMatch(/^Bearer realm=/)
      statuses.push([status, body.name, host.events.at(-1)?.reason])
    }
    expect(statuses).toEqual([
      [401, 'OAuthError', 'no_token'],
      [401, 'OAuthError', 'malformed_jwt'],
      [403, 'OAuthError', 'insufficient_scope'],
      [401, 'OAuthError', 'refused_by_check'],
    ])
    expect((await ask(path, await host.token({ scope: 'a' }))).status).toBe(200)
  })
})

describe('an array of strategies', () => {
  it('asks the next one if there is no user, and reports a refusal only if none accepts', async () => {
    const first = strategyOf(({ sub }) => USERS.get(sub), { name: 'users' })
    const second = strategyOf(({ sub }) => sub === 'robot' && { id: 2 }, { name: 'robots' })
    const path = mount([first, second] as passport.Strategy[])
    const before = host.events.length
    expect((await ask(path, await host.token({ sub: 'robot' }))).body.user).toEqual({ id: 2 })
    expect(host.events.slice(before).map(({ name }) => name)).toEqual(['access.granted'])
    expect((await ask(path, await host.token({ sub: 'bob' }))).status).toBe(401)
    expect(host.events.slice(before + 1).map(({ reason }) => reason)).toEqual(['refused_by_check', 'refused_by_check'])
  })
})
