import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import fc from 'fast-check'
import { Client, Pool, type PoolConfig } from 'pg'
import type { PostgresPool } from '../../../src/database/postgres-table.js'
import { PostgresReplayStore, type PostgresReplayStoreOptions } from '../../../src/replay/postgres-replay-store.js'
import { RedisReplayStore } from '../../../src/replay/redis-replay-store.js'
import { createSchema, openTestPool, type TestSchema } from '../../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres } from '../../support/services.js'
import { startTcpProxy } from '../../support/tcp-proxy.js'

/** Milliseconds in which a busy machine certainly answers. */
const LONG = 20_000
jest.setTimeout(3 * LONG)
/** A role that is there on every server, and has no rights on the tables of the tests but those they give it. */
const OTHER_ROLE = 'pg_monitor'

/** Jest fails a test that leaves a rejection unhandled, when it is told in time. */
afterEach(() => pause(0))

function inAnHour(): number {
  return Math.floor(Date.now() / 1000) + 3600
}

function randomKey(): string {
  return randomBytes(32).toString('base64url')
}

function randomKeys(count: number): string[] {
  return Array.from({ length: count }, randomKey)
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A pool of no server, that answers each claim with `true`. */
function fakePool(query: PostgresPool['query'] = async () => ({ rows: [{ is_timestamptz: true }] })): PostgresPool {
  return { query }
}

/** Remembers what became of the statements that a store sends. */
function watch(pool: PostgresPool) {
  const sent: { text: string; outcome: Promise<unknown> }[] = []
  const query = (text: string, values?: unknown[]) => {
    const answer = Promise.resolve(pool.query(text, values))
    const outcome = answer.then(
      () => 'done',
      (reason: unknown) => reason,
    )
    sent.push({ text, outcome })
    return answer
  }
  /** What became of each sweep so far, when all have ended. */
  const sweeps = () => Promise.all(sent.filter(({ text }) => text.startsWith('DELETE')).map(({ outcome }) => outcome))
  return { query, sweeps }
}

/** Rejects where it takes so long that it must be waiting for something. */
async function inTime<Result>(promise: Promise<Result>, milliseconds = LONG): Promise<Result> {
  const ended = new AbortController()
  const tooLate = pause(milliseconds, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`not within ${milliseconds} ms`)
  })
  tooLate.catch(() => {})
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    ended.abort()
  }
}

/** What a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in settled) throw new Error(`it resolved with ${settled.value}`)
  return settled.error
}

function count(values: readonly unknown[], wanted: unknown): number {
  return values.filter((value) => value === wanted).length
}

describe('the options of a PostgreSQL replay store', () => {
  const wanted = 'a name of 1 to 50 bytes without NUL'

  it.each<[string, unknown, string]>([
    ['empty', '', '""'],
    ['of 51 bytes', 'a'.repeat(51), JSON.stringify('a'.repeat(51))],
    ['of 52 bytes in 26 characters', 'ü'.repeat(26), JSON.stringify('ü'.repeat(26))],
    ['with a NUL in it', 'a\0b', JSON.stringify('a\0b')],
    ['a number', 7, '7'],
    ['null', null, 'null'],
    ['an array', ['a'], 'an array'],
  ])('refuse a name that is %s', (_, name, found) => {
    for (const option of ['schema', 'table']) {
      const create = () => new PostgresReplayStore(fakePool(), { [option]: name })
      expect(create).toThrow(expect.objectContaining({ name: 'ConfigError' }))
      expect(create).toThrow(
        expect.objectContaining({
          problems: [
            expect.objectContaining({
              path: ['PostgresReplayStore', option],
              message: expect.stringContaining(`got ${found}; expected ${wanted}`),
            }),
          ],
        }),
      )
    }
  })

  it.each(['pg_temp', 'pg_catalog', 'pg_toast'])('refuse a schema of the system, such as %s', (schema) => {
    expect(() => new PostgresReplayStore(fakePool(), { schema })).toThrow('not beginning with pg_')
    expect(() => new PostgresReplayStore(fakePool(), { table: schema })).not.toThrow()
  })

  it('are all reported together', () => {
    const options = { schema: '', tabel: 'claims', table: 1 } as unknown as PostgresReplayStoreOptions
    const paths = ['schema', 'table', 'tabel'].map((option) => ['PostgresReplayStore', option])
    expect(() => new PostgresReplayStore(fakePool(), options)).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        problems: paths.map((path) => expect.objectContaining({ path })),
      }),
    )
  })

  it('suggest the name that was probably meant', () => {
    const options = { tables: 'claims' } as PostgresReplayStoreOptions
    expect(() => new PostgresReplayStore(fakePool(), options)).toThrow('did you mean `table`?')
  })

  it('may be absent', () => {
    for (const options of [undefined, {}]) {
      expect(() => new PostgresReplayStore(fakePool(), options)).not.toThrow()
    }
  })

  it('are refused if they are named and undefined, each by its name', () => {
    const options = { schema: undefined, table: undefined } as unknown as PostgresReplayStoreOptions
    expect(() => new PostgresReplayStore(fakePool(), options)).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        problems: [
          expect.objectContaining({ path: ['PostgresReplayStore', 'schema'] }),
          expect.objectContaining({ path: ['PostgresReplayStore', 'table'] }),
        ],
      }),
    )
  })

  it.each<unknown>([undefined, null, {}, { query: 'SELECT' }, { connect: () => {} }, DATABASE_URL, 5432])(
    'need a pool: %p is refused',
    (pool) => {
      expect(() => new PostgresReplayStore(pool as PostgresPool)).toThrow(
        expect.objectContaining({
          name: 'ConfigError',
          problems: [expect.objectContaining({ path: ['PostgresReplayStore', 'pool'] })],
        }),
      )
    },
  )
})

describe('the pool of a PostgreSQL replay store', () => {
  it('may be a Pool or a Client of pg, or an object that acts like one', async () => {
    expect(() => new PostgresReplayStore(new Pool())).not.toThrow()
    expect(() => new PostgresReplayStore(new Client())).not.toThrow()
    const plain = { query: async (_text: string, _values?: unknown[]) => ({ rows: [] }) }
    expect(await new PostgresReplayStore(plain).markUsed('a', inAnHour())).toBe(false)
  })

  it('is sent each value apart from the statement, which is always the same', async () => {
    const sent: unknown[][] = []
    const query = async (...statement: unknown[]) => {
      sent.push(statement)
      return { rows: [] }
    }
    const store = new PostgresReplayStore({ query })
    await store.markUsed(`a'b`, 1_800_000_000)
    await store.markUsed('$1', 1_800_000_001)
    expect(sent.map(([, values]) => values)).toEqual([
      [`a'b`, 1_800_000_000],
      ['$1', 1_800_000_001],
    ])
    expect(sent[0]?.[0]).toBe(sent[1]?.[0])
  })

  it('may say that the type of the table exists already, if another process has just created it', async () => {
    const sent: string[] = []
    const query = async (text: string) => {
      sent.push(text)
      if (text.startsWith('CREATE TABLE')) throw Object.assign(new Error('type already exists'), { code: '42710' })
      const created = sent.filter((each) => each.startsWith('CREATE'))
      return { rows: created.slice(text.includes('pg_index') ? 1 : 0) }
    }
    await new PostgresReplayStore({ query }).createTable()
    expect(sent.some((text) => text.startsWith('CREATE INDEX'))).toBe(true)
  })

  it('may throw instead of rejecting', async () => {
    const error = new Error('no connection')
    const query = () => {
      throw error
    }
    expect(await errorOf(new PostgresReplayStore({ query }).markUsed('a', inAnHour()))).toBe(error)
  })

  it('may fail to delete expired entries in any way', async () => {
    for (const fail of [
      async () => {
        throw undefined
      },
      () => {
        throw new Error('no connection')
      },
    ]) {
      const query = (text: string) =>
        text.startsWith('DELETE') ? fail() : Promise.resolve({ rows: [{ is_timestamptz: true }] })
      expect(await new PostgresReplayStore({ query }).markUsed('a', inAnHour())).toBe(true)
    }
  })

  it('may take any time to delete expired entries', async () => {
    const query = (text: string) =>
      text.startsWith('DELETE') ? new Promise<never>(() => {}) : Promise.resolve({ rows: [{ is_timestamptz: true }] })
    const store = new PostgresReplayStore({ query })
    for (const key of randomKeys(300)) expect(await store.markUsed(key, inAnHour())).toBe(true)
  })

  it('is not called to delete expired entries again before it has finished', async () => {
    let sweeps = 0
    const query = (text: string) => {
      if (!text.startsWith('DELETE')) return Promise.resolve({ rows: [{ is_timestamptz: true }] })
      sweeps += 1
      return new Promise<never>(() => {})
    }
    const store = new PostgresReplayStore({ query })
    for (const key of randomKeys(500)) await store.markUsed(key, inAnHour())
    expect(sweeps).toBe(1)
  })

  it('may emit errors without another listener', () => {
    const pool = Object.assign(new EventEmitter(), fakePool())
    new PostgresReplayStore(pool)
    expect(() => pool.emit('error', new Error('the connection is lost'))).not.toThrow()
  })

  it('gets one more listener, for any number of stores', () => {
    const pool = Object.assign(new EventEmitter(), fakePool())
    for (let index = 0; index < 12; index += 1) new PostgresReplayStore(pool, { table: `claims_${index}` })
    expect(pool.listenerCount('error')).toBe(1)
  })
})

describeWithPostgres('the PostgreSQL replay store', () => {
  let schema: TestSchema
  let tables = 0
  const opened: Pool[] = []
  beforeAll(async () => {
    schema = await createSchema()
    await schema.query(`CREATE FUNCTION ${schema.name}.fail() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'told to fail' USING ERRCODE = TG_ARGV[0]; END $$`)
    await schema.query(`CREATE FUNCTION ${schema.name}.take_long() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(TG_ARGV[0]::float8); RETURN NEW; END $$`)
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

  function freshName(): string {
    tables += 1
    return `claims_${tables}`
  }

  /** A store on this table. */
  function storeOn(name: string, pool: PostgresPool = openPool()): PostgresReplayStore {
    return new PostgresReplayStore(pool, { schema: schema.name, table: name })
  }

  /** Stores of processes that share a fresh table. */
  async function setUp(config: PoolConfig = {}) {
    const name = freshName()
    const table = `${schema.name}.${name}`
    await storeOn(name).createTable()
    const pool = watch(openPool(config))
    const openStore = () => storeOn(name, openPool(config))
    return { name, table, pool, store: storeOn(name, pool), openStore }
  }

  async function addExpired(table: string, rows: number): Promise<void> {
    await schema.query(
      `INSERT INTO ${table} (key, expires_at) SELECT 'old ' || i, now() - i * interval '1 second' FROM generate_series(1, $1::int) AS i`,
      [rows],
    )
  }

  async function rowsOf(table: string, where = 'true'): Promise<number> {
    const [row] = await schema.query(`SELECT count(*)::int AS rows FROM ${table} WHERE ${where}`)
    return Number(row?.rows)
  }

  async function indexesOf(schemaName: string, table: string): Promise<unknown[]> {
    const found = await schema.query('SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2', [
      schemaName,
      table,
    ])
    return found.map(({ indexdef }) => /\((\w+)\)$/.exec(String(indexdef))?.[1]).sort()
  }

  describe('under any name', () => {
    it.each([
      'a"b',
      '"',
      'a""b"',
      'a.b',
      'a;drop table x',
      `'; --`,
      '/*',
      'Ünï',
      'UPPER',
      'with some spaces ',
      ' ',
      'back\\slash',
      '$1',
      '%s',
      'line\nbreak',
      '😀',
      'select',
      'a'.repeat(50),
      'ü'.repeat(25),
    ])('keeps entries in a schema and a table %j', async (name) => {
      const suffix = randomBytes(6).toString('hex')
      const schemaName = name.slice(0, name.length - Math.max(0, Buffer.byteLength(name + suffix) - 50)) + suffix
      await schema.query(`CREATE SCHEMA ${quoted(schemaName)}`)
      try {
        const pool = openPool()
        const store = new PostgresReplayStore(pool, { schema: schemaName, table: name })
        await store.createTable()
        expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
        expect(await rowsOf(`${quoted(schemaName)}.${quoted(name)}`)).toBe(1)
        expect(await indexesOf(schemaName, name)).toEqual(['expires_at', 'key'])
        const [{ tables } = {}] = await schema.query(
          'SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = $1',
          [schemaName],
        )
        expect(tables).toBe(1)
      } finally {
        await schema.query(`DROP SCHEMA ${quoted(schemaName)} CASCADE`)
      }
    })

    it('is swept as well', async () => {
      const pool = watch(openPool())
      const name = `a"b;'c`
      const store = storeOn(name, pool)
      await store.createTable()
      const table = `${schema.name}.${quoted(name)}`
      await addExpired(table, 10)
      await store.markUsed(randomKey(), inAnHour())
      expect(await pool.sweeps()).toEqual(['done'])
      expect(await rowsOf(table)).toBe(1)
    })

    it('keeps the longest names apart that differ in their last byte', async () => {
      const names = ['x', 'y', 'X'].map((end) => 'n'.repeat(49) + end)
      for (const name of names) await storeOn(name).createTable()
      for (const name of names) expect(await indexesOf(schema.name, name)).toEqual(['expires_at', 'key'])
      for (const name of names) expect(await storeOn(name).markUsed('a', inAnHour())).toBe(true)
    })

    it('has its index, or throws if a table has the name of the index', async () => {
      const name = freshName()
      await storeOn(`${name}_expires_at`).createTable()
      const isCreated = await storeOn(name)
        .createTable()
        .then(() => true)
        .catch(() => false)
      expect(isCreated).toBe((await indexesOf(schema.name, name)).includes('expires_at'))
    })
  })

  describe('its table', () => {
    it('is created by any number of processes at the same time', async () => {
      const pools = Array.from({ length: 8 }, () => openPool({ max: 1 }))
      for (let round = 0; round < 10; round += 1) {
        await Promise.all(pools.map((pool) => pool.query('SELECT 1')))
        const stores = pools.map(
          (pool) => new PostgresReplayStore(pool, { schema: schema.name, table: `race_${round}` }),
        )
        await Promise.all(stores.map((store) => store.createTable()))
        expect(await indexesOf(schema.name, `race_${round}`)).toEqual(['expires_at', 'key'])
        const claims = await Promise.all(stores.map((store) => store.markUsed('a', inAnHour())))
        expect(count(claims, true)).toBe(1)
      }
    })

    it('can be used by a process as soon as it has created it, even if others create it as well', async () => {
      const pools = Array.from({ length: 8 }, () => openPool({ max: 1 }))
      for (let round = 0; round < 5; round += 1) {
        const name = freshName()
        const claims = pools.map(async (pool) => {
          const store = storeOn(name, pool)
          await store.createTable()
          return await store.markUsed('a', inAnHour())
        })
        expect(count(await Promise.all(claims), true)).toBe(1)
      }
    })

    it('is created again without losing an entry', async () => {
      const { store, openStore, table } = await setUp()
      await store.markUsed('a', inAnHour())
      await store.createTable()
      await openStore().createTable()
      expect(await store.markUsed('a', inAnHour())).toBe(false)
      expect(await rowsOf(table)).toBe(1)
    })

    it('must exist: otherwise calls reject with the error of PostgreSQL', async () => {
      const name = freshName()
      const store = storeOn(name)
      for (let claim = 0; claim < 3; claim += 1) {
        expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({
          code: '42P01',
          message: `relation "${schema.name}.${name}" does not exist`,
        })
      }
      await store.createTable()
      expect(await store.markUsed('a', inAnHour())).toBe(true)
    })

    it('may be lost, and then calls reject', async () => {
      const { store, table } = await setUp()
      await store.markUsed('a', inAnHour())
      await schema.query(`DROP TABLE ${table}`)
      expect(await errorOf(store.markUsed('b', inAnHour()))).toMatchObject({ code: '42P01' })
    })

    it('needs a schema that exists', async () => {
      const store = new PostgresReplayStore(openPool(), { schema: 'missing_schema' })
      const missing = { message: expect.stringContaining('"missing_schema') }
      expect(await errorOf(store.createTable())).toMatchObject({ code: '3F000', ...missing })
      expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({ code: '42P01', ...missing })
    })

    it('is created only by a role that may create tables', async () => {
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${OTHER_ROLE}`)
      const store = storeOn(freshName(), openPool({ options: `-c role=${OTHER_ROLE}` }))
      expect(await errorOf(store.createTable())).toMatchObject({ code: '42501' })
    })

    it('may exist already for a role that can use it but create nothing', async () => {
      const { name, table } = await setUp()
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${OTHER_ROLE}`)
      await schema.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${OTHER_ROLE}`)
      const store = storeOn(name, openPool({ options: `-c role=${OTHER_ROLE}` }))
      expect(await store.markUsed('a', inAnHour())).toBe(true)
      await store.createTable()
    })

    it('may exist already while a transaction that has written to it is open', async () => {
      const { table, openStore } = await setUp()
      const client = await openPool().connect()
      try {
        await client.query('BEGIN')
        await client.query(`INSERT INTO ${table} VALUES ('mine', now())`)
        const created = openStore().createTable()
        created.catch(() => {})
        await inTime(created, 1000)
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
    })

    it.each([
      'key text, expires_at timestamptz',
      'key text PRIMARY KEY DEFERRABLE, expires_at timestamptz',
      'key varchar(42) PRIMARY KEY, expires_at timestamptz',
      'key text PRIMARY KEY, expires_at bigint',
      'key text PRIMARY KEY, expires_at timestamptz, service text NOT NULL',
      'key text PRIMARY KEY, until timestamptz',
      'key uuid PRIMARY KEY, expires_at timestamptz',
    ])('must not have the columns (%s): calls reject', async (columns) => {
      const name = freshName()
      await schema.query(`CREATE TABLE ${schema.name}.${name} (${columns})`)
      const store = storeOn(name)
      const key = randomKey()
      for (let claim = 0; claim < 2; claim += 1) await errorOf(store.markUsed(key, inAnHour()))
    })

    it.each([
      ['unlogged', 'CREATE UNLOGGED TABLE $ (key text PRIMARY KEY, expires_at timestamptz)'],
      ['in partitions', 'CREATE TABLE $ (key text PRIMARY KEY, expires_at timestamptz) PARTITION BY HASH (key)'],
      ['of whole seconds', 'CREATE TABLE $ (key text PRIMARY KEY, expires_at timestamptz(0))'],
      ['with more columns', 'CREATE TABLE $ (id serial PRIMARY KEY, key text UNIQUE, expires_at timestamptz)'],
    ])('may be a table of your own, %s', async (_, statement) => {
      const name = freshName()
      const table = `${schema.name}.${name}`
      await schema.query(statement.replace('$', table))
      if (statement.includes('PARTITION')) {
        for (const remainder of [0, 1]) {
          await schema.query(
            `CREATE TABLE ${table}_${remainder} PARTITION OF ${table} FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`,
          )
        }
      }
      const pool = watch(openPool())
      const store = storeOn(name, pool)
      await store.createTable()
      await addExpired(table, 10)
      for (const key of randomKeys(5)) {
        expect([await store.markUsed(key, inAnHour()), await store.markUsed(key, inAnHour())]).toEqual([true, false])
      }
      expect(await pool.sweeps()).toEqual(['done'])
      expect(await rowsOf(table)).toBe(5)
    })

    it.each(['date', 'timestamp'])('never forgets an entry because its expiry is a %s', async (type) => {
      const name = freshName()
      await schema.query(`CREATE TABLE ${schema.name}.${name} (key text PRIMARY KEY, expires_at ${type})`)
      const zones = ['UTC', 'Asia/Tokyo'].map((zone) => storeOn(name, openPool({ options: `-c timezone=${zone}` })))
      const soon = Math.floor(Date.now() / 1000) + 60
      const claims: PromiseSettledResult<boolean>[] = []
      for (const store of [...zones, ...zones]) claims.push(...(await Promise.allSettled([store.markUsed('a', soon)])))
      const wins = claims.filter((claim) => claim.status === 'fulfilled' && claim.value)
      expect(wins.length).toBeLessThanOrEqual(1)
    })

    it('may be behind a view, and then answers the same', async () => {
      const { table, openStore } = await setUp()
      const view = freshName()
      await schema.query(`CREATE VIEW ${schema.name}.${view} AS SELECT * FROM ${table} WHERE key <> 'hidden'`)
      const store = storeOn(view)
      expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
      expect(await openStore().markUsed('a', inAnHour())).toBe(false)
      await openStore().markUsed('hidden', inAnHour())
      expect(await errorOf(store.markUsed('hidden', inAnHour()))).toMatchObject({ code: '55000' })
    })

    it('may hide rows by row level security, and then calls with their keys reject', async () => {
      const { name, table, openStore } = await setUp()
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${OTHER_ROLE}`)
      await schema.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${OTHER_ROLE}`)
      await schema.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`)
      const store = storeOn(name, openPool({ options: `-c role=${OTHER_ROLE}` }))
      expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({ code: '42501' })
      await schema.query(`CREATE POLICY visible ON ${table} USING (key <> 'hidden') WITH CHECK (true)`)
      expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
      await openStore().markUsed('hidden', inAnHour())
      expect(await errorOf(store.markUsed('hidden', inAnHour()))).toMatchObject({ code: '42501' })
    })
  })

  describe('an entry', () => {
    it('is in the table until the second of its expiry', async () => {
      const { store, table } = await setUp()
      for (const expiresAt of [inAnHour(), 1, 2_147_483_648, 4_102_444_800, 32_503_680_000]) {
        const key = `until ${expiresAt}`
        await store.markUsed(key, expiresAt)
        const [row] = await schema.query(`SELECT extract(epoch FROM expires_at) AS at FROM ${table} WHERE key = $1`, [
          key,
        ])
        expect(Number(row?.at)).toBe(expiresAt)
      }
    })

    it('means the same second in every time zone', async () => {
      const { name } = await setUp()
      const zones = ['UTC', 'Asia/Tokyo', 'America/Los_Angeles', 'Pacific/Kiritimati']
      const stores = zones.map((zone) => storeOn(name, openPool({ options: `-c timezone=${zone}` })))
      const soon = Math.floor(Date.now() / 1000) + 60
      for (const first of stores) {
        const key = randomKey()
        expect(await first.markUsed(key, soon)).toBe(true)
        for (const other of stores) expect(await other.markUsed(key, soon)).toBe(false)
      }
    })

    it('does not change when a call is refused', async () => {
      const { store, table } = await setUp()
      const read = () => schema.query(`SELECT key, expires_at, ctid::text, xmin::text FROM ${table}`)
      await store.markUsed('a', inAnHour())
      const before = await read()
      for (const expiresAt of [1, inAnHour() - 3000, inAnHour() + 3000]) {
        expect(await store.markUsed('a', expiresAt)).toBe(false)
      }
      expect(await read()).toEqual(before)
    })

    it.each([Number.NaN, 1e300, -1e300])('that expires at %p is never made twice', async (expiresAt) => {
      const { store } = await setUp()
      await errorOf(store.markUsed('a', expiresAt))
    })

    it('keeps a key of any characters unchanged', async () => {
      const { store } = await setUp()
      const keys = [
        '',
        `'`,
        `''`,
        `' OR ''='`,
        '"',
        '\\',
        `\\'`,
        '%',
        '_',
        '$1',
        '$$',
        '{}',
        '--',
        'é',
        'e\u0301',
        'É',
        '😀',
        'a ',
        'a',
        'A',
        ' a',
        'a\n',
        '\u200b',
        `${'%'.repeat(42)}'`,
      ]
      for (const key of keys) expect([key, await store.markUsed(key, inAnHour())]).toEqual([key, true])
      for (const key of keys) expect([key, await store.markUsed(key, inAnHour())]).toEqual([key, false])
    })

    it('may have any key, and similar keys stay apart', async () => {
      const { store } = await setUp()
      const used = new Set<string>()
      const key = fc.string({ unit: 'binary', maxLength: 43 }).filter((text) => !text.includes('\0'))
      await fc.assert(
        fc.asyncProperty(key, async (text) => {
          expect(await store.markUsed(text, inAnHour())).toBe(!used.has(text))
          used.add(text)
          expect(await store.markUsed(text, inAnHour())).toBe(false)
        }),
        { numRuns: 200 },
      )
    })

    it('cannot have a key with a NUL in it', async () => {
      const { store, table } = await setUp()
      for (const key of ['\0', 'a\0b', 'a\0']) await errorOf(store.markUsed(key, inAnHour()))
      expect(await rowsOf(table)).toBe(0)
      expect(await store.markUsed('a', inAnHour())).toBe(true)
    })

    it('expires by the to_timestamp of PostgreSQL and by no other', async () => {
      const { name } = await setUp()
      const elsewhere = `${schema.name}_path`
      await schema.query(`CREATE SCHEMA ${elsewhere}`)
      try {
        await schema.query(`CREATE FUNCTION ${elsewhere}.to_timestamp(text) RETURNS timestamptz LANGUAGE sql AS
          $$ SELECT '-infinity'::timestamptz $$`)
        const store = storeOn(name, openPool({ options: `-c search_path=${elsewhere}` }))
        expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
      } finally {
        await schema.query(`DROP SCHEMA ${elsewhere} CASCADE`)
      }
    })
  })

  describe('calls at the same time', () => {
    it('with a key that has expired by the clock of the server have one winner', async () => {
      const { store, table, openStore } = await setUp()
      const stores = Array.from({ length: 4 }, openStore)
      for (let round = 0; round < 5; round += 1) {
        const key = randomKey()
        expect(await store.markUsed(key, inAnHour())).toBe(true)
        expect(await store.markUsed(key, inAnHour())).toBe(false)
        await schema.query(`UPDATE ${table} SET expires_at = now() WHERE key = $1`, [key])
        const claims = Array.from({ length: 100 }, (_, index) => stores[index % 4]?.markUsed(key, inAnHour()))
        const answers = await Promise.all(claims)
        expect([count(answers, true), count(answers, false)]).toEqual([1, 99])
      }
    })

    it('with an expired key have one winner while it is deleted', async () => {
      const { name, table } = await setUp()
      const pools = Array.from({ length: 4 }, () => watch(openPool()))
      for (let round = 0; round < 10; round += 1) {
        await addExpired(table, 20)
        // Each store sweeps after its first claim.
        const stores = pools.map((pool) => storeOn(name, pool))
        const keys = Array.from({ length: 20 }, (_, index) => `old ${index + 1}`)
        const won = await Promise.all(
          keys.map(async (key) => {
            const answers = await Promise.all(stores.map((store) => store.markUsed(key, inAnHour())))
            return count(answers, true)
          }),
        )
        expect(won).toEqual(Array(20).fill(1))
        await Promise.all(pools.map((pool) => pool.sweeps()))
        expect(await rowsOf(table)).toBe(20)
        await schema.query(`DELETE FROM ${table}`)
      }
      const outcomes = await Promise.all(pools.map((pool) => pool.sweeps()))
      expect(new Set(outcomes.flat())).toEqual(new Set(['done']))
    })

    it.each(['serializable', 'repeatable read', 'read committed', 'read uncommitted'])(
      'with one key have one winner if transactions are %s',
      async (level) => {
        const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
        const { openStore } = await setUp({ options })
        const stores = Array.from({ length: 4 }, openStore)
        for (let round = 0; round < 3; round += 1) {
          const key = randomKey()
          const claims = Array.from({ length: 100 }, async (_, index) => stores[index % 4]?.markUsed(key, inAnHour()))
          const settled = await Promise.allSettled(claims)
          const answers = settled.map((claim) => (claim.status === 'fulfilled' ? claim.value : claim.reason.code))
          expect(count(answers, true)).toBe(1)
          expect(answers.filter((answer) => ![true, false, '40001'].includes(answer))).toEqual([])
          expect(await stores[0]?.markUsed(key, inAnHour())).toBe(false)
        }
      },
    )

    it.each([
      ['ROLLBACK', true],
      ['COMMIT', false],
    ])('wait for a transaction that holds the same key: after %s the next call returns %p', async (end, expected) => {
      const { store, table } = await setUp()
      const client = await openPool().connect()
      await client.query('BEGIN')
      await client.query(`INSERT INTO ${table} VALUES ('a', now() + interval '1 hour')`)
      let isAnswered = false
      const claim = store.markUsed('a', inAnHour()).finally(() => {
        isAnswered = true
      })
      const other = await store.markUsed('b', inAnHour())
      await pause(100)
      const answeredEarly = isAnswered
      await client.query(end)
      client.release()
      expect([other, answeredEarly]).toEqual([true, false])
      expect(await claim).toBe(expected)
    })

    it('reject if they wait for longer than statement_timeout, and leave no entry', async () => {
      const { store, table, pool } = await setUp({ statement_timeout: 500 })
      await store.markUsed('a', inAnHour())
      await pool.sweeps() // It would delete the row below.
      await schema.query(`UPDATE ${table} SET expires_at = now()`)
      const client = await openPool().connect()
      try {
        await client.query('BEGIN')
        await client.query(`SELECT * FROM ${table} FOR UPDATE`)
        expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({ code: '57014' })
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
      expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
    })

    it('are all answered by a pool of one connection', async () => {
      const { store, table, pool } = await setUp({ max: 1 })
      await addExpired(table, 2500)
      const keys = [...randomKeys(250), ...randomKeys(1)]
      const answers = await Promise.all([...keys, ...keys].map((key) => store.markUsed(key, inAnHour())))
      expect([count(answers, true), count(answers, false)]).toEqual([251, 251])
      expect(new Set(await pool.sweeps())).toEqual(new Set(['done']))
      expect(await rowsOf(table, 'expires_at > now()')).toBe(251)
    })
  })

  describe('sweeping', () => {
    it('deletes at most a thousand expired rows after the first new entry, and after each hundred more', async () => {
      const { store, table, pool } = await setUp()
      await addExpired(table, 5000)
      const claimed: string[] = []
      const win = async (claims: number) => {
        for (const key of randomKeys(claims)) {
          expect(await store.markUsed(key, inAnHour())).toBe(true)
          claimed.push(key)
        }
        return (await pool.sweeps()).length
      }
      expect(await win(1)).toBe(1)
      expect(await rowsOf(table, 'expires_at <= now()')).toBe(4000)
      for (const key of claimed) for (let again = 0; again < 120; again += 1) await store.markUsed(key, inAnHour())
      expect(await win(99)).toBe(1)
      for (let sweeps = 2; sweeps <= 6; sweeps += 1) {
        expect(await win(1)).toBe(sweeps)
        expect(await rowsOf(table, 'expires_at <= now()')).toBe(Math.max(0, 5000 - 1000 * sweeps))
        expect(await win(99)).toBe(sweeps)
      }
      expect(await rowsOf(table)).toBe(claimed.length)
    })

    it('deletes the rows first that expired first', async () => {
      const { store, table, pool } = await setUp()
      await addExpired(table, 1500)
      await store.markUsed(randomKey(), inAnHour())
      await pool.sweeps()
      const [row] = await schema.query(`SELECT max(substr(key, 5)::int) AS oldest FROM ${table} WHERE key LIKE 'old %'`)
      expect(row?.oldest).toBe(500)
    })

    it('deletes at most a thousand rows if PostgreSQL believes that the table is empty', async () => {
      const { store, table, pool } = await setUp()
      await schema.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
      const addBurst = () =>
        schema.query(`INSERT INTO ${table} SELECT 'old ' || i, now() - (9999 - i) * interval '1 second'
          FROM generate_series(1001, 6000) AS i`)
      const sizeOf = async () => (await schema.query('SELECT pg_relation_size($1)::int AS bytes', [table]))[0]?.bytes
      await addBurst()
      await schema.query(`INSERT INTO ${table} VALUES ('live', now() + interval '1 hour')`)
      // A burst that was swept away but for one row leaves many pages, and the next burst fills them; unless somebody
      // else on the server may still see the old rows.
      let size: unknown
      while (size === undefined || size !== (await sizeOf())) {
        await schema.query(`DELETE FROM ${table} WHERE key <> 'live'`)
        await schema.query(`VACUUM ANALYZE ${table}`)
        size = await sizeOf()
        await addBurst()
      }
      await store.markUsed(randomKey(), inAnHour())
      expect(await pool.sweeps()).toEqual(['done'])
      expect(await rowsOf(table, 'expires_at <= now()')).toBe(4000)
    })

    it('never deletes a live row, for any content of the table', async () => {
      const { name, table } = await setUp()
      const pool = watch(openPool())
      const offsets = fc.array(fc.oneof(fc.integer({ min: -1e6, max: 0 }), fc.integer({ min: 120, max: 1e6 })), {
        maxLength: 300,
      })
      await fc.assert(
        fc.asyncProperty(offsets, async (seconds) => {
          await schema.query(
            `INSERT INTO ${table} SELECT i::text, now() + s * interval '1 second'
              FROM unnest($1::int[]) WITH ORDINALITY AS rows (s, i)`,
            [seconds],
          )
          const read = () => schema.query(`SELECT key FROM ${table} WHERE expires_at > now() ORDER BY key`)
          const live = await read()
          expect(live).toHaveLength(seconds.filter((offset) => offset > 0).length)
          await storeOn(name, pool).markUsed('~', inAnHour())
          expect(new Set(await pool.sweeps())).toEqual(new Set(['done']))
          expect(await read()).toEqual([...live, { key: '~' }])
          expect(await rowsOf(table)).toBe(live.length + 1)
          await schema.query(`DELETE FROM ${table}`)
        }),
        { numRuns: 20 },
      )
    })

    it('skips rows that somebody else holds, deletes the others, and delays no call', async () => {
      const { store, table, pool } = await setUp()
      await addExpired(table, 2500)
      const client = await openPool().connect()
      await client.query('BEGIN')
      await client.query(`SELECT * FROM ${table} WHERE substr(key, 5)::int % 5 = 0 FOR UPDATE`)
      const claims = async () => {
        for (const key of randomKeys(201)) expect(await store.markUsed(key, inAnHour())).toBe(true)
        return await pool.sweeps()
      }
      try {
        expect(await inTime(claims())).toEqual(Array(3).fill('done'))
        expect(await rowsOf(table, 'expires_at <= now()')).toBe(500)
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
      for (const key of randomKeys(100)) await store.markUsed(key, inAnHour())
      await pool.sweeps()
      expect(await rowsOf(table, 'expires_at <= now()')).toBe(0)
    })

    it('runs in four processes at the same time without an error', async () => {
      const { name, table } = await setUp()
      await addExpired(table, 12_000)
      const pools = Array.from({ length: 4 }, () => watch(openPool()))
      const claims = pools.map(async (pool) => {
        const store = storeOn(name, pool)
        const answers = await Promise.all(randomKeys(401).map((key) => store.markUsed(key, inAnHour())))
        return count(answers, true)
      })
      expect(await Promise.all(claims)).toEqual(Array(4).fill(401))
      const outcomes = await Promise.all(pools.map((pool) => pool.sweeps()))
      expect(new Set(outcomes.flat())).toEqual(new Set(['done']))
      expect(await rowsOf(table, 'expires_at > now()')).toBe(1604)
    })

    it('may fail, which refuses no assertion', async () => {
      const { store, table, pool } = await setUp()
      await addExpired(table, 10)
      await schema.query(`CREATE TRIGGER fails BEFORE DELETE ON ${table}
        FOR EACH ROW EXECUTE FUNCTION ${schema.name}.fail('55000')`)
      for (const key of randomKeys(101)) expect(await store.markUsed(key, inAnHour())).toBe(true)
      expect(await pool.sweeps()).toEqual(Array(2).fill(expect.objectContaining({ message: 'told to fail' })))
      await schema.query(`DROP TRIGGER fails ON ${table}`)
      for (const key of randomKeys(100)) await store.markUsed(key, inAnHour())
      await pool.sweeps()
      expect(await rowsOf(table, 'expires_at <= now()')).toBe(0)
    })

    it('may be forbidden, which refuses no assertion', async () => {
      const { name, table } = await setUp()
      await addExpired(table, 10)
      await schema.query(`GRANT USAGE ON SCHEMA ${schema.name} TO ${OTHER_ROLE}`)
      await schema.query(`GRANT SELECT, INSERT, UPDATE ON ${table} TO ${OTHER_ROLE}`)
      const pool = watch(openPool({ options: `-c role=${OTHER_ROLE}` }))
      const store = storeOn(name, pool)
      expect([await store.markUsed('a', inAnHour()), await store.markUsed('a', inAnHour())]).toEqual([true, false])
      expect(await pool.sweeps()).toEqual([expect.objectContaining({ code: '42501' })])
    })
  })

  describe('a server that fails', () => {
    async function failing(code: string) {
      const { store, table } = await setUp()
      await schema.query(`CREATE TRIGGER fails BEFORE INSERT ON ${table}
        FOR EACH ROW EXECUTE FUNCTION ${schema.name}.fail('${code}')`)
      return { store, table }
    }

    it.each(['53100', '53200'])('is full if it says %s', async (code) => {
      const { store } = await failing(code)
      for (let claim = 0; claim < 2; claim += 1) {
        expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({
          name: 'DependencyUnavailable',
          reason: 'replay_store_full',
          retryAfter: 30,
          cause: { code, message: 'told to fail' },
        })
      }
    })

    it.each(['53300', '25006', '40001', '40P01', '57P01', '57014', '23505', '42P07', '54000'])(
      'passes on its error %s',
      async (code) => {
        const { store, table } = await failing(code)
        for (let claim = 0; claim < 2; claim += 1) {
          const error = await errorOf(store.markUsed('a', inAnHour()))
          expect(error).toMatchObject({ code, message: 'told to fail' })
          expect(error).not.toMatchObject({ name: 'DependencyUnavailable' })
        }
        await schema.query(`DROP TRIGGER fails ON ${table}`)
        expect(await store.markUsed('a', inAnHour())).toBe(true)
      },
    )

    it('makes calls reject if it is read-only', async () => {
      const { openStore, table } = await setUp({ options: '-c default_transaction_read_only=on' })
      expect(await errorOf(openStore().markUsed('a', inAnHour()))).toMatchObject({ code: '25006' })
      expect(await rowsOf(table)).toBe(0)
    })

    it('makes calls reject if nothing listens at its address', async () => {
      const store = storeOn('claims', openPool({ connectionString: 'postgres://postgres@127.0.0.1:1/test' }))
      expect(await errorOf(store.markUsed('a', inAnHour()))).toMatchObject({ code: 'ECONNREFUSED' })
    })

    it('makes calls reject if the pool was ended', async () => {
      const { name } = await setUp()
      const pool = new Pool({ connectionString: DATABASE_URL })
      const store = storeOn(name, pool)
      await store.markUsed('a', inAnHour())
      await pool.end()
      expect(await errorOf(store.markUsed('b', inAnHour()))).toMatchObject({ message: expect.stringContaining('end') })
    })

    it('has made the entry even if its answer was lost', async () => {
      const { name } = await setUp()
      const { hostname, port, pathname, username, password } = new URL(DATABASE_URL)
      const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
      const connectionString = `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}`
      try {
        const store = storeOn(name, openPool({ connectionString }))
        for (const key of randomKeys(5)) {
          proxy.loseAnswerTo('INSERT INTO')
          expect(await errorOf(store.markUsed(key, inAnHour()))).toMatchObject({
            message: expect.stringContaining('Connection terminated'),
          })
          expect(await store.markUsed(key, inAnHour())).toBe(false)
        }
        expect(await store.markUsed(randomKey(), inAnHour())).toBe(true)
      } finally {
        await proxy.close()
      }
    })

    it('may end busy and idle connections, and the process recovers by itself', async () => {
      const { name, table } = await setUp()
      await schema.query(`CREATE TRIGGER slow BEFORE INSERT ON ${table}
        FOR EACH ROW EXECUTE FUNCTION ${schema.name}.take_long('0.02')`)
      const env = {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL,
        SCHEMA: schema.name,
        TABLE: name,
        APPLICATION: `replay-${randomBytes(6).toString('hex')}`,
      }
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '-e', TERMINATED_PROCESS],
        { env, timeout: 2 * LONG },
      )
      expect(stderr).toBe('')
      const told = JSON.parse(stdout)
      expect(told).toMatchObject({ keysWonTwice: 0, failedAfterwards: 0, keysForgotten: 0, afterIdle: [true, false] })
      expect(told.failedMeanwhile).toBeGreaterThan(0)
      expect(told.failedMeanwhile).toBeLessThan(200)
      expect(told.endedInIdle).toBeGreaterThan(0)
    })
  })
})

/** Ends its own connections again and again, and tells what became of its claims. */
const TERMINATED_PROCESS = `
  import { setTimeout as pause } from 'node:timers/promises'
  import pg from 'pg'
  import { PostgresReplayStore } from 'express-jwt-exchange/postgres'

  const { DATABASE_URL: connectionString, SCHEMA: schema, TABLE: table, APPLICATION: application_name } = process.env
  const pool = new pg.Pool({ connectionString, application_name, max: 8 })
  const store = new PostgresReplayStore(pool, { schema, table })
  const admin = new pg.Client(connectionString)
  await admin.connect()
  const endConnections = async () => {
    const statement = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1'
    return (await admin.query(statement, [application_name])).rows.length
  }
  const untilAllAreGone = async () => {
    for (; pool.totalCount > 0; await pause(10)) await endConnections()
  }
  const expiresAt = Math.floor(Date.now() / 1000) + 3600
  const keys = Array.from({ length: 200 }, (_, index) => 'key ' + index)
  let answered = 0
  const claim = async (key) => {
    const isFirst = await store.markUsed(key, expiresAt)
    answered += 1
    return isFirst
  }
  const claimAll = () => Promise.allSettled(keys.map(claim))
  const wins = (claims) => claims.map(({ value }) => (value === true ? 1 : 0))
  const failures = (claims) => claims.filter(({ status }) => status === 'rejected').length

  // After each ending some claims are answered, even by a slow machine.
  let isClaiming = true
  const ending = (async () => {
    for (let ended = 0; isClaiming; await pause(5)) {
      if (answered < ended + 10) continue
      ended = answered
      await endConnections()
    }
  })()
  const first = await claimAll()
  isClaiming = false
  await ending
  await admin.query('DROP TRIGGER slow ON ' + schema + '.' + table)
  await untilAllAreGone()
  const second = await claimAll()
  const third = await claimAll()
  const total = keys.map((_, index) => [first, second, third].reduce((sum, claims) => sum + wins(claims)[index], 0))

  const endedInIdle = await endConnections()
  await untilAllAreGone()
  const afterIdle = [await store.markUsed('idle', expiresAt), await store.markUsed('idle', expiresAt)]
  await untilAllAreGone()
  console.log(JSON.stringify({
    failedMeanwhile: failures(first),
    failedAfterwards: failures(second) + failures(third),
    keysWonTwice: total.filter((times) => times > 1).length,
    keysForgotten: wins(third).filter((won) => won === 1).length,
    endedInIdle,
    afterIdle,
  }))
  await admin.end()
  await pool.end()
`

describe('a store with a database behind it', () => {
  it('says that other processes know its entries', () => {
    const client = { set() {}, get() {}, isOpen: true }
    expect([new PostgresReplayStore(fakePool()).isShared, new RedisReplayStore(client).isShared]).toEqual([true, true])
  })
})
