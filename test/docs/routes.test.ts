import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import passport from 'passport'
import { parse } from 'smol-toml'
import * as packageItself from '../../src/index.js'
import { codeBlocks } from '../support/document-code.js'
import { ISSUER } from '../support/exchange-host.js'
import { OTHER_AUDIENCE, type RouteHost, startRouteHost } from '../support/route-host.js'

const ROUTES = readFileSync('docs/routes.md', 'utf8')

let host: RouteHost
const created: packageItself.JwtExchange[] = []
beforeAll(async () => {
  host = await startRouteHost()
  const sendSubject = (req: object, res: { json(body: unknown): void }) =>
    res.json({ for: packageItself.getAuth(req).sub })
  const createJwtExchange = (options: packageItself.JwtExchangeOptions) => {
    const exchange = packageItself.createJwtExchange(options)
    created.push(exchange)
    return exchange
  }
  const { app, exchange, options } = host
  const surroundings = { ...packageItself, createJwtExchange, app, exchange, options, passport, sendSubject }
  // All examples of the page are one app.
  const run = new Function(...Object.keys(surroundings), codeBlocks('docs/routes.md', 'js').join('\n'))
  run(...Object.values(surroundings))
})
afterAll(() => {
  for (const exchange of created) exchange.close()
  return host.close()
})

const ask = async (path: string, claims?: object, headers?: Record<string, string>) => {
  const token = claims && (await host.token(claims as Record<string, unknown>))
  const { status, body } = await host.get(path, token, headers)
  return [status, body.startsWith('{') ? JSON.parse(body) : undefined]
}
const OPEN = [200, { for: 'alice' }]

describe('docs/routes.md', () => {
  it('lists the options as the types have them', () => {
    const optionsIn = (path: string) => {
      const [, body = ''] = /^export interface \w*Options.*?\{\n(.*?)^\}/ms.exec(readFileSync(path, 'utf8')) ?? []
      return [...body.replaceAll(/\/\*\*.*?\*\//gs, '').matchAll(/^ {2}(\w+)\??[:(]/gm)].map(([, name]) => name)
    }
    const listed = (heading: string) => {
      const section = ROUTES.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
      return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    }
    const ofProtect = ['src/protected-route/required-access.ts', 'src/express/protect.ts'].flatMap(optionsIn)
    expect(listed('Options')).toEqual(ofProtect)
    expect(listed('Load the user')).toEqual(optionsIn('src/passport/access-token-strategy.ts'))
  })

  it.each<[string, object, object, number]>([
    ['/orders', {}, { scope: 'orders:read' }, 403],
    ['/reports', { scope: 'reports' }, { scope: 'reports:admin' }, 403],
    ['/invoices', { scope: 'invoices:read' }, { scope: 'invoices:read', department: 'sales' }, 403],
    ['/jobs', { sub: 'alice' }, { sub: 'service-a' }, 403],
    ['/billing', {}, { aud: OTHER_AUDIENCE }, 401],
    ['/partners', {}, { idp: 'https://partner.example.com' }, 401],
    ['/accounts/alice', { scope: 'accounts:read', sub: 'bob' }, { scope: 'accounts:read' }, 403],
    ['/admin/orders', { scope: 'orders' }, { scope: 'orders:admin' }, 403],
    ['/profile', {}, { scope: 'profile' }, 403],
    ['/profile', { scope: 'profile', sub: 'bob' }, { scope: 'profile' }, 401],
    ['/passport/reports', {}, { scope: 'reports:read' }, 403],
  ])('has a route %s that opens only for what it requires', async (path, bad, good, status) => {
    expect((await ask(path))[0]).toBe(401)
    expect((await ask(path, bad))[0]).toBe(status)
    expect((await ask(path, good))[0]).toBe(200)
  })

  it('has a file with the same hierarchy of scopes', () => {
    const [toml = ''] = codeBlocks('docs/routes.md', 'toml')
    const [js = ''] = codeBlocks('docs/routes.md', 'js', 'Broader scopes')
    const [, object = ''] = /impliedScopes: (\{.*?\}),/.exec(js) ?? []
    expect(parse(toml)).toEqual({ implied_scopes: new Function(`return ${object}`)() })
  })

  it('has a strategy that loads the user', async () => {
    expect(await ask('/profile', { scope: 'profile' })).toEqual([200, { name: 'Alice', for: 'alice' }])
  })

  it('has a route with and without a token', async () => {
    expect(await ask('/catalogue')).toEqual([200, { prices: 'public' }])
    expect(await ask('/catalogue', { scope: 'prices:read' })).toEqual([200, { prices: 'yours' }])
    expect((await ask('/catalogue', {}))[0]).toBe(403)
    expect((await host.get('/catalogue', 'bad')).status).toBe(401)
  })

  it('has a route with a token in a cookie', async () => {
    expect((await ask('/page', {}))[0]).toBe(401)
    expect(await ask('/page', undefined, { cookie: `a=b; token=${await host.token()}` })).toEqual(OPEN)
  })

  it('has an error handler that answers', async () => {
    const { status, headers, body } = await host.get('/api')
    expect([status, headers['www-authenticate'], JSON.parse(body)]).toEqual([
      401,
      `Bearer realm="${ISSUER}"`,
      { problem: 'invalid_token', detail: 'The request has no access token' },
    ])
    expect(await ask('/api', {})).toEqual(OPEN)
  })
})
