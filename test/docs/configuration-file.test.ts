import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { generateSigningKey } from '../../src/index.js'
import { codeBlocks } from '../support/document-code.js'
import { describeWithRedis, REDIS_URL } from '../support/services.js'

const PAGE = 'docs/configuration-file.md'
const [TOML = ''] = codeBlocks(PAGE, 'toml')
const [LOAD = '', LOAD_WITH_CODE = '', LOAD_OF_OTHERS = '', READ = ''] = codeBlocks(PAGE, 'js')

/** Code of the page, and the file that it loads. */
const CASES = {
  loaded: [LOAD, TOML],
  withOthers: [LOAD, `${TOML}\n[server]\nhostname = "localhost"\n`],
  ignoringOthers: [LOAD_OF_OTHERS, `${TOML}\n[server]\nhostname = "localhost"\n`],
  read: [READ, TOML],
  readWithStore: [READ, `${TOML}\n[replay]\nstore = "other"\nurl = "a"`],
  withCodeAndClients: [LOAD_WITH_CODE, TOML],
  withCode: [LOAD_WITH_CODE, TOML.replace(/^\[\[client\]\].*/ms, '')],
} as const
/** Runs the code in each of the directories, and prints what comes of it. */
const RUN_ALL = `
const outcomes = {}
for (const name of process.argv.slice(2)) {
  process.chdir(name)
  outcomes[name] = await import(\`./\${name}/load.mjs\`).then(({ stats }) => ({ stats }), ({ message }) => ({ message }))
  process.chdir('..')
}
console.log(JSON.stringify(outcomes))`

let directory: string
let outcomes: Record<keyof typeof CASES, { stats?: object; message?: string }>
beforeAll(async () => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/configuration-file-')
  outcomes = await outcomesOf(CASES)
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

/** The statistics of each exchange that is loaded, or why none is; in one process, since loading takes most of the time. */
async function outcomesOf<Name extends string>(cases: Readonly<Record<Name, readonly [code: string, toml: string]>>) {
  for (const [name, [code, toml]] of Object.entries<readonly [string, string]>(cases)) {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'keys.json'), JSON.stringify({ keys: [generateSigningKey()] }))
    writeFileSync(join(directory, name, 'deployment.toml'), toml)
    writeFileSync(join(directory, name, 'load.mjs'), `${code}\nexport const stats = exchange.stats()`)
  }
  writeFileSync(join(directory, 'run-all.mjs'), RUN_ALL)
  const { stdout } = await promisify(execFile)(process.execPath, ['run-all.mjs', ...Object.keys(cases)], {
    cwd: directory,
    env: { ...process.env, APP_SECRET: 'a-secret-of-the-tests', NODE_OPTIONS: '' },
  })
  return JSON.parse(stdout) as Record<Name, { stats?: object; message?: string }>
}

describe('docs/configuration-file.md', () => {
  const stats = { identityProviders: [{ name: 'https://exampleidp.com/oauth2/default', state: 'never' }] }
  const refused = (message: string) => ({ message: expect.stringContaining(message) })

  it('has a file that its code loads', () => {
    expect(outcomes.loaded).toMatchObject({ stats })
  })

  it('has code that ignores tables of other programs', () => {
    expect(outcomes.withOthers).toEqual(refused('server: unknown option'))
    expect(outcomes.ignoringOthers).toMatchObject({ stats })
  })

  it('has code that reads the file, and opens no replay store if the file names none', () => {
    expect(outcomes.read).toMatchObject({ stats })
    expect(outcomes.readWithStore).toEqual(refused('replay.store: '))
  })

  it('has code that looks clients up, for the same file without clients', () => {
    expect(outcomes.withCodeAndClients).toEqual(refused('set `[[client]]` or `findClient` in code, not both'))
    expect(outcomes.withCode).toMatchObject({ stats })
  })
})

describeWithRedis('the code of docs/configuration-file.md that opens the replay store', () => {
  it('opens the one that the file names', async () => {
    const code = `${READ}\nif (!client.isReady) throw new Error('not connected')\nclient.destroy()`
    const toml = `${TOML}\n[replay]\nstore = "redis"\nurl = "${REDIS_URL}"`
    const { redis } = await outcomesOf({ redis: [code, toml] })
    expect(redis.stats).toHaveProperty('identityProviders')
  })
})
