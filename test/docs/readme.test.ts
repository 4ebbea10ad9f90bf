import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { codeBlocks, withLinksAsPaths, withPorts } from '../support/document-code.js'
import { startExchangeHost } from '../support/exchange-host.js'
import { findFreePort } from '../support/free-port.js'

/** With what curl would not send as it is, by -u or unencoded in a form. */
const APP_SECRET = 's3cret+of%2B the&tests=1'

const README = withLinksAsPaths(readFileSync('README.md', 'utf8'))
const [SERVER = '', WITH_PASSPORT = ''] = codeBlocks('README.md', 'js')
const SHELL = codeBlocks('README.md', 'sh')

let directory: string
let ports: { app: number; idp: number }
let server: ChildProcess
/** What the server has written to stderr. */
let logged = ''
beforeAll(async () => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/readme-')
  ports = { app: await findFreePort(), idp: await findFreePort() }
  writeFileSync(join(directory, 'server.mjs'), withPorts(SERVER + WITH_PASSPORT, ports))
  server = spawn(process.execPath, [join(directory, 'server.mjs')], {
    env: { ...process.env, APP_SECRET, IDP: undefined, NODE_OPTIONS: '' },
  })
  server.stderr?.on('data', (chunk) => {
    logged += chunk
  })
  await new Promise((resolve, reject) => {
    server.stdout?.once('data', resolve)
    server.once('exit', () => reject(new Error('the server of the README ended')))
  })
})
afterAll(() => {
  server.kill()
  rmSync(directory, { recursive: true })
})

/** The pipe of the server may be slower than its answer. */
async function untilLogged(pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 200 && !pattern.test(logged); tries += 1) await pause(25)
  expect(logged).toMatch(pattern)
}

describe('the commands to paste', () => {
  it.each(['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => `docs/${name}`)])(
    'in %s have no comments, which zsh would pass as arguments',
    (path) => {
      expect(codeBlocks(path, 'sh').filter((code) => /(^|\s)#/m.test(code))).toEqual([])
    },
  )
})

describe('the README', () => {
  it('has at most 150 lines and 900 words', () => {
    expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
    expect(README.trim().split(/\s+/).length).toBeLessThanOrEqual(900)
  })

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    const commands = SHELL.join('\n')
    expect(commands).toContain('npm ci && npm start')
    expect(commands).toContain('npm ci && npm test')
    expect(scripts).toMatchObject({ start: expect.any(String), test: expect.any(String) })
  })

  it('links to every page of the documents but the renames, or to a page that does, and to nothing that is not there', () => {
    const linksIn = (text: string) => [...text.matchAll(/\]\(([\w/.-]+)(?:#[\w-]+)?\)/g)].map(([, path = '']) => path)
    const links = linksIn(README)
    const pages = readdirSync('docs').map((name) => `docs/${name}`)
    const ofPages = links
      .filter((path) => pages.includes(path))
      .flatMap((path) => linksIn(readFileSync(path, 'utf8')).map((name) => `docs/${name}`))
    const wanted = pages.filter((path) => path !== 'docs/renamed.md')
    expect([...links, ...ofPages]).toEqual(expect.arrayContaining(wanted))
    expect(links).toEqual(expect.arrayContaining(['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']))
    expect(readFileSync('CHANGELOG.md', 'utf8')).toContain('](docs/renamed.md)')
    expect(links.filter((path) => !existsSync(path))).toEqual([])
  })

  it('has a server and a curl command that exchange an assertion and open the routes', async () => {
    const { text: issued } = await request(`http://127.0.0.1:${ports.idp}`).get('/assertion')
    const exchange = SHELL[1]?.split('\n').find((line) => line.startsWith('curl -i')) ?? ''
    const { stdout } = await promisify(execFile)('bash', ['-c', withPorts(exchange, ports)], {
      env: { ...process.env, APP_SECRET, ASSERTION: issued },
    })
    expect(stdout).toMatch(/^HTTP\/1.1 200 OK/)
    const answer = JSON.parse(stdout.slice(stdout.indexOf('{')))
    const shown = JSON.parse(codeBlocks('README.md', 'json')[0] ?? '')
    expect(answer).toEqual({ ...shown, access_token: expect.stringMatching(/^eyJhbGciOiJFUzI1NiIs/) })

    const url = `http://localhost:${ports.app}`
    const get = (path: string) => request(url).get(path).auth(answer.access_token, { type: 'bearer' })
    expect((await get('/me')).body).toEqual({ sub: 'alice' })
    expect((await get('/orders')).body).toEqual({ for: 'alice' })
    expect((await request(url).get('/me')).status).toBe(401)
    expect((await request(url).get('/.well-known/oauth-authorization-server/oauth2')).status).toBe(200)
    expect((await request(url).get('/oauth2/jwks')).body.keys).toHaveLength(1)
  })

  it('has a server that logs why a request is refused', async () => {
    const url = `http://localhost:${ports.app}`
    logged = ''
    await request(url).get('/orders').auth('junk', { type: 'bearer' }).expect(401)
    await untilLogged(/^denied: malformed_jwt/m)
    await request(url).post('/oauth2/token').expect(400)
    await untilLogged(/^rejected: invalid_request \w/m)
  })

  it('names the fields that getAuth and req.user have', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      const token = await host.accessToken()
      const { body: auth } = await request(host.url).get('/orders').auth(token, { type: 'bearer' })
      const assertion = await host.idp.issueAssertion()
      const { body: user } = await request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
      const named = [...README.matchAll(/`(?:getAuth\(req\)|req\.user)` is `\{ (.*?) \}`/g)].map(([, names]) => names)
      const [ofAuth, ofUser] = named
      expect(Object.keys(auth).sort()).toEqual(ofAuth?.split(', ').sort())
      expect(Object.keys(user).sort()).toEqual(ofUser?.split(', ').sort())
    } finally {
      await host.close()
    }
  })

  it('lists ten options that docs/options.md has, with the same defaults', () => {
    const rowsOf = (document: string) => [...document.matchAll(/^\| `([\w.[\]]+)` \|(.*)\|$/gm)]
    const all = new Map(rowsOf(readFileSync('docs/options.md', 'utf8')).map(([, name = '', cells]) => [name, cells]))
    const listed = rowsOf(README).map(([, name = '', cells = '']) => [name.replace(/\[\]$/, ''), cells] as const)
    expect(listed).toHaveLength(10)
    for (const [name, cells] of listed) {
      const [value = ''] = cells.split('|').map((cell) => cell.replaceAll('`', '').trim())
      expect([name, all.has(name)]).toEqual([name, true])
      expect([
        name,
        ...(all.get(name) ?? '')
          .replaceAll('`', '')
          .split('|')
          .map((cell) => cell.trim()),
      ]).toContain(value === '{issuer}/token' ? 'tokenEndpoint' : value.replace(/ s$/, ''))
    }
  })
})
