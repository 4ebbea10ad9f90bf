import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { REJECTION_REASONS, REQUEST_REASONS, UNAVAILABLE_REASONS } from '../../src/index.js'

const ERRORS = readFileSync('docs/errors.md', 'utf8')

/** The code names in the first column of the tables below a heading. */
function reasonsUnder(heading: string): string[] {
  const section = ERRORS.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason = '']) => reason)
}

/** The cells of each row of the tables below a heading. */
function rowsUnder(heading: string): string[][] {
  const section = ERRORS.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))
}

/** All quoted snake_case words of a source file: its reason codes among them. */
function quotedIn(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/'([a-z]+(?:_[a-z]+)+)'/g)].map(([, code = '']) => code)
}

describe('docs/errors.md', () => {
  it.each([
    ['A token was rejected', REJECTION_REASONS],
    ['Something we depend on did not answer', UNAVAILABLE_REASONS],
    ['The request was refused', REQUEST_REASONS],
  ] as const)('lists exactly the reasons of: %s', (heading, reasons) => {
    expect(reasonsUnder(heading)).toEqual([...reasons])
  })

  it.each([
    ['A token was rejected', /^40[01](?:, 401)?(?:, 403)?$/],
    ['Something we depend on did not answer', /^503$/],
    ['The request was refused', /^4\d\d/],
  ])('tells of each the cause, what the client saw, and the fix: %s', (heading, status) => {
    expect(rowsUnder(heading).length).toBeGreaterThan(5)
    for (const [reason = '', cause = '', saw = '', fix = '', ...more] of rowsUnder(heading)) {
      expect([reason, cause.length > 8, fix.length > 3, more]).toEqual([reason, true, true, []])
      expect(saw).toMatch(status)
    }
  })

  it('names every reason for which a key set or a key is not taken', () => {
    const codes = [...quotedIn('src/guarded-fetch/fetch-error.ts'), ...quotedIn('src/verification-keys/usable-key.ts')]
    expect(codes.length).toBeGreaterThan(20)
    for (const code of codes) expect(ERRORS).toContain(`\`${code}\``)
  })
})
