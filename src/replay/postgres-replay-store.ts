import { debuglog } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { hearErrors } from './client-errors.js'
import type { ReplayStore } from './replay-store.js'

/** After its first new entry, and after so many more, a process deletes expired ones. */
const ENTRIES_PER_SWEEP = 100
/** The most rows that one sweep deletes: more than come in between, so that the table shrinks after a burst. */
const SWEPT_AT_ONCE = 1000
/** Bytes that the name of a table may have: PostgreSQL cuts names at 63, and that of the index is longer. */
const MAX_NAME_LENGTH = 50
const NAME = `a name of 1 to ${MAX_NAME_LENGTH} bytes without NUL`
/** disk_full, out_of_memory */
const FULL = ['53100', '53200']
/** unique_violation, duplicate_table, duplicate_object: `IF NOT EXISTS` may meet what another process creates right now. */
const JUST_CREATED = ['23505', '42P07', '42710']

const debug = debuglog('express-jwt-exchange')

/** A `Pool` of `pg`, or what answers like it. Each query must be a transaction of its own. */
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
 * Holds the used assertions in a table of PostgreSQL, for all processes that use it: one row for each, written by one
 * `INSERT … ON CONFLICT`, and expired by the server's clock. Expired rows are deleted along the way, at most 1000 at
 * once, over another connection of the pool. The store listens to the pool's `error` events, so that a broken connection does not
 * end the process; it never ends the pool.
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

  /** @throws ConfigError for a pool without `query`, or options that are not understood */
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
    hearErrors(pool)
  }

  /**
   * Creates the table and its index where they are missing, and touches nothing that is there. Any number of processes may
   * do so at the same time.
   */
  async createTable(): Promise<void> {
    const { table, createTable, findIndex, createIndex } = this.#statements
    await this.#createMissing('SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL', createTable, table)
    await this.#createMissing(findIndex, createIndex, table)
  }

  async markUsed(key: string, expiresAt: number): Promise<boolean> {
    const isFirst = await this.#insert(key, expiresAt)
    if (isFirst) this.#countClaim()
    return isFirst
  }

  async #insert(key: string, expiresAt: number): Promise<boolean> {
    try {
      const { rows } = await this.#pool.query(this.#statements.markUsed, [key, expiresAt])
      return rows.length === 1 && isSureOf(rows[0])
    } catch (cause) {
      if (!FULL.includes(codeOf(cause))) throw cause
      throw new DependencyUnavailable('replay_store_full', { retryAfter: 30, cause })
    }
  }

  #countClaim(): void {
    if (this.#entries % ENTRIES_PER_SWEEP === 0) void this.#deleteExpired()
    this.#entries += 1
  }

  /** Nobody waits for it, and what it leaves, the next one finds. */
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
      if (!JUST_CREATED.includes(codeOf(error))) throw error
    }
    if (!(await isThere())) throw new Error(`its name is taken by something else: ${create}`)
  }
}

/** A column of another type could forget the entry, as a `date` does at midnight. */
function isSureOf(row: unknown): boolean {
  if (fieldOf(row, 'is_timestamptz') === true) return true
  throw new Error('the column expires_at is no timestamptz')
}

/** Functions are named with their schema, so that none in the `search_path` of the role takes their place. */
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
    // Rows that another process deletes, or that are written again right now, are passed over and not waited for. As an
    // array, because the planner may ask a subquery again for each row, and its limit would count anew.
    deleteExpired: `DELETE FROM ${table} WHERE key = ANY (ARRAY(SELECT key FROM ${table}
      WHERE expires_at <= pg_catalog.now() ORDER BY expires_at LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED))`,
  }
}

/** An identifier of SQL, whatever it holds. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Not in `pg_temp`, where each connection has a table of its own, nor in another schema of the system. */
function readSchema(reader: OptionReader): string {
  if (!reader.has('schema')) return 'public'
  return reader.string('schema', `${NAME}, not beginning with pg_`, (name) => isName(name) && !name.startsWith('pg_'))
}

function readTable(reader: OptionReader): string {
  return reader.has('table') ? reader.string('table', NAME, isName) : 'jwt_used_assertions'
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
