import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { checkFile } from '../../src/config/load-config.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminHost, startAdminHost } from '../support/admin-host.js'
import { type AppProcess, startApp } from '../support/app-process.js'
import { RSA_CERTIFICATE } from '../support/certificates.js'
import { createDeploymentFile } from '../support/deployment-file.js'
import { codeBlocks } from '../support/document-code.js'

/** The example app starts for the requests. */
jest.setTimeout(60_000)

const PAGE = readFileSync('docs/wso2.md', 'utf8')
const [TOML = ''] = codeBlocks('docs/wso2.md', 'toml')
const [CREATE = '', EXPORT = '', IMPORT = '', CHECK = '', START = '', WITH_BASIC = '', WITH_SCOPE = '', ...OTHERS] =
  codeBlocks('docs/wso2.md', 'sh')
const SECRET = 'only-for-trying-it'
const OF_WSO2 =
  '[server]\nhostname = "localhost"\n[super_admin]\nusername = "admin"\n[database.identity_db]\ntype = "h2"\n[keystore.primary]\nfile_name = "wso2carbon.jks"\n'

const file = createDeploymentFile()
let idp: FakeIdentityProvider
beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ alias: 'https://localhost:9443/oauth2/token', algorithm: 'ES256' })
})
afterAll(async () => {
  await idp.close()
  file.remove()
})

/** The file of the page, for the fake identity provider. */
function ofIdp(toml = TOML): string {
  return toml
    .replace('https://exampleidp.com/oauth2/default/v1/keys', idp.jwksUri)
    .replace('https://exampleidp.com/oauth2/default"', `${idp.name}"`)
}

const env = { APP_SECRET: SECRET }
const load = (toml: string, options = {}) => {
  file.write(toml)
  return loadConfig(file.path, { env, ...options })
}

describe('docs/wso2.md', () => {
  it('has a file that is accepted, and refused without the line that says who is accepted', () => {
    expect(load(TOML).identityProviders).toEqual([
      {
        name: 'https://exampleidp.com/oauth2/default',
        alias: 'https://localhost:9443/oauth2/token',
        jwksUri: 'https://exampleidp.com/oauth2/default/v1/keys',
        allowedSubjects: ['admin', 'service-*'],
      },
    ])
    expect(() => load(TOML.replace(/^allowed_subjects.*$/m, ''))).toThrow('nothing restricts who is accepted')
  })

  it('has a line for certificates instead of an endpoint', () => {
    const [, line = ''] = /`(certificates = \["idp.pem"\])`/.exec(PAGE) ?? []
    file.writeBeside('idp.pem', RSA_CERTIFICATE)
    expect(load(TOML.replace(/^jwks_uri.*$/m, line)).identityProviders?.[0]?.certificates).toEqual([RSA_CERTIFICATE])
  })

  it('has the defaults of the keys that WSO2 IS and this package share', () => {
    const { jwksEndpoint } = load(TOML)
    expect(jwksEndpoint).toEqual({ enable: true, connectionTimeout: 1000, readTimeout: 1000, sizeLimitBytes: 51_200 })
    file.write(TOML.replace(/\[oauth.jwks_endpoint\][^[]*/, ''))
    const { settings } = checkFile(readFileSync(file.path, 'utf8'), file.path, { env })
    expect(settings.jwksEndpoint).toMatchObject(jwksEndpoint ?? {})
    for (const [key, value] of [
      ['connection_timeout', '1000'],
      ['read_timeout', '1000'],
      ['size_limit_bytes', '51 200'],
    ]) {
      expect(PAGE).toMatch(new RegExp(`\\| \`${key}\` \\| .*Default: ${value} \\|`))
    }
    expect(settings.identityProviders[0]?.limits.maxAge).toBe(1800)
    for (const key of ['cache_max_age', 'cache_max_age_fallback', 'cooldown_duration']) {
      expect(load(TOML.replace('enable = true', `${key} = 60000`)).jwksEndpoint).toBeDefined()
    }
    expect(load(`${TOML}[assertion]\nmax_age = 1800\n`).assertion).toEqual({ maxAge: 1800 })
  })

  it('names tables of WSO2 IS that get a note, and what is still an error', async () => {
    expect(() => load(TOML + OF_WSO2)).toThrow('unknown option')
    expect(load(TOML + OF_WSO2, { ignoreUnknownTables: true }).identityProviders).toHaveLength(1)
    for (const table of ['[server]', '[super_admin]', '[database.identity_db]', '[keystore.primary]']) {
      expect([PAGE.includes(`\`${table}\``), OF_WSO2.includes(table)]).toEqual([true, true])
    }
    const refused = ['[[identity_providers]]\nname = "a"', '[oauth.grant_type.jwt]\niat_validity_period = 60']
    for (const table of refused) {
      expect(() => load(`${TOML}${table}\n`, { ignoreUnknownTables: true })).toThrow('deployment.toml:')
    }
    const unknownKey = TOML.replace('enable = true', 'enabel = true')
    expect(() => load(unknownKey, { ignoreUnknownTables: true })).toThrow('did you mean `enable`?')
  })

  it('has a command that checks such a file', async () => {
    file.write(ofIdp() + OF_WSO2)
    const command = CHECK.trim().replace('npx express-jwt-exchange', `${process.execPath} dist/cli/main.js`)
    const run = (line: string) =>
      promisify(execFile)('bash', ['-c', line.replace('deployment.toml', file.path)], {
        env: { ...process.env, ...env, NODE_OPTIONS: '' },
      })
    expect((await run(command)).stdout).toContain('[server] is not of this package and is ignored')
    await expect(run(command.replace('--ignore-unknown-tables', ''))).rejects.toMatchObject({ code: 1 })
  })
})

describe('the admin API and the page in docs/wso2.md', () => {
  const PASSWORD = 'a password of the tests'
  let host: AdminHost
  beforeAll(async () => {
    const expected = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
    host = await startAdminHost({ admin: { authorize: ({ headers }) => headers.authorization === expected } })
  })
  afterAll(() => host.close())

  const run = async (command: string) => {
    const line = command.replaceAll('https://api.example.com', host.url).replaceAll('curl ', 'curl -sS ')
    const { stdout } = await promisify(execFile)('bash', ['-euc', line], {
      cwd: file.directory,
      env: { ...process.env, ADMIN_PASSWORD: PASSWORD },
    })
    return JSON.parse(stdout)
  }

  it('register the identity provider of the file', async () => {
    const { registration } = await run(CREATE)
    const { id, network, ...others } = registration
    expect([id, network]).toEqual([expect.stringMatching(/^exampleidp-com-oauth2-default-/), 'public'])
    expect([others]).toEqual(load(TOML).identityProviders)
    expect(OTHERS).toEqual([])
  })

  it('import one from WSO2 IS, at an address that its API has', async () => {
    expect(EXPORT).toMatch(/https:\/\/localhost:9443\/api\/server\/v1\/identity-providers\/ID .* > idp\.json\n$/)
    const exported = {
      id: '123e4567-e89b-12d3-a456-556642440000',
      name: 'partner',
      idpIssuerName: 'https://login.partner.example',
      isEnabled: true,
      alias: 'https://localhost:9443/oauth2/token',
      certificate: { jwksUri: 'https://login.partner.example/keys' },
      claims: { mappings: [{ idpClaim: 'country', localClaim: { uri: 'http://wso2.org/claims/country' } }] },
      roles: { mappings: [{ idpRole: 'a', localRole: 'b' }] },
      federatedAuthenticators: { authenticators: [{ properties: [{ key: 'ClientSecret', value: 'not to be seen' }] }] },
    }
    file.writeBeside('idp.json', JSON.stringify(exported))
    const answer = await run(IMPORT)
    expect(answer.saved).toHaveLength(1)
    expect(await host.store.get(answer.saved[0])).toMatchObject({
      displayName: 'partner',
      name: 'https://login.partner.example',
      jwksUri: 'https://login.partner.example/keys',
      allowedSubjects: ['service-*'],
    })
    const paths = answer.registrations[0].notMapped.map(({ path }: { path: string }) => path)
    expect(paths).toEqual(expect.arrayContaining(['claims', 'roles', 'federatedAuthenticators']))
    expect(JSON.stringify(answer)).not.toContain('not to be seen')
  })

  it('have the names of the guide', () => {
    const page = ['identity-fields', 'key-source-fields', 'identity-providers']
      .map((name) => readFileSync(`src/admin-page/${name}.tsx`, 'utf8'))
      .join('')
    const [, section = ''] = /### On a page\n(.*?)\n###/s.exec(PAGE) ?? []
    const named = [...section.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name.replace(/\s+/g, ' '))
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => !page.includes(name))).toEqual([])
  })
})

describe('the requests of docs/wso2.md', () => {
  let app: AppProcess
  beforeAll(async () => {
    file.write(ofIdp())
    const variables = Object.fromEntries(
      [...START.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
    )
    expect(variables).toEqual({ APP_SECRET: SECRET, TLS: '1', PORT: '9443', CONFIG: 'deployment.toml' })
    app = await startApp('Listening on', { ...variables, CONFIG: file.path, PORT: '0' })
  })
  afterAll(() => app.end())

  const curl = async (command: string, assertion: string) => {
    const line = command.trim().replace('<JWT>', assertion).replace('https://localhost:9443', app.url)
    return (await promisify(execFile)('bash', ['-c', line])).stdout
  }

  it('get an access token, as they are written', async () => {
    const issue = () => idp.issueAssertion({ sub: 'admin' })
    expect(await curl(WITH_BASIC, await issue())).toMatch(/^HTTP\/1.1 200 OK.*"access_token":"ey/s)
    const answer = JSON.parse(await curl(WITH_SCOPE, await issue()))
    expect(Object.keys(answer).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
    expect(answer.scope).toBe('openid')
  })

  it('are refused for a subject that is not accepted, and the second time', async () => {
    expect(await curl(WITH_BASIC, await idp.issueAssertion({ sub: 'mallory' }))).toMatch(/^HTTP\/1.1 400 /)
    const assertion = await idp.issueAssertion({ sub: 'service-1' })
    expect(await curl(WITH_BASIC, assertion)).toMatch(/^HTTP\/1.1 200 /)
    expect(await curl(WITH_BASIC, assertion)).toMatch(/^HTTP\/1.1 400 .*invalid_grant/s)
  })
})
