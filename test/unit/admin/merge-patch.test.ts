import { describe, expect, it } from '@jest/globals'
import { mergePatch } from '../../../src/admin/submitted-entry.js'

describe('a merge patch', () => {
  // RFC 7396, appendix A: those whose patch is an object.
  it.each<[unknown, Record<string, unknown>, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j by %j gives %j', (target, patch, expected) => {
    const before = JSON.stringify(target)
    expect(mergePatch(target, patch)).toEqual(expected)
    expect(JSON.stringify(target)).toBe(before)
  })
})
