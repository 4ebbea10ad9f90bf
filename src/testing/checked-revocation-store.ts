import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

/** One revocation: a `Revocation`. */
export interface CheckedRevocation {
  kind: 'token' | 'subject' | 'client' | 'identity_provider'
  value: string
  issuedBefore?: number
  expiresAt: number
}

/** What a store returns at once: a `RevocationPage`. */
export interface CheckedRevocationPage {
  revocations: readonly CheckedRevocation[]
  cursor?: string | undefined
  hasMore?: boolean | undefined
}

/** The store that is checked: a `RevocationStore`. */
export interface CheckedRevocationStore {
  add(revocations: readonly CheckedRevocation[]): void | Promise<void>
  read(cursor?: string): CheckedRevocationPage | Promise<CheckedRevocationPage>
  watch?(onChange: () => void): () => void
  readonly isShared?: boolean
}

export type MakeRevocationStore = () => CheckedRevocationStore | Promise<CheckedRevocationStore>

const MAX_PAGES = 10_000
/** Seconds. */
export const DAY = 86_400

/** Reads as an exchange does. */
export async function readAll(store: CheckedRevocationStore, from?: string) {
  const revocations: CheckedRevocation[] = []
  let cursor = from
  for (let pages = 1; pages <= MAX_PAGES; pages += 1) {
    const page = await store.read(...(cursor === undefined ? [] : [cursor]))
    assert.ok(Array.isArray(page.revocations), 'read returns an array of revocations')
    assert.ok(['string', 'undefined'].includes(typeof page.cursor), 'a cursor is a string, or absent')
    revocations.push(...page.revocations)
    const hasAdvanced = page.cursor !== cursor
    cursor = page.cursor
    if (page.hasMore !== true) return { revocations, cursor, values: new Set(revocations.map(({ value }) => value)) }
    assert.ok(hasAdvanced, 'the cursor moves on if more follows')
  }
  assert.fail('read always says that more follows')
}

export async function cursorOf(store: CheckedRevocationStore): Promise<string | undefined> {
  return (await readAll(store)).cursor
}

export async function findAll(store: CheckedRevocationStore, value: string): Promise<CheckedRevocation[]> {
  return (await readAll(store)).revocations.filter((each) => each.value === value)
}

export function makeStores(makeStore: MakeRevocationStore, count: number): Promise<CheckedRevocationStore[]> {
  return Promise.all(Array.from({ length: count }, () => makeStore()))
}

export function revocation(): CheckedRevocation {
  return { kind: 'token', value: randomText(), expiresAt: now() + 300 }
}

export function randomText(): string {
  return randomBytes(16).toString('base64url')
}

export function now(): number {
  return Math.floor(Date.now() / 1000)
}
