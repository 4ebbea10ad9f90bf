import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import type { Pool, PoolConfig } from 'pg'
import type {
  IdentityProviderRegistration,
  RegistrationChange,
  StoredRegistration,
} from '../../../src/identity-provider-store/identity-provider-store.js'
import { type PostgresConnectionPool, PostgresIdentityProviderStore } from '../../../src/postgres.js'
import { createSchema, openTestPool, type TestSchema } from '../../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres } from '../../support/services.js'
import { startTcpProxy } from '../../support/tcp-proxy.js'

/** Milliseconds in which a busy machine certainly answers. */
const LONG = 20_000
jest.setTimeout(3 * LONG)

function registrationOf(id: string, members: object = {}): IdentityProviderRegistration {
  return { id, name: `https://${id}.example`, jwksUri: 'https://idp.example/jwks', allowedSubjects: 'any', ...members }
}

function changeOf({ id, name, revision, enabled }: StoredRegistration): RegistrationChange {
  return { id, name, revision, enabled: enabled !== false }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LONG
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${LONG} ms: ${isSo}`)
    await pause(5)
  }
}

describeWithPostgres('a watch of the PostgreSQL identity provider store', () => {
  let schema: TestSchema
  let tables = 0
  /** Of the processes that change what others watch. */
  let writers: Pool
  const opened: Pool[] = []
  const stops: (() => void)[] = []
  beforeAll(async () => {
    schema = await createSchema()
    writers = openPool({ max: 8 })
  })
  afterAll(async () => {
    for (const stop of stops) stop()
    await Promise.all(opened.map((pool) => pool.ending || pool.end()))
    await schema.drop()
  })

  /** Ended after the tests, which wait at the same time. */
  function openPool(config: PoolConfig = {}): Pool {
    const pool = openTestPool({ max: 4, ...config })
    opened.push(pool)
    return pool
  }

  /** What is watched by one process, and a store of another process. */
  async function setUp(config: PoolConfig = {}) {
    tables += 1
    const name = `providers_${tables}`
    const storeOn = (pool: PostgresConnectionPool) =>
      new PostgresIdentityProviderStore(pool, { schema: schema.name, table: name })
    const there = storeOn(writers)
    const application = `watch-${schema.name}-${tables}`
    await there.createTable()
    const pool = openPool({ application_name: application, ...config })
    return { name, table: `${schema.name}.${name}`, there, storeOn, pool, application }
  }

  /** Watches with one pool, as soon as it reads changes. */
  async function watchOn(store: PostgresIdentityProviderStore) {
    const calls: (RegistrationChange | undefined)[] = []
    const errors: unknown[] = []
    const stop = store.watch(
      (...[change]) => calls.push(change),
      (error) => errors.push(error),
    )
    stops.push(stop)
    const expectNext = async (...expected: (RegistrationChange | undefined)[]) => {
      await until(() => calls.length >= expected.length)
      expect(calls.splice(0, expected.length)).toEqual(expected)
    }
    return { calls, errors, stop, expectNext }
  }

  /** The processes of the server that a pool has. */
  async function backendsOf(application: string): Promise<number[]> {
    const rows = await schema.query('SELECT pid FROM pg_stat_activity WHERE application_name = $1', [application])
    return rows.map(({ pid }) => Number(pid))
  }

  async function terminate(application: string): Promise<void> {
    await schema.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      application,
    ])
  }

  it.concurrent('reports each change once and in order, from its beginning on', async () => {
    const { there, storeOn, pool } = await setUp()
    const { expectNext, calls, errors } = await watchOn(storeOn(pool))
    const added = await there.put(registrationOf('a'))
    const disabled = await there.put(registrationOf('a', { enabled: false }))
    const moved = await there.put(registrationOf('a', { name: 'https://moved.example' }))
    await there.remove('a')
    const removed = { id: 'a', name: 'https://moved.example', revision: undefined, enabled: false }
    await expectNext(changeOf(added), changeOf(disabled), changeOf(moved), removed)
    await pause(1200)
    expect([calls, errors]).toEqual([[], []])
  })

  it.concurrent('reports no change that was made long before it began', async () => {
    const { there, storeOn, pool, table } = await setUp()
    for (const id of ['a', 'b', 'c']) await there.put(registrationOf(id))
    await schema.query(`UPDATE ${table}_changes SET at = at - interval '10 seconds'`)
    const { expectNext } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('d'))))
  })

  it.concurrent('reports a change that is made before its connection is open', async () => {
    const { there, storeOn, pool } = await setUp()
    const slowly = {
      query: (text: string, values?: unknown[]) => pool.query(text, values),
      connect: async () => {
        await pause(1000)
        return await pool.connect()
      },
    }
    const { expectNext, calls } = await watchOn(storeOn(slowly))
    const stored = await there.put(registrationOf('a'))
    expect(calls).toEqual([])
    await expectNext(changeOf(stored))
  })

  it.concurrent('keeps one connection, which it closes when it ends', async () => {
    const { there, storeOn, pool, application } = await setUp()
    const { expectNext, stop, calls } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    expect([await backendsOf(application), pool.totalCount, pool.idleCount]).toEqual([[expect.any(Number)], 1, 0])
    stop()
    stop()
    await until(async () => (await backendsOf(application)).length === 0)
    expect(pool.totalCount).toBe(0)
    await there.put(registrationOf('b'))
    await pause(1000)
    expect(calls).toEqual([])
  })

  it.concurrent('takes no connection if it ends before it gets one', async () => {
    const { storeOn, pool, application } = await setUp()
    const { stop, errors } = await watchOn(storeOn(pool))
    stop()
    await until(async () => pool.totalCount === 0 && (await backendsOf(application)).length === 0)
    await pool.end()
    expect(errors).toEqual([])
  })

  it.concurrent.each<[string, (pool: Pool) => PostgresConnectionPool, PoolConfig]>([
    ['has no connect', (pool) => ({ query: (text, values) => pool.query(text, values) }), {}],
    ['has one connection', (pool) => pool, { max: 1 }],
  ])('asks a pool that %s, which others can still use', async (_, of, config) => {
    const { there, storeOn, pool } = await setUp(config)
    const here = storeOn(of(pool))
    const { expectNext, errors } = await watchOn(here)
    for (let round = 0; round < 3; round += 1) {
      const stored = await there.put(registrationOf('a'))
      await expectNext(changeOf(stored))
      expect(await here.get('a')).toEqual(stored)
    }
    expect(errors).toEqual([])
  })

  it.concurrent('reports a change also if its notification was lost', async () => {
    const { there, storeOn, pool, table } = await setUp()
    const { expectNext } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    for (const id of ['b', 'c', 'd']) {
      await schema.query(`INSERT INTO ${table}_changes (id, name, enabled, at) VALUES ($1, 'b', false, now())`, [id])
      await expectNext({ id, name: 'b', revision: undefined, enabled: false })
    }
  })

  it.concurrent('goes on without notifications if the server refuses them, as a standby does', async () => {
    const { there, storeOn, pool } = await setUp()
    const connect = async () => {
      const connection = await pool.connect()
      const query = connection.query.bind(connection)
      const refuse = (text: string, values?: unknown[]) =>
        text.startsWith('LISTEN') ? query('SELECT 1 / 0') : query(text, values)
      return Object.assign(Object.create(connection), { query: refuse })
    }
    const { expectNext, errors } = await watchOn(
      storeOn({ query: (text, values) => pool.query(text, values), connect }),
    )
    for (const id of ['a', 'b']) await expectNext(changeOf(await there.put(registrationOf(id))))
    expect(errors).toEqual([])
  })

  it.concurrent('loses no change, reports none twice and does not begin again if its connections are ended', async () => {
    const { there, storeOn, pool, application, table } = await setUp()
    const { expectNext, errors } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('first'))))
    for (let round = 0; round < 5; round += 1) {
      await until(async () => (await backendsOf(application)).length > 0)
      await terminate(application)
      const puts = ['a', 'b', 'c'].map((id) => there.put(registrationOf(id)))
      const order = await Promise.all(puts)
      const sequence = await schema.query(
        `SELECT id, name, revision, enabled FROM ${table}_changes ORDER BY sequence DESC LIMIT 3`,
      )
      expect(new Set(sequence.map(({ revision }) => revision))).toEqual(new Set(order.map(({ revision }) => revision)))
      await expectNext(...(sequence.reverse() as unknown as RegistrationChange[]))
    }
    expect(errors.length).toBeGreaterThan(0)
  })

  it.concurrent('reports what was changed while nobody could connect', async () => {
    const { there, storeOn } = await setUp()
    const { hostname, port, pathname, username, password } = new URL(DATABASE_URL)
    const target = { host: hostname, port: Number(port) || 5432 }
    const proxy = await startTcpProxy(target)
    const pool = openPool({ connectionString: `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}` })
    const { expectNext, errors, stop } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    await proxy.close()
    const missed = [await there.put(registrationOf('b')), await there.put(registrationOf('c'))]
    await until(() => errors.length >= 3)
    expect(errors.at(-1)).toMatchObject({ code: 'ECONNREFUSED' })
    const again = await startTcpProxy(target, proxy.port)
    await expectNext(...missed.map(changeOf))
    stop()
    await pool.end()
    await again.close()
  })

  it.concurrent('gives up a connection that does not answer any more, and misses nothing', async () => {
    const { there, storeOn } = await setUp()
    const { hostname, port, pathname, username, password } = new URL(DATABASE_URL)
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) || 5432 })
    const pool = openPool({ connectionString: `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}` })
    const { expectNext, errors, stop } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    proxy.silence()
    const missed = await there.put(registrationOf('b'))
    await expectNext(changeOf(missed))
    expect(errors).toMatchObject([{ code: 'no_answer' }])
    stop()
    await pool.end()
    await proxy.close()
  })

  it.concurrent('reports that it has no connection as long as others use all of them', async () => {
    const { there, storeOn, pool } = await setUp({ max: 2 })
    const others = [await pool.connect(), await pool.connect()]
    const { expectNext, errors } = await watchOn(storeOn(pool))
    const stored = await there.put(registrationOf('a'))
    await until(() => errors.length > 0)
    expect(errors).toMatchObject([{ code: 'no_connection' }])
    for (const each of others) each.release()
    await expectNext(changeOf(stored))
  })

  it.concurrent('reports that anything may have changed if it has missed changes that are not recorded any more', async () => {
    const { there, storeOn, pool, application, table } = await setUp()
    const { expectNext } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    const lock = await openPool().connect()
    await lock.query('BEGIN')
    await lock.query(`LOCK TABLE ${table}_changes IN ACCESS EXCLUSIVE MODE`)
    await terminate(application)
    await lock.query(`INSERT INTO ${table}_changes (id, name, enabled, at) VALUES ('b', 'b', true, now())`)
    await lock.query(`INSERT INTO ${table}_changes (id, name, enabled, at) VALUES ('c', 'c', true, now())`)
    await lock.query(`DELETE FROM ${table}_changes WHERE id <> 'c'`)
    await lock.query('COMMIT')
    lock.release()
    await expectNext(undefined)
    await expectNext(changeOf(await there.put(registrationOf('d'))))
  })

  it.concurrent('reports that anything may have changed if the server has lost changes, and given their numbers to others', async () => {
    const { there, storeOn, pool, table } = await setUp()
    const { expectNext } = await watchOn(storeOn(pool))
    const first = await there.put(registrationOf('a'))
    await there.remove('a')
    const removed = { id: 'a', name: first.name, revision: undefined, enabled: false }
    await expectNext(changeOf(first), removed)
    await schema.query(`UPDATE ${table}_changes SET at = at + interval '1 millisecond' WHERE sequence = 2`)
    await expectNext(undefined)
    await schema.query(`DELETE FROM ${table}_changes WHERE sequence = 2`)
    await expectNext(undefined)
    await schema.query(`TRUNCATE ${table}_changes RESTART IDENTITY`)
    await expectNext(undefined)
    await expectNext(changeOf(await there.put(registrationOf('b'))))
  })

  it.concurrent('reports that anything may have changed if the first change of all is not recorded any more', async () => {
    const { there, storeOn, pool, table } = await setUp()
    const { expectNext, calls } = await watchOn(storeOn(pool))
    await pause(1200)
    expect(calls).toEqual([])
    await schema.query(`INSERT INTO ${table}_changes OVERRIDING SYSTEM VALUE VALUES (7, 'a', 'a', NULL, true, now())`)
    await expectNext(undefined)
    await schema.query(`ALTER TABLE ${table}_changes ALTER COLUMN sequence RESTART WITH 8`)
    await expectNext(changeOf(await there.put(registrationOf('b'))))
  })

  it.concurrent('reports up to 1000 changes one by one, and of more that anything may have changed', async () => {
    const { there, storeOn, pool, table } = await setUp()
    const { expectNext, calls } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    const insert = (count: number) =>
      schema.query(
        `INSERT INTO ${table}_changes (id, name, enabled, at)
        SELECT i::text, 'b', true, now() FROM generate_series(1, $1::int) AS i`,
        [count],
      )
    await insert(1000)
    await until(() => calls.length === 1000)
    expect(calls.splice(0)).toEqual(
      Array.from({ length: 1000 }, (_, index) => ({
        id: `${index + 1}`,
        name: 'b',
        revision: undefined,
        enabled: true,
      })),
    )
    await insert(1001)
    await expectNext(undefined)
    await expectNext(changeOf(await there.put(registrationOf('c'))))
  })

  it.concurrent('reports why it cannot read, and goes on when it can', async () => {
    const pool = openPool()
    const store = new PostgresIdentityProviderStore(pool, { schema: schema.name, table: 'created_later' })
    const { errors, expectNext } = await watchOn(store)
    await until(() => errors.length >= 2)
    expect(errors[0]).toMatchObject({ code: '42P01', message: expect.stringContaining('call createTable()') })
    await store.createTable()
    await expectNext(changeOf(await store.put(registrationOf('a'))))
  })

  it.concurrent('waits while the table is locked', async () => {
    const { there, storeOn, pool, table } = await setUp()
    const { expectNext } = await watchOn(storeOn(pool))
    const stored = await there.put(registrationOf('a'))
    await expectNext(changeOf(stored))
    const lock = await openPool().connect()
    await lock.query('BEGIN')
    await lock.query(`LOCK TABLE ${table}, ${table}_changes IN ACCESS EXCLUSIVE MODE`)
    const put = there.put(registrationOf('b'))
    await pause(1000)
    await lock.query('COMMIT')
    lock.release()
    await expectNext(changeOf(await put))
  })

  it.concurrent('survives functions that throw', async () => {
    const { there, storeOn, pool, application } = await setUp()
    const calls: unknown[] = []
    const errors: unknown[] = []
    const stop = storeOn(pool).watch(
      (change) => {
        calls.push(change?.id)
        throw new Error('thrown by onChange')
      },
      (error) => {
        errors.push(error)
        throw new Error('thrown by onError')
      },
    )
    stops.push(stop)
    await there.put(registrationOf('a'))
    await until(() => calls.length === 1)
    await terminate(application)
    await until(() => errors.length > 0)
    await there.put(registrationOf('b'))
    await until(() => calls.length === 2)
    expect(calls).toEqual(['a', 'b'])
  })

  it.concurrent('needs no onError', async () => {
    const { there, storeOn, pool, application } = await setUp()
    const calls: unknown[] = []
    stops.push(storeOn(pool).watch((change) => calls.push(change?.id)))
    await there.put(registrationOf('a'))
    await until(() => calls.length === 1)
    await terminate(application)
    await there.put(registrationOf('b'))
    await until(() => calls.length === 2)
  })

  it.concurrent.each<[string, PoolConfig]>([
    ['a connection of its own', {}],
    ['the only connection of the pool', { max: 1 }],
  ])('ends with the pool, which need not wait for it: %s', async (_, config) => {
    const { there, storeOn, pool, application } = await setUp(config)
    const { errors, expectNext } = await watchOn(storeOn(pool))
    await expectNext(changeOf(await there.put(registrationOf('a'))))
    await pool.end()
    await until(() => errors.length > 0)
    await pause(1500)
    expect(errors.at(-1)).toMatchObject({ code: 'pool_ended' })
    expect(errors.length).toBeLessThan(3)
    expect(await backendsOf(application)).toEqual([])
  })

  it.concurrent('reports an error if the pool lends no connection', async () => {
    const { storeOn, pool } = await setUp()
    const lendNothing = {
      query: (text: string, values?: unknown[]) => pool.query(text, values),
      connect: async () => {},
    }
    const { errors } = await watchOn(storeOn(lendNothing as unknown as PostgresConnectionPool))
    await until(() => errors.length > 1)
    expect(errors[0]).toMatchObject({ code: 'no_connection', message: expect.stringContaining('pass a Pool of pg') })
  })

  it.concurrent('asks one question at a time, also after one that took too long', async () => {
    const { there, storeOn, pool } = await setUp()
    let questions = 0
    let answer = () => {}
    const query = async (text: string, values?: unknown[]) => {
      questions += 1
      if (questions === 2) await new Promise<void>((resolve) => (answer = resolve))
      return await pool.query(text, values)
    }
    const { expectNext, errors } = await watchOn(storeOn({ query }))
    await until(() => errors.length > 0)
    await pause(1000)
    expect([questions, errors]).toMatchObject([2, [{ code: 'no_answer' }]])
    answer()
    await expectNext(changeOf(await there.put(registrationOf('a'))))
  })

  it.concurrent('does not keep its process alive', async () => {
    const { name } = await setUp()
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL, SCHEMA: schema.name, TABLE: name }
    const program = ['--input-type=module', '-e', WATCHING_PROCESS]
    const { stdout } = await promisify(execFile)(process.execPath, program, { env, timeout: LONG })
    expect(stdout).toBe('a\n')
  })
})

const WATCHING_PROCESS = `
  import pg from 'pg'
  import { PostgresIdentityProviderStore } from 'express-jwt-exchange/postgres'

  const { DATABASE_URL: connectionString, SCHEMA: schema, TABLE: table } = process.env
  const pool = new pg.Pool({ connectionString, allowExitOnIdle: true })
  const store = new PostgresIdentityProviderStore(pool, { schema, table })
  await new Promise((resolve) => {
    store.watch((change) => {
      console.log(change.id)
      resolve()
    })
    void store.put({ id: 'a', name: 'a', jwksUri: 'https://idp.example/jwks', allowedSubjects: 'any' })
    setTimeout(() => {}, 2000) // What a server does.
  })
`
