import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, posix, relative, sep } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import {
  copyInto,
  DEPENDENCIES,
  INSTALLED,
  type PackedPackage,
  packPackage,
  ROOT,
  run,
  TSC,
  write,
} from '../support/packed-package.js'

jest.setTimeout(120_000)

let packed: PackedPackage
/** The unpacked tarball. */
let unpacked: string

beforeAll(async () => {
  packed = await packPackage()
  unpacked = packed.directory
})

afterAll(() => packed.remove())

function packedFiles(): string[] {
  return readdirSync(unpacked, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(unpacked, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}

/** The page is one bundle. */
const isOfPage = (file: string) => file.startsWith('dist/admin-page/')
const isOfExample = (file: string) => file.startsWith('example-app/')

const readPacked = (path: string) => readFileSync(join(unpacked, path), 'utf8')

/** Every declaration file that one of them leads to, and the packages that they name on the way. */
function reachableTypes(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files) {
    const text = readPacked(file).replace(/\/\*.*?\*\//gs, '')
    const specifiers = [...text.matchAll(/(?:from |import |import\(|require\(|reference types=)['"]([^'"]+)['"]/g)]
    for (const [, specifier = ''] of specifiers) {
      if (!specifier.startsWith('.')) packages.add(specifier)
      else files.add(posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.d.ts'))
    }
  }
  return { files, packages }
}

describe('the packed files', () => {
  it('are the compiled code, its types, the compiled example app and the documents', () => {
    const files = packedFiles()
    for (const file of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'package.json',
      'dist/index.js',
      'dist/types/index.d.ts',
      'example-app/dist/demo.js',
      'dist/admin-page/index.html',
      'dist/admin-page/page.css',
      'dist/admin-page/page.js',
    ]) {
      expect(files).toContain(file)
    }
    const isExpected = (file: string) =>
      /^(dist\/.+\.js|dist\/admin-page\/(index\.html|page\.css)|example-app\/dist\/[\w-]+\.js|dist\/types\/.+\.d\.ts|docs\/.+\.md|[A-Z]+(\.md)?|package\.json)$/.test(
        file,
      )
    expect(files.filter((file) => !isExpected(file))).toEqual([])
  })

  it('are no tests, no sources and no build state', () => {
    expect(packedFiles().filter((file) => /\.test\.|(^|\/)(test|src|node_modules)\/|tsbuildinfo/.test(file))).toEqual(
      [],
    )
    expect(packedFiles().filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([])
  })

  it('have documents whose relative links lead to packed files', () => {
    const files = packedFiles()
    const links = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) =>
        [...readPacked(file).matchAll(/\]\(([\w/.-]+)(?:#[\w-]+)?\)/g)].map(([, path = '']) => [file, path] as const),
      )
    expect(links.length).toBeGreaterThan(50)
    const isPacked = (file: string, path: string) => files.includes(posix.join(posix.dirname(file), path))
    expect(links.filter(([file, path]) => !isPacked(file, path))).toEqual([])
  })

  it('have documents whose links to the repository lead to files that it has', () => {
    const linked = packedFiles()
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) => [
        ...readPacked(file).matchAll(/\]\(https:\/\/github\.com\/(?:[\w-]+\/){2}(?:blob|tree)\/main\/([^)#]+)/g),
      ])
      .map(([, path = '']) => path)
    expect(linked.length).toBeGreaterThan(70)
    expect(linked.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('point to no source map that is not there', () => {
    const files = packedFiles()
    const missing = files
      .filter((file) => /\.(js|ts)$/.test(file))
      .flatMap((file) => {
        const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(readPacked(file))?.[1]
        return map === undefined || files.includes(posix.join(posix.dirname(file), map)) ? [] : [file]
      })
    expect(missing).toEqual([])
  })

  it('are there for every entry of exports, main and types', () => {
    const { exports, main, types } = JSON.parse(readPacked('package.json')) as Record<string, unknown>
    const paths = JSON.stringify([exports, main, types]).match(/"\.\/[^"]+\.[^"/]+"/g) ?? []
    const targets = paths.map((path) => JSON.parse(path) as string).filter((path) => path !== './package.json')
    expect(targets.length).toBeGreaterThanOrEqual(10)
    expect(targets.filter((path) => !existsSync(join(unpacked, path)))).toEqual([])
  })

  it('hold the code that the entry points lead to, and no other', () => {
    const { exports, bin } = JSON.parse(readPacked('package.json')) as Record<
      'exports' | 'bin',
      Record<string, unknown>
    >
    const entries = JSON.stringify([exports, bin]).match(/(?<="\.\/)[^"]+\.js(?=")/g) ?? []
    expect(entries.length).toBeGreaterThan(8)
    const reached = new Set(entries)
    for (const file of reached) {
      for (const [, specifier = ''] of readPacked(file).matchAll(/(?:\bfrom |\bimport\()'(\.{1,2}\/[^']+)'/g)) {
        reached.add(posix.join(posix.dirname(file), specifier))
      }
    }
    const packed = packedFiles().filter((file) => file.endsWith('.js') && !isOfPage(file) && !isOfExample(file))
    expect(packed.sort()).toEqual([...reached].sort())
  })

  it('hold the code of each source of the example app, and no other', () => {
    const sources = readdirSync(join(ROOT, 'example-app')).filter((file) => file.endsWith('.ts'))
    expect(packedFiles().filter(isOfExample).sort()).toEqual(
      sources.map((file) => `example-app/dist/${file.replace(/ts$/, 'js')}`).sort(),
    )
  })

  it('hold the page with nothing but its bundle, and the licence of what is in it', () => {
    expect(packedFiles().filter(isOfPage).sort()).toEqual(
      ['index.html', 'page.css', 'page.js'].map((file) => `dist/admin-page/${file}`),
    )
    expect(readPacked('dist/admin-page/page.js')).toMatch(/^\/\*! preact\nThe MIT License \(MIT\)\n\nCopyright \(c\)/)
  })

  it('hold the types that the entry points lead to, and no other', () => {
    const { exports } = JSON.parse(readPacked('package.json')) as { exports: Record<string, { types?: string }> }
    const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [posix.normalize(types)]))
    const reached = new Set(entries.flatMap((entry) => [...reachableTypes(entry).files]))
    expect(entries.length).toBeGreaterThan(5)
    expect(
      packedFiles()
        .filter((file) => file.endsWith('.d.ts'))
        .sort(),
    ).toEqual([...reached].sort())
  })

  it('declare no more than a public name needs', () => {
    const text = packedFiles()
      .filter((file) => file.endsWith('.d.ts'))
      .map((file) => readPacked(file).replace(/\/\*.*?\*\//gs, ''))
      .join('\n')
    const declared = [...text.matchAll(/^export (?:declare )?(?:interface|type|class|function|const) (\w+)/gm)]
    const lonely = declared.flatMap(([, name = '']) =>
      text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length === 1 ? [name] : [],
    )
    expect(declared.length).toBeGreaterThan(80)
    // What an entry point that is no list of names declares itself.
    expect(lonely.sort()).toEqual(['createAdmin'])
  })

  it('run nothing when the package is installed', () => {
    const { scripts } = JSON.parse(readPacked('package.json')) as { scripts: Record<string, string> }
    for (const name of ['prepare', 'preinstall', 'install', 'postinstall']) expect(scripts).not.toHaveProperty(name)
  })

  it.each([
    'dist/types/index.d.ts',
    'dist/types/config/index.d.ts',
    'dist/types/testing/index.d.ts',
    'dist/types/replay/redis-replay-store.d.ts',
    'dist/types/postgres.d.ts',
    'dist/types/metrics/index.d.ts',
  ])('name no type of Express or Passport, beginning at %s', (entry) => {
    const { files, packages } = reachableTypes(entry)
    expect(files.size).toBeGreaterThan(1)
    expect([...files].filter((file) => !existsSync(join(unpacked, file)))).toEqual([])
    const { dependencies } = JSON.parse(readPacked('package.json')) as { dependencies: Record<string, string> }
    const isAllowed = (name: string) =>
      name.startsWith('node:') || (name in dependencies && !/express|passport/.test(name))
    expect([...packages].filter((name) => !isAllowed(name) || name === 'body-parser')).toEqual([])
  })
})

/** A host from beginning to end: mounts the exchange, exchanges an assertion, calls the protected routes. */
const STORY = `
async function story({ express, passport, createJwtExchange, FakeIdentityProvider }) {
  const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  const exchange = createJwtExchange({
    issuer: 'https://api.example.com/oauth2',
    identityProviders: [{ name: idp.name, allowedSubjects: 'any', jwksUri: idp.jwksUri }],
    clients: [{ clientId: 'app', clientSecret: 'secret-of-the-tests', scopes: ['orders:read'] }],
    accessToken: { audience: 'https://api.example.com' },
  })
  const app = express()
  app.use(exchange.wellKnown)
  app.use('/oauth2', exchange.router)
  app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => res.json(req.auth.sub))
  app.get('/admin', exchange.protect({ scope: 'admin' }), (req, res) => res.json('never'))
  if (passport) {
    passport.use(exchange.accessTokenStrategy)
    app.get('/me', passport.authenticate('access-token', { session: false }), (req, res) => res.json(req.user.clientId))
  }
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = 'http://127.0.0.1:' + server.address().port
  const ask = async (path, init) => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    return [response.status, text === '' ? null : JSON.parse(text)]
  }
  const post = (assertion) => ask('/oauth2/token', {
    method: 'POST',
    headers: { authorization: 'Basic ' + btoa('app:secret-of-the-tests') },
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
  })
  const assertion = await idp.issueAssertion()
  const [issued, { access_token: token, ...rest }] = await post(assertion)
  const headers = { authorization: 'Bearer ' + token }
  const [replayed, { error }] = await post(assertion)
  const [, metadata] = await ask('/.well-known/oauth-authorization-server/oauth2')
  console.log(JSON.stringify({
    issued, rest, replayed, error,
    issuer: metadata.issuer,
    orders: await ask('/orders', { headers }),
    admin: (await ask('/admin', { headers }))[0],
    none: (await ask('/orders'))[0],
    me: passport ? await ask('/me', { headers }) : null,
  }))
  exchange.close()
  server.close()
  server.closeAllConnections()
  await idp.close()
}`
const TOLD = {
  issued: 200,
  rest: { token_type: 'Bearer', expires_in: 3600, scope: 'orders:read' },
  replayed: 400,
  error: 'invalid_grant',
  issuer: 'https://api.example.com/oauth2',
  orders: [200, 'alice'],
  admin: 403,
  none: 401,
  me: [200, 'app'],
}

const ESM = (passport: boolean) => `
import express from 'express'
${passport ? "import passport from 'passport'" : 'const passport = undefined'}
import { createJwtExchange } from 'express-jwt-exchange'
import { loadConfig } from 'express-jwt-exchange/config'
import { createAdmin } from 'express-jwt-exchange/admin'
import { FakeIdentityProvider } from 'express-jwt-exchange/testing'
import { RedisReplayStore } from 'express-jwt-exchange/redis'
import { PostgresReplayStore } from 'express-jwt-exchange/postgres'
import 'express-jwt-exchange/augment'
if (typeof RedisReplayStore !== 'function' || typeof PostgresReplayStore !== 'function') throw new Error('no stores')
if (typeof loadConfig !== 'function') throw new Error('no loadConfig')
if (typeof createAdmin !== 'function') throw new Error('no createAdmin')
${STORY}
await story({ express, passport, createJwtExchange, FakeIdentityProvider })
`
const COMMON_JS = `
const express = require('express')
const passport = require('passport')
const { createJwtExchange } = require('express-jwt-exchange')
const { loadConfig } = require('express-jwt-exchange/config')
const { createAdmin } = require('express-jwt-exchange/admin')
const { FakeIdentityProvider } = require('express-jwt-exchange/testing')
const { RedisReplayStore } = require('express-jwt-exchange/redis')
const { PostgresReplayStore } = require('express-jwt-exchange/postgres')
if (typeof RedisReplayStore !== 'function' || typeof PostgresReplayStore !== 'function') throw new Error('no stores')
require('express-jwt-exchange/augment')
if (typeof loadConfig !== 'function') throw new Error('no loadConfig')
if (typeof createAdmin !== 'function') throw new Error('no createAdmin')
${STORY}
story({ express, passport, createJwtExchange, FakeIdentityProvider })
`

/** Where a host finds the command. */
const COMMAND = 'node_modules/express-jwt-exchange/dist/cli/main.js'

/** Which Express a host has. */
function expressOf(host: string): string {
  const { version } = createRequire(join(host, 'index.js'))('express/package.json') as { version: string }
  return version.split('.', 1)[0] ?? ''
}

describe('a host', () => {
  it.each<[string, string, string, string]>([
    ['of ES modules with Express 5', 'express', 'main.mjs', ESM(true)],
    ['of ES modules with Express 4', 'express4', 'main.mjs', ESM(true)],
    ['of CommonJS with Express 4', 'express4', 'main.cjs', COMMON_JS],
    ['of CommonJS with Express 5', 'express', 'main.cjs', COMMON_JS],
  ])('%s exchanges an assertion and protects its routes', async (_, express, file, text) => {
    const host = packed.createHost(`${express}-${file}`, { express, passport: 'passport' })
    expect(expressOf(host)).toBe(express === 'express4' ? '4' : '5')
    expect(JSON.parse(await run(process.execPath, [write(host, file, text)], host))).toEqual(TOLD)
  })

  it('has the command, which needs nothing else', async () => {
    const host = packed.createHost('command', { express: 'express' })
    const { bin, version } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'))
    const command = join('node_modules/express-jwt-exchange', bin['express-jwt-exchange'])
    expect(readFileSync(join(host, command), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    expect(await run(process.execPath, [command, '--help'], host)).toContain('explain deployment.toml')
    expect(await run(process.execPath, [command, '--version'], host)).toBe(`express-jwt-exchange ${version}\n`)
  })

  it.each([
    ['with Passport', { express: 'express', passport: 'passport' }, 6],
    ['without Passport', { express: 'express' }, 5],
    ['with Express 4', { express: 'express4', passport: 'passport' }, 6],
  ])('performs the demo from the installed package: %s', async (name, packages, answers) => {
    const host = packed.createHost(`demo ${name}`, packages)
    const output = await run(process.execPath, [COMMAND, 'demo'], host)
    expect(output.match(/✓ got/g)).toHaveLength(answers)
    expect(output).not.toContain('✗')
    expect(output.includes('npm install passport')).toBe(!('passport' in packages))
  })

  it('runs every command without Express but the demo, which says how to install it', async () => {
    const host = packed.createHost('no-express', {})
    expect(await run(process.execPath, [COMMAND, 'keygen'], host)).toContain('signing_keys = "keys.json"')
    const idp = (...args: string[]) => ['idp', ...args, '--store', 'file:.']
    expect(await run(process.execPath, [COMMAND, ...idp('list')], host)).toBe('no identity providers\n')
    write(host, 'idp.json', '{}')
    for (const [args, message] of [
      [['demo'], 'demo needs Express, which is not installed; run: npm install express\n'],
      [['check', 'deployment.toml'], 'deployment.toml: the file does not exist'],
      [['explain', 'deployment.toml'], 'deployment.toml: the file does not exist'],
      [idp('add', 'idp.json'), 'name: missing'],
    ] as const) {
      await expect(run(process.execPath, [COMMAND, ...args], host)).rejects.toThrow(message)
    }
  })

  it('does without Passport', async () => {
    const others = DEPENDENCIES.filter((each) => each !== 'passport-custom')
    const host = packed.createHost('no-passport', { express: 'express' }, others)
    for (const name of ['passport-custom', 'passport-strategy']) copyInto(host, name)
    expect(() => createRequire(join(host, 'index.js')).resolve('passport')).toThrow('Cannot find module')
    const told = JSON.parse(await run(process.execPath, [write(host, 'main.mjs', ESM(false))], host))
    expect(told).toEqual({ ...TOLD, me: null })
  })
})

const TYPED_HOST = `
import express from 'express'
import passport from 'passport'
import { createJwtExchange, type JwtExchange, type JwtExchangeOptions } from 'express-jwt-exchange'
import { type Admin, type AdminOptions, createAdmin } from 'express-jwt-exchange/admin'
import { loadConfig } from 'express-jwt-exchange/config'
import { FileIdentityProviderStore } from 'express-jwt-exchange/file-store'
import { collect, type MetricFamily, type Metrics } from 'express-jwt-exchange/metrics'
import { FakeIdentityProvider, identityProviderStoreContract, replayStoreContract } from 'express-jwt-exchange/testing'
import { type PostgresPool, PostgresReplayStore } from 'express-jwt-exchange/postgres'
import { type RedisClient, RedisReplayStore } from 'express-jwt-exchange/redis'
import 'express-jwt-exchange/augment'

const options: JwtExchangeOptions = {
  issuer: 'https://api.example.com/oauth2',
  identityProviders: [{ name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' }],
  clients: [{ clientId: 'app', clientSecret: 'secret-of-the-tests' }],
  accessToken: { audience: 'https://api.example.com' },
}
const exchange: JwtExchange = createJwtExchange(options)
const fromFile: JwtExchange = createJwtExchange(loadConfig('deployment.toml'))
const app = express()
app.use(exchange.router)
app.use('/oauth2', fromFile.router)
app.use(exchange.wellKnown)
passport.use(exchange.accessTokenStrategy)
passport.use('other-name', exchange.assertionStrategy)
app.get('/me', passport.authenticate(exchange.accessTokenStrategy, { session: false }), (req, res) => {
  res.json(req.user)
})
app.get('/x', exchange.protect({ scope: 'a' }), (req, res) => {
  const sub: string | undefined = req.auth?.sub
  const scopes: readonly string[] = req.auth?.scopes ?? []
  res.json({ sub, scopes })
})
const isAdmin = (req: express.Request) => (req.ip === '::1' ? 'alice' : false)
const admin: Admin = createAdmin(exchange, { authorize: isAdmin, hosts: ['admin.example.com'] })
app.use('/admin', admin)
app.use('/admin', createAdmin(exchange, { authorize: (req) => req.headers['x-user'] === 'alice' }))
app.use('/admin', createAdmin(exchange, { authorize: passport.authenticate('basic', { session: false }) }))
app.use('/admin', createAdmin(exchange, { authorize: exchange.protect({ scope: 'admin' }) }))
const adminOptions: AdminOptions = { authorize: async () => true, maxEvents: 10 }
admin.close()
const router = express.Router()
router.use(exchange.protect({ scope: ['a', 'b'] }))
exchange.events.on('token.issued', (e) => e.clientId?.toUpperCase())
const idp: Promise<FakeIdentityProvider> = FakeIdentityProvider.start()
const metrics: Metrics = collect(exchange, { maxIdentityProviders: 10 })
const families: readonly MetricFamily[] = metrics.data()
app.get('/metrics', (req, res) => res.type(metrics.contentType).send(metrics.text()))
declare const client: RedisClient
declare const pool: PostgresPool
createJwtExchange({ ...options, replay: { store: new RedisReplayStore(client, { prefix: 'a:' }), timeout: 500 } })
createJwtExchange({ ...options, replay: { store: new PostgresReplayStore(pool, { schema: 'a', table: 'b' }) } })
const names: string[] = replayStoreContract(() => new RedisReplayStore(client)).map(({ name }) => name)
const registrations = new FileIdentityProviderStore('identity-providers', { format: 'toml' })
names.push(...identityProviderStoreContract(() => registrations).map(({ name }) => name))
const withStore = loadConfig('deployment.toml', { replayStores: { mine: (url) => ({ markUsed: () => url !== '' }) } })
export { adminOptions, families, idp, names, router, withStore }

// @ts-expect-error No such option.
new RedisReplayStore(client, { prefx: 'a:' })
// @ts-expect-error No client.
new RedisReplayStore({ get: () => {} })

// @ts-expect-error No exchange.
collect({ stats: () => ({}) })

// @ts-expect-error authorize is required.
createAdmin(exchange, { hosts: ['a'] })

// @ts-expect-error No such event.
exchange.events.on('token.lost', () => {})
// @ts-expect-error No such member.
exchange.events.on('token.issued', (e) => e.clientSecret)
// @ts-expect-error No such option.
createJwtExchange({ ...options, isuer: 'https://api.example.com' })
// @ts-expect-error The issuer is required.
createJwtExchange({ identityProviders: [], accessToken: { audience: 'a' } })
`

/** A program that uses every subpath, for a resolution that does not know "exports". */
const NODE10_HOST = `
import { createJwtExchange, getAuth, type AccessToken } from 'express-jwt-exchange'
import { createAdmin } from 'express-jwt-exchange/admin'
import { loadConfig } from 'express-jwt-exchange/config'
import { FileIdentityProviderStore } from 'express-jwt-exchange/file-store'
import { collect } from 'express-jwt-exchange/metrics'
import { FakeIdentityProvider } from 'express-jwt-exchange/testing'
import { PostgresReplayStore } from 'express-jwt-exchange/postgres'
import { RedisReplayStore } from 'express-jwt-exchange/redis'
import 'express-jwt-exchange/augment'
const auth: AccessToken = getAuth({})
// @ts-expect-error A number.
const wrong: string = auth.expiresAt
createJwtExchange(loadConfig('deployment.toml'))
export { collect, createAdmin, FakeIdentityProvider, FileIdentityProviderStore, PostgresReplayStore, RedisReplayStore, wrong }
`

/** An app with sessions, whose users are its own. */
const HOST_WITH_USERS = (member: string) => `
import express from 'express'
import 'passport'
import 'express-jwt-exchange/augment'
declare global {
  namespace Express {
    interface User {
      id: number
      ${member}
    }
  }
}
const app = express()
app.get('/', (req, res) => {
  const id: number | undefined = req.user?.id
  const clientId: string | undefined = req.user?.clientId
  const sub: string | undefined = req.user?.sub
  const auth: string | undefined = req.auth?.sub
  res.json({ id, clientId, sub, auth })
  req.login({ id: 1, sub: 'alice' }, () => {})
})
`

describe('a host in TypeScript', () => {
  const withTypes = { express: 'express', passport: 'passport', '@types/express': '@types/express' }
  const types = { ...withTypes, '@types/node': '@types/node' }
  const compilerOptions = { target: 'es2022', module: 'nodenext', strict: true, noEmit: true, types: ['node'] }

  it('finds every subpath under moduleResolution node10', async () => {
    // TypeScript 7 does not know it any more.
    const older = createRequire(join(INSTALLED, '@arethetypeswrong/core/package.json')).resolve('typescript/bin/tsc')
    const host = packed.createHost('node10', types)
    write(host, 'host.ts', NODE10_HOST)
    // Without the types of a browser, which take most of the time.
    const resolution = { module: 'commonjs', moduleResolution: 'node10', lib: ['es2022'] }
    const options = { ...compilerOptions, ...resolution, skipLibCheck: false }
    write(host, 'tsconfig.json', JSON.stringify({ compilerOptions: options, files: ['host.ts'] }))
    expect(await run(process.execPath, [older, '-p', '.'], host)).toBe('')
  })

  it.each([
    ['no member of ours', ''],
    ['a member of ours, of our type', 'sub: string'],
  ])('adds the types of /augment to those of its users, who have %s', async (name, member) => {
    const host = packed.createHost(`users-${name.length}`, types)
    copyInto(host, '@types/passport')
    write(host, 'package.json', '{ "type": "module" }')
    write(host, 'host.ts', HOST_WITH_USERS(member))
    write(host, 'tsconfig.json', JSON.stringify({ compilerOptions, files: ['host.ts'] }))
    expect(await run(process.execPath, [TSC, '-p', '.'], host)).toBe('')
  })

  it.each([
    ['5', '@types/express'],
    ['4', '@types/express4'],
  ])('compiles strictly with the types of Express %s, library files included', async (version, types) => {
    const host = packed.createHost(`types-${version}`, {
      express: 'express',
      passport: 'passport',
      '@types/express': types,
      '@types/node': '@types/node',
    })
    copyInto(host, '@types/passport')
    const { version: found } = JSON.parse(readFileSync(join(host, 'node_modules/@types/express/package.json'), 'utf8'))
    expect(found).toMatch(new RegExp(`^${version}\\.`))
    write(host, 'package.json', '{ "type": "module" }')
    write(host, 'host.ts', TYPED_HOST)
    const compilerOptions = {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    }
    write(host, 'tsconfig.json', JSON.stringify({ compilerOptions, files: ['host.ts'] }))
    expect(await run(process.execPath, [TSC, '-p', '.'], host)).toBe('')
  })
})
