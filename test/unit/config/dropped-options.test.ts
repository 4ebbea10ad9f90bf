import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../../src/config/index.js'
import { generateSigningKey, type JwtExchangeOptions } from '../../../src/index.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'

const AUDIENCE = 'https://api.example.com'
const NAME = 'https://idp.example.com'
const SECRET = 'secret-of-the-tests'
const FILE = `
issuer = "${AUDIENCE}"
subject = "namespaced"
[oauth.jwks_endpoint]
cache_max_age_fallback = 60_000
[assertion]
clock_tolerance = 5
algorithms = ["ES256"]
[access_token]
audience = "${AUDIENCE}"
lifetime = 300
[client_authentication]
max_failures = 5
[host_functions]
timeout = 500
[[identity_provider]]
name = "${NAME}"
jwks_uri = "${NAME}/keys"
allowed_subjects = ["service-*"]
[[identity_provider]]
name = "${NAME}/other"
jwks_uri = "${NAME}/other/keys"
allowed_subjects = "any"
[[client]]
client_id = "app"
client_secret = "${SECRET}"
lifetime = 60
`

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'dropped-options-'))
  writeFileSync(join(directory, 'deployment.toml'), FILE)
})
afterAll(() => rmSync(directory, { recursive: true }))

/** What is wrong with these options over the file. */
function problemsOf(options: object): string[] {
  try {
    loadConfig(join(directory, 'deployment.toml'), { options: options as Partial<JwtExchangeOptions> })
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(
      ({ location, path, message }) => `${location} ${path.join('.')}: ${message.split(';', 1)[0]}`,
    )
  }
}

describe('options in code over those of a file', () => {
  it.each<[object, string]>([
    [{ assertion: { maxAge: 60 } }, 'assertion: leaves out `clockTolerance`, `algorithms`, which the file sets'],
    [{ assertion: {} }, 'assertion: leaves out `clockTolerance`, `algorithms`, which the file sets'],
    [{ assertion: { clockTolerance: 1 } }, 'assertion: leaves out `algorithms`, which the file sets'],
    [
      { accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] } },
      'accessToken: leaves out `lifetime`, which the file sets',
    ],
    [
      { clientAuthentication: { failureWindow: 60 } },
      'clientAuthentication: leaves out `maxFailures`, which the file sets',
    ],
    [{ jwksEndpoint: { cacheMaxAge: 1000 } }, 'jwksEndpoint: leaves out `cacheMaxAgeFallback`, which the file sets'],
    [{ hostFunctions: { maxConcurrent: 5 } }, 'hostFunctions: leaves out `timeout`, which the file sets'],
    [
      { identityProviders: [{ name: NAME, jwksUri: `${NAME}/keys`, check: () => true }] },
      'identityProviders.0: leaves out `allowedSubjects`, which the file sets',
    ],
    [{ clients: [{ clientId: 'app', clientSecret: SECRET }] }, 'clients.0: leaves out `lifetime`, which the file sets'],
  ])('%j are refused when they leave out what the file says', (options, problem) => {
    expect(problemsOf(options)).toEqual([`in code ${problem}`])
  })

  it.each<[string, object]>([
    ['say all that the file says', { assertion: { clockTolerance: 60, algorithms: ['RS256'], maxAge: 60 } }],
    ['are another table', { replay: { timeout: 500 } }],
    ['are no table', { subject: 'raw', requireHttps: true }],
    [
      'are entries that the file does not have',
      { identityProviders: [{ name: `${NAME}/new`, jwksUri: NAME, allowedSubjects: ['a'] }] },
    ],
    [
      'get the keys of an entry, or its secret, in another way',
      {
        identityProviders: [{ name: NAME, discovery: true, allowedSubjects: ['service-a'] }],
        clients: [{ clientId: 'app', clientSecretHash: `sha256:${'a'.repeat(64)}`, lifetime: 30 }],
      },
    ],
  ])('are taken that %s', (_, options) => {
    expect(problemsOf(options)).toEqual([])
  })

  it('are refused with all other problems at once', () => {
    const problems = problemsOf({ assertion: { maxAge: -1 }, requireHttps: 'yes' })
    expect(problems).toHaveLength(3)
    expect(problems[0]).toMatch(/^in code assertion: leaves out `clockTolerance`/)
  })
})
