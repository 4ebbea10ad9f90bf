import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { compileGlob, MAX_PATTERN_LENGTH } from '../../../src/policy/glob.js'
import { matchesObviously, shareOfCases, TIMEOUT } from './cases.js'

/** Text that counts how often its units are read, and which; so do the pieces that it is split into. */
class Counted {
  readonly length: number
  readonly #text: string
  readonly #reads: number[]

  constructor(text: string, reads: number[]) {
    this.length = text.length
    this.#text = text
    this.#reads = reads
  }

  charCodeAt(index: number): number {
    this.#reads.push(index)
    return this.#text.charCodeAt(index)
  }

  split(separator: string): Counted[] {
    return this.#text.split(separator).map((piece) => new Counted(piece, this.#reads))
  }
}

/** The outcome, and the indexes that were read: of the text, and of the pattern's pieces, compiling included. */
function countReads(pattern: string, text: string, compile = compileGlob) {
  const [ofText, ofPattern]: [number[], number[]] = [[], []]
  const counted = (plain: string, reads: number[]) => new Counted(plain, reads) as unknown as string
  const isMatch = compile(counted(pattern, ofPattern))(counted(text, ofText))
  return { isMatch, ofText, ofPattern }
}

const few = (units: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...units), maxLength })
/** Of few different characters, so that pieces nearly fit in many places. */
const pattern = fc.oneof(few('ab*', 16), few('aab**/', 24), few('a*é😀', 8))
const run = fc.oneof(few('ab', 6), few('ab/*😀', 3))

/** A pattern, and a text that it was made into by putting a run in place of each star. */
const patternAndInstance = fc.tuple(pattern, fc.array(run, { minLength: 24, maxLength: 24 })).map(([written, runs]) => {
  const text = written.replaceAll('*', () => runs.pop() ?? '')
  return { written, text }
})

describe('a glob', () => {
  it.each([
    ['', 'a', 'nothing is not something'],
    ['a', '', 'something is not nothing'],
    ['refs/heads/main', 'refs/heads/main2', 'its end is anchored'],
    ['refs/heads/main', 'xrefs/heads/main', 'its beginning is anchored'],
    ['refs/heads/*', 'refs/head/main', 'its head must stand there'],
    ['refs/heads/*', 'Refs/heads/main', 'case counts'],
    ['*-release', 'v1-release-2', 'its tail must stand at the end'],
    ['ab*ba', 'aba', 'head and tail do not overlap'],
    ['a*b*c', 'acb', 'pieces keep their order'],
    ['*ab*ab*', 'xabx', 'pieces do not share a text'],
    ['*aba*aba*', 'ababa', 'pieces do not overlap'],
    ['*b*c', 'abc'.repeat(3).slice(0, -1), 'the last piece is a tail, not a middle'],
    ['a?c', 'abc', 'a question mark is one'],
    ['a.c*', 'abc', 'a dot is a dot'],
    ['[ab]*', 'a', 'brackets are brackets'],
    ['a\\*', 'a*', 'a backslash escapes nothing'],
    ['(a+)+*$', 'aaaa', 'nothing is a regular expression'],
    ['\u00e9*', 'e\u0301', 'nothing is normalised'],
  ])('%j is not %j: %s', (written, text) => {
    expect(compileGlob(written)(text)).toBe(false)
  })

  it.each([
    ['', ''],
    ['*', ''],
    ['*', 'any/thing\nat all'],
    ['**', ''],
    ['a**b', 'ab'],
    ['refs/heads/*', 'refs/heads/'],
    ['refs/heads/*', 'refs/heads/feature/x'],
    ['repo:*:ref:refs/tags/v*', 'repo:octo/app:ref:refs/tags/v1.2'],
    ['*aab*', 'aaab'],
    ['*ababac*', 'abababac'],
    ['a*a*a', 'aaa'],
    ['a*', 'a*'],
    ['a\\*', 'a\\b'],
    ['*😀*', 'x😀y'],
  ])('%j is %j', (written, text) => {
    expect(compileGlob(written)(text)).toBe(true)
  })

  it(
    'is what the slow and obvious way says',
    () => {
      const near = fc.tuple(patternAndInstance, fc.nat(), few('ab*', 2)).map(([{ written, text }, place, instead]) => {
        const at = text === '' ? 0 : place % text.length
        return { written, text: `${text.slice(0, at)}${instead}${text.slice(at + 1)}` }
      })
      const any = fc.record({ written: pattern, text: few('ab/*', 24) })
      fc.assert(
        fc.property(fc.oneof(near, any), ({ written, text }) => {
          expect(compileGlob(written)(text)).toBe(matchesObviously(written, text))
        }),
        shareOfCases(0.3),
      )
    },
    TIMEOUT,
  )

  it(
    'is every text with runs in place of its stars',
    () => {
      fc.assert(
        fc.property(patternAndInstance, ({ written, text }) => expect(compileGlob(written)(text)).toBe(true)),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it('can be asked again and again, with the same answers', () => {
    const matches = compileGlob('*aab*aab*')
    expect(['aabaab', 'aab', 'aaabaaab', 'aabaab'].map(matches)).toEqual([true, false, true, true])
  })
})

describe('the time that a glob takes', () => {
  const LENGTH = 32_768
  const half = MAX_PATTERN_LENGTH / 2
  const fibonacci = (length: number) => {
    let [before, now] = ['b', 'a']
    while (now.length < length) [before, now] = [now, now + before]
    return now.slice(0, length)
  }
  const hostile: [string, string, string][] = [
    ['a star after every letter', `${'a*'.repeat(half - 1)}b`, 'a'.repeat(LENGTH)],
    ['a star after every letter, and one at the end', `${'a*'.repeat(half - 1)}b*`, 'a'.repeat(LENGTH)],
    ['stars alone', '*'.repeat(MAX_PATTERN_LENGTH), 'a'.repeat(LENGTH)],
    ['a piece that nearly fits everywhere', `*${'a'.repeat(1000)}b*`, 'a'.repeat(LENGTH)],
    ['a piece that fails at its beginning', `*b${'a'.repeat(1000)}*`, 'a'.repeat(LENGTH)],
    ['two pieces that nearly fit', `*${'a'.repeat(500)}b*${'a'.repeat(500)}c*`, 'aaab'.repeat(LENGTH / 4)],
    ['periodic pieces', `*${'ab'.repeat(500)}c*`, 'ab'.repeat(LENGTH / 2)],
    ['Fibonacci words, the worst case for borders', `*${fibonacci(1000)}c*`, fibonacci(LENGTH)],
    ['a head, a tail and pieces that take all', `a${'*a'.repeat(half - 1)}`, 'a'.repeat(LENGTH)],
    ['a tail that nearly fits', `*b${'a'.repeat(1000)}`, 'a'.repeat(LENGTH)],
  ]

  it.each(hostile)('is linear for %s', (_, written, text) => {
    const { isMatch, ofText, ofPattern } = countReads(written, text)
    expect(ofText.length).toBe(new Set(ofText).size)
    expect(ofPattern.length).toBeLessThanOrEqual(4 * (text.length + written.length))
    expect(isMatch).toBe(compileGlob(written)(text))
  })

  it(
    'is linear for any pattern and text',
    () => {
      fc.assert(
        fc.property(few('aab*', 60), few('aab', 200), (written, text) => {
          fc.pre(written.includes('*'))
          const { ofText, ofPattern } = countReads(written, text)
          expect(ofText.length).toBe(new Set(ofText).size)
          expect(ofPattern.length).toBeLessThanOrEqual(4 * (text.length + written.length))
        }),
        shareOfCases(0.05),
      )
    },
    TIMEOUT,
  )

  it('is counted so that searching anew from each place is found out', () => {
    const searchAnew = (written: string) => (text: string) => {
      const [, piece = ''] = written.split('*')
      const fitsAt = (start: number) => {
        for (let index = 0; index < piece.length; index += 1)
          if (text.charCodeAt(start + index) !== piece.charCodeAt(index)) return false
        return true
      }
      for (let start = 0; start + piece.length <= text.length; start += 1) if (fitsAt(start)) return true
      return false
    }
    const text = 'a'.repeat(4096)
    const { ofText, ofPattern } = countReads(`*${'a'.repeat(500)}b*`, text, searchAnew)
    expect(ofText.length).toBeGreaterThan(new Set(ofText).size)
    expect(ofPattern.length).toBeGreaterThan(100 * text.length)
  })
})
