import { debuglog } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { hearErrors } from './client-errors.js'
import type { ReplayStore } from './replay-store.js'

/** After so many claims that it has won, a process deletes expired ones; and after its first. */
const CLAIMS_PER_SWEEP = 100
/** The most rows that one sweep deletes: more than come in between, so that the table shrinks after a burst. */
const SWEPT_AT_ONCE = 1000
/** Bytes that the name of a table may have: PostgreSQL cuts names at 63, and that of the index is longer. */
const LONGEST_NAME = 50
/** disk_full, out_of_memory */
const FULL = ['53100', '53200']
/** unique_violation, duplicate_table: what `IF NOT EXISTS` may meet where another process creates the same. */
const JUST_CREATED = ['23505', '42P07']

const debug = debuglog('express-jwt-exchange')

/** A `Pool` of `pg`, or what answers like it. Each query must be a transaction of its own. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): PromiseLike<{ rows: unknown[] }>
}

export interface PostgresReplayStoreOptions {
  /** The schema, which must exist, 1 to 50 bytes. Default: `public`. */
  schema?: string
  /** The table, 1 to 50 bytes. Default: `jwt_replay_claims`. */
  table?: string
}

/**
 * Holds the claims in a table of PostgreSQL, for all processes that use it: one row for each, written by one
 * `INSERT … ON CONFLICT`, and expired by the server's clock. Expired rows are deleted beside the claims, at most 1000 at
 * once, and no claim waits for it. The store listens to the pool's `error` events, so that a broken connection does not
 * end the process; it never ends the pool.
 */
export class PostgresReplayStore implements ReplayStore {
  readonly #pool: PostgresPool
  readonly #statements: ReturnType<typeof statementsFor>
  #claims = 0

  /** @throws ConfigError for a pool without `query`, or options that are not understood */
  constructor(pool: PostgresPool, options: PostgresReplayStoreOptions = {}) {
    const reader = new OptionReader({ ...options })
    const names = {
      schema: readName(reader, 'schema', 'public'),
      table: readName(reader, 'table', 'jwt_replay_claims'),
    }
    reader.refuseUnknown()
    reader.throwProblems()
    checkPool(pool)
    this.#statements = statementsFor(names)
    this.#pool = pool
    hearErrors(pool)
  }

  /** Creates the table and its index where they are missing. Any number of processes may do so at the same time. */
  async createTable(): Promise<void> {
    for (const statement of this.#statements.create) {
      try {
        await this.#pool.query(statement)
      } catch (error) {
        if (!JUST_CREATED.includes(codeOf(error))) throw error
      }
    }
  }

  async claim(key: string, expiresAt: number): Promise<boolean> {
    const isFirst = await this.#insert(key, expiresAt)
    if (isFirst) this.#countClaim()
    return isFirst
  }

  async #insert(key: string, expiresAt: number): Promise<boolean> {
    try {
      const { rows } = await this.#pool.query(this.#statements.claim, [key, expiresAt])
      return rows.length === 1
    } catch (cause) {
      if (!FULL.includes(codeOf(cause))) throw cause
      throw new DependencyUnavailable('replay_store_full', { retryAfter: 30, cause })
    }
  }

  #countClaim(): void {
    if (this.#claims % CLAIMS_PER_SWEEP === 0) void this.#deleteExpired()
    this.#claims += 1
  }

  /** Nobody waits for it, and what it leaves, the next one finds. */
  async #deleteExpired(): Promise<void> {
    try {
      await this.#pool.query(this.#statements.deleteExpired)
    } catch (error) {
      debug('expired claims could not be deleted: %s', error)
    }
  }
}

function statementsFor(names: { schema: string; table: string }) {
  const table = `${quoted(names.schema)}.${quoted(names.table)}`
  const index = quoted(`${names.table}_expires_at`)
  return {
    create: [
      `CREATE TABLE IF NOT EXISTS ${table} (key text COLLATE "C" PRIMARY KEY, expires_at timestamptz NOT NULL)`,
      `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (expires_at)`,
    ],
    claim: `INSERT INTO ${table} AS claimed (key, expires_at) VALUES ($1, to_timestamp($2))
      ON CONFLICT (key) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE claimed.expires_at <= now()
      RETURNING 1`,
    // Rows that another process deletes, or that are claimed again right now, are passed over and not waited for.
    deleteExpired: `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE expires_at <= now()
      ORDER BY expires_at LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
  }
}

/** An identifier of SQL, whatever it holds. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function readName(reader: OptionReader, key: string, otherwise: string): string {
  if (!reader.has(key)) return otherwise
  const wanted = `a name of 1 to ${LONGEST_NAME} bytes without NUL`
  return reader.string(key, wanted, (name) => Buffer.byteLength(name) <= LONGEST_NAME && !name.includes('\0'))
}

function checkPool(pool: unknown): void {
  if (typeof fieldOf(pool, 'query') === 'function') return
  throw new ConfigError([{ path: ['pool'], found: 'something else', wanted: 'a Pool of pg: an object with query' }])
}

function codeOf(error: unknown): string {
  return String(fieldOf(error, 'code'))
}
