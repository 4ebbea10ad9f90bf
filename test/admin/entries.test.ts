import { afterEach, describe, expect, it } from '@jest/globals'
import type { IdentityProviderRegistration } from '../../src/index.js'
import {
  type AdminAnswer,
  type AdminHost,
  type AdminHostOptions,
  ENTRY,
  startAdminHost,
} from '../support/admin-host.js'

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost(options)
  hosts.push(host)
  return host
}

const NOT_SHOWN = '[not shown]'
const PATH = '/identity-providers/acme'

/** Has every kind of secret. */
const WITH_SECRETS = {
  ...ENTRY,
  network: 'any',
  headers: { Authorization: 'Bearer a-secret-header', 'X-Api-Key': 'another-secret-header' },
  proxy: 'http://me:a-secret-password@proxy.example.com:3128',
} as const satisfies IdentityProviderRegistration
const SECRETS = ['a-secret-header', 'another-secret-header', 'a-secret-password']

function problemsOf({ body }: AdminAnswer): [code: string, path: string][] {
  return (body.problems ?? []).map(({ code, path }: { code: string; path: string[] }) => [code, path.join('.')])
}

async function startWithSecrets(entry: IdentityProviderRegistration = WITH_SECRETS): Promise<AdminHost> {
  const host = await start({ admin: { allowPrivateNetworks: true } })
  await host.store.put(entry)
  return host
}

describe('an entry that is not valid', () => {
  it('is refused with all of its problems together, each with its path', async () => {
    const { ask, store } = await start()
    const entry = {
      id: 'x',
      name: 'https://x.example',
      jwksUri: 'not a URL',
      scopes: 'orders',
      lifetime: 0,
      algorithms: ['none'],
    }
    const answer = await ask('POST', '/identity-providers', entry)
    expect(answer).toMatchObject({
      status: 422,
      headers: { 'content-type': 'application/problem+json' },
      body: { type: 'urn:express-jwt-exchange:problem:invalid-entry', status: 422 },
    })
    expect(
      problemsOf(answer)
        .map(([, path]) => path)
        .sort(),
    ).toEqual(['algorithms.0', 'jwksUri', 'lifetime', 'scopes'])
    for (const { message } of answer.body.problems) expect(message).toMatch(/\w/)
    expect(await store.list()).toEqual([])
  })

  it('is refused if it names nothing that restricts who is accepted, has no keys, or has unknown options', async () => {
    const { ask } = await start()
    expect(problemsOf(await ask('POST', '/identity-providers', { id: 'x', name: 'https://x.example' }))).toEqual([
      ['missing', ''],
      ['missing', ''],
    ])
    const { body } = await ask('POST', '/identity-providers', { ...ENTRY, alowedSubjects: 'any' })
    expect(body.problems).toMatchObject([
      { code: 'unknown_option', path: ['alowedSubjects'], suggestion: 'allowedSubjects' },
    ])
  })

  it('is refused if the options have an identity provider of its name, or are it', async () => {
    const { ask } = await start()
    const { status, body } = await ask('POST', '/identity-providers', { ...ENTRY, name: 'https://idp.example.com' })
    expect([status, body.problems.length > 0]).toEqual([422, true])
    const own = await ask('POST', '/identity-providers', { ...ENTRY, name: 'https://api.example.com/oauth2' })
    expect(problemsOf(own)).toEqual([['conflict', 'name']])
  })

  it('is refused by PATCH and PUT as by POST, and the stored one stays', async () => {
    const { ask, store } = await start()
    await ask('POST', '/identity-providers', ENTRY)
    const before = await store.get('acme')
    for (const [method, body] of [
      ['PUT', { ...ENTRY, scopes: 5 }],
      ['PATCH', { scopes: 5 }],
      ['PATCH', { allowedSubjects: null, scopes: null }],
      ['PATCH', { name: null }],
    ] as const) {
      expect((await ask(method, PATH, body, { 'if-match': '"r1"' })).status).toBe(422)
    }
    expect(await store.get('acme')).toEqual(before)
  })

  it.each(['.', '..', '', ' a', 'a\u200bb', 'x'.repeat(201), 5, null, ['a'], {}])(
    'is refused if its id is %j',
    async (id) => {
      const { ask } = await start()
      const answer = await ask('POST', '/identity-providers', { ...ENTRY, id })
      expect([answer.status, problemsOf(answer).every(([, path]) => path === 'id' || path === '')]).toEqual([422, true])
    },
  )

  it('is refused if it has a display name or a description that is too long or no text', async () => {
    const { ask } = await start()
    for (const [member, value] of [
      ['displayName', 'x'.repeat(201)],
      ['displayName', 5],
      ['description', 'x'.repeat(2001)],
      ['description', ['a']],
    ] as const) {
      const answer = await ask('POST', '/identity-providers', { ...ENTRY, [member]: value })
      expect([answer.status, problemsOf(answer).map(([, path]) => path)]).toEqual([422, [member]])
    }
  })
})

describe('an entry that comes by the API', () => {
  it('may only be fetched from the public internet, unless it says otherwise and the admin allows that', async () => {
    const { ask, store } = await start()
    const { body } = await ask('POST', '/identity-providers', { ...ENTRY, id: 'a' })
    expect(body.registration.network).toBe('public')
    expect((await store.get('a'))?.network).toBe('public')
    const { jwksUri: _, ...discovered } = { ...ENTRY, id: 'b', name: 'https://b.example', discovery: true }
    expect((await ask('POST', '/identity-providers', discovered)).body.registration.network).toBe('public')
    const refused = await ask('POST', '/identity-providers', {
      ...ENTRY,
      id: 'c',
      name: 'https://c.example',
      network: 'any',
    })
    expect([refused.status, problemsOf(refused)]).toEqual([422, [['invalid', 'network']]])
    const other = await start({ admin: { allowPrivateNetworks: true } })
    const accepted = await other.ask('POST', '/identity-providers', { ...ENTRY, network: 'any' })
    expect([accepted.status, accepted.body.registration.network]).toEqual([201, 'any'])
  })

  it('has no network if it has no endpoint', async () => {
    const { ask } = await start()
    const { publicKey } = (await import('node:crypto')).generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { jwksUri: _, ...entry } = { ...ENTRY, jwks: { keys: [publicKey.export({ format: 'jwk' })] } }
    const { status, body } = await ask('POST', '/identity-providers', entry)
    expect([status, body.registration.network]).toEqual([201, undefined])
  })

  it.each<[string, unknown]>([
    ['bearerTokenFile', '/etc/passwd'],
    ['bearerTokenFile', ''],
    ['bearerTokenFile', 5],
    ['allowInsecureHttp', true],
    ['agent', {}],
    ['lookup', 'dns'],
    ['check', '() => true'],
    ['proxy', 'http://proxy.example.com:3128'],
    ['network', 'any'],
    ['tenants', ['a', 'b']],
    ['tenants', 'any'],
  ])('cannot have %s: %j', async (option, value) => {
    const { ask, store } = await start()
    const answer = await ask('POST', '/identity-providers', { ...ENTRY, [option]: value })
    const paths = problemsOf(answer).map(([, path]) => path)
    expect([answer.status, paths]).toEqual([422, [option === 'proxy' ? 'network' : option]])
    expect(answer.text).not.toContain('/etc/passwd')
    expect(await store.list()).toEqual([])
    await store.put(ENTRY)
    for (const method of ['PUT', 'PATCH']) {
      const sent = { ...ENTRY, [option]: value }
      expect((await ask(method, PATH, sent, { 'if-match': '*' })).status).toBe(422)
    }
    expect((await ask('POST', '/identity-providers/test', { entry: { ...ENTRY, [option]: value } })).status).toBe(422)
  })

  it.each([
    'http://login.acme.example/keys',
    'https://127.0.0.1/keys',
    'https://[::1]/keys',
    'https://localhost/keys',
    'https://10.0.0.1/keys',
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:10.0.0.1]/keys',
    'https://2130706433/keys',
    'file:///etc/passwd',
    'https://user:password@login.acme.example/keys',
  ])('cannot have its keys at %s', async (jwksUri) => {
    const { ask } = await start()
    const answer = await ask('POST', '/identity-providers', { ...ENTRY, jwksUri })
    expect([answer.status, problemsOf(answer).map(([, path]) => path)]).toEqual([422, ['jwksUri']])
    expect(answer.text).not.toContain('password@')
  })

  it('may keep what another program has stored, but not bring it', async () => {
    const { ask, store } = await start()
    await store.put({ ...ENTRY, network: 'any', bearerTokenFile: '/run/token' })
    const shown = (await ask('GET', PATH)).body.registration
    expect(shown).toMatchObject({ network: 'any', bearerTokenFile: NOT_SHOWN })
    const renamed = { ...shown, displayName: 'Acme' }
    expect((await ask('PUT', PATH, renamed, { 'if-match': '*' })).status).toBe(200)
    expect(await store.get('acme')).toMatchObject({
      network: 'any',
      bearerTokenFile: '/run/token',
      displayName: 'Acme',
    })
    const other = { ...shown, bearerTokenFile: '/run/other' }
    expect(problemsOf(await ask('PUT', PATH, other, { 'if-match': '*' }))).toEqual([['invalid', 'bearerTokenFile']])
    const moved = { ...shown, jwksUri: 'https://evil.example/keys' }
    expect(problemsOf(await ask('PUT', PATH, moved, { 'if-match': '*' }))).toEqual([
      ['invalid', 'bearerTokenFile'],
      ['invalid', 'network'],
    ])
  })
})

describe('what another program has stored', () => {
  it('does not let an edit or a test reach another address of the own network', async () => {
    const { ask, store } = await start()
    await store.put({ ...ENTRY, network: 'any', allowInsecureHttp: true })
    const before = await store.get('acme')
    const shown = (await ask('GET', PATH)).body.registration
    for (const changes of [
      { jwksUri: 'http://127.0.0.1:6379/' },
      { jwksUri: 'https://10.0.0.1/keys' },
      { proxy: 'http://10.0.0.1:3128' },
      { name: 'https://other.example' },
    ]) {
      const edited = { ...shown, ...changes }
      for (const answer of [
        await ask('PUT', PATH, edited, { 'if-match': '*' }),
        await ask('PATCH', PATH, changes, { 'if-match': '*' }),
        await ask('POST', '/identity-providers/test', { entry: edited }),
      ]) {
        expect(answer.status).toBe(422)
        expect(problemsOf(answer)).toEqual(
          expect.arrayContaining([
            ['invalid', 'allowInsecureHttp'],
            ['invalid', 'network'],
          ]),
        )
      }
    }
    expect(await store.get('acme')).toEqual(before)
    expect((await ask('PATCH', PATH, { displayName: 'Acme' }, { 'if-match': '*' })).status).toBe(200)
  })
})

describe('a secret of an entry', () => {
  it('is in no answer, no event and no statistics', async () => {
    const { ask, exchange, store } = await start({ admin: { allowPrivateNetworks: true } })
    const texts: string[] = []
    const note = async (asking: Promise<AdminAnswer>) => {
      const answer = await asking
      texts.push(answer.text, JSON.stringify(answer.headers))
      return answer
    }
    expect((await note(ask('POST', '/identity-providers', WITH_SECRETS))).status).toBe(201)
    await note(ask('GET', PATH))
    await note(ask('GET', '/identity-providers'))
    await note(ask('PUT', PATH, WITH_SECRETS, { 'if-match': '"r1"' }))
    await note(ask('PATCH', PATH, { scopes: ['a'] }, { 'if-match': '"r2"' }))
    await note(ask('POST', '/identity-providers', { ...WITH_SECRETS, scopes: 5 }))
    await note(ask('POST', '/identity-providers', WITH_SECRETS))
    await note(ask('POST', '/identity-providers/check', { entry: { ...WITH_SECRETS, headers: { 'a b': SECRETS[0] } } }))
    await note(ask('POST', `${PATH}/test`))
    await note(ask('GET', `${PATH}/keys`))
    await note(ask('POST', `${PATH}/refresh-keys`))
    await note(ask('POST', `${PATH}/disable`))
    await note(ask('POST', `${PATH}/enable`))
    await note(ask('GET', '/events'))
    await note(ask('GET', '/stats'))
    texts.push(JSON.stringify(exchange.stats()))
    for (const secret of SECRETS) expect(texts.filter((text) => text.includes(secret))).toEqual([])
    expect(texts.some((text) => text.includes(NOT_SHOWN))).toBe(true)
    expect(await store.get('acme')).toMatchObject({ headers: WITH_SECRETS.headers, proxy: WITH_SECRETS.proxy })
  })

  it('is shown as a fixed text, with the names of headers and the host of the proxy', async () => {
    const { ask } = await startWithSecrets()
    expect((await ask('GET', PATH)).body.registration).toMatchObject({
      headers: { Authorization: NOT_SHOWN, 'X-Api-Key': NOT_SHOWN },
      proxy: `http://${NOT_SHOWN}@proxy.example.com:3128`,
    })
  })

  it('stays if the fixed text is sent back, by PUT and by PATCH', async () => {
    const { ask, store } = await startWithSecrets()
    const shown = (await ask('GET', PATH)).body.registration
    const replaced = await ask('PUT', PATH, { ...shown, displayName: 'Acme' }, { 'if-match': '*' })
    expect(replaced).toMatchObject({ status: 200, body: { registration: { ...shown, displayName: 'Acme' } } })
    expect((await ask('PATCH', PATH, { scopes: ['a'] }, { 'if-match': '*' })).status).toBe(200)
    const { headers, proxy } = WITH_SECRETS
    expect(await store.get('acme')).toMatchObject({ headers, proxy, displayName: 'Acme', scopes: ['a'] })
  })

  it('can be replaced, removed, and added, one header at a time', async () => {
    const { ask, store } = await startWithSecrets()
    const headers = { 'X-Api-Key': 'new', 'X-Other': 'added', Authorization: null }
    expect((await ask('PATCH', PATH, { headers }, { 'if-match': '*' })).status).toBe(200)
    expect((await store.get('acme'))?.headers).toEqual({ 'X-Api-Key': 'new', 'X-Other': 'added' })
  })

  it.each<[string, Partial<Record<keyof IdentityProviderRegistration, unknown>>]>([
    ['another address of the keys', { jwksUri: 'https://evil.example/keys' }],
    ['another name', { name: 'https://evil.example' }],
    ['discovery instead', { jwksUri: null, discovery: 'https://evil.example/.well-known/openid-configuration' }],
    ['another proxy', { proxy: 'http://evil.example:3128' }],
    ['another proxy with the same credentials', { proxy: `http://${NOT_SHOWN}@evil.example:3128` }],
    ['no proxy', { proxy: null }],
    ['a proxy whose user info is another host', { proxy: 'http://evil.example?@proxy.example.com:3128' }],
    ['a proxy whose path is the old one', { proxy: `http://evil.example/${NOT_SHOWN}@proxy.example.com:3128` }],
    ['other authorities', { ca: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' }],
  ])('is not sent to %s, by an edit or by a test', async (_, changes) => {
    const { ask, store } = await startWithSecrets()
    const before = await store.get('acme')
    const shown = (await ask('GET', PATH)).body.registration
    const edited = Object.fromEntries(Object.entries({ ...shown, ...changes }).filter(([, value]) => value !== null))
    for (const answer of [
      await ask('PUT', PATH, edited, { 'if-match': '*' }),
      await ask('PATCH', PATH, changes, { 'if-match': '*' }),
      await ask('POST', '/identity-providers/test', { entry: edited }),
    ]) {
      expect(answer.status).toBe(422)
      expect(problemsOf(answer)).toEqual(expect.arrayContaining([['invalid', 'headers.Authorization']]))
    }
    expect(await store.get('acme')).toEqual(before)
  })

  it('is not made of the fixed text if there is nothing to keep', async () => {
    const { ask, store } = await start({ admin: { allowPrivateNetworks: true } })
    const created = await ask('POST', '/identity-providers', { ...ENTRY, headers: { 'X-Api-Key': NOT_SHOWN } })
    expect(problemsOf(created)).toEqual([['invalid', 'headers.X-Api-Key']])
    await store.put(ENTRY)
    const patch = { headers: { 'X-Api-Key': NOT_SHOWN, constructor2: NOT_SHOWN } }
    const patched = await ask('PATCH', PATH, patch, { 'if-match': '*' })
    expect(problemsOf(patched)).toEqual([
      ['invalid', 'headers.X-Api-Key'],
      ['invalid', 'headers.constructor2'],
    ])
  })

  it('is not shown even if another program has stored it where it does not belong', async () => {
    const { ask, store } = await start()
    const pem = '-----BEGIN PRIVATE KEY-----\nthe-private-key\n-----END PRIVATE KEY-----'
    const jwk = { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'the-private-key' }
    await store.put({
      ...ENTRY,
      certificates: [pem],
      ca: pem,
      jwks: { keys: [jwk] },
      headers: ['the-private-key'],
    } as never)
    for (const path of [PATH, '/identity-providers']) {
      const { status, text } = await ask('GET', path)
      expect([status, text.includes('the-private-key')]).toEqual([200, false])
    }
  })
})

describe('HTML and script in every field', () => {
  it('come back as JSON only, and as nothing else', async () => {
    const { ask } = await start()
    const script = '<img src=x onerror=alert(1)>"><script>alert(1)</script>'
    const entry = {
      ...ENTRY,
      id: script,
      displayName: script,
      description: script,
      alias: script,
      audiences: [script],
      allowedSubjects: [script],
      requiredClaims: { email: script },
    }
    const created = await ask('POST', '/identity-providers', entry)
    expect(created.status).toBe(201)
    const path = `/identity-providers/${encodeURIComponent(script)}`
    const answers = [
      created,
      await ask('GET', path),
      await ask('GET', '/identity-providers'),
      await ask('GET', `/identity-providers?search=${encodeURIComponent(script)}`),
      await ask('GET', '/events'),
      await ask('GET', `/identity-providers/${encodeURIComponent(`${script}2`)}`),
      await ask('POST', '/identity-providers', { ...entry, [script]: script, scopes: [script], jwksUri: script }),
      await ask('GET', `/${encodeURIComponent(script)}`),
      await ask('POST', '/explain', { assertion: script, clientId: script }),
    ]
    for (const { headers } of answers) {
      expect(headers['content-type']).toMatch(/^application\/(problem\+)?json$/)
      expect(headers['x-content-type-options']).toBe('nosniff')
    }
    const [, , , , , missing, , nothing] = answers
    for (const answer of [missing, nothing]) expect(answer?.text).not.toContain('<')
  })
})
