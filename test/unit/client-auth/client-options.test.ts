import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { readClientOptions, readFoundClient } from '../../../src/client-auth/client-options.js'
import { hashClientSecret } from '../../../src/client-auth/client-secret.js'
import { createFindClient } from '../../../src/client-auth/find-client.js'
import { isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'

const SECRET = 'correct horse battery staple'
const digest = createHash('sha256').update(SECRET).digest()

/** The problems of these options, a line each, and the whole message. */
function problemsOf(options: unknown): { lines: string[]; message: string } {
  const reader = new OptionReader(options, ['clients', 0])
  readClientOptions(reader)
  try {
    reader.throwProblems()
    return { lines: [], message: '' }
  } catch (error) {
    if (!isConfigError(error)) throw error
    return { lines: error.problems.map(({ path, message }) => `${path.at(-1)}: ${message}`), message: error.message }
  }
}

describe('a client', () => {
  it('keeps the digest of its secret and not the secret', () => {
    const client = readClientOptions(new OptionReader({ clientId: 'app', clientSecret: SECRET }))
    expect(client).toEqual({
      clientId: 'app',
      credential: { kind: 'secret', digest },
      scopes: [],
      identityProviders: undefined,
      grantTypes: undefined,
    })
  })

  it.each([
    ['hashClientSecret', hashClientSecret(SECRET)],
    ['hex', `sha256:${digest.toString('hex')}`],
    ['base64url', `sha256:${digest.toString('base64url')}`],
  ])('may have the hash of its secret instead, from %s', (_, clientSecretHash) => {
    const client = readClientOptions(new OptionReader({ clientId: 'app', clientSecretHash }))
    expect(client.credential).toEqual({ kind: 'secret', digest })
  })

  it('may be bound to scopes, identity providers and grant types', () => {
    const bounds = { scopes: ['a', 'b'], identityProviders: ['https://idp'], grantTypes: ['g'] }
    expect(readClientOptions(new OptionReader({ clientId: 'app', clientSecret: SECRET, ...bounds }))).toMatchObject({
      scopes: ['a', 'b'],
      identityProviders: new Set(['https://idp']),
      grantTypes: new Set(['g']),
    })
  })

  it('may be bound to no identity provider at all', () => {
    const options = { clientId: 'app', clientSecret: SECRET, identityProviders: [] }
    expect(readClientOptions(new OptionReader(options)).identityProviders).toEqual(new Set())
  })

  it.each<[string, unknown, string[]]>([
    [
      'without a credential',
      { clientId: 'app' },
      [
        'clientSecret: missing; set one of `clientSecret`, `clientSecretHash`, `jwks`, `jwksUri`, `certificate`, `assertedBy`',
      ],
    ],
    [
      'with an empty secret',
      { clientId: 'app', clientSecret: '' },
      ['clientSecret: got an empty string; expected a non-empty string. Is the environment variable set?'],
    ],
    [
      'with a secret that is no string',
      { clientId: 'app', clientSecret: 7 },
      ['clientSecret: got a number; expected a non-empty string'],
    ],
    [
      'without an id',
      { clientSecret: SECRET },
      ['clientId: missing; expected a non-empty string of printable ASCII (RFC 6749 §2.2)'],
    ],
    [
      'with an id beyond ASCII',
      { clientId: 'äpp', clientSecret: SECRET },
      ['clientId: got "äpp"; expected a non-empty string of printable ASCII (RFC 6749 §2.2)'],
    ],
    [
      'with a malformed scope',
      { clientId: 'app', clientSecret: SECRET, scopes: ['a', 'b c'] },
      ['1: got "b c"; expected a scope token (RFC 6749 §3.3)'],
    ],
    ...['$APP_SECRET', '${APP_SECRET}', '{{ app_secret }}', '<APP_SECRET>', '%APP_SECRET%'].map(
      (clientSecret): [string, unknown, string[]] => [
        `with the name of a variable for a secret: ${clientSecret}`,
        { clientId: 'app', clientSecret },
        ['clientSecret: got the name of a variable; expected the secret itself'],
      ],
    ),
    [
      'with the hash in place of the secret',
      { clientId: 'app', clientSecret: hashClientSecret(SECRET) },
      ['clientSecret: got a hash; put it in `clientSecretHash`'],
    ],
    [
      'with the secret and its hash',
      { clientId: 'app', clientSecret: SECRET, clientSecretHash: hashClientSecret(SECRET) },
      ['clientSecretHash: set `clientSecretHash` or `clientSecret`, not both'],
    ],
    [
      'with the plain secret in place of the hash',
      { clientId: 'app', clientSecretHash: SECRET },
      ['clientSecretHash: got something else; expected "sha256:" and 64 hex or 43 base64url characters'],
    ],
  ])('is refused %s', (_, options, lines) => {
    const problems = problemsOf(options)
    expect(problems.lines).toEqual(lines)
    expect(problems.message).not.toContain(SECRET)
  })
})

describe('a client that is looked up', () => {
  const lookUp = (found: unknown) => createFindClient([], (() => found) as () => undefined)('app')

  it('is checked like a fixed one', async () => {
    const found = await lookUp({ clientId: 'app', clientSecret: SECRET })
    expect(found?.credential).toEqual({ kind: 'secret', digest })
    expect(() => readFoundClient({ clientId: 'app' })).toThrow('findClient().clientSecret')
  })

  it.each([undefined, null])('is not there when the host finds %s', async (found) => {
    expect(await lookUp(found)).toBeUndefined()
    expect(await lookUp(Promise.resolve(found))).toBeUndefined()
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('database down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('database down'))],
    ['finds something else', () => 'app'],
    ['finds a client without a secret', () => ({ clientId: 'app' })],
  ])('is an outage of ours when the host %s', async (_, find) => {
    const error = await createFindClient([], find as () => undefined)('app').catch((thrown: unknown) => thrown)
    expect(isDependencyUnavailable(error) && error.reason).toBe('client_lookup_failed')
  })
})

describe('a fixed client', () => {
  const app = readClientOptions(new OptionReader({ clientId: 'app', clientSecret: SECRET }))

  it('is found by its exact id only', async () => {
    const findClient = createFindClient([app], undefined)
    expect(await findClient('app')).toBe(app)
    for (const other of ['App', 'app ', '', '__proto__', 'constructor']) expect(await findClient(other)).toBeUndefined()
  })
})
