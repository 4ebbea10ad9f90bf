import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../../src/config/index.js'
import { tomlNameWithin } from '../../../src/config/toml-names.js'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { createJwtExchange, type IdentityProviderOptions } from '../../../src/index.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'

import { EXAMPLES, optionsAskedFor } from '../../support/option-tree.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nested-tables-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Eleven lines: what follows begins in line 12, in the table of the identity provider. */
const BASE = `issuer = "https://api.example.com/oauth2"
access_token = { audience = ["https://api.example.com", "https://billing.example.com"] }
[[client]]
client_id = "app"
client_secret = "a secret of the tests"
[[client]]
client_id = "ci"
client_secret = "another secret of the tests"
[[identity_provider]]
name = "https://idp.example.com"
allowed_subjects = "any"
`
const KEYS = 'jwks_uri = "https://idp.example.com/jwks"\n'

/** Loads what stands in the table of the identity provider and below it; line 12 is the first one of it. */
function load(toml: string, env: Record<string, string> = {}) {
  const path = join(directory, 'deployment.toml')
  writeFileSync(path, `${BASE}${toml}`)
  return loadConfig(path, { env })
}

/** The options of the identity provider. */
function providerOf(toml: string, env?: Record<string, string>): IdentityProviderOptions {
  const options = load(`${KEYS}${toml}`, env)
  createJwtExchange(options).close()
  const [provider] = options.identityProviders ?? []
  if (provider === undefined) throw new Error('none')
  return provider
}

/** The whole error message of a file. */
function messageOf(toml: string, env?: Record<string, string>): string {
  try {
    load(`${KEYS}${toml}`, env)
    return ''
  } catch (error) {
    if (isConfigError(error)) return error.message
    throw error
  }
}

/** Each problem as `line:column path`; line 13 is the first one of the text that is given. */
function problemsOf(toml: string, env?: Record<string, string>): string[] {
  try {
    load(`${KEYS}${toml}`, env)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ location = '', path }) => {
      const [, place] = location.split('deployment.toml:')
      return `${place} ${path.slice(2).join(' > ')}`
    })
  }
}

const GRANTS = `required_claims = { repository_id = "5678" }

[[identity_provider.binding]]
name = "deploy"
when = { ref = "refs/heads/main", environment = "production" }
clients = ["ci"]
scopes = ["orders:write"]
resources = ["https://api.example.com"]
lifetime = 300

[[identity_provider.binding]]
name = "read"
scopes = ["orders:read"]

[identity_provider.binding.when]
'"kubernetes.io"' = { exists = false }
'"kubernetes.io".namespace' = ["shop", "shop-*"]
"/kubernetes.io/pod/name" = { one_of = ["a", "b"], message = "two pods only" }
"https://example.com/level" = { at_least = 2 }
run_attempt = "1"
camelCase = { equals_claim = "other_claim" }
"__proto__" = "x"
`

describe('a nested binding with problems', () => {
  it('is told to have two brackets', () => {
    expect(messageOf('[identity_provider.binding]\nname = "a"\n')).toContain(
      ':13:1: identity_provider[0].binding: got one table; expected a list of tables: [[identity_provider.binding]]',
    )
  })

  it.each<[string, string, string, string[]]>([
    ['a name that is missing', 'name = "read"\n', '', ['23:1 binding > 1 > name']],
    ['a name that another one has', 'name = "read"', 'name = "deploy"', ['24:1 binding > 1 > name']],
    ['an unknown client', 'clients = ["ci"]', 'clients = ["ci", "nobody"]', ['18:1 binding > 0 > clients > 1']],
    [
      'an unknown resource',
      '"https://api.example.com"]',
      '"https://api.example.com", "x"]',
      ['20:1 binding > 0 > resources > 1'],
    ],
    ['a lifetime of nothing', 'lifetime = 300', 'lifetime = 0', ['21:1 binding > 0 > lifetime']],
    ['two scopes in one', '"orders:read"', '"orders:read orders:write"', ['25:1 binding > 1 > scopes > 0']],
    ['an unknown key', 'lifetime = 300', '  life_time = 300', ['21:3 binding > 0 > life_time']],
    ['the name of an option in code', 'lifetime = 300', 'lifeTime = 300', ['21:1 binding > 0 > lifeTime']],
    ['a condition that is empty', '"refs/heads/main"', '{}', ['17:10 binding > 0 > when > ref']],
    ['an unknown operator', '"production"', '{ equal = "x" }', ['17:51 binding > 0 > when > environment > equal']],
    [
      'an operator of the name in code',
      'at_least = 2',
      'atLeast = 2',
      [
        '31:33 binding > 1 > when > https://example.com/level > atLeast',
        '31:2 binding > 1 > when > https://example.com/level',
      ],
    ],
    [
      'a bound that is text',
      'at_least = 2',
      'at_least = "2"',
      ['31:33 binding > 1 > when > https://example.com/level > at_least'],
    ],
    [
      'an empty condition on camelCase',
      '{ equals_claim = "other_claim" }',
      '{}',
      ['33:1 binding > 1 > when > camelCase'],
    ],
    ['a malformed path', 'run_attempt = "1"', '"run..attempt" = "1"', ['32:2 binding > 1 > when > run..attempt']],
    [
      'a condition on a date',
      'run_attempt = "1"',
      'run_attempt = 2026-01-01',
      ['32:1 binding > 1 > when > run_attempt'],
    ],
    [
      'a variable that is not set',
      'run_attempt = "1"',
      'run_attempt = "${ATTEMPT}"',
      ['32:1 binding > 1 > when > run_attempt'],
    ],
  ])('is told with line and column: %s', (_, good, bad, expected) => {
    expect(GRANTS).toContain(good)
    expect(problemsOf(GRANTS)).toEqual([])
    expect(problemsOf(GRANTS.replace(good, bad)).sort()).toEqual(expected.sort())
  })

  it('is told with all of them at once, in the order of the file', () => {
    const bad = GRANTS.replace('lifetime = 300', 'lifetime = "300"')
      .replace('name = "read"', 'name = 7')
      .replace('{ at_least = 2 }', 'false\nlevel = { below = "x" }')
      .replace('name = "deploy"', 'nam = "deploy"\nname = "deploy"')
    expect(problemsOf(bad)).toEqual([
      '16:1 binding > 0 > nam',
      '22:1 binding > 0 > lifetime',
      '25:1 binding > 1 > name',
      '33:11 binding > 1 > when > level > below',
    ])
  })

  it('is told where it stands in a second identity provider', () => {
    const second = `subject = "namespaced"
[[identity_provider]]
name = "https://other.example.com"
allowed_subjects = "any"
subject = "raw"
jwks_uri = "https://other.example.com/jwks"
[[identity_provider.binding]]
name = "a"
[[identity_provider.binding]]
name = "b"
resources = [
  "https://api.example.com",
  "https://evil.example.com",
]
`
    expect(() => load(`${KEYS}${second}`)).toThrow('deployment.toml:23:1: identity_provider[1].binding[1].resources[1]')
  })

  it('is told where it stands in one line', () => {
    expect(problemsOf('binding = [{ name = "a" }, { name = "b", lifetime = 0 }]\n')).toEqual([
      '13:42 binding > 1 > lifetime',
    ])
  })
})

describe('a table of a wrong name', () => {
  it.each(['bindings', 'Binding', 'BINDING', 'Bindings'])(
    'is refused, and binding is suggested: [[identity_provider.%s]]',
    (name) => {
      const toml = `[[identity_provider.${name}]]\nname = "read"\nscopes = ["orders:read"]\n`
      expect(problemsOf(toml)).toEqual([`13:1 ${name}`])
      expect(messageOf(toml)).toContain('did you mean `[[identity_provider.binding]]`?')
    },
  )

  it.each(['bindin', 'bindng', 'bindingss'])(
    'is refused, and binding is suggested: [[identity_provider.%s]]',
    (name) => {
      const toml = `[[identity_provider.${name}]]\nname = "read"\n`
      expect(problemsOf(toml)).toEqual([`13:1 ${name}`])
      expect(messageOf(toml)).toContain('did you mean `[[identity_provider.binding]]`?')
    },
  )

  it('is refused with a count of the keys instead of all their names', () => {
    expect(messageOf('colour = "red"\n')).toMatch(/colour: unknown option; docs\/options\.md lists the \d+ options/)
  })

  it('is refused as one table in place of an array of tables', () => {
    expect(problemsOf('[identity_provider.binding]\nname = "read"\n')).toContain('13:1 binding')
    expect(problemsOf('binding = []\n')).toContain('13:1 binding')
  })

  it('is refused at the top', () => {
    expect(() => load(`${KEYS}[[binding]]\nname = "read"\n`)).toThrow('deployment.toml:13:1: binding')
  })

  it.each([
    ['groupsToScopes', 'groups_to_scopes', '{ a = ["b"] }'],
    ['groupsClaim', 'groups_claim', '"roles"'],
    ['claimsToToken', 'claims_to_token', '{ a = "b" }'],
    ['singleAsArray', 'single_as_array', 'true'],
    ['groups_to_scope', 'groups_to_scopes', '{ a = ["b"] }'],
    ['claim_to_token', 'claims_to_token', '{ a = "b" }'],
  ])('is refused, and what is meant is suggested: %s', (name, suggestion, value) => {
    expect(problemsOf(`${name} = ${value}\n`)).toEqual([`13:1 ${name}`])
    expect(messageOf(`${name} = ${value}\n`)).toContain(`did you mean \`${suggestion}\`?`)
  })
})

describe('nested bindings', () => {
  it('are read with has_word and single_as_array', () => {
    const toml = `single_as_array = true
groups_to_scopes = { admins = ["orders:write"] }
[[identity_provider.binding]]
name = "read"
when = { scp = { has_word = ["Orders.Read", "Orders.ReadAll"] } }
`
    expect(providerOf(toml)).toMatchObject({
      singleAsArray: true,
      bindings: [{ name: 'read', when: { scp: { hasWord: ['Orders.Read', 'Orders.ReadAll'] } } }],
    })
  })

  it('are the option bindings, with the names of claims as they are written', () => {
    const { bindings } = providerOf(GRANTS)
    expect(bindings?.[0]).toEqual({
      name: 'deploy',
      when: { ref: 'refs/heads/main', environment: 'production' },
      clients: ['ci'],
      scopes: ['orders:write'],
      resources: ['https://api.example.com'],
      lifetime: 300,
    })
    expect(Object.entries(bindings?.[1]?.when ?? {})).toEqual([
      ['"kubernetes.io"', { exists: false }],
      ['"kubernetes.io".namespace', ['shop', 'shop-*']],
      ['/kubernetes.io/pod/name', { oneOf: ['a', 'b'], message: 'two pods only' }],
      ['https://example.com/level', { atLeast: 2 }],
      ['run_attempt', '1'],
      ['camelCase', { equalsClaim: 'other_claim' }],
      ['__proto__', 'x'],
    ])
  })

  it('belong to the identity provider before them', () => {
    const second = `subject = "first|\${claims.sub}"
[[identity_provider.binding]]
name = "first"
[[identity_provider]]
name = "https://other.example.com"
allowed_subjects = "any"
jwks_uri = "https://other.example.com/jwks"
subject = "namespaced"
[[identity_provider.binding]]
name = "second"
[[identity_provider.binding]]
name = "third"
`
    const { identityProviders } = load(`${KEYS}${second}`)
    expect(identityProviders?.map(({ bindings }) => bindings?.map(({ name }) => name))).toEqual([
      ['first'],
      ['second', 'third'],
    ])
  })

  it('may have names of operators and options as claims', () => {
    const names = [
      'one_of',
      'at_least',
      'oneOf',
      'message',
      'binding',
      'bindings',
      'name',
      'jwks',
      'ca',
      'certificates',
    ]
    const when = names.map((name) => `${name} = "x"`).join(', ')
    const { bindings } = providerOf(`[[identity_provider.binding]]\nname = "a"\nwhen = { ${when} }\n`)
    expect(bindings?.[0]?.when).toEqual(Object.fromEntries(names.map((name) => [name, 'x'])))
  })

  it('may have variables in values, and never in names', () => {
    const toml = (name: string) =>
      `[[identity_provider.binding]]\nname = "a"\nwhen = { "${name}" = "\${NAME}", b = ["\${NAME}-*"] }\n`
    expect(providerOf(toml('a'), { NAME: 'x' }).bindings?.[0]?.when).toEqual({ a: 'x', b: ['x-*'] })
    expect(() => providerOf(toml('${NAME}'), { NAME: 'x' })).toThrow(
      'binding[0].when.${NAME}: got a malformed claim path',
    )
  })
})

describe('groups_to_scopes', () => {
  it('has the names of groups as they are written', () => {
    const toml = `groups_claim = "realm_access.roles"
[identity_provider.groups_to_scopes]
"orders-admins" = ["orders:write"]
snake_case = ["a"]
camelCase = ["b"]
"with.dot" = ["c"]
"CN=Admins,OU=x" = ["d"]
"\${HOME}" = ["e"]
"*" = ["f"]
"" = ["g"]
"__proto__" = ["h"]
binding = ["i"]
`
    const { groupsToScopes = {}, groupsClaim } = providerOf(toml)
    expect(groupsClaim).toBe('realm_access.roles')
    expect(Object.entries(groupsToScopes)).toEqual([
      ['orders-admins', ['orders:write']],
      ['snake_case', ['a']],
      ['camelCase', ['b']],
      ['with.dot', ['c']],
      ['CN=Admins,OU=x', ['d']],
      ['${HOME}', ['e']],
      ['*', ['f']],
      ['', ['g']],
      ['__proto__', ['h']],
      ['binding', ['i']],
    ])
  })

  it('is told with line and column of the group', () => {
    const toml =
      '[identity_provider.groups_to_scopes]\ngood = ["a"]\n"bad.group" = []\nsnake_case = "a"\ncamelCase = 7\n'
    expect(problemsOf(toml)).toEqual([
      '15:2 groups_to_scopes > bad.group',
      '16:1 groups_to_scopes > snake_case',
      '17:1 groups_to_scopes > camelCase',
    ])
    expect(problemsOf('[identity_provider.groups_to_scopes]\na.b = ["c"]\n')).toEqual(['14:1 groups_to_scopes > a'])
    expect(problemsOf('groups_claim = "roles"\n')).toEqual(['13:1 groups_claim'])
    expect(messageOf('groups_claim = "roles"\n')).toContain('set `groups_to_scopes` as well')
  })
})

describe('claims_to_token', () => {
  it('has the names of claims as they are written', () => {
    const toml = `[identity_provider.claims_to_token]
roles = "realm_access.roles"
family_name = "family_name"
camelCase = '"kubernetes.io".namespace'
"https://example.com/tenant" = { value = "acme" }
"a.b" = { value = [1, 2.5, true, "x"] }
level = { value = 0 }
binding = "binding"
`
    expect(Object.entries(providerOf(toml).claimsToToken ?? {})).toEqual([
      ['roles', 'realm_access.roles'],
      ['family_name', 'family_name'],
      ['camelCase', '"kubernetes.io".namespace'],
      ['https://example.com/tenant', { value: 'acme' }],
      ['a.b', { value: [1, 2.5, true, 'x'] }],
      ['level', { value: 0 }],
      ['binding', 'binding'],
    ])
  })

  it('may have variables in constants', () => {
    expect(providerOf('claims_to_token = { a = { value = "${TENANT}" } }\n', { TENANT: 'acme' }).claimsToToken).toEqual(
      {
        a: { value: 'acme' },
      },
    )
  })

  it('is told with line and column of the claim', () => {
    const toml = `[identity_provider.claims_to_token]
good = "email"
client_id = "email"
"__proto__" = "email"
bad = "a..b"
date = { value = 2026-01-01 }
  table = { value = { a = 1 } }
other = { path = "email", value = 1 }
"" = "email"
camelCase = 7
`
    expect(problemsOf(toml)).toEqual([
      '15:1 claims_to_token > client_id',
      '16:2 claims_to_token > __proto__',
      '17:1 claims_to_token > bad',
      '18:10 claims_to_token > date > value',
      '19:13 claims_to_token > table > value',
      '20:11 claims_to_token > other > path',
      expect.stringMatching(/^21:\d claims_to_token > $/),
      '22:1 claims_to_token > camelCase',
    ])
  })

  it('is told with line and column where a path is written without quotation marks, as keys in keys', () => {
    expect(problemsOf('claims_to_token.realm.roles = "x"\n')).toContain('13:1 claims_to_token > realm > value')
  })
})

describe('a subject with claims in it', () => {
  const subjectOf = (subject: string, env?: Record<string, string>) => providerOf(`subject = ${subject}\n`, env).subject

  it.each(['"${claims.sub}"', '"ci|${claims.repository_id}|${claims.environment}"', '\'${claims."a.b".c}\''])(
    'is not taken for a variable: %s',
    (subject) => {
      const env = { claims: 'wrong', 'claims.sub': 'wrong', sub: 'wrong', CLAIMS: 'wrong' }
      expect(subjectOf(subject)).toBe(subject.slice(1, -1))
      expect(subjectOf(subject, env)).toBe(subject.slice(1, -1))
    },
  )

  it('may have variables beside claims', () => {
    expect(subjectOf('"${PREFIX}|${claims.sub}"', { PREFIX: 'eu' })).toBe('eu|${claims.sub}')
    expect(problemsOf('subject = "${PREFIX}|${claims.sub}"\n')).toContain('13:1 subject')
    expect(messageOf('subject = "${PREFIX}|${claims.sub}"\n')).toContain('the environment variable PREFIX is not set')
  })

  it('may stand at the top, too', () => {
    const path = join(directory, 'deployment.toml')
    writeFileSync(path, `subject = "\${claims.sub}@acme"\n${BASE}${KEYS}`)
    expect(loadConfig(path, { env: {} }).subject).toBe('${claims.sub}@acme')
    writeFileSync(path, `subject = "\${claims.a}\${claims.b}"\n${BASE}${KEYS}`)
    expect(() => loadConfig(path, { env: {} })).toThrow('deployment.toml:1:1: subject')
  })

  it.each(['"ci"', '"${claims.}"', '"${claims.a}${claims.b}"', '"Raw"', '7', '["raw"]'])(
    'is refused with line and column: %s',
    (subject) => {
      expect(problemsOf(`\n  subject = ${subject}\n`)).toEqual(['14:3 subject'])
    },
  )
})

describe('options that stand below the header of a table with free names', () => {
  const TEXTS = [
    'alias',
    'replay',
    'subject',
    'network',
    'proxy',
    'discovery',
    'jwks_uri',
    'ca',
    'jwks',
    'groups_claim',
  ]
  const LISTS = ['allowed_subjects', 'scopes', 'audiences', 'types', 'algorithms', 'certificates', 'ca']

  it.each([
    ...LISTS.map((name) => ['groups_to_scopes', `${name} = ["a"]`]),
    ...[...TEXTS, ...LISTS].map((name) => ['claims_to_token', `${name} = "a"`]),
    ['claims_to_token', 'required_claims = { value = "a" }'],
    ['claims_to_token', 'required_claims.value = "a"'],
    ['claims_to_token', 'max_age = 1'],
    ...[...LISTS, ...TEXTS, 'name'].map((name) => ['headers', `${name} = "a"`]),
    ['headers', 'max_age = 1'],
    ['headers', 'enabled = false'],
  ])('are refused in %s: %s', (table, line) => {
    const first = { groups_to_scopes: 'a = ["b"]', claims_to_token: 'a = "b"', headers: 'a = "b"' }[table]
    const toml = `[identity_provider.${table}]\n${first}\n${line}\n`
    expect(messageOf(toml)).toContain(
      `:15:1: identity_provider[0].${table}.${line.split(/[ .]/)[0]}: an option of the identity provider is within [identity_provider.${table}]; move it above that header`,
    )
  })

  it('are all that there are but tables and what only code can say', () => {
    const asked = optionsAskedFor(() => Object.values(EXAMPLES).map((options) => readExchangeOptions(options)))
    const ofProviders = [...asked].flatMap((name) => /^identityProviders\.\*\.(\w+)$/.exec(name)?.[1] ?? [])
    const list = ofProviders.map((name) => tomlNameWithin('identityProviders', name))
    const tables = ['required_claims', 'binding', 'groups_to_scopes', 'claims_to_token', 'headers']
    const inCode = ['check', 'agent', 'lookup']
    const names = list.filter((name) => ![...tables, ...inCode].includes(name))
    expect(names.length).toBeGreaterThan(20)
    const lines = names.map((name) => `${name} = "a"\n`).join('')
    const refused = messageOf(`[identity_provider.headers]\n${lines}`).match(/an option of the identity provider/g)
    expect(refused).toHaveLength(names.length)
  })

  it('are names of groups and claims where they cannot be meant', () => {
    const { groupsToScopes, claimsToToken } = providerOf(`[identity_provider.groups_to_scopes]
network = ["net:read"]
[identity_provider.claims_to_token]
name = "name"
value = "value"
`)
    expect([groupsToScopes, claimsToToken]).toEqual([{ network: ['net:read'] }, { name: 'name', value: 'value' }])
  })
})
