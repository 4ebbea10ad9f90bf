import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fileNamesOf } from '../../../src/file-store/file-name.js'

const nameOf = (id: string) => fileNamesOf(id)[0]

describe('the name of a file', () => {
  it.each([
    ['acme', 'acme'],
    ['idp.acme-2_x', 'idp.acme-2_x'],
    ['..', '%2e.'],
    ['../../etc/passwd', '%2e.%2f..%2fetc%2fpasswd'],
    ['/', '%2f'],
    ['\\', '%5c'],
    ['.hidden', '%2ehidden'],
    ['%2e', '%252e'],
    ['Acme', '%41cme'],
    ['é', '%c3%a9'],
    ['e\u0301', 'e%cc%81'],
    ['a:b*c?', 'a%3ab%2ac%3f'],
    ['con', '%63on'],
    ['nul.json', '%6eul.json'],
    ['com1', '%63om1'],
    ['console', 'console'],
    ['a~', 'a%7e'],
  ])('of %s is %s', (id, name) => {
    expect(nameOf(id)).toBe(name)
  })

  it('is short, and another one for ids that differ in the last character', () => {
    const ids = ['x', 'y', 'X'].map((last) => `${'日'.repeat(199)}${last}`)
    const names = ids.map(nameOf)
    expect(new Set(names).size).toBe(3)
    for (const name of names) expect(name).toMatch(/^[a-z0-9%]{60}~[0-9a-f]{64}$/)
  })

  it('is in one case, no path, and another one for each id', () => {
    const ids = fc.string({ unit: fc.constantFrom(...'aA.~%/\\:é日\u{1F600}2e_- '), minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        for (const name of [...fileNamesOf(one), ...fileNamesOf(other)])
          expect(name).toMatch(/^[a-z0-9_%~-][a-z0-9._%~-]*$/)
        const names = new Set([...fileNamesOf(one), ...fileNamesOf(other)])
        expect(names.size).toBe(
          one === other ? fileNamesOf(one).length : fileNamesOf(one).length + fileNamesOf(other).length,
        )
      }),
      { numRuns: 300 },
    )
  })
})
