import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

interface Phrase {
  pattern: RegExp
  instead: string
}

interface Finding {
  file: string
  line: number
  phrase: string
  instead: string
}

/** White space between two words, also where a comment goes on in the next line. */
const GAP = String.raw`\s+(?:(?:\*|//)\s+)?`

/** A phrase is plain text, except for `(a|b)` and lookarounds; a space stands for any white space. */
function phrase(text: string, instead: string): Phrase {
  return { pattern: new RegExp(`(?<![\\w-])${text.replaceAll(' ', GAP)}(?![\\w-])`, 'gi'), instead }
}

const WORDS = [
  phrase('told at once', 'reported together'),
  phrase('anew', 'again'),
  phrase('once more(?! than)', 'again'),
  phrase('at hand', 'available'),
  phrase('by chance', 'at random'),
  phrase('give or take', '±'),
  phrase('(?<!there )(is|are) no (?!longer|more|less|\\w+er than)\\S\\w*', 'is not a …, or has no …'),
  phrase('beside', 'alongside, next to, in addition to'),
  phrase('in (the )?place of', 'instead of'),
  phrase('stands in(?! for)', 'is in'),
  phrase('stands at', 'is at'),
  phrase('have the identity provider put', 'configure the identity provider to include'),
  phrase('(found|came)[^;\\n]{0,80}; wanted', 'got …; expected …, or: missing; expected …'),
  phrase('the most that', 'the scopes it may obtain, or: at most'),
  phrase('belongs into', 'put … in'),
  phrase('be it', 'even if, for any'),
  phrase('of nobody', 'that belongs to no …'),
  phrase('(told|tells?( (its|the|them|two|both))?( \\w+)?) apart', 'distinguished, distinguishes'),
  phrase('the begin of', 'the beginning of, or: begins with'),
  phrase('(does|do|did) its work', 'say what it does'),
]

/** From sentences that readers stumbled over. */
const SENTENCES = [
  phrase('each would accept what another one has', 'each process would accept an assertion that another accepted'),
  phrase('is a `ConfigError`: a slip opens no route', 'throws a `ConfigError`, so a typo cannot leave a route open'),
  phrase('no key set to be had', 'the key set is unavailable'),
  phrase('that come again, which need not be verified', 'cache for verified tokens'),
  phrase('the whole allowance comes back', 'how long the full allowance takes to refill'),
  phrase('at once, then one for each cooldown', 'may trigger two fetches at once, then one per cooldown'),
  phrase('what only code can say', 'pass options that need code alongside'),
  phrase('one text for all', 'the same message for every cause'),
  phrase('loosen a rule by a slip', 'silently weaken a rule'),
  phrase('one that nothing satisfies is not', 'a rule that can never match is not detected'),
  phrase('whose own one counts', "the provider's wins"),
  phrase('uses no assertion up', 'does not consume the assertion'),
  phrase('too late to tell', 'too late'),
  phrase('the stats tell', 'check the stats'),
  phrase('end by the old ones', 'finish under the old ones'),
  phrase('so that nothing that is wrong lasts', 'so that a wrong answer cannot persist'),
  phrase('found neither', 'missing; expected …'),
  phrase('found nothing', 'missing'),
  phrase('what that obtains', 'what they may obtain'),
  phrase('PEM text that is not whole', 'the PEM is incomplete'),
  phrase('scopes are of several resources', 'the requested scopes belong to different resources'),
  phrase('say what to do', 'missing command'),
  phrase('an option is not understood', 'unknown option'),
  phrase('arguments too many', 'too many arguments'),
  phrase('go on serving', 'keep running'),
  phrase('does not have the scope that this needs', 'lacks a required scope'),
  phrase('this document can only be read', 'only GET and HEAD are supported'),
  phrase('it is the sub as it is', 'the raw `sub` is used'),
  phrase('the options could not be given', 'the options function threw'),
  phrase('as long as it is fresh', 'within one lifetime'),
  phrase('are answered at once, and hold everybody else up', 'are answered in one burst, which delays other requests'),
  phrase('unverified by this', 'reads the claims without checking them'),
  phrase('accepts what another one has', 'accepts an assertion that another process accepted'),
  phrase('or no such option', 'omit the option'),
]

/** In documents nothing is told: events are emitted, problems are reported. Code has functions of this name. */
const TELLING = phrase('(tell|tells|told)', 'report, emit, say, show')

/** How many phrases are still allowed where. A number may only fall. The one left is an old name of a step. */
const STILL_ALLOWED: Record<string, number> = { 'docs/renamed.md': 1 }

function findPhrases(file: string, text: string, phrases: readonly Phrase[]): Finding[] {
  const found = phrases.flatMap(({ pattern, instead }) =>
    [...text.matchAll(pattern)].map(({ 0: match, index }) => ({
      file,
      line: text.slice(0, index).split('\n').length,
      phrase: match.replace(/\s+((\*|\/\/)\s+)?/g, ' '),
      instead,
    })),
  )
  return found.toSorted((one, other) => one.line - other.line)
}

/** The names of tests in links are the names that the tests have. */
function withoutNamesOfTests(markdown: string): string {
  return markdown.replace(/\[[^\]]*\](?=\(https:[^)]*\/test\/)/g, (link) => ' '.repeat(link.length))
}

function findInDocument(file: string): Finding[] {
  return findPhrases(file, withoutNamesOfTests(readFileSync(file, 'utf8')), [...WORDS, ...SENTENCES, TELLING])
}

function findInSources(root: string): Finding[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path))
  return files.flatMap((path) => {
    const file = join(root, path)
    return findPhrases(file, readFileSync(file, 'utf8'), [...WORDS, ...SENTENCES])
  })
}

const DOCUMENTS = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync('docs').map((name) => `docs/${name}`),
]

/** All findings if there are more than are still allowed, otherwise none. */
function describeIfMore(allowed = 0, findings: readonly Finding[]): string[] {
  if (findings.length <= allowed) return []
  return findings.map(({ file, line, phrase, instead }) => `${file}:${line}: "${phrase}"; write: ${instead}`)
}

describe('plain English', () => {
  it.each(DOCUMENTS)('is what %s is written in', (file) => {
    expect(describeIfMore(STILL_ALLOWED[file], findInDocument(file))).toEqual([])
  })

  it('is what messages and comments in src are written in', () => {
    expect(describeIfMore(STILL_ALLOWED.src, findInSources('src'))).toEqual([])
  })

  it('is checked with the line and what to write instead', () => {
    const text =
      'All is well.\n * It is asked once\n * more, and\nis no harm. There is no proxy; it is no longer here.\n'
    expect(findPhrases('made-up.md', text, WORDS)).toEqual([
      { file: 'made-up.md', line: 2, phrase: 'once more', instead: 'again' },
      { file: 'made-up.md', line: 4, phrase: 'is no harm', instead: 'is not a …, or has no …' },
    ])
  })

  it('is not asked of words that only contain a phrase, nor of the names of tests', () => {
    expect(findPhrases('made-up.ts', "writeBeside('a'); besides; renewed; stands in for it", WORDS)).toEqual([])
    const link = withoutNamesOfTests(
      'see [is told what is at risk](https://example.com/blob/main/test/a.test.ts), not told [told](b.md)',
    )
    expect(findPhrases('made-up.md', link, [TELLING]).map(({ phrase }) => phrase)).toEqual(['told', 'told'])
  })

  it('finds phrases with a gap, a choice or a look-around', () => {
    const text = ['found a string; wanted a number', 'stands in the file', 'what that obtains', 'in the place of'].join(
      '\n',
    )
    expect(findPhrases('made-up.md', text, [...WORDS, ...SENTENCES]).map(({ line }) => line)).toEqual([1, 2, 3, 4])
  })

  it('lists all findings of a place with more than are still allowed there', () => {
    const findings = findPhrases('made-up.md', 'asked anew\nby chance', WORDS)
    expect(describeIfMore(2, findings)).toEqual([])
    expect(describeIfMore(1, findings)).toEqual([
      'made-up.md:1: "anew"; write: again',
      'made-up.md:2: "by chance"; write: at random',
    ])
  })

  it('still allows phrases only in places that exist', () => {
    expect(Object.keys(STILL_ALLOWED).filter((place) => place !== 'src' && !DOCUMENTS.includes(place))).toEqual([])
  })
})
