import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readIdentityProviderTable, writeIdentityProviderTable } from '../../../src/config/identity-provider-table.js'
import { EXAMPLES } from '../../support/option-tree.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'table-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const env = { TOKEN: 'a secret', EMPTY: '' }
const originOf = () => ({ path: join(directory, 'acme.toml'), env })
const read = (source: string) => readIdentityProviderTable(source, originOf())
const write = (entry: object, before?: string) => writeIdentityProviderTable({ ...entry }, before, originOf())

/** What a store can keep of the entries in which each option is. */
const EXAMPLE_ENTRIES = Object.entries(EXAMPLES).flatMap(([example, { identityProviders = [] }]) =>
  (identityProviders as object[]).map((given) => {
    return { example, entry: { id: 'acme', ...JSON.parse(JSON.stringify({ ...given, agent: undefined })) } }
  }),
)

const WRITTEN = `# Acme, since 2024
id = "acme" # never changes
name = "https://login.acme.example"
jwks_uri = "https://login.acme.example/jwks"
allowed_subjects = [
  "service-*", # all of them
]

# For their gateway
[headers]
Authorization = "Bearer \${TOKEN}"

[[binding]]
name = "orders"
when = { group = "sales" }
scopes = ["orders:read"]
`

describe('a table of its own of an identity provider', () => {
  it.each([
    ['text that is not TOML', 'id = acme', /^acme\.toml:1:6$/],
    ['a key that is not in snake_case', 'id = "acme"\nallowedSubjects = "any"', /^acme\.toml:2:1$/],
    ['a variable that is not set', 'id = "acme"\n[headers]\nA = "${MISSING}"', /^acme\.toml:3:1$/],
    ['a variable that is empty', 'id = "${EMPTY}"', /^acme\.toml:1:1$/],
    ['a file that is not there', 'id = "acme"\n\ncertificates = ["idp.pem"]', /^acme\.toml:3:1$/],
    ['a table in the place of a list of tables', 'id = "acme"\n[binding]\nname = "a"', /^acme\.toml:2:1$/],
  ])('is refused with the line of %s', (_, source, location) => {
    let problems: { location: string; message: string }[] = []
    try {
      read(source)
    } catch (error) {
      problems = (error as { problems: typeof problems }).problems
    }
    expect(problems.map((problem) => problem.location.slice(directory.length + 1))).toEqual([
      expect.stringMatching(location),
    ])
  })

  it('is read like an [[identity_provider]] table', () => {
    writeFileSync(join(directory, 'idp.pem'), '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n')
    expect(read(`${WRITTEN.replace('[headers]', 'certificates = ["idp.pem"]\n[headers]')}`)).toEqual({
      id: 'acme',
      name: 'https://login.acme.example',
      jwksUri: 'https://login.acme.example/jwks',
      allowedSubjects: ['service-*'],
      certificates: ['-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'],
      headers: { Authorization: 'Bearer a secret' },
      bindings: [{ name: 'orders', when: { group: 'sales' }, scopes: ['orders:read'] }],
    })
  })
})

describe('a table that is written', () => {
  it.each<[string, object]>([
    ['null', { requiredClaims: { a: null } }],
    ['text that looks like a variable', { headers: { a: '${TOKEN}' } }],
    ['text that looks like a variable with a default', { displayName: '${A:-b}' }],
    ['a text that is the name of a file', { certificates: ['/etc/hostname'] }],
    ['a list in a list, of different kinds of tables', { requiredClaims: { a: [{}, null] } }],
    ['a name of an option that is not in camelCase', { allowed_subjects: 'any' }],
    ['a header with the name of an option', { headers: { name: 'a' } }],
    ['half of a character', { displayName: '\uD800' }],
  ])('cannot hold %s', (_, members) => {
    expect(write({ id: 'acme', name: 'https://a.example', ...members })).toBeUndefined()
  })

  it.each(EXAMPLE_ENTRIES)('has each option of an identity provider as it was: $example', ({ entry }) => {
    const source = write(entry)
    expect(source && read(source)).toEqual(entry)
  })

  it('keeps comments and layout if only single values change', () => {
    const entry = read(WRITTEN)
    expect(write({ ...entry, enabled: false }, WRITTEN)).toBe(WRITTEN.replace('id = ', 'enabled = false\nid = '))
    const disabled = WRITTEN.replace('id = ', 'enabled = false\nid = ')
    expect(write({ ...entry, enabled: true }, disabled)).toBe(disabled.replace('false', 'true'))
    expect(write(entry, disabled)).toBe(WRITTEN)
    const renamed = write({ ...entry, name: 'https://other.example', lifetime: 60 }, WRITTEN)
    expect(renamed).toBe(
      WRITTEN.replace('https://login.acme.example"\n', 'https://other.example"\n').replace(
        'id =',
        'lifetime = 60\nid =',
      ),
    )
  })

  it('keeps variables, although what is around them changes', () => {
    const entry = read(WRITTEN)
    const changed = { ...entry, headers: { Authorization: 'Bearer a secret', 'X-Tenant': 'acme' }, scopes: ['a'] }
    const source = write(changed, WRITTEN)
    expect(source).toContain('Authorization = "Bearer ${TOKEN}"')
    expect(source).not.toContain('a secret')
    expect(source && read(source)).toEqual(changed)
  })

  it('is written anew if the text before cannot be read', () => {
    const entry = { id: 'acme', name: 'https://a.example' }
    expect(write(entry, 'id = acme')).toBe('id = "acme"\nname = "https://a.example"\n')
  })

  it('is not misled by a line that only looks like a key', () => {
    const before = 'description = """\nenabled = true\n"""\nid = "acme"\nname = "https://a.example"\nenabled = true\n'
    const source = write({ ...read(before), enabled: false }, before)
    expect(source && read(source)).toEqual({ ...read(before), enabled: false })
    expect(source && read(source).description).toBe('enabled = true\n')
  })
})
