import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { type ConfigProblem, formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import {
  type ClaimSource,
  createMappedClaim,
  MAX_MAPPED_BYTES,
  type MapClaim,
  type MappedClaim,
  mapClaims,
  OWN_CLAIMS,
  readClaimMapping,
} from '../../../src/policy/claim-mapping.js'
import { type Claims, parseClaimPath, readClaim } from '../../../src/policy/claim-path.js'
import { hostFunctions } from '../../support/host-functions.js'
import { shareOfCases, TIMEOUT } from './cases.js'

const CONTEXT = { identityProvider: 'https://idp.example.com', clientId: 'app' }

function readFrom(options: object): { mapping: readonly MappedClaim[]; problems: readonly ConfigProblem[] } {
  const reader = new OptionReader(options)
  const mapping = readClaimMapping(reader).map((each) =>
    createMappedClaim(each, CONTEXT.identityProvider, hostFunctions),
  )
  try {
    reader.throwProblems()
    return { mapping, problems: [] }
  } catch (error) {
    if (!isConfigError(error)) throw error
    return { mapping, problems: error.problems }
  }
}

/** Where the problems are, each place once. */
function placesOf(claimsToToken: unknown): string[] {
  return [...new Set(readFrom({ claimsToToken }).problems.map(({ path }) => formatPath(path)))]
}

/** The mapped claims, or why there are none. */
async function mapFrom(sources: Readonly<Record<string, ClaimSource>>, claims: Claims = {}): Promise<unknown> {
  const { mapping, problems } = readFrom({ claimsToToken: sources })
  expect(problems).toEqual([])
  try {
    return await mapClaims(mapping, claims, CONTEXT)
  } catch (error) {
    if (isTokenRejected(error) || isDependencyUnavailable(error)) return `${error.name} ${error.reason}`
    throw error
  }
}

const mapBy = (map: MapClaim, claims: Claims = {}) => mapFrom({ mapped: map }, claims)
const FAILED = 'DependencyUnavailable claim_mapping_failed'
const TOO_LARGE = 'TokenRejected mapped_claims_too_large'

/** An array within an array and so on: `depth` of them. */
function nested(depth: number): unknown {
  let value: unknown[] = []
  for (let level = 1; level < depth; level += 1) value = [value]
  return value
}

describe('claimsToToken that cannot be meant', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an empty object', {}],
    ['an array', ['roles']],
    ['text', 'roles'],
    ['a function', () => ({})],
    ['a Map', new Map([['roles', 'roles']])],
    ['an object with its claims in a prototype', Object.create({ roles: 'roles' })],
  ])('is refused: %s', (_, claimsToToken) => {
    expect(placesOf(claimsToToken)).toEqual(['claimsToToken'])
  })

  const OWN =
    'iss sub aud exp iat nbf jti client_id scope cnf act may_act idp authorization_details scp __proto__'.split(' ')
  OWN.push(...'events nonce at_hash c_hash s_hash htm htu token_introspection'.split(' '))

  it('is refused for every claim that says who the token is for, how long it lives, what it may do and what it is', () => {
    expect([...OWN_CLAIMS].sort()).toEqual([...OWN].sort())
  })

  it.each([...OWN, ''])('is refused where it would set the claim %j, whatever its source', (name) => {
    const sources = ['"email"', '{"value":"x"}', '{"value":[]}']
    for (const source of sources) {
      const claimsToToken = JSON.parse(`{"good":"email",${JSON.stringify(name)}:${source}}`)
      expect(placesOf(claimsToToken)).toEqual([`claimsToToken.${name}`])
    }
    expect(placesOf(Object.defineProperty({}, name, { value: () => 1, enumerable: true }))).toEqual([
      `claimsToToken.${name}`,
    ])
  })

  it.each<[string, unknown, string]>([
    ['undefined', undefined, ''],
    ['null', null, ''],
    ['a number', 7, ''],
    ['true', true, ''],
    ['an array of paths', ['email'], ''],
    ['an empty path', '', ''],
    ['a malformed path', 'a..b', ''],
    ['a path of 1025 characters', 'a'.repeat(1025), ''],
    ['a path of 33 segments', Array(33).fill('a').join('.'), ''],
    ['a Date', new Date(), ''],
    ['a regular expression', /email/, ''],
    ['a constant without a value', {}, '.value'],
    ['a constant that is undefined', { value: undefined }, '.value'],
    ['a constant that is null', { value: null }, '.value'],
    ['a constant that is an object', { value: {} }, '.value'],
    ['a constant that is a function', { value: () => 1 }, '.value'],
    ['a constant that is no number', { value: Number.NaN }, '.value'],
    ['an infinite constant', { value: Number.POSITIVE_INFINITY }, '.value'],
    ['a constant beyond 2^53 - 1', { value: 2 ** 53 }, '.value'],
    ['a constant that is a BigInt', { value: 1n }, '.value'],
    ['a constant that is a symbol', { value: Symbol('x') }, '.value'],
    ['a constant of 1025 characters', { value: 'x'.repeat(1025) }, '.value'],
    ['an array of constants with null', { value: ['a', null] }, '.value'],
    ['an array of constants with an array', { value: ['a', ['b']] }, '.value'],
    ['an array of constants with an object', { value: ['a', {}] }, '.value'],
    ['an array of constants with a hole', { value: Object.assign([], { 1: 'a' }) }, '.value'],
    ['a member beside the constant', { value: 'x', path: 'email' }, '.path'],
    ['a misspelled constant', { valu: 'x' }, '.valu'],
  ])('is refused where a source is %s', (_, source, places) => {
    const expected = places.split(',').map((place) => `claimsToToken.role${place}`)
    expect(placesOf({ good: 'email', role: source })).toEqual(expected)
  })

  it('is told with all its problems at once', () => {
    expect(placesOf({ sub: 'a..b', role: '', tenant: { value: {} }, good: 'email' })).toEqual([
      'claimsToToken.sub',
      'claimsToToken.role',
      'claimsToToken.tenant.value',
    ])
  })
})

describe('a function among the sources', () => {
  const failing: [string, MapClaim][] = [
    [
      'throws',
      () => {
        throw new Error('the directory is down')
      },
    ],
    [
      'throws nothing at all',
      () => {
        throw undefined
      },
    ],
    ['rejects', () => Promise.reject(new Error('the directory is down'))],
    ['rejects with nothing at all', () => Promise.reject()],
    ['gives a BigInt', () => 1n],
    ['gives a BigInt within', () => ({ a: [{ b: 1n }] })],
    ['promises a BigInt', () => Promise.resolve(1n)],
    [
      'gives a cycle',
      () => {
        const cycle: Record<string, unknown> = {}
        cycle.within = [cycle]
        return cycle
      },
    ],
    [
      'gives what throws as it is read',
      () => ({
        get a() {
          throw new Error('no')
        },
      }),
    ],
    [
      'gives what cannot be made JSON',
      () => ({
        toJSON() {
          throw new Error('no')
        },
      }),
    ],
    ['gives a function', () => () => 1],
    ['gives a symbol', () => Symbol('x')],
    ['gives a Map', () => new Map([['a', 1]])],
    ['gives a Set within', () => ({ a: [new Set([1])] })],
    ['gives an array with undefined', () => ['a', undefined]],
    ['gives an array with a hole', () => Array(2)],
    ['gives a number that is none', () => Number.NaN],
    ['gives a nesting of 100 000 levels', () => nested(100_000)],
  ]
  it.each(failing)('is an outage of ours where it %s', async (_, map) => {
    expect(await mapBy(map)).toBe(FAILED)
  })

  it('is an outage of ours also where it throws a refusal of its own', async () => {
    for (const name of ['TokenRejected', 'OAuthError', 'DependencyUnavailable'])
      expect(
        await mapBy(() => {
          throw Object.assign(new Error('x'), { name, reason: 'expired', code: 'invalid_grant', status: 200 })
        }),
      ).toBe(FAILED)
  })

  it('has the fault as the cause', async () => {
    const cause = new Error('the directory is down')
    const { mapping } = readFrom({ claimsToToken: { a: () => Promise.reject(cause) } })
    await expect(mapClaims(mapping, {}, CONTEXT)).rejects.toMatchObject({ reason: 'claim_mapping_failed', cause })
  })

  it('is told the claims, the identity provider and the client', async () => {
    const told: unknown[] = []
    const claims = { sub: 'alice', groups: ['a'] }
    const map: MapClaim = (...given) => {
      told.push(...given)
      return 'x'
    }
    expect(await mapBy(map, claims)).toEqual({ mapped: 'x' })
    expect(told).toEqual([claims, CONTEXT, expect.objectContaining({ aborted: false })])
  })

  it('may give or promise any JSON', async () => {
    for (const value of ['x', '', 0, -1.5, true, false, null, [], {}, [1, [2, { a: null }]], { a: { b: ['c'] } }])
      for (const given of [value, Promise.resolve(value)]) expect(await mapBy(() => given)).toEqual({ mapped: value })
  })

  it('that gives or promises undefined leaves its claim out', async () => {
    for (const given of [undefined, Promise.resolve(undefined)])
      expect(await mapFrom({ a: () => given, b: { value: 1 } })).toEqual({ b: 1 })
  })

  it('gives a copy: what it changes afterwards changes nothing', async () => {
    const value = { roles: ['reader'] }
    const mapped = await mapBy(() => value)
    value.roles.push('admin')
    expect(mapped).toEqual({ mapped: { roles: ['reader'] } })
  })
})

describe('the size of mapped claims', () => {
  /** With `{"mapped":""}` around the text. */
  const room = MAX_MAPPED_BYTES - '{"mapped":""}'.length

  it('is at most 8192 bytes of JSON', async () => {
    expect(MAX_MAPPED_BYTES).toBe(8192)
    expect(await mapFrom({ mapped: 'a' }, { a: 'x'.repeat(room + 1) })).toBe(TOO_LARGE)
    expect(await mapFrom({ mapped: 'a' }, { a: 'x'.repeat(room) })).toEqual({ mapped: 'x'.repeat(room) })
  })

  it('is counted in bytes, and as it is escaped', async () => {
    for (const [text, bytes] of [
      ['é', 2],
      ['€', 3],
      ['😀', 4],
      ['"', 2],
      ['\\', 2],
      ['\0', 6],
      ['\ud800', 6],
    ] as const) {
      const most = Math.floor(room / bytes)
      expect(await mapFrom({ mapped: 'a' }, { a: text.repeat(most) })).toEqual({ mapped: text.repeat(most) })
      expect(await mapFrom({ mapped: 'a' }, { a: text.repeat(most + 1) })).toBe(TOO_LARGE)
    }
  })

  it('is that of all together, with their names', async () => {
    const half = 'x'.repeat(MAX_MAPPED_BYTES / 2 - '{"a":"",'.length)
    expect(await mapFrom({ a: 'a', b: 'a' }, { a: half })).toEqual({ a: half, b: half })
    expect(await mapFrom({ a: 'a', bbb: 'a' }, { a: half })).toBe(TOO_LARGE)
    expect(await mapFrom({ a: 'a', b: 'a', c: { value: 1 } }, { a: half })).toBe(TOO_LARGE)
  })

  it('is a refusal of the assertion for constants and functions alike', async () => {
    const constants = { value: Array(9).fill('x'.repeat(1000)) }
    expect(await mapFrom({ a: constants })).toBe(TOO_LARGE)
    expect(await mapBy(() => 'x'.repeat(10_000_000))).toBe(TOO_LARGE)
  })
})

describe('mapped claims', () => {
  it('are none without sources', async () => {
    expect(readFrom({}).mapping).toEqual([])
    expect(await mapClaims([], { email: 'a' }, CONTEXT)).toEqual({})
  })

  it('are left out where their source is missing, and only there', async () => {
    const claims = JSON.parse('{"no":null,"empty":"","zero":0,"false":false,"list":[],"object":{}}')
    const names = [...Object.keys(claims), 'missing', 'toString', 'constructor', 'list.0', 'list.length', 'no.a']
    const sources = Object.fromEntries(names.map((name) => [`x_${name}`, name]))
    const expected = Object.fromEntries(Object.entries(claims).map(([name, value]) => [`x_${name}`, value]))
    expect(await mapFrom(sources, claims)).toEqual(expected)
    expect(await mapFrom({ a: 'missing' })).toEqual({})
  })

  it.each([
    ['realm_access.roles', ['reader']],
    ['/realm_access/roles/0', 'reader'],
    ['"kubernetes.io".namespace', 'shop'],
    ['https://example.com/roles', 'editor'],
    ['realm_access', { roles: ['reader'] }],
  ])('may have the path %s as their source', async (path, expected) => {
    const claims = {
      realm_access: { roles: ['reader'] },
      'kubernetes.io': { namespace: 'shop' },
      'https://example.com/roles': 'editor',
    }
    expect(await mapFrom({ mapped: path }, claims)).toEqual({ mapped: expected })
  })

  it.each(['acme', '', 0, -5.5, true, false, Number.MAX_SAFE_INTEGER, '${claims.sub}', '*'])(
    'may be a constant: %p',
    async (value) => {
      expect(await mapFrom({ a: { value }, b: { value: [value, value] } })).toEqual({ a: value, b: [value, value] })
    },
  )

  it('may be an empty array', async () => {
    expect(await mapFrom({ a: { value: [] } })).toEqual({ a: [] })
  })

  it('are constants also where the options change afterwards', async () => {
    const value = ['reader']
    const { mapping } = readFrom({ claimsToToken: { roles: { value } } })
    value.push('admin')
    expect(await mapClaims(mapping, {}, CONTEXT)).toEqual({ roles: ['reader'] })
  })

  it.each(['SUB', 'Sub', 'sub ', 'scopes', 'audience', 'constructor', 'toString', 'hasOwnProperty', 'a.b', 'toJSON'])(
    'may have the name %j',
    async (name) => {
      const mapped = await mapFrom({ [name]: 'a', last: { value: 1 } }, { a: 'x' })
      expect(Object.entries(mapped as object)).toEqual([
        [name, 'x'],
        ['last', 1],
      ])
    },
  )

  it('have no function that decides what all of them are', async () => {
    const mapped = await mapFrom({ toJSON: () => () => ({ scope: 'admin', sub: 'root' }), a: { value: 1 } })
    if (typeof mapped === 'string') expect(mapped).toBe(FAILED)
    else expect(mapped).toEqual({ a: 1 })
  })

  it('change the prototype of nothing', async () => {
    const claims = JSON.parse('{"a":{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}}')
    const mapped = (await mapFrom({ b: 'a', c: '/a/__proto__' }, claims)) as Record<string, Record<string, unknown>>
    expect(JSON.stringify(mapped)).toBe(JSON.stringify({ b: claims.a, c: { admin: true } }))
    expect(Object.getPrototypeOf(mapped.b)).toBe(Object.prototype)
    expect(mapped.b?.admin).toBeUndefined()
    expect(Reflect.get({}, 'admin')).toBeUndefined()
  })

  it.each(['9007199254740993', '-9007199254740992', '[1, 1e300]', '{"id": {"n": 1e999}}'])(
    'are left out where a number stands for more than one: %s',
    async (json) => {
      expect(await mapFrom({ b: 'a', c: 'd' }, { a: JSON.parse(json), d: 1 })).toEqual({ c: 1 })
    },
  )

  it('may be as deep as an assertion is', async () => {
    expect(await mapFrom({ b: 'a' }, { a: nested(31) })).toEqual({ b: nested(31) })
  })

  it(
    'are what stands at their paths, and nothing else',
    async () => {
      const name = fc.constantFrom('a', 'b', 'a.b', 'sub', 'scope', '__proto__', 'constructor', '0', 'é', '"')
      const isCertain = (json: string) => !/\d{16}|e\+?\d{2}/.test(json)
      const claims = fc
        .json({ maxDepth: 3 })
        .filter(isCertain)
        .map((json) => JSON.parse(json))
      const members = fc.dictionary(name, claims, { maxKeys: 5 })
      const path = fc.constantFrom('a', 'b', '"a.b"', '/a/0', '/__proto__', 'a.b', 'constructor', '/é', 'sub', '0.a')
      const target = fc.constantFrom('a', 'b', 'x', 'roles', 'constructor', 'toString', '0', 'é')
      await fc.assert(
        fc.asyncProperty(members, fc.dictionary(target, path, { minKeys: 1 }), async (given, sources) => {
          const written = Object.entries(sources)
          const expected = written.flatMap(([to, from]) => {
            const place = parseClaimPath(from)
            const value = place && readClaim(given, place)
            return value === undefined ? [] : [[to, JSON.parse(JSON.stringify(value))]]
          })
          const mapped = await mapFrom({ ...sources }, given)
          expect(new Map(Object.entries(mapped as object))).toEqual(new Map(expected as [string, unknown][]))
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )
})
