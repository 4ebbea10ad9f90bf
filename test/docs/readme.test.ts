import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { checkOptions } from '../../src/exchange/options.js'
import { generateSigningKey } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { startExchangeHost } from '../support/exchange-host.js'
import { findFreePort } from '../support/free-port.js'

/** With what curl would not send as it is, by -u or unencoded in a form. */
const APP_SECRET = 's3cret+of%2B the&tests=1'

const README = readFileSync('README.md', 'utf8')
const IDP_NAME = 'https://exampleidp.com/oauth2/default'

/** The code blocks of one language, in their order. */
function snippets(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code)
}

/** A snippet with the fake identity provider in place of the example's, and another port. */
function localised(snippet: string, idp: FakeIdentityProvider, port: number): string {
  return snippet
    .replace(`${IDP_NAME}/v1/keys`, idp.jwksUri)
    .replace(IDP_NAME, idp.name)
    .replace('app.listen(3000)', `app.listen(${port}, () => console.log('listening'))`)
    .replace('localhost:3000', `localhost:${port}`)
}

let directory: string
let idp: FakeIdentityProvider
let port: number
let server: ChildProcess
beforeAll(async () => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/readme-')
  idp = await FakeIdentityProvider.start()
  port = await findFreePort()
  writeFileSync(join(directory, 'server.mjs'), localised(snippets('js')[0] ?? '', idp, port))
  server = spawn(process.execPath, [join(directory, 'server.mjs')], {
    env: { ...process.env, APP_SECRET, NODE_OPTIONS: '' },
  })
  await new Promise((resolve, reject) => {
    server.stdout?.once('data', resolve)
    server.once('exit', () => reject(new Error('the server of the README ended')))
  })
})
afterAll(async () => {
  server.kill()
  await idp.close()
  rmSync(directory, { recursive: true })
})

/** The names of an interface's members. */
function optionsOf(path: string, name: string): string[] {
  const [, body = ''] =
    new RegExp(`^export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(readFileSync(path, 'utf8')) ?? []
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, option = '']) => option)
}

describe('the README', () => {
  it('has fewer than 200 lines', () => {
    expect(README.split('\n').length).toBeLessThan(200)
  })

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(snippets('sh')[0]).toContain('npm ci && npm start')
    expect(snippets('sh')[0]).toContain('npm ci && npm test')
    expect(scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) })
  })

  it('has a server and a curl command that exchange an assertion and open the routes', async () => {
    const { stdout } = await promisify(execFile)('bash', ['-c', localised(snippets('sh')[2] ?? '', idp, port)], {
      env: { ...process.env, APP_SECRET, ASSERTION: await idp.issueAssertion() },
    })
    expect(stdout).toMatch(/^HTTP\/1.1 200 OK/)
    const answer = JSON.parse(stdout.slice(stdout.indexOf('{')))
    const shown = JSON.parse(snippets('json')[0] ?? '')
    expect(answer).toEqual({ ...shown, access_token: expect.stringMatching(/^eyJhbGciOiJFUzI1NiIs/) })

    const url = `http://localhost:${port}`
    const get = (path: string) => request(url).get(path).auth(answer.access_token, { type: 'bearer' })
    expect((await get('/me')).body).toEqual({ sub: 'alice' })
    expect((await get('/orders')).body).toEqual({ for: 'alice' })
    expect((await request(url).get('/.well-known/oauth-authorization-server/oauth2')).status).toBe(200)
    expect((await request(url).get('/oauth2/jwks')).body.keys).toHaveLength(1)
  })

  it('names the fields that req.auth and req.user have', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      const token = await host.accessToken()
      const { body: auth } = await request(host.url).get('/orders').auth(token, { type: 'bearer' })
      const assertion = await host.idp.issueAssertion()
      const { body: user } = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
      const [ofAuth, ofUser] = [...README.matchAll(/`req\.(?:auth|user)` is `\{ (.*?) \}`/g)].map(([, names]) => names)
      expect(Object.keys(auth).sort()).toEqual(ofAuth?.split(', ').sort())
      expect(Object.keys(user).sort()).toEqual(ofUser?.split(', ').sort())
    } finally {
      await host.close()
    }
  })

  it('has a TOML file that the code beside it loads', async () => {
    writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [generateSigningKey()] }))
    writeFileSync(join(directory, 'deployment.toml'), snippets('toml')[0] ?? '')
    writeFileSync(join(directory, 'load.mjs'), `${snippets('js')[1]}\nconsole.log(JSON.stringify(exchange.stats()))`)
    const { stdout } = await promisify(execFile)(process.execPath, ['load.mjs'], {
      cwd: directory,
      env: { ...process.env, APP_SECRET, NODE_OPTIONS: '' },
    })
    expect(JSON.parse(stdout).identityProviders).toMatchObject([{ name: IDP_NAME, state: 'never' }])
  })

  it.each([
    [
      'identityProviders[]',
      [
        ['src/identity-provider/identity-provider-options.ts', 'IdentityProviderOptions'],
        ['src/policy/policy-options.ts', 'PolicyOptions'],
        ['src/guarded-fetch/connection-options.ts', 'JwksConnectionOptions'],
      ],
    ],
    ['clients[]', [['src/client-auth/client-options.ts', 'ClientOptions']]],
  ])('names every option of %s', (heading, interfaces) => {
    const row = README.split('\n').find((line) => line.startsWith(`| \`${heading}\``))
    const options = interfaces.flatMap(([path = '', name = '']) => optionsOf(path, name))
    expect(options.length).toBeGreaterThan(6)
    for (const option of options) expect(row).toContain(`\`${option}\``)
  })

  it('tells the defaults that the code has', () => {
    const settings = checkOptions({
      issuer: 'https://api.example.com/oauth2',
      identityProviders: [{ name: IDP_NAME, subjects: 'any', jwksUri: `${IDP_NAME}/v1/keys` }],
      clients: [{ clientId: 'app', clientSecret: APP_SECRET }],
      accessToken: { audience: 'https://api.example.com' },
    })
    const [identityProvider] = settings.identityProviders
    const actual: Record<string, unknown> = { ...settings, assertion: identityProvider?.limits }
    const rows = [...README.matchAll(/^\| `(\w+)\.(\w+)` \|[^|]*\| `(\w+)` \|/gm)]
    expect(rows.length).toBeGreaterThan(14)
    for (const [, group = '', option = '', value] of rows) {
      const actualGroup = actual[group] as Record<string, unknown>
      expect([group, option, String(actualGroup[option])]).toEqual([group, option, value])
    }
    expect(settings.tokenEndpoint).toBe('https://api.example.com/oauth2/token')
  })
})
