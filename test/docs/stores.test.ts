import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { UNAVAILABLE_REASONS } from '../../src/errors/reason-codes.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import type { JwtExchangeOptions, ReplayOptions, ReplayStore } from '../../src/index.js'
import { PostgresReplayStore } from '../../src/replay/postgres-replay-store.js'
import { replayStoreContract } from '../../src/testing/index.js'
import { codeBlocks } from '../support/document-code.js'
import { createDocumentSnippets, type DocumentSnippets } from '../support/document-snippets.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres, describeWithRedis, REDIS_URL } from '../support/services.js'

jest.setTimeout(60_000)

const STORES = readFileSync('docs/stores.md', 'utf8')
const OPERATIONS = readFileSync('docs/operations.md', 'utf8')

function snippet(heading: string, language: string): string {
  return codeBlocks('docs/stores.md', language, heading)[0] ?? ''
}

let snippets: DocumentSnippets
beforeAll(() => {
  snippets = createDocumentSnippets()
})
afterAll(() => snippets.remove())

async function expectClaimedOnce(store: ReplayStore | undefined): Promise<void> {
  const key = randomBytes(32).toString('base64url')
  const expiresAt = Math.ceil(Date.now() / 1000) + 1
  expect([await store?.markUsed(key, expiresAt), await store?.markUsed(key, expiresAt)]).toEqual([true, false])
}

describe('docs/stores.md and docs/operations.md', () => {
  it('tell the defaults and the margin that the code has', () => {
    const [, margin] = /plus `clockTolerance`, plus (\d+) seconds/.exec(STORES) ?? []
    expect(readFileSync('src/assertion/mark-used.ts', 'utf8')).toContain(`MARGIN = ${margin}\n`)
    expect(readFileSync('src/replay/redis-replay-store.ts', 'utf8')).toContain("return 'jwt-replay:'")
    expect(STORES).toContain('| `prefix` | `jwt-replay:` |')
    const { replay } = readExchangeOptions(OPTIONS)
    expect(STORES).toContain(`timeout: ${replay.timeout} }`)
  })

  it('name reasons that there are', () => {
    const named = [...OPERATIONS.matchAll(/`(replay_store_\w+)`/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter((name) => !UNAVAILABLE_REASONS.some((reason) => reason === name))).toEqual([])
  })

  it('add the live entries up right', () => {
    expect(OPERATIONS.replaceAll(/\s+/g, ' ')).toContain('100 × 421 = 42 100 entries, 8 MB in Redis')
    const [, bytes] = /\| bytes per live entry \| \d+ \| (\d+) \|/.exec(OPERATIONS) ?? []
    expect(300 + 60 + 61).toBe(421)
    expect(Math.round((42_100 * Number(bytes)) / 1e6)).toBe(8)
  })
})

const OPTIONS: JwtExchangeOptions = {
  issuer: 'https://api.example.com/oauth2',
  identityProviders: [
    { name: 'https://exampleidp.com', allowedSubjects: 'any', jwksUri: 'https://exampleidp.com/keys' },
  ],
  clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
  accessToken: { audience: 'https://api.example.com' },
}

describeWithRedis('the snippets for Redis', () => {
  it('make a store of a client', async () => {
    const { replay, client } = await snippets.run(snippet('Redis and Valkey', 'js'), { REDIS_URL }, 'client')
    await expectClaimedOnce((replay as ReplayOptions).store)
    expect(readExchangeOptions({ ...OPTIONS, replay }).replay).toMatchObject(replay as object)
    ;(client as { destroy(): void }).destroy()
  })

  it('load a file that names a store', async () => {
    const path = join(snippets.directory, 'deployment.toml')
    const lines = [
      'issuer = "https://api.example.com/oauth2"',
      '[access_token]\naudience = "https://api.example.com"',
      '[[identity_provider]]\nname = "https://exampleidp.com"\njwks_uri = "https://exampleidp.com/keys"\nallowed_subjects = "any"',
      '[[client]]\nclient_id = "app"\nclient_secret = "s3cret-of-the-tests"',
      snippet('In a file', 'toml').replace('${REDIS_URL}', REDIS_URL),
    ]
    writeFileSync(path, lines.join('\n'))
    const code = snippet('In a file', 'js').replace("'deployment.toml'", JSON.stringify(path))
    const kept = code
      .replace('const client =', 'const client = kept[0] =')
      .replace('export', 'export const kept = []\nexport')
    const { options, kept: clients } = await snippets.run(kept, {})
    const [client] = clients as { isReady: boolean; destroy(): void }[]
    while (client?.isReady === false) await new Promise((resolve) => setTimeout(resolve, 10))
    await expectClaimedOnce((options as JwtExchangeOptions).replay?.store)
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
    const code = snippet('PostgreSQL', 'js').replace(
      'ReplayStore(pool)',
      `ReplayStore(pool, { schema: '${schema.name}' })`,
    )
    const { replay, pool } = await snippets.run(code, { DATABASE_URL }, 'pool')
    await expectClaimedOnce((replay as ReplayOptions).store)
    await (pool as { end(): Promise<void> }).end()
  })

  it('have the statements of createTable()', async () => {
    const created: string[] = []
    const query = async (text: string) => {
      if (text.startsWith('CREATE')) created.push(text)
      return { rows: created.slice(text.includes('pg_index') ? 1 : 0) }
    }
    await new PostgresReplayStore({ query }).createTable()
    expect(snippet('PostgreSQL', 'sql').trimEnd().split('\n')).toEqual(created.map((statement) => `${statement};`))
  })

  describe('the store of ten lines or so', () => {
    const table = 'used_assertions (id text PRIMARY KEY, expires_at double precision)'
    beforeAll(() => schema.query(`CREATE TABLE ${schema.name}.${table}`))
    const openPool = () => schema.openPool({ max: 1, idleTimeoutMillis: 200, options: `-c search_path=${schema.name}` })
    const storeOn = async (pool: ReturnType<typeof openPool>) => {
      const { createSqlReplayStore } = await snippets.run(snippet('A store of your own', 'js'), {})
      return (createSqlReplayStore as (database: unknown) => ReplayStore)(pool)
    }

    it('keeps its connection when it refuses a key', async () => {
      const pool = openPool()
      let closed = 0
      pool.on('remove', () => {
        closed += 1
      })
      for (let round = 0; round < 3; round += 1) await expectClaimedOnce(await storeOn(pool))
      expect([pool.totalCount, closed]).toEqual([1, 0])
    })

    for (const { name, run } of replayStoreContract(() => storeOn(openPool()))) it.concurrent(name, run)
  })
})
