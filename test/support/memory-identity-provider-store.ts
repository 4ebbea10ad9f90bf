import { randomUUID } from 'node:crypto'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  type ListOptions,
  type RegistrationChange,
  RevisionConflict,
  type StoredRegistration,
  type WriteOptions,
} from '../../src/identity-provider-store/identity-provider-store.js'
import {
  changeOf,
  doesMatchSearch,
  isTrusted,
  toStoredText,
} from '../../src/identity-provider-store/storable-registration.js'

/** What all processes with the same store share. */
export class SharedRegistrations {
  readonly texts = new Map<string, string>()
  readonly watchers = new Set<(change?: RegistrationChange) => void>()
}

/** An identity provider store that keeps its contract. Its parts can be replaced by faulty ones. */
export class MemoryIdentityProviderStore implements IdentityProviderStore {
  readonly shared: SharedRegistrations

  constructor(shared = new SharedRegistrations()) {
    this.shared = shared
  }

  async find(name: string): Promise<readonly StoredRegistration[]> {
    return this.all().filter((each) => each.name === name)
  }

  async list({
    after = '',
    limit = 100,
    search = '',
    enabled,
  }: ListOptions = {}): Promise<readonly StoredRegistration[]> {
    const isWanted = (each: StoredRegistration) =>
      each.id > after && doesMatchSearch(each, search) && (enabled === undefined || isTrusted(each) === enabled)
    return this.all().filter(isWanted).slice(0, limit)
  }

  async get(id: string): Promise<StoredRegistration | undefined> {
    return this.read(id)
  }

  async put(registration: IdentityProviderRegistration, options: WriteOptions = {}): Promise<StoredRegistration> {
    const text = toStoredText(registration)
    this.checkRevision(registration.id, options)
    const stored = { ...JSON.parse(text), revision: this.nextRevision(), updatedAt: Math.floor(Date.now() / 1000) }
    this.shared.texts.set(registration.id, JSON.stringify(stored))
    this.report(changeOf(stored))
    return stored
  }

  async remove(id: string, options: WriteOptions = {}): Promise<boolean> {
    this.checkRevision(id, options)
    const stored = this.read(id)
    if (stored === undefined) return false
    this.shared.texts.delete(id)
    this.report({ id, name: stored.name, revision: undefined, enabled: false })
    return true
  }

  watch(onChange: (change?: RegistrationChange) => void): () => void {
    this.shared.watchers.add(onChange)
    return () => this.shared.watchers.delete(onChange)
  }

  read(id: string): StoredRegistration | undefined {
    const text = this.shared.texts.get(id)
    return text === undefined ? undefined : JSON.parse(text)
  }

  all(): StoredRegistration[] {
    const ids = [...this.shared.texts.keys()].sort((left, right) => (left < right ? -1 : 1))
    return ids.flatMap((id) => this.read(id) ?? [])
  }

  nextRevision(): string {
    return randomUUID()
  }

  report(change: RegistrationChange): void {
    for (const watcher of [...this.shared.watchers])
      setImmediate(() => this.shared.watchers.has(watcher) && watcher(change))
  }

  checkRevision(id: string, { ifRevision }: WriteOptions): void {
    const revision = this.read(id)?.revision
    if (ifRevision !== undefined && (ifRevision ?? undefined) !== revision) throw new RevisionConflict(id, revision)
  }
}
