import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadResourceServerConfig } from '../../../src/config/index.js'
import { createResourceServer } from '../../../src/index.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { RSA_CERTIFICATE } from '../../support/certificates.js'
import { codeBlocks } from '../../support/document-code.js'

const [EXAMPLE = ''] = codeBlocks('docs/resource-server.md', 'toml')
const ONE = '[resource_server]\nissuer = "https://auth.example.com"\naudience = "https://api.example.com"\n'
const INTROSPECTED = `${ONE}[resource_server.introspection]\nclient_id = "api"\n`

let directory: string
let file: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'resource-server-'))
  file = join(directory, 'api.toml')
  writeFileSync(join(directory, 'issuer.pem'), RSA_CERTIFICATE)
})
afterAll(() => rmSync(directory, { recursive: true }))

function load(toml: string, options = {}) {
  writeFileSync(file, toml)
  return loadResourceServerConfig(file, { env: { AUDIENCE: 'https://api.example.com' }, ...options })
}

/** Each problem with its place in the file. */
function problemsOf(toml: string, options = {}): string[] {
  try {
    load(toml, options)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ location = '', path, message }) => {
      return `${location.replace(`${file}:`, '')} ${path.join('.')}: ${message}`
    })
  }
}

describe('loadResourceServerConfig', () => {
  it.each<[string, string, string]>([
    ['an empty file', '', '1:1 resource_server: missing; expected the table [resource_server]'],
    ['a value instead of the table', 'resource_server = 7', '1:1 resource_server: missing'],
    ['another table', `${ONE}[access_token]\n`, '4:1 access_token: only [resource_server] is read'],
    ['a misspelled option', `${ONE}audiense = "x"\n`, '4:1 resource_server.audiense: unknown'],
    ['a name in camel case', `${ONE}scopeClaims = ["scp"]\n`, '4:1 resource_server.scopeClaims: unknown'],
    ['a symmetric algorithm', `${ONE}algorithms = ["HS256"]\n`, '4:1 resource_server.algorithms.0: got "HS256"'],
    [
      'a variable that is not set',
      `${ONE}id = "\${NONE}"\n`,
      '4:1 resource_server.id: the environment variable NONE is not set',
    ],
    [
      'an issuer without an audience',
      `[[resource_server.issuers]]\nissuer = "https://a.example.com"\n`,
      '1:1 resource_server.issuers.0.audience: missing',
    ],
    [
      'one table of issuers',
      '[resource_server.issuers]\nissuer = "https://a.example.com"\n',
      'resource_server.issuers: ',
    ],
    [
      'a secret that names a variable without braces',
      `${INTROSPECTED}client_secret = "$NONE"\n`,
      '6:1 resource_server.introspection.client_secret: got the name of a variable without braces',
    ],
    [
      'a misspelled option of introspection',
      `${INTROSPECTED}client_secret = "s"\ncache_time = 1\n`,
      '7:1 resource_server.introspection.cache_time: unknown',
    ],
    ['no valid TOML', '[resource_server\n', ': '],
  ])('refuses %s with its place', (_, toml, problem) => {
    expect(problemsOf(toml).join('\n')).toContain(problem)
  })

  it('refuses a file that is not there, and options that it does not know', () => {
    expect(() => loadResourceServerConfig(join(directory, 'none.toml'))).toThrow(/does not exist/)
    expect(() => load(ONE, { environment: {} })).toThrow(/environment/)
  })

  it('ignores other tables if it is told to', () => {
    expect(problemsOf(`${ONE}[server]\nhostname = "x"\n`, { ignoreUnknownTables: true })).toEqual([])
  })

  it('reads the example of the page, with claims that keep their names and patterns that match', () => {
    const options = load(EXAMPLE)
    expect(options).toMatchObject({
      subject: 'namespaced',
      issuers: [
        { issuer: 'https://auth.example.com/oauth2' },
        { id: 'okta', allowedSubjects: ['service-*'], requiredClaims: { tier: 'gold' } },
      ],
    })
    createResourceServer(options).close()
  })

  it('reads introspection, its secret from a variable and its authorities from a file', () => {
    const endpoint = 'https://auth.example.com/introspect'
    const options = load(
      `${INTROSPECTED}endpoint = "${endpoint}"\nclient_secret = "\${SECRET}"\ncache_ttl = 100\nca = "issuer.pem"\n`,
      { env: { SECRET: 'a * secret' } },
    )
    expect(options).toMatchObject({ introspection: { endpoint, cacheTtl: 100, ca: RSA_CERTIFICATE } })
    createResourceServer(options).close()
  })

  it('reads certificates from the files that it names, and options of tables within it', () => {
    const options = load(
      `${ONE}certificates = ["issuer.pem"]\ncache_size_bytes = 0\n[resource_server.jwks_endpoint]\nread_timeout = 500\n`,
    )
    expect(options).toMatchObject({
      certificates: [RSA_CERTIFICATE],
      cacheSizeBytes: 0,
      jwksEndpoint: { readTimeout: 500 },
    })
    createResourceServer(options).close()
  })
})
