import { randomBytes } from 'node:crypto'
import { Pool, type PoolConfig } from 'pg'
import { PostgresReplayStore } from '../../src/replay/postgres-replay-store.js'
import { DATABASE_URL } from './services.js'

/** A schema of its own in the database of the tests. */
export interface TestSchema {
  name: string
  /** A pool, ended with the schema. */
  openPool(config?: PoolConfig): Pool
  /** A store with a pool of its own, for the table of `createSchemaWithTable`. */
  makeStore(): PostgresReplayStore
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  drop(): Promise<void>
}

/** A commit waits for no disk: no test is about a server that loses its power. */
const QUICK_COMMITS = '-c synchronous_commit=off'

/** A pool for the database of the tests. */
export function openTestPool({ options = '', ...config }: PoolConfig = {}): Pool {
  return new Pool({ connectionString: DATABASE_URL, options: `${QUICK_COMMITS} ${options}`, ...config })
}

export async function createSchema(): Promise<TestSchema> {
  const name = `jwt_exchange_${randomBytes(6).toString('hex')}`
  const pools: Pool[] = []
  const openPool = (config?: PoolConfig) => {
    const pool = openTestPool(config)
    pool.on('error', () => {})
    pools.push(pool)
    return pool
  }
  const pool = openPool()
  await pool.query(`CREATE SCHEMA ${name}`)
  return {
    name,
    openPool,
    makeStore: () => new PostgresReplayStore(openPool(), { schema: name }),
    query: async (text, values) => (await pool.query(text, values)).rows,
    drop: async () => {
      await pool.query(`DROP SCHEMA ${name} CASCADE`)
      await Promise.all(pools.map((each) => each.end()))
    },
  }
}

/** A schema that has the table of claims. */
export async function createSchemaWithTable(): Promise<TestSchema> {
  const schema = await createSchema()
  await schema.makeStore().createTable()
  return schema
}
