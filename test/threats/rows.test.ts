import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** The catalogue of attacks: how many rows each section has. */
const SECTIONS = { A: 16, H: 10, E: 9, C: 13, R: 9, Q: 15, J: 21 }

/** What is not tested here, and why: whole rows, and, after a comma, parts of rows. */
const NOT_TESTED: Readonly<Record<string, string>> = {
  'A16, what is inside a JWE': 'Encrypted assertions are not supported: five parts are refused by their number.',
  'C11, jti missing where it is required': 'There is no option to require one: without it the payload is remembered.',
  'J6, a flag for loopback': 'By design http is allowed on loopback without a flag.',
}

const ROWS = Object.entries(SECTIONS).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, index) => `${section}${index + 1}`),
)
const TEST_NAME = /(?:\bit|\))\(\s*(['"`])(.+?)\1,\s*(?:async )?(?:\(|\w+ =>)/g

function testNames(): string[] {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.test.ts') && file !== 'rows.test.ts')
  const sources = files.map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))
  return sources.flatMap((source) => [...source.matchAll(TEST_NAME)].map(([, , name = '']) => name))
}

function rowOf(name: string): string {
  return name.split(/[:,]/)[0] ?? ''
}

describe('the catalogue of attacks', () => {
  const tested = new Set(testNames().map(rowOf))
  const listed = Object.keys(NOT_TESTED)

  it.each(ROWS)('%s is tested, or NOT_TESTED says why not', (row) => {
    expect([row, tested.has(row) || listed.includes(row)]).toEqual([row, true])
  })

  it('has the row that a test or an exception names', () => {
    expect(testNames().filter((name) => !/^[A-Z]\d+: /.test(name) || !ROWS.includes(rowOf(name)))).toEqual([])
    expect(listed.filter((name) => !ROWS.includes(rowOf(name)))).toEqual([])
  })

  it('lists no tested row as untested, and no untested row as untested in part', () => {
    expect(listed.filter((name) => name.includes(',') !== tested.has(rowOf(name)))).toEqual([])
  })
})
