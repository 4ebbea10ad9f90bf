import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express'
import passport from 'passport'
import request from 'supertest'
import { DependencyUnavailable, OAuthError, TokenRejected } from '../../src/index.js'
import { type ExchangeHost, type RecordedEvent, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

type Names = string | (string | passport.Strategy)[]

interface Actions {
  success(user: object): void
  fail(challenge?: string): void
  pass(): void
  error(error: Error): void
}

/** Another library's strategy, which decides in the same turn or in a later one. */
function strategyOf(act: (actions: Actions, req: Request) => void | Promise<void>): passport.Strategy {
  return {
    name: 'another',
    authenticate(this: passport.Strategy & Actions, req: Request) {
      void act(this, req)
    },
  } as unknown as passport.Strategy
}

const start = async () => {
  host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    exchange: { assertionStrategy: { waitForKeys: true } },
  })
}

function authenticatorOf({ exchange }: ExchangeHost): passport.PassportStatic {
  const authenticator = new passport.Passport() as unknown as passport.PassportStatic
  authenticator.use(exchange.accessTokenStrategy as passport.Strategy)
  authenticator.use(exchange.assertionStrategy as passport.Strategy)
  return authenticator
}

/** What the events tell of one request behind these strategies, and its status. */
async function judge(names: Names, token: string, options: object = {}): Promise<(string | number | undefined)[]> {
  const middleware = authenticatorOf(host).authenticate(names as string[], { session: false, ...options })
  const path = `/chain-${host.events.length}-${Math.random()}`
  host.app.get(path, middleware as RequestHandler, (_req, res) => void res.json('opened'))
  return await eventsOf(() => request(host.url).get(path).auth(token, { type: 'bearer' }))
}

async function eventsOf(send: () => PromiseLike<{ status: number }>): Promise<(string | number | undefined)[]> {
  const before = host.events.length
  const { status } = await send()
  await pause(20) // What is reported when the answer has gone out.
  const access = host.events.slice(before).filter(({ name }) => name.startsWith('access.'))
  return [status, ...access.map(({ name, reason }) => reason ?? name)]
}

const BOTH = [
  ['access-token', 'jwt-assertion'],
  ['jwt-assertion', 'access-token'],
]

describe('an array of strategies', () => {
  it.each(BOTH)(
    'that begins with %s reports what one of them accepts as granted, and as nothing else',
    async (...names) => {
      await start()
      expect(await judge(names, await host.idp.issueAssertion())).toEqual([200, 'access.granted'])
      expect(await judge(names, await host.accessToken())).toEqual([200, 'access.granted'])
    },
  )

  it.each(BOTH)(
    'that begins with %s reports every refusal of what none of them accepts, in their order',
    async (...names) => {
      await start()
      const expired = await host.idp.issueAssertion({ exp: 1 })
      const reasons = names.map((name) => (name === 'access-token' ? 'type_not_allowed' : 'expired'))
      expect(await judge(names, expired)).toEqual([401, ...reasons])
    },
  )

  it.each<[string, (actions: Actions) => void | Promise<void>]>([
    ['at once', ({ success }) => success({ id: 'anyone' })],
    [
      'later',
      async ({ success }) => {
        await pause(10)
        success({ id: 'anyone' })
      },
    ],
  ])('reports nothing where a strategy of another library accepts %s', async (_, act) => {
    await start()
    for (const options of [{}, { assignProperty: 'account' }]) {
      const names = ['access-token', strategyOf(act)]
      expect(await judge(names, 'an-api-key', options)).toEqual([200])
    }
  })

  it('reports the refusal where a strategy of another library refuses later, or lets the request pass without a user', async () => {
    await start()
    const refusing = strategyOf(async ({ fail }) => {
      await pause(10)
      fail()
    })
    const passing = strategyOf(({ pass }) => pass())
    expect(await judge(['access-token', refusing], 'an-api-key')).toEqual([401, 'malformed_jwt'])
    expect(await judge(['access-token', passing], 'an-api-key')).toEqual([200, 'malformed_jwt'])
  })

  it('reports the refusal where a strategy of another library fails with an error', async () => {
    await start()
    const failing = strategyOf(({ error }) => error(Object.assign(new Error('down'), { status: 502 })))
    expect(await judge(['access-token', failing], 'an-api-key')).toEqual([502, 'malformed_jwt'])
  })

  it('reports the refusal where the client goes away before it is answered', async () => {
    await start()
    const hanging = strategyOf(() => {})
    const names = ['access-token', hanging]
    host.app.get(
      '/hanging',
      authenticatorOf(host).authenticate(names as string[], { session: false }) as RequestHandler,
    )
    const before = host.events.length
    await expect(
      request(host.url).get('/hanging').auth('an-api-key', { type: 'bearer' }).timeout(100),
    ).rejects.toThrow()
    await pause(50)
    expect(host.events.slice(before)).toMatchObject([{ name: 'access.denied', reason: 'malformed_jwt' }])
  })

  it('reports an outage with what was refused before, once each', async () => {
    await start()
    await host.idp.fault('down')
    const assertion = await host.idp.issueAssertion()
    expect(await judge(['access-token', 'jwt-assertion'], assertion)).toEqual([
      503,
      'type_not_allowed',
      'jwks_unavailable',
    ])
  })

  it('reports a refusal before the answer where there is one strategy', async () => {
    await start()
    let told: RecordedEvent | undefined
    await request(host.url)
      .get('/me')
      .auth('not-a-token', { type: 'bearer' })
      .then(() => {
        told = host.events.at(-1)
      })
    expect(told).toMatchObject({ name: 'access.denied', reason: 'malformed_jwt', status: 401 })
  })
})

describe('a callback of the host, as of a guard of Nest', () => {
  /** As `AuthGuard` of `@nestjs/passport` does: the user is put on the request in a later turn, or an error is thrown. */
  const guard =
    (names: string[]): RequestHandler =>
    (req, res, next) => {
      const judged = new Promise((resolve, reject) => {
        const callback = (error: unknown, user: unknown) => {
          if (error || !user) reject(error ?? Object.assign(new Error('Unauthorized'), { statusCode: 401 }))
          else resolve(user)
        }
        authenticatorOf(host).authenticate(names, { session: false }, callback)(req, res, reject)
      })
      judged.then((user) => {
        req.user = user as Express.User
        next()
      }, next)
    }
  /** As Nest's `BaseExceptionFilter` does: `statusCode` and `message`, and no header. */
  const filter: ErrorRequestHandler = ({ statusCode = 500, message }, _req, res, _next) => {
    res.status(statusCode).json({ statusCode, message: statusCode === 500 ? 'Internal server error' : message })
  }
  const mount = (names: string[]) => {
    host.app.get('/guarded', guard(names), (req, res) => void res.json(req.user))
    host.app.use(filter)
  }
  const get = (token: string) => request(host.url).get('/guarded').auth(token, { type: 'bearer' })

  it('keeps the 503 of an outage, and its Retry-After', async () => {
    await start()
    mount(['jwt-assertion'])
    await host.idp.fault('down')
    const { status, headers, body } = await get(await host.idp.issueAssertion())
    expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)])
    expect(body).toEqual({ statusCode: 503, message: 'The service is temporarily unavailable' })
  })

  it('reports nothing of what a later strategy accepts, and a refusal once', async () => {
    await start()
    mount(['access-token', 'jwt-assertion'])
    expect(await eventsOf(async () => await get(await host.idp.issueAssertion()))).toEqual([200, 'access.granted'])
    expect(await eventsOf(async () => await get('an-api-key'))).toEqual([401, 'malformed_jwt', 'malformed_jwt'])
  })

  it('that throws still leaves the refusal reported', async () => {
    await start()
    const throwing: RequestHandler = (req, res, next) => {
      const callback = () => {
        throw Object.assign(new Error('a fault of the host'), { status: 418 })
      }
      authenticatorOf(host).authenticate('access-token', { session: false }, callback)(req, res, next)
    }
    host.app.get('/throwing', throwing)
    const told = await eventsOf(() => request(host.url).get('/throwing').auth('an-api-key', { type: 'bearer' }))
    expect(told.slice(1)).toEqual(['malformed_jwt'])
  })
})

describe('what a host hands on to an error handler', () => {
  it.each([
    ['an OAuthError', new OAuthError('invalid_request', 'x', { status: 413, headers: { Connection: 'close' } }), 413],
    ['a DependencyUnavailable', new DependencyUnavailable('jwks_unavailable', { retryAfter: 6.5 }), 503],
    ['a TokenRejected', new TokenRejected('expired'), 401],
  ])('has status, statusCode and headers: %s', (_, error, status) => {
    const headers = {
      413: { Connection: 'close' },
      503: { 'Retry-After': '7' },
      401: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    }[status]
    expect([error.status, error.statusCode, error.headers]).toEqual([status, status, headers])
  })

  it('makes 401 of a token that verifyAccessToken refuses', async () => {
    await start()
    host.app.get('/by-hand', (req: Request, res: Response, next: NextFunction) => {
      host.exchange.verifyAccessToken(String(req.query.token)).then((auth) => res.json(auth), next)
    })
    const { status, headers } = await request(host.url).get('/by-hand?token=x')
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"'])
  })
})

describe('the token of a caller', () => {
  it('can be read, but is in no JSON, no spread and no list of keys', async () => {
    await start()
    const token = await host.accessToken()
    const assertion = await host.idp.issueAssertion()
    const callers: Record<string, unknown>[] = []
    const keep: RequestHandler = (req, res) => {
      callers.push((req.user ?? Reflect.get(req, 'auth')) as unknown as Record<string, unknown>)
      res.end()
    }
    const authenticator = authenticatorOf(host)
    host.app.get('/kept', authenticator.authenticate('access-token', { session: false }) as RequestHandler, keep)
    host.app.get('/kept-auth', host.exchange.protect() as RequestHandler, keep)
    host.app.get(
      '/kept-assertion',
      authenticator.authenticate('jwt-assertion', { session: false }) as RequestHandler,
      keep,
    )
    const get = (path: string, bearer: string) => request(host.url).get(path).auth(bearer, { type: 'bearer' })
    for (const path of ['/kept', '/kept-auth', '/kept', '/kept-auth']) expect((await get(path, token)).status).toBe(200)
    expect((await get('/kept-assertion', assertion)).status).toBe(200)
    expect(callers.map((caller) => caller.token)).toEqual([token, token, token, token, assertion])
    for (const caller of callers) {
      for (const copy of [
        JSON.stringify(caller),
        JSON.stringify({ ...caller }),
        JSON.stringify(structuredClone(caller)),
      ]) {
        expect(copy).toContain('alice')
        expect(copy).not.toContain(String(caller.token).split('.')[2])
      }
      expect(Object.keys(caller)).not.toContain('token')
      expect(Object.create(Object.getPrototypeOf(caller)).token).toBe('')
      caller.token = ''
      expect(caller.token).toBe('')
    }
  })

  it('does not get into a session where a route forgets session: false', async () => {
    await start()
    let stored = ''
    const session = Object.assign(Object.create(null), {
      regenerate: (done: () => void) => done(),
      save: (done: () => void) => {
        stored = JSON.stringify(session)
        done()
      },
    })
    const authenticator = authenticatorOf(host)
    authenticator.serializeUser((user, done) => done(null, user))
    const withSession: RequestHandler = (req, _res, next) => {
      Object.assign(req, { session })
      next()
    }
    for (const [name, token] of [
      ['access-token', await host.accessToken()],
      ['jwt-assertion', await host.idp.issueAssertion()],
    ] as const) {
      host.app.get(
        `/${name}`,
        withSession,
        authenticator.authenticate(name) as RequestHandler,
        (_req, res) => void res.end(),
      )
      expect((await request(host.url).get(`/${name}`).auth(token, { type: 'bearer' })).status).toBe(200)
      expect(stored).toContain('alice')
      for (const part of token.split('.').slice(1)) expect(stored).not.toContain(part)
    }
  })
})
