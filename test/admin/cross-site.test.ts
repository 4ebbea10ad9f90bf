import { afterEach, describe, expect, it } from '@jest/globals'
import { type AdminHost, type AdminHostOptions, ENTRY, startAdminHost } from '../support/admin-host.js'
import { rawRequest, sendBytes } from '../support/send-bytes.js'

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost(options)
  hosts.push(host)
  return host
}

const CROSS_SITE = { status: 403, body: { type: 'urn:express-jwt-exchange:problem:cross-site' } }

describe.each([4, 5] as const)('a page of another site, on Express %s', (version) => {
  it.each<[string, Record<string, string>]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['an empty origin', { origin: '' }],
    ['the origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['an origin that begins alike', { origin: 'http://HOST.evil.example' }],
    ['an origin with a path', { origin: 'http://HOST/' }],
    ['an origin with user info', { origin: 'http://HOST@evil.example' }],
    ['another scheme', { origin: 'ftp://HOST' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
    ['a fetch of the same site', { 'sec-fetch-site': 'same-site' }],
    ['a fetch of the user alone', { 'sec-fetch-site': 'none' }],
    ['an unknown kind of fetch', { 'sec-fetch-site': 'Same-Origin' }],
    ['the own origin, but a cross-site fetch', { origin: 'http://HOST', 'sec-fetch-site': 'cross-site' }],
    ['a forwarded host of its own', { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' }],
  ])('cannot write with %s', async (_, headers) => {
    const { ask, store, url } = await start({ express: version })
    const { host } = new URL(url)
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('HOST', host)]))
    expect(await ask('POST', '/identity-providers', ENTRY, sent)).toMatchObject(CROSS_SITE)
    expect(await ask('POST', '/identity-providers/fixed/disable', undefined, sent)).toMatchObject(CROSS_SITE)
    expect(await ask('DELETE', '/identity-providers/fixed', undefined, sent)).toMatchObject(CROSS_SITE)
    expect(await store.list()).toEqual([])
  })

  it('cannot write with several origins', async () => {
    const { ask, url } = await start({ express: version })
    const origin = [url, 'https://evil.example']
    expect(await ask('POST', '/identity-providers', ENTRY, { origin })).toMatchObject(CROSS_SITE)
  })

  it.each<[string, string | undefined]>([
    ['plain text', 'text/plain'],
    ['plain text that looks like JSON', 'text/plain; application/json'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form of parts', 'multipart/form-data; boundary=x'],
    ['no type', undefined],
    ['an empty type', ''],
    ['a type that begins alike', 'application/jsonp'],
    ['JSON in another charset', 'application/json; charset=utf-16le'],
    ['JSON in the charset UTF-7', 'application/json; charset="utf-7"'],
    ['two types', 'application/json, text/plain'],
  ])('cannot write with a body of %s', async (_, type) => {
    const { url, store, exchange } = await start({ express: version })
    const lines = type === undefined ? [] : [`Content-Type: ${type}`]
    const paths = ['/identity-providers', '/identity-providers/fixed/disable', '/identity-providers/import', '/explain']
    for (const path of paths) {
      for (const body of [JSON.stringify(ENTRY), '']) {
        const answer = await sendBytes(url, rawRequest(`POST /admin${path}`, lines, body))
        expect([path, answer.status]).toEqual([path, 415])
      }
    }
    expect(await store.list()).toEqual([])
    expect(exchange.stats().identityProviders[0]?.enabled).toBe(true)
  })

  it('cannot have the browser embed or fetch anything', async () => {
    const { ask } = await start({ express: version })
    for (const [site, mode, dest] of [
      ['cross-site', 'no-cors', 'script'],
      ['cross-site', 'cors', 'empty'],
      ['same-site', 'no-cors', 'image'],
      ['cross-site', 'navigate', 'iframe'],
      ['cross-site', 'navigate', 'object'],
      ['cross-site', 'websocket', 'document'],
    ]) {
      const headers = { 'sec-fetch-site': `${site}`, 'sec-fetch-mode': `${mode}`, 'sec-fetch-dest': `${dest}` }
      for (const path of ['/', '/page.js', '/stats', '/identity-providers']) {
        expect(await ask('GET', path, undefined, headers)).toMatchObject(CROSS_SITE)
      }
    }
    expect(await ask('GET', '/stats', undefined, { origin: 'https://evil.example' })).toMatchObject(CROSS_SITE)
  })

  it('may link to the page', async () => {
    const { ask } = await start({ express: version })
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect((await ask('GET', '/stats', undefined, headers)).status).toBe(200)
    expect(await ask('POST', '/identity-providers', ENTRY, headers)).toMatchObject(CROSS_SITE)
  })

  it('is refused an answer to a preflight, so that its browser sends nothing more', async () => {
    const { ask } = await start({ express: version })
    const { status, headers } = await ask('OPTIONS', '/identity-providers', undefined, {
      origin: 'https://evil.example',
      'access-control-request-method': 'PUT',
    })
    expect(status).toBe(403)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('the own page', () => {
  it.each([
    ['http', {}],
    ['https, which a proxy ends', { origin: 'https' }],
  ])('may write over %s', async (_, { origin = 'http' }: { origin?: string }) => {
    const { ask, url } = await start()
    const headers = { origin: url.replace('http', origin), 'sec-fetch-site': 'same-origin' }
    expect((await ask('POST', '/identity-providers', ENTRY, headers)).status).toBe(201)
  })

  it('may not write over http if the server knows that TLS is used', async () => {
    const { ask, url } = await start({ before: (app) => app.set('trust proxy', true) })
    const headers = { 'x-forwarded-proto': 'https', 'sec-fetch-site': 'same-origin' }
    expect(await ask('POST', '/identity-providers', ENTRY, { ...headers, origin: url })).toMatchObject(CROSS_SITE)
    const secure = { ...headers, origin: url.replace('http', 'https') }
    expect((await ask('POST', '/identity-providers', ENTRY, secure)).status).toBe(201)
  })

  it('is compared with the default port left out', async () => {
    const { ask } = await start()
    for (const [host, origin, status] of [
      ['admin.example.com:443', 'https://admin.example.com', 201],
      ['Admin.Example.com', 'https://admin.example.com', 201],
      ['admin.example.com:80', 'https://admin.example.com', 403],
    ] as const) {
      const { id: _, ...entry } = ENTRY
      const name = `https://${host.length}.example`
      expect((await ask('POST', '/identity-providers', { ...entry, name }, { host, origin })).status).toBe(status)
    }
  })
})

describe('a name that another site leads here (DNS rebinding)', () => {
  it.each([
    'evil.example',
    'admin.example.com.evil.example',
    'evil.example#admin.example.com',
    '127.0.0.1',
    '',
    'a@admin.example.com',
    'admin.example.com.',
    'admin.example.com:81',
  ])('is refused if it is "%s", for each path and method', async (host) => {
    const { ask, store } = await start({ admin: { hosts: ['admin.example.com:80', '[::1]'] } })
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/identity-providers'],
      ['POST', '/identity-providers'],
    ] as const) {
      const headers = { host, 'x-forwarded-host': 'admin.example.com:80' }
      const answer = await ask(method, path, method === 'POST' ? ENTRY : undefined, headers)
      expect(answer).toMatchObject({ status: 421, body: { type: 'urn:express-jwt-exchange:problem:misdirected' } })
    }
    expect(await store.list()).toEqual([])
  })

  it('is refused before authorize is asked', async () => {
    let count = 0
    const authorize = () => {
      count += 1
      return true
    }
    const { ask } = await start({ admin: { hosts: ['admin.example.com'], authorize } })
    expect([(await ask('GET', '/stats')).status, count]).toEqual([421, 0])
    expect((await ask('GET', '/stats', undefined, { host: 'ADMIN.example.com:1234' })).status).toBe(200)
    expect(count).toBe(1)
  })

  it('is refused if there are two names', async () => {
    const { url } = await start({ admin: { hosts: ['admin.example.com'] } })
    const lines = ['GET /admin/stats HTTP/1.1', 'Host: admin.example.com', 'Host: evil.example', 'Connection: close']
    const answer = await sendBytes(url, `${lines.join('\r\n')}\r\n\r\n`)
    expect(answer.status).toBe(400)
  })
})

describe('each answer', () => {
  it('forbids to embed, to guess its type, to store it, and to run anything that is not of the page', async () => {
    const { ask } = await start()
    for (const path of ['/', '/page.js', '/stats', '/nothing', '/identity-providers?limit=0']) {
      const { headers } = await ask('GET', path)
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      })
      const policy = String(headers['content-security-policy'])
      expect(policy.split('; ')).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "frame-ancestors 'none'",
          "form-action 'none'",
        ]),
      )
      expect(policy).not.toContain('unsafe')
    }
  })
})
