import { describe, expect, it } from '@jest/globals'
import { parse } from 'smol-toml'
import { TEMPLATES } from '../../../src/admin-page/entry-templates.js'
import { toToml } from '../../../src/admin-page/to-toml.js'
import { loadConfig } from '../../../src/config/index.js'
import { EC_CERTIFICATE } from '../../support/certificates.js'
import { createDeploymentFile } from '../../support/deployment-file.js'
import { HEAD } from '../../support/recipes.js'

/** What a file with this entry means to the exchange. */
function loadEntry(toml: string): unknown {
  const file = createDeploymentFile()
  file.write(`${HEAD}\n${toml}\n`)
  try {
    return loadConfig(file.path, { env: { APP_SECRET: 'the secret of the tests' } }).identityProviders?.[0]
  } finally {
    file.remove()
  }
}

describe('an entry as TOML', () => {
  it.each(TEMPLATES.filter(({ entry }) => 'jwksUri' in entry).map(({ title, entry }) => [title, entry] as const))(
    'is read back by loadConfig: %s',
    (_, entry) => {
      expect(loadEntry(toToml(entry))).toEqual(entry)
    },
  )

  it('is read back with everything that an entry may have', () => {
    const entry = {
      id: 'acme',
      name: 'https://idp.example.com',
      certificates: [EC_CERTIFICATE],
      allowedSubjects: 'any',
      registration: { claim: 'tenant', value: 'acme' },
      enabled: false,
      maxAge: 5,
      algorithms: ['ES256'],
      requiredClaims: {
        '"a.b".c': { hasWord: ['x', 'y'], message: 'say "x"' },
        '/d/0': [1, true],
        level: { atLeast: 2 },
      },
      bindings: [{ name: 'one', when: { 'realm_access.roles': { equalsClaim: 'sub' } }, scopes: [], lifetime: 5 }],
      groupsToScopes: { 'A b': ['s'] },
      claimsToToken: { camelCase: { value: ['a', 1, true] }, email: 'email' },
    }
    expect(loadEntry(toToml(entry))).toEqual(entry)
  })

  it('keeps the names of headers, claims and groups', () => {
    const toml = toToml({
      headers: { 'x-apiKey': 'k' },
      groupsToScopes: { opsTeam: ['s'] },
      requiredClaims: { orgId: '1' },
    })
    expect(parse(toml)).toEqual({
      identity_provider: [
        { headers: { 'x-apiKey': 'k' }, groups_to_scopes: { opsTeam: ['s'] }, required_claims: { orgId: '1' } },
      ],
    })
  })

  it('has what people call it as comments, from which no text can break out', () => {
    const toml = toToml({ displayName: 'Acme\n[[client]]', description: 'one\r\ntwo\u0000\u2028[x]', name: 'n' })
    expect(toml).toBe('# Acme\n# [[client]]\n# one\n# two\n# [x]\n[[identity_provider]]\nname = "n"')
    expect(parse(toml)).toEqual({ identity_provider: [{ name: 'n' }] })
  })

  it.each([
    'quotes " and \\ and \' and \t',
    "''' in\nseveral lines",
    'several\nlines',
    'a control \u0001 and \u007f',
    '\r\n',
    '\nbegins with a line break',
    '${claims.sub} 😀 \u2028',
  ])('has each text as it is: %j', (text) => {
    expect(parse(toToml({ name: text }))).toEqual({ identity_provider: [{ name: text }] })
    expect(parse(toToml({ headers: { [text]: text } }))).toEqual({ identity_provider: [{ headers: { [text]: text } }] })
  })
})
