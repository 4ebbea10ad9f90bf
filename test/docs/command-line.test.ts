import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { COMMANDS, OPTIONS } from '../../src/cli/commands.js'
import type { TEMPLATE_VARIABLES } from '../../src/cli/deployment-template.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'

const DOCUMENT = readFileSync('docs/command-line.md', 'utf8')
const ISSUER = 'https://api.example.com/oauth2'

/** The section of each command, in the order of the document. */
const sections = new Map(
  DOCUMENT.split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text]),
)

let directory: string
let idp: FakeIdentityProvider
let env: Record<string, string | undefined>
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'command-line-'))
  idp = await FakeIdentityProvider.start({ alias: `${ISSUER}/token`, algorithm: 'ES256' })
  writeFileSync(join(directory, 'assertion.jwt'), await idp.issueAssertion())
  const values: Record<(typeof TEMPLATE_VARIABLES)[number], string> = {
    ISSUER,
    AUDIENCE: 'https://api.example.com',
    IDP_ISSUER: idp.name,
    IDP_JWKS_URI: idp.jwksUri,
    ALLOWED_SUBJECT: 'alice',
    APP_SECRET: 'the secret of the app in the tests',
  }
  env = { ...process.env, NODE_OPTIONS: '', ...values }
})
afterAll(async () => {
  await idp.close()
  rmSync(directory, { recursive: true })
})

/** The command of a section, as it is written there. */
async function runSection(command: string): Promise<string> {
  const [, script = ''] = /^```sh\n(.*?)^```$/ms.exec(sections.get(command) ?? '') ?? []
  expect(script).toMatch(new RegExp(`^npx express-jwt-exchange ${command}\\b.*\\n$`))
  const npx = `npx() { shift; ${process.execPath} ${resolve('dist/cli/main.js')} "$@"; }`
  return (await promisify(execFile)('bash', ['-c', `${npx}; ${script}`], { cwd: directory, env })).stdout
}

describe('docs/command-line.md', () => {
  it('has a section and a row for each command', () => {
    expect([...sections.keys()]).toEqual(Object.keys(COMMANDS))
    const rows = [...DOCUMENT.matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm)].map(([, name]) => name)
    expect(rows).toEqual(Object.keys(COMMANDS))
  })

  it('names every option, each in the section of its command', () => {
    for (const [name, { options }] of Object.entries(COMMANDS)) {
      // The section of explain has what check and explain share.
      for (const option of options)
        expect(sections.get(option === 'config' && name === 'check' ? 'explain' : name)).toContain(`--${option}`)
    }
    const named = new Set([...DOCUMENT.matchAll(/--(\w[\w-]*)/g)].map(([, option]) => option))
    expect([...named].sort()).toEqual([...Object.keys(OPTIONS), 'help'].sort())
  })

  it('has commands that work as they are written, one after the other', async () => {
    expect(await runSection('demo')).toContain('✓ got    200')
    await runSection('init')
    const [, line = ''] = /^```toml\n(.*?)^```$/ms.exec(sections.get('keygen') ?? '') ?? []
    expect(await runSection('keygen')).toContain(`\n${line}`)
    expect(statSync(join(directory, 'keys.json')).mode & 0o777).toBe(0o600)
    const path = join(directory, 'deployment.toml')
    writeFileSync(path, readFileSync(path, 'utf8').replace(`# ${line}`, line))
    expect(await runSection('check')).toContain('\nno problems, no notes\n')
    expect(await runSection('explain')).toMatch(/^accepted, unless it was used before\n/)
    mkdirSync(join(directory, 'identity-providers'))
    expect(await runSection('idp')).toBe('no identity providers\n')
  }, 60_000)
})
