import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { type Claims, parseClaimPath } from '../../../src/policy/claim-path.js'
import { fillClaimTemplate, parseClaimTemplate } from '../../../src/policy/claim-template.js'
import { readSubjectMapping } from '../../../src/policy/subject-mapping.js'
import { shareOfCases, TIMEOUT } from './cases.js'

/** The text of a template with these claims; undefined where there is none; for a malformed template 'malformed'. */
function fill(template: string, claims: Claims): string | undefined {
  const parsed = parseClaimTemplate(template)
  return parsed === undefined ? 'malformed' : fillClaimTemplate(parsed, claims)
}

/** Claims named `c0`, `c1`, … */
function claimsOf(values: readonly unknown[]): Claims {
  return Object.fromEntries(values.map((value, index) => [`c${index}`, value]))
}

/** `head${claims.c0}l0${claims.c1}l1…tail` with one claim more than there are literals between them. */
function templateOf(head: string, between: readonly string[], tail: string): string {
  const last = `\${claims.c${between.length}}`
  return `${head}${between.map((literal, index) => `\${claims.c${index}}${literal}`).join('')}${last}${tail}`
}

/** All strings of these units, of 1 to `longest`. */
function stringsOf(units: string, longest: number): string[] {
  if (longest === 0) return []
  const shorter = stringsOf(units, longest - 1)
  return [...units, ...shorter.flatMap((text) => [...units].map((unit) => text + unit))].filter(
    (text, index, all) => all.indexOf(text) === index,
  )
}

const few = (units: string, maxLength: number, minLength = 1) =>
  fc.string({ unit: fc.constantFrom(...units), minLength, maxLength })

describe('a malformed template', () => {
  it.each([
    ['nothing', ''],
    ['text without a claim', 'ci'],
    ['a keyword in another case', 'Raw'],
    ['a keyword with white space', 'namespaced '],
    ['a place without a claim', '${claims.}'],
    ['a place that names claims alone', '${claims}'],
    ['a place of something else', '${sub}'],
    ['a place with white space before claims', '${ claims.sub}'],
    ['a place of another case', '${Claims.sub}'],
    ['a place of a similar name', '${claimsXsub}'],
    ['a place that does not end', '${claims.sub'],
    ['a place that does not end, after a claim', '${claims.sub}|${claims.ref'],
    ['a place of an expression', '${claims["sub"]}'],
    ['a variable beside a claim', '${claims.sub}|${HOME}'],
    ['a variable before a claim', '${HOME}|${claims.sub}'],
    ['an empty place beside a claim', '${claims.sub}|${}'],
    ['a dollar and a brace at the end', '${claims.sub}${'],
    ['an empty segment', '${claims.a..b}'],
    ['an empty segment at the end', '${claims.a.}'],
    ['empty quotes', '${claims.""}'],
    ['quotes that do not end', '${claims."a}'],
    ['a brace in quotes', '${claims."a}b"}'],
    ['a malformed pointer', '${claims./a~2}'],
    ['33 segments', `\${claims.${Array(33).fill('a').join('.')}}`],
    ['two claims side by side', '${claims.a}${claims.b}'],
    ['two claims side by side after others', '${claims.a}|${claims.b}${claims.c}'],
    ['the same claim twice, side by side', '${claims.a}${claims.a}'],
    ['a place within a place', '${claims.a${claims.b}}'],
    ['a place that does not end before the next one', '${claims.a|${claims.b}'],
    ['a variable within a place', '${claims.${HOME}}'],
    ['1025 characters', `${'x'.repeat(1025 - '${claims.sub}'.length)}\${claims.sub}`],
  ])('is %s', (_, template) => {
    expect(parseClaimTemplate(template)).toBeUndefined()
  })

  it.each([null, 7, true, {}, [], ['${claims.sub}'], Symbol('raw'), Object('raw')])(
    'is what is no text: %p',
    (subject) => {
      const reader = new OptionReader({ subject })
      expect(readSubjectMapping(reader)).toBeUndefined()
      expect(() => reader.throwProblems()).toThrow(/^1 problem .*\n {2}subject: /)
    },
  )
})

describe('a template', () => {
  it.each([
    ['one claim alone', '${claims.sub}', 'alice'],
    ['a claim after text', 'user:${claims.sub}', 'user:alice'],
    ['a claim before text', '${claims.sub}@acme', 'alice@acme'],
    ['several claims', 'ci|${claims.repository_id}|${claims.environment}', 'ci|5678|production'],
    ['one claim twice', '${claims.sub}|${claims.sub}', 'alice|alice'],
    ['claims with little between', '${claims.sub} ${claims.environment}', 'alice production'],
    ['a claim within another', '${claims.realm.name}', 'acme'],
    ['a name with a dot', '${claims."kubernetes.io".namespace}', 'shop'],
    ['a pointer', '${claims./roles/1}|${claims./kubernetes.io/namespace}', 'editor|shop'],
    ['a claim named like a URL', '${claims.https://example.com/tenant}', 'tenant-7'],
    ['dollars and braces that mean nothing', '$}{$ {claims.sub} $${claims.sub}}', '$}{$ {claims.sub} $alice}'],
  ])('has %s', (_, template, expected) => {
    const claims = {
      sub: 'alice',
      repository_id: '5678',
      environment: 'production',
      realm: { name: 'acme' },
      'kubernetes.io': { namespace: 'shop' },
      roles: ['reader', 'editor'],
      'https://example.com/tenant': 'tenant-7',
    }
    expect(fill(template, claims)).toBe(expected)
  })

  it('has at most 1024 characters', () => {
    const head = 'x'.repeat(1024 - '${claims.sub}'.length)
    expect(fill(`${head}\${claims.sub}`, { sub: 'alice' })).toBe(`${head}alice`)
  })

  it.each(['${claims.other}', '$&', '$1', '$`', "$'", '$$', '\\', '%7C', '${HOME}'])(
    'puts claims in as they are: %s',
    (odd) => {
      expect(fill('a|${claims.sub}|${claims.other}', { sub: odd, other: odd })).toBe(`a|${odd}|${odd}`)
    },
  )

  it.each([undefined, null, '', 0, 7, true, false, ['alice'], { name: 'alice' }, []])(
    'makes no text of a claim that is no text or empty: %p',
    (value) => {
      for (const template of ['${claims.a}', 'x${claims.a}y', '${claims.a}|${claims.b}', '${claims.b}|${claims.a}'])
        expect(fill(template, { a: value, b: 'b' })).toBeUndefined()
    },
  )

  it.each(['constructor', 'toString', '__proto__', 'constructor.name', 'a.length', 'a.0', '/a/length'])(
    'makes no text of what is no claim: %s',
    (path) => {
      expect(fill(`\${claims.${path}}`, { a: 'text', b: ['text'] })).toBeUndefined()
    },
  )

  it.each([
    ['is it', '|'],
    ['ends with it', 'a|'],
    ['begins with it', '|a'],
    ['has it within', 'a|b'],
  ])('makes no text where a claim %s, the text that follows it', (_, claim) => {
    expect(fill('${claims.a}|${claims.b}', { a: claim, b: 'b' })).toBeUndefined()
    expect(fill('${claims.x}-${claims.a}|${claims.b}', { x: 'x', a: claim, b: 'b' })).toBeUndefined()
  })

  it('makes no text where the end of a claim and what follows it could be taken for another place', () => {
    expect(fill('${claims.a}aba${claims.b}', { a: 'x', b: 'bac' })).toBe('xababac')
    expect(fill('${claims.a}aba${claims.b}', { a: 'xab', b: 'c' })).toBeUndefined()
  })

  it('may have anything in the last claim, and what follows another one in the others', () => {
    expect(fill('|${claims.a}|${claims.b}|', { a: 'a', b: '|b||' })).toBe('|a||b|||')
    expect(fill('${claims.a}|${claims.b}/${claims.c}', { a: 'a/b', b: 'c|d', c: 'e/f|g' })).toBe('a/b|c|d/e/f|g')
  })
})

describe('the text of a template', () => {
  it('is of one pair of claims, whatever stands between them: all short ones', () => {
    const values = stringsOf('ab|', 3)
    for (const between of values) {
      const parsed = parseClaimTemplate(templateOf('', [between], ''))
      if (parsed === undefined) throw new Error('malformed')
      const made = new Map<string, string>()
      for (const c0 of values)
        for (const c1 of values) {
          const text = fillClaimTemplate(parsed, { c0, c1 })
          if (text === undefined) continue
          const pair = JSON.stringify([c0, c1])
          expect(made.get(text) ?? pair).toBe(pair)
          made.set(text, pair)
        }
      expect(made.size).toBeGreaterThan(values.length)
    }
  })

  it(
    'is of one list of claims, whatever the template',
    () => {
      const literal = few('ab|', 3)
      const shape = fc.record({
        head: few('ab|', 2, 0),
        between: fc.array(literal, { minLength: 1, maxLength: 3 }),
        tail: few('ab|', 2, 0),
      })
      fc.assert(
        fc.property(
          shape,
          fc.array(few('ab|', 4), { minLength: 8, maxLength: 8 }),
          ({ head, between, tail }, values) => {
            const template = templateOf(head, between, tail)
            const count = between.length + 1
            const [left, right] = [values.slice(0, count), values.slice(4, 4 + count)]
            const [text, other] = [fill(template, claimsOf(left)), fill(template, claimsOf(right))]
            if (text !== undefined && text === other) expect(left).toEqual(right)
          },
        ),
        shareOfCases(0.3),
      )
    },
    TIMEOUT,
  )

  it(
    'is of one of the ways in which it can be taken apart, at most',
    () => {
      const shape = fc.record({
        head: few('a|', 1, 0),
        between: fc.array(few('ab', 3), { minLength: 1, maxLength: 2 }),
        tail: few('b|', 1, 0),
      })
      fc.assert(
        fc.property(
          shape,
          fc.array(few('ab', 3), { minLength: 3, maxLength: 3 }),
          ({ head, between, tail }, values) => {
            const template = templateOf(head, between, tail)
            const naive = `${head}${between.map((literal, index) => `${values[index]}${literal}`).join('')}${values[between.length]}${tail}`
            const ways = waysToTakeApart(naive.slice(head.length, naive.length - tail.length), between)
            expect(ways.length).toBeGreaterThan(0)
            const accepted = ways.filter((way) => fill(template, claimsOf(way)) !== undefined)
            for (const way of accepted) expect(fill(template, claimsOf(way))).toBe(naive)
            expect(accepted.length).toBeLessThanOrEqual(1)
          },
        ),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'is there wherever no claim has a character of the text that follows it',
    () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(few('abc$}', 6), few('|-/ ', 3)), { minLength: 1, maxLength: 4 }),
          few('a|-', 6),
          (parts, last) => {
            const between = parts.map(([, literal]) => literal)
            const values = [...parts.map(([value]) => value), last]
            const expected = parts.map(([value, literal]) => value + literal).join('') + last
            expect(fill(templateOf('', between, ''), claimsOf(values))).toBe(expected)
          },
        ),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it('is made quickly of long claims, whatever the template', () => {
    const between = Array.from({ length: 60 }, () => 'a')
    const many = templateOf('', between, '')
    expect(many.length).toBeLessThanOrEqual(1024)
    const start = performance.now()
    const long = 'b'.repeat(1_000_000)
    expect(fill(many, claimsOf(between.map(() => 'b').concat(long)))?.length).toBe(120 + long.length)
    const nearlyEverywhere = templateOf('', [`${'a'.repeat(900)}b`], '')
    expect(fill(nearlyEverywhere, { c0: 'a'.repeat(30_000), c1: 'x' })?.length).toBe(30_902)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('is the same for a path however it is written', () => {
    for (const path of ['a.b', '"a"."b"', '/a/b']) {
      expect(parseClaimPath(path)?.segments).toEqual(['a', 'b'])
      expect(fill(`x|\${claims.${path}}`, { a: { b: 'c' } })).toBe('x|c')
    }
  })
})

/** Every list of non-empty strings that gives the text with these literals between them. */
function waysToTakeApart(text: string, [literal, ...others]: readonly string[]): string[][] {
  if (literal === undefined) return text === '' ? [] : [[text]]
  const ways: string[][] = []
  for (let at = 1; at <= text.length - literal.length; at += 1) {
    if (text.slice(at, at + literal.length) !== literal) continue
    for (const rest of waysToTakeApart(text.slice(at + literal.length), others)) ways.push([text.slice(0, at), ...rest])
  }
  return ways
}
