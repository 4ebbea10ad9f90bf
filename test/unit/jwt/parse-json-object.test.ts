import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseJsonObject } from '../../../src/jwt/parse-json-object.js'
import { writtenObject } from '../../support/written-json.js'

const nested = (levels: number, open: string, close: string) =>
  `{"a":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`

describe('a JSON object of untrusted text', () => {
  it('has the values that were written, unless an object in it has a member twice', () => {
    fc.assert(
      fc.property(writtenObject, ({ text, value, hasDuplicate }) => {
        expect(parseJsonObject(text)).toEqual(hasDuplicate ? undefined : value)
      }),
      { numRuns: 500 },
    )
  })

  it('is refused with a duplicate put anywhere into it', () => {
    const withDuplicate = fc.tuple(writtenObject, writtenObject, fc.boolean()).map(([outer, inner, isDeep]) => {
      const twice = `{"aud":1,"\\u0061ud":${inner.text}}`
      return isDeep ? `{"aud":[${outer.text},${twice}]}` : twice
    })
    fc.assert(fc.property(withDuplicate, (text) => expect(parseJsonObject(text)).toBeUndefined()))
  })

  it.each([
    ['plainly', '{"aud":1,"aud":2}'],
    ['with the same value', '{"aud":1,"aud":1}'],
    ['with an escape', '{"aud":1,"\\u0061ud":2}'],
    ['with another escape', '{"a/b":1,"a\\/b":2}'],
    ['in a nested object', '{"a":{"b":1,"b":2}}'],
    ['in an object in an array', '{"a":[[{"b":1,"b":2}]]}'],
    ['under the empty name', '{"":1,"":2}'],
    ['as __proto__', '{"__proto__":1,"__proto__":2}'],
    ['far apart, with white space before the colon', '{"a":1,"b":{"c":[1,2]},"a"\n\t:2}'],
  ])('is refused with a member twice, %s', (_, text) => {
    expect(() => JSON.parse(text)).not.toThrow()
    expect(parseJsonObject(text)).toBeUndefined()
  })

  it.each([
    ['inside a string', '{"a":"\\"a\\":1","b":"{\\"b\\":1}"}'],
    ['that ends in a backslash', '{"a\\\\":1,"a":"\\\\","b":2}'],
    ['with a colon in its value', '{"a":": ","b":"a:"}'],
    ['in another object', '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}'],
    ['in another case', '{"Aud":1,"aud":2}'],
    ['as its value', '{"a":"a","b":"a"}'],
    ['in an array', '{"a":["a","a"]}'],
    ['as __proto__ once', '{"__proto__":{"a":1},"a":2}'],
  ])('is read if a name occurs again %s', (_, text) => {
    expect(parseJsonObject(text)).toEqual(JSON.parse(text))
    expect(parseJsonObject(text)).toBeDefined()
  })

  it.each([
    '[]',
    '[{}]',
    'null',
    '1',
    '"a"',
    'true',
    '',
    ' ',
    '{',
    '{"a":1}}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '\uFEFF{}',
  ])('is not: %j', (text) => expect(parseJsonObject(text)).toBeUndefined())

  it('may nest 32 levels and no more, in objects and in arrays', () => {
    expect(parseJsonObject(nested(32, '{"a":', '}'))).toBeDefined()
    expect(parseJsonObject(nested(33, '{"a":', '}'))).toBeUndefined()
    expect(parseJsonObject(nested(32, '[', ']'))).toBeDefined()
    expect(parseJsonObject(nested(33, '[', ']'))).toBeUndefined()
  })

  it('may nest as deep as the deepest of its members', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), writtenObject, fc.boolean(), (levels, inner, inArrays) => {
        fc.pre(!inner.hasDuplicate)
        const [open, close] = inArrays ? ['[', ']'] : ['{"x":', '}']
        const text = `{"a":${open.repeat(levels)}${inner.text}${close.repeat(levels)}}`
        expect(parseJsonObject(text) !== undefined).toBe(1 + levels + inner.depth <= 32)
      }),
    )
  })

  const hostile = 32 * 1024
  it.each<[string, (length: number) => string]>([
    ['opening brackets', (length) => '['.repeat(length)],
    ['nested arrays', (length) => `{"a":${'['.repeat(length / 2)}${']'.repeat(length / 2)}}`],
    ['nested objects', (length) => `{"a":${'{"a":'.repeat(length / 6)}1${'}'.repeat(length / 6)}}`],
    ['backslashes', (length) => `{"a":"${'\\\\'.repeat(length / 2)}"}`],
    ['escaped quotes', (length) => `{"a":"${'\\"'.repeat(length / 2)}"}`],
    ['an open string of escaped quotes', (length) => `{"a":"${'\\"'.repeat(length / 2)}`],
    ['white space after a string', (length) => `{"a":"b"${' '.repeat(length)}}`],
    ['white space after each of many strings', (length) => `{"a":[${`"b"${' '.repeat(60)},`.repeat(length / 64)}1]}`],
    ['many members', (length) => `{${Array.from({ length: length / 8 }, (_, index) => `"${index}":1`).join()}}`],
    ['one member many times', (length) => `{${'"a":1,'.repeat(length / 6)}"a":1}`],
  ])('is parsed in linear time, even if it is made of %s', (_, write) => {
    const times = Array.from({ length: 3 }, () => {
      const text = write(8 * hostile)
      const start = performance.now()
      parseJsonObject(text)
      return performance.now() - start
    })
    // Linear, this is some 10 milliseconds; what were quadratic in 256 KB would take minutes.
    expect(Math.min(...times)).toBeLessThan(1000)
  })
})
