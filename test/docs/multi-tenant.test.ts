import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { Pool } from 'pg'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { PostgresIdentityProviderStore } from '../../src/postgres.js'
import { codeBlocks } from '../support/document-code.js'
import { createDocumentSnippets, type DocumentSnippets } from '../support/document-snippets.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres } from '../support/services.js'

jest.setTimeout(60_000)

/** A role that is there on every server, and has no rights on the tables of the tests but those they give it. */
const OTHER_ROLE = 'pg_monitor'
const [CODE = ''] = codeBlocks('docs/multi-tenant.md', 'js', 'PostgreSQL')
const [TABLES = '', SEARCH = ''] = codeBlocks('docs/multi-tenant.md', 'sql', 'PostgreSQL')

const PAGE = readFileSync('docs/multi-tenant.md', 'utf8')
const [ENTRY = ''] = codeBlocks('docs/multi-tenant.md', 'json')

async function problemsOf(entry: unknown) {
  const exchange = createJwtExchange({
    issuer: ISSUER,
    findIdentityProvider: () => undefined,
    subject: 'namespaced',
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
  })
  try {
    return await exchange.checkIdentityProvider(entry)
  } finally {
    exchange.close()
  }
}

describe('docs/multi-tenant.md', () => {
  it('has an entry of a customer that can be registered', async () => {
    expect(await problemsOf(JSON.parse(ENTRY))).toEqual([])
  })

  it('names each option of that entry, and what the exchange requires', async () => {
    const { id: _, displayName: __, discovery: ___, alias: ____, ...bounds } = JSON.parse(ENTRY)
    for (const option of Object.keys(bounds)) expect(PAGE).toContain(`\`${option}`)
    expect(await problemsOf({ ...JSON.parse(ENTRY), subject: 'raw' })).toHaveLength(1)
  })

  it('names subpaths that the package has', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
    const named = [...PAGE.matchAll(/`express-jwt-exchange\/([\w-]+)`/g)].map(([, name]) => `./${name}`)
    expect(named.length).toBeGreaterThan(1)
    expect(named.filter((name) => !Object.hasOwn(exports, name))).toEqual([])
  })
})

describeWithPostgres('the section about PostgreSQL of docs/multi-tenant.md', () => {
  let schema: TestSchema
  let snippets: DocumentSnippets
  beforeAll(async () => {
    schema = await createSchema()
    snippets = createDocumentSnippets()
  })
  afterAll(async () => {
    snippets.remove()
    await schema.drop()
  })

  it('makes a store of a pool, and registers an identity provider', async () => {
    const code = CODE.replace('ProviderStore(pool)', `ProviderStore(pool, { schema: '${schema.name}' })`)
    const exported = await snippets.run(code, { DATABASE_URL }, 'pool')
    const store = exported.store as PostgresIdentityProviderStore
    expect(await store.find('https://login.acme.example')).toMatchObject([{ id: 'acme', displayName: 'Acme Inc.' }])
    await (exported.pool as Pool).end()
  })

  it('has the statements of createTable()', async () => {
    const created: string[] = []
    let isThere = false
    const query = async (text: string) => {
      if (text.startsWith('CREATE')) created.push(text)
      else isThere = created.length > 0 && !isThere
      return { rows: isThere ? [1] : [] }
    }
    await new PostgresIdentityProviderStore({ query }).createTable()
    expect(created).toHaveLength(5)
    expect(TABLES.trimEnd().split('\n')).toEqual(created.map((statement) => `${statement};`))
  })

  it('has statements after which nothing is missing, and names the rights that a role needs', async () => {
    await schema.query(
      TABLES.replaceAll('"public".', `${schema.name}.`).replaceAll('jwt_identity_providers', 'of_docs'),
    )
    await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${OTHER_ROLE}`)
    for (const table of ['of_docs', 'of_docs_changes']) {
      await schema.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema.name}.${table} TO ${OTHER_ROLE}`)
    }
    const pool = schema.openPool({ options: `-c role=${OTHER_ROLE}` })
    const store = new PostgresIdentityProviderStore(pool, { schema: schema.name, table: 'of_docs' })
    await store.createTable()
    const reported: unknown[] = []
    const stop = store.watch((change) => reported.push(change?.revision))
    await schema.query(`INSERT INTO ${schema.name}.of_docs_changes (id, name, enabled, at)
      SELECT 'old', 'old', true, now() - interval '2 hours' FROM generate_series(1, 2)`)
    const stored = await store.put({ id: 'a', name: 'a', discovery: true, allowedSubjects: 'any' })
    // undefined: the old changes were deleted before the watch read on from them, so anything may have changed.
    while (!reported.includes(stored.revision) && !reported.includes(undefined)) await pause(10)
    stop()
    const left = () => schema.query(`SELECT FROM ${schema.name}.of_docs_changes`)
    while ((await left()).length > 1) await pause(10)
    expect(await store.remove('a', { ifRevision: stored.revision })).toBe(true)
  })

  it('has statements for an index that searches use', async () => {
    const database = `jwt_exchange_${randomBytes(6).toString('hex')}`
    await schema.query(`CREATE DATABASE ${database}`)
    const url = new URL(DATABASE_URL)
    url.pathname = `/${database}`
    const pool = new Pool({ connectionString: url.href, max: 1 })
    try {
      const store = new PostgresIdentityProviderStore(pool)
      await store.createTable()
      await pool.query(SEARCH)
      await store.put({ id: 'acme', name: 'a', displayName: 'Acme Inc.', discovery: true, allowedSubjects: 'any' })
      await pool.query('SET enable_seqscan = off')
      await pool.query('SET enable_indexscan = off')
      const { rows } = await pool.query(
        `EXPLAIN SELECT FROM jwt_identity_providers WHERE search_text LIKE '%acme inc%'`,
      )
      expect(JSON.stringify(rows)).toContain('Bitmap Index Scan on jwt_identity_providers_search_text')
      expect(await store.list({ search: 'ACME INC' })).toMatchObject([{ id: 'acme' }])
    } finally {
      await pool.end()
      await schema.query(`DROP DATABASE ${database} WITH (FORCE)`)
    }
  })

  it('has the default names', async () => {
    const sent: string[] = []
    const query = async (text: string) => {
      sent.push(text)
      return { rows: [] }
    }
    await new PostgresIdentityProviderStore({ query }).find('a')
    expect(sent[0]).toContain('FROM "public"."jwt_identity_providers"')
  })
})
