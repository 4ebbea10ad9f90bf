import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../../src/config/index.js'
import { type ConfigError, createJwtExchange, generateSigningKey, hashClientSecret } from '../../../src/index.js'
import { RSA_CERTIFICATE_KEY } from '../../support/certificates.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'load-config-'))
  writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [generateSigningKey()] }))
})
afterAll(() => rmSync(directory, { recursive: true }))

const GOOD = `issuer = "https://api.example.com/oauth2"
subject = "namespaced"

[oauth.jwks_endpoint]
enable = true
connection_timeout = 900
read_timeout = 800
size_limit_bytes = 20000
cache_max_age = 60000
cooldown_duration = 20000
cache_max_age_fallback = 120000

[assertion]
clock_tolerance = 30
max_age = 600
max_lifetime = 3600
max_bytes = 8192
replay = "allow"

[access_token]
audience = "https://api.example.com"
lifetime = 900
signing_keys = "keys.json"

[[identity_provider]]
name = "https://exampleidp.com/oauth2/default"
alias = "https://api.example.com/oauth2/token"
jwks_uri = "https://exampleidp.com/oauth2/default/v1/keys"
max_age = 60
allowed_subjects = "any"

[[client]]
client_id = "app"
client_secret = "\${APP_SECRET}"
scopes = ["openid", "orders:read"]
`

function load(source: string, env: Record<string, string> = { APP_SECRET: 'secret-from-the-env' }) {
  const path = join(directory, 'deployment.toml')
  writeFileSync(path, source)
  return loadConfig(path, { env })
}

/** The problems of a file, as `line:column path`. */
function problemsOf(source: string, env?: Record<string, string>): string[] {
  try {
    load(source, env)
  } catch (error) {
    const { name, problems } = error as ConfigError
    expect(name).toBe('ConfigError')
    return problems.map(({ location = '', path }) => `${location.split('deployment.toml:')[1]} ${path.join('.')}`)
  }
  return []
}

/** The whole message of the error of a file. */
function messageOf(source: string, env?: Record<string, string>): string {
  try {
    load(source, env)
  } catch (error) {
    return (error as ConfigError).message
  }
  return ''
}

describe('a TOML file with problems', () => {
  it.each([
    ['[client]', '[[client]]'],
    ['[identity_provider]', '[[identity_provider]]'],
  ])('is told to write two brackets where it has %s', (header, wanted) => {
    expect(messageOf(GOOD.replace(wanted, header))).toContain(`got one table; expected a list of tables: ${wanted}`)
  })

  it('is not blamed for options in code, which are told by their names there', () => {
    const accessToken = { audience: 'https://api.example.com', lifetime: '1h' }
    const inCode = { findclient: () => undefined, accessToken } as never
    const path = join(directory, 'deployment.toml')
    writeFileSync(path, GOOD.replace('client_id = "app"', 'client_id = 7'))
    const told = () => loadConfig(path, { options: inCode })
    expect(told).toThrow('  in code: findclient: unknown option')
    expect(told).toThrow('did you mean `findClient`?')
    expect(told).toThrow('  in code: accessToken.lifetime: got "1h"; expected a whole number of seconds')
    expect(told).toThrow(/deployment\.toml:33:1: client\[0\]\.client_id: got 7/)
  })

  it('is refused with line and column of each of 600, the first 100 of them in the message', () => {
    const provider = (index: number) =>
      `[[identity_provider]]\nname = "https://idp-${index}.example.com"\njwks_uri = "https://idp.example.com/jwks"\nallowed_subjects = "any"\nmax_age = 0\n`
    const many = `${GOOD}subject_of_none = 1\n${Array.from({ length: 600 }, (_, index) => provider(index)).join('')}`
    const places = problemsOf(many)
    expect([places.length, places[0], places[600]]).toEqual([
      601,
      '36:1 client.0.subject_of_none',
      '3036:1 identity_provider.600.max_age',
    ])
    const lines = messageOf(many).split('\n')
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([
      102,
      '601 problems in the options of express-jwt-exchange:',
      '  and 501 more',
    ])
  })

  it.each([
    ['the numbers of users', (index: number) => `${index}`],
    ['texts of many lines', (index: number) => `"""\n[${index}\n"""`],
  ])('is refused within the time of a test where it has ten thousand wrong allowedSubjects: %s', (_, subject) => {
    const subjects = Array.from({ length: 10_000 }, (_, index) => `  ${subject(index)},\n`).join('')
    const toml = `${GOOD}[[identity_provider]]\nname = "x"\nmax_age = 0\nallowed_subjects = [\n${subjects}]\nclamis = {}\n`
    const places = problemsOf(toml)
    expect(places.at(-1)).toMatch(/^\d+:1 identity_provider\.1\.clamis$/)
    expect(messageOf(toml).length).toBeLessThan(50_000)
  })

  it('is refused with the line and column of each, in the order of the file', () => {
    const bad = GOOD.replace('connection_timeout = 900', 'conection_timeout = 900')
      .replace('size_limit_bytes = 20000', 'size_limit_bytes = 1')
      .replace('https://exampleidp.com/oauth2/default/v1/keys', 'http://exampleidp.com/keys')
      .replace('client_id = "app"', 'client_id = 7')
    expect(problemsOf(bad)).toEqual([
      '6:1 oauth.jwks_endpoint.conection_timeout',
      '8:1 oauth.jwks_endpoint.size_limit_bytes',
      '28:1 identity_provider.0.jwks_uri',
      '33:1 client.0.client_id',
    ])
    expect(messageOf(bad)).toContain('did you mean `connection_timeout`?')
  })

  it('is told where a value of an inline table or of a table of many lines stands', () => {
    const inline = GOOD.replace(/\[oauth.jwks_endpoint\][^[]*/, 'oauth = { jwks_endpoint = { enable = 3 } }\n')
    expect(problemsOf(`${inline.replace(/oauth = .*\n/, '')}`)).toEqual([])
    const beforeTables = inline
      .replace(/oauth = (.*)\n/, '')
      .replace('\n\n', '\noauth = { jwks_endpoint = { enable = 3 } }\n\n')
    expect(problemsOf(beforeTables)).toEqual(['3:29 oauth.jwks_endpoint.enable'])
    const manyLines = GOOD.replace(
      'replay = "allow"',
      'algorithms = [\n  "RS256", # good\n  "none",\n]\nreplay = "allow"',
    )
    expect(problemsOf(manyLines)).toEqual(['18:1 assertion.algorithms.1'])
  })

  it('is told at the nearest parent where something is missing', () => {
    expect(problemsOf(GOOD.replace(/name = .*\n/, ''))).toEqual(['25:1 identity_provider.0.name'])
    expect(problemsOf(GOOD.replace(/issuer = .*\n/, ''))).toEqual(['1:1 issuer'])
  })

  it('is refused where a key has the name of the option in code', () => {
    const bad = GOOD.replace('jwks_uri', 'jwksUri')
    expect(problemsOf(bad)).toContain('28:1 identity_provider.0.jwksUri')
    expect(messageOf(bad)).toContain('did you mean `jwks_uri`?')
  })

  it('is refused for an unknown table', () => {
    expect(problemsOf(`${GOOD}[acess_token]\n`)).toEqual(['36:1 acess_token'])
    expect(problemsOf(GOOD.replace('[oauth.jwks_endpoint]', '[jwks_endpoint]'))).toEqual(['4:1 jwks_endpoint'])
    expect(problemsOf(GOOD.replace('[oauth.jwks_endpoint]', '[oauth.endpoint]'))).toEqual(['4:1 oauth.endpoint'])
  })

  it('is refused where a variable is not set', () => {
    expect(problemsOf(GOOD, {})).toEqual(['34:1 client.0.client_secret'])
    expect(messageOf(GOOD, {})).toContain('the environment variable APP_SECRET is not set; set it')
    expect(problemsOf(GOOD, { APP_SECRET: '' })).toEqual(['34:1 client.0.client_secret'])
  })

  it('is refused where a named file is missing or holds no key', () => {
    expect(problemsOf(GOOD.replace('keys.json', 'other.json'))).toEqual(['23:1 access_token.signing_keys'])
    expect(problemsOf(GOOD.replace('keys.json', 'deployment.toml'))).toEqual(['23:1 access_token.signing_keys'])
    const certificates = 'certificates = ["idp.pem"]'
    expect(problemsOf(GOOD.replace(/jwks_uri = .*/, certificates))).toEqual(['28:1 identity_provider.0.certificates.0'])
  })

  it('is refused for bad syntax without a quotation of the file', () => {
    const bad = GOOD.replace('client_secret = "${APP_SECRET}"', 'client_secret = "top-secret-value')
    expect(problemsOf(bad)[0]).toMatch(/^34:\d+ $/)
    expect(messageOf(bad)).not.toContain('top-secret-value')
  })

  it('is refused where the file cannot be read', () => {
    expect(() => loadConfig(join(directory, 'missing.toml'))).toThrow(
      'missing.toml: the file does not exist; check the path',
    )
  })

  it('never prints a secret', () => {
    const bad = GOOD.replace('"${APP_SECRET}"', '7').replace('scopes', 'client_secret_hash = "my-secret"\nscopes')
    expect(messageOf(bad)).not.toContain('my-secret')
  })

  it('is refused where only a disabled JWKS endpoint could verify', () => {
    const bad = GOOD.replace('enable = true', 'enable = false')
    expect(problemsOf(bad)).toEqual(['28:1 identity_provider.0.jwks_uri'])
    expect(messageOf(bad)).toContain(
      '`oauth.jwks_endpoint.enable` is false; set `certificates` or `jwks`, or `enabled = false`',
    )
  })
})

describe('keys in the environment', () => {
  const FROM_ENV = GOOD.replace('keys.json', '${SIGNING_KEYS}')
  const env = (SIGNING_KEYS: string) => ({ APP_SECRET: 'secret-from-the-env', SIGNING_KEYS })

  it('may be a JWK set or PEM', () => {
    const jwks = { keys: [generateSigningKey()] }
    expect(load(FROM_ENV, env(JSON.stringify(jwks))).accessToken.signingKeys).toEqual(jwks)
    expect(load(FROM_ENV, env(RSA_CERTIFICATE_KEY)).accessToken.signingKeys).toBe(RSA_CERTIFICATE_KEY)
  })

  it('are not repeated in a message, however broken they are', () => {
    const secret = 'qqu5w-PxaKQvIv0kpcqcT4VqmFqQ'
    for (const broken of [
      `{"keys":[{"d":"${secret}"`,
      `-----BEGIN PRIVATE KEY-----\n${secret}`,
      `${secret}+/==\n${secret}`,
    ]) {
      expect(problemsOf(FROM_ENV, env(broken))).toEqual(['23:1 access_token.signing_keys'])
      expect(messageOf(FROM_ENV, env(broken))).not.toContain(secret)
      expect(messageOf(FROM_ENV, env(broken))).not.toContain('c0ffee11')
    }
  })
})

describe('options beside a TOML file', () => {
  it('say what a file cannot, and are checked with it', () => {
    const path = join(directory, 'deployment.toml')
    writeFileSync(path, GOOD.replace(/\[\[client\]\].*/s, '').replace('subject = "namespaced"', ''))
    expect(() => loadConfig(path)).toThrow('missing; set `[[client]]` or `findClient` in code')
    const findClient = () => undefined
    const subject = () => 'somebody'
    const options = loadConfig(path, { options: { findClient, subject } })
    expect([options.findClient, options.subject]).toEqual([findClient, subject])
    createJwtExchange(options)
  })
})

describe('the wish of a problem', () => {
  it('names options as the file has them', () => {
    const withoutKeys = GOOD.replace(/jwks_uri = .*\n/, '')
    expect(messageOf(withoutKeys)).toContain('set one of `jwks_uri`, `discovery`, `certificates`, `jwks`')
    expect(messageOf(GOOD.replace('[oauth.jwks_endpoint]', '[jwks_endpoint]'))).toContain(
      'did you mean `[oauth.jwks_endpoint]`?',
    )
  })
})

describe('a good TOML file', () => {
  it('gives the options under their names in code', () => {
    expect(load(GOOD)).toMatchObject({
      issuer: 'https://api.example.com/oauth2',
      subject: 'namespaced',
      jwksEndpoint: {
        enable: true,
        connectionTimeout: 900,
        readTimeout: 800,
        sizeLimitBytes: 20000,
        cacheMaxAge: 60000,
        cooldownDuration: 20000,
        cacheMaxAgeFallback: 120000,
      },
      assertion: { clockTolerance: 30, maxAge: 600, maxLifetime: 3600, maxBytes: 8192, replay: 'allow' },
      accessToken: { audience: 'https://api.example.com', lifetime: 900, signingKeys: { keys: [{ kty: 'EC' }] } },
      identityProviders: [{ name: 'https://exampleidp.com/oauth2/default', maxAge: 60 }],
      clients: [
        {
          clientId: 'app',
          clientSecretHash: hashClientSecret('secret-from-the-env'),
          scopes: ['openid', 'orders:read'],
        },
      ],
    })
  })

  it('makes an exchange', () => {
    const exchange = createJwtExchange(load(GOOD))
    expect(exchange.stats().identityProviders).toMatchObject([{ alias: 'https://api.example.com/oauth2/token' }])
  })

  it('may have Windows line ends, and a variable inside a longer string', () => {
    const options = load(GOOD.replace('${APP_SECRET}', 'the-secret-${APP_SECRET}-${OTHER}').replaceAll('\n', '\r\n'), {
      APP_SECRET: '${OTHER}',
      OTHER: 'b',
    })
    expect(options.clients).toEqual([
      expect.objectContaining({ clientSecretHash: hashClientSecret('the-secret-${OTHER}-b') }),
    ])
  })
})
