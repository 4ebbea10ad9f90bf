import { afterAll, describe, expect, it } from '@jest/globals'
import { runCommandLine } from '../../../src/cli/run-command-line.js'
import { loadConfig, readConfig, watchConfig } from '../../../src/config/index.js'
import { checkFile } from '../../../src/config/load-config.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { createDeploymentFile } from '../../support/deployment-file.js'

const OURS = `issuer = "https://api.example.com/oauth2"

[access_token]
audience = "https://api.example.com"

[[identity_provider]]
name = "https://exampleidp.com/oauth2/default"
jwks_uri = "https://exampleidp.com/oauth2/default/v1/keys"
allowed_subjects = ["service-*"]

[[client]]
client_id = "app"
client_secret = "a secret of the tests"
`
/** What a new WSO2 Identity Server has in its file, and the tables of its guide. */
const OF_WSO2 = `
[server]
hostname = "localhost"
base_path = "https://$ref{server.hostname}:\${carbon.management.port}"

[super_admin]
username = "admin"
password = "wso2-secret"

[user_store]
type = "database_unique_id"

[database.identity_db]
type = "h2"
password = "wso2-secret"

[database.shared_db]
type = "h2"

[keystore.primary]
file_name = "wso2carbon.jks"
password = "wso2-secret"

[truststore]
file_name = "client-truststore.jks"

[account_recovery.endpoint.auth]
hash = "66cd9688a2ae068244ea01e70f0e230f"

[identity.auth_framework.endpoint]
app_password = "dashboard"

[[session.nonce.cookies.whitelist.authenticators]]
name = "MagicLinkAuthenticator"

[[event_listener]]
id = "custom"

[[resource.access_control]]
context = "(.*)/api/(.*)"

[authentication.consent]
prompt = true

[oauth]
hash_tokens_and_secrets = true

[oauth.jwks_endpoint]
enable = true
connection_timeout = 700
read_timeout = 800
size_limit_bytes = 40000

[oauth.token_validation]
app_access_token_validity = "1h"

[oauth.grant_type.jwt]
enable_iat_validation = "true"
iat_validity_period = 30

[oauth.access_token]
generate_with_sp_tenant_domain = true
`

const file = createDeploymentFile()
afterAll(() => file.remove())

function problemsOf(toml: string, ignoreUnknownTables = true): string[] {
  file.write(toml)
  try {
    loadConfig(file.path, { ignoreUnknownTables })
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ location = '', message }) => `${location.split('.toml:')[1]} ${message}`)
  }
}

describe('a file with tables of another program', () => {
  it('is refused without ignoreUnknownTables, and with false', () => {
    expect(problemsOf(OURS + OF_WSO2, false).length).toBeGreaterThan(10)
    file.write(OURS + OF_WSO2)
    expect(() => loadConfig(file.path)).toThrow('unknown option')
  })

  it.each<[string, string]>([
    ['the plural of one', '[[identity_providers]]\nname = "a"'],
    ['one with other letters', '[acess_token]\nlifetime = 60'],
    ['one in upper case', '[[Client]]\nclient_id = "a"'],
    ['a part of one', '[jwks]\nread_timeout = 5'],
    ['a longer one', '[replay_store]\nstore = "redis"'],
    ['one without its first part', '[jwks_endpoint]\nread_timeout = 5'],
    ['one that belongs within an identity provider', '[[binding]]\nname = "deploy"'],
    ['conditions without their identity provider', '[required_claims]\nhd = "example.com"'],
    ['an old name', '[[grant]]\nname = "deploy"'],
    ['what others call it', '[[trusted_issuers]]\nname = "a"'],
    ['a slip in the table of WSO2', '[oauth.jwks_endpoints]\nread_timeout = 5'],
    ['the short form of the table of WSO2', '[oauth.jwks]\nread_timeout = 5'],
  ])('is refused if a name in it is like one of ours: %s', (_, table) => {
    const problems = problemsOf(`${OURS}\n${table}\n`)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems[0]).toMatch(/^15:\d+ /)
  })

  it.each([
    ['a key at the top', `hostname = "localhost"\n${OURS}`, '1:1 '],
    ['a list of numbers at the top', `ports = [1, 2]\n${OURS}`, '1:1 '],
    ['an unknown key in one of our tables', `${OURS}[oauth.jwks_endpoint]\nretries = 3\n`, '15:1 '],
    ['an unknown table in one of our tables', `${OURS}[access_token.oauth]\na = 1\n`, '14:1 '],
  ])('is refused for what is no table of its own: %s', (_, toml, place) => {
    expect(problemsOf(toml)).toEqual([expect.stringContaining(place)])
  })

  it('is refused if the limit of WSO2 on the age of an assertion would be lost', () => {
    const shorter = OF_WSO2.replace('iat_validity_period = 30', 'iat_validity_period = 5')
    expect(problemsOf(OURS + shorter)).toEqual([
      expect.stringContaining('set the same limit, in seconds, in `[assertion]`: max_age = 300'),
    ])
    expect(problemsOf(`${OURS}${shorter}[assertion]\nmax_age = 300\n`)).toEqual([])
    expect(problemsOf(OURS + OF_WSO2.replace('period = 30', 'period = "soon"'))).toHaveLength(1)
    expect(problemsOf(OURS + shorter.replace('"true"', '"false"'))).toEqual([])
  })

  it('is refused if ignoreUnknownTables is neither true nor false', () => {
    file.write(OURS)
    const ignoreUnknownTables = 'yes' as unknown as boolean
    for (const read of [loadConfig, readConfig, watchConfig]) {
      expect(() => read(file.path, { ignoreUnknownTables })).toThrow('ignoreUnknownTables')
    }
  })

  it('is read with ignoreUnknownTables, and with the table that WSO2 and this package share', () => {
    file.write(OURS + OF_WSO2)
    const expected = { enable: true, connectionTimeout: 700, readTimeout: 800, sizeLimitBytes: 40_000 }
    for (const read of [loadConfig, readConfig]) {
      const result = read(file.path, { ignoreUnknownTables: true })
      expect('options' in result ? result.options.jwksEndpoint : result.jwksEndpoint).toEqual(expected)
    }
    const exchange = watchConfig(file.path, { ignoreUnknownTables: true })
    expect(exchange.stats().identityProviders).toHaveLength(1)
    exchange.close()
  })

  it('has one note for each table, and none of its values', () => {
    const { notes } = checkFile(OURS + OF_WSO2, file.path, { ignoreUnknownTables: true })
    const ignored = [
      ...[
        '[server]',
        '[super_admin]',
        '[user_store]',
        '[database]',
        '[keystore]',
        '[truststore]',
        '[account_recovery]',
      ],
      ...['[identity]', '[session]', '[[event_listener]]', '[resource]', '[authentication]'],
      ...['oauth.hash_tokens_and_secrets', '[oauth.token_validation]', '[oauth.grant_type]', '[oauth.access_token]'],
    ]
    expect(notes).toEqual(ignored.map((table) => `${table} is not of this package and is ignored`))
  })
})

describe('the commands', () => {
  async function run(...args: string[]) {
    let [stdout, stderr] = ['', '']
    const streams = {
      stdin: [][Symbol.iterator]() as never,
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
      env: {},
    }
    return { status: await runCommandLine(args, streams), stdout, stderr }
  }

  it('refuse such a file unless --ignore-unknown-tables is given; then check notes the tables', async () => {
    const jwks = `jwks = { keys = [{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }`
    file.write(OURS.replace(/jwks_uri = .*/, jwks) + OF_WSO2)
    expect(await run('check', file.path)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('unknown option'),
    })
    const checked = await run('check', file.path, '--ignore-unknown-tables', '--json')
    expect([checked.status, JSON.parse(checked.stdout).notes]).toEqual([
      0,
      expect.arrayContaining(['[server] is not of this package and is ignored']),
    ])
    const explained = await run('explain', file.path, '--ignore-unknown-tables', '--json')
    expect([explained.status, JSON.parse(explained.stdout)]).toEqual([
      1,
      expect.objectContaining({ isAccepted: false }),
    ])
    for (const { stdout, stderr } of [checked, explained]) expect(stdout + stderr).not.toContain('wso2-secret')
  })
})
