import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { PostgresRevocationStore } from '../../../src/postgres.js'
import { RedisRevocationStore } from '../../../src/redis.js'
import type { Revocation, RevocationStore } from '../../../src/revocation/revocation-store.js'
import { createSchema, type TestSchema } from '../../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres, describeWithRedis, REDIS_URL } from '../../support/services.js'

const now = () => Math.floor(Date.now() / 1000)
const token = (value: string, lifetime = 300): Revocation => ({ kind: 'token', value, expiresAt: now() + lifetime })
const valuesIn = async (store: RevocationStore, cursor?: string) => {
  const page = await store.read(...(cursor === undefined ? [] : ([cursor] as const)))
  return { values: page.revocations.map(({ value }) => value), cursor: page.cursor }
}

describe('a client or pool that cannot be used', () => {
  it.each([undefined, null, {}, 'redis://localhost', { query: 7 }])('is a ConfigError: %p', (given) => {
    expect(() => new RedisRevocationStore(given as never)).toThrow('expected a client of the package redis or ioredis')
    expect(() => new PostgresRevocationStore(given as never)).toThrow('expected a Pool of pg')
  })

  it.each([
    [{ prefix: '' }, '1 to 100 characters without braces'],
    [{ prefix: 'a{b}' }, '1 to 100 characters without braces'],
    [{ prefx: 'a' }, 'prefix'],
  ])('is one with the options %j', (options, message) => {
    const client = { set: () => {}, get: () => {}, eval: () => {}, isOpen: true }
    expect(() => new RedisRevocationStore(client as never, options as never)).toThrow(message)
  })
})

describeWithRedis('the Redis revocation store', () => {
  const prefix = `test-${randomBytes(6).toString('hex')}`
  const keys = [`{${prefix}}log`, `{${prefix}}expiries`]
  const client = createClient({ url: REDIS_URL })
  const store = new RedisRevocationStore(client, { prefix })
  beforeAll(() => client.connect())
  afterAll(async () => {
    await client.del(keys)
    client.destroy()
  })

  it('removes what has expired, but never the newest, whose number the next one needs', async () => {
    await store.add([token('old', -10), token('new', -5)])
    await store.add([token('live')])
    const sizes = () => Promise.all(keys.map((key) => client.zCard(key)))
    expect([(await valuesIn(store)).values, await sizes()]).toEqual([
      ['new', 'live'],
      [2, 2],
    ])
    await store.add([token('other')])
    expect([(await valuesIn(store)).values, await sizes()]).toEqual([
      ['live', 'other'],
      [2, 2],
    ])
  })

  it('begins again for a reader when the server has lost what the reader has read', async () => {
    await store.add([token('before')])
    const { cursor } = await valuesIn(store)
    await client.del(keys)
    await store.add([token('after a loss')])
    expect((await valuesIn(store, cursor)).values).toEqual(['after a loss'])
  })

  it('fails at once while the client is not connected, and for what somebody else has put into its set', async () => {
    const closed = new RedisRevocationStore(createClient({ url: REDIS_URL }), { prefix })
    await expect(closed.add([token('a')])).rejects.toMatchObject({ code: 'not_connected' })
    await expect(closed.read()).rejects.toMatchObject({ code: 'not_connected' })
    await client.zAdd(`{${prefix}}log`, { score: 99, value: 'nonsense' })
    await expect(store.read()).rejects.toThrow('JSON')
    await client.del(keys)
  })
})

describeWithPostgres('the PostgreSQL revocation store', () => {
  let schema: TestSchema
  let store: PostgresRevocationStore
  beforeAll(async () => {
    schema = await createSchema()
    store = new PostgresRevocationStore(schema.openPool({ max: 2 }), { schema: schema.name })
  })
  afterAll(() => schema.drop())
  const table = () => `${schema.name}.jwt_revocations`

  it('says what to do if its table is missing, and creates it once', async () => {
    for (const call of [store.read(), store.add([token('a')])]) await expect(call).rejects.toThrow('call createTable()')
    await Promise.all([store.createTable(), store.createTable()])
    await store.createTable()
    expect(await store.read()).toEqual({ revocations: [], cursor: undefined, hasMore: false })
  })

  it('records each revocation once, in the order of the commits', async () => {
    const [first, second] = [token('first'), token('second')]
    await store.add([first, second, first])
    await store.add([second])
    expect((await valuesIn(store)).values).toEqual(['first', 'second'])
  })

  it('begins again for a reader when the row that the reader has read is gone, or is another one', async () => {
    const { cursor } = await valuesIn(store)
    await schema.query(`UPDATE ${table()} SET digest = 'other' WHERE sequence = (SELECT max(sequence) FROM ${table()})`)
    expect((await valuesIn(store, cursor)).values).toEqual(['first', 'second'])
    await schema.query(`DELETE FROM ${table()}`)
    expect((await valuesIn(store, cursor)).values).toEqual([])
    await store.add([token('after a loss')])
    expect((await valuesIn(store, cursor)).values).toEqual(['after a loss'])
  })

  it('deletes what has expired, but never the newest', async () => {
    await store.add([token('old', -10), token('older', -100)])
    const other = new PostgresRevocationStore(schema.openPool({ max: 2 }), { schema: schema.name })
    await other.add([token('newest', -5)]) // The first write of a process deletes.
    const left = () => schema.query(`SELECT revocation FROM ${table()}`).then((rows) => rows.length)
    while ((await left()) > 2) await pause(20)
    expect((await valuesIn(store)).values).toEqual(['after a loss', 'newest'])
  })

  it('reports what is added after its connection was cut off, and lets the pool end', async () => {
    const pool = new Pool({ connectionString: DATABASE_URL, max: 3, application_name: `watch ${schema.name}` })
    const watching = new PostgresRevocationStore(pool, { schema: schema.name })
    let reports = 0
    const stop = watching.watch(() => {
      reports += 1
    })
    const more = async () => {
      const before = reports
      while (reports === before) await pause(10)
    }
    await more()
    await schema.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      `watch ${schema.name}`,
    ])
    await more() // The loss, or the new connection.
    const adding = setInterval(() => void store.add([token(randomBytes(6).toString('hex'))]), 50)
    await more()
    await more()
    clearInterval(adding)
    await pool.end()
    stop()
  })

  it('watches nothing through a pool of one connection', async () => {
    const pool = schema.openPool({ max: 1 })
    const stop = new PostgresRevocationStore(pool, { schema: schema.name }).watch(() => {})
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    stop()
  })
})
