import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parse } from 'smol-toml'
import { TomlLocations, type TomlPath } from '../../../src/config/toml-location.js'

/** Slow and obvious: the shortest beginning that has the path. Its last statement is where that stands. */
function lineByOracle(source: string, path: TomlPath): number {
  const lines = source.split('\n')
  let before = 0
  for (let end = 1; end <= lines.length; end += 1) {
    const value = parsed(`${lines.slice(0, end).join('\n')}\n`)
    if (value === undefined) continue
    if (hasPath(value, path)) return before + 1
    before = end
  }
  return lineByOracle(source, path.slice(0, -1))
}

function parsed(toml: string): unknown {
  try {
    return parse(toml)
  } catch {
    return undefined
  }
}

function hasPath(value: unknown, [step, ...rest]: TomlPath): boolean {
  if (step === undefined) return true
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false
  return hasPath((value as Record<string | number, unknown>)[step], rest)
}

/** Every path of a value. */
function pathsOf(value: unknown, path: TomlPath = []): TomlPath[] {
  const isOpen = typeof value === 'object' && value !== null && !(value instanceof Date)
  const steps = isOpen ? Object.keys(value).map((key) => (Array.isArray(value) ? Number(key) : key)) : []
  return [path, ...steps.flatMap((step) => pathsOf((value as Record<string | number, unknown>)[step], [...path, step]))]
}

const VALUES = [
  '1',
  '2026-11-25T00:00:00Z',
  '"a # [ { b"',
  '"\\"]\\\\"',
  "'c:\\['",
  '[1, 2]',
  '[\n  "a", # ]\n\n  [2, "}"],\n]',
  '{ x = 1, y.z = { a = "]" } }',
  '[{ x = 1 }, { x = [\n2] }]',
  '"""\n[no.header]\nkey = 1 \\"""\n"""',
  '""""two" quotes"""""',
  "'''\n[[no]] \\\n''''",
  "''''''",
]
const KEYS = ['a', 'b', '"a.b"', "'b'", 'a.b', 'c . "d e"']
const HEADERS = ['[t]', '[t.u]', '[[m]]', '[[m.n]]', '[m.o]', '[[t.w]]', '["t.u"]', '  [ s . "x y" ] # ]']
const statement = fc.oneof(
  fc.constantFrom(...HEADERS),
  fc.tuple(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES)).map(([key, value]) => `${key} = ${value}`),
  fc.constantFrom('', '# a comment with [ and "', '   ', '\t# """'),
)
const document = fc
  .tuple(fc.array(statement, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'))
  .map(([statements, newline]) => statements.reduce((text, next) => withNext(text, next, newline), ''))

/** What would make the text invalid is left out. */
function withNext(text: string, next: string, newline: string): string {
  const longer = `${text}${next.replaceAll('\n', newline)}${newline}`
  return parsed(longer) === undefined ? text : longer
}

describe('the locations of TOML', () => {
  it('are where the shortest beginning ends that has the path', () => {
    fc.assert(
      fc.property(document, (source) => {
        const locations = new TomlLocations(source)
        for (const path of pathsOf(parse(source))) {
          const line = path.length === 0 ? 1 : lineByOracle(source, path)
          expect([source, path, locations.find(path).line]).toEqual([source, path, line])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('of what is not there are those of the nearest parent', () => {
    const locations = new TomlLocations('a = 1\n[t]\nb = { c = 1 }\n[[m]]\n[[m]]\n')
    const lines = [['x'], ['t', 'x'], ['t', 'b', 'x', 'y'], ['m', 1, 'x'], ['m', 2, 'x']].map(
      (path) => locations.find(path).line,
    )
    expect(lines).toEqual([1, 2, 3, 5, 4])
  })

  it('count columns to the key', () => {
    const { find } = { find: (path: TomlPath) => new TomlLocations('  [t]\n  a = 1\n"b" = { c = 2 }').find(path) }
    expect(find(['t'])).toEqual({ line: 1, column: 3 })
    expect(find(['t', 'a'])).toEqual({ line: 2, column: 3 })
    expect(find(['t', 'b', 'c'])).toEqual({ line: 3, column: 9 })
  })

  it('are found in one pass, in an array of a hundred thousand lines, too', () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `  "repo:${index}",\n`)
    const locations = new TomlLocations(`a = [\n${lines.join('')}]\nb = 1\n`)
    for (let index = 0; index < 1000; index += 1) expect(locations.find(['a', index]).line).toBe(1)
    expect(locations.find(['b'])).toEqual({ line: 100_003, column: 1 })
  })
})
