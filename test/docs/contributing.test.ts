import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

describe('the recipes in CONTRIBUTING.md', () => {
  const recipes = CONTRIBUTING.slice(CONTRIBUTING.indexOf('## Recipes'))
    .split(/^(?=\*\*Add )/m)
    .slice(1)

  it('end with a command, each of them', () => {
    expect(recipes.length).toBeGreaterThanOrEqual(10)
    for (const recipe of recipes) expect(recipe.trim()).toMatch(/Proof: `npx jest test\/[^`]+`\.$/)
  })

  it('name files and folders that are there', () => {
    const paths = [...recipes.join('').matchAll(/(?:src|test|docs|example-app)\/[\w./-]+/g)].map(([path]) => path)
    const named = paths.map((path) => path.replace(/\.$/, ''))
    expect(named.length).toBeGreaterThan(40)
    expect(named.filter((path) => !path.endsWith('/') && !existsSync(path))).toEqual([])
  })

  it('name things that the code has', () => {
    const names = [...recipes.join('').matchAll(/`([A-Za-z]{6,})`/g)].map(([, name = '']) => name)
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(`src/${path}`, 'utf8'))
      .join('\n')
    expect(names).toContain('GrantHandler')
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(source))).toEqual([])
  })
})
