import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const CONTRIBUTING = readFileSync('CONTRIBUTING.md', 'utf8')

/** The names in one part of the printed tree, one level deep. */
function listed(root: string): string[] {
  const [, part = ''] = new RegExp(`^${root}/\\n((?: {2}.*\\n)+)`, 'm').exec(CONTRIBUTING) ?? []
  return part
    .split('\n')
    .flatMap((line) => /^ {2}(\S.*?)(?: {2,}|$)/.exec(line)?.[1]?.split(', ') ?? [])
    .map((name) => name.replace(/\/$/, ''))
}

describe('the tree in CONTRIBUTING.md', () => {
  it.each(['src', 'test'])('lists what is in %s', (root) => {
    const present = readdirSync(root).filter((name) => !['support', 'tsconfig.json'].includes(name))
    expect(listed(root).sort()).toEqual(present.sort())
  })
})
