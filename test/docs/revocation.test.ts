import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { PostgresRevocationStore } from '../../src/postgres.js'
import type { RevocationStore } from '../../src/revocation/revocation-store.js'
import { revocationStoreContract } from '../../src/testing/index.js'
import { deploymentOf } from '../support/deployment-file.js'
import { codeBlocks } from '../support/document-code.js'
import { createDocumentSnippets, type DocumentSnippets } from '../support/document-snippets.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres, describeWithRedis, REDIS_URL } from '../support/services.js'

jest.setTimeout(60_000)

const DOCUMENT = 'docs/revocation.md'
const TEXT = readFileSync(DOCUMENT, 'utf8')
const [ofPostgres = '', ofRedis = '', ofFile = '', ofSql = ''] = codeBlocks(DOCUMENT, 'js')
const run = promisify(execFile)

let snippets: DocumentSnippets
beforeAll(() => {
  snippets = createDocumentSnippets()
})
afterAll(() => snippets.remove())

async function expectKept(store: RevocationStore | undefined): Promise<void> {
  const value = `docs ${Math.random()}`
  await store?.add([{ kind: 'token', value, expiresAt: Math.ceil(Date.now() / 1000) + 2 }])
  const page = await store?.read()
  expect(page?.revocations.map((each) => each.value)).toContain(value)
}

describe(DOCUMENT, () => {
  it('has the defaults that the code has', () => {
    const path = join(snippets.directory, 'defaults.toml')
    const provider =
      '[[identity_provider]]\nname = "https://a.example"\njwks_uri = "https://a.example/k"\nscopes = ["a"]\n'
    writeFileSync(path, `${deploymentOf()}${provider}[revocation]\n`)
    const { pollInterval, maxStale } = readExchangeOptions(loadConfig(path)).revocation
    expect([pollInterval, maxStale]).toEqual([500, 10_000])
    expect(TEXT).toContain('`pollInterval` (half a second)')
    expect(TEXT).toContain('`maxStale` (ten seconds)')
    expect(readFileSync('src/revocation/redis-revocation-store.ts', 'utf8')).toContain("return 'jwt-revocations:'")
  })

  it('has the statements of createTable()', async () => {
    const created: string[] = []
    const query = async (text: string) => {
      if (text.startsWith('CREATE')) created.push(text)
      return { rows: created.slice(text.includes('pg_index') ? 1 : 0) }
    }
    await new PostgresRevocationStore({ query }).createTable()
    const [sql = ''] = codeBlocks(DOCUMENT, 'sql')
    expect(sql.trimEnd().split('\n')).toEqual(created.map((statement) => `${statement};`))
  })
})

describe('the commands for clients', () => {
  let host: ExchangeHost
  beforeAll(async () => {
    const secret = 'a secret of the document'
    const clients = ['app', 'orders'].map((clientId) => ({ clientId, clientSecret: secret, scopes: ['orders:read'] }))
    host = await startExchangeHost({ exchange: { clients, introspection: true, revocation: {} } })
  })
  afterAll(() => host.close())

  const [revoke = '', introspect = ''] = codeBlocks(DOCUMENT, 'sh')
  const runOn = async (command: string, token: string) => {
    const secrets = { APP_SECRET: 'a secret of the document', ORDERS_SECRET: 'a secret of the document' }
    const quoted = command.replace(/-u (\S+)/, '-u "$1"').replace('https://api.example.com', host.url)
    const { stdout } = await run('sh', ['-c', `${quoted.trim()} --silent`], {
      env: { ...process.env, ...secrets, TOKEN: token },
    })
    return stdout
  }
  const obtain = async () => {
    const assertion = await host.idp.issueAssertion()
    const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
    const response = await fetch(`${host.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('app:a+secret+of+the+document').toString('base64')}` },
      body: new URLSearchParams(form),
    })
    return String(((await response.json()) as { access_token: string }).access_token)
  }

  it('introspect a token with the members of the example, and revoke it', async () => {
    const token = await obtain()
    const asApp = introspect.replace('orders:$ORDERS_SECRET', 'app:$APP_SECRET')
    const [example = ''] = codeBlocks(DOCUMENT, 'json')
    const answer = JSON.parse(await runOn(asApp, token))
    expect(Object.keys(answer)).toEqual(Object.keys(JSON.parse(example)))
    expect(JSON.parse(await runOn(introspect, token))).toEqual({ active: false })
    expect(await runOn(revoke, token)).toBe('')
    expect(JSON.parse(await runOn(asApp, token))).toEqual({ active: false })
  })
})

describeWithRedis('the snippets for Redis', () => {
  it('make a store of a client', async () => {
    const { revocation, client } = await snippets.run(ofRedis, { REDIS_URL }, 'client')
    await expectKept((revocation as { store: RevocationStore }).store)
    ;(client as { destroy(): void }).destroy()
  })

  it('load a file that names a store', async () => {
    const path = join(snippets.directory, 'deployment.toml')
    const [toml = ''] = codeBlocks(DOCUMENT, 'toml')
    const provider =
      '[[identity_provider]]\nname = "https://a.example"\njwks_uri = "https://a.example/k"\nscopes = ["a"]\n'
    writeFileSync(path, `${deploymentOf()}${provider}${toml.replace('${REDIS_URL}', REDIS_URL)}`)
    const code = ofFile
      .replace("'deployment.toml'", JSON.stringify(path))
      .replace('const client =', 'const client = kept[0] =')
      .replace('export', 'export const kept = []\nexport')
    const { options, kept } = await snippets.run(code, {})
    const [client] = kept as { isReady: boolean; destroy(): void }[]
    while (client?.isReady === false) await new Promise((resolve) => setTimeout(resolve, 10))
    const { revocation } = options as { revocation: { store: RevocationStore; maxStale: number } }
    await expectKept(revocation.store)
    expect(revocation.maxStale).toBe(5000)
    client?.destroy()
  })
})

describeWithPostgres('the snippets for PostgreSQL', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchema()
  })
  afterAll(() => schema.drop())

  it('make a store of a pool', async () => {
    const code = ofPostgres.replace('RevocationStore(pool)', `RevocationStore(pool, { schema: '${schema.name}' })`)
    const { revocation, pool } = await snippets.run(code, { DATABASE_URL }, 'pool')
    await expectKept((revocation as { store: RevocationStore }).store)
    await (pool as { end(): Promise<void> }).end()
  })

  describe('the store of twenty lines or so', () => {
    const columns = 'kind text, value text, issued_before double precision, expires_at double precision'
    beforeAll(() => schema.query(`CREATE TABLE ${schema.name}.revocations (${columns})`))
    let imported: Promise<Record<string, unknown>> | undefined
    const makeStore = async () => {
      const pool = schema.openPool({ max: 1, idleTimeoutMillis: 200, options: `-c search_path=${schema.name}` })
      imported ??= snippets.run(ofSql, {})
      const { createSqlRevocationStore } = await imported
      return (createSqlRevocationStore as (database: unknown) => RevocationStore)(pool)
    }
    // It is for a few thousand revocations, and takes long for many.
    const cases = revocationStoreContract(makeStore).filter(({ name }) => !name.includes('1200'))
    for (const { name, run: runCase } of cases) it.concurrent(name, runCase)
  })
})
