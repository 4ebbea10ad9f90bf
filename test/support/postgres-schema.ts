import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { DATABASE_URL } from './services.js'

/** A schema of its own in the database of the tests. */
export interface TestSchema {
  name: string
  /** A pool, ended with the schema. */
  openPool(config?: ConstructorParameters<typeof Pool>[0]): Pool
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  drop(): Promise<void>
}

export async function createSchema(): Promise<TestSchema> {
  const name = `jwt_exchange_${randomBytes(6).toString('hex')}`
  const pools: Pool[] = []
  const openPool = (config = {}) => {
    const pool = new Pool({ connectionString: DATABASE_URL, ...config })
    pool.on('error', () => {})
    pools.push(pool)
    return pool
  }
  const pool = openPool()
  await pool.query(`CREATE SCHEMA ${name}`)
  return {
    name,
    openPool,
    query: async (text, values) => (await pool.query(text, values)).rows,
    drop: async () => {
      await pool.query(`DROP SCHEMA ${name} CASCADE`)
      await Promise.all(pools.map((each) => each.end()))
    },
  }
}
