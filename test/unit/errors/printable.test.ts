import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { inOneLine, printable } from '../../../src/errors/printable.js'

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 300 }))
const halves = fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 20 })

describe('a text that is made printable', () => {
  it('is at most 200 characters of printable ASCII, and unchanged if it was that already', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).toMatch(/^[\x20-\x7E]{0,200}$/)
        if (/^[\x20-\x7E]{0,200}$/.test(text)) expect(printable(text)).toBe(text)
      }),
    )
  })
})

describe('a text for one line', () => {
  it('has no control or format character, nor half of a character, and says by \\u which ones it had', () => {
    const withHalves = halves.map((units) => String.fromCharCode(...units))
    fc.assert(
      fc.property(fc.oneof(anyText, withHalves), (text) => {
        const line = inOneLine(text)
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(line.isWellFormed()).toBe(true)
        const read = line.replace(/\\u([0-9a-f]{4})/g, (_, unit: string) =>
          String.fromCharCode(Number.parseInt(unit, 16)),
        )
        if (!text.includes('\\')) expect(read).toBe(text)
      }),
    )
  })

  it.each([
    ['Zoë 山田 Ωmega 🙂', 'Zoë 山田 Ωmega 🙂'],
    ['a\u001b[2J\u009b\u202e\u2028\r\n', 'a\\u001b[2J\\u009b\\u202e\\u2028\\u000d\\u000a'],
    ['\u{e0001}', '\\udb40\\udc01'],
    ['\ud800x', '\\ud800x'],
  ])('of %j is %s', (text, line) => expect(inOneLine(text)).toBe(line))
})
