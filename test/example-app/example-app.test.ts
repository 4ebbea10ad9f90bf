import { execFile, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import request from 'supertest'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import {
  APP_CLIENT,
  APP_MAIN,
  APP_TOKEN_ENDPOINT,
  type AppConfig,
  type AppProcess,
  startApp,
  writeAppConfig,
} from '../support/app-process.js'
import { codeBlocks } from '../support/document-code.js'
import { ExchangeLoad, timeUntilAccepted } from '../support/exchange-load.js'
import { type RedisServer, startRedisServer } from '../support/redis-server.js'
import { describeWithRedisServer } from '../support/services.js'

/** Up to five processes start for one test. */
jest.setTimeout(60_000)

const started: AppProcess[] = []
const configs: AppConfig[] = []
afterEach(async () => {
  for (const each of started.splice(0)) await each.end()
  for (const config of configs.splice(0)) config.remove()
})

async function start(until: string, env: Readonly<Record<string, string>>): Promise<AppProcess> {
  const app = await startApp(until, env)
  started.push(app)
  return app
}

const shared = new Map<string, Promise<AppProcess>>()
afterAll(async () => {
  for (const app of shared.values()) await (await app).end()
})

/** One app that tells the story for all tests that leave it as it is. */
function share(env: Readonly<Record<string, string>>): Promise<AppProcess> {
  const key = JSON.stringify(env)
  const app = shared.get(key) ?? startApp('Stop with Ctrl-C', env)
  shared.set(key, app)
  return app
}

function writeConfig(...given: Parameters<typeof writeAppConfig>): string {
  const config = writeAppConfig(...given)
  configs.push(config)
  return config.path
}

/** What the app prints to stderr as it ends. */
async function failureOf(env: Readonly<Record<string, string>>): Promise<string> {
  const failed = promisify(execFile)(process.execPath, [APP_MAIN], {
    env: { ...process.env, PORT: '0', NODE_OPTIONS: '', ...env },
  })
  await expect(failed).rejects.toMatchObject({ code: 1 })
  return failed.catch(({ stderr }) => stderr)
}

describe('npm start without configuration', () => {
  it('tells the story, in which every answer is the expected one, and keeps running', async () => {
    const output = (await share({})).output()
    expect(output.match(/✓ got {4}\d+/g)).toEqual([
      ...['✓ got    200', '✓ got    200', '✓ got    200', '✓ got    200'],
      ...['✓ got    400', '✓ got    400'],
    ])
    expect(output).not.toContain('✗')
  })

  it('prints a curl command that works as it is pasted', async () => {
    const output = (await share({})).output()
    for (const command of output.match(/curl -i .*/g) ?? []) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command])
      expect(stdout).toMatch(/^HTTP\/1.1 200 OK.*"access_token":"ey/s)
    }
    expect(output.match(/curl -i/g)).toHaveLength(2)
  })
})

describe('the commands of its page that change the identity provider', () => {
  const page = readFileSync('docs/example-app.md', 'utf8')
  const [commands = ''] = codeBlocks('docs/example-app.md', 'sh')

  it('roll its key over, take it down, tell how it is, and bring it back', async () => {
    const output = (await share({})).output()
    const [app = '', idpUrl = ''] = [/Host app +(\S+)/, /Identity provider +(\S+)/].map((url) => url.exec(output)?.[1])
    const run = async (line: string) => {
      const command = line.replace('http://127.0.0.1:3001', idpUrl).replace('http://localhost:3000', app)
      return (await promisify(execFile)('bash', ['-c', `curl() { command curl -sf "$@"; }; ${command}`])).stdout
    }
    const issue = async () => (await request(idpUrl).get('/assertion')).text
    const exchange = async (assertion: string) => {
      const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
      const form = { grant_type: grantType, assertion }
      return (await request(app).post('/oauth2/token').auth('app', 'app-secret-of-the-story').type('form').send(form))
        .status
    }
    const [rotate = '', down = '', health = '', off = ''] = commands.trimEnd().split('\n')
    const kid = JSON.parse(await run(rotate)).kid
    expect(await exchange(await issue())).toBe(200)
    for (const fault of ['down', 'slow', 'oversize', 'garbage']) {
      expect(page).toMatch(new RegExp(`(/|\`)${fault}\\b`))
      await run(down.replace('fault/down', `fault/${fault}`))
      await run(rotate)
      expect(await exchange(await issue())).toBe(503)
    }
    expect(JSON.parse(await run(health))).toEqual({ status: 'ok' })
    expect(kid).toEqual(expect.any(String))
    await run(off)
    const assertion = await issue()
    let status = 503
    for (let tries = 0; status === 503 && tries < 200; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      status = await exchange(assertion)
    }
    expect(status).toBe(200)
  })
})

describe('npm start with CONFIG', () => {
  let idp: FakeIdentityProvider
  beforeAll(async () => {
    idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
  })
  afterAll(() => idp.close())

  it('serves the host app alone on that file, after two lines', async () => {
    const { url, output, end } = await start('\n', { CONFIG: writeConfig(idp), APP_SECRET: APP_CLIENT.clientSecret })
    const exchange = (assertion: string) =>
      request(url)
        .post('/oauth2/token')
        .auth(APP_CLIENT.clientId, APP_CLIENT.clientSecret)
        .type('form')
        .send({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    const { body } = await exchange(await idp.issueAssertion())
    const get = (path: string, token: string) => request(url).get(path).auth(token, { type: 'bearer' })
    expect((await get('/me', body.access_token)).body.sub).toBe('alice')
    expect((await get('/orders', body.access_token)).body.for).toBe('alice')
    expect((await get('/whoami', await idp.issueAssertion())).body.sub).toBe('alice')
    expect((await request(url).get('/oauth2/jwks')).body.keys).toHaveLength(1)
    const metadata = await request(url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(metadata.body.token_endpoint).toBe(APP_TOKEN_ENDPOINT)
    expect((await request(url).get('/health')).body).toEqual({ status: 'ok' })
    expect(await end('SIGTERM')).toBe(0)
    const [listening, admin, ...decisions] = output().trimEnd().split('\n')
    expect([listening, admin]).toEqual([
      expect.stringMatching(/^Listening on http/),
      expect.stringMatching(/^Admin page, once: http/),
    ])
    expect(decisions.map((line) => line.split(' ')[1])).toEqual(['token.issued', ...Array(3).fill('access.granted')])
  })

  it('prints each decision in one line, without a token or a secret', async () => {
    const { url, output } = await start('\n', { CONFIG: writeConfig(idp), APP_SECRET: APP_CLIENT.clientSecret })
    const post = (form: object) =>
      request(url).post('/oauth2/token').auth(APP_CLIENT.clientId, APP_CLIENT.clientSecret).type('form').send(form)
    const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    const assertion = await idp.issueAssertion()
    for (let times = 0; times < 2; times += 1) await post({ grant_type: grantType, assertion })
    await post({ grant_type: grantType, assertion: await idp.issueAssertion({ sub: 'eve\nfake line' }) })
    await request(url).get('/orders')
    while (!output().includes('access.denied')) await pause(50)
    const lines = output().trimEnd().split('\n').slice(2)
    const time = '^20[\\d-]+T[\\d:.]+Z'
    expect(lines).toEqual([
      expect.stringMatching(`${time} token.issued subject=alice scopes=openid,orders:read clientId=app `),
      expect.stringMatching(`${time} token.rejected reason=replayed `),
      expect.stringMatching(`${time} token.rejected reason=`),
      expect.stringMatching(`${time} access.denied reason=no_token `),
    ])
    expect(output()).not.toContain(APP_CLIENT.clientSecret)
    expect(output()).not.toMatch(/eyJ[\w-]+\.[\w-]+\./)
  })

  it('follows its file, and keeps serving when a change cannot be used', async () => {
    const config = writeConfig(idp)
    const app = await start('\n', { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret })
    const source = readFileSync(config, 'utf8')
    const printed = async (text: string) => {
      while (!app.output().includes(text)) await pause(50)
    }
    const exchange = async () => {
      const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await idp.issueAssertion() }
      const answer = request(app.url).post('/oauth2/token').auth(APP_CLIENT.clientId, APP_CLIENT.clientSecret)
      return (await answer.type('form').send(form)).status
    }
    writeFileSync(config, source.replace('allowed_subjects = "any"', 'allowed_subjects = ["nobody"]'))
    await printed('config.changed revision=2')
    expect(await exchange()).toBe(400)
    writeFileSync(config, source.replace('allowed_subjects', 'alowed_subjects'))
    await printed('config.refused message=')
    expect(await exchange()).toBe(400)
    writeFileSync(config, source)
    await printed('config.changed revision=3')
    expect(await exchange()).toBe(200)
    app.child.kill('SIGHUP')
    await printed('config.changed revision=4')
    expect(await exchange()).toBe(200)
    expect(await app.end('SIGTERM')).toBe(0)
  })

  it('answers the public health check with 503 while no identity provider can be used, and says no more', async () => {
    const other = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      await other.fault('down')
      const { url } = await start('\n', { CONFIG: writeConfig(other), APP_SECRET: APP_CLIENT.clientSecret })
      expect((await request(url).get('/health')).status).toBe(200) // Nothing has been fetched yet.
      await request(url)
        .get('/whoami')
        .auth(await other.issueAssertion(), { type: 'bearer' })
      let health = await request(url).get('/health')
      while (health.status === 200) health = await request(url).get('/health')
      expect([health.status, health.body]).toEqual([503, { status: 'down' }])
    } finally {
      await other.close()
    }
  })

  it('trusts the identity providers in the directory IDENTITY_PROVIDERS, beside those of its file', async () => {
    const other = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    const directory = mkdtempSync(join(tmpdir(), 'example-app-providers-'))
    try {
      const entry = { id: 'other', name: other.name, jwksUri: other.jwksUri, allowedSubjects: ['alice'] }
      writeFileSync(join(directory, 'other.json'), JSON.stringify(entry))
      const config = writeConfig(idp)
      const env = { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret, IDENTITY_PROVIDERS: directory }
      expect(await failureOf(env)).toContain('subject: ')
      writeFileSync(config, `subject = "namespaced"\n${readFileSync(config, 'utf8')}`)
      const { url } = await start('Admin page', env)
      for (const each of [idp, other]) {
        const form = {
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion: await each.issueAssertion(),
        }
        const answer = request(url).post('/oauth2/token').auth(APP_CLIENT.clientId, APP_CLIENT.clientSecret)
        expect((await answer.type('form').send(form)).status).toBe(200)
      }
    } finally {
      rmSync(directory, { recursive: true })
      await other.close()
    }
  })

  it('ends with the problems of a bad file and no stack', async () => {
    const failure = await failureOf({ CONFIG: 'missing.toml' })
    expect(failure).toContain('missing.toml')
    expect(failure).not.toMatch(/\n\s+at /)
  })

  it.each([
    ['redis', 'redis://user:pass-word@127.0.0.1:1', 'Redis at 127.0.0.1:1 cannot be used as a store'],
    ['postgres', 'postgres://user:pass-word@127.0.0.1:1/db', 'PostgreSQL at 127.0.0.1:1 cannot be used as a store'],
  ])('ends with one sentence if its %s does not answer', async (store, url, sentence) => {
    const config = writeConfig(idp, `store = "${store}"\nurl = "\${STORE_URL}"`)
    const env = { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret, STORE_URL: url }
    for (const workers of ['1', '3']) {
      const failure = await failureOf({ ...env, WORKERS: workers })
      expect(failure).toContain(sentence)
      expect(failure.trimEnd().split('\n')).toHaveLength(1)
      expect(failure).not.toContain('pass-word')
    }
  })

  it.each([
    ['redis', 'redis'],
    ['postgres', 'pg'],
  ])('ends with the command that installs what the store %s needs', async (store, packageName) => {
    const directory = mkdtempSync(join(tmpdir(), 'example-app-without-'))
    try {
      cpSync('example-app/dist', join(directory, 'dist'), { recursive: true })
      writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
      mkdirSync(join(directory, 'node_modules'))
      for (const name of ['express', 'passport', 'body-parser', 'jose', 'passport-custom', 'smol-toml']) {
        symlinkSync(join(process.cwd(), 'node_modules', name), join(directory, 'node_modules', name))
      }
      symlinkSync(process.cwd(), join(directory, 'node_modules/express-jwt-exchange'))
      const config = writeConfig(idp, `store = "${store}"\nurl = "${store}://127.0.0.1:1/db"`)
      const failed = promisify(execFile)(process.execPath, [join(directory, 'dist/main.js')], {
        env: { ...process.env, NODE_OPTIONS: '', PORT: '0', CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret },
      })
      await expect(failed).rejects.toMatchObject({
        code: 1,
        stderr: `Error: this store needs the package ${packageName}: npm install ${packageName}\n`,
      })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('npm start with TLS', () => {
  it.each(['0', 'yes', 'true'])('refuses %p', async (TLS) => {
    expect(await failureOf({ TLS })).toBe('Error: TLS must be 1, or not set\n')
  })

  it('tells the same story over https, with commands that work as they are pasted', async () => {
    const output = (await share({ TLS: '1' })).output()
    expect(output.match(/✓ got/g)).toHaveLength(6)
    expect(output).not.toContain('✗')
    const commands = output.match(/curl -i .*/g) ?? []
    expect(commands).toHaveLength(2)
    for (const command of commands) {
      expect(command).toMatch(/ https:\/\/localhost:\d+\/oauth2\/token$/)
      const { stdout } = await promisify(execFile)('bash', ['-c', command])
      expect(stdout).toMatch(/^HTTP\/1.1 200 OK.*"access_token":"ey/s)
    }
  })

  it('has a certificate for localhost that is not accepted without a word', async () => {
    const output = (await share({ TLS: '1' })).output()
    const url = /https:\/\/localhost:\d+/.exec(output)?.[0] ?? ''
    const { port } = new URL(url)
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    const certificate = new X509Certificate(socket.getPeerCertificate(true).raw)
    socket.destroy()
    expect([certificate.checkHost('localhost'), certificate.checkIP('127.0.0.1'), certificate.checkIP('::1')]).toEqual([
      'localhost',
      '127.0.0.1',
      '::1',
    ])
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000
    expect(days).toBe(8)
    await expect(fetch(`${url}/health`)).rejects.toThrow()
  })
})

describe('the admin page', () => {
  const linkOf = (output: string) => /https?:\/\/localhost:\d+\/admin\/sign-in\?token=[\w-]{43}/.exec(output)?.[0] ?? ''
  let app: AppProcess
  let link: string
  beforeAll(async () => {
    app = await startApp('Stop with Ctrl-C', {})
    link = linkOf(app.output())
  })
  afterAll(() => app.end())
  const get = (url: string, headers: Record<string, string> = {}) => fetch(url, { headers, redirect: 'manual' })

  it('is not shown without the link, with another token, or by a mere look at the link', async () => {
    expect(link).not.toBe('')
    const { origin } = new URL(link)
    for (const path of ['', '/', '/page.js', '/stats', '/identity-providers', '/sign-in', '/sign-in?token=']) {
      const answer = await get(`${origin}/admin${path}`)
      expect([path, answer.status, answer.headers.get('set-cookie')]).toEqual([path, 401, null])
    }
    for (const token of [`${link}x`, link.slice(0, -1), `${link}&token=x`, link.replace('token=', 'token[]=')]) {
      expect((await get(token)).status).toBe(401)
    }
    for (const method of ['HEAD', 'POST']) expect((await fetch(link, { method })).status).toBe(401)
    expect((await get(`${origin}/admin/stats`, { cookie: 'admin-1=x; admin=' })).status).toBe(401)
  })

  it('opens by the link, for one browser, which gets a cookie that only this page sees', async () => {
    const { origin, port } = new URL(link)
    const opened = await get(link)
    expect([opened.status, opened.headers.get('location')]).toEqual([303, './'])
    expect(opened.headers.get('cache-control')).toBe('no-store')
    expect(opened.headers.get('referrer-policy')).toBe('no-referrer')
    const [cookie = '', ...attributes] = (opened.headers.get('set-cookie') ?? '').split('; ')
    expect(cookie).toMatch(new RegExp(`^admin-${port}=[\\w-]{43}$`))
    expect(attributes).toEqual(['Path=/admin', 'HttpOnly', 'SameSite=Strict'])
    expect((await get(link)).status).toBe(401)
    const page = await get(`${origin}/admin/`, { cookie: `other=1; ${cookie}` })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const stats = await get(`${origin}/admin/stats`, { cookie })
    expect(await stats.json()).toMatchObject({ identityProviders: [{ state: 'ok', enabled: true }] })
    expect((await get(`${origin}/admin/stats`, { cookie: cookie.slice(0, -1) })).status).toBe(401)
  })

  it('registers another identity provider, whose assertions are accepted at once, and switches it off', async () => {
    const other = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    try {
      const output = (await start('Stop with Ctrl-C', {})).output()
      const url = new URL(linkOf(output)).origin
      const aud = `${url}/oauth2/token`
      const opened = await get(linkOf(output))
      const [cookie = ''] = (opened.headers.get('set-cookie') ?? '').split(';')
      const post = (path: string, body?: object) =>
        request(url).post(`/admin/identity-providers${path}`).set({ Cookie: cookie }).type('json').send(body)
      const exchange = async () => {
        const form = {
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion: await other.issueAssertion({ aud }),
        }
        const answer = request(url).post('/oauth2/token').auth('app', 'app-secret-of-the-story')
        return (await answer.type('form').send(form)).status
      }
      expect(await exchange()).toBe(400)
      const entry = {
        id: 'other',
        name: other.name,
        jwksUri: other.jwksUri,
        network: 'any',
        allowedSubjects: ['alice'],
      }
      expect((await post('', entry)).status).toBe(201)
      let status = 400
      while (status === 400) status = await exchange()
      expect(status).toBe(200)
      expect((await post('/other/disable')).status).toBe(200)
      expect(await exchange()).toBe(400)
      const { body } = await request(url).get('/admin/events').set({ Cookie: cookie })
      expect(body.events.map(({ name }: { name: string }) => name)).toEqual(
        expect.arrayContaining(['identity_provider.saved', 'token.issued', 'token.rejected']),
      )
      expect(JSON.stringify(body)).toContain('the person at the terminal')
    } finally {
      await other.close()
    }
  })

  it('is not served to another name, which a page of another site could give to this machine', async () => {
    const other = (await start('Stop with Ctrl-C', {})).output()
    const { port, pathname, search } = new URL(linkOf(other))
    const opened = await request(`http://127.0.0.1:${port}`).get(pathname + search)
    const [cookie = ''] = String(opened.headers['set-cookie']).split(';')
    const stats = request(`http://127.0.0.1:${port}`).get('/admin/stats').set('Cookie', cookie)
    expect((await stats.set('Host', `attacker.example:${port}`)).status).toBe(421)
  })

  it('is served over https with a cookie for https', async () => {
    const output = (await share({ TLS: '1' })).output()
    const { stdout } = await promisify(execFile)('curl', ['-ksi', linkOf(output)])
    expect(stdout).toMatch(/^HTTP\/1.1 303 .*Set-Cookie: [^\n]*; SameSite=Strict; Secure\r\n/s)
  })

  it('is not served where other machines could reach it', async () => {
    const output = (await start('Stop with Ctrl-C', { HOST: '0.0.0.0' })).output()
    expect(linkOf(output)).toBe('')
    const [url = ''] = /http:\/\/localhost:\d+/.exec(output) ?? []
    expect((await get(`${url}/admin/`)).status).toBe(404)
  })
})

describe('npm start with WORKERS', () => {
  it.each(['0', '-1', '1.5', '65', 'four', ''])('refuses %p', async (WORKERS) => {
    expect(await failureOf({ WORKERS })).toBe('Error: WORKERS must be a whole number from 1 to 64\n')
  })

  it('refuses a file whose workers would share no store', async () => {
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      const env = { CONFIG: writeConfig(idp, 'store = "memory"'), APP_SECRET: APP_CLIENT.clientSecret, WORKERS: '2' }
      expect(await failureOf(env)).toMatch(/^Error: WORKERS needs a replay store that they share: .*\n$/)
    } finally {
      await idp.close()
    }
  })
})

describeWithRedisServer('npm start with WORKERS and a Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedisServer()
  })
  afterAll(() => redis.stop())

  it('tells the story, one assertion raced over all workers included', async () => {
    const app = await start('Stop with Ctrl-C', { WORKERS: '4', REDIS_URL: redis.url })
    expect(app.output()).toContain('(4 processes)')
    expect(app.output().match(/✓ got/g)).toHaveLength(7)
    expect(app.output()).not.toContain('✗')
    expect(app.output()).toContain('✓ got    200: 1, 400: 19')
    expect(await app.end('SIGTERM')).toBe(0)
  })

  it('has one signing key in all workers, generated where the file names none', async () => {
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      const config = writeConfig(idp, `store = "redis"\nurl = "${redis.url}"`)
      writeFileSync(config, readFileSync(config, 'utf8').replace(/signing_keys = .*\n/, ''))
      const app = await start('Listening on', { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret, WORKERS: '3' })
      const keys = await Promise.all(Array.from({ length: 12 }, () => request(app.url).get('/oauth2/jwks')))
      expect(new Set(keys.map(({ text }) => text)).size).toBe(1)
      expect(keys[0]?.body.keys).toHaveLength(1)
    } finally {
      await idp.close()
    }
  })

  it('follows its file in all workers, also after SIGHUP', async () => {
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      const config = writeConfig(idp, `store = "redis"\nurl = "${redis.url}"`)
      const source = readFileSync(config, 'utf8').replace(/signing_keys = .*\n/, '')
      writeFileSync(config, source)
      const app = await start('Listening on', { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret, WORKERS: '2' })
      const printed = async (text: string, times: number) => {
        while (app.output().split(text).length <= times) await pause(50)
      }
      writeFileSync(config, source.replace('"any"', '["nobody"]'))
      await printed('config.changed revision=2', 2)
      app.child.kill('SIGHUP')
      await printed('config.changed revision=3', 2)
      expect(await app.end('SIGTERM')).toBe(0)
    } finally {
      await idp.close()
    }
  })

  it('replaces a worker that is killed, and keeps serving meanwhile', async () => {
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    try {
      const config = writeConfig(idp, `store = "redis"\nurl = "${redis.url}"`)
      const app = await start('Listening on', { CONFIG: config, APP_SECRET: APP_CLIENT.clientSecret, WORKERS: '3' })
      const load = new ExchangeLoad(idp, [app.url])
      const before = workersOf(app)
      expect(before).toHaveLength(3)
      for (const pid of before) {
        process.kill(pid, 'SIGKILL')
        await pause(500)
      }
      while (workersOf(app).length < 3) await pause(50)
      const { counts, acceptedTwice } = await load.stop()
      expect(workersOf(app).filter((pid) => before.includes(pid))).toEqual([])
      expect(acceptedTwice).toBe(0)
      expect(Object.keys(counts).filter((outcome) => !['200', '400', 'no answer'].includes(outcome))).toEqual([])
      await timeUntilAccepted(idp, [app.url])
      expect(await app.end('SIGINT')).toBe(0)
      expect(before.concat(workersOf(app)).filter(isAlive)).toEqual([])
    } finally {
      await idp.close()
    }
  })
})

/** The process ids of its children. */
function workersOf({ child }: AppProcess): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' })
  return stdout
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
