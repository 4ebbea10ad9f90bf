import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange } from '../../src/index.js'
import { createDeploymentFile, deploymentOf } from '../support/deployment-file.js'

const OPERATIONS = readFileSync('docs/operations.md', 'utf8')
const SHELL_BLOCKS = [...OPERATIONS.matchAll(/```sh\n(.*?)```/gs)].map(([, script = '']) => script)

const file = createDeploymentFile()
afterAll(() => file.remove())

describe('docs/operations.md', () => {
  it('makes a signing key that a file can name, and nobody else can read', async () => {
    const script = SHELL_BLOCKS.find((block) => block.includes('keygen')) ?? ''
    const keys = file.writeBeside('empty.txt', '').replace('empty.txt', 'keys.json')
    const npx = `npx() { shift; ${process.execPath} dist/cli/main.js "$@"; }`
    execFileSync('sh', ['-c', `${npx}; ${script.replace('keys.json', keys)}`], {
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    file.write(
      deploymentOf()
        .replace('[access_token]', '[access_token]\nsigning_keys = "keys.json"')
        .concat(`[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/jwks"
allowed_subjects = "any"
`),
    )
    const events: string[] = []
    const exchange = createJwtExchange(loadConfig(file.path))
    exchange.events.on('signing_key.generated', () => events.push('generated'))
    await pause(0) // It is told right after creation.
    exchange.close()
    expect(execFileSync('ls', ['-l', keys], { encoding: 'utf8' })).toMatch(/^-rw-------/)
    expect(events).toEqual([])
  })

  it('names commands as the command line has them', () => {
    const commands = SHELL_BLOCKS.join('').match(/npx express-jwt-exchange \w+/g)
    expect(new Set(commands)).toEqual(
      new Set(['keygen', 'check', 'explain'].map((name) => `npx express-jwt-exchange ${name}`)),
    )
  })
})
