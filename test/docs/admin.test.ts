import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { readAdminOptions } from '../../src/admin/admin-options.js'
import type { Admin, AdminOptions } from '../../src/admin/create-admin.js'
import { PROBLEMS } from '../../src/admin/problem.js'
import { ROUTES } from '../../src/admin/routes.js'
import { NOT_SHOWN } from '../../src/admin/secrets.js'
import type { IdentityProviderStore, JwtExchange, JwtExchangeOptions } from '../../src/index.js'
import { OptionReader } from '../../src/option-checks/option-reader.js'
import { askAdmin, startAdminHost } from '../support/admin-host.js'
import { createCertificateAuthority } from '../support/certificate-authority.js'
import { codeBlocks } from '../support/document-code.js'
import { CLIENT, startExchangeHost } from '../support/exchange-host.js'
import { MemoryIdentityProviderStore } from '../support/memory-identity-provider-store.js'

type Authorize = AdminOptions['authorize']

interface Snippets {
  createApp(
    options: JwtExchangeOptions,
    store: IdentityProviderStore,
    authorize: Authorize,
  ): { app: (...given: never[]) => void; exchange: JwtExchange; admin: Admin }
  bySession: Authorize
  byPassword(password?: string): Authorize
  byCertificate: Authorize
  byAccessToken(exchange: JwtExchange): Authorize
}

const ADMIN = readFileSync('docs/admin.md', 'utf8')
const CURLS = codeBlocks('docs/admin.md', 'sh')
const PASSWORD = 'a long password of the tests'

let directory: string
let snippets: Snippets
const closers: (() => unknown)[] = []
beforeAll(async () => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync(resolve('example-app/dist/admin-'))
  const modules = codeBlocks('docs/admin.md', 'js').map((code, index) => {
    const path = join(directory, `${index}.mjs`)
    writeFileSync(path, code)
    return import(pathToFileURL(path).href)
  })
  snippets = Object.assign({}, ...(await Promise.all(modules)))
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** The cells of each row of the table below a heading. */
function rowsUnder(heading: string): string[][] {
  const section = ADMIN.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(/ ?\| ?/))
}

const plain = (cell = '') => cell.replaceAll('`', '')

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  closers.push(() => new Promise((closed) => server.close(closed)))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('docs/admin.md', () => {
  it('lists exactly the routes', () => {
    const routes = ROUTES.map(({ method, path }) => `${method} ${path}`)
    expect(
      rowsUnder('Routes')
        .map(([route]) => plain(route))
        .filter((route) => /^[A-Z]+ /.test(route))
        .sort(),
    ).toEqual(routes.sort())
  })

  it('lists exactly the problems with their statuses', () => {
    const rows = rowsUnder('Problems').map(([name, status]) => [plain(name), Number(status)])
    expect(rows).toEqual(Object.entries(PROBLEMS).map(([name, [status]]) => [name, status]))
  })

  it('lists exactly the options, with bounds and defaults', () => {
    const read: string[] = []
    const isNamed = OptionReader.prototype.isNamed
    const spy = jest.spyOn(OptionReader.prototype, 'isNamed').mockImplementation(function (this: OptionReader, key) {
      read.push(key)
      return Reflect.apply(isNamed, this, [key])
    })
    const integer = jest.spyOn(OptionReader.prototype, 'integer')
    const settings = readAdminOptions(
      { authorize: () => true },
      { stats: () => ({ identityProviders: [], config: { revision: 1, since: 0 } }) },
    )
    const numbers = integer.mock.calls.map(([key, { min, max, default: value }]) => [
      key,
      `${min} to ${max}`,
      `${value}`,
    ])
    spy.mockRestore()
    integer.mockRestore()
    const rows = rowsUnder('Options').map((row) => row.map(plain))
    expect(rows.map(([name]) => name).sort()).toEqual([...new Set(read)].sort())
    const bounded = rows.filter(([, unit]) => unit !== '').map(([name, , bounds, value]) => [name, bounds, value])
    expect(bounded).toEqual(numbers)
    expect(rows.find(([name]) => name === 'allowPrivateNetworks')?.[3]).toBe(String(settings.allowPrivateNetworks))
  })

  it('says what stands for a secret', () => {
    expect(ADMIN).toContain(`\`${NOT_SHOWN}\``)
  })
})

describe('authorize of docs/admin.md', () => {
  it('by a session names the person, and refuses everybody else', async () => {
    const sessions = [
      undefined,
      {},
      { user: { isAdmin: 'yes', email: 'a@example.com' } },
      { user: { isAdmin: true, email: 'a@example.com' } },
    ]
    const statuses: (number | undefined)[] = []
    for (const session of sessions) {
      const host = await startAdminHost({
        admin: { authorize: snippets.bySession },
        before: (app) => app.use((req, _res, next) => void next(Object.assign(req, { session }) && undefined)),
      })
      closers.push(host.close)
      statuses.push((await host.ask('GET', '/stats')).status)
    }
    expect(statuses).toEqual([403, 403, 403, 200])
  })

  it('by a password asks for it, and is not made without one', async () => {
    expect(() => snippets.byPassword('')).toThrow('ADMIN_PASSWORD')
    const host = await startAdminHost({ admin: { authorize: snippets.byPassword(PASSWORD) } })
    closers.push(host.close)
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    expect(await host.ask('GET', '/')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="admin", charset="UTF-8"' },
    })
    expect((await host.ask('GET', '/stats', undefined, basic('admin:wrong'))).status).toBe(401)
    expect((await host.ask('GET', '/stats', undefined, basic(`root:${PASSWORD}`))).status).toBe(401)
    expect((await host.ask('GET', '/stats', undefined, basic(`admin:${PASSWORD}`))).status).toBe(200)
  })

  it('by a certificate accepts those of the own authority with a known name', async () => {
    const [authority, stranger] = [createCertificateAuthority('Operators'), createCertificateAuthority('Others')]
    const host = await startAdminHost({ admin: { authorize: snippets.byCertificate } })
    closers.push(host.close)
    const server = createTlsServer({
      ...authority.issue({ names: ['127.0.0.1'] }),
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    })
    server.on('request', host.app)
    const url = `https://${await listen(server)}/admin/stats`
    const statusFor = async (client: { key: string; cert: string } | undefined) => {
      const { request } = await import('node:https')
      return new Promise((answered, failed) => {
        request(url, { ...client, ca: authority.certificate, agent: false }, (response) => {
          response.resume()
          answered(response.statusCode)
        })
          .on('error', failed)
          .end()
      })
    }
    expect(await statusFor(authority.issue({ names: ['alice.example.com'] }))).toBe(200)
    expect(await statusFor(authority.issue({ names: ['bob.example.com'] }))).toBe(403)
    expect(await statusFor(stranger.issue({ names: ['alice.example.com'] }))).toBe(403)
    expect(await statusFor(undefined)).toBe(403)
  })

  it('by an access token needs the scope', async () => {
    const client = { ...CLIENT, scopes: ['orders:read', 'admin'] }
    const exchangeHost = await startExchangeHost({ exchange: { clients: [client] } })
    closers.push(exchangeHost.close)
    const host = await startAdminHost({ admin: { authorize: snippets.byAccessToken(exchangeHost.exchange) } })
    closers.push(host.close)
    const tokenFor = async (scope: string) => {
      const { body } = await exchangeHost.exchangeAssertion(await exchangeHost.idp.issueAssertion(), { scope })
      return { authorization: `Bearer ${body.access_token}` }
    }
    expect((await host.ask('GET', '/stats')).status).toBe(401)
    expect((await host.ask('GET', '/stats', undefined, await tokenFor('orders:read'))).status).toBe(403)
    expect((await host.ask('GET', '/stats', undefined, await tokenFor('admin'))).status).toBe(200)
  })
})

describe('the requests of docs/admin.md', () => {
  it('do what they say, one after the other', async () => {
    const store = new MemoryIdentityProviderStore()
    const options = {
      issuer: 'https://api.example.com/oauth2',
      subject: 'namespaced',
      clients: [CLIENT],
      accessToken: { audience: 'https://api.example.com' },
    } as unknown as JwtExchangeOptions
    const { app, exchange, admin } = snippets.createApp(options, store, snippets.byPassword(PASSWORD))
    const { createServer: createHttpServer } = await import('node:http')
    const url = `http://${await listen(createHttpServer(app as never))}`
    closers.push(
      () => exchange.close(),
      () => admin.close(),
    )
    const run = async (code: string) => {
      const command = code
        .replaceAll('https://api.example.com', url)
        .replaceAll('curl ', 'curl -sS -H "Host: api.example.com" ')
      const { stdout } = await promisify(execFile)('bash', ['-euc', command], {
        env: { ...process.env, ADMIN_PASSWORD: PASSWORD },
      })
      return stdout === '' ? undefined : JSON.parse(stdout)
    }
    const [create = '', list = '', patch = '', disable = '', events = '', remove = '', importing = '', ...others] =
      CURLS
    expect(others).toEqual([])
    expect(await run(create)).toMatchObject({ id: 'acme', registration: { network: 'public' } })
    expect((await run(list)).identityProviders.map(({ id }: { id: string }) => id)).toEqual(['acme'])
    expect(await run(patch)).toMatchObject({ registration: { lifetime: 300 } })
    expect(await run(disable)).toMatchObject({ enabled: false })
    const names = (await run(events)).events.map(({ name }: { name: string }) => name)
    expect(names.filter((name: string) => name === 'identity_provider.saved')).toHaveLength(3)
    expect(await run(remove)).toBeUndefined()
    expect(await store.list()).toEqual([])
    expect(await run(importing)).toMatchObject({ saved: ['partner'] })
    expect(await store.get('partner')).toMatchObject({ name: 'https://login.partner.example', network: 'public' })
    expect((await askAdmin(`${url}/admin/stats`, 'GET')).status).toBe(421)
  })
})
