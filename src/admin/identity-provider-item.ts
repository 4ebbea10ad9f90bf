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
  /** `options`: from code or a file, so it can only be changed there. */
  source: 'store' | 'options'
  /** Its entry without secrets; null for one from the options. */
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

/** What this process knows of its identity providers now. */
export class LoadedIdentityProviders {
  readonly #byId: ReadonlyMap<string, IdentityProviderStats>

  constructor({ stats }: Pick<JwtExchange, 'stats'>) {
    this.#byId = new Map(stats().identityProviders.map((each) => [each.id, each]))
  }

  /** Those of the options. */
  fixed(): IdentityProviderItem[] {
    return [...this.#byId.values()].filter(isFixed).map(itemOfFixed)
  }

  findFixed(id: string): IdentityProviderItem | undefined {
    const found = this.#byId.get(id)
    return found !== undefined && isFixed(found) ? itemOfFixed(found) : undefined
  }

  itemOf(stored: StoredRegistration): IdentityProviderItem {
    const { id, name, revision, updatedAt, displayName } = stored
    const found = this.#byId.get(id)
    const loaded = found !== undefined && !isFixed(found) ? found : undefined
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
}

/** The stats of the keys alone. */
export function keysOf(stats: IdentityProviderStats): KeySourceStats {
  const { id: _, name: __, alias: ___, enabled: ____, ...keys } = stats
  return keys
}

function isFixed(stats: IdentityProviderStats): boolean {
  return !('source' in stats) || stats.source === 'options'
}

function itemOfFixed(stats: IdentityProviderStats): IdentityProviderItem {
  const { id, name, alias, enabled } = stats
  return { id, source: 'options', registration: null, enabled, name, alias, keys: keysOf(stats) }
}
