import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
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
    const output = (await start('Stop with Ctrl-C', {})).output()
    expect(output.match(/✓ got {4}\d+/g)).toEqual([
      ...['✓ got    200', '✓ got    200', '✓ got    200', '✓ got    200'],
      ...['✓ got    400', '✓ got    400'],
    ])
    expect(output).not.toContain('✗')
  })

  it('prints a curl command that works as it is pasted', async () => {
    const output = (await start('Stop with Ctrl-C', {})).output()
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
    const output = (await start('Stop with Ctrl-C', {})).output()
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
    const { identityProviders } = JSON.parse(await run(health))
    expect(identityProviders).toMatchObject([{ state: 'ok', lastFailure: { reason: expect.any(String) } }])
    expect(identityProviders[0].kids).toContain(kid)
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
    idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT })
  })
  afterAll(() => idp.close())

  it('serves the host app alone on that file, after one line', async () => {
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
    const health = await request(url).get('/health')
    expect(health.body.identityProviders).toMatchObject([
      { name: idp.name, state: 'ok', kids: [idp.signingKey.kid], keySetAge: expect.any(Number) },
    ])
    expect(await end('SIGTERM')).toBe(0)
    expect(output().trimEnd().split('\n')).toHaveLength(1)
  })

  it('ends with the problems of a bad file and no stack', async () => {
    const failure = await failureOf({ CONFIG: 'missing.toml' })
    expect(failure).toContain('missing.toml')
    expect(failure).not.toMatch(/\n\s+at /)
  })

  it.each([
    ['redis', 'redis://user:pass-word@127.0.0.1:1', 'Redis at 127.0.0.1:1 cannot be used as the replay store'],
    [
      'postgres',
      'postgres://user:pass-word@127.0.0.1:1/db',
      'PostgreSQL at 127.0.0.1:1 cannot be used as the replay store',
    ],
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
        stderr: `Error: this replay store needs the package ${packageName}: npm install ${packageName}\n`,
      })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('npm start with WORKERS', () => {
  it.each(['0', '-1', '1.5', '65', 'four', ''])('refuses %p', async (WORKERS) => {
    expect(await failureOf({ WORKERS })).toBe('Error: WORKERS must be a whole number from 1 to 64\n')
  })

  it('refuses a file whose workers would share no store', async () => {
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT })
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
    const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT })
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
      expect(await timeUntilAccepted(idp, [app.url])).toBeLessThan(5000)
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
