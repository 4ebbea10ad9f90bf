import { execFile, execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { SignJWT } from 'jose'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import { clientSecretOf } from '../support/deployment-file.js'
import { AUDIENCE, type ExchangeHost, GRANT_TYPE, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { blocksOf, HEAD, OWN_KEY, sampleOf, sectionOf, startRecipe, withRecipe } from '../support/recipes.js'

const run = promisify(execFile)
const CODE = sectionOf('Exchange a token')
const [CURL = ''] = blocksOf(CODE, 'sh')
const WITHOUT_PROXY = { NO_PROXY: '*', PATH: process.env.PATH ?? '', HOME: '/nowhere' }

const itWithCurl = answers('curl', '--version') && answers('jq', '--version') ? it : it.skip
const itWithGo = answers('go', 'version') ? it : it.skip
const itWithRequests = answers('python3', '-c', 'import requests') ? it : it.skip
const itWithYaml = answers('python3', '-c', 'import yaml') ? it : it.skip
const itWithAuthlib = answers('python3', '-c', 'import requests, authlib') ? it : it.skip
const describeWithOpenssl = answers('openssl', 'version') ? describe : describe.skip

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'token-exchange-code-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function answers(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Code with other addresses. Nothing may be sent to an address that is not of this machine. */
function withAddresses(code: string, addresses: Readonly<Record<string, string>>): string {
  const moved = Object.entries(addresses).reduce((text, [from, to]) => text.replaceAll(from, to), code)
  expect(moved.match(/https?:\/\/(?!127\.0\.0\.1:)[^\s"'`]+/g) ?? []).toEqual([])
  return moved
}

function endpointOf(host: ExchangeHost): Record<string, string> {
  return { [TOKEN_ENDPOINT]: `${host.url}/oauth2/token`, [`${AUDIENCE}/orders`]: `${host.url}/orders` }
}

/** What an access token says, if the script printed one. */
function readAccessToken(printed: string): { sub?: string; scope?: string } {
  const [, payload = ''] = printed.trim().split('.')
  const { sub, scope } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return { sub, scope }
}

async function runScript(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const { stdout } = await run(command, args, { env: { ...WITHOUT_PROXY, ...env }, timeout: 100_000 })
  return stdout
}

function runBash(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return runScript('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], env)
}

/** The script of a step, or of a line of a job: what is indented below `key: |` or `- |`. */
function scriptBelow(yaml: string, start: string): string {
  const lines = yaml.slice(yaml.indexOf(`${start}\n`) + start.length + 1).split('\n')
  const indentation = /^ */.exec(lines[0] ?? '')?.[0] ?? ''
  const end = lines.findIndex((line) => line !== '' && !line.startsWith(indentation))
  return lines
    .slice(0, end === -1 ? undefined : end)
    .map((line) => line.slice(indentation.length))
    .join('\n')
}

interface Platform {
  url: string
  /** The parameters and the headers of its last request. */
  last: { parameters: Record<string, string>; headers: IncomingHttpHeaders } | undefined
  close(): void
}

/** What a runner or a machine has: it answers every request with what `answer` makes. */
async function startPlatform(answer: () => Promise<string>): Promise<Platform> {
  const platform: Platform = { url: '', last: undefined, close: () => void server.close().closeAllConnections() }
  const server: Server = createServer((incoming, response) => {
    const parameters = Object.fromEntries(new URL(incoming.url ?? '', 'http://platform').searchParams)
    platform.last = { parameters, headers: incoming.headers }
    void answer().then((text) => response.end(text))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  platform.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return platform
}

/** Runs `use` with a recipe's host, and a platform that issues the recipe's assertion. */
async function withPlatform<Result>(
  vendor: string,
  wrap: (assertion: string) => string,
  use: (host: ExchangeHost, platform: Platform) => Promise<Result>,
): Promise<Result> {
  return await withRecipe(vendor, async (host) => {
    const platform = await startPlatform(async () => wrap(await assertionOf(host, vendor)))
    return await use(host, platform).finally(() => platform.close())
  })
}

function assertionOf(host: ExchangeHost, vendor: string): Promise<string> {
  const { claims, header } = sampleOf(vendor)
  return host.idp.issueAssertion(claims, header)
}

describe('the code that exchanges a token', () => {
  const vendor = 'GitHub Actions'
  const { becomes } = sampleOf(vendor)
  let host: ExchangeHost
  beforeAll(async () => {
    host = await startRecipe(blocksOf(sectionOf(vendor))[0] ?? '')
  })
  afterAll(() => host?.close())

  itWithCurl('is two parameters for curl', async () => {
    const ASSERTION = await assertionOf(host, vendor)
    const answer = JSON.parse(await runBash(withAddresses(CURL, endpointOf(host)), { ASSERTION }))
    expect(readAccessToken(answer.access_token)).toEqual(becomes)
    expect(answer.scope).toBe(becomes.scope)
  })

  itWithCurl('adds the client as it says', async () => {
    const [, option = ''] = /`(-u "app:\$APP_SECRET")`/.exec(CODE) ?? []
    const env = { ASSERTION: await assertionOf(host, vendor), APP_SECRET: clientSecretOf('app') }
    const answer = JSON.parse(await runBash(`${withAddresses(CURL, endpointOf(host)).trimEnd()} ${option}`, env))
    expect(readAccessToken(answer.access_token)).toEqual({ ...becomes, scope: 'orders:read orders:write' })
    expect(host.events.findLast(({ name }) => name === 'token.issued')?.clientId).toBe('app')
  })

  it('is a function in Node, which also says why it was refused', async () => {
    const [code = ''] = blocksOf(CODE, 'js')
    const path = join(directory, 'exchange.mjs')
    writeFileSync(
      path,
      `${withAddresses(code, endpointOf(host))}\nconsole.log(await exchange(process.env.ASSERTION).catch(String))\n`,
    )
    const ASSERTION = await assertionOf(host, vendor)
    expect(readAccessToken(await runScript(process.execPath, [path], { ASSERTION }))).toEqual(becomes)
    expect(await runScript(process.execPath, [path], { ASSERTION })).toMatch(/^Error: 400 invalid_grant: /)
  })

  itWithRequests('is a function in Python, which also says why it was refused', async () => {
    const [code = ''] = blocksOf(CODE, 'python')
    const script = `${withAddresses(code, endpointOf(host))}\nimport os\nprint(exchange(os.environ["ASSERTION"]))\n`
    const ASSERTION = await assertionOf(host, vendor)
    expect(readAccessToken(await runScript('python3', ['-c', script], { ASSERTION }))).toEqual(becomes)
    await expect(runScript('python3', ['-c', script], { ASSERTION })).rejects.toThrow(/400 invalid_grant/)
  })

  itWithGo(
    'is a function in Go, which also says why it was refused',
    async () => {
      const [code = ''] = blocksOf(CODE, 'go')
      const imports = ['encoding/json', 'fmt', 'net/http', 'net/url', 'os', 'time']
        .map((name) => `"${name}"`)
        .join('\n')
      const main = `func main() { fmt.Println(exchange(os.Getenv("ASSERTION"))) }`
      const path = join(directory, 'main.go')
      writeFileSync(
        path,
        `package main\n\nimport (\n${imports}\n)\n\n${withAddresses(code, endpointOf(host))}\n${main}\n`,
      )
      const caches = { HOME: process.env.HOME ?? directory, GOTOOLCHAIN: 'local' }
      const env = { ASSERTION: await assertionOf(host, vendor), ...caches }
      expect(readAccessToken((await runScript('go', ['run', path], env)).replace(' <nil>', ''))).toEqual(becomes)
      expect(await runScript('go', ['run', path], env)).toContain('400 Bad Request: invalid_grant')
    },
    240_000,
  )

  it.each(['js', 'python', 'go'])('sends the right names and values in %s, even if that cannot be run', (language) => {
    const [code = ''] = blocksOf(CODE, language)
    expect([...code.matchAll(/https?:[^\s"'`]+/g)].map(([url]) => url)).toEqual([TOKEN_ENDPOINT])
    expect(code).toMatch(new RegExp(`"?grant_type"?: \\{?['"]${GRANT_TYPE}['"]`))
    expect(code).toMatch(/\bassertion\b/)
    expect(code).not.toContain('client_id')
  })
})

describe('the job or machine of a recipe', () => {
  const audience = TOKEN_ENDPOINT

  itWithYaml('is valid YAML', async () => {
    const texts = ['GitHub Actions', 'GitLab CI', 'Kubernetes'].flatMap((vendor) => blocksOf(sectionOf(vendor), 'yaml'))
    const script =
      'import os, json, yaml; print([list(yaml.safe_load(text)) for text in json.loads(os.environ["TEXTS"])])'
    // YAML 1.1 reads `on` as `true`.
    expect(await runScript('python3', ['-c', script], { TEXTS: JSON.stringify(texts) })).toBe(
      "[['name', True, 'permissions', 'jobs'], ['deploy'], ['apiVersion', 'kind', 'metadata', 'spec']]\n",
    )
  })

  itWithCurl('is a step of a GitHub workflow, which masks both tokens', async () => {
    const vendor = 'GitHub Actions'
    const [workflow = ''] = blocksOf(sectionOf(vendor), 'yaml')
    expect(workflow).toMatch(/^permissions:\n( {2}.*\n)* {2}id-token: write$/m)
    const output = join(directory, 'github-output')
    const wrap = (value: string) => JSON.stringify({ value })
    const { printed, accessToken, orders, last } = await withPlatform(vendor, wrap, async (host, platform) => {
      const env = {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${platform.url}/token?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
        GITHUB_OUTPUT: output,
      }
      const script = scriptBelow(workflow, '        run: |').replace(`audience=${audience}`, 'audience=$AUDIENCE')
      const moved = withAddresses(script, endpointOf(host)).replace('$AUDIENCE', audience)
      const printed = await runBash(moved, env)
      const ACCESS_TOKEN = readFileSync(output, 'utf8').trim().replace('access_token=', '')
      const next = scriptBelow(workflow.slice(workflow.indexOf('- name: Use it')), '        run: |')
      const orders = JSON.parse(await runBash(withAddresses(next, endpointOf(host)), { ACCESS_TOKEN }))
      return { printed, accessToken: ACCESS_TOKEN, orders, last: platform.last }
    })
    expect(last?.parameters).toEqual({ 'api-version': '2.0', audience })
    expect(last?.headers.authorization).toBe('Bearer of-the-job')
    expect(orders).toMatchObject({ sub: sampleOf(vendor).becomes.sub })
    expect(readAccessToken(accessToken)).toEqual(sampleOf(vendor).becomes)
    expect(printed).toMatch(/^::add-mask::[\w.-]+\n::add-mask::[\w.-]+\n$/)
    expect(printed).toContain(`::add-mask::${accessToken}\n`)
  })

  itWithCurl('is a job of GitLab, which fails with the reason if its token was used', async () => {
    const vendor = 'GitLab CI'
    const [job = ''] = blocksOf(sectionOf(vendor), 'yaml')
    expect(job).toContain(`  id_tokens:\n    ASSERTION:\n      aud: ${audience}\n`)
    await withRecipe(vendor, async (host) => {
      const script = withAddresses(scriptBelow(job, '    - |'), endpointOf(host))
      const ASSERTION = await assertionOf(host, vendor)
      const { sub } = sampleOf(vendor).becomes
      expect(JSON.parse(await runBash(script, { ASSERTION }))).toMatchObject({ sub })
      await expect(runBash(script, { ASSERTION })).rejects.toMatchObject({
        stdout: expect.stringContaining('invalid_grant'),
      })
    })
  })

  itWithCurl('is a pod, which reads its file for each exchange', async () => {
    const vendor = 'Kubernetes'
    const [pod = ''] = blocksOf(sectionOf(vendor), 'yaml')
    const [curl = ''] = blocksOf(sectionOf(vendor), 'sh')
    const mount = /mountPath: (\S+)/.exec(pod)?.[1]
    expect(pod).toContain(`serviceAccountToken:\n              audience: ${audience}\n`)
    expect(curl).toContain(`assertion@${mount}/${/ path: (\S+)/.exec(pod)?.[1]}`)
    await withRecipe(vendor, async (host) => {
      writeFileSync(join(directory, 'token'), await assertionOf(host, vendor))
      const script = withAddresses(curl, { ...endpointOf(host), [`${mount}/token`]: join(directory, 'token') })
      for (const _time of ['first', 'second']) {
        const { access_token: accessToken } = JSON.parse(await runBash(script))
        expect(readAccessToken(accessToken)).toEqual(sampleOf(vendor).becomes)
      }
    })
  })

  itWithCurl.each([
    ['Google', 'http://metadata.google.internal', (token: string) => token, { audience }, 'metadata-flavor', 'Google'],
    [
      'Microsoft Entra ID',
      'http://169.254.169.254',
      (token: string) => JSON.stringify({ access_token: token }),
      { 'api-version': '2018-02-01', resource: 'api://66666666-7777-8888-9999-aaaaaaaaaaaa' },
      'metadata',
      'true',
    ],
  ])('is a machine of %s', async (vendor, metadata, wrap, parameters, header, value) => {
    const [script = ''] = blocksOf(sectionOf(vendor), 'sh')
    const { answer, last } = await withPlatform(vendor, wrap, async (host, platform) => {
      const getToken = script.replace(`audience=${audience}`, 'audience=$AUDIENCE')
      const moved = withAddresses(`${getToken}\n${CURL}`, { ...endpointOf(host), [metadata]: platform.url })
      const printed = await runBash(moved.replace('$AUDIENCE', audience))
      return { answer: JSON.parse(printed), last: platform.last }
    })
    expect(last?.parameters).toEqual(parameters)
    expect(last?.headers[header]).toBe(value)
    expect(readAccessToken(answer.access_token)).toEqual(sampleOf(vendor).becomes)
  })
})

describeWithOpenssl('a key of your own', () => {
  const section = sectionOf(OWN_KEY)
  const [toml = ''] = blocksOf(section)
  const [go = ''] = blocksOf(section, 'go')
  const [python = ''] = blocksOf(section, 'python')
  const { becomes } = sampleOf(OWN_KEY)
  let host: ExchangeHost

  beforeAll(async () => {
    const [openssl = ''] = blocksOf(section, 'sh')
    await run('bash', ['-c', openssl], { cwd: directory })
    writeFileSync(join(directory, 'deployment.toml'), HEAD + toml)
    const options = loadConfig(join(directory, 'deployment.toml'), { env: { APP_SECRET: clientSecretOf('app') } })
    const { identityProviders = [], clients = [], subject = 'raw' } = options
    host = await startExchangeHost({ exchange: { identityProviders, clients, subject } })
  })
  afterAll(() => host?.close())

  const now = () => Math.floor(Date.now() / 1000)
  const stringIn = (code: string, name: string) => new RegExp(`\\b${name}[:=]\\s*"([^"]+)"`).exec(code)?.[1]

  /** Signs as the libraries do, which may not be here. */
  async function post(claims: Record<string, unknown>) {
    const key = createPrivateKey(readFileSync(join(directory, 'batch.key')))
    const assertion = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT' }).sign(key)
    const form = { grant_type: GRANT_TYPE, assertion }
    const { status, body } = await request(host.url).post('/oauth2/token').type('form').send(form)
    return { status, reason: status === 200 ? undefined : host.lastReason(), accessToken: body.access_token }
  }

  it('is accepted in the assertion that the Go code makes, and only once in a second', async () => {
    const sub = stringIn(go, 'Subject')
    const times = { iat: now() - 10, exp: now() - 10 + 3600 }
    const claims = { iss: stringIn(go, 'Email'), aud: stringIn(go, 'TokenURL'), sub, prn: sub, ...times }
    const { status, accessToken } = await post(claims)
    expect({ status, ...readAccessToken(accessToken) }).toEqual({ status: 200, ...becomes })
    expect(await post(claims)).toMatchObject({ status: 400, reason: 'replayed' })
    expect(await post({ ...claims, iat: times.iat - 1 })).toMatchObject({ status: 200 })
  })

  it('is accepted in the assertion that Authlib makes, but not again with a fixed jti', async () => {
    const iss = stringIn(python, 'issuer')
    const claims = { iss, aud: stringIn(python, 'token_endpoint'), sub: stringIn(python, 'subject') }
    const make = (iat: number, more = {}) => ({ ...claims, iat, exp: iat + 3600, ...more })
    expect(await post(make(now()))).toMatchObject({ status: 200 })
    expect(await post(make(now() - 20, { jti: 'fixed' }))).toMatchObject({ status: 200 })
    expect(await post(make(now(), { jti: 'fixed' }))).toMatchObject({ status: 400, reason: 'replayed' })
  })

  itWithAuthlib('is accepted from Authlib itself', async () => {
    const endpoint = endpointOf(host)
    const audience = `        audience="${TOKEN_ENDPOINT}",\n        header=`
    const moved = python.replace(`"${TOKEN_ENDPOINT}"`, `"${endpoint[TOKEN_ENDPOINT]}"`)
    const main = 'print(new_session(open("batch.key").read()).refresh_token()["access_token"])'
    const script = `${moved.replace('        header=', audience)}\n${main}\n`
    const { stdout } = await run('python3', ['-c', script], { cwd: directory })
    expect(readAccessToken(stdout)).toEqual(becomes)
  })
})
