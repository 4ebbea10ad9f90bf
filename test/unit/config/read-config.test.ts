import { setImmediate } from 'node:timers/promises'
import { afterAll, describe, expect, it } from '@jest/globals'
import { loadConfig, readConfig } from '../../../src/config/index.js'
import { createJwtExchange } from '../../../src/index.js'
import { type ConfigProblem, isConfigError } from '../../../src/option-checks/config-error.js'
import { createDeploymentFile } from '../../support/deployment-file.js'

const FILE = `issuer = "https://api.example.com"
access_token = { audience = "https://api.example.com" }
[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/keys"
allowed_subjects = "any"
[[client]]
client_id = "app"
client_secret = "\${APP_SECRET}"
`
const REDIS = '[replay]\nstore = "redis"\nurl = "redis://user:pass-word@redis"\ntimeout = 200\n'
const env = { APP_SECRET: 'a secret of the tests' }

const file = createDeploymentFile()
afterAll(() => file.remove())

function problemsOf(act: () => unknown): readonly ConfigProblem[] {
  try {
    act()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems
  }
}

describe('a file that is only read', () => {
  it('says which replay store it names, and leaves the other options of it', () => {
    file.write(FILE + REDIS)
    const { options, replayStore } = readConfig(file.path, { env })
    expect(replayStore).toEqual({ name: 'redis', url: 'redis://user:pass-word@redis' })
    expect(options.replay).toEqual({ timeout: 200 })
    createJwtExchange({ ...options, replay: { ...options.replay, store: { markUsed: () => true } } }).close()
  })

  it.each(['', '[replay]\nstore = "memory"\n'])('names no store for the memory of the process: %j', (table) => {
    file.write(FILE + table)
    expect(readConfig(file.path, { env }).replayStore).toBeUndefined()
  })

  it('may name only the stores that the host knows, if it says which', () => {
    file.write(FILE + REDIS)
    expect(readConfig(file.path, { env, replayStores: ['redis'] }).replayStore?.name).toBe('redis')
    const [problem] = problemsOf(() => readConfig(file.path, { env, replayStores: ['postgres'] }))
    expect(problem).toMatchObject({ path: ['replay', 'store'], location: `${file.path}:11:1` })
  })

  it('names no store if code has the replay options', () => {
    file.write(FILE + REDIS)
    const replay = { store: { markUsed: () => true }, timeout: 200 }
    expect(readConfig(file.path, { env, options: { replay } })).toMatchObject({
      replayStore: undefined,
      options: { replay },
    })
  })

  it.each([
    ['replaystores', { replaystores: [] }],
    ['replayStores', { replayStores: { redis: () => {} } }],
    ['options', { options: [] }],
  ])('is read with options that are checked: %s', (name, options) => {
    expect(problemsOf(() => readConfig(file.path, options as object)).map(({ path }) => path)).toEqual([
      ['readConfig', name],
    ])
  })
})

describe('options of a file that are changed before they are used', () => {
  const load = () => {
    file.write(FILE)
    return loadConfig(file.path, { env })
  }

  it('are checked in full', () => {
    const options = load()
    Object.assign(options.identityProviders?.[0] ?? {}, { jwksUri: 'http://idp.example.com/keys' })
    expect(problemsOf(() => createJwtExchange(options))).toEqual([
      expect.objectContaining({ path: ['identity_provider', 0, 'jwks_uri'], location: `${file.path}:5:1` }),
    ])
  })

  it('are not blamed on the file if an option of the top is another one', () => {
    const options = load()
    options.accessToken = { audience: '' }
    expect(problemsOf(() => createJwtExchange(options))).toEqual([
      expect.objectContaining({ path: ['accessToken', 'audience'], location: 'in code' }),
    ])
  })

  it('are reported with the file alone if that has changed meanwhile', () => {
    const options = load()
    Object.assign(options.identityProviders?.[0] ?? {}, { maxAge: 0 })
    file.write(`\n${FILE}`)
    expect(problemsOf(() => createJwtExchange(options))).toEqual([
      expect.objectContaining({ path: ['identity_provider', 0, 'max_age'], location: file.path }),
    ])
  })

  it('are reported by their names in code if they are copied', () => {
    expect(problemsOf(() => createJwtExchange({ ...load(), issuer: '' }))).toEqual([
      expect.not.objectContaining({ location: expect.anything() }),
    ])
  })

  it('are located for reconfigure, too', () => {
    const exchange = createJwtExchange(load())
    const change = () => {
      file.write(FILE.replace('https://api.example.com"\naccess', 'https://other.example.com"\naccess'))
      return loadConfig(file.path, { env })
    }
    expect(problemsOf(() => exchange.reconfigure(change))).toEqual([
      expect.objectContaining({ code: 'fixed', path: ['issuer'], location: `${file.path}:1:1` }),
    ])
    exchange.close()
  })
})

describe('a signing key', () => {
  it('is not generated while a file is checked, and once for an exchange', async () => {
    file.write(FILE)
    const kids: string[] = []
    const options = loadConfig(file.path, { env })
    expect(options.accessToken.signingKeys).toBeUndefined()
    const exchange = createJwtExchange(options)
    exchange.events.on('signing_key.generated', ({ kid }) => kids.push(kid))
    await setImmediate()
    exchange.reconfigure(options)
    expect(kids).toHaveLength(1)
    exchange.close()
  })
})

describe('the problems of a file', () => {
  const linesOf = (toml: string, variables: Record<string, string> = env) => {
    file.write(toml)
    return problemsOf(() => loadConfig(file.path, { env: variables })).map(
      ({ path, message }) => `${path.at(-1)}: ${message}`,
    )
  }

  it.each([
    [FILE.replace('[[client]]', '[[clients]]'), 'clients: unknown option; did you mean `[[client]]`?'],
    [FILE.replace('access_token =', 'accessToken ='), 'accessToken: unknown option; did you mean `[access_token]`?'],
    [FILE.replace('jwks_uri', 'jwksUri'), 'jwksUri: unknown option; did you mean `jwks_uri`?'],
    [FILE.replace('jwks_uri', 'jwks_url'), 'jwks_url: unknown option; did you mean `jwks_uri`?'],
    [FILE.replace('allowed_subjects', 'subjects'), 'subjects: renamed; use `allowed_subjects` instead'],
    [`read_timeout = 5\n${FILE}`, 'read_timeout: unknown option; it belongs in `[oauth.jwks_endpoint]`'],
    [
      FILE.replace('name =', 'require_https = true\nname ='),
      'require_https: unknown option; it belongs at the top of the file, above the first table',
    ],
    [
      `find_client = 1\n${FILE}`,
      'find_client: a file cannot set this; pass `findClient` in code: loadConfig(path, { options })',
    ],
    [
      FILE.replace('allowed_subjects = "any"', '[[identity_provider.grant]]\nname = "a"'),
      'grant: renamed; use `[[identity_provider.binding]]` instead',
    ],
    [FILE.replace('client_secret', 'clientSecret'), 'clientSecret: unknown option; did you mean `client_secret`?'],
    [FILE.replace('client_id', 'client-id'), 'client-id: unknown option; did you mean `client_id`?'],
    [FILE.replace('jwks_uri', 'jwks_uri_'), 'jwks_uri_: unknown option; did you mean `jwks_uri`?'],
    [
      FILE.replace('"${APP_SECRET}"', '"$APP_SECRET"'),
      'client_secret: got the name of a variable without braces; write ${APP_SECRET}',
    ],
    [
      FILE.replace('"${APP_SECRET}"', '""'),
      'client_secret: got an empty string; expected a non-empty string. Is the environment variable set?',
    ],
    [
      FILE.replace('allowed_subjects', 'clients = ["app"]\nallowed_subjects'),
      'clients: unknown option; it belongs in a table of its own, `[[client]]`',
    ],
    [
      FILE.replace('[[client]]', '[[identity_provider.client]]\nclient_id = "a"\n[[client]]'),
      'client: unknown option; did you mean the top-level `[[client]]`?',
    ],
    [
      FILE.replace('name = "https', 'discovery = true\niss = "https').replace(/^jwks_uri.*\n/m, ''),
      'iss: unknown option; did you mean `name`?',
    ],
    [
      FILE.replace(/^name = .*\njwks_uri.*/m, 'name = "idp"\ndiscovery = true'),
      'name: got "idp"; expected an https URL without query (http only on loopback, or with `allow_insecure_http = true`), because of `discovery = true`. Or set `discovery` to the URL of its metadata',
    ],
    [
      FILE.replace('"https://api.example.com" }', '"a", signing_keys = ["none.json"] }'),
      expect.stringMatching(/^0: the file "none.json" does not exist; expected PEM text/),
    ],
  ] as const)('are one for one slip: %#', (toml, line) => {
    expect(linesOf(toml)).toEqual([line])
  })

  it.each([
    ['issuer = https://api.example.com', true],
    ['scopes = [ a ]', true],
    ['issuer = $ISSUER', true],
    ['issuer =', false],
    ['issuer = "a', false],
    ['[access_token', false],
    ['lifetime = 01', false],
  ])('of TOML that is not valid ask for quotation marks if text stands without them: %s', (toml, isAsked) => {
    file.write(toml)
    const [problem] = problemsOf(() => loadConfig(file.path))
    expect(problem?.code).toBe('unreadable')
    expect(problem?.message.endsWith('expected valid TOML 1.0. Are quotation marks missing?')).toBe(isAsked)
  })

  it('never suggest a default for a secret', () => {
    expect(linesOf(FILE, {})).toEqual(['client_secret: the environment variable APP_SECRET is not set; set it'])
    expect(linesOf(FILE.replace('name = "https', 'alias = "${ALIAS}"\nname = "https'))).toEqual([
      'alias: the environment variable ALIAS is not set; set it, or write ${ALIAS:-text} with a default',
    ])
  })
})
