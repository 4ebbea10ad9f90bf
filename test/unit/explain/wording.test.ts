import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { describeClaim, describeDate, optionName, sideBySide } from '../../../src/explain/wording.js'

describe('the name of an option in a hint', () => {
  it('is written as in code and as in a file, if these differ', () => {
    expect(optionName('types')).toBe('types')
    expect(optionName('maxAge')).toBe('maxAge (max_age)')
    expect(optionName('maxBeyondAssertion')).toBe('maxBeyondAssertion (max_beyond_assertion)')
  })
})

describe('the text of a claim', () => {
  it.each<[unknown, string]>([
    [undefined, 'none'],
    [null, 'null'],
    ['a"b', '"a\\"b"'],
    [['a', 1], '["a",1]'],
  ])('of %j is %s', (value, text) => {
    expect(describeClaim(value)).toBe(text)
  })
})

describe('the text of a date', () => {
  it.each<[unknown, string]>([
    [1000, '1970-01-01T00:16:40.000Z, in 0 s'],
    [940.4, '1970-01-01T00:15:40.400Z, 60 s ago'],
    [1030, '1970-01-01T00:17:10.000Z, in 30 s'],
    [undefined, 'none'],
    ['1030', '"1030"'],
    [253_402_300_800, '253402300800'],
    [Number.POSITIVE_INFINITY, 'null'],
  ])('%j, seen from second 1000, is %s', (date, text) => {
    expect(describeDate(date, 1000)).toBe(text)
  })
})

describe('texts side by side', () => {
  it('cut the longest, so that none hides another', () => {
    expect(sideBySide(['a', 'y'.repeat(500), 'b'])).toMatch(/^a; y{180,}\.\.\.; b$/)
    expect(sideBySide(['a', 'b'], 'one of: ')).toBe('one of: a; b')
  })

  it('have at most 200 characters of printable ASCII', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 40 }), (texts) => {
        expect(sideBySide(texts, 'first: ')).toMatch(/^first: [\x20-\x7E]{0,193}$/)
      }),
      { numRuns: 300 },
    )
  })
})
