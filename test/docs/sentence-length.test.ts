import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** We aim at 25. A list of names may take a few more. */
const MAX_WORDS = 30

/** How many longer sentences are still allowed where. A number may only fall. */
const STILL_ALLOWED: Record<string, number> = {}

const DOCUMENTS = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync('docs').map((name) => `docs/${name}`),
]

/** Paragraphs, items of lists, headings and cells of tables, each in one line. */
function blocksOf(markdown: string): string[] {
  const prose = markdown.replace(/^ *```.*?^ *```$/gms, '')
  const starts = prose.replace(/^(?= *(?:[-|#]|\d+\. ))/gm, '\n')
  return starts.split(/\n\s*\n/).flatMap((block) => (block.trim().startsWith('|') ? block.split(' | ') : [block]))
}

/** A sentence ends at a full stop, a colon or a semicolon. A code span is one word. */
function longSentences(markdown: string): string[] {
  const sentences = blocksOf(markdown).flatMap((block) =>
    block
      .replace(/`[^`]+`/g, (code) => code.replace(/\s/g, '_'))
      .split(/(?<=[.:;?!]\**)\s+/)
      .map((sentence) => sentence.trim().replace(/\s+/g, ' ')),
  )
  return sentences.filter((sentence) => (sentence.match(/[\p{L}\p{N}_]\S*/gu) ?? []).length > MAX_WORDS)
}

describe('the sentences of documents', () => {
  it.each(DOCUMENTS)(`have at most ${MAX_WORDS} words in %s`, (file) => {
    const found = longSentences(readFileSync(file, 'utf8'))
    expect(found.length > (STILL_ALLOWED[file] ?? 0) ? found : []).toEqual([])
  })

  it('are counted in paragraphs, items and cells, without code', () => {
    const long = `It ${'very '.repeat(MAX_WORDS - 2)}long.`
    const tooLong = `It ${'very '.repeat(MAX_WORDS - 1)}long.`
    expect(longSentences(`${long} ${long}\n\n- ${long}\n- ${long}`)).toEqual([])
    expect(longSentences(`${long}\n- ${tooLong.replace('very very', 'very\n  very')}`)).toEqual([`- ${tooLong}`])
    expect(longSentences(`| ${long} | ${tooLong} |`)).toHaveLength(1)
    expect(longSentences(`\`\`\`js\n${tooLong}\n\`\`\`\nSee \`${tooLong}\`.`)).toEqual([])
  })
})
