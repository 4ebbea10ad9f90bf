import type { JwtExchange } from '../exchange/jwt-exchange.js'
import type { IdentityProviderStats } from '../exchange/stats.js'
import type { StoredRegistration } from '../identity-provider-store/identity-provider-store.js'
import { isTrusted } from '../identity-provider-store/storable-registration.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { JsonObject } from './read-json.js'
import { shownRegistration } from './submitted-entry.js'

/** An identity provider in an answer. */
export interface IdentityProviderItem {
  id: string
  /**
   * `options`: from code or a file, so it can only be changed there. `lookup`: this process found it with
   * `findIdentityProvider`.
   */
  source: 'store' | 'options' | 'lookup'
  /** Its entry without secrets; null if it is not in the store. */
  registration: JsonObject | null
  revision?: string
  /** Seconds since the epoch. */
  updatedAt?: number
  enabled: boolean
  name: string
  alias?: string
  displayName?: string
  /** null: this process has not used it. */
  keys: KeySourceStats | null
}

/** What this process knows of its identity providers. */
export class KnownIdentityProviders {
  readonly #exchange: Pick<JwtExchange, 'events' | 'stats' | 'identityProviderStats'>
  readonly #hasStore: boolean
  /** The ids of those in the options, until these change: to list all that are kept ready takes long. */
  #fixedIds: readonly string[] | undefined
  readonly #forgetIds = () => {
    this.#fixedIds = undefined
  }

  constructor(exchange: Pick<JwtExchange, 'events' | 'stats' | 'identityProviderStats'>, hasStore: boolean) {
    this.#exchange = exchange
    this.#hasStore = hasStore
    exchange.events.on('config.changed', this.#forgetIds)
  }

  close(): void {
    this.#exchange.events.off('config.changed', this.#forgetIds)
  }

  /** One that this process uses, from anywhere. */
  find(id: string): IdentityProviderItem | undefined {
    const found = this.#exchange.identityProviderStats(id)
    return found && unstoredItem(found)
  }

  /** Those that are not in the store, so that they cannot be changed here. */
  unstored(): IdentityProviderItem[] {
    if (!this.#hasStore) return this.#exchange.stats().identityProviders.map(unstoredItem)
    this.#fixedIds ??= this.#idsInOptions()
    return this.#fixedIds.flatMap((id) => this.findUnstored(id) ?? [])
  }

  findUnstored(id: string): IdentityProviderItem | undefined {
    const found = this.#exchange.identityProviderStats(id)
    return found !== undefined && this.#isUnstored(found) ? unstoredItem(found) : undefined
  }

  itemOf(stored: StoredRegistration): IdentityProviderItem {
    const { id, name, revision, updatedAt, displayName } = stored
    const found = this.#exchange.identityProviderStats(id)
    const loaded = found === undefined || this.#isUnstored(found) ? undefined : found
    const alias = stored.alias ?? loaded?.alias
    return {
      id,
      source: 'store',
      registration: shownRegistration(stored),
      revision,
      updatedAt,
      enabled: isTrusted(stored),
      name,
      ...(alias !== undefined && { alias }),
      ...(displayName !== undefined && { displayName }),
      keys: loaded === undefined ? null : keysOf(loaded),
    }
  }

  #idsInOptions(): readonly string[] {
    return this.#exchange.stats().identityProviders.flatMap(({ id, source }) => (source === 'options' ? [id] : []))
  }

  #isUnstored({ source }: IdentityProviderStats): boolean {
    return source === 'options' || !this.#hasStore
  }
}

/** The stats of the keys alone. */
export function keysOf(stats: IdentityProviderStats): KeySourceStats {
  const { id: _, name: __, alias: ___, enabled: ____, source: _____, ...keys } = stats
  return keys
}

function unstoredItem(stats: IdentityProviderStats): IdentityProviderItem {
  const { id, name, alias, enabled, source } = stats
  const from = source === 'options' ? 'options' : 'lookup'
  return { id, source: from, registration: null, enabled, name, alias, keys: keysOf(stats) }
}
