import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readClientOptions } from '../../../src/client-auth/client-options.js'
import { hashClientSecret } from '../../../src/client-auth/client-secret.js'
import { createFindClient } from '../../../src/client-auth/find-client.js'
import { isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'

const SECRET = 'correct horse battery staple'
/** What programs write for a value that is not there, and how the message calls it. */
const NOTHINGS = [
  ...['undefined', 'null', 'NaN', '[object Object]', '[object Promise]', '[object Undefined]', 'None', 'nil', '<nil>'],
  ...['<no value>', 'UNDEFINED', 'Null', 'undefinedundefined', 'undefined null', ' '.repeat(16), '\n'.repeat(16)],
]
const REFUSED: [string, string][] = [
  ...NOTHINGS.map((secret): [string, string] => [secret, 'got a placeholder for a missing value, such as "undefined"']),
  [`${SECRET}\n`, 'the secret ends in a line break'],
  [`${SECRET}\r\n`, 'the secret ends in a line break'],
  ['short\n', 'the secret ends in a line break'],
  [`${SECRET} `, 'the secret has white space around it'],
  [`\t${SECRET}`, 'the secret has white space around it'],
  [`\uFEFF${SECRET}`, 'the secret has white space around it'],
  ['fifteen charact', 'got a secret of 15 characters'],
  ['x'.repeat(15), 'got a secret of 15 characters'],
  ['*'.repeat(40), 'got one character, repeated'],
  ['•'.repeat(16), 'got one character, repeated'],
]

function foundIn(options: object): (string | undefined)[] {
  const reader = new OptionReader(options, ['clients', 0])
  readClientOptions(reader)
  return problemsOf(() => reader.throwProblems())
}

function problemsOf(act: () => unknown): (string | undefined)[] {
  try {
    act()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ message }) => message.split(';', 1)[0])
  }
}

describe('a client secret', () => {
  it.each(REFUSED)('cannot be %j: %s', async (clientSecret, found) => {
    expect(foundIn({ clientId: 'app', clientSecret })).toEqual([found])
    expect(problemsOf(() => hashClientSecret(clientSecret))).toEqual([found])
    const findClient = createFindClient([], () => ({ clientId: 'app', clientSecret }))
    const error = await findClient('app').catch((thrown: unknown) => thrown)
    expect(isDependencyUnavailable(error) && error.reason).toBe('client_lookup_failed')
  })

  it('that ends in a line break gets an answer that names Kubernetes and echo', () => {
    expect(() => hashClientSecret(`${SECRET}\n`)).toThrow(/printf or echo -n, .*a Kubernetes Secret keeps it/)
  })

  it.each([
    'sixteen characts',
    SECRET,
    'undefined-behaviour-of-the-tests',
    'null and void and more',
    'a line\nbreak in the middle',
    'p:q r%+&ü"\\-of-the-tests',
  ])('can be %j', (clientSecret) => {
    expect(foundIn({ clientId: 'app', clientSecret })).toEqual([])
    expect(hashClientSecret(clientSecret)).toBe(
      `sha256:${createHash('sha256').update(clientSecret).digest('base64url')}`,
    )
  })

  it('of fewer than 16 characters is refused, whatever it is, and never repeated', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 15 }), (clientSecret) => {
        if (clientSecret.length > 15) return
        expect(foundIn({ clientId: 'app', clientSecret })).toHaveLength(1)
        expect(problemsOf(() => hashClientSecret(clientSecret))).toHaveLength(1)
      }),
    )
  })
})

describe('the hash of a client secret', () => {
  it.each(['', 'undefined', 'null', 'NaN', '[object Object]', '[object Promise]', 'None', 'nil', '<nil>'])(
    'cannot be that of %j',
    async (secret) => {
      const found = secret === '' ? 'got the hash of an empty string' : `got the hash of "${secret}"`
      for (const encoding of ['hex', 'base64url'] as const) {
        const clientSecretHash = `sha256:${createHash('sha256').update(secret).digest(encoding)}`
        expect(foundIn({ clientId: 'app', clientSecretHash })).toEqual([found])
        const findClient = createFindClient([], () => ({ clientId: 'app', clientSecretHash }))
        const error = await findClient('app').catch((thrown: unknown) => thrown)
        expect(isDependencyUnavailable(error) && error.reason).toBe('client_lookup_failed')
      }
    },
  )

  it('that ends in a line break is named so', () => {
    const clientSecretHash = `${hashClientSecret(SECRET)}\n`
    expect(foundIn({ clientId: 'app', clientSecretHash })).toEqual(['got text that ends in a line break'])
  })
})
