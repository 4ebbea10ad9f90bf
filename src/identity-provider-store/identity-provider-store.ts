import type { IdentityProviderOptions } from '../identity-provider/identity-provider-options.js'

/**
 * An identity provider that a store keeps. It has the options of `identityProviders` as JSON, so without functions, and an `id`.
 *
 * @example
 * const acme: IdentityProviderRegistration = {
 *   id: 'acme',
 *   displayName: 'Acme Inc.',
 *   name: 'https://login.acme.example',
 *   discovery: true,
 *   allowedSubjects: ['service-*'],
 *   scopes: ['orders:read'],
 * }
 */
export interface IdentityProviderRegistration extends IdentityProviderOptions {
  /** What identifies it in the store, in events and in access tokens: 1 to 200 characters, and never changed. */
  id: string
  /** What people call it, 1 to 200 characters. */
  displayName?: string
  /** What people should know about it, 1 to 2000 characters. */
  description?: string
  /**
   * When somebody last asked for its latest keys, in seconds since the epoch. A process that sees a later time than before
   * fetches the keys at once.
   */
  keysRefreshedAt?: number
}

/** A registration as the store has it. */
export interface StoredRegistration extends IdentityProviderRegistration {
  /** A text that is new after each change. */
  revision: string
  /** When it was last changed, in seconds since the epoch. */
  updatedAt: number
}

/** What happened to one registration. */
export interface RegistrationChange {
  id: string
  name: string
  /** undefined: it was removed. */
  revision: string | undefined
  /** Whether it is trusted now. False if it was removed. */
  enabled: boolean
}

/**
 * Which registrations `list` returns.
 *
 * @example
 * const page = await store.list({ after: 'acme', limit: 50, search: 'example.com', enabled: true })
 */
export interface ListOptions {
  /** Only registrations whose `id` comes after this one. Default: from the first one on. */
  after?: string
  /** How many at most, 1 to 1000. Default: 100. */
  limit?: number
  /** Only registrations whose `id`, `name` or `displayName` contains this text, in upper or lower case. Default: all. */
  search?: string
  /** Only registrations that are trusted (`true`), or that are switched off (`false`). Default: both. */
  enabled?: boolean
}

/**
 * When `put` and `remove` write.
 *
 * @example
 * const stored = await store.get('acme')
 * if (stored) await store.put({ ...stored, enabled: false }, { ifRevision: stored.revision })
 */
export interface WriteOptions {
  /**
   * The revision that the store must still have; `null`: it must not have this `id`. If it has another one, nothing is written.
   * Default: any revision is replaced.
   */
  ifRevision?: string | null
}

/**
 * Keeps identity providers that are registered at run time. Each write is one atomic step: after a crash the store has the old
 * registration or the new one. `identityProviderStoreContract` of `express-jwt-exchange/testing` checks a store.
 *
 * Every function may reject. Then known identity providers stay in use for `identityProviderLookup.maxStale`. Assertions of
 * others get 503.
 */
export interface IdentityProviderStore {
  /** All registrations with this `name`, compared exactly. Empty if there are none, or if no registration can have this name. */
  find(name: string): Promise<readonly StoredRegistration[]>
  /** Registrations in the order of their `id`, compared by code unit. Fewer than `limit` means that these are the last ones. */
  list(options?: ListOptions): Promise<readonly StoredRegistration[]>
  /** undefined if there is none with this `id`, or if no registration can have it. */
  get(id: string): Promise<StoredRegistration | undefined>
  /**
   * Adds a registration, or replaces the one with this `id`. The store sets `revision` and `updatedAt`, and ignores
   * those that it is given.
   *
   * @returns what the store has now
   * @throws TypeError if the `id`, the `name` or another value cannot be stored
   * @throws RevisionConflict if it does not have `ifRevision`
   */
  put(registration: IdentityProviderRegistration, options?: WriteOptions): Promise<StoredRegistration>
  /**
   * @returns false if there is no registration with this `id`, and `ifRevision` does not expect one
   * @throws RevisionConflict if it does not have `ifRevision`
   */
  remove(id: string, options?: WriteOptions): Promise<boolean>
  /**
   * Calls `onChange` within one second of each change that this process or another one makes. Without an argument, anything may
   * have changed, for example after the connection to the database was lost. A store without this function is asked again
   * every `identityProviderLookup.pollInterval`.
   *
   * @param onError is called with the error each time that changes may be missed; the store keeps trying
   * @returns a function that ends the watch and releases what it needs
   */
  watch?(
    onChange: (change?: RegistrationChange) => void,
    onError?: (error: unknown) => void,
  ): () => void | Promise<void>
}

/**
 * A write was refused, because the store has another revision than `ifRevision`. Nothing was written.
 *
 * @example
 * const stored = await store.get('acme')
 * if (stored?.revision !== 'the-expected-one') throw new RevisionConflict('acme', stored?.revision)
 */
export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict'
  readonly code = 'revision_conflict'
  /** What the store has; undefined: no registration with this `id`. */
  readonly revision: string | undefined

  constructor(id: string, revision: string | undefined) {
    super(`The registration ${JSON.stringify(id)} was changed meanwhile; read it again, and repeat the change.`)
    this.revision = revision
  }
}

export function isRevisionConflict(error: unknown): error is RevisionConflict {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'revision_conflict'
}
