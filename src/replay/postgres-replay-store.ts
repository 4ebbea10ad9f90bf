import { debuglog } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { ReplayStore } from './replay-store.js'
import { ignoreErrorEvents, storeFull } from './store-errors.js'

/** A process deletes expired rows after its first new entry, and again after this many. */
const ENTRIES_PER_SWEEP = 100
/** More than the new entries between two sweeps, so that the table shrinks after a burst. */
const MAX_ROWS_PER_SWEEP = 1000
/** In bytes. PostgreSQL cuts names at 63 bytes, and the name of the index is longer than the name of the table. */
const MAX_NAME_LENGTH = 50
const NAME_RULE = `a name of 1 to ${MAX_NAME_LENGTH} bytes without NUL`
/** disk_full, out_of_memory */
const STORAGE_FULL_CODES = ['53100', '53200']
/**
 * unique_violation, duplicate_table, duplicate_object. `IF NOT EXISTS` fails with these if another process creates the same
 * thing at the same time.
 */
const ALREADY_EXISTS_CODES = ['23505', '42P07', '42710']

const debug = debuglog('express-jwt-exchange')

/** A `Pool` of `pg`, or an object that acts like one. Each query must be a transaction of its own. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): PromiseLike<{ rows: unknown[] }>
}

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
  #entries = 0
  #isSweeping = false

  /** @throws ConfigError for a pool without `query`, or unknown or wrong options */
  constructor(pool: PostgresPool, options: PostgresReplayStoreOptions = {}) {
    const reader = new OptionReader(options, ['PostgresReplayStore'])
    const names = {
      schema: readSchema(reader),
      table: readTable(reader),
    }
    reader.refuseUnknown()
    reader.throwProblems()
    checkPool(pool)
    this.#statements = statementsFor(names)
    this.#pool = pool
    ignoreErrorEvents(pool)
  }

  /**
   * Creates the table and its index if they are missing, and changes nothing that exists. Any number of processes may call it
   * at the same time.
   */
  async createTable(): Promise<void> {
    const { table, createTable, findIndex, createIndex } = this.#statements
    await this.#createMissing('SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL', createTable, table)
    await this.#createMissing(findIndex, createIndex, table)
  }

  async markUsed(key: string, expiresAt: number): Promise<boolean> {
    const isFirst = await this.#insert(key, expiresAt)
    if (isFirst) this.#countEntry()
    return isFirst
  }

  async #insert(key: string, expiresAt: number): Promise<boolean> {
    try {
      const { rows } = await this.#pool.query(this.#statements.markUsed, [key, expiresAt])
      return rows.length === 1 && hasTimestamp(rows[0])
    } catch (cause) {
      if (!STORAGE_FULL_CODES.includes(codeOf(cause))) throw cause
      throw storeFull(cause)
    }
  }

  #countEntry(): void {
    if (this.#entries % ENTRIES_PER_SWEEP === 0) void this.#deleteExpired()
    this.#entries += 1
  }

  /** No request waits for it. The next sweep deletes the rows that it leaves. */
  async #deleteExpired(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      await this.#pool.query(this.#statements.deleteExpired)
    } catch (error) {
      debug('expired entries could not be deleted: %s', error)
    } finally {
      this.#isSweeping = false
    }
  }

  async #createMissing(find: string, create: string, table: string): Promise<void> {
    const isThere = async () => (await this.#pool.query(find, [table])).rows.length > 0
    if (await isThere()) return
    try {
      await this.#pool.query(create)
    } catch (error) {
      if (!ALREADY_EXISTS_CODES.includes(codeOf(error))) throw error
    }
    if (!(await isThere())) throw new Error(`something else already has this name: ${create}`)
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
function statementsFor(names: { schema: string; table: string }) {
  const table = `${quoted(names.schema)}.${quoted(names.table)}`
  const index = quoted(`${names.table}_expires_at`)
  return {
    table,
    createTable: `CREATE TABLE IF NOT EXISTS ${table} (key text COLLATE "C" PRIMARY KEY, expires_at timestamptz NOT NULL)`,
    createIndex: `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires_at)`,
    findIndex: `SELECT 1 FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = pg_catalog.to_regclass($1) AND a.attname = 'expires_at'`,
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

/** A quoted SQL identifier: any text is safe in it. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Refuses system schemas: in `pg_temp` each connection has its own table. */
function readSchema(reader: OptionReader): string {
  if (!reader.has('schema')) return 'public'
  return reader.string(
    'schema',
    `${NAME_RULE}, not beginning with pg_`,
    (name) => isName(name) && !name.startsWith('pg_'),
  )
}

function readTable(reader: OptionReader): string {
  return reader.has('table') ? reader.string('table', NAME_RULE, isName) : 'jwt_used_assertions'
}

function isName(name: string): boolean {
  return Buffer.byteLength(name) <= MAX_NAME_LENGTH && !name.includes('\0')
}

function checkPool(pool: unknown): void {
  if (typeof fieldOf(pool, 'query') === 'function') return
  const message = 'got something else; expected a Pool of pg: an object with the function `query`'
  throw new ConfigError([{ code: 'wrong_type', path: ['PostgresReplayStore', 'pool'], message }])
}

function codeOf(error: unknown): string {
  return String(fieldOf(error, 'code'))
}
