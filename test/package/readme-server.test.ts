import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { codeBlocks, withPorts } from '../support/document-code.js'
import { findFreePort } from '../support/free-port.js'
import { copyInto, type PackedPackage, packPackage, run, TSC, write } from '../support/packed-package.js'

jest.setTimeout(60_000)

const README = readFileSync('README.md', 'utf8')
const [SERVER = '', WITH_PASSPORT = ''] = codeBlocks('README.md', 'js')
const [INSTALL = '', EXCHANGE = '', USE = ''] = codeBlocks('README.md', 'sh')
const START = /`(APP_SECRET=\S+ node server\.mjs)`/.exec(README)?.[1] ?? ''
const MAKE_TYPESCRIPT = /`(npm pkg set type=module) && npm install -D ([^`]+)`/.exec(README) ?? []
const COMPILE_AND_START = /`npx tsc --init && npx tsc && (APP_SECRET=\S+ node server\.js)`/.exec(README)?.[1] ?? ''
const KEPT_KEY = /`(signingKeys: JSON\.parse[^`]+)`/.exec(README)?.[1] ?? ''

const hasCurl = spawnSync('curl', ['--version']).status === 0
const itWithCurl = hasCurl ? it : it.skip
const why = hasCurl ? '' : ' (skipped: curl is not installed)'

let packed: PackedPackage
/** What the first command of the README writes: it runs once. */
let manifest: string
let server: ChildProcess | undefined
let ports: { app: number; idp: number }
beforeAll(async () => {
  packed = await packPackage({ isBuilt: true })
  manifest = await initialise()
  ports = { app: await findFreePort(), idp: await findFreePort() }
})
afterAll(() => packed.remove())
afterEach(() => {
  if (server?.pid !== undefined) process.kill(-server.pid)
  server = undefined
})

/** A folder in which the first command of the README was run while it was empty, but for the network. */
function createProject(name: string, packages: Readonly<Record<string, string>> = {}): string {
  const host = packed.createHost(name, { express: 'express', ...packages })
  write(host, 'package.json', manifest)
  return host
}

async function initialise(): Promise<string> {
  const [init = '', install = ''] = INSTALL.trim().split(' && ')
  expect(install).toBe('npm install express express-jwt-exchange')
  const folder = packed.createHost('initialised', {})
  await run('bash', ['-c', init], folder)
  return readFileSync(join(folder, 'package.json'), 'utf8')
}

/** Starts a server by the command of the README, and resolves when it answers. */
async function start(command: string, host: string): Promise<void> {
  const env = { ...process.env, IDP: undefined, NODE_OPTIONS: '' }
  const child = spawn('bash', ['-c', command], { cwd: host, env, detached: true })
  server = child
  let output = ''
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server of the README ended: ${output}`)
    const answer = await fetch(`http://localhost:${ports.app}/oauth2/jwks`).catch(() => undefined)
    if (answer?.ok) return
    await pause(50)
  }
}

/** Runs the commands of the README in one shell, as a reader who pastes them. */
async function exchangeAsInReadme(host: string): Promise<void> {
  const answer = await run('bash', ['-c', withPorts(EXCHANGE, ports)], host)
  expect(answer).toMatch(/^HTTP\/1.1 200 OK/)
  const { access_token: token } = JSON.parse(answer.slice(answer.indexOf('{')))
  const [, shown = ''] = /answer is `(\{.*\})`/.exec(README) ?? []
  const opened = await run('bash', ['-c', withPorts(USE.replace('=…', `=${token}`), ports)], host)
  expect(JSON.parse(opened)).toEqual(JSON.parse(shown))
}

describe('the server of the README, in an empty folder', () => {
  itWithCurl(`runs as it is pasted, and its commands obtain a token that opens its route${why}`, async () => {
    const host = createProject('javascript')
    write(host, 'server.mjs', withPorts(SERVER, ports))
    await start(START, host)
    await exchangeAsInReadme(host)
  })

  itWithCurl(`compiles as it is pasted with what tsc --init writes, and then does the same${why}`, async () => {
    const [, makeModule = '', installed = ''] = MAKE_TYPESCRIPT
    const types = installed.split(' ').filter((name) => name.startsWith('@types/'))
    const host = createProject('typescript', Object.fromEntries(types.map((name) => [name, name])))
    await run('bash', ['-c', makeModule], host)
    await run(process.execPath, [TSC, '--init'], host)
    write(host, 'server.ts', withPorts(SERVER, ports))
    expect(await run(process.execPath, [TSC], host)).toBe('')
    await start(COMPILE_AND_START, host)
    await exchangeAsInReadme(host)
  })

  it('signs with the key that keygen writes, by the line that the README shows', async () => {
    const host = createProject('kept-key')
    await run(process.execPath, [join(packed.directory, 'dist/cli/main.js'), 'keygen'], host)
    const code = SERVER.replace('signingKeys: [generateSigningKey()]', KEPT_KEY)
    write(host, 'server.mjs', withPorts(`import { readFileSync } from 'node:fs'\n${code}`, ports))
    await start(START, host)
    const published = JSON.parse(await (await fetch(`http://localhost:${ports.app}/oauth2/jwks`)).text())
    const kept = JSON.parse(readFileSync(join(host, 'keys.json'), 'utf8'))
    expect(published.keys).toEqual([expect.objectContaining({ kid: kept.keys[0].kid })])
  })

  it('compiles with the part for Passport, and with the types of /augment', async () => {
    const types = { '@types/express': '@types/express', '@types/node': '@types/node', passport: 'passport' }
    const host = createProject('passport', types)
    copyInto(host, '@types/passport')
    write(host, 'package.json', JSON.stringify({ ...JSON.parse(manifest), type: 'module' }))
    await run(process.execPath, [TSC, '--init'], host)
    const augmented =
      "import 'express-jwt-exchange/augment'\napp.get('/', (req, res) => res.json([req.auth?.sub, req.user?.sub]))"
    write(host, 'server.ts', [SERVER, WITH_PASSPORT, augmented].join('\n'))
    expect(await run(process.execPath, [TSC], host)).toBe('')
  })
})
