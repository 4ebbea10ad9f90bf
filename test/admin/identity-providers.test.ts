import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { generateSigningKey } from '../../src/index.js'
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

async function startWithEntry(options: AdminHostOptions = {}): Promise<AdminHost & { tag: string }> {
  const host = await start(options)
  const { headers } = await host.ask('POST', '/identity-providers', ENTRY)
  return { ...host, tag: String(headers.etag) }
}

describe.each([4, 5] as const)('the identity providers of the admin API, on Express %s', (version) => {
  it('are created, read, replaced, patched and deleted', async () => {
    const { ask } = await start({ express: version })
    const created = await ask('POST', '/identity-providers', ENTRY)
    expect(created).toMatchObject({
      status: 201,
      headers: { location: './identity-providers/acme', etag: '"r1"', 'content-type': 'application/json' },
      body: { id: 'acme', source: 'store', enabled: true, name: ENTRY.name, displayName: 'Acme Inc.', revision: 'r1' },
    })
    expect(created.body.registration).toEqual({ ...ENTRY, network: 'public' })
    const path = '/identity-providers/acme'
    expect((await ask('GET', path)).body).toEqual(created.body)
    const replacement = { ...created.body.registration, scopes: ['orders:write'] }
    const replaced = await ask('PUT', path, replacement, { 'if-match': '"r1"' })
    expect(replaced).toMatchObject({ status: 200, headers: { etag: '"r2"' }, body: { registration: replacement } })
    const patch = { displayName: null, scopes: ['a', 'b'] }
    const patched = await ask('PATCH', path, patch, { 'if-match': '"r2"' })
    const { displayName: _, ...others } = replacement
    expect(patched).toMatchObject({ status: 200, headers: { etag: '"r3"' } })
    expect(patched.body.registration).toEqual({ ...others, scopes: ['a', 'b'] })
    expect(await ask('DELETE', path, undefined, { 'if-match': '"r3"' })).toMatchObject({ status: 204, text: '' })
    expect(await ask('GET', path)).toMatchObject({ status: 404 })
  })

  it('are listed page by page, those of the options on the first page only', async () => {
    const { ask } = await start({ express: version })
    for (const id of ['b', 'c', 'a'])
      await ask('POST', '/identity-providers', { ...ENTRY, id, name: `https://${id}.example` })
    const idsOf = ({ body }: { body: { identityProviders: { id: string }[] } }) =>
      body.identityProviders.map(({ id }) => id)
    const first = await ask('GET', '/identity-providers?limit=2')
    expect([idsOf(first), first.body.next]).toEqual([['fixed', 'a', 'b'], 'b'])
    const second = await ask('GET', '/identity-providers?limit=2&after=b')
    expect([idsOf(second), second.body.next]).toEqual([['c'], null])
    expect(idsOf(await ask('GET', '/identity-providers?search=C.EXAMPLE'))).toEqual(['c'])
    expect(idsOf(await ask('GET', '/identity-providers?enabled=false'))).toEqual([])
  })

  it('work at any mount path, also at the root', async () => {
    for (const mountPath of ['/', '/a/very%20deep/path']) {
      const { ask } = await start({ express: version, mountPath })
      expect(await ask('POST', '/identity-providers', ENTRY)).toMatchObject({ status: 201 })
      expect(await ask('GET', '/identity-providers/acme')).toMatchObject({ status: 200, body: { id: 'acme' } })
    }
  })
})

describe('a write of an identity provider', () => {
  it('is refused without If-Match', async () => {
    const { ask } = await startWithEntry()
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      expect(await ask(method, '/identity-providers/acme', method === 'DELETE' ? undefined : ENTRY)).toMatchObject({
        status: 428,
        headers: { 'content-type': 'application/problem+json' },
        body: { type: 'urn:express-jwt-exchange:problem:precondition-required', status: 428 },
      })
    }
  })

  it('is refused with the tag of another revision, a weak tag, or none that is well-formed', async () => {
    const { ask, store } = await startWithEntry()
    const before = await store.get('acme')
    for (const tag of ['"r2"', 'W/"r1"', 'r1', '"r1', '""', '"*"', '"r2", "r3"']) {
      for (const method of ['PUT', 'PATCH', 'DELETE']) {
        const { status, body } = await ask(
          method,
          '/identity-providers/acme',
          method === 'DELETE' ? undefined : ENTRY,
          {
            'if-match': tag,
          },
        )
        expect([tag, method, status, body.type]).toEqual([
          tag,
          method,
          412,
          'urn:express-jwt-exchange:problem:revision-conflict',
        ])
      }
    }
    expect(await store.get('acme')).toEqual(before)
  })

  it('is accepted with one of several tags, and with a star', async () => {
    const { ask } = await startWithEntry()
    const path = '/identity-providers/acme'
    expect(await ask('PATCH', path, { scopes: ['a'] }, { 'if-match': '"x", "r1"' })).toMatchObject({ status: 200 })
    expect(await ask('PATCH', path, { scopes: ['b'] }, { 'if-match': '*' })).toMatchObject({ status: 200 })
  })

  it('wins alone if many have seen the same revision, and read it before the first of them writes', async () => {
    const { ask, tag, store } = await startWithEntry()
    const get = store.get.bind(store)
    let readers = 0
    store.get = async (id) => {
      const found = await get(id)
      readers += 1
      while (readers < 50) await pause(5)
      return found
    }
    const path = '/identity-providers/acme'
    const ifMatch = { 'if-match': tag }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        if (index % 5 === 0) return ask('DELETE', path, undefined, ifMatch)
        if (index % 5 === 1) return ask('PATCH', path, { description: `writer ${index}` }, ifMatch)
        return ask('PUT', path, { ...ENTRY, description: `writer ${index}` }, ifMatch)
      }),
    )
    const winners = answers.filter(({ status }) => status === 200 || status === 204)
    expect(winners).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49)
    expect((await get('acme'))?.description).toBe(winners[0]?.body?.registration.description)
  })

  it('of an id that is in use already is refused, in the store as in the options', async () => {
    const { ask, store } = await startWithEntry()
    for (const id of ['acme', 'fixed']) {
      expect(await ask('POST', '/identity-providers', { ...ENTRY, id, name: 'https://other.example' })).toMatchObject({
        status: 409,
        body: { type: 'urn:express-jwt-exchange:problem:already-exists' },
      })
    }
    expect((await store.get('acme'))?.name).toBe(ENTRY.name)
  })

  it('of an identity provider of the options is refused, and says where to change it', async () => {
    const { ask } = await start()
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      expect(
        await ask(method, '/identity-providers/fixed', method === 'DELETE' ? undefined : {}, { 'if-match': '*' }),
      ).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
        body: { type: 'urn:express-jwt-exchange:problem:read-only' },
      })
    }
  })

  it('is refused without a store, and reading is not', async () => {
    const { ask } = await start({ admin: { store: undefined } })
    expect(await ask('POST', '/identity-providers', ENTRY)).toMatchObject({ status: 405 })
    expect(await ask('GET', '/identity-providers')).toMatchObject({
      status: 200,
      body: { identityProviders: [{ id: 'fixed', source: 'options', registration: null, enabled: true }], next: null },
    })
    expect(await ask('GET', '/identity-providers/fixed')).toMatchObject({ status: 200, body: { id: 'fixed' } })
  })

  it('cannot change the id', async () => {
    const { ask, tag } = await startWithEntry()
    for (const method of ['PUT', 'PATCH']) {
      expect(
        await ask(method, '/identity-providers/acme', { ...ENTRY, id: 'other' }, { 'if-match': tag }),
      ).toMatchObject({ status: 422, body: { problems: [{ code: 'fixed', path: ['id'] }] } })
    }
  })

  it('keeps what only the store and a refresh of the keys may set', async () => {
    const { ask, store } = await start()
    await store.put({ ...ENTRY, keysRefreshedAt: 1700000000 } as never)
    const sent = { ...ENTRY, keysRefreshedAt: 9e15, revision: 'mine', updatedAt: 1 }
    const { body } = await ask('PUT', '/identity-providers/acme', sent, { 'if-match': '"r1"' })
    expect(body.revision).toBe('r2')
    expect(await store.get('acme')).toMatchObject({ keysRefreshedAt: 1700000000, revision: 'r2' })
  })

  it('emits who did what', async () => {
    const { ask, exchange } = await start()
    const heard: unknown[] = []
    exchange.events.on('identity_provider.saved', (event) => heard.push(event))
    exchange.events.on('identity_provider.deleted', (event) => heard.push(event))
    await ask('POST', '/identity-providers', ENTRY)
    await ask('PUT', '/identity-providers/acme', ENTRY, { 'if-match': '"r1"' })
    await ask('PATCH', '/identity-providers/acme', {}, { 'if-match': '"r2"' })
    await ask('DELETE', '/identity-providers/acme', undefined, { 'if-match': '"r3"' })
    const identityProvider = 'acme'
    expect(heard).toEqual([
      { identityProvider, action: 'created', revision: 'r1', by: 'alice' },
      { identityProvider, action: 'replaced', revision: 'r2', by: 'alice' },
      { identityProvider, action: 'patched', revision: 'r3', by: 'alice' },
      { identityProvider, by: 'alice' },
    ])
  })
})

describe('the identity providers of the options', () => {
  it('are those that are in force', async () => {
    const { ask, exchange, store } = await start()
    const idsOf = async () =>
      (await ask('GET', '/identity-providers')).body.identityProviders.map(({ id }: { id: string }) => id)
    expect(await idsOf()).toEqual(['fixed'])
    const signingKeys = [generateSigningKey('ES256')]
    exchange.reconfigure({
      issuer: 'https://api.example.com/oauth2',
      subject: 'namespaced',
      identityProviderStore: store,
      identityProviders: [
        { id: 'new', name: 'https://new.example', jwksUri: 'https://new.example/keys', allowedSubjects: 'any' },
        { name: 'https://other.example', jwksUri: 'https://other.example/keys', allowedSubjects: 'any' },
      ],
      clients: [{ clientId: 'app', clientSecret: 'a secret of the tests' }],
      accessToken: { audience: 'https://api.example.com', signingKeys },
    })
    expect(await idsOf()).toEqual(['new', 'https://other.example'])
    expect((await ask('GET', '/identity-providers/fixed')).status).toBe(404)
    const other = await ask('GET', `/identity-providers/${encodeURIComponent('https://other.example')}`)
    expect(other).toMatchObject({ status: 200, body: { id: 'https://other.example', source: 'options' } })
    expect(exchange.identityProviderStats('fixed')).toBeUndefined()
    expect(exchange.identityProviderStats('new')).toEqual(exchange.stats().identityProviders[0])
  })
})

describe('a new identity provider without an id', () => {
  it.each([
    ['its display name', { displayName: 'Ácme & Söhne, Inc.' }, /^acme-sohne-inc-[\da-f]{10}$/],
    ['its name', {}, /^login-acme-example-[\da-f]{10}$/],
    ['neither, if these have no letters', { displayName: '日本' }, /^identity-provider-[\da-f]{10}$/],
  ])('gets one from %s', async (_, members, pattern) => {
    const { ask } = await start()
    const { id: __, displayName: ___, ...entry } = ENTRY
    const { status, body } = await ask('POST', '/identity-providers', { ...entry, ...members })
    expect(status).toBe(201)
    expect(body.id).toMatch(pattern)
    expect(await ask('GET', `/identity-providers/${body.id}`)).toMatchObject({ status: 200 })
  })
})

describe('an identity provider', () => {
  it('is not sent again to who has its revision', async () => {
    const { ask } = await startWithEntry()
    const path = '/identity-providers/acme'
    for (const tag of ['"r1"', 'W/"r1"', '"x", "r1"']) {
      const answer = await ask('GET', path, undefined, { 'if-none-match': tag })
      expect(answer).toMatchObject({ status: 304, headers: { etag: '"r1"' }, text: '' })
    }
    expect(await ask('GET', path, undefined, { 'if-none-match': '"r2"' })).toMatchObject({ status: 200 })
  })

  it('answers HEAD as GET, without the body', async () => {
    const { ask } = await startWithEntry()
    const { headers, text } = await ask('GET', '/identity-providers/acme')
    const head = await ask('HEAD', '/identity-providers/acme')
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(text)))
    expect(head.headers.etag).toBe(headers.etag)
  })

  it('has a tag that is a header, even if the revision of its store is not', async () => {
    const { ask, store } = await start()
    const get = store.get.bind(store)
    store.get = async (id) => {
      const found = await get(id)
      return found && { ...found, revision: 'é"\r\nSet-Cookie: a=b' }
    }
    await ask('POST', '/identity-providers', ENTRY)
    const { status, headers } = await ask('GET', '/identity-providers/acme')
    expect([status, headers.etag, headers['set-cookie']]).toEqual([
      200,
      '"%C3%A9%22%0D%0ASet-Cookie%3A%20a%3Db"',
      undefined,
    ])
    const again = await ask('GET', '/identity-providers/acme', undefined, { 'if-none-match': String(headers.etag) })
    expect(again.status).toBe(304)
  })

  it.each([
    ['a path', '..%2f..%2fetc%2fpasswd'],
    ['two dots', '%2e%2e'],
    ['two dots that are not encoded', '..'],
    ['a null character', 'a%00b'],
    ['a lone percent sign', '%'],
    ['bytes that are not UTF-8', '%ff'],
    ['a line break', 'a%0d%0aSet-Cookie:%20a=b'],
    ['8000 characters', 'x'.repeat(8000)],
    ['the name of a prototype', '__proto__'],
  ])('is not found by an id that is or has %s', async (_, id) => {
    const { url, store } = await startWithEntry()
    const asked: string[] = []
    const get = store.get.bind(store)
    store.get = async (wanted) => {
      asked.push(wanted)
      return get(wanted)
    }
    // As bytes: clients of Node remove dots from a path.
    const answer = await sendBytes(url, rawRequest(`GET /admin/identity-providers/${id}`, []))
    expect([answer.status, JSON.parse(answer.text).status]).toEqual([404, 404])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.text).not.toContain(id)
    expect(asked.filter((wanted) => wanted.length > 200 || /[^\x20-\x7E]/.test(wanted))).toEqual([])
  })

  it('may have an id with slashes, quotes and letters of any language', async () => {
    const { ask } = await start()
    for (const id of [
      'https://a.example/b?c#d',
      'a"b\'c',
      'ünïcode 日本',
      '<script>alert(1)</script>',
      'test',
      'import',
    ]) {
      const created = await ask('POST', '/identity-providers', { ...ENTRY, id })
      expect(created).toMatchObject({ status: 201, body: { id } })
      const location = String(created.headers.location)
      expect(location).toBe(`./identity-providers/${encodeURIComponent(id)}`)
      expect(await ask('GET', location.slice(1))).toMatchObject({ status: 200, body: { id } })
      await ask('DELETE', location.slice(1), undefined, { 'if-match': '*' })
    }
  })

  it.each([
    'after=',
    'after=%00',
    'limit=0',
    'limit=1001',
    'limit=1e3',
    'limit=1&limit=2',
    'enabled=yes',
    'serch=a',
    '__proto__=a',
  ])('cannot be listed with the query %s', async (query) => {
    const { ask } = await start()
    expect(await ask('GET', `/identity-providers?${query}`)).toMatchObject({
      status: 400,
      body: { type: 'urn:express-jwt-exchange:problem:malformed-request' },
    })
  })
})

describe('the admin API', () => {
  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/identity-providers/', 404],
    ['GET', '//identity-providers', 404],
    ['GET', '/identity-providers/a/b', 404],
    ['PUT', '/identity-providers', 405],
    ['OPTIONS', '/identity-providers', 405],
    ['DELETE', '/stats', 405],
  ])('answers %s %s with %s', async (method, path, status) => {
    const { ask } = await start()
    expect(await ask(method, path)).toMatchObject({
      status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
      body: { status },
    })
  })

  it('says which methods a path has', async () => {
    const { ask } = await start()
    expect((await ask('PUT', '/identity-providers')).headers.allow).toBe('GET, HEAD, POST')
    expect((await ask('POST', '/identity-providers/acme')).headers.allow).toBe('GET, HEAD, PUT, PATCH, DELETE')
  })
})
