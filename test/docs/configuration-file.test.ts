import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { generateSigningKey } from '../../src/index.js'
import { codeBlocks } from '../support/document-code.js'
import { describeWithRedis, REDIS_URL } from '../support/services.js'

const PAGE = 'docs/configuration-file.md'
const [TOML = ''] = codeBlocks(PAGE, 'toml')
const [LOAD = '', LOAD_WITH_CODE = '', LOAD_OF_OTHERS = '', READ = ''] = codeBlocks(PAGE, 'js')

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/configuration-file-')
  writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [generateSigningKey()] }))
})
afterAll(() => rmSync(directory, { recursive: true }))

async function statsOf(code: string, toml: string) {
  writeFileSync(join(directory, 'deployment.toml'), toml)
  writeFileSync(join(directory, 'load.mjs'), `${code}\nconsole.log(JSON.stringify(exchange.stats()))`)
  const { stdout } = await promisify(execFile)(process.execPath, ['load.mjs'], {
    cwd: directory,
    env: { ...process.env, APP_SECRET: 'a-secret-of-the-tests', NODE_OPTIONS: '' },
  })
  return JSON.parse(stdout)
}

describe('docs/configuration-file.md', () => {
  const identityProviders = [{ name: 'https://exampleidp.com/oauth2/default', state: 'never' }]

  it('has a file that its code loads', async () => {
    expect(await statsOf(LOAD, TOML)).toMatchObject({ identityProviders })
  })

  it('has code that ignores tables of other programs', async () => {
    const toml = `${TOML}\n[server]\nhostname = "localhost"\n`
    await expect(statsOf(LOAD, toml)).rejects.toThrow('server: unknown option')
    expect(await statsOf(LOAD_OF_OTHERS, toml)).toMatchObject({ identityProviders })
  })

  it('has code that reads the file, and opens no replay store if the file names none', async () => {
    expect(await statsOf(READ, TOML)).toMatchObject({ identityProviders })
    await expect(statsOf(READ, `${TOML}\n[replay]\nstore = "other"\nurl = "a"`)).rejects.toThrow('replay.store: ')
  })

  it('has code that looks clients up, for the same file without clients', async () => {
    await expect(statsOf(LOAD_WITH_CODE, TOML)).rejects.toThrow('set `[[client]]` or `findClient` in code, not both')
    expect(await statsOf(LOAD_WITH_CODE, TOML.replace(/^\[\[client\]\].*/ms, ''))).toMatchObject({ identityProviders })
  })
})

describeWithRedis('the code of docs/configuration-file.md that opens the replay store', () => {
  it('opens the one that the file names', async () => {
    const code = `${READ}\nif (!client.isReady) throw new Error('not connected')\nclient.destroy()`
    expect(await statsOf(code, `${TOML}\n[replay]\nstore = "redis"\nurl = "${REDIS_URL}"`)).toHaveProperty(
      'identityProviders',
    )
  })
})
