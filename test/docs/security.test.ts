import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { withLinksAsPaths } from '../support/document-code.js'

const SECURITY = withLinksAsPaths(readFileSync('SECURITY.md', 'utf8'))
/** Links to a test: the text is the beginning or a part of its name, or of the table that names it. */
const LINKS_TO_TESTS = [...SECURITY.matchAll(/\[([^\]]+)\]\((test\/[^)]+)\)/g)]

/** The cells of the rows of the table below a heading, without those of its head. */
function rowsUnder(heading: string): string[][] {
  const section = SECURITY.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(1).map((line) => line.slice(2, -2).split(' | '))
}

describe('SECURITY.md', () => {
  it('links to many tests', () => {
    expect(LINKS_TO_TESTS.length).toBeGreaterThan(70)
  })

  it.each(LINKS_TO_TESTS.map(([, text = '', path = '']) => [text, path]))(
    'leads with "%s" to a test in %s',
    (text, path) => {
      expect(existsSync(path)).toBe(true)
      expect(readFileSync(path, 'utf8')).toContain(text)
    },
  )

  it('says for each attacker what protects each asset', () => {
    const rows = rowsUnder('Threat model')
    expect(rows.map(([attacker]) => /\*\*(.*?)\*\*/.exec(attacker ?? '')?.[1])).toEqual([
      'Anonymous',
      'Client',
      'User',
      'Provider',
      'Neighbour',
      'Operator’s slip',
    ])
    for (const cells of rows) {
      expect(cells).toHaveLength(6)
      for (const cell of cells) expect(cell.length).toBeGreaterThan(10)
    }
  })

  it('names for each limit a default, what happens beyond it, and a test', () => {
    const rows = rowsUnder('Limits')
    expect(rows.length).toBeGreaterThan(30)
    for (const [limit = '', standard = '', beyond = '', test = '', ...more] of rows) {
      expect([limit, standard !== '', beyond !== '', more]).toEqual([limit, true, true, []])
      expect(test).toMatch(/^\[.+\]\(test\/.+\)/)
    }
  })

  it('has the defaults of the code', () => {
    const settings = readExchangeOptions({
      issuer: 'https://api.example.com/oauth2',
      identityProviders: [
        { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' },
      ],
      clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
      accessToken: { audience: 'https://api.example.com' },
    })
    const actual: Record<string, unknown> = { ...settings, assertion: settings.identityProviders[0]?.limits }
    const rows = rowsUnder('Limits').flatMap(([limit = '', standard = '']) => {
      const [, group = '', option = ''] = /^`(\w+)\.(\w+)`/.exec(limit) ?? []
      return group === '' ? [] : [{ group, option, standard: Number.parseInt(standard, 10) }]
    })
    expect(rows.length).toBeGreaterThan(12)
    for (const { group, option, standard } of rows) {
      expect([group, option, (actual[group] as Record<string, unknown>)[option]]).toEqual([group, option, standard])
    }
  })
})
