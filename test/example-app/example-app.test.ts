import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { generateSigningKey } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'

const MAIN = join(process.cwd(), 'example-app/dist/main.js')
const started: ChildProcess[] = []
const directories: string[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

/** Starts the example app and resolves with its output as soon as that has the text. */
function startUntil(text: string, env: Record<string, string>): Promise<{ child: ChildProcess; output: string }> {
  const child = spawn(process.execPath, [MAIN], { env: { ...process.env, PORT: '0', NODE_OPTIONS: '', ...env } })
  started.push(child)
  let output = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(text)) resolve({ child, output })
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', () => reject(new Error(`it ended too early: ${output}`)))
  })
}

function writeConfig(idp: FakeIdentityProvider): string {
  const directory = mkdtempSync(join(tmpdir(), 'example-app-'))
  directories.push(directory)
  const path = join(directory, 'deployment.toml')
  writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [generateSigningKey()] }))
  writeFileSync(
    path,
    `issuer = "https://api.example.com/oauth2"
[access_token]
audience = "https://api.example.com"
signing_keys = "keys.json"
[[identity_provider]]
name = "${idp.name}"
jwks_uri = "${idp.jwksUri}"
[[client]]
client_id = "app"
client_secret = "\${APP_SECRET}"
scopes = ["openid", "orders:read"]
`,
  )
  return path
}

describe('npm start without configuration', () => {
  it('tells the story, in which everything comes as expected, and goes on serving', async () => {
    const { output } = await startUntil('Stop with Ctrl-C', {})
    expect(output.match(/✓ came {3}\d+/g)).toEqual([
      ...['✓ came   200', '✓ came   200', '✓ came   200', '✓ came   200'],
      ...['✓ came   400', '✓ came   400'],
    ])
    expect(output).not.toContain('✗')
  })

  it('prints a curl command that works as it is pasted', async () => {
    const { output } = await startUntil('Stop with Ctrl-C', {})
    for (const command of output.match(/curl -i .*/g) ?? []) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command])
      expect(stdout).toMatch(/^HTTP\/1.1 200 OK.*"access_token":"ey/s)
    }
    expect(output.match(/curl -i/g)).toHaveLength(2)
  })
})

describe('the commands of the README to play with the identity provider', () => {
  const [, commands = ''] =
    /play with its identity provider.*?```sh\n(.*?)```/s.exec(readFileSync('README.md', 'utf8')) ?? []

  it('roll its key over, take it down, tell how it is, and bring it back', async () => {
    const { output } = await startUntil('Stop with Ctrl-C', {})
    const [app = '', idpUrl = ''] = [/Host app +(\S+)/, /Identity provider +(\S+)/].map((url) => url.exec(output)?.[1])
    const run = async (line: string) => {
      const command = line.replace('http://127.0.0.1:3001', idpUrl).replace('http://localhost:3000', app)
      return (await promisify(execFile)('bash', ['-c', `curl() { command curl -sf "$@"; }; ${command}`])).stdout
    }
    const issue = async () => (await request(idpUrl).get('/assertion')).text
    const exchange = async (assertion: string) => {
      const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
      const form = { grant_type: grantType, assertion }
      return (await request(app).post('/oauth2/token').auth('app', 'app-secret').type('form').send(form)).status
    }
    const [rotate = '', down = '', health = '', off = ''] = commands.trimEnd().split('\n')
    const kid = JSON.parse(await run(rotate)).kid
    expect(await exchange(await issue())).toBe(200)
    for (const fault of ['down', 'slow', 'oversize', 'garbage']) {
      expect(down).toContain(fault)
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
  }, 40_000)
})

describe('npm start with CONFIG', () => {
  it('serves the host app alone on that file, after one line', async () => {
    const idp = await FakeIdentityProvider.start({ alias: 'https://api.example.com/oauth2/token' })
    try {
      const { child, output } = await startUntil('\n', { CONFIG: writeConfig(idp), APP_SECRET: 's3cret' })
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? ''
      const exchange = (assertion: string) =>
        request(url)
          .post('/oauth2/token')
          .auth('app', 's3cret')
          .type('form')
          .send({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
      const { body } = await exchange(await idp.issueAssertion())
      const get = (path: string, token: string) => request(url).get(path).auth(token, { type: 'bearer' })
      expect((await get('/me', body.access_token)).body.sub).toBe('alice')
      expect((await get('/orders', body.access_token)).body.for).toBe('alice')
      expect((await get('/whoami', await idp.issueAssertion())).body.sub).toBe('alice')
      expect((await request(url).get('/oauth2/jwks')).body.keys).toHaveLength(1)
      const metadata = await request(url).get('/.well-known/oauth-authorization-server/oauth2')
      expect(metadata.body.token_endpoint).toBe('https://api.example.com/oauth2/token')
      const health = await request(url).get('/health')
      expect(health.body.identityProviders).toMatchObject([
        { name: idp.name, state: 'ok', kids: [idp.signingKey.kid], keySetAge: expect.any(Number) },
      ])
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
      expect(output.trimEnd().split('\n')).toHaveLength(1)
    } finally {
      await idp.close()
    }
  })

  it('ends with the problems of a bad file and no stack', async () => {
    const env = { ...process.env, PORT: '0', NODE_OPTIONS: '', CONFIG: 'missing.toml' }
    const failed = promisify(execFile)(process.execPath, [MAIN], { env })
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('missing.toml') })
    await expect(failed).rejects.not.toMatchObject({ stderr: expect.stringMatching(/\n\s+at /) })
  })
})
