import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** By the names of contenders. */
type Answers = Readonly<Record<string, string>>

interface Situation {
  name: string
  run: (trial: unknown) => Promise<string>
}

interface Group {
  title: string
  situations: readonly Situation[]
}

type Contender = { name: string }
type TryContender = (contender: Contender, run: Situation['run']) => Promise<string>

interface Results {
  versions: Readonly<Record<string, string>>
  groups: readonly { title: string; rows: readonly { situation: string; answers: Answers }[] }[]
}

/** The command and what it is made of, which have no types. */
async function load<Module>(file: string): Promise<Module> {
  return import(`../../bench/behaviour/${file}`)
}

/** How long an answer took depends on the machine. */
function withoutTime(answer = ''): string {
  return answer.replace(/ after \d+ s$/, '')
}

const COMPARISON = readFileSync('docs/comparison.md', 'utf8')
const RESULTS: Results = JSON.parse(readFileSync('bench/behaviour.json', 'utf8'))

describe('docs/comparison.md', () => {
  it('has the tables and the versions of the last run', async () => {
    const { formatGroup, describeVersions } = await load<{
      formatGroup(group: unknown): string
      describeVersions(results: Results): string
    }>('format.js')
    expect(COMPARISON).toContain(describeVersions(RESULTS))
    for (const group of RESULTS.groups) expect(COMPARISON).toContain(`${formatGroup(group)}\n`)
    expect(COMPARISON.match(/^## .*$/gm)).toEqual(RESULTS.groups.map(({ title }) => `## ${title}`))
  })

  it('is of the packages that the bench installs', () => {
    const { packages } = JSON.parse(readFileSync('bench/package-lock.json', 'utf8'))
    const { 'express-jwt-exchange': _ours, ...peers } = RESULTS.versions
    for (const [name, version] of Object.entries(peers)) {
      expect([name, packages[`node_modules/${name}`].version]).toEqual([name, version])
    }
  })

  it.each(RESULTS.groups.map(({ title }) => title))('shows what this package answers: %s', async (title) => {
    const { ours } = await load<{ ours: readonly Contender[] }>('ours.js')
    const { groups } = await load<{ groups: readonly Group[] }>('situations.js')
    const { tryContender } = await load<{ tryContender: TryContender }>('try-contender.js')
    const { situations = [] } = groups.find((group) => group.title === title) ?? {}
    const { rows = [] } = RESULTS.groups.find((group) => group.title === title) ?? {}
    expect(rows.map(({ situation }) => situation)).toEqual(situations.map(({ name }) => name))
    for (const { name, run } of situations) {
      const { answers = {} } = rows.find(({ situation }) => situation === name) ?? {}
      for (const contender of ours) {
        const answer = withoutTime(await tryContender(contender, run))
        expect([name, contender.name, answer]).toEqual([name, contender.name, withoutTime(answers[contender.name])])
      }
    }
  })
})
