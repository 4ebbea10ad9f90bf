import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

/** An `IdentityProviderRegistration`, as far as the contract knows it. */
export interface CheckedRegistration {
  id: string
  name: string
  displayName?: string
  description?: string
  enabled?: boolean
}

/** A `StoredRegistration`, as far as the contract knows it. */
export interface CheckedStoredRegistration extends CheckedRegistration {
  revision: string
  updatedAt: number
}

/** A `RegistrationChange`. */
export interface CheckedChange {
  id: string
  name: string
  revision: string | undefined
  enabled: boolean
}

/** The store that is checked: an `IdentityProviderStore`. */
export interface CheckedIdentityProviderStore {
  find(name: string): Promise<readonly CheckedStoredRegistration[]>
  list(options?: {
    after?: string
    limit?: number
    search?: string
    enabled?: boolean
  }): Promise<readonly CheckedStoredRegistration[]>
  get(id: string): Promise<CheckedStoredRegistration | undefined>
  put(registration: CheckedRegistration, options?: { ifRevision?: string | null }): Promise<CheckedStoredRegistration>
  remove(id: string, options?: { ifRevision?: string | null }): Promise<boolean>
  watch?(onChange: (change?: CheckedChange) => void, onError?: (error: unknown) => void): () => void | Promise<void>
}

export type MakeIdentityProviderStore = () => CheckedIdentityProviderStore | Promise<CheckedIdentityProviderStore>

/** What a case has: stores with the same data, and names of its own. */
export interface ProviderStoreBench {
  /** Begins each id and each name that `registration` makes, and nothing else in the store. */
  tag: string
  /** A store as another process has it. */
  open(): Promise<CheckedIdentityProviderStore>
  /** A registration with the id `{tag}-{suffix}`. */
  registration(suffix: string, members?: object): CheckedRegistration
  /** Ids that are removed at the end, in addition to those that begin with the tag. */
  removeAtEnd(ids: readonly string[]): void
}

export type ProviderStoreCheck = (bench: ProviderStoreBench) => Promise<void>

/** Runs a case, and removes what it put. */
export async function runOnBench(makeStore: MakeIdentityProviderStore, check: ProviderStoreCheck): Promise<void> {
  const tag = `contract-${randomBytes(9).toString('hex')}`
  const others: string[] = []
  const bench: ProviderStoreBench = {
    tag,
    open: async () => await makeStore(),
    registration: (suffix, members = {}) => ({ ...makeRegistration(`${tag}-${suffix}`), ...members }),
    removeAtEnd: (ids) => others.push(...ids),
  }
  try {
    await check(bench)
  } finally {
    await removeAll(await makeStore(), tag, others)
  }
}

/** Much like a real one: a store may refuse what the exchange would refuse. */
export function makeRegistration(id: string): CheckedRegistration {
  const registration = {
    id,
    name: `https://${id}.example`,
    jwksUri: 'https://idp.example/jwks',
    allowedSubjects: ['service-*'],
    scopes: ['orders:read'],
  }
  return registration
}

/** The registration itself, without what the store says of it. */
export function withoutRevision(stored: CheckedStoredRegistration | undefined): CheckedRegistration | undefined {
  if (stored === undefined) return undefined
  const { revision: _, updatedAt: __, ...registration } = stored
  return registration
}

/** Compared as JSON values: the order of members does not count, and neither does the realm that made them. */
export function expectSame(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(plainCopy(actual), plainCopy(expected), message)
}

export async function expectIds(
  found: Promise<readonly CheckedStoredRegistration[]>,
  expected: readonly string[],
): Promise<void> {
  assert.deepEqual(
    Array.from(await found, ({ id }) => id),
    [...expected],
  )
}

/** @param revision what the store has; undefined: nothing */
export async function expectConflict(write: Promise<unknown>, revision: string | undefined): Promise<void> {
  checkConflict(await rejectionOf(write), revision)
}

export function checkConflict(error: unknown, revision: string | undefined): void {
  if (!isConflict(error) && memberOf(error, 'name') !== 'RevisionConflict') throw error
  assert.ok(isConflict(error), 'a conflict has the code revision_conflict')
  assert.equal(memberOf(error, 'name'), 'RevisionConflict')
  assert.equal(memberOf(error, 'revision'), revision, 'a conflict has the revision of the store')
}

export function isConflict(error: unknown): boolean {
  return memberOf(error, 'code') === 'revision_conflict'
}

/** Expects the only registration with its name, by each of the functions that read. */
export async function expectEverywhere(
  store: CheckedIdentityProviderStore,
  stored: CheckedStoredRegistration,
): Promise<void> {
  expectSame(await store.get(stored.id), stored)
  expectSame(await store.find(stored.name), [stored])
  expectSame(
    (await store.list({ search: stored.id, limit: 1000 })).filter(({ id }) => id === stored.id),
    [stored],
  )
}

/** What a write rejects with. */
export async function rejectionOf(write: Promise<unknown>): Promise<unknown> {
  const outcome = await write.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  assert.ok(outcome !== undefined, 'the write is refused')
  return outcome.error
}

/** By code unit, as `<` compares. */
export function inOrder(ids: readonly string[]): string[] {
  return [...ids].sort((left, right) => (left < right ? -1 : Number(left > right)))
}

function memberOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null && name in error ? Reflect.get(error, name) : undefined
}

function plainCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from(value, plainCopy)
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: plainCopy(member), enumerable: true })
  }
  return copy
}

async function removeAll(store: CheckedIdentityProviderStore, tag: string, others: readonly string[]): Promise<void> {
  for (const id of others) await store.remove(id)
  const left = await store.list({ search: tag, limit: 1000 })
  for (const { id } of left) if (id.startsWith(tag)) await store.remove(id)
}
