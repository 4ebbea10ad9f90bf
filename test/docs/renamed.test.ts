import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange, REJECTION_REASONS } from '../../src/index.js'
import { createDeploymentFile, deploymentOf } from '../support/deployment-file.js'

const RENAMED = readFileSync('docs/renamed.md', 'utf8')

/** The words in backticks of each row below a heading; a cell without any is left out. */
function rowsUnder(heading: string): string[][] {
  const section = RENAMED.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'))
  return rows.map((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word))
}

/** The declaration of a type in the file that has it. */
function declarationOf(path: string, name: string): string {
  const source = readFileSync(path, 'utf8')
  return new RegExp(`^export (?:interface|class) ${name}\\b.*?^}`, 'ms').exec(source)?.[0] ?? ''
}

/** Of `export { A, type B as C }` the names `A` and `C`. */
function exportedNames(): Set<string> {
  const lists = [...readFileSync('src/index.ts', 'utf8').matchAll(/\{([^}]*)\}/g)].map(([, list = '']) => list)
  return new Set(lists.flatMap((list) => list.split(',').map((name) => name.trim().split(' ').at(-1) ?? '')))
}

function isReason(name: string): boolean {
  return REJECTION_REASONS.some((reason) => reason === name)
}

const STEPS = ['src/authorization/authorize-assertion.ts', 'src/policy/policy.ts']
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')
/** Whether a name is known, by the first word of its row. */
const KNOWN: Readonly<Record<string, (name: string) => boolean>> = {
  'token.issued': (name) => readFileSync('src/events/event-subjects.ts', 'utf8').includes(`  ${name}?: `),
  explain: (name) => new RegExp(`^ {2}'?${name}'?: |PolicyRule = .*'${name}'`, 'm').test(STEPS),
}

const TYPES: Readonly<Record<string, string>> = {
  ReplayStore: 'src/replay/replay-store.ts',
  CheckContext: 'src/policy/claim-path.ts',
  AssertionSubject: 'src/policy/subject-mapping.ts',
  AssertedCaller: 'src/protected-route/authenticate-assertion.ts',
}

const VALUES: Readonly<Record<string, unknown>> = {
  allowedSubjects: ['alice'],
  requiredClaims: { ref: 'refs/heads/main' },
  bindings: [{ name: 'deploy', scopes: ['orders:write'] }],
}

function createWith(options: object): void {
  createJwtExchange({
    issuer: 'https://api.example.com/oauth2',
    identityProviders: [{ name: 'https://idp.example.com', jwksUri: 'https://idp.example.com/keys', ...options }],
    clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
    accessToken: { audience: 'https://api.example.com' },
  }).close()
}

const file = createDeploymentFile()
afterAll(() => file.remove())

function load(toml: string): void {
  const identityProvider = `[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/keys"
${toml}`
  file.write(deploymentOf() + identityProvider)
  createJwtExchange(loadConfig(file.path)).close()
}

describe('docs/renamed.md', () => {
  it('has options of which only the new name is accepted', () => {
    const rows = rowsUnder('Options of an identity provider')
    expect(rows.map(([, renamed]) => renamed)).toEqual(Object.keys(VALUES))
    for (const [old = '', renamed = ''] of rows) {
      expect(() => createWith({ [renamed]: VALUES[renamed] })).not.toThrow()
      expect(() => createWith({ allowedSubjects: 'any', [old]: VALUES[renamed] })).toThrow(
        new RegExp(`\\[0\\]\\.${old}: .*\\b${renamed}\\b`),
      )
    }
  })

  it('has a file of which only the new form is accepted', () => {
    const [old = '', renamed = ''] = [...RENAMED.matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml = '']) => toml)
    expect(() => load(renamed)).not.toThrow()
    expect(() => load(old)).toThrow(/deployment\.toml:\d+:\d+/)
    for (const [, , inOld = '', inNew = ''] of rowsUnder('Options of an identity provider')) {
      expect([old, renamed].map((toml) => [toml.includes(inOld), toml.includes(inNew)])).toEqual([
        [true, false],
        [expect.any(Boolean), true],
      ])
    }
  })

  it('has the event fields, reasons and steps of the code', () => {
    const rows = rowsUnder('Events, reasons and steps')
    expect(rows).toHaveLength(5)
    for (const row of rows) {
      const [renamed = '', old = ''] = row.toReversed()
      const isKnown = KNOWN[row[0] ?? ''] ?? isReason
      expect([row[0], isKnown(old), isKnown(renamed)]).toEqual([row[0], false, true])
    }
  })

  it('has the members of the types of the code', () => {
    const rows = rowsUnder('Your functions and stores')
    expect([...new Set(rows.map(([type = '']) => type))]).toEqual(Object.keys(TYPES))
    for (const row of rows) {
      const [renamed = '', old = ''] = row.toReversed()
      const declaration = declarationOf(TYPES[row[0] ?? ''] ?? '', row[0] ?? '')
      const has = (name: string) => new RegExp(`^ {2}(?:readonly )?${name}\\b`, 'm').test(declaration)
      expect([row[0], has(old), has(renamed)]).toEqual([row[0], false, true])
    }
  })

  it('has types of which only the new name is exported', () => {
    const exported = exportedNames()
    const rows = rowsUnder('Types')
    expect(rows.length).toBeGreaterThan(3)
    for (const row of rows) expect([row, row.map((name) => exported.has(name))]).toEqual([row, [false, true]])
    for (const gone of ['NewOptions', 'ReconfigureOptions']) expect(exported).not.toContain(gone)
  })
})
