import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange } from '../../src/index.js'
import { OPERATORS } from '../../src/policy/claim-operators.js'
import { parseClaimPath } from '../../src/policy/claim-path.js'
import { clientTable, createDeploymentFile, deploymentOf } from '../support/deployment-file.js'

const POLICY = readFileSync('docs/policy.md', 'utf8')
const BASE = `${deploymentOf(['orders:write'])}${clientTable('ci')}`

const file = createDeploymentFile()
afterAll(() => file.remove())

function createFrom(toml: string, top = '') {
  file.write(top + BASE + toml)
  const options = loadConfig(file.path)
  createJwtExchange(options).close()
  return options
}

/** What stands in backticks in the first column of the table under a heading. */
function firstColumnUnder(heading: string): string[] {
  const [, section = ''] = POLICY.split(`${heading}\n`)
  const [table = ''] = section.split(/\n#+ /)
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code))
}

const BLOCKS = [...POLICY.matchAll(/```toml\n(.*?)```/gs)].map(([, toml = '']) => toml)

describe('docs/policy.md', () => {
  it('has bindings that can be configured as they stand', () => {
    const toml = BLOCKS.find((block) => block.includes('[[identity_provider.binding]]')) ?? ''
    expect(createFrom(toml).identityProviders?.[0]?.bindings).toEqual([
      expect.objectContaining({ name: 'deploy', clients: ['ci'], lifetime: 300 }),
      { name: 'read', scopes: ['orders:read'] },
    ])
  })

  it.each(['groups_to_scopes', 'subject', 'claims_to_token'])('has a %s that can be configured as it stands', (key) => {
    const line = new RegExp(`^\`?(${key} = (?:{[^\`\\n]*}|"[^"]*"))`, 'm').exec(POLICY)?.[1] ?? ''
    const options = createFrom(
      `[[identity_provider]]\nname = "https://idp.example.com"\njwks_uri = "https://idp.example.com/jwks"\nallowed_subjects = "any"\n${line}\n`,
    )
    const name = key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
    expect(options.identityProviders?.[0]).toHaveProperty(name)
  })

  it('has an identity provider that can be registered as it stands', () => {
    const [toml = ''] = BLOCKS
    expect(createFrom(toml).identityProviders?.[0]).toMatchObject({
      allowedSubjects: ['repo:acme/orders:*', 'repo:acme@1234/orders@5678:*'],
      requiredClaims: { repository_id: { equals: '5678', message: 'only the orders repository' } },
      maxBeyondAssertion: 0,
    })
  })

  it('has several registrations of one issuer that can be configured as they stand', () => {
    const toml = BLOCKS.find((block) => block.includes('registration = ')) ?? ''
    const expected = ['acme', 'globex'].map((value) => ({
      name: 'https://idp.example.com',
      id: value,
      registration: { claim: 'tenant', value },
    }))
    expect(createFrom(toml, 'subject = "namespaced"\n').identityProviders).toMatchObject(expected)
    const asTable = toml.replace(/^registration = \{ (.*), (.*) \}$/gm, '[identity_provider.registration]\n$1\n$2')
    expect(asTable).not.toBe(toml)
    expect(createFrom(asTable, 'subject = "namespaced"\n').identityProviders).toMatchObject(expected)
  })

  it('has a row for each operator, and conditions that can be meant', () => {
    const codes = firstColumnUnder('## Claims')
    const snakeCase = Object.keys(OPERATORS).map((name) =>
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    )
    for (const name of snakeCase) expect(codes.join(' ')).toMatch(new RegExp(`\\b${name}\\b`))
    const whole = codes.filter((code) => !/^\w+$/.test(code) || code === 'true' || /^\d+$/.test(code))
    expect(whole.length).toBeGreaterThan(10)
    for (const [index, code] of whole.entries()) {
      const provider = `[[identity_provider]]\nname = "https://idp-${index}.example.com"\njwks_uri = "https://idp.example.com/jwks"\n`
      expect(createFrom(`${provider}required_claims = { a = ${code} }\n`).identityProviders).toHaveLength(1)
    }
  })

  it('has paths that can be read', () => {
    const paths = firstColumnUnder('### Paths')
    expect(paths).toHaveLength(4)
    for (const path of paths) expect(parseClaimPath(path)).toBeDefined()
  })
})
