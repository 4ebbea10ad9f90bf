import { fieldOf } from '../errors/field-of.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { ignoreErrorEvents } from './ignore-error-events.js'

/** In bytes. PostgreSQL cuts names at 63 bytes, and the names of indexes are longer than the name of the table. */
const MAX_NAME_LENGTH = 50
const NAME_RULE = `a name of 1 to ${MAX_NAME_LENGTH} bytes without NUL`
/**
 * unique_violation, duplicate_table, duplicate_object. `IF NOT EXISTS` fails with these if another process creates the same
 * thing at the same time.
 */
const ALREADY_EXISTS_CODES = ['23505', '42P07', '42710']

const UNDEFINED_TABLE = '42P01'

/** A `Pool` of `pg`, or an object that acts like one. Each query must be a transaction of its own. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): PromiseLike<{ rows: unknown[] }>
}

export interface TableNames {
  schema: string
  table: string
}

/** Something that a store needs in the database, and how to find out whether it is there. */
export interface Creation {
  create: string
  find: string
  values: readonly string[]
}

/**
 * Checks what a store is created with, and listens to the pool's `error` events.
 *
 * @throws ConfigError for a pool without `query`, or unknown or wrong options
 */
export function openTable(
  pool: PostgresPool,
  options: object,
  { storeName, defaultTable }: { storeName: string; defaultTable: string },
): TableNames {
  const reader = new OptionReader(options, [storeName])
  const names = readTableNames(reader, defaultTable)
  reader.refuseUnknown()
  reader.throwProblems()
  checkPool(pool, storeName)
  ignoreErrorEvents(pool)
  return names
}

/** A quoted SQL identifier: any text is safe in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quotedTable({ schema, table }: TableNames): string {
  return `${quoted(schema)}.${quoted(table)}`
}

/** @param table with its schema, quoted */
export function tableCreation(table: string, columns: string): Creation {
  return {
    create: `CREATE TABLE IF NOT EXISTS ${table} (${columns})`,
    find: 'SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL',
    values: [table],
  }
}

/** @param key such as `(expires_at)`; any other index that begins with the same column is as good */
export function indexCreation(table: string, index: string, key: string): Creation {
  return {
    create: `CREATE INDEX IF NOT EXISTS ${quoted(index)} ON ${table} ${key}`,
    find: `SELECT 1 FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = pg_catalog.to_regclass($1) AND a.attname = $2`,
    values: [table, /\((\w+)/.exec(key)?.[1] ?? ''],
  }
}

/** Creates what is missing, and changes nothing that exists. Any number of processes may do so at the same time. */
export async function createMissing(pool: PostgresPool, creations: readonly Creation[]): Promise<void> {
  for (const { create, find, values } of creations) {
    const isThere = async () => (await pool.query(find, [...values])).rows.length > 0
    if (await isThere()) continue
    try {
      await pool.query(create)
    } catch (error) {
      if (!ALREADY_EXISTS_CODES.includes(sqlStateOf(error))) throw error
    }
    if (!(await isThere())) throw new Error(`something else already has this name: ${create}`)
  }
}

/** @param table what the statement is about, for the error if it is missing */
export async function queryTable(
  table: string,
  connection: PostgresPool,
  text: string,
  values: unknown[],
): Promise<unknown[]> {
  try {
    return (await connection.query(text, values)).rows
  } catch (cause) {
    if (sqlStateOf(cause) !== UNDEFINED_TABLE) throw cause
    const message = `the table ${table} is missing; call createTable(), or check the options \`schema\` and \`table\``
    throw Object.assign(new Error(message, { cause }), { code: UNDEFINED_TABLE })
  }
}

/** The five characters by which PostgreSQL names an error, or the code of an error of the connection. */
export function sqlStateOf(error: unknown): string {
  return String(fieldOf(error, 'code'))
}

/** Reads the options `schema` and `table`. System schemas are refused: in `pg_temp` each connection has its own table. */
function readTableNames(reader: OptionReader, defaultTable: string): TableNames {
  const isUserSchema = (name: string) => isName(name) && !name.startsWith('pg_')
  return {
    schema: reader.has('schema')
      ? reader.string('schema', `${NAME_RULE}, not beginning with pg_`, isUserSchema)
      : 'public',
    table: reader.has('table') ? reader.string('table', NAME_RULE, isName) : defaultTable,
  }
}

function checkPool(pool: unknown, storeName: string): void {
  if (typeof fieldOf(pool, 'query') === 'function') return
  const message = 'got something else; expected a Pool of pg: an object with the function `query`'
  throw new ConfigError([{ code: 'wrong_type', path: [storeName, 'pool'], message }])
}

function isName(name: string): boolean {
  return Buffer.byteLength(name) <= MAX_NAME_LENGTH && !name.includes('\0')
}
