import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Claims, isSamePath, parseClaimPath, readClaim, writeClaimPath } from '../../../src/policy/claim-path.js'
import { shareOfCases, TIMEOUT } from './cases.js'

/** The claim at a path; for a malformed path 'malformed'. */
function read(claims: unknown, text: string): unknown {
  const path = parseClaimPath(text)
  return path === undefined ? 'malformed' : readClaim(claims as Claims, path)
}

/** Names that a path or an object could trip over. */
const NAMES = ['a', 'b', '0', '1', '00', '-', '', 'a.b', 'a/b', '~', '~1', '"', '\\', '__proto__', 'constructor']
const name = fc.constantFrom(...NAMES, 'length', 'toString', 'https://a.b/c', '/a', ' ')

/** JSON text, so that `__proto__` is a member like any other. */
const { object } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('0', '"ab"', 'true', 'null', '""'),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => `[${members.join()}]`),
  ),
  object: fc
    .uniqueArray(fc.tuple(name, tie('value')), { maxLength: 4, selector: ([key]) => key })
    .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`),
}))
const claims = object.map((json) => JSON.parse(json) as Claims)

/** Every value within, by the names on the way to it as JSON text. */
function valuesWithin(value: unknown, intoArrays: boolean, names: readonly string[] = []): Map<string, unknown> {
  const found = new Map([[JSON.stringify(names), value]])
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && !intoArrays)) return found
  for (const [key, member] of Object.entries(value))
    for (const [place, within] of valuesWithin(member, intoArrays, [...names, key])) found.set(place, within)
  return found
}

function toPointer(names: readonly string[]): string {
  return names.map((each) => `/${each.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function inQuotes(text: string): string {
  return `"${[...text].map((character) => ('"\\'.includes(character) ? `\\${character}` : character)).join('')}"`
}

/** The names of a dotted path, read one character after the other, or undefined where it is malformed. */
function splitObviously(text: string): string[] | undefined {
  const names: string[] = []
  const rest = [...text]
  do {
    let current = ''
    if (rest[0] === '"') {
      rest.shift()
      while (rest[0] !== '"') {
        if (rest[0] === '\\') {
          rest.shift()
          if (rest[0] !== '"' && rest[0] !== '\\') return undefined
        }
        if (rest.length === 0) return undefined
        current += rest.shift()
      }
      rest.shift()
    } else {
      while (rest.length > 0 && rest[0] !== '.') {
        if (rest[0] === '"' || rest[0] === '\\') return undefined
        current += rest.shift()
      }
    }
    if (current === '') return undefined
    names.push(current)
    if (rest.length > 0 && rest[0] !== '.') return undefined
  } while (rest.shift() === '.')
  return names
}

describe('a malformed claim path', () => {
  it.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['an empty first segment', '.a'],
    ['an empty last segment', 'a.'],
    ['an empty segment between', 'a..b'],
    ['empty quotes', '""'],
    ['empty quotes between', 'a."".b'],
    ['quotes that do not end', '"a'],
    ['quotes that end with an escape', '"a\\"'],
    ['something after quotes', '"a"b'],
    ['quotes within a bare name', 'a"b"'],
    ['a backslash within a bare name', 'a\\.b'],
    ['an unknown escape', '"a\\n"'],
    ['a tilde before 2', '/a~2b'],
    ['a tilde at the end', '/a~'],
    ['a tilde before a slash', '/a~/b'],
    ['two tildes', '/~~1'],
    ['33 names', Array(33).fill('a').join('.')],
    ['33 names of a pointer', '/a'.repeat(33)],
    ['1025 characters', 'a'.repeat(1025)],
    ['1025 characters of a URL', `https://${'a'.repeat(1017)}`],
  ])('is %s', (_, text) => {
    expect(parseClaimPath(text)).toBeUndefined()
  })

  it('is no longer one at its bounds', () => {
    for (const text of [Array(32).fill('a').join('.'), '/a'.repeat(32), 'a'.repeat(1024), `http://${'.'.repeat(1017)}`])
      expect(parseClaimPath(text)).toBeDefined()
  })

  it(
    'is one that has no reading character by character, and any other has that reading',
    () => {
      const unit = fc.constantFrom('a', 'b', '.', '"', '\\', '/', ' ', 'é')
      fc.assert(
        fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
          fc.pre(!text.startsWith('/'))
          expect(parseClaimPath(text)?.segments).toEqual(splitObviously(text))
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )
})

describe('a claim', () => {
  it.each([
    ['a prototype', {}, '__proto__'],
    ['a prototype, by pointer', {}, '/__proto__/toString'],
    ['a constructor', {}, 'constructor'],
    ['a method', { a: {} }, 'a.hasOwnProperty'],
    ['the length of an array', { a: [1] }, '/a/length'],
    ['the length of an array, with dots', { a: [1] }, 'a.length'],
    ['a method of an array', { a: [1] }, '/a/map'],
    ['the length of a string', { a: 'text' }, '/a/length'],
    ['a character of a string', { a: 'text' }, '/a/0'],
    ['a method of a number', { a: 1 }, 'a.toFixed'],
    ['what is within null', { a: null }, 'a.b'],
    ['the index - of an array', { a: [1] }, '/a/-'],
    ['an index with a leading zero', { a: [1, 2] }, '/a/01'],
    ['an index with two zeros', { a: [1, 2] }, '/a/00'],
    ['a negative index', { a: [1] }, '/a/-1'],
    ['an index in another notation', { a: [1, 2] }, '/a/1e0'],
    ['an index beyond the end', { a: [1] }, '/a/1'],
    ['an index beyond all arrays', { a: [1] }, '/a/4294967296'],
    ['the empty index of an array', { a: [1] }, '/a/'],
    ['an index in a dotted path', { a: [1] }, 'a.0'],
    ['an index in a dotted path, in quotes', { a: [1] }, 'a."0"'],
    ['a name in other case', { Role: 1 }, 'role'],
    ['a nested claim, where the name has a dot', { a: { b: 1 } }, '"a.b"'],
    ['a name with a dot, where the path is nested', { 'a.b': 1 }, 'a.b'],
    ['what is within a claim that is named by a URL', { 'https://a.b/c': { d: 1 } }, 'https://a.b/c.d'],
  ])('is missing that would be %s', (_, payload, text) => {
    expect(read(payload, text)).toBeUndefined()
  })

  it.each([
    ['at the top', { sub: 'x' }, 'sub'],
    ['nested', { a: { b: { c: 'x' } } }, 'a.b.c'],
    ['nested under a name with dots', { 'kubernetes.io': { namespace: 'x' } }, '"kubernetes.io".namespace'],
    ['whose last name has dots', { a: { 'b.c': 'x' } }, 'a."b.c"'],
    ['with a quote and a backslash in its name', { 'a"b\\c': 'x' }, '"a\\"b\\\\c"'],
    ['with a slash in its name', { 'a/b': 'x' }, 'a/b'],
    ['with a slash first in its name', { '/a': 'x' }, '"/a"'],
    ['with a slash and a tilde in its name, by pointer', { '/~1': 'x' }, '/~1~01'],
    ['with an empty name, by pointer', { '': { '': 'x' } }, '//'],
    ['with a URL for a name', { 'https://example.com/a.b~c"': 'x' }, 'https://example.com/a.b~c"'],
    ['with a URL for a name, and http', { 'http://a': 'x' }, 'http://a'],
    ['within one with a URL for a name', { 'https://a.b/c': { d: 'x' } }, '"https://a.b/c".d'],
    ['within one with a URL for a name, by pointer', { 'https://a.b/c': { d: 'x' } }, '/https:~1~1a.b~1c/d'],
    ['with a URN for a name', { 'urn:example:a': 'x' }, 'urn:example:a'],
    ['with digits for a name', { a: { '01': 'x' } }, '/a/01'],
    ['with digits for a name, with dots', { a: { 0: 'x' } }, 'a.0'],
    ['in an array, by pointer', { a: ['y', { b: 'x' }] }, '/a/1/b'],
    ['named as the member of every object', JSON.parse('{"__proto__":{"constructor":"x"}}'), '__proto__.constructor'],
    ['named length', { length: 'x' }, 'length'],
    ['with spaces in its name', { 'first name ': 'x' }, 'first name '],
  ])('is there %s', (_, payload, text) => {
    expect(read(payload, text)).toBe('x')
  })

  it('is there as null', () => {
    expect(read({ a: { b: null } }, 'a.b')).toBeNull()
  })

  it(
    'by pointer is the value of exactly that pointer among all of them',
    () => {
      const segment = fc.oneof(
        name.map((each) => toPointer([each])),
        fc.constantFrom('/~', '/~2', '/~01', '/~10'),
      )
      fc.assert(
        fc.property(claims, fc.array(segment, { minLength: 1, maxLength: 4 }), (payload, segments) => {
          const values = new Map(
            [...valuesWithin(payload, true)].map(([place, value]) => [toPointer(JSON.parse(place)), value]),
          )
          for (const text of [segments.join(''), ...[...values.keys()].filter((pointer) => pointer !== '')]) {
            const isMalformed = text.replaceAll('~0', '').replaceAll('~1', '').includes('~')
            expect(read(payload, text)).toBe(isMalformed ? 'malformed' : values.get(text))
          }
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'by dotted path is the value under exactly these names, bare or in quotes, and in no array',
    () => {
      const names = fc.array(
        name.filter((each) => each !== ''),
        { minLength: 1, maxLength: 4 },
      )
      fc.assert(
        fc.property(claims, names, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), (payload, asked, quotes) => {
          const values = valuesWithin(payload, false)
          const places = [...values.keys()].map((place) => JSON.parse(place) as string[])
          for (const place of [asked, ...places.filter((each) => each.length > 0 && !each.includes(''))]) {
            const written = place.map((each, index) => {
              const needsQuotes = ['.', '"', '\\'].some((character) => each.includes(character)) || each === '/a'
              return quotes[index] === true || needsQuotes ? inQuotes(each) : each
            })
            expect(read(payload, written.join('.'))).toBe(values.get(JSON.stringify(place)))
          }
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )
})

describe('two paths', () => {
  const isSame = (...texts: [string, string]) => {
    const [left, right] = texts.map(parseClaimPath)
    return left !== undefined && right !== undefined && isSamePath(left, right)
  }

  it('are the same where they name the same members', () => {
    expect(isSame('a.b', '/a/b')).toBe(true)
    expect(isSame('https://a.b/c', '"https://a.b/c"')).toBe(true)
  })

  it('are not the same where one goes further or elsewhere', () => {
    expect(isSame('a', 'a.b')).toBe(false)
    expect(isSame('a.b', 'a')).toBe(false)
    expect(isSame('a.b', '"a.b"')).toBe(false)
  })
})

describe('a path that is written for members', () => {
  it('leads to them, and is absent only where nothing that is written does', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom('a', 'a.b', 'https://x/y', '/a', '~1', '"', '\\', '${', ''),
    )
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (segments) => {
        const written = writeClaimPath(segments)
        if (written !== undefined) expect(parseClaimPath(written)?.segments).toEqual(segments)
        else expect(segments.join('/')).toContain('${')
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    [['realm_access', 'roles'], 'realm_access.roles'],
    [['a', 'b.c'], 'a."b.c"'],
    [['https://example.com/x', 'y'], '"https://example.com/x".y'],
    [['/a'], '"/a"'],
    [['a', ''], '/a/'],
  ])('of %j is %s', (segments, written) => expect(writeClaimPath(segments)).toBe(written))
})
