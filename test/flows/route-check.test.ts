import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Request, RequestHandler } from 'express'
import passport from 'passport'
import type { AccessToken, ExchangeMiddleware, ProtectOptions } from '../../src/index.js'
import { ISSUER } from '../support/exchange-host.js'
import { type RouteHost, startRouteHost } from '../support/route-host.js'

let host: RouteHost
beforeAll(async () => {
  host = await startRouteHost(5, { hostFunctions: { timeout: 50 } })
})
afterAll(() => host.close())

type Check = NonNullable<ProtectOptions['check']>

let mounted = 0

/** Mounts a route with these options through `protect`, and one through Passport, and asks both. */
async function ask(options: ProtectOptions, token: string) {
  mounted += 1
  const open: RequestHandler = (_req, res) => void res.end('open')
  const guard = passport.authenticate(host.exchange.accessTokenStrategy, { session: false, ...options } as object)
  host.app.get(`/protect${mounted}/:id`, host.exchange.protect(options), open)
  host.app.get(`/passport${mounted}/:id`, guard, open)
  const answers = []
  for (const path of [`/protect${mounted}/7`, `/passport${mounted}/7`]) {
    const { status, headers, body } = await host.get(path, token)
    const { reason, message } = host.events.at(-1) ?? { reason: 'none', message: 'none' }
    answers.push({ status, challenge: headers['www-authenticate'], body, reason, message })
  }
  return answers
}

describe('the check of a route', () => {
  const NOT_ALLOWED = `Bearer realm="${ISSUER}", error="insufficient_scope", error_description="The access token does not allow this request"`
  it.each<[string, () => unknown, string | undefined]>([
    ['a reason', () => 'not in\nthe directory', 'not in\\u000athe directory'],
    ['a promise of a reason', async () => 'not in the directory', 'not in the directory'],
    ['an empty reason', () => '', undefined],
    ['false', () => false, undefined],
    ['undefined', () => undefined, undefined],
    ['a promise of undefined', async () => undefined, undefined],
    ['a number', () => 1, undefined],
    ['an object', () => ({ ok: true }), undefined],
  ])('that returns %s refuses with 403', async (_, check, message) => {
    const answers = await ask({ scope: 'a', check: check as Check }, await host.token({ scope: 'a' }))
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 403, challenge: NOT_ALLOWED, reason: 'refused_by_check' })
      expect(answer.message).toBe(message)
      expect(answer.body).not.toContain('directory')
    }
    expect(host.events.at(-1)).toMatchObject({
      subject: 'alice',
      clientId: 'app',
      scopes: ['a'],
      requiredScopes: ['a'],
    })
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('a secret')
      },
    ],
    [
      'throws undefined',
      () => {
        throw undefined
      },
    ],
    [
      'rejects',
      async () => {
        throw new TypeError('a secret')
      },
    ],
  ])('that %s is an outage', async (_, check) => {
    for (const { status, reason } of await ask({ check: check as Check }, await host.token())) {
      expect([status, reason]).toEqual([503, 'policy_check_failed'])
    }
    expect(host.events.at(-1)).toMatchObject({ subject: 'alice', clientId: 'app', scopes: [] })
    expect(JSON.stringify(host.events)).not.toContain('secret')
  })

  it('that does not answer in time is an outage, and is told to stop', async () => {
    const signals: AbortSignal[] = []
    const check: Check = (_auth, _req, signal) => {
      signals.push(signal)
      return new Promise(() => {})
    }
    for (const { status, reason, message } of await ask({ check }, await host.token())) {
      expect([status, reason]).toEqual([503, 'host_function_timed_out'])
      expect(message).toBe('route.check did not answer within 50 ms')
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(host.events.filter(({ name }) => name === 'host_function.timed_out')).toContainEqual(
      expect.objectContaining({ function: 'route.check', timeoutMs: 50 }),
    )
  })

  it('is asked last: never about a token that another option refuses', async () => {
    const asked: string[] = []
    const check: Check = ({ sub }) => {
      asked.push(sub)
      return true
    }
    const options = { scope: 'a', requiredClaims: { department: 'sales' }, check }
    for (const claims of [{}, { scope: 'a' }, { department: 'sales' }]) {
      expect((await ask(options, await host.token(claims))).map(({ status }) => status)).toEqual([403, 403])
    }
    expect((await ask(options, `${await host.token()}x`)).map(({ status }) => status)).toEqual([401, 401])
    expect(asked).toEqual([])
    const good = await host.token({ scope: 'a', department: 'sales' })
    expect((await ask(options, good)).map(({ status }) => status)).toEqual([200, 200])
    expect(asked).toEqual(['alice', 'alice'])
  })

  it('gets the token and the request of its route, at once or in a promise', async () => {
    const seen: unknown[] = []
    const checks: Check[] = [
      ({ sub }, req) => {
        seen.push([sub, (req as Request).params.id])
        return true
      },
      async (auth) => auth.payload.department === 'sales' || 'another department',
    ]
    const token = await host.token({ department: 'sales' })
    for (const check of checks) expect((await ask({ check }, token)).map(({ status }) => status)).toEqual([200, 200])
    expect(seen).toEqual([
      ['alice', '7'],
      ['alice', '7'],
    ])
  })
})

describe('a token that is known', () => {
  /** Whether a middleware lets a request pass in the same turn. */
  function passesAtOnce(middleware: ExchangeMiddleware, token: string): boolean {
    let hasPassed = false
    const req = { headers: { authorization: `Bearer ${token}` } } as IncomingMessage & { auth?: AccessToken }
    middleware(req, {} as ServerResponse, () => {
      hasPassed = req.auth?.sub === 'alice'
    })
    return hasPassed
  }

  it('passes in the same turn with every option, and with a check that answers at once', async () => {
    const token = await host.token({ scope: 'a b', department: 'sales' })
    const options: ProtectOptions = {
      scope: 'a',
      anyScope: ['b', 'c'],
      requiredClaims: { department: 'sales' },
      allowedSubjects: ['al*'],
      resource: 'https://api.example.com',
      issuers: [ISSUER],
      optional: true,
      passErrors: true,
    }
    const { protect } = host.exchange
    for (let use = 0; use < 3; use += 1) await host.exchange.verifyAccessToken(token)
    for (const each of [{}, { scope: 'a' }, options, { ...options, check: () => true as const }]) {
      expect(passesAtOnce(protect(each), token)).toBe(true)
    }
    expect(passesAtOnce(protect({ check: async () => true }), token)).toBe(false)
  })
})

describe('a route that was declared before the options change', () => {
  it('follows the new bounds of its check, and the new hierarchy of scopes', async () => {
    const other = await startRouteHost(5, { hostFunctions: { timeout: 10 }, impliedScopes: { write: ['read'] } })
    const open: RequestHandler = (_req, res) => void res.end('open')
    other.app.get('/hanging', other.exchange.protect({ check: () => new Promise<true>(() => {}) }), open)
    other.app.get('/read', other.exchange.protect({ scope: 'read' }), open)
    other.app.get('/any', other.exchange.protect({ anyScope: 'read delete' }), open)
    const statuses = async (scope: string) => {
      const token = await other.token({ scope })
      return [(await other.get('/read', token)).status, (await other.get('/any', token)).status]
    }
    const timeOut = async () => {
      expect((await other.get('/hanging', await other.token())).status).toBe(503)
      return other.events.findLast(({ name }) => name === 'host_function.timed_out')?.timeoutMs
    }
    try {
      expect(await timeOut()).toBe(10)
      expect(await statuses('other')).toEqual([403, 403])
      expect(await statuses('write')).toEqual([200, 200])
      expect(await statuses('admin')).toEqual([403, 403])
      other.reconfigure({ hostFunctions: { timeout: 50 }, impliedScopes: { admin: ['write'], write: ['read'] } })
      expect(await statuses('admin')).toEqual([200, 200])
      other.reconfigure({ hostFunctions: { timeout: 20 } })
      expect(await statuses('write')).toEqual([403, 403])
      expect(await statuses('read')).toEqual([200, 200])
      expect(await timeOut()).toBe(20)
    } finally {
      await other.close()
    }
  })

  it.each<[string, unknown]>([
    ['no scope', {}],
    ['a list', ['write', 'read']],
    ['an empty list', { write: [] }],
    ['a string', { write: 'read' }],
    ['what is no scope', { 'wr"ite': ['read'] }],
    ['what implies no scope', { write: ['re"ad'] }],
    ['undefined', { write: undefined }],
  ])('refuses a hierarchy with %s', async (_, impliedScopes) => {
    await expect(startRouteHost(5, { impliedScopes } as never)).rejects.toMatchObject({ name: 'ConfigError' })
  })
})
