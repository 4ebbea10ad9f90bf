import { readFileSync } from 'node:fs'
import { describe, expect, it, jest } from '@jest/globals'
import { hasFreeNames, tomlPath } from '../../src/config/toml-names.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { OptionReader } from '../../src/option-checks/option-reader.js'
import { EXAMPLES, nameOf, optionsAskedFor } from '../support/option-tree.js'

interface Row {
  option: string
  inFile: string
  unit: string
  bounds: string
  fallback: string
}

interface Bounds {
  min: number
  max: number
  default: number
  unit: string
}

const OPTIONS = readFileSync('docs/options.md', 'utf8')
const ROW = /^\| `([\w[\].]+)` \| (.*?) \| ?(.*?) ?\| ?(.*?) ?\| ?(.*?) ?\| .+ \|$/gm
const UNITS: Readonly<Record<string, string>> = { seconds: 's', milliseconds: 'ms', 'per cent, or false,': 'per cent' }
const MINIMAL = {
  issuer: 'https://api.example.com/oauth2',
  identityProviders: [
    { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' },
  ],
  clients: [{ clientId: 'app', clientSecret: 'a secret of the tests' }],
  accessToken: { audience: 'https://api.example.com' },
}

const rows: Row[] = [...OPTIONS.matchAll(ROW)].map(
  ([, option = '', inFile = '', unit = '', bounds = '', fallback = '']) => {
    return { option, inFile, unit, bounds, fallback }
  },
)

/** `identityProviders.*.alias` → `identityProviders[].alias`. */
function written(option: string): string {
  return option.replaceAll('.*', '[]')
}

/** Every option that the code reads, but what somebody else names: claims, groups, headers. */
function knownOptions(): Set<string> {
  const asked = optionsAskedFor(() => Object.values(EXAMPLES).map((options) => readExchangeOptions(options)))
  const parentOf = (option: string) => option.replaceAll('.*', '').split('.').slice(0, -1).join('.')
  const isOurs = (option: string) => !/\.(?:requiredClaims|when|groupsToScopes|claimsToToken|headers)\./.test(option)
  return new Set([...asked].filter((option) => isOurs(option) && !hasFreeNames(parentOf(option))).map(written))
}

/** The bounds and defaults that the code has, by the name of the option. */
function boundsIn(options: unknown): Map<string, Bounds & { isOptional: boolean }> {
  const found = new Map<string, Bounds & { isOptional: boolean }>()
  const { integer, optionalInteger } = OptionReader.prototype
  const nameIn = (reader: OptionReader, key: string) => written(nameOf([...reader.path, key]))
  const spies = [
    jest.spyOn(OptionReader.prototype, 'integer').mockImplementation(function (this: OptionReader, key, bounds) {
      const name = nameIn(this, key)
      if (!found.has(name)) found.set(name, { ...bounds, isOptional: false })
      return Reflect.apply(integer, this, [key, bounds])
    }),
    jest.spyOn(OptionReader.prototype, 'optionalInteger').mockImplementation(function (
      this: OptionReader,
      key,
      bounds,
    ) {
      found.set(nameIn(this, key), { ...bounds, default: bounds.min, isOptional: true })
      return Reflect.apply(optionalInteger, this, [key, bounds])
    }),
  ]
  try {
    readExchangeOptions(options)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return found
}

/** Defaults of options that are true or false, or one of several words. */
function choicesIn(options: unknown): Map<string, string> {
  const found = new Map<string, string>()
  const { boolean, oneOf } = OptionReader.prototype
  const note = (reader: OptionReader, key: string, fallback: unknown) => {
    found.set(written(nameOf([...reader.path, key])), String(fallback))
  }
  const spies = [
    jest.spyOn(OptionReader.prototype, 'boolean').mockImplementation(function (this: OptionReader, key, fallback) {
      note(this, key, fallback)
      return Reflect.apply(boolean, this, [key, fallback])
    }),
    jest.spyOn(OptionReader.prototype, 'oneOf').mockImplementation(function (
      this: OptionReader,
      key,
      choices,
      fallback,
    ) {
      note(this, key, fallback)
      return Reflect.apply(oneOf, this, [key, choices, fallback])
    }),
  ]
  try {
    readExchangeOptions(options)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  return found
}

function rowOf(option: string): Row | undefined {
  return rows.find((row) => row.option === option)
}

describe('docs/options.md', () => {
  it('has a row for every option that the code reads, and no other', () => {
    expect(rows.map(({ option }) => option).sort()).toEqual([...knownOptions()].sort())
    expect(rows.length).toBeGreaterThan(80)
  })

  it('names each option as a file does, where it can be in a file', () => {
    const isInCodeOnly = ({ inFile }: Row) => inFile === '-'
    expect(rows.filter(isInCodeOnly).map(({ option }) => option)).toEqual([
      'identityProviderStore',
      'findIdentityProvider',
      'findClient',
      'grants',
      'clock',
      'identityProviders[].check',
      'identityProviders[].agent',
      'identityProviders[].lookup',
      'identityProviders[].accessTokens.check',
      'grants[].grantType',
      'grants[].authorize',
      'grants[].repeatableParameters',
    ])
    for (const row of rows.filter((each) => !isInCodeOnly(each))) {
      const path = tomlPath(row.option.replaceAll('[]', '').split('.'))
      const name = row.inFile.startsWith('`[')
        ? row.inFile.replace(/[`[\]]/g, '')
        : `${path.slice(0, -1).join('.')}.${row.inFile.replaceAll('`', '')}`
      expect([row.option, name.replace(/^\./, '')]).toEqual([row.option, path.join('.')])
    }
  })

  it('says the unit and the bounds of every number that the code has', () => {
    const bounded = new Map(Object.values(EXAMPLES).flatMap((options) => [...boundsIn(options)]))
    expect(bounded.size).toBeGreaterThan(25)
    for (const [option, { min, max, unit }] of bounded) {
      const expected = { option, unit: UNITS[unit] ?? unit, bounds: `${min} to ${max}` }
      expect(rowOf(option)).toMatchObject(expected)
    }
    const withBounds = rows.filter(({ bounds, unit }) => bounds !== '' || unit !== '').map(({ option }) => option)
    expect(withBounds.sort()).toEqual([...bounded.keys()].sort())
  })

  it('says the defaults that the code has', () => {
    const numbers = [...boundsIn(MINIMAL)].map(([option, bounds]) => [
      option,
      bounds.isOptional ? '' : String(bounds.default),
    ])
    const defaults = new Map([...numbers, ...choicesIn(MINIMAL)] as [string, string][])
    expect(defaults.size).toBeGreaterThan(35)
    for (const [option, fallback] of defaults) {
      const isLimit =
        option.startsWith('identityProviders[].') &&
        rowOf(option.replace('identityProviders[]', 'assertion')) !== undefined
      const expected = isLimit ? "`assertion`'s" : fallback === '' ? '' : `\`${fallback}\``
      expect([option, rowOf(option)?.fallback]).toEqual([option, expected])
    }
    expect(readExchangeOptions(MINIMAL).tokenEndpoint).toBe('https://api.example.com/oauth2/token')
    expect(readExchangeOptions(MINIMAL).identityProviders[0]?.alias).toBe('https://api.example.com/oauth2/token')
  })
})
