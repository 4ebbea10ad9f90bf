import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { codeBlocks } from '../support/document-code.js'
import { GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { type ReceivedResponse, sendRequest } from '../support/send-request.js'

const PAGE = 'docs/frameworks.md'
const CLIENT_SECRET = 'app-secret-of-the-tests'
const METADATA_PATH = '/.well-known/oauth-authorization-server/oauth2'
const [EXCHANGE = ''] = codeBlocks(PAGE, 'js', 'The exchange')
const [MAIN = ''] = codeBlocks(PAGE, 'ts', 'Nest')
const [WITH_PASSPORT = ''] = codeBlocks(PAGE, 'ts', 'Nest with Passport')

/** What the page warns of, and filters and guards for the whole app. */
const OTHER_APPS = `
import 'reflect-metadata'
import { type ArgumentsHost, Catch, Controller, Get, HttpException, type MiddlewareConsumer, Module, VersioningType } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { exchange } from './exchange.js'
import { accessToken } from './main.js'

@Controller({ path: 'bills', version: '1' })
class BillsController {
  @Get() findAll() { return [] }
}
@Controller({ path: 'orders', version: '1' })
class OrdersController {
  @Get() findAll() { return [] }
  @Get('thrown') thrown() { return exchange.verifyAccessToken('a.b.c') }
}
@Module({ controllers: [BillsController, OrdersController] })
class OfMiddleware {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(exchange.protect()).forRoutes('orders', BillsController)
    consumer.apply(exchange.router).forRoutes('oauth2{/*path}')
    consumer.apply(exchange.wellKnown).forRoutes('{*path}')
  }
}
const ofMiddleware = await NestFactory.create(OfMiddleware, { logger: false })
ofMiddleware.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI })
await ofMiddleware.listen(0)
export const middlewarePort: number = ofMiddleware.getHttpServer().address().port

@Catch(HttpException)
class Filter {
  catch(exception: HttpException, host: ArgumentsHost) {
    host.switchToHttp().getResponse().status(exception.getStatus()).json({ filtered: exception.getResponse() })
  }
}
@Module({ controllers: [OrdersController] })
class Guarded {}
const guarded = await NestFactory.create(Guarded, { logger: false })
guarded.useGlobalGuards(accessToken())
guarded.useGlobalFilters(new Filter())
guarded.use('/oauth2', exchange.router)
guarded.enableVersioning({ type: VersioningType.URI })
await guarded.listen(0)
export const guardedPort: number = guarded.getHttpServer().address().port
`
const RUN = `
import { port } from './main.js'
import { port as passportPort } from './with-passport.js'
import { guardedPort, middlewarePort } from './other-apps.js'
console.log(JSON.stringify({ main: port, guarded: guardedPort, middleware: middlewarePort, passport: passportPort }))
`

let directory: string
let idp: FakeIdentityProvider
beforeAll(async () => {
  mkdirSync('example-app/dist', { recursive: true })
  // Inside the package, so that its name resolves to itself.
  directory = resolve(mkdtempSync('example-app/dist/nest-'))
  idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
  writeFileSync(join(directory, 'exchange.ts'), EXCHANGE.replace(/process\.env\.\w+/g, "($& ?? '')"))
  const exportPort = 'export const port: number = app.getHttpServer().address().port\n'
  writeFileSync(join(directory, 'main.ts'), MAIN + exportPort)
  writeFileSync(join(directory, 'with-passport.ts'), WITH_PASSPORT + exportPort)
  writeFileSync(join(directory, 'other-apps.ts'), OTHER_APPS)
  writeFileSync(join(directory, 'run.ts'), RUN)
})
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await idp.close()
})

/** What Nest prints of itself is coloured text, and not JSON. */
async function firstJson(child: ChildProcess): Promise<Record<string, number>> {
  if (child.stdout === null) throw new Error('no output')
  let printed = ''
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('{')) return JSON.parse(line)
    printed += `${line}\n`
  }
  throw new Error(`The apps did not start:\n${printed}`)
}

describe('the code of the page', () => {
  it('compiles in strict TypeScript, with decorators', async () => {
    const compilerOptions = {
      ...{ target: 'es2023', module: 'nodenext', types: ['node'], strict: true, exactOptionalPropertyTypes: true },
      ...{ experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true },
    }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['run.ts'] }))
    const tsc = promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-p', directory])
    expect(await tsc.catch(({ stdout }) => ({ stdout }))).toMatchObject({ stdout: '' })
  })
})

describe.each([
  ['11', resolve('test/frameworks/nest11/node_modules/@nestjs')],
  ['12', resolve('node_modules/@nestjs')],
])('on Nest %s', (version, packages) => {
  let child: ChildProcess
  let ports: Record<string, number>
  beforeAll(async () => {
    const place = join(directory, version)
    mkdirSync(join(place, 'node_modules'), { recursive: true })
    symlinkSync(packages, join(place, 'node_modules/@nestjs'), 'junction')
    for (const file of ['exchange.js', 'main.js', 'with-passport.js', 'other-apps.js', 'run.js']) {
      cpSync(join(directory, file), join(place, file))
    }
    const env = { ...process.env, NODE_OPTIONS: '', IDP: idp.name, APP_SECRET: CLIENT_SECRET, PORT: '0' }
    child = spawn(process.execPath, [join(place, 'run.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    ports = await firstJson(child)
  })
  afterAll(() => void child.kill('SIGKILL'))

  const urlOf = (app: string) => `http://127.0.0.1:${ports[app]}`
  const get = (url: string, token?: string): Promise<ReceivedResponse> =>
    sendRequest(url, { method: 'GET', headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  const accessToken = async (scope: string, claims: Record<string, unknown> = {}): Promise<string> => {
    const form = { client_id: 'app', client_secret: CLIENT_SECRET, grant_type: GRANT_TYPE, scope }
    const body = new URLSearchParams({ ...form, assertion: await idp.issueAssertion(claims) }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await sendRequest(`${urlOf('main')}/oauth2/token`, { method: 'POST', headers, body })
    expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('access_token')])
    return JSON.parse(answer.body).access_token
  }

  it('the version is the one that is meant', () => {
    const { version: found } = createRequire(join(directory, version, 'run.js'))('@nestjs/core/package.json')
    expect(found.split('.')[0]).toBe(version)
  })

  it('a request without a token, and one with a bad token, get 401 with the challenge', async () => {
    const { status, headers, body } = await get(`${urlOf('main')}/orders`)
    expect([status, JSON.parse(body).error]).toEqual([401, 'invalid_token'])
    expect(headers['www-authenticate']).toBe(`Bearer realm="${ISSUER}", scope="orders:read"`)
    const forged = await get(`${urlOf('main')}/orders`, 'a.b.c')
    expect([forged.status, forged.headers['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')])
  })

  it('a token without the scope gets 403 with the challenge', async () => {
    const { status, headers, body } = await get(`${urlOf('main')}/orders`, await accessToken('openid'))
    expect([status, JSON.parse(body).error]).toEqual([403, 'insufficient_scope'])
    expect(headers['www-authenticate']).toContain('error="insufficient_scope"')
  })

  it('an access token opens the route', async () => {
    const { status, body } = await get(`${urlOf('main')}/orders`, await accessToken('orders:read'))
    expect([status, JSON.parse(body)]).toEqual([200, { for: 'alice' }])
  })

  it('the metadata and the key set are served, and every other path is left to Nest', async () => {
    expect(JSON.parse((await get(urlOf('main') + METADATA_PATH)).body).issuer).toBe(ISSUER)
    expect(JSON.parse((await get(`${urlOf('main')}/oauth2/jwks`)).body).keys).toHaveLength(1)
    for (const path of ['/', '/oauth2/other', '/.well-known/x']) {
      const { status, body } = await get(urlOf('main') + path)
      expect([path, status, JSON.parse(body).message]).toEqual([path, 404, `Cannot GET ${path}`])
    }
  })

  it('the strategy class accepts tokens with the scope, and its refusals keep their status and their challenge', async () => {
    const url = `${urlOf('passport')}/orders`
    const opened = await get(url, await accessToken('orders:read'))
    expect([opened.status, JSON.parse(opened.body)]).toEqual([200, { for: 'alice' }])
    const missing = await get(url)
    expect([missing.status, missing.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('Bearer realm='),
    ])
    const { status, headers } = await get(url, await accessToken('openid'))
    expect([status, headers['www-authenticate']]).toEqual([403, expect.stringContaining('insufficient_scope')])
  })

  it('a user that cannot be loaded is 401, and an outage of the host is 503 with Retry-After', async () => {
    const url = `${urlOf('passport')}/orders`
    const token = (sub: string) => accessToken('orders:read', { sub })
    expect((await get(url, await token('nobody'))).status).toBe(401)
    const { status, headers } = await get(url, await token('outage'))
    expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)])
  })

  it('a guard for all routes protects them, and not the token endpoint; a filter sees refusals with their headers set', async () => {
    const url = urlOf('guarded')
    const refused = await get(`${url}/v1/orders`)
    expect([refused.status, JSON.parse(refused.body).filtered.error]).toEqual([401, 'invalid_token'])
    expect(refused.headers['www-authenticate']).toContain('Bearer realm=')
    expect((await get(`${url}/v1/orders`, await accessToken('openid'))).status).toBe(200)
    expect((await get(`${url}/oauth2/jwks`)).status).toBe(200)
  })

  it('an error of verifyAccessToken that a handler throws is 401, without its reason', async () => {
    const { status, body } = await get(`${urlOf('middleware')}/api/v1/orders/thrown`)
    expect([status, JSON.parse(body)]).toEqual([401, { statusCode: 401, message: 'Unauthorized' }])
  })

  it('forRoutes has the faults that the page warns of', async () => {
    const statuses = async (...paths: string[]) =>
      await Promise.all(paths.map(async (path) => [path, (await get(urlOf('middleware') + path)).status]))
    expect(await statuses('/api/v1/orders', '/api/v1/bills', METADATA_PATH, '/api/oauth2/jwks')).toEqual([
      ['/api/v1/orders', 200],
      ['/api/v1/bills', 401],
      [METADATA_PATH, 404],
      ['/api/oauth2/jwks', 404],
    ])
  })
})
