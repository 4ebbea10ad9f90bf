import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseJson } from '../../../src/jwt/parse-json.js'
import { writtenValue } from '../../support/written-json.js'

/** JSON texts that mislead `JSON.parse` of V8 12.8 and later, and then a text that it reads wrongly (nodejs/node issue 63785). */
const MISLEADING: [string, string, string, unknown][] = [
  ['a letter', '{"a":1,"\\\\":2}', '{"a":1,"\\u0062":2}', { a: 1, b: 2 }],
  ['a quote', '{"q":1,"\\\\":2}', '{"q":1,"\\"":2}', { q: 1, '"': 2 }],
  [
    'a URL as PHP writes it',
    '{"iss":1,"https:\\\\/\\\\/api.example.com\\\\/ro":2}',
    '{"iss":1,"https:\\/\\/api.example.com\\/roles":2}',
    { iss: 1, 'https://api.example.com/roles': 2 },
  ],
  ['a name in another language', '{"n":1,"r\\\\":2}', '{"n":1,"r\\u00f4":2}', { n: 1, rô: 2 }],
  ['an object within', '{"x":{"y":0,"\\\\":0}}', '[{"x":{"y":0,"\\n":[]}}]', [{ x: { y: 0, '\n': [] } }]],
]

describe('JSON of others', () => {
  it.each(MISLEADING)('is read as it is written, whatever was read before: %s', (_, before, text, expected) => {
    for (let repetition = 0; repetition < 3; repetition += 1) {
      parseJson(before)
      expect(parseJson(text)).toEqual(expected)
    }
  })

  it('has the values that were written, however they are spelled', () => {
    fc.assert(
      fc.property(writtenValue, ({ text, value }) => {
        expect(parseJson(text)).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  it('has the last value of a member that is there twice, in the place of the first', () => {
    expect(JSON.stringify(parseJson('{"\\u0061":1,"b":2,"a":3}'))).toBe('{"a":3,"b":2}')
  })

  it('makes an own member of __proto__', () => {
    const value = parseJson('{"\\u005f_proto__":{"admin":true}}') as { admin?: boolean }
    expect([Object.keys(value), Object.getPrototypeOf(value), value.admin]).toEqual([
      ['__proto__'],
      Object.prototype,
      undefined,
    ])
  })

  it.each(['', '{"a":1', '{"\\u00":1}', '{"\\a":1}', '{"a":1,}', '{\\"a":1}', '[1 2]', '"\n"', '{"a"\\:1}'])(
    'is refused if it is not JSON: %j',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError)
    },
  )

  it('is refused if it nests very deep and has an escaped name, without exhausting the stack', () => {
    const nested = (levels: number) => `{"\\n":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect(JSON.stringify(parseJson(nested(400)))).toBe(nested(400))
    expect(() => parseJson(nested(200_000))).toThrow(SyntaxError)
  })

  it('may have long strings with many escapes', () => {
    const long = `${'\\n'.repeat(500_000)}${'x'.repeat(1_000_000)}`
    expect(Object.keys(parseJson(`{"${long}":"${long}"}`) as object)[0]).toHaveLength(1_500_000)
  })
})
