import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange } from '../../src/index.js'
import { type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { AUTHORITY_CERTIFICATE } from '../support/certificate-chain.js'
import { createDeploymentFile } from '../support/deployment-file.js'
import { codeBlocks } from '../support/document-code.js'
import { GRANT_TYPE, startExchangeHost } from '../support/exchange-host.js'

const PAGE = 'docs/clients.md'
const HEAD = `
issuer = "https://api.example.com/oauth2"
subject = "namespaced"
[access_token]
audience = "https://api.example.com"
`
const PROVIDER = `
[[identity_provider]]
name = "https://users.example.com"
jwks_uri = "https://users.example.com/keys"
allowed_subjects = "any"
`
const file = createDeploymentFile()
let key: FakeKey
beforeAll(async () => {
  key = await generateFakeKey('ES256')
  file.writeBeside('reports.jwks.json', JSON.stringify({ keys: [key.publicJwk] }))
  file.writeBeside('client-authorities.pem', AUTHORITY_CERTIFICATE)
})
afterAll(() => file.remove())

function load(block: string) {
  file.write(HEAD + PROVIDER + block)
  return loadConfig(file.path, { env: {} })
}

describe('docs/clients.md', () => {
  const blocks = codeBlocks(PAGE, 'toml')
  const platform = blocks.find((each) => each.includes('system:serviceaccount')) ?? ''
  const isTableOfClients = (block: string) => block.includes('[[client]]')

  it.each(blocks.map((block, index) => [index + 1, block] as const))('has tables that can be used: %i', (_, block) => {
    const others = isTableOfClients(block) ? '' : (blocks.find(isTableOfClients) ?? '')
    createJwtExchange(load(block + others)).close()
  })

  it('has the clients of its code in a file as well', () => {
    const code = codeBlocks(PAGE, 'js').find((each) => each.includes('assertedBy')) ?? ''
    const clients: unknown = new Function(`${code}\nreturn clients`)()
    expect(load(platform).clients).toEqual(clients)
  })

  it('has code that makes a key pair, and an assertion that authenticates the client', async () => {
    const code = codeBlocks(PAGE, 'js')
    const generate = code.find((each) => each.includes('generateKeyPairSync')) ?? ''
    const sign = code.find((each) => each.includes('SignJWT')) ?? ''
    // Inside the package, so that jose resolves.
    const directory = mkdtempSync('example-app/dist/clients-')
    try {
      const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
      writeFileSync(join(directory, 'generate.mjs'), generate)
      const print = "console.log(await signClientAssertion(JSON.parse(readFileSync('reports.key.json', 'utf8'))))"
      writeFileSync(join(directory, 'sign.mjs'), `import { readFileSync } from 'node:fs'\n${sign}\n${print}`)
      const run = (script: string) => execFileSync(process.execPath, [script], { cwd: directory, encoding: 'utf8' })
      run('generate.mjs')
      const client = { clientId: 'reports', jwks: JSON.parse(read('reports.jwks.json')), scopes: ['orders:read'] }
      const host = await startExchangeHost({ exchange: { clients: [client] } })
      try {
        const form = {
          grant_type: GRANT_TYPE,
          assertion: await host.idp.issueAssertion(),
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: run('sign.mjs').trim(),
        }
        const response = await fetch(`${host.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
        expect(response.status).toBe(200)
      } finally {
        await host.close()
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('has the limits of client assertions that the code has', async () => {
    const { CLIENT_ASSERTION_LIMITS, MAX_CLIENT_ASSERTION_BYTES } = await import(
      '../../src/client-auth/private-key-jwt.js'
    )
    expect(CLIENT_ASSERTION_LIMITS).toMatchObject({ clockTolerance: 60, maxLifetime: 3600, maxAge: 3600 })
    expect(readFileSync(PAGE, 'utf8')).toContain(`at most ${MAX_CLIENT_ASSERTION_BYTES} bytes`)
  })
})
