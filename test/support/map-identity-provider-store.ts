import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  type ListRegistrationsOptions,
  type RegistrationChange,
  RevisionConflict,
  type StoredRegistration,
  type WriteRegistrationOptions,
} from '../../src/index.js'

type OnChange = (change?: RegistrationChange) => void

/** A store in memory. Each registration is kept as text, so that nobody shares an object with it. */
export class MapIdentityProviderStore implements IdentityProviderStore {
  readonly #texts = new Map<string, string>()
  readonly #watchers = new Set<OnChange>()
  #writes = 0

  async find(name: string): Promise<readonly StoredRegistration[]> {
    return this.#all().filter((each) => each.name === name)
  }

  async list(options: ListRegistrationsOptions = {}): Promise<readonly StoredRegistration[]> {
    const { after, limit = 100, search = '', enabled } = options
    const isFound = ({ id, name, displayName = '' }: StoredRegistration) =>
      [id, name, displayName].some((text) => text.toLowerCase().includes(search.toLowerCase()))
    return this.#all()
      .filter((each) => after === undefined || each.id > after)
      .filter((each) => isFound(each) && (enabled === undefined || (each.enabled !== false) === enabled))
      .slice(0, limit)
  }

  async get(id: string): Promise<StoredRegistration | undefined> {
    const text = this.#texts.get(id)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async put(
    registration: IdentityProviderRegistration,
    { ifRevision }: WriteRegistrationOptions = {},
  ): Promise<StoredRegistration> {
    this.#checkRevision(registration.id, ifRevision)
    this.#writes += 1
    const stored = { ...registration, revision: `r${this.#writes}`, updatedAt: Date.now() / 1000 }
    this.#texts.set(stored.id, JSON.stringify(stored))
    const { id, name, revision, enabled } = stored
    this.#report({ id, name, revision, enabled: enabled !== false })
    return JSON.parse(JSON.stringify(stored))
  }

  async remove(id: string, { ifRevision }: WriteRegistrationOptions = {}): Promise<boolean> {
    this.#checkRevision(id, ifRevision)
    const removed = await this.get(id)
    if (removed === undefined) return false
    this.#texts.delete(id)
    this.#report({ id, name: removed.name, revision: undefined, enabled: false })
    return true
  }

  watch(onChange: OnChange): () => void {
    const watcher: OnChange = (change) => onChange(change)
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  #all(): StoredRegistration[] {
    const stored: StoredRegistration[] = [...this.#texts.values()].map((text) => JSON.parse(text))
    return stored.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  }

  #checkRevision(id: string, ifRevision: string | null | undefined): void {
    const text = this.#texts.get(id)
    const revision = text === undefined ? undefined : (JSON.parse(text) as StoredRegistration).revision
    if (ifRevision !== undefined && (ifRevision ?? undefined) !== revision) throw new RevisionConflict(id, revision)
  }

  #report(change: RegistrationChange): void {
    for (const watcher of this.#watchers) watcher(change)
  }
}
