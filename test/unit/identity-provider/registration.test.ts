import { describe, expect, it } from '@jest/globals'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import type { IdentityProvider } from '../../../src/identity-provider/identity-provider.js'
import { IdentityProviderRegistry } from '../../../src/identity-provider/identity-provider-registry.js'
import { createJwtExchange } from '../../../src/index.js'
import { formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { SeededRandom } from '../../simulation/seeded-random.js'

const NAME = 'https://idp.example.com'
const KEYS = { jwksUri: `${NAME}/jwks`, allowedSubjects: 'any' }
const A = { ...KEYS, name: NAME, id: 'a', registration: { claim: 'tenant', value: 'a' } }
const B = { ...A, id: 'b', registration: { claim: 'tenant', value: 'b' } }
const { id: _idOfA, ...WITHOUT_ID } = A
const { registration: _registrationOfB, ...WITHOUT_REGISTRATION } = B

const read = (identityProviders: readonly object[]) =>
  readExchangeOptions({
    issuer: 'https://api.example.com',
    accessToken: { audience: 'https://api.example.com' },
    clients: [{ clientId: 'app', clientSecret: 'a secret of the tests' }],
    subject: 'namespaced',
    identityProviders,
  }).identityProviders

function problemsOf(...identityProviders: readonly object[]): string[] {
  try {
    read(identityProviders)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`)
  }
}

describe('several registrations of one issuer', () => {
  it('have an id and another value of one claim each', () => {
    expect(problemsOf(A, B)).toEqual([])
    expect(problemsOf(A)).toEqual([])
    expect(problemsOf(WITHOUT_ID)).toEqual([])
    expect(problemsOf(A, { ...B, registration: { claim: '"tenant"', value: 'b' } })).toEqual([])
    expect(problemsOf(A, { ...B, name: 'https://other.example.com', registration: A.registration })).toEqual([])
  })

  it.each<[string, object[], RegExp]>([
    ['without an id', [WITHOUT_ID, B], /^identityProviders\[0\]\.id: missing; each of several entries with one `name`/],
    ['without a condition', [A, WITHOUT_REGISTRATION], /^identityProviders\[1\]\.registration: missing; each of/],
    [
      'with the value of another',
      [A, { ...B, registration: A.registration }],
      /^identityProviders\[1\]\.registration\.value: entry 1 has the same value; choose another one$/,
    ],
    [
      'with another claim',
      [A, { ...B, registration: { claim: 'org', value: 'b' } }],
      /^identityProviders\[1\]\.registration\.claim: entry 1 with this `name` has another claim, so one assertion could/,
    ],
    [
      'with a path that also reads arrays',
      [A, { ...B, registration: { claim: '/tenant', value: 'b' } }],
      /^identityProviders\[1\]\.registration\.claim: entry 1/,
    ],
    ['with the id of another', [A, { ...B, id: 'a' }], /^identityProviders\[1\]\.id: another entry has this `id` or/],
    [
      'with the name of another as its id',
      [A, { ...B, id: NAME }],
      /^identityProviders\[1\]\.id: another entry has this `id` or `name`; choose another one$/,
    ],
    [
      'whose id is the name of an entry below',
      [
        { ...A, id: 'https://other.example.com' },
        { ...KEYS, name: 'https://other.example.com' },
      ],
      /^identityProviders\[0\]\.id: another entry has this/,
    ],
    [
      'with other keys',
      [A, { ...B, jwksUri: `${NAME}/other` }],
      /^identityProviders\[1\]\.jwksUri: entry 1 with this `name` has other keys, but keys belong to the issuer; give/,
    ],
    [
      'with other keys by another option',
      [A, { ...B, discovery: true, jwksUri: undefined }].map(({ jwksUri, ...each }) =>
        jwksUri === undefined ? each : { ...each, jwksUri },
      ),
      /^identityProviders\[1\].*has other keys/,
    ],
  ])('are refused %s, as one problem', (_, entries, message) => {
    expect(problemsOf(...entries)).toEqual([expect.stringMatching(message)])
  })

  it.each<[string, unknown, RegExp]>([
    ['no object', 'tenant', /registration: got a string; expected an object/],
    ['without a claim', { value: 'a' }, /registration\.claim: missing; expected a claim path/],
    ['without a value', { claim: 'tenant' }, /registration\.value: missing; expected a non-empty string/],
    ['with an empty value', { claim: 'tenant', value: '' }, /registration\.value: got ""/],
    ['with a number', { claim: 'tenant', value: 1 }, /registration\.value: got 1/],
    ['with several values', { claim: 'tenant', value: ['a', 'b'] }, /registration\.value: got/],
    [
      'with a malformed path',
      { claim: 'a..b', value: 'a' },
      /registration\.claim: got "a\.\.b"; expected a claim path/,
    ],
    ['with an unknown option', { claim: 'tenant', value: 'a', values: ['b'] }, /registration\.values: unknown option/],
  ])('have no condition that is %s', (_, registration, message) => {
    expect(problemsOf({ ...A, registration })).toEqual([expect.stringMatching(message)])
  })

  it.each(['', ' a', 'a ', '\t', 'a\nb', 'a\0', 'a\u200bb', '\ud800'])('have no id that is %j', (id) => {
    expect(problemsOf({ ...A, id })).toEqual([expect.stringMatching(/^identityProviders\[0\]\.id: got/)])
  })

  it('may connect in different ways to the same keys by different aliases only', () => {
    const headers = { 'X-Api-Key': 'k' }
    expect(problemsOf(A, { ...B, headers })).toEqual([expect.stringContaining('connects or reads keys differently')])
    expect(problemsOf(A, { ...B, headers, alias: 'urn:b' })).toEqual([])
  })

  it('name each entry by its id in subjects that must differ', () => {
    const own = { subject: 'a|${claims.sub}' }
    expect(problemsOf({ ...A, id: 'c', ...own }, { ...B, id: 'a' })).toEqual([
      expect.stringMatching(/^identityProviders\[0\]\.subject: its subjects begin like those of "a"/),
    ])
  })

  it('are created from options as they are read', () => {
    const exchange = createJwtExchange({
      issuer: 'https://api.example.com',
      accessToken: { audience: 'https://api.example.com' },
      clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', identityProviders: ['a'] }],
      subject: 'namespaced',
      identityProviders: [A, B] as never,
    })
    expect(exchange.stats().identityProviders.map(({ id, name }) => [id, name])).toEqual([
      ['a', NAME],
      ['b', NAME],
    ])
    exchange.close()
  })
})

describe('any entries', () => {
  const random = new SeededRandom(172)
  const maybe = <Value>(value: Value) => (random.next() < 0.6 ? value : undefined)
  const pick = <Value>(...choices: readonly [Value, ...Value[]]) => random.pick(choices)

  function randomEntry(): Record<string, unknown> {
    const registration = maybe({ claim: pick('tenant', 'org.id', '/tenant', '"tenant"'), value: pick('a', 'b', 'c') })
    const id = maybe(pick('one', 'two', 'three', NAME))
    const name = pick(NAME, 'https://other.example.com')
    return { ...KEYS, name, ...(id !== undefined && { id }), ...(registration && { registration }) }
  }

  /** Written apart from the code: reads both claims by hand. */
  function accepts(entry: Record<string, unknown>, claims: Record<string, unknown>): boolean {
    const { claim, value } = (entry.registration ?? {}) as { claim?: string; value?: string }
    const org = claims.org as { id?: unknown } | undefined
    const found = claim === 'org.id' ? org?.id : claims.tenant
    return entry.name === claims.iss && (claim === undefined || found === value)
  }

  it('that are accepted match no assertion twice, and each as the registry finds it', () => {
    let [accepted, refused, matched] = [0, 0, 0]
    for (let round = 0; round < 1000; round += 1) {
      const entries = Array.from({ length: 1 + Math.floor(random.next() * 3) }, randomEntry)
      if (problemsOf(...entries).length > 0) {
        refused += 1
        continue
      }
      accepted += 1
      const registry = new IdentityProviderRegistry(read(entries) as unknown as IdentityProvider[])
      for (const tenant of ['a', 'b', 'c', 'd', ['a'], undefined]) {
        for (const id of ['a', 'b', undefined]) {
          const claims = { iss: pick(NAME, 'https://other.example.com'), tenant, org: { id } }
          const matching = entries.filter((each) => accepts(each, claims))
          expect(matching.length).toBeLessThanOrEqual(1)
          const found = registry.findFor(claims)
          expect(found?.id).toBe(matching[0]?.id ?? matching[0]?.name)
          matched += matching.length
        }
      }
    }
    expect([accepted > 100, refused > 100, matched > 300]).toEqual([true, true, true])
  })
})
