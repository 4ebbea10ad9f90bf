import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type AdminOptions, createAdmin } from '../../src/admin/create-admin.js'
import { type AdminHost, CountingStore, createTestExchange, ENTRY, startAdminHost } from '../support/admin-host.js'

type Authorize = AdminOptions['authorize']
type Next = (error?: unknown) => void

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

/** A host whose `authorize` is this, with a deadline of 100 ms. */
async function start(authorize: Authorize, express: 4 | 5 = 5): Promise<AdminHost> {
  const host = await startAdminHost({ express, admin: { authorize, timeout: 100 } })
  hosts.push(host)
  return host
}

const NEVER = new Promise<boolean>(() => {})
const failing = () => {
  throw new Error('the password is hunter2')
}

describe('createAdmin', () => {
  const create = (options: unknown) => {
    const exchange = createTestExchange()
    try {
      return createAdmin(exchange, options as AdminOptions)
    } finally {
      exchange.close()
    }
  }

  it.each([
    ['no options', undefined],
    ['no authorize', {}],
    ['an authorize that is undefined', { authorize: undefined }],
    ['an authorize that is true', { authorize: true }],
    ['an authorize that is a list', { authorize: [() => true] }],
  ])('throws with %s', (_, options) => {
    expect(() => create(options)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
  })

  it('throws with a store if the exchange does not look identity providers up', () => {
    const store = new CountingStore()
    expect(() => create({ authorize: () => true, store })).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ code: 'conflict', path: ['createAdmin', 'store'] })],
      }),
    )
  })

  it('reports every problem of its options together', () => {
    const options = { store: {}, hosts: [], maxEvents: 1, timeout: '1s', allowPrivateNetworks: 'yes', authorise: true }
    const paths = (() => {
      try {
        create(options)
      } catch (error) {
        return (error as { problems: { path: string[] }[] }).problems.map(({ path }) => path.join('.'))
      }
      return []
    })()
    expect(paths.sort()).toEqual(
      [
        'createAdmin.allowPrivateNetworks',
        'createAdmin.authorise',
        'createAdmin.hosts',
        'createAdmin.maxEvents',
        'createAdmin.store',
        'createAdmin.timeout',
      ].sort(),
    )
  })

  it.each(['https://admin.example.com', 'admin.example.com/', 'a b', '', 'admin.example.com:port'])(
    'refuses "%s" as a host',
    (host) => {
      expect(() => create({ authorize: () => true, hosts: [host] })).toThrow(
        expect.objectContaining({ name: 'ConfigError' }),
      )
    },
  )
})

describe.each([4, 5] as const)('a request to the admin API, on Express %s', (version) => {
  it.each<[string, Authorize]>([
    ['false', () => false],
    ['undefined', () => undefined],
    ['null', () => null],
    ['1', () => 1],
    ['an empty text', () => ''],
    ['a text of white space', () => ' \n'],
    ['an object', () => ({ isAdmin: true })],
    ['an array', () => ['alice']],
    ['a Boolean object', () => new Boolean(true)],
    ['a function', () => () => true],
    ['a promise of false', async () => false],
    ['a promise of an object', async () => ({})],
  ])('is refused if authorize returns %s', async (_, authorize) => {
    const { ask, store } = await start(authorize, version)
    for (const path of ['/', '/page.js', '/identity-providers', '/events', '/stats', '/openapi.json', '/nothing']) {
      expect(await ask('GET', path)).toMatchObject({
        status: 403,
        headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
        body: { type: 'urn:express-jwt-exchange:problem:not-authorized' },
      })
    }
    expect((await ask('POST', '/identity-providers', ENTRY)).status).toBe(403)
    expect(await store.list()).toEqual([])
  })

  it.each<[string, Authorize]>([
    ['throws', failing],
    ['rejects', async () => failing()],
    [
      'throws undefined',
      () => {
        throw undefined
      },
    ],
    ['hangs', () => NEVER],
    ['is a middleware that throws', (_req, _res, _next: Next) => failing()],
    ['is a middleware that rejects', async (_req, _res, _next: Next) => failing()],
    ['is a middleware that hangs', (_req, _res, _next: Next) => NEVER],
    ['is a middleware that passes an error on', (_req, _res, next: Next) => next(new Error('hunter2'))],
    ['is a middleware that passes something else on', (_req, _res, next: Next) => next(0)],
  ])('is answered with 503 if authorize %s', async (_, authorize) => {
    const { ask, store } = await start(authorize, version)
    const answer = await ask('POST', '/identity-providers', ENTRY)
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { type: 'urn:express-jwt-exchange:problem:unavailable' },
    })
    expect(answer.text).not.toContain('hunter2')
    expect(await store.list()).toEqual([])
  })

  it.each<[string, unknown, number]>([
    ['route', 'route', 403],
    ['router', 'router', 403],
    ['an error of status 401', Object.assign(new Error('no'), { status: 401 }), 401],
    ['an error of status 403', Object.assign(new Error('no'), { statusCode: 403 }), 403],
  ])('is refused if a middleware passes %s on', async (_, error, status) => {
    const { ask } = await start((_req, _res, next: Next) => next(error), version)
    expect((await ask('GET', '/identity-providers')).status).toBe(status)
  })

  it.each<[string, Authorize]>([
    ['true', () => true],
    ['a promise of true', async () => true],
    ['a name', () => 'alice'],
  ])('passes if authorize returns %s', async (_, authorize) => {
    const { ask } = await start(authorize, version)
    expect((await ask('GET', '/identity-providers')).status).toBe(200)
  })

  it('passes if a middleware calls next, at once or later', async () => {
    const later = (_req: IncomingMessage, _res: ServerResponse, next: Next) => void setTimeout(next, 20)
    for (const authorize of [later, (_req: unknown, _res: unknown, next: Next) => next()]) {
      const { ask } = await start(authorize as Authorize, version)
      expect((await ask('GET', '/identity-providers')).status).toBe(200)
    }
  })

  it('gets the answer of a middleware that answers by itself, with the headers of the API', async () => {
    const { ask } = await start((_req, res, _next: Next) => {
      res.writeHead(401, { 'WWW-Authenticate': 'Basic realm="admin"' }).end()
    }, version)
    expect(await ask('GET', '/')).toMatchObject({
      status: 401,
      text: '',
      headers: { 'www-authenticate': 'Basic realm="admin"', 'x-content-type-options': 'nosniff' },
    })
  })

  it('is not handled if a middleware answers by itself, and then calls next', async () => {
    const { ask, store } = await start((_req, res, next: Next) => {
      res.writeHead(302, { Location: '/login' }).end()
      next()
    }, version)
    await store.put(ENTRY)
    // Without a body, which could not be read any more.
    expect((await ask('DELETE', '/identity-providers/acme', undefined, { 'if-match': '*' })).status).toBe(302)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await store.get('acme'))?.revision).toBe('r1')
  })

  it('is not handled if a middleware calls next after it was refused, or after the deadline', async () => {
    const { ask, store } = await start((_req, _res, next: Next) => {
      next(Object.assign(new Error('no'), { status: 403 }))
      next()
    }, version)
    expect((await ask('POST', '/identity-providers', ENTRY)).status).toBe(403)
    const late = await start((_req, _res, next: Next) => void setTimeout(next, 200), version)
    expect((await late.ask('POST', '/identity-providers', ENTRY)).status).toBe(503)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect([await store.list(), await late.store.list()]).toEqual([[], []])
  })

  it('is handled once if a middleware calls next twice', async () => {
    const { ask, store } = await start((_req, _res, next: Next) => {
      next()
      next()
    }, version)
    expect((await ask('POST', '/identity-providers', ENTRY)).status).toBe(201)
    expect((await store.get('acme'))?.revision).toBe('r1')
  })
})

describe('the challenge of an authentication that failed', () => {
  it('is passed on, unless it is not a header', async () => {
    for (const [challenge, expected] of [
      ['Bearer realm="admin"', 'Bearer realm="admin"'],
      ['a\r\nSet-Cookie: b=c', undefined],
    ] as const) {
      const error = Object.assign(new Error('no'), { status: 401, headers: { 'WWW-Authenticate': challenge } })
      const { ask } = await start((_req, _res, next: Next) => next(error))
      const { status, headers } = await ask('GET', '/stats')
      expect([status, headers['www-authenticate'], headers['set-cookie']]).toEqual([401, expected, undefined])
    }
  })
})

describe('the name that authorize returns', () => {
  it('is in the event of a write, escaped and cut', async () => {
    const { ask, exchange } = await start(() => `  ${'é'.repeat(300)}\n`)
    const names: unknown[] = []
    exchange.events.on('identity_provider.saved', ({ by }) => names.push(by))
    await ask('POST', '/identity-providers', ENTRY)
    expect(names).toEqual([expect.stringMatching(/^(?:\\u00e9)+.{0,6}\.\.\.$/)])
    expect(String(names[0])).toHaveLength(200)
  })
})
