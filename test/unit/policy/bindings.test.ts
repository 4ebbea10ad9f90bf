import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { type ConfigProblem, formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { findBindings } from '../../../src/policy/binding.js'

type Options = Readonly<Record<string, unknown>>

const API = 'https://api.example.com'
const BILLING = 'https://billing.example.com'
const CLIENTS = [
  { clientId: 'app', clientSecret: 'a secret of the tests' },
  { clientId: 'ci', clientSecret: 'another secret of the tests' },
]

function optionsOf(policy: Options, others: Options = {}) {
  return {
    issuer: 'https://api.example.com/oauth2',
    identityProviders: [
      { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys', ...policy },
    ],
    ...(others.findClient === undefined && { clients: CLIENTS }),
    accessToken: { audience: [API, BILLING] },
    ...others,
  }
}

function problemsOf(policy: Options, others?: Options): readonly ConfigProblem[] {
  try {
    readExchangeOptions(optionsOf(policy, others))
    return []
  } catch (error) {
    if (isConfigError(error)) return error.problems
    throw error
  }
}

/** Where the problems are, each place once, from the identity provider on. */
function placesOf(policy: Options, others?: Options): string[] {
  const places = problemsOf(policy, others).map(({ path }) => formatPath(path))
  return [...new Set(places)].map((place) => place.replace('identityProviders[0].', ''))
}

/** Where the problems of one binding are, from the binding on. */
function placesOfGrant(binding: unknown, others?: Options): string[] {
  return placesOf({ bindings: [{ name: 'first' }, binding] }, others).map((place) => place.replace('bindings[1]', ''))
}

function bindingsOf(policy: Options, others?: Options) {
  return readExchangeOptions(optionsOf(policy, others)).identityProviders[0]?.policy.bindings ?? []
}

/** The names of the bindings that hold. */
function holding(policy: Options, claims: Options, clientId = 'app'): string[] {
  return findBindings(bindingsOf(policy), claims, clientId).map(({ name }) => name)
}

describe('singleAsArray', () => {
  it.each([[null], ['true'], [1], [['groups']]])('cannot be %p', (singleAsArray) => {
    expect(placesOf({ singleAsArray, groupsToScopes: { admins: ['read'] } })).toEqual(['singleAsArray'])
  })

  it('changes includes of a binding, and no other condition', () => {
    const bindings = [
      { name: 'includes', when: { groups: { includes: 'adm*' } } },
      { name: 'plain', when: { groups: ['admins'] } },
    ]
    const names = (singleAsArray: boolean | undefined, groups: unknown) =>
      holding({ bindings, ...(singleAsArray !== undefined && { singleAsArray }) }, { groups })
    expect(names(true, 'admins')).toEqual(['includes', 'plain'])
    expect(names(true, ['admins'])).toEqual(['includes'])
    expect(names(false, 'admins')).toEqual(['plain'])
    expect(names(undefined, 'admins')).toEqual(['plain'])
  })
})

describe('bindings that cannot be meant', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an empty array', []],
    ['an object', { name: 'read' }],
    ['text', 'read'],
    ['a number', 7],
    ['a function', () => []],
    ['a Map', new Map()],
    ['a Set', new Set([{ name: 'read' }])],
  ])('are refused: %s', (_, bindings) => {
    expect(placesOf({ bindings })).toEqual(['bindings'])
  })

  it.each([
    ['null', null],
    ['text', 'read'],
    ['an array', [{ name: 'read' }]],
    ['a Map', new Map([['name', 'read']])],
  ])('are refused where one of them is %s', (_, binding) => {
    expect(placesOfGrant(binding)).toContain('')
  })

  it('are refused where one of them is undefined, or a hole in the array', () => {
    const hole: unknown[] = []
    hole[1] = { name: 'read' }
    expect(placesOf({ bindings: [undefined, { name: 'read' }] })).toContain('bindings[0]')
    expect(placesOf({ bindings: hole })).toContain('bindings[0]')
  })

  it.each([
    ['no name', {}, '.name'],
    ['an empty name', { name: '' }, '.name'],
    ['a name that is a number', { name: 7 }, '.name'],
    ['a name that is null', { name: null }, '.name'],
    ['a name that another one has', { name: 'first' }, '.name'],
    ['conditions that are undefined', { name: 'x', when: undefined }, '.when'],
    ['conditions that are null', { name: 'x', when: null }, '.when'],
    ['no condition', { name: 'x', when: {} }, '.when'],
    ['conditions that are an array', { name: 'x', when: [{ ref: 'main' }] }, '.when'],
    ['conditions that are text', { name: 'x', when: 'ref' }, '.when'],
    ['conditions that are a function', { name: 'x', when: () => true }, '.when'],
    ['a condition that is undefined', { name: 'x', when: { ref: undefined } }, '.when.ref'],
    ['a condition that is null', { name: 'x', when: { ref: null } }, '.when.ref'],
    ['a condition without an operator', { name: 'x', when: { ref: {} } }, '.when.ref'],
    ['a condition that is an empty array', { name: 'x', when: { ref: [] } }, '.when.ref'],
    ['an unknown operator', { name: 'x', when: { ref: { equal: 'main' } } }, '.when.ref.equal'],
    ['a bound that is text', { name: 'x', when: { level: { atLeast: '2' } } }, '.when.level.atLeast'],
    ['a malformed path', { name: 'x', when: { 'a..b': 1 } }, '.when.a..b'],
    ['clients that are undefined', { name: 'x', clients: undefined }, '.clients'],
    ['clients that are null', { name: 'x', clients: null }, '.clients'],
    ['no clients', { name: 'x', clients: [] }, '.clients'],
    ['clients that are text', { name: 'x', clients: 'app' }, '.clients'],
    ['an unknown client', { name: 'x', clients: ['app', 'nobody'] }, '.clients[1]'],
    ['a client in another case', { name: 'x', clients: ['app', 'CI'] }, '.clients[1]'],
    ['a client with white space', { name: 'x', clients: ['app', 'ci '] }, '.clients[1]'],
    ['a pattern of clients', { name: 'x', clients: ['app', '*'] }, '.clients[1]'],
    ['an empty client', { name: 'x', clients: ['app', ''] }, '.clients[1]'],
    ['a client that is a number', { name: 'x', clients: ['app', 7] }, '.clients[1]'],
    ['a client that is an object', { name: 'x', clients: ['app', { clientId: 'ci' }] }, '.clients[1]'],
    ['unknown clients alone', { name: 'x', clients: ['nobody'] }, '.clients[0]'],
    ['scopes that are text', { name: 'x', scopes: 'read' }, '.scopes'],
    ['scopes that are null', { name: 'x', scopes: null }, '.scopes'],
    ['two scopes in one', { name: 'x', scopes: ['read', 'read write'] }, '.scopes[1]'],
    ['an empty scope', { name: 'x', scopes: [''] }, '.scopes[0]'],
    ['a scope with a quote', { name: 'x', scopes: ['a"b'] }, '.scopes[0]'],
    ['a scope that is a number', { name: 'x', scopes: [7] }, '.scopes[0]'],
    ['resources that are undefined', { name: 'x', resources: undefined }, '.resources'],
    ['resources that are null', { name: 'x', resources: null }, '.resources'],
    ['no resources', { name: 'x', resources: [] }, '.resources'],
    ['a resource that is text', { name: 'x', resources: API }, '.resources'],
    ['an unknown resource', { name: 'x', resources: [API, 'https://evil.example.com'] }, '.resources[1]'],
    ['a resource with a slash', { name: 'x', resources: [API, `${BILLING}/`] }, '.resources[1]'],
    ['a resource in another case', { name: 'x', resources: [API, BILLING.toUpperCase()] }, '.resources[1]'],
    ['a pattern of resources', { name: 'x', resources: [API, '*'] }, '.resources[1]'],
    ['a resource that is an array', { name: 'x', resources: [API, [BILLING]] }, '.resources[1]'],
    ['no lifetime', { name: 'x', lifetime: 0 }, '.lifetime'],
    ['a negative lifetime', { name: 'x', lifetime: -1 }, '.lifetime'],
    ['a broken lifetime', { name: 'x', lifetime: 1.5 }, '.lifetime'],
    ['a lifetime of more than a day', { name: 'x', lifetime: 86_401 }, '.lifetime'],
    ['a lifetime that is text', { name: 'x', lifetime: '600' }, '.lifetime'],
    ['a lifetime that is null', { name: 'x', lifetime: null }, '.lifetime'],
    ['a lifetime that is no number', { name: 'x', lifetime: Number.NaN }, '.lifetime'],
    ['an infinite lifetime', { name: 'x', lifetime: Number.POSITIVE_INFINITY }, '.lifetime'],
    ['a scope in the singular', { name: 'x', scope: ['read'] }, '.scope'],
    ['a client in the singular', { name: 'x', client: ['app'] }, '.client'],
    ['claims in place of when', { name: 'x', claims: { ref: 'main' } }, '.claims'],
    ['allowedSubjects', { name: 'x', allowedSubjects: ['alice'] }, '.allowedSubjects'],
    ['an audience', { name: 'x', audience: API }, '.audience'],
    ['a check', { name: 'x', check: () => true }, '.check'],
    ['a member named __proto__', JSON.parse('{"name":"x","__proto__":{"scopes":["read"]}}'), '.__proto__'],
  ])('are refused where one has %s', (_, binding, places) => {
    expect(placesOfGrant(binding)).toEqual(places.split(','))
  })

  it('are refused for each name that an earlier one has', () => {
    expect(placesOf({ bindings: [{ name: 'a' }, { name: 'b' }, { name: 'a' }, { name: 'a' }] })).toEqual([
      'bindings[2].name',
      'bindings[3].name',
    ])
  })

  it('are told all at once, and what was meant', () => {
    const bindings = [
      { name: '', when: { ref: {} } },
      { name: 'b', clients: ['nobody', 'app'], scopes: ['a b'], resources: ['x', API], lifetime: 0, scpes: [] },
    ]
    expect(placesOf({ bindings, groupsToScopes: { admins: [] } })).toEqual([
      'bindings[0].name',
      'bindings[0].when.ref',
      'bindings[1].clients[0]',
      'bindings[1].resources[0]',
      'bindings[1].scopes[0]',
      'bindings[1].lifetime',
      'bindings[1].scpes',
      'groupsToScopes.admins',
    ])
    expect(problemsOf({ bindings }).at(-1)?.suggestion).toBe('scopes')
  })

  it('are refused for clients that are not well formed themselves', () => {
    const places = placesOf({ bindings: [{ name: 'a', clients: ['app'] }] }, { clients: 'app' })
    expect(places).toContain('bindings[0].clients[0]')
  })

  it('are not refused for clients that are looked up, but for an empty id', () => {
    const lookedUp = { findClient: () => undefined }
    expect(placesOfGrant({ name: 'x', clients: ['anybody'] }, lookedUp)).toEqual([])
    expect(placesOfGrant({ name: 'x', clients: ['anybody', ''] }, lookedUp)).toEqual(['.clients[1]'])
    expect(placesOfGrant({ name: 'x', clients: [] }, lookedUp)).toEqual(['.clients'])
  })

  it('are refused for a resource of an audience that is text and not this one', () => {
    const accessToken = { audience: API }
    expect(placesOfGrant({ name: 'x', resources: [API] }, { accessToken })).toEqual([])
    expect(placesOfGrant({ name: 'x', resources: [API, BILLING] }, { accessToken })).toEqual(['.resources[1]'])
    expect(placesOfGrant({ name: 'x', resources: [API, 'h'] }, { accessToken })).toEqual(['.resources[1]'])
  })
})

describe('groupsToScopes that cannot be meant', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an empty object', {}],
    ['an array', ['admins']],
    ['text', 'admins'],
    ['a function', () => ({})],
    ['a Map', new Map([['admins', ['read']]])],
  ])('are refused: %s', (_, groupsToScopes) => {
    expect(placesOf({ groupsToScopes })).toEqual(['groupsToScopes'])
  })

  it.each([
    ['no scopes', [], 'groupsToScopes.admins'],
    ['undefined', undefined, 'groupsToScopes.admins'],
    ['null', null, 'groupsToScopes.admins'],
    ['text', 'read', 'groupsToScopes.admins'],
    ['an object', { scopes: ['read'] }, 'groupsToScopes.admins'],
    ['two scopes in one', ['read', 'a b'], 'groupsToScopes.admins[1]'],
    ['an empty scope', ['read', ''], 'groupsToScopes.admins[1]'],
    ['a number', ['read', 7], 'groupsToScopes.admins[1]'],
  ])('are refused where a group has %s', (_, scopes, place) => {
    expect(placesOf({ groupsToScopes: { good: ['read'], admins: scopes } })).toEqual([place])
  })

  it.each([
    ['empty', ''],
    ['malformed', 'a..b'],
    ['a number', 7],
    ['null', null],
    ['an array', ['groups']],
  ])('are refused with a groupsClaim that is %s', (_, groupsClaim) => {
    expect(placesOf({ groupsToScopes: { admins: ['read'] }, groupsClaim })).toEqual(['groupsClaim'])
  })

  it.each([['no path..'], [null], ['']])(
    'have problems of their own beside a groupsClaim that is %j',
    (groupsClaim) => {
      const groupsToScopes = { admins: null, writers: ['a b'] }
      const places = placesOf({ groupsToScopes, groupsClaim })
      expect(places.toSorted()).toEqual(['groupsClaim', 'groupsToScopes.admins', 'groupsToScopes.writers[0]'])
    },
  )

  it.each([['roles'], [undefined], ['']])('are missing beside a groupsClaim: %p', (groupsClaim) => {
    expect(placesOf({ groupsClaim })).toEqual(['groupsClaim'])
    expect(placesOf({ groupsClaim, bindings: [{ name: 'x' }] })).toEqual(['groupsClaim'])
  })

  it.each([[{}], [undefined], ['admins']])('are the one problem, and not the groupsClaim beside them: %p', (groups) => {
    expect(placesOf({ groupsToScopes: groups, groupsClaim: 'roles' })).toEqual(['groupsToScopes'])
  })

  it('are told at the name of the group, whatever it is', () => {
    const groupsToScopes = JSON.parse('{"__proto__":[],"a.b":[],"":[],"constructor":[]}')
    expect(problemsOf({ groupsToScopes }).map(({ path }) => path.slice(2))).toEqual([
      ['groupsToScopes', '__proto__'],
      ['groupsToScopes', 'a.b'],
      ['groupsToScopes', ''],
      ['groupsToScopes', 'constructor'],
    ])
  })
})

describe('bindings', () => {
  it('have these defaults', () => {
    expect(bindingsOf({})).toEqual([])
    expect(bindingsOf({ bindings: [{ name: 'read' }] })).toEqual([
      {
        name: 'read',
        when: [],
        clients: undefined,
        scopes: new Set(),
        resources: undefined,
        lifetime: Number.POSITIVE_INFINITY,
        origin: 'binding',
      },
    ])
  })

  it('may have the same names at two identity providers', () => {
    const bindings = [{ name: 'read', scopes: ['read'] }]
    const identityProviders = ['one', 'two'].map((name) => ({
      name,
      allowedSubjects: 'any',
      jwksUri: 'https://idp.example.com/keys',
      alias: name,
      bindings,
    }))
    const { identityProviders: checked } = readExchangeOptions(
      optionsOf({}, { identityProviders, subject: 'namespaced' }),
    )
    expect(checked.map(({ policy }) => policy.bindings.map(({ name }) => name))).toEqual([['read'], ['read']])
  })

  it('are not changed by what happens to the options afterwards', () => {
    const binding = { name: 'read', scopes: ['read'], clients: ['app'], resources: [API], when: { ref: ['main'] } }
    const groups = { admins: ['write'] }
    const bindings = bindingsOf({ bindings: [binding], groupsToScopes: groups })
    binding.scopes.push('admin')
    binding.clients.push('ci')
    binding.resources.push(BILLING)
    binding.when.ref.push('evil')
    groups.admins.push('admin')
    expect(bindings.map(({ scopes }) => [...scopes])).toEqual([['read'], ['write']])
    expect(bindings[0]).toMatchObject({ clients: new Set(['app']), resources: new Set([API]) })
    expect(findBindings(bindings, { ref: 'evil' }, 'app')).toEqual([])
    expect(findBindings(bindings, { ref: 'main' }, 'app')).toHaveLength(1)
  })

  it('hold where all conditions do, for their clients', () => {
    const bindings = [
      { name: 'always' },
      { name: 'deploy', when: { ref: 'refs/heads/main', env: ['prod', 'stage-*'] } },
      { name: 'ci', clients: ['ci'] },
      { name: 'alice', when: { sub: 'alice' }, clients: ['app', 'ci'] },
    ]
    const claims = { sub: 'alice', ref: 'refs/heads/main', env: 'stage-1' }
    expect(holding({ bindings }, claims)).toEqual(['always', 'deploy', 'alice'])
    expect(holding({ bindings }, claims, 'ci')).toEqual(['always', 'deploy', 'ci', 'alice'])
    expect(holding({ bindings }, { ...claims, env: 'dev' })).toEqual(['always', 'alice'])
    expect(holding({ bindings }, { ...claims, sub: ['alice'] }, 'CI')).toEqual(['always', 'deploy'])
    expect(holding({ bindings }, {}, 'somebody')).toEqual(['always'])
  })
})

describe('a group', () => {
  const groupsToScopes = { admins: ['write'] }

  it.each<[string, unknown]>([
    ['the group as text', 'admins'],
    ['text with the group in it', 'admins,everybody'],
    ['an object with the group', { admins: true }],
    ['an object like an array', { 0: 'admins', length: 1 }],
    ['an array within an array', [['admins']]],
    ['an object within an array', [{ name: 'admins' }]],
    ['another case', ['Admins']],
    ['white space around it', [' admins', 'admins ']],
    ['the beginning of the group', ['admin']],
    ['a group that begins alike', ['admins2', 'admins/eu']],
    ['a pattern that matches it', ['*', 'admin*', 'admins*']],
    ['groups in one', ['admins everybody']],
    ['no groups', []],
    ['null', null],
    ['true', true],
    ['nothing', undefined],
  ])('is not held by %s', (_, groups) => {
    expect(holding({ groupsToScopes }, { groups })).toEqual([])
  })

  it('is held by an array with it, whatever else is there', () => {
    expect(holding({ groupsToScopes }, { groups: ['admins'] })).toEqual(['admins'])
    expect(holding({ groupsToScopes }, { groups: [null, 7, {}, ['x'], 'everybody', 'admins'] })).toEqual(['admins'])
  })

  it('is compared exactly where its name has a star, or another normal form', () => {
    const groups = { '*': ['a'], 'team-*': ['b'], '\u00e9': ['c'] }
    expect(holding({ groupsToScopes: groups }, { groups: ['x', 'team-1', 'e\u0301', ''] })).toEqual([])
    expect(holding({ groupsToScopes: groups }, { groups: ['*', 'team-*', '\u00e9'] })).toEqual(Object.keys(groups))
  })

  it.each(['__proto__', 'constructor', 'toString', 'length', '0', '', 'a.b', ' ', '${HOME}'])(
    'may be named %j',
    (name) => {
      const groups = JSON.parse(`{${JSON.stringify(name)}:["read"]}`)
      expect(holding({ groupsToScopes: groups }, {})).toEqual([])
      expect(holding({ groupsToScopes: groups }, { groups: ['other'] })).toEqual([])
      expect(holding({ groupsToScopes: groups }, { groups: [name] })).toEqual([name])
    },
  )

  it.each([
    ['realm_access.roles', { realm_access: { roles: ['admins'] } }, { 'realm_access.roles': ['admins'] }],
    ['"a.b".groups', { 'a.b': { groups: ['admins'] } }, { a: { b: { groups: ['admins'] } } }],
    ['/teams/0/members', { teams: [{ members: ['admins'] }] }, { teams: { members: ['admins'] } }],
    ['https://example.com/groups', { 'https://example.com/groups': ['admins'] }, { groups: ['admins'] }],
  ])('is looked for at %s alone', (groupsClaim, good, bad) => {
    expect(holding({ groupsToScopes, groupsClaim }, good)).toEqual(['admins'])
    expect(holding({ groupsToScopes, groupsClaim }, bad)).toEqual([])
  })

  it('is held by a string that is it if singleAsArray says so', () => {
    const policy = { groupsToScopes: { admins: ['read'], '': ['read'] }, singleAsArray: true }
    expect(holding(policy, { groups: 'admins' })).toEqual(['admins'])
    expect(holding(policy, { groups: ['admins'] })).toEqual(['admins'])
    expect(holding(policy, { groups: '' })).toEqual([''])
    for (const groups of ['admins ', 'Admins', 'admins everybody', 'admins,everybody', { 0: 'admins' }, 5, null]) {
      expect(holding(policy, { groups })).toEqual([])
    }
    expect(holding({ ...policy, singleAsArray: false }, { groups: 'admins' })).toEqual([])
    const elsewhere = { ...policy, groupsClaim: 'realm_access.roles' }
    expect(holding(elsewhere, { groups: 'admins', realm_access: { roles: 'admins' } })).toEqual(['admins'])
    expect(holding(elsewhere, { groups: 'admins' })).toEqual([])
  })

  it('is found in any claim if and only if an obvious search finds it', () => {
    const name = fc.constantFrom('admins', 'everybody', 'admins everybody', 'Admins', '', '*')
    const claim = fc.oneof(
      name,
      fc.array(fc.oneof(name, fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 }),
      fc.jsonValue(),
    )
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1 }), claim, fc.boolean(), (names, groups, singleAsArray) => {
        const policy = { groupsToScopes: Object.fromEntries(names.map((each) => [each, ['read']])), singleAsArray }
        const has = (wanted: string) =>
          Array.isArray(groups) ? groups.some((each) => each === wanted) : singleAsArray && groups === wanted
        expect(holding(policy, { groups })).toEqual(names.filter(has))
      }),
      { numRuns: 1000 },
    )
  })

  it('is looked for in own claims only', () => {
    expect(holding({ groupsToScopes }, Object.create({ groups: ['admins'] }))).toEqual([])
  })

  it('is a binding beside the others, for any client, also where one has its name', () => {
    const named = [{ name: 'admins', scopes: ['read'], when: { sub: 'alice' }, clients: ['ci'] }]
    const bindings = bindingsOf({ bindings: named, groupsToScopes: { admins: ['write', 'read'] } })
    expect(bindings.map(({ name, scopes }) => [name, [...scopes]])).toEqual([
      ['admins', ['read']],
      ['admins', ['write', 'read']],
    ])
    expect(bindings[1]).toMatchObject({
      clients: undefined,
      resources: undefined,
      lifetime: Number.POSITIVE_INFINITY,
    })
    expect(findBindings(bindings, { sub: 'bob', groups: ['admins'] }, 'app')).toEqual([bindings[1]])
    expect(findBindings(bindings, { sub: 'alice' }, 'ci')).toEqual([bindings[0]])
  })
})
