import { randomUUID } from 'node:crypto'
import { BackgroundDeletion } from '../database/background-deletion.js'
import type { PostgresConnectionPool } from '../database/postgres-listener.js'
import { createMissing, openTable, queryTable } from '../database/postgres-table.js'
import { fieldOf } from '../errors/field-of.js'
import { parseJson } from '../jwt/parse-json.js'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  type ListOptions,
  type RegistrationChange,
  RevisionConflict,
  type StoredRegistration,
  type WriteOptions,
} from './identity-provider-store.js'
import { PostgresChangeFeed } from './postgres-change-feed.js'
import { type PostgresStatements, statementsFor } from './postgres-statements.js'
import { isStorableId, isStorableName, isTrusted, toStoredText } from './storable-registration.js'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
/** After a burst of changes, so that it ends. */
const MAX_DELETIONS = 100

/**
 * Options of a `PostgresIdentityProviderStore`.
 *
 * @example
 * new PostgresIdentityProviderStore(pool, { schema: 'auth', table: 'identity_providers' })
 */
export interface PostgresIdentityProviderStoreOptions {
  /** The schema, which must exist, 1 to 50 bytes, not beginning with `pg_`. Default: `public`. */
  schema?: string
  /** The table, 1 to 50 bytes. Changes are in a second one, `{table}_changes`. Default: `jwt_identity_providers`. */
  table?: string
}

/**
 * Keeps identity providers in a PostgreSQL table, for all processes that use it. Each write is one statement, which also
 * records the change and notifies the processes that watch. A watch takes one connection of the pool for as long as it lasts.
 * With a pool of one connection, or without `connect`, it reads the table twice a second instead. The store listens to the pool's `error`
 * events, so that a broken connection does not end the process. It never ends the pool.
 *
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const identityProviderStore = new PostgresIdentityProviderStore(pool, { schema: 'auth' })
 * await identityProviderStore.createTable()
 * createJwtExchange({ ...options, identityProviderStore, subject: 'namespaced' })
 */
export class PostgresIdentityProviderStore implements IdentityProviderStore {
  readonly #pool: PostgresConnectionPool
  readonly #statements: PostgresStatements
  readonly #oldChanges: BackgroundDeletion

  /** @throws ConfigError for a pool without `query`, or unknown or wrong options */
  constructor(pool: PostgresConnectionPool, options: PostgresIdentityProviderStoreOptions = {}) {
    const names = openTable(pool, options, {
      storeName: 'PostgresIdentityProviderStore',
      defaultTable: 'jwt_identity_providers',
    })
    this.#statements = statementsFor(names)
    this.#pool = pool
    this.#oldChanges = new BackgroundDeletion(() => this.#deleteOldChanges())
  }

  /**
   * Creates the tables and their indexes if they are missing, and changes nothing that exists. Any number of processes may
   * call it at the same time.
   */
  createTable(): Promise<void> {
    return createMissing(this.#pool, this.#statements.creations)
  }

  async find(name: string): Promise<readonly StoredRegistration[]> {
    if (!isStorableName(name)) return []
    return (await this.#query(this.#statements.find, [name])).map(readRegistration)
  }

  /** @throws TypeError if `limit` is not a whole number from 1 to 1000 */
  async list({
    after = '',
    limit = DEFAULT_LIMIT,
    search = '',
    enabled,
  }: ListOptions = {}): Promise<readonly StoredRegistration[]> {
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT))
      throw new TypeError(`limit: expected a whole number from 1 to ${MAX_LIMIT}`)
    const conditions = enabled === undefined ? [] : [enabled ? 'enabled' : 'NOT enabled']
    const values: unknown[] = [hexadecimalUtf16(after), limit]
    if (search !== '') {
      conditions.push('search_text LIKE $3')
      values.push(`%${searchable(search).replace(/[\\%_]/g, '\\$&')}%`)
    }
    return (await this.#query(this.#statements.list(conditions), values)).map(readRegistration)
  }

  async get(id: string): Promise<StoredRegistration | undefined> {
    if (!isStorableId(id)) return undefined
    const [row] = await this.#query(this.#statements.get, [id])
    return row === undefined ? undefined : readRegistration(row)
  }

  async put(
    registration: IdentityProviderRegistration,
    { ifRevision }: WriteOptions = {},
  ): Promise<StoredRegistration> {
    const text = toStoredText(registration)
    const stored = parseJson(text) as IdentityProviderRegistration
    const { id, name, displayName } = stored
    const revision = randomUUID()
    const searchText = [id, name, String(displayName ?? '')].map(searchable).join('\n')
    const values = [id, hexadecimalUtf16(id), name, searchText, isTrusted(stored), revision, text]
    const { put, putNew, putSame } = this.#statements
    const [row] =
      typeof ifRevision === 'string'
        ? await this.#query(putSame, [...values, revisionText(ifRevision)])
        : await this.#query(ifRevision === null ? putNew : put, values)
    if (row === undefined) throw new RevisionConflict(id, await this.#revisionOf(id))
    this.#oldChanges.noteWrite()
    return { ...stored, revision, updatedAt: Number(fieldOf(row, 'updated_at')) }
  }

  async remove(id: string, { ifRevision }: WriteOptions = {}): Promise<boolean> {
    const isRemoved = isStorableId(id) && ifRevision !== null && (await this.#remove(id, ifRevision))
    if (isRemoved) this.#oldChanges.noteWrite()
    if (isRemoved || ifRevision === undefined) return isRemoved
    const revision = isStorableId(id) ? await this.#revisionOf(id) : undefined
    if (ifRevision === null && revision === undefined) return false
    throw new RevisionConflict(id, revision)
  }

  /**
   * Listens on a connection of its own, and reads twice a second what was recorded, because a notification may be lost. After
   * the connection was lost, it goes on with the changes that it has not read. It reports that anything may have changed if
   * there are more than 1000 of them, or if they are not recorded any more. It ends when the pool ends.
   */
  watch(onChange: (change?: RegistrationChange) => void, onError: (error: unknown) => void = () => {}): () => void {
    const feed = new PostgresChangeFeed({ pool: this.#pool, statements: this.#statements, onChange, onError })
    feed.start()
    return () => feed.stop()
  }

  async #remove(id: string, ifRevision: string | undefined): Promise<boolean> {
    const { remove, removeSame } = this.#statements
    const rows =
      ifRevision === undefined
        ? await this.#query(remove, [id])
        : await this.#query(removeSame, [id, revisionText(ifRevision)])
    return rows.length > 0
  }

  async #revisionOf(id: string): Promise<string | undefined> {
    const [row] = await this.#query(this.#statements.revision, [id])
    return row === undefined ? undefined : String(fieldOf(row, 'revision'))
  }

  async #deleteOldChanges(): Promise<void> {
    for (let deletion = 0; deletion < MAX_DELETIONS; deletion += 1) {
      const [row] = await this.#query(this.#statements.deleteOldChanges, [])
      if (Number(fieldOf(row, 'deleted')) === 0) return
    }
  }

  #query(text: string, values: unknown[]): Promise<unknown[]> {
    return queryTable(this.#statements.table, this.#pool, text, values)
  }
}

/** The columns count if somebody has changed them alone. */
function readRegistration(row: unknown): StoredRegistration {
  const registration = parseJson(String(fieldOf(row, 'registration'))) as IdentityProviderRegistration
  return {
    ...registration,
    id: String(fieldOf(row, 'id')),
    name: String(fieldOf(row, 'name')),
    ...(fieldOf(row, 'enabled') === false && { enabled: false }),
    revision: String(fieldOf(row, 'revision')),
    updatedAt: Number(fieldOf(row, 'updated_at')),
  }
}

/** Any text, also one that is not well-formed: with the order of JavaScript's strings, and safe to send. */
function hexadecimalUtf16(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex')
}

/** In lower case, and with escapes for what PostgreSQL cannot have: NUL, and halves of characters. */
function searchable(text: string): string {
  return JSON.stringify(text.toLowerCase()).slice(1, -1)
}

/** One that no registration has for text that cannot be sent. */
function revisionText(ifRevision: string): string {
  return isStorableId(ifRevision) ? ifRevision : ''
}
