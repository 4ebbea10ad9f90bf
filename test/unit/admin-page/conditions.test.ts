import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fromRows, NEW_ROW, toRows } from '../../../src/admin-page/conditions.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { readClaimConditions } from '../../../src/policy/claim-condition.js'

/** Which of these claims the conditions accept. */
function acceptedOf(conditions: unknown, claims: readonly Readonly<Record<string, unknown>>[]): boolean[] {
  const reader = new OptionReader({ requiredClaims: conditions }, [], '')
  const read = readClaimConditions(reader, 'requiredClaims', { singleAsArray: false })
  return claims.map((each) => read.every((condition) => condition.holds(each)))
}

describe('the rows of conditions', () => {
  it.each([
    ['a text', { tid: 'a' }],
    ['a pattern', { ref: 'refs/*' }],
    ['a number', { level: 5 }],
    ['a boolean', { email_verified: true }],
    ['a list', { azp: ['a', 'b-*'] }],
    ['a list of one', { azp: ['a'] }],
    ['an operator', { tid: { equals: 'a*' } }],
    ['a message', { tid: { equals: 'a', message: 'only us' } }],
    ['a claim that is missing', { act: { exists: false } }],
    ['a claim that is present', { act: { exists: true, message: 'required' } }],
    ['an element', { groups: { includes: 'admin' } }],
    ['several elements', { groups: { includes: ['admin', 'team-*'] } }],
    ['words', { scp: { hasWord: ['a', 'b'] } }],
    ['another claim', { azp: { equalsClaim: 'sub' } }],
    ['bounds, in two rows', { level: { atLeast: 2, below: 9 } }],
    ['what no row can show', { level: { oneOf: ['a', 1, true] }, b: { oneOf: [] }, c: null, d: { unheardOf: 1 } }],
    ['texts with white space', { a: ' x ', b: 'x\ny', c: '' }],
  ])('give back %s as it was', (_, conditions) => {
    expect(fromRows(toRows(conditions))).toEqual(conditions)
  })

  it('are none for what is no object', () => {
    expect([undefined, null, 'x', [], {}].map(toRows)).toEqual([[], [], [], [], []])
    expect(fromRows([])).toBeUndefined()
  })

  it('leave out a row without a claim, and join two rows of one claim', () => {
    const level = { ...NEW_ROW, claim: 'level' }
    const rows = [
      NEW_ROW,
      { ...level, operator: 'atLeast', value: '2' },
      { ...level, operator: 'equals', value: 'a' },
    ] as const
    expect(fromRows(rows)).toEqual({ level: { atLeast: 2, equals: 'a' } })
  })

  it('keep a number that is none as text, so that the check refuses it', () => {
    const row = { ...NEW_ROW, claim: 'level', operator: 'atLeast', value: 'two' } as const
    expect(fromRows([row])).toEqual({ level: { atLeast: 'two' } })
    expect(fromRows([{ ...row, operator: 'json', value: '{"a"' }])).toEqual({ level: '{"a"' })
  })

  it('accept the same claims after they were shown and written back', () => {
    const scalar = fc.oneof(fc.constantFrom('a', 'b', 'a*', '1', 'true'), fc.constantFrom(1, 2), fc.boolean())
    const several = fc.array(scalar, { minLength: 1, maxLength: 3 })
    const operators = fc.record(
      {
        equals: scalar,
        oneOf: several,
        includes: fc.oneof(scalar, several),
        exists: fc.boolean(),
        atLeast: fc.constantFrom(1, 2),
      },
      { requiredKeys: [] },
    )
    const condition = fc.oneof(
      scalar,
      several,
      operators.filter((each) => Object.keys(each).length > 0),
    )
    const claims = [{}, ...['a', 'b', 'ab', '1', 'true', 1, 2, true, false, ['a'], [1, 'b'], null].map((x) => ({ x }))]
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('x', 'y'), condition, { minKeys: 1 }), (conditions) => {
        const written = fromRows(toRows(conditions))
        expect(acceptedOf(written, claims)).toEqual(acceptedOf(conditions, claims))
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})
