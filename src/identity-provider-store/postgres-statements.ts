import { createHash } from 'node:crypto'
import {
  type Creation,
  indexCreation,
  quoted,
  quotedTable,
  type TableNames,
  tableCreation,
} from '../database/postgres-table.js'

/** How many changes a watch reads at once. If there are more, anything may have changed. */
export const MAX_CHANGES = 1000
/** At once. */
const MAX_DELETED = 1000
const HOURS_KEPT = 1

/**
 * `bytea` is ordered by its bytes, and in UTF-16 that is the order of JavaScript's strings. The index of names is a hash,
 * because a B-tree takes no name of 3000 bytes. `json` keeps the text as it was written, and may have `\u0000` in it.
 */
const REGISTRATION_COLUMNS = [
  'id text COLLATE "C" PRIMARY KEY',
  'id_utf16 bytea NOT NULL',
  'name text COLLATE "C" NOT NULL',
  'search_text text COLLATE "C" NOT NULL',
  'enabled boolean NOT NULL',
  'revision text COLLATE "C" NOT NULL',
  'registration json NOT NULL',
  'updated_at timestamptz NOT NULL',
].join(', ')
const CHANGE_COLUMNS = [
  'sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  'id text COLLATE "C" NOT NULL',
  'name text COLLATE "C" NOT NULL',
  'revision text COLLATE "C"',
  'enabled boolean NOT NULL',
  'at timestamptz NOT NULL',
].join(', ')

const UPDATED_AT = 'pg_catalog.floor(EXTRACT(EPOCH FROM updated_at))::pg_catalog.float8 AS updated_at'
const REGISTRATION = `id, name, enabled, revision, registration::pg_catalog.text AS registration, ${UPDATED_AT}`
/** `at` in microseconds, the same in each time zone. */
const CHANGE = `change.sequence::pg_catalog.text AS sequence, id, name, revision, enabled,
      (EXTRACT(EPOCH FROM at) * 1000000)::pg_catalog.int8::pg_catalog.text AS at`

/** The number alone: each role of the database may listen to it. */
const PAYLOAD = `pg_catalog.concat('{"sequence":', sequence, '}')`

export type PostgresStatements = ReturnType<typeof statementsFor>

/** Functions are named with their schema, so that no function in the `search_path` of the role can replace them. */
export function statementsFor(names: TableNames) {
  const table = quotedTable(names)
  const changes = quotedTable({ ...names, table: `${names.table}_changes` })
  return {
    table,
    changes,
    creations: creationsFor(names.table, table, changes),
    find: `SELECT ${REGISTRATION} FROM ${table} WHERE name = $1 ORDER BY id_utf16`,
    get: `SELECT ${REGISTRATION} FROM ${table} WHERE id = $1`,
    revision: `SELECT revision FROM ${table} WHERE id = $1`,
    /** Values: the id after which to begin, see `hexadecimalUtf16`; how many; those of the conditions. */
    list: (conditions: readonly string[]) => `SELECT ${REGISTRATION} FROM ${table}
      WHERE ${["id_utf16 > pg_catalog.decode($1, 'hex')", ...conditions].join(' AND ')}
      ORDER BY id_utf16 LIMIT $2::pg_catalog.int8`,
    ...writesOf(table, changes, names),
    listen: `LISTEN ${quoted(channelOf(names))}`,
    ...readingsOf(changes),
  }
}

function creationsFor(name: string, table: string, changes: string): Creation[] {
  return [
    tableCreation(table, REGISTRATION_COLUMNS),
    indexCreation(table, `${name}_id_utf16`, '(id_utf16)'),
    indexCreation(table, `${name}_name`, 'USING hash (name)'),
    indexCreation(table, `${name}_enabled`, '(enabled, id_utf16)'),
    tableCreation(changes, CHANGE_COLUMNS),
  ]
}

/**
 * Each write is one statement, and so one transaction, also for a pool that has only `query`. It writes the row, records the
 * change and reports it, or does nothing and returns no row.
 *
 * Changes are numbered in the order of their commits. A transaction takes its number while it has a lock, which it keeps until
 * it is committed. So nobody who has read number 5 misses a number 4 that comes later. The lock comes after that of the row,
 * and whoever has it waits for no other lock, so writers cannot block each other for good.
 */
function writesOf(table: string, changes: string, names: TableNames) {
  const values: readonly (readonly [column: string, value: string])[] = [
    ['id', '$1'],
    ['id_utf16', "pg_catalog.decode($2, 'hex')"],
    ['name', '$3'],
    ['search_text', '$4'],
    ['enabled', '$5'],
    ['revision', '$6'],
    ['registration', '$7'],
    ['updated_at', 'pg_catalog.clock_timestamp()'],
  ]
  const list = (index: 0 | 1) => values.map((each) => each[index]).join(', ')
  const set = (assigned: (column: string, value: string) => string) =>
    values.map(([column, value]) => `${column} = ${assigned(column, value)}`).join(', ')
  const insert = `INSERT INTO ${table} (${list(0)}) VALUES (${list(1)})`
  const row = 'id, name, revision, enabled, updated_at'
  const recorded = (write: string, returned = row) => `WITH written AS (${write} RETURNING ${returned}),
      locked AS (SELECT pg_catalog.pg_advisory_xact_lock(${lockOf(names)}) FROM written),
      recorded AS (INSERT INTO ${changes} (id, name, revision, enabled, at)
        SELECT id, name, revision, enabled, pg_catalog.clock_timestamp() FROM written CROSS JOIN locked
        RETURNING sequence)
      SELECT ${UPDATED_AT}, pg_catalog.pg_notify('${channelOf(names)}', ${PAYLOAD}) FROM written CROSS JOIN recorded`
  const remove = (condition: string) =>
    recorded(`DELETE FROM ${table} WHERE ${condition}`, 'id, name, NULL AS revision, false AS enabled, updated_at')
  return {
    put: recorded(`${insert} ON CONFLICT (id) DO UPDATE SET ${set((column) => `EXCLUDED.${column}`)}`),
    putNew: recorded(`${insert} ON CONFLICT (id) DO NOTHING`),
    /** The expected revision is the last value. */
    putSame: recorded(`UPDATE ${table} SET ${set((_, value) => value)} WHERE id = $1 AND revision = $8`),
    remove: remove('id = $1'),
    removeSame: remove('id = $1 AND revision = $2'),
  }
}

function readingsOf(changes: string) {
  const newest = `SELECT pg_catalog.max(sequence) FROM ${changes}`
  return {
    /** The last change that is older than some seconds. */
    changeBefore: `SELECT ${CHANGE} FROM ${changes} AS change
      WHERE at < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1::pg_catalog.float8)
      ORDER BY change.sequence DESC LIMIT 1`,
    newestChange: `SELECT ${CHANGE} FROM ${changes} AS change ORDER BY change.sequence DESC LIMIT 1`,
    /** From a number on. One more than may be read, so that it is known whether there are more. */
    changesFrom: `SELECT ${CHANGE} FROM ${changes} AS change
      WHERE sequence >= $1::pg_catalog.int8 ORDER BY change.sequence LIMIT ${MAX_CHANGES + 2}`,
    // The newest one is kept, for watches that have read it. Rows that another process is deleting are skipped.
    deleteOldChanges: `WITH deleted AS (DELETE FROM ${changes} WHERE sequence = ANY (ARRAY(SELECT sequence FROM ${changes}
        WHERE sequence < (SELECT pg_catalog.min(sequence) + ${MAX_DELETED} FROM ${changes}) AND sequence < (${newest})
          AND at < pg_catalog.now() - pg_catalog.make_interval(hours => ${HOURS_KEPT}) FOR UPDATE SKIP LOCKED))
        RETURNING sequence)
      SELECT pg_catalog.count(*)::pg_catalog.text AS deleted FROM deleted`,
  }
}

/** A number of 64 bits that nobody else is likely to lock. */
function lockOf(names: TableNames): string {
  return `'${digestOf(names).readBigInt64BE()}'::pg_catalog.int8`
}

/** The same for all stores of one table. */
export function channelOf(names: TableNames): string {
  return `express_jwt_exchange_${digestOf(names).toString('hex', 0, 16)}`
}

function digestOf(names: TableNames): Buffer {
  return createHash('sha256')
    .update(`express-jwt-exchange ${quotedTable(names)}`)
    .digest()
}
