import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** The rules that this folder tests, by the project's own numbers. */
const RULES = [
  ...[...range(1, 95), ...range(100, 105), 110, 111, 122],
  ...[
    ...range(168, 170),
    ...range(172, 174),
    176,
    178,
    180,
    181,
    ...[112, 113, 114, 115, 216, 217, 219],
    99,
    ...range(205, 210),
    ...[212, 213],
    ...range(230, 232),
    ...range(251, 253),
    257,
    258,
  ],
]

/** Rules that nothing which is built can break, and why. */
const NOT_APPLICABLE: Readonly<Record<number, string>> = {
  85: 'JWE is not implemented: neither PBES2 nor decompression is ever reached.',
  88: 'Sender-constrained tokens are not offered yet. Asymmetric client authentication is: rules 76, 77 and 122.',
}

/** A string that is the name of a test: a section, a fact, and one or more rules. */
const NAME =
  /^(?:RFC \d{4}(?:bis)?|WAG|SPIFFE|SPIFFE ID|JWT-SVID) (?:§[\d.]+(?: \(\d+\))?|App\. [A-Z]): \S.* (?:\[rule \d+\] ?)+$/

const directory = new URL('.', import.meta.url)
const files = readdirSync(directory).filter((name) => /^(?:rfc\d+|workload|spiffe)\.test\.ts$/.test(name))
const sources = files.map((name) => readFileSync(new URL(name, directory), 'utf8'))
const names = sources.flatMap(namesIn)
const testedRules = new Set(
  names.flatMap((name) => [...name.matchAll(/\[rule (\d+)\]/g)].map(([, rule]) => Number(rule))),
)

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Every string of the source that names a rule. */
function namesIn(source: string): string[] {
  return [...source.matchAll(/'((?:[^'\\\n]|\\.)*\[rule (?:[^'\\\n]|\\.)*)'/g)].map(([, name = '']) => name)
}

describe('the conformance tests', () => {
  it.each(RULES)('name rule %i in a test, or NOT_APPLICABLE says why it does not apply', (rule) => {
    expect([testedRules.has(rule), Object.hasOwn(NOT_APPLICABLE, rule)]).toContain(true)
  })

  it('do not test rules that do not apply', () => {
    expect(Object.keys(NOT_APPLICABLE).filter((rule) => testedRules.has(Number(rule)))).toEqual([])
  })

  it('name no rules that are not listed', () => {
    expect([...testedRules].filter((rule) => !RULES.includes(rule))).toEqual([])
    expect(Object.keys(NOT_APPLICABLE).filter((rule) => !RULES.includes(Number(rule)))).toEqual([])
  })

  it('are named by section, fact and rule', () => {
    expect(names.filter((name) => !NAME.test(name))).toEqual([])
  })

  it.each(files)('in %s are all named so', (file) => {
    const source = sources[files.indexOf(file)] ?? ''
    const tests = source.match(/^\s*it(?:\.each\b[\s\S]*?)?\(/gm) ?? []
    expect(tests.length).toBeGreaterThan(0)
    expect(namesIn(source)).toHaveLength(tests.length)
  })
})
