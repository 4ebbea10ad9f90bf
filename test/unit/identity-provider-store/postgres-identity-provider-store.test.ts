import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { Client, Pool, type PoolConfig } from 'pg'
import type {
  IdentityProviderRegistration,
  StoredRegistration,
} from '../../../src/identity-provider-store/identity-provider-store.js'
import {
  type PostgresConnectionPool,
  PostgresIdentityProviderStore,
  type PostgresIdentityProviderStoreOptions,
  PostgresReplayStore,
} from '../../../src/postgres.js'
import { createSchema, openTestPool, type TestSchema } from '../../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres } from '../../support/services.js'

jest.setTimeout(60_000)

/** Jest fails a test that leaves a rejection unhandled, when it is told in time. */
afterEach(() => pause(0))

interface Statement {
  text: string
  values: unknown[]
}

/** A pool of no server. It remembers what it was sent, and answers each statement with these rows. */
function fakePool(rows: unknown[] = []) {
  const sent: Statement[] = []
  const query = async (text: string, values: unknown[] = []) => {
    sent.push({ text, values })
    return { rows }
  }
  return { sent, query }
}

/** Remembers what a store sends. */
function spyOn(pool: Pool) {
  const sent: Statement[] = []
  const query = (text: string, values: unknown[] = []) => {
    sent.push({ text, values })
    return pool.query(text, values)
  }
  return { sent, query }
}

function registrationOf(id: string, members: object = {}): IdentityProviderRegistration {
  return { id, name: `https://${id}.example`, jwksUri: 'https://idp.example/jwks', allowedSubjects: 'any', ...members }
}

function withoutRevision({ revision: _, updatedAt: __, ...registration }: StoredRegistration): unknown {
  return registration
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in settled) throw new Error(`it resolved with ${JSON.stringify(settled.value)}`)
  return settled.error
}

describe('the options of a PostgreSQL identity provider store', () => {
  it.each<[string, unknown]>([
    ['empty', ''],
    ['of 51 bytes', 'a'.repeat(51)],
    ['of 52 bytes in 26 characters', 'ü'.repeat(26)],
    ['with a NUL in it', 'a\0b'],
    ['a number', 7],
    ['null', null],
    ['undefined', undefined],
  ])('refuse a name that is %s', (_, name) => {
    for (const option of ['schema', 'table']) {
      const options = { [option]: name } as PostgresIdentityProviderStoreOptions
      expect(() => new PostgresIdentityProviderStore(fakePool(), options)).toThrow(
        expect.objectContaining({
          name: 'ConfigError',
          problems: [expect.objectContaining({ path: ['PostgresIdentityProviderStore', option] })],
        }),
      )
    }
  })

  it('refuse a schema of the system, and an option that does not exist', () => {
    const create = (options: object) => () => new PostgresIdentityProviderStore(fakePool(), options)
    expect(create({ schema: 'pg_temp' })).toThrow('not beginning with pg_')
    expect(create({ tabel: 'providers' })).toThrow('did you mean `table`?')
    expect(create({ table: 'pg_temp' })).not.toThrow()
    expect(create({})).not.toThrow()
  })

  it.each<unknown>([undefined, null, {}, { query: 'SELECT' }, { connect: () => {} }, DATABASE_URL])(
    'need a pool: %p is refused',
    (pool) => {
      expect(() => new PostgresIdentityProviderStore(pool as PostgresConnectionPool)).toThrow(
        expect.objectContaining({
          name: 'ConfigError',
          problems: [expect.objectContaining({ path: ['PostgresIdentityProviderStore', 'pool'] })],
        }),
      )
    },
  )

  it('take a Pool of pg by its type, but not a Client, which cannot lend a connection', () => {
    expect(() => new PostgresIdentityProviderStore(new Pool())).not.toThrow()
    // @ts-expect-error
    expect(() => new PostgresIdentityProviderStore(new Client())).not.toThrow()
  })
})

describe('the pool of a PostgreSQL identity provider store', () => {
  it.each(['', ' ', ' a', 'a\0b', 'a\uD800', '\uDC00a', 'a\nb', 'a\u200Bb', 'x'.repeat(1001)])(
    'is not asked for the id or the name %j, nor for a registration that has it',
    async (text) => {
      const pool = fakePool()
      const store = new PostgresIdentityProviderStore(pool)
      expect([await store.get(text), await store.find(text), await store.remove(text)]).toEqual([undefined, [], false])
      expect(await errorOf(store.put({ ...registrationOf('a'), id: text }))).toMatchObject({ name: 'TypeError' })
      expect(await errorOf(store.put(registrationOf('a', { name: text })))).toMatchObject({ name: 'TypeError' })
      expect(await errorOf(store.remove(text, { ifRevision: '1' }))).toMatchObject({ code: 'revision_conflict' })
      expect(pool.sent).toEqual([])
    },
  )

  it.each([0, -1, 1001, 1.5, Number.NaN, Infinity, '10', null])('is not asked for a list of %p', async (limit) => {
    const pool = fakePool()
    const error = await errorOf(new PostgresIdentityProviderStore(pool).list({ limit: limit as number }))
    expect(error).toMatchObject({ name: 'TypeError', message: 'limit: expected a whole number from 1 to 1000' })
    expect(pool.sent).toEqual([])
  })

  it('is sent each value apart from the statement, which is always the same', async () => {
    const pool = fakePool([{ registration: '{}', updated_at: 1_800_000_000 }])
    const store = new PostgresIdentityProviderStore(pool)
    const odd = `'; DROP TABLE "x"; -- $1`
    for (const text of ['a', odd]) {
      await store.put(registrationOf(text, { name: text, displayName: text }), { ifRevision: text })
      await store.find(text)
      await store.get(text)
      await store.list({ after: text, search: text })
      await store.remove(text, { ifRevision: text })
    }
    const statements = pool.sent
      .map(({ text }) => text)
      .filter((text) => !text.includes('DELETE FROM "public"."jwt_identity_providers_changes"'))
    expect(statements.slice(5)).toEqual(statements.slice(0, 5))
    expect(pool.sent.filter(({ text }) => text.includes('DROP TABLE'))).toEqual([])
  })

  it('is sent a text that PostgreSQL cannot have in a form that it can', async () => {
    const pool = fakePool()
    const store = new PostgresIdentityProviderStore(pool)
    await store.list({ after: 'a\0\uD800', search: 'B\0\uD800%_\\' })
    await errorOf(store.put(registrationOf('a'), { ifRevision: 'a\0\uD800' }))
    await errorOf(store.remove('a', { ifRevision: '\0' }))
    expect(pool.sent[0]?.values).toEqual(['00610000d800', 100, '%b\\\\u0000\\\\ud800\\%\\_\\\\\\\\%'])
    const values = pool.sent.flatMap((each) => each.values).filter((value) => typeof value === 'string')
    expect(values.filter((value) => value.includes('\0') || !value.isWellFormed())).toEqual([])
  })

  it('gets one more listener, for any number of stores of both kinds, and may emit errors', () => {
    const pool = Object.assign(new EventEmitter(), fakePool())
    for (let index = 0; index < 12; index += 1) new PostgresIdentityProviderStore(pool, { table: `t${index}` })
    new PostgresReplayStore(pool)
    expect(pool.listenerCount('error')).toBe(1)
    expect(() => pool.emit('error', new Error('the connection is lost'))).not.toThrow()
  })

  it('may throw instead of rejecting', async () => {
    const error = new Error('no connection')
    const query = () => {
      throw error
    }
    const store = new PostgresIdentityProviderStore({ query })
    expect(await errorOf(store.find('a'))).toBe(error)
    expect(await errorOf(store.put(registrationOf('a')))).toBe(error)
  })
})

describeWithPostgres('the PostgreSQL identity provider store', () => {
  let schema: TestSchema
  let tables = 0
  const opened: Pool[] = []
  beforeAll(async () => {
    schema = await createSchema()
  })
  // The server is shared, and has room for a hundred connections.
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pool) => pool.end()))
  })
  afterAll(() => schema.drop())

  /** Ended after the test. */
  function openPool(config: PoolConfig = {}): Pool {
    const pool = openTestPool({ max: 4, ...config })
    opened.push(pool)
    return pool
  }

  function storeOn(name: string, pool: PostgresConnectionPool = openPool()): PostgresIdentityProviderStore {
    return new PostgresIdentityProviderStore(pool, { schema: schema.name, table: name })
  }

  /** A store on a fresh table. */
  async function setUp(config: PoolConfig = {}) {
    tables += 1
    const name = `providers_${tables}`
    await storeOn(name).createTable()
    const pool = openPool(config)
    const spy = spyOn(pool)
    return { name, table: `${schema.name}.${name}`, pool, sent: spy.sent, store: storeOn(name, spy) }
  }

  async function changesOf(table: string): Promise<unknown[]> {
    return await schema.query(`SELECT id, name, revision, enabled FROM ${table}_changes ORDER BY sequence`)
  }

  describe('under any name', () => {
    it.each([
      'a"b',
      '"',
      'a.b',
      `'; DROP TABLE x; --`,
      'UPPER',
      ' ',
      'back\\slash',
      '$1',
      'line\nbreak',
      '😀',
      'select',
      'ü'.repeat(25),
    ])('keeps registrations in a schema and a table %j', async (name) => {
      const suffix = randomBytes(6).toString('hex')
      const schemaName = name.slice(0, name.length - Math.max(0, Buffer.byteLength(name + suffix) - 50)) + suffix
      await schema.query(`CREATE SCHEMA ${quoted(schemaName)}`)
      try {
        const store = new PostgresIdentityProviderStore(openPool(), { schema: schemaName, table: name })
        await store.createTable()
        const reported: unknown[] = []
        const stop = store.watch((change) => reported.push(change?.revision))
        const stored = await store.put(registrationOf('a'))
        expect(await store.find('https://a.example')).toEqual([stored])
        while (!reported.includes(stored.revision)) await pause(10)
        stop()
        const found = await schema.query('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [
          schemaName,
        ])
        expect(found).toEqual([{ tablename: name }, { tablename: `${name}_changes` }])
      } finally {
        await schema.query(`DROP SCHEMA ${quoted(schemaName)} CASCADE`)
      }
    })

    it('keeps the longest names apart that differ in their last byte', async () => {
      const names = ['x', 'y', 'X'].map((end) => 'n'.repeat(49) + end)
      for (const name of names) await storeOn(name).createTable()
      for (const name of names) await storeOn(name).put(registrationOf(name.slice(-1)), { ifRevision: null })
      for (const name of names) expect((await storeOn(name).list()).map(({ id }) => id)).toEqual([name.slice(-1)])
    })
  })

  describe('its tables', () => {
    it('are created by any number of processes at the same time', async () => {
      const pools = Array.from({ length: 8 }, () => openPool({ max: 1 }))
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(pools.map((pool) => pool.query('SELECT 1')))
        const stores = pools.map((pool) => storeOn(`race_${round}`, pool))
        await Promise.all(stores.map((store) => store.createTable()))
        const puts = stores.map((store, index) => store.put(registrationOf(`${index}`)))
        expect(await Promise.all(puts)).toHaveLength(8)
        const [row] = await schema.query(
          `SELECT count(*)::int AS indexes FROM pg_indexes WHERE schemaname = $1 AND tablename = $2`,
          [schema.name, `race_${round}`],
        )
        expect(row?.indexes).toBe(4)
      }
    })

    it('are not changed by createTable() if they exist', async () => {
      const { store, sent } = await setUp()
      const stored = await store.put(registrationOf('a'))
      sent.length = 0
      await store.createTable()
      expect(sent.filter(({ text }) => text.startsWith('CREATE'))).toEqual([])
      expect(await store.get('a')).toEqual(stored)
    })

    it('may be missing: each call then says which one, and to call createTable()', async () => {
      const pool = openPool()
      const store = new PostgresIdentityProviderStore(pool, { schema: schema.name, table: 'no_such_table' })
      const message = `the table "${schema.name}"."no_such_table" is missing; call createTable(), or check the options \`schema\` and \`table\``
      const calls = [
        store.find('a'),
        store.list(),
        store.get('a'),
        store.put(registrationOf('a')),
        store.put(registrationOf('a'), { ifRevision: null }),
        store.remove('a'),
        store.remove('a', { ifRevision: 'b' }),
      ]
      for (const call of calls) {
        expect(await errorOf(call)).toMatchObject({ message, code: '42P01', cause: { code: '42P01' } })
      }
      const elsewhere = new PostgresIdentityProviderStore(pool, { schema: 'no_such_schema' })
      expect(await errorOf(elsewhere.find('a'))).toMatchObject({ message: expect.stringContaining('"no_such_schema"') })
      expect(await errorOf(elsewhere.createTable())).toMatchObject({ code: '3F000' })
    })

    it('are refused if something else has their name', async () => {
      await schema.query(`CREATE TABLE ${schema.name}.orders (id int PRIMARY KEY)`)
      expect(await errorOf(storeOn('orders').createTable())).toMatchObject({ code: '42703' })
    })
  })

  describe('a registration', () => {
    it('comes back as it was, with SQL in every text', async () => {
      const { store, name } = await setUp()
      const sql = `'); DROP TABLE ${schema.name}.${name}; -- " $1 \\ % _ $$ E'\\000' \${x}`
      const registration = registrationOf(sql, {
        ...{ name: sql, displayName: sql, description: sql, scopes: [sql], headers: { [sql]: sql } },
      })
      const stored = await store.put(registration)
      expect(withoutRevision(stored)).toEqual(registration)
      for (const found of [await store.get(sql), ...(await store.find(sql)), ...(await store.list({ search: sql }))]) {
        expect(found).toEqual(stored)
      }
      expect(await store.remove(sql, { ifRevision: stored.revision })).toBe(true)
      expect(await store.list()).toEqual([])
    })

    it('may have an id and a name from each plane of Unicode that has visible characters', async () => {
      const { store } = await setUp()
      const planes = [0x41, 0xe9, 0x4e2d, 0xffed, 0x1_f600, 0x2_0000, 0x3_0000, 0xf_0000, 0x10_fffd]
      const characters = planes.map((codePoint) => String.fromCodePoint(codePoint))
      const texts = [...characters, characters.join(''), ...characters.map((each) => each.repeat(200 / each.length))]
      const stored = await Promise.all(texts.map((text) => store.put(registrationOf(text, { name: text }))))
      for (const [index, text] of texts.entries()) {
        expect([await store.get(text), ...(await store.find(text))]).toEqual([stored[index], stored[index]])
      }
      expect((await store.list()).map(({ id }) => id)).toEqual([...texts].sort())
    })

    it('keeps each character that JSON can have, also NUL and halves of characters, and is found by them', async () => {
      const { store, table } = await setUp()
      const odd = [
        '\0',
        '\uD800',
        '\uDC00',
        '\u007F',
        '\u2028',
        '\uFFFE',
        '\u{1F600}',
        '\u{E0001}',
        '"',
        '\\',
        '\n',
      ].join('x')
      const registration = registrationOf('a', { displayName: odd, description: odd, headers: { [odd]: odd } })
      const stored = await store.put(registration)
      expect(withoutRevision(stored)).toEqual(registration)
      expect(await store.get('a')).toEqual(stored)
      for (const search of [odd, '\0', '\uD800', 'x\u{1F600}x', '"', '\\']) {
        expect([search, await store.list({ search })]).toEqual([search, [stored]])
      }
      expect(await store.list({ search: 'y' })).toEqual([])
      const [row] = await schema.query(`SELECT registration::text AS text FROM ${table}`)
      expect(row?.text).toBe(JSON.stringify(registration))
    })

    it('may have 256 KiB as JSON, and not more', async () => {
      const { store, table } = await setUp()
      const empty = JSON.stringify(registrationOf('a', { description: '' })).length
      for (const character of ['x', '語']) {
        const registration = registrationOf('a', { description: character.repeat(262_144 - empty) })
        expect(withoutRevision(await store.put(registration))).toEqual(registration)
        expect(await store.get('a')).toMatchObject(registration)
      }
      const before = await changesOf(table)
      const tooLong = registrationOf('a', { description: 'x'.repeat(262_145 - empty) })
      expect(await errorOf(store.put(tooLong))).toMatchObject({ name: 'TypeError' })
      expect(await changesOf(table)).toEqual(before)
    })

    it('has the time of the server in whole seconds', async () => {
      const { store, table } = await setUp()
      const { updatedAt } = await store.put(registrationOf('a'))
      const [row] = await schema.query(`SELECT floor(extract(epoch FROM updated_at))::float8 AS at FROM ${table}`)
      expect([updatedAt, (await store.get('a'))?.updatedAt]).toEqual([row?.at, row?.at])
    })

    it('is switched off if somebody has only set its column', async () => {
      const { store, table } = await setUp()
      await store.put(registrationOf('a', { enabled: true }))
      await schema.query(`UPDATE ${table} SET enabled = false`)
      expect(await store.find('https://a.example')).toMatchObject([{ enabled: false }])
      await schema.query(`UPDATE ${table} SET enabled = true`)
      await store.put(registrationOf('a', { enabled: false }))
      await schema.query(`UPDATE ${table} SET enabled = true`)
      expect(await store.find('https://a.example')).toMatchObject([{ enabled: false }])
    })
  })

  describe('a call', () => {
    it('is one statement, and a second one after a conflict', async () => {
      const { store, sent } = await setUp()
      await store.put(registrationOf('first'))
      while (sent.length < 2) await pause(5) // Old changes are deleted after the first write.
      const statementsOf = async (call: () => Promise<unknown>) => {
        sent.length = 0
        await call().catch(() => {})
        return sent.length
      }
      const put = (ifRevision: string | null) => () => store.put(registrationOf('first'), { ifRevision })
      expect(await statementsOf(() => store.find('https://first.example'))).toBe(1)
      expect(await statementsOf(() => store.find('https://unknown.example'))).toBe(1)
      expect(await statementsOf(() => store.list({ search: 'f', enabled: true }))).toBe(1)
      expect(await statementsOf(() => store.put(registrationOf('first')))).toBe(1)
      expect(await statementsOf(() => store.remove('unknown'))).toBe(1)
      expect(await statementsOf(put(null))).toBe(2)
      expect(await statementsOf(put('other'))).toBe(2)
    })

    it('keeps its connection when it is refused', async () => {
      const { store, pool, table } = await setUp()
      let closed = 0
      pool.on('remove', () => {
        closed += 1
      })
      await store.put(registrationOf('a'))
      for (const ifRevision of [null, 'other']) {
        expect(await errorOf(store.put(registrationOf('a'), { ifRevision }))).toMatchObject({
          code: 'revision_conflict',
        })
        expect(await errorOf(store.remove('a', { ifRevision }))).toMatchObject({ code: 'revision_conflict' })
      }
      expect([closed, (await changesOf(table)).length]).toEqual([0, 1])
    })

    it('records each change that it makes, and no other', async () => {
      const { store, table } = await setUp()
      const added = await store.put(registrationOf('a'), { ifRevision: null })
      const disabled = await store.put(registrationOf('a', { enabled: false }), { ifRevision: added.revision })
      const moved = await store.put(registrationOf('a', { name: 'b' }))
      await store.remove('a', { ifRevision: moved.revision })
      await store.remove('a')
      await errorOf(store.put(registrationOf('a'), { ifRevision: moved.revision }))
      expect(await changesOf(table)).toEqual([
        { id: 'a', name: 'https://a.example', revision: added.revision, enabled: true },
        { id: 'a', name: 'https://a.example', revision: disabled.revision, enabled: false },
        { id: 'a', name: 'b', revision: moved.revision, enabled: true },
        { id: 'a', name: 'b', revision: null, enabled: false },
      ])
    })

    it('waits while the table is locked, and writes nothing if that takes too long', async () => {
      const { store, table } = await setUp({ statement_timeout: 300 })
      const before = await store.put(registrationOf('a'))
      const client = await openPool().connect()
      try {
        await client.query('BEGIN')
        await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
        const calls = [store.find('https://a.example'), store.put(registrationOf('a')), store.remove('a')]
        for (const call of calls) expect(await errorOf(call)).toMatchObject({ code: '57014' })
        await client.query('ROLLBACK')
        await client.query('BEGIN')
        await client.query(`LOCK TABLE ${table}_changes IN ACCESS EXCLUSIVE MODE`)
        expect(await errorOf(store.put(registrationOf('a', { enabled: false })))).toMatchObject({ code: '57014' })
        expect(await store.find('https://a.example')).toEqual([before])
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
      expect([await store.get('a'), (await changesOf(table)).length]).toEqual([before, 1])
    })
  })

  describe('writers at the same time', () => {
    it('are 50 for one registration: each change is recorded, and the last one is in force', async () => {
      const { name, table } = await setUp()
      const stores = Array.from({ length: 4 }, () => storeOn(name))
      const puts = Array.from({ length: 50 }, (_, index) =>
        stores[index % 4]?.put(registrationOf('a', { description: `${index}` })),
      )
      const revisions = (await Promise.all(puts)).map((stored) => stored?.revision)
      const changes = (await changesOf(table)) as { revision: string }[]
      expect(new Set(changes.map(({ revision }) => revision))).toEqual(new Set(revisions))
      expect((await stores[0]?.get('a'))?.revision).toBe(changes.at(-1)?.revision)
    })

    it('are 50 for different registrations, while others remove and add one of them', async () => {
      const { name, table } = await setUp()
      const stores = Array.from({ length: 4 }, () => storeOn(name))
      const writes = Array.from({ length: 50 }, async (_, index) => {
        const store = stores[index % 4]
        await store?.put(registrationOf(`${index % 25}`))
        if (index % 5 === 0) await store?.remove(`${index % 25}`)
      })
      await Promise.all(writes)
      const changes = (await changesOf(table)) as { id: string; revision: string | null }[]
      const last = new Map(changes.map(({ id, revision }) => [id, revision]))
      const stored = new Map((await stores[0]?.list())?.map(({ id, revision }) => [id, revision]))
      expect([...last].filter(([, revision]) => revision !== null).sort()).toEqual([...stored].sort())
    })

    it('get their numbers in the order of their commits', async () => {
      const { name, table } = await setUp()
      const slow = await openPool().connect()
      await slow.query('BEGIN')
      const inTransaction = (text: string, values?: unknown[]) => slow.query(text, values)
      await storeOn(name, { query: inTransaction }).put(registrationOf('first'))
      let isAnswered = false
      const second = storeOn(name)
        .put(registrationOf('second'))
        .finally(() => {
          isAnswered = true
        })
      await pause(200)
      const [isWaiting, seen] = [!isAnswered, await changesOf(table)]
      await slow.query('COMMIT')
      slow.release()
      await second
      expect([isWaiting, seen]).toEqual([true, []])
      expect(await changesOf(table)).toMatchObject([{ id: 'first' }, { id: 'second' }])
    })

    it('of different tables do not wait for each other', async () => {
      const [one, other] = [await setUp(), await setUp()]
      const slow = await openPool().connect()
      await slow.query('BEGIN')
      await storeOn(one.name, { query: (text: string, values?: unknown[]) => slow.query(text, values) }).put(
        registrationOf('a'),
      )
      expect(await other.store.put(registrationOf('a'))).toMatchObject({ id: 'a' })
      await slow.query('ROLLBACK')
      slow.release()
      expect(await one.store.get('a')).toBeUndefined()
    })

    it('lose nothing under a stricter isolation level, but may be refused', async () => {
      const { name, table } = await setUp()
      const stores = ['repeatable read', 'serializable'].map((level) =>
        storeOn(name, openPool({ options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}` })),
      )
      const puts = Array.from({ length: 40 }, (_, index) => stores[index % 2]?.put(registrationOf(`${index % 3}`)))
      const outcomes = await Promise.allSettled(puts)
      const written = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value?.revision] : []))
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      expect(refused.filter(({ code }) => code !== '40001')).toEqual([])
      const changes = (await changesOf(table)) as { revision: string }[]
      expect(new Set(changes.map(({ revision }) => revision))).toEqual(new Set(written))
    })
  })

  describe('old changes', () => {
    const age = (table: string, condition = 'true') =>
      schema.query(`UPDATE ${table}_changes SET at = at - interval '2 hours' WHERE ${condition}`)
    const untilDeleted = async (table: string, left: number) => {
      for (;;) {
        const { length } = await changesOf(table)
        if (length <= left) return length
        await pause(10)
      }
    }

    it('are deleted after an hour, in the background, all but the newest one', async () => {
      const { name, table } = await setUp()
      await schema.query(`INSERT INTO ${table}_changes (id, name, enabled, at)
        SELECT i::text, 'a', true, now() - interval '61 minutes' FROM generate_series(1, 3500) AS i`)
      await storeOn(name).put(registrationOf('a'))
      expect(await untilDeleted(table, 1)).toBe(1)
      await age(table)
      await storeOn(name).remove('unknown')
      await storeOn(name).put(registrationOf('b'))
      expect(await untilDeleted(table, 1)).toBe(1)
      expect(await changesOf(table)).toMatchObject([{ id: 'b' }])
    })

    it('are kept for an hour, and if another process is deleting them', async () => {
      const { name, table } = await setUp()
      await schema.query(`INSERT INTO ${table}_changes (id, name, enabled, at)
        SELECT i::text, 'a', true, now() - (69.5 - i) * interval '1 minute' FROM generate_series(1, 20) AS i`)
      const client = await openPool().connect()
      await client.query('BEGIN')
      await client.query(`SELECT * FROM ${table}_changes WHERE id = '3' FOR UPDATE`)
      try {
        await storeOn(name).put(registrationOf('a'))
        await untilDeleted(table, 13)
        const left = ['3', ...Array.from({ length: 11 }, (_, index) => `${index + 10}`), 'a']
        expect(await changesOf(table)).toMatchObject(left.map((id) => ({ id })))
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
    })

    it('may stay if the role may not delete them', async () => {
      const { name, table } = await setUp()
      await schema.query(`CREATE FUNCTION ${schema.name}.forbid() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'told to fail' USING ERRCODE = '42501'; END $$`)
      await schema.query(
        `CREATE TRIGGER fails BEFORE DELETE ON ${table}_changes EXECUTE FUNCTION ${schema.name}.forbid()`,
      )
      const store = storeOn(name)
      await store.put(registrationOf('a'))
      await age(table)
      for (let write = 0; write < 101; write += 1) await store.put(registrationOf('a'))
      expect(await changesOf(table)).toHaveLength(102)
    })
  })
})

describeWithPostgres('a table with many registrations', () => {
  const ROWS = 20_000
  const database = `jwt_exchange_${randomBytes(6).toString('hex')}`
  let admin: Pool
  let pool: Pool
  let sent: Statement[]
  let store: PostgresIdentityProviderStore

  beforeAll(async () => {
    admin = new Pool({ connectionString: DATABASE_URL, max: 1 })
    await admin.query(`CREATE DATABASE ${database}`)
    const url = new URL(DATABASE_URL)
    url.pathname = `/${database}`
    pool = new Pool({ connectionString: url.href, max: 2 })
    pool.on('error', () => {}) // A connection that is being closed when the database goes.
    const spy = spyOn(pool)
    sent = spy.sent
    store = new PostgresIdentityProviderStore(spy)
    await store.createTable()
    await pool.query(
      `INSERT INTO jwt_identity_providers
        SELECT id, decode(regexp_replace(encode(convert_to(id, 'UTF8'), 'hex'), '(..)', '00\\1', 'g'), 'hex'), 'https://' || id,
          id || E'\\nhttps://' || id || E'\\nTenant', i % 100 <> 0, i::text, json_build_object('id', id, 'filler', repeat('x', 300)), now()
        FROM (SELECT i, 'tenant-' || md5(i::text) AS id FROM generate_series(1, $1::int) AS i) AS ids`,
      [ROWS],
    )
    await pool.query('VACUUM ANALYZE jwt_identity_providers')
  })
  afterAll(async () => {
    await pool.end()
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
    await admin.end()
  })

  /** How PostgreSQL reads what a call asks for. */
  async function planOf(call: () => Promise<unknown>): Promise<string> {
    sent.length = 0
    await call()
    const [{ text, values } = { text: '', values: [] }] = sent
    const { rows } = await pool.query(`EXPLAIN ${text}`, values)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }

  const someId = 'tenant-f1c1592588411002af340cbaedd6fc33'

  it.each<[string, () => Promise<unknown>, string]>([
    ['find', () => store.find(`https://${someId}`), 'jwt_identity_providers_name'],
    ['get', () => store.get(someId), 'jwt_identity_providers_pkey'],
    ['list', () => store.list(), 'jwt_identity_providers_id_utf16'],
    ['list after an id', () => store.list({ after: someId }), 'jwt_identity_providers_id_utf16'],
    ['list those that are on', () => store.list({ enabled: true }), 'jwt_identity_providers_enabled'],
    ['list those that are off', () => store.list({ enabled: false, limit: 100 }), 'jwt_identity_providers_enabled'],
    ['put', () => store.put(registrationOf('a'), { ifRevision: 'b' }).catch(() => {}), 'jwt_identity_providers_pkey'],
  ])('is read by an index, not row by row: %s', async (_, call, index) => {
    const plan = await planOf(call)
    expect(plan).toContain(index)
    expect(plan).not.toContain('Seq Scan on jwt_identity_providers')
  })

  it('is searched by an index of trigrams if there is one', async () => {
    const search = () => store.list({ search: someId.slice(7, 20).toUpperCase() })
    expect(await planOf(search)).toContain('Seq Scan')
    await pool.query('CREATE EXTENSION pg_trgm')
    await pool.query('CREATE INDEX ON jwt_identity_providers USING gin (search_text gin_trgm_ops)')
    await pool.query('ANALYZE jwt_identity_providers')
    expect(await planOf(search)).toContain('Bitmap Index Scan')
    expect((await search()).map(({ id }) => id)).toEqual([someId])
  })
})
