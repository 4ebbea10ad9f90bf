import { createHash } from 'node:crypto'
import { BackgroundDeletion } from '../database/background-deletion.js'
import type { PostgresConnectionPool } from '../database/postgres-listener.js'
import { PostgresSignals } from '../database/postgres-signals.js'
import {
  createMissing,
  indexCreation,
  openTable,
  queryTable,
  quoted,
  quotedTable,
  type TableNames,
  tableCreation,
} from '../database/postgres-table.js'
import { fieldOf } from '../errors/field-of.js'
import type { Revocation, RevocationPage, RevocationStore } from './revocation-store.js'
import { parseRevocation, writeRevocation } from './stored-revocation.js'

/** How many revocations are read at once. */
const PAGE = 1000
/** More than the new rows between two sweeps, so that the table shrinks after a burst. */
const MAX_ROWS_PER_SWEEP = 1000

/**
 * Options of a `PostgresRevocationStore`.
 *
 * @example
 * new PostgresRevocationStore(pool, { schema: 'auth', table: 'revocations' })
 */
export interface PostgresRevocationStoreOptions {
  /** The schema, which must exist, 1 to 50 bytes, not beginning with `pg_`. Default: `public`. */
  schema?: string
  /** The table, 1 to 50 bytes. Default: `jwt_revocations`. */
  table?: string
}

interface Row {
  /** A whole number of 64 bits. */
  sequence: string
  digest: string
  revocation: string
}

/**
 * Holds revocations in a PostgreSQL table, for all processes that use it. Each call is one statement. It notifies the processes that
 * watch, each on a connection of its own: with a pool of one connection, or without `connect`, a process learns of them when it
 * reads the next time. Rows expire by the server's clock, and are deleted in the background. The store listens to the pool's
 * `error` events, so that a broken connection does not end the process. It never ends the pool.
 *
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const store = new PostgresRevocationStore(pool, { schema: 'auth' })
 * await store.createTable()
 * createJwtExchange({ ...options, revocation: { store } })
 */
export class PostgresRevocationStore implements RevocationStore {
  readonly isShared = true
  readonly #pool: PostgresConnectionPool
  readonly #statements: ReturnType<typeof statementsFor>
  readonly #expiredRows: BackgroundDeletion

  /** @throws ConfigError for a pool without `query`, or unknown or wrong options */
  constructor(pool: PostgresConnectionPool, options: PostgresRevocationStoreOptions = {}) {
    const names = openTable(pool, options, { storeName: 'PostgresRevocationStore', defaultTable: 'jwt_revocations' })
    this.#statements = statementsFor(names)
    this.#pool = pool
    this.#expiredRows = new BackgroundDeletion(() => pool.query(this.#statements.deleteExpired))
  }

  /**
   * Creates the table and its index if they are missing, and changes nothing that exists. Any number of processes may call it
   * at the same time.
   */
  createTable(): Promise<void> {
    return createMissing(this.#pool, this.#statements.creations)
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    const rows = revocations.map((each) => {
      const revocation = writeRevocation(each)
      return { digest: digestOf(revocation), revocation, expires_at: each.expiresAt }
    })
    await this.#query(this.#statements.add, [JSON.stringify(rows)])
    this.#expiredRows.noteWrite()
  }

  async read(cursor?: string): Promise<RevocationPage> {
    const [, sequence, digest] = /^(\d+):(.*)$/.exec(cursor ?? '') ?? []
    if (sequence === undefined) return pageOf(await this.#rowsFrom('0'))
    const [last, ...rows] = await this.#rowsFrom(sequence)
    // Otherwise the last one that was read was deleted, or lost with a server that failed.
    const isKnown = last?.sequence === sequence && last.digest === digest
    return pageOf(isKnown ? rows : await this.#rowsFrom('0'), cursor)
  }

  watch(onChange: () => void): () => void {
    const { listen, table } = this.#statements
    const signals = new PostgresSignals({ pool: this.#pool, listen, table, onSignal: onChange })
    signals.start()
    return () => signals.stop()
  }

  async #rowsFrom(sequence: string): Promise<Row[]> {
    return (await this.#query(this.#statements.from, [sequence])).map(readRow)
  }

  #query(text: string, values: unknown[]): Promise<unknown[]> {
    return queryTable(this.#statements.table, this.#pool, text, values)
  }
}

function pageOf(rows: readonly Row[], cursor?: string): RevocationPage {
  const page = rows.slice(0, PAGE)
  const last = page.at(-1)
  return {
    revocations: page.map(({ revocation }) => parseRevocation(revocation)),
    cursor: last === undefined ? cursor : `${last.sequence}:${last.digest}`,
    hasMore: rows.length > PAGE,
  }
}

function readRow(row: unknown): Row {
  const text = (name: string) => String(fieldOf(row, name))
  return { sequence: text('sequence'), digest: text('digest'), revocation: text('revocation') }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** Functions are named with their schema, so that no function in the `search_path` of the role can replace them. */
function statementsFor(names: TableNames) {
  const table = quotedTable(names)
  const own = createHash('sha256').update(`express-jwt-exchange revocations ${table}`).digest()
  const channel = `express_jwt_exchange_${own.toString('hex', 0, 16)}`
  const columns = [
    'sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    'digest text COLLATE "C" NOT NULL UNIQUE',
    'revocation text COLLATE "C" NOT NULL',
    'expires_at timestamptz NOT NULL',
  ]
  return {
    table,
    creations: [
      tableCreation(table, columns.join(', ')),
      indexCreation(table, `${names.table}_expires_at`, '(expires_at)'),
    ],
    listen: `LISTEN ${quoted(channel)}`,
    /**
     * Rows are numbered in the order of their commits: a transaction takes its number while it has a lock, which it keeps until it
     * is committed. So nobody who has read number 5 misses a number 4 that comes later.
     */
    add: `WITH locked AS (SELECT pg_catalog.pg_advisory_xact_lock('${own.readBigInt64BE()}'::pg_catalog.int8)),
      recorded AS (INSERT INTO ${table} (digest, revocation, expires_at)
        SELECT given.digest, given.revocation, pg_catalog.to_timestamp(given.expires_at)
        FROM locked CROSS JOIN pg_catalog.json_to_recordset($1::pg_catalog.json)
          AS given (digest pg_catalog.text, revocation pg_catalog.text, expires_at pg_catalog.float8)
        ON CONFLICT (digest) DO NOTHING RETURNING sequence)
      SELECT pg_catalog.pg_notify('${channel}', '') FROM recorded LIMIT 1`,
    /** One more than a page after the first row, so that it is known whether there are more. */
    from: `SELECT sequence::pg_catalog.text AS sequence, digest, revocation FROM ${table}
      WHERE sequence >= $1::pg_catalog.int8 ORDER BY ${table}.sequence LIMIT ${PAGE + 2}`,
    // The newest one is kept, for processes that have read it. Rows that another process has locked are skipped.
    deleteExpired: `DELETE FROM ${table} WHERE sequence = ANY (ARRAY(SELECT sequence FROM ${table}
      WHERE expires_at <= pg_catalog.now() AND sequence < (SELECT pg_catalog.max(sequence) FROM ${table})
      ORDER BY expires_at LIMIT ${MAX_ROWS_PER_SWEEP} FOR UPDATE SKIP LOCKED))`,
  }
}
