import { BackgroundDeletion } from '../database/background-deletion.js'
import {
  createMissing,
  indexCreation,
  openTable,
  type PostgresPool,
  quotedTable,
  sqlStateOf,
  type TableNames,
  tableCreation,
} from '../database/postgres-table.js'
import { fieldOf } from '../errors/field-of.js'
import type { ReplayStore } from './replay-store.js'
import { storeFull } from './store-errors.js'

/** More than the new entries between two sweeps, so that the table shrinks after a burst. */
const MAX_ROWS_PER_SWEEP = 1000
/** disk_full, out_of_memory */
const STORAGE_FULL_CODES = ['53100', '53200']

/**
 * Options of a `PostgresReplayStore`.
 *
 * @example
 * new PostgresReplayStore(pool, { schema: 'auth', table: 'used_assertions' })
 */
export interface PostgresReplayStoreOptions {
  /** The schema, which must exist, 1 to 50 bytes, not beginning with `pg_`. Default: `public`. */
  schema?: string
  /** The table, 1 to 50 bytes. Default: `jwt_used_assertions`. */
  table?: string
}

/**
 * Holds the used assertions in a PostgreSQL table, for all processes that use it. Each assertion is one row, written by one
 * `INSERT … ON CONFLICT`, and expires by the server's clock. The store deletes expired rows in the background, at most 1000
 * at a time, on another connection of the pool. It listens to the pool's `error` events, so that a broken connection does not
 * end the process. It never ends the pool.
 *
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const store = new PostgresReplayStore(pool, { schema: 'auth' })
 * createJwtExchange({ ...options, replay: { store } })
 */
export class PostgresReplayStore implements ReplayStore {
  readonly isShared = true
  readonly #pool: PostgresPool
  readonly #statements: ReturnType<typeof statementsFor>
  readonly #expiredEntries: BackgroundDeletion

  /** @throws ConfigError for a pool without `query`, or unknown or wrong options */
  constructor(pool: PostgresPool, options: PostgresReplayStoreOptions = {}) {
    const names = openTable(pool, options, { storeName: 'PostgresReplayStore', defaultTable: 'jwt_used_assertions' })
    this.#statements = statementsFor(names)
    this.#pool = pool
    this.#expiredEntries = new BackgroundDeletion(() => pool.query(this.#statements.deleteExpired))
  }

  /**
   * Creates the table and its index if they are missing, and changes nothing that exists. Any number of processes may call it
   * at the same time.
   */
  createTable(): Promise<void> {
    return createMissing(this.#pool, this.#statements.creations)
  }

  async markUsed(key: string, expiresAt: number): Promise<boolean> {
    const isFirst = await this.#insert(key, expiresAt)
    if (isFirst) this.#expiredEntries.noteWrite()
    return isFirst
  }

  async #insert(key: string, expiresAt: number): Promise<boolean> {
    try {
      const { rows } = await this.#pool.query(this.#statements.markUsed, [key, expiresAt])
      return rows.length === 1 && hasTimestamp(rows[0])
    } catch (cause) {
      if (!STORAGE_FULL_CODES.includes(sqlStateOf(cause))) throw cause
      throw storeFull(cause)
    }
  }
}

/**
 * With a column of another type the entry could expire too early: a `date` expires at midnight.
 *
 * @throws Error for a column of another type
 */
function hasTimestamp(row: unknown): true {
  if (fieldOf(row, 'is_timestamptz') === true) return true
  throw new Error('the column expires_at has the wrong type; expected timestamptz')
}

/** Functions are named with their schema, so that no function in the `search_path` of the role can replace them. */
function statementsFor(names: TableNames) {
  const table = quotedTable(names)
  return {
    creations: [
      tableCreation(table, 'key text COLLATE "C" PRIMARY KEY, expires_at timestamptz NOT NULL'),
      indexCreation(table, `${names.table}_expires_at`, '(expires_at)'),
    ],
    markUsed: `INSERT INTO ${table} AS used (key, expires_at)
      VALUES ($1, pg_catalog.to_timestamp($2::pg_catalog.float8))
      ON CONFLICT (key) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE used.expires_at <= pg_catalog.now()
      RETURNING pg_catalog.pg_typeof(used.expires_at) = 'pg_catalog.timestamptz'::pg_catalog.regtype AS is_timestamptz`,
    // Rows that another process has locked are skipped, so that nothing waits for them. The keys are an array, because the
    // planner may run a subquery again for each row, and then its limit would not hold.
    deleteExpired: `DELETE FROM ${table} WHERE key = ANY (ARRAY(SELECT key FROM ${table}
      WHERE expires_at <= pg_catalog.now() ORDER BY expires_at LIMIT ${MAX_ROWS_PER_SWEEP} FOR UPDATE SKIP LOCKED))`,
  }
}
