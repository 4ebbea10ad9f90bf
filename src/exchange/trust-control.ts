import { DependencyUnavailable } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { refreshKeys } from '../identity-provider/warm-up.js'
import { editRegistration, findIds } from '../identity-provider-lookup/stored-switch.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { changeOf, isTrusted } from '../identity-provider-store/storable-registration.js'
import type { LastingParts } from './lasting-parts.js'

/**
 * Switches identity providers, and fetches their keys, at the word of an operator: those of the options in this process, and
 * those of a store in all processes.
 */
export class TrustControl {
  readonly #registry: () => IdentityProviderRegistry
  readonly #store: IdentityProviderStore | undefined
  readonly #lasting: Pick<LastingParts, 'events' | 'identityProviderLookup'>

  constructor(
    registry: () => IdentityProviderRegistry,
    store: IdentityProviderStore | undefined,
    lasting: Pick<LastingParts, 'events' | 'identityProviderLookup'>,
  ) {
    this.#registry = registry
    this.#store = store
    this.#lasting = lasting
  }

  /** It ends here before the store is asked, so that it also ends while the store fails. */
  async disable(idOrName: string): Promise<void> {
    const { events, identityProviderLookup: lookup } = this.#lasting
    const registry = this.#registry()
    if (lookup === undefined || registry.isInOptions(idOrName)) registry.disable(idOrName, events)
    if (lookup === undefined || registry.isRegistered(idOrName)) return
    const loaded = [...lookup.all()].filter(({ id, name }) => id === idOrName || name === idOrName)
    const isNew = lookup.switchHere(idOrName, false)
    for (const { id } of loaded) lookup.switchHere(id, false)
    if (this.#store === undefined) return
    const ids = await findIds(this.#store, idOrName)
    // It was a name, or nobody has it. What was switched off before stays off: its access tokens may still be in use.
    if (isNew && !ids.includes(idOrName)) lookup.switchHere(idOrName, true)
    for (const id of ids) lookup.switchHere(id, false)
    for (const id of ids) await this.#write(id, false)
    if (ids.length === 0 && !registry.isInOptions(idOrName)) registry.require(idOrName)
  }

  /** It begins in the store, so that no process trusts what another one does not. */
  async enable(id: string): Promise<void> {
    const { events, identityProviderLookup: lookup } = this.#lasting
    const registry = this.#registry()
    if (lookup === undefined || registry.isInOptions(id)) registry.enable(id, events)
    if (lookup === undefined || registry.isRegistered(id)) return
    const isStored = this.#store !== undefined && (await this.#write(id, true))
    if (!isStored && this.#store !== undefined && !registry.isInOptions(id)) registry.require(id)
    const name = lookup.find(id)?.name
    if (name !== undefined) await Promise.resolve(lookup.load(name, 'client')).catch(() => {}) // Its next use tries again.
    lookup.switchHere(id, true)
  }

  /** Other processes see a later time in the store, and fetch as well. */
  async refreshKeys(id: string): Promise<IdentityProvider> {
    const { identityProviderLookup: lookup } = this.#lasting
    if (lookup !== undefined && this.#store !== undefined && !this.#registry().isRegistered(id)) {
      const now = Date.now() / 1000
      const stored = await editRegistration(this.#store, id, ({ keysRefreshedAt = 0 }) => ({
        keysRefreshedAt: Math.max(now, keysRefreshedAt + 0.001),
      }))
      if (stored !== undefined) await lookup.load(stored.name, 'client')
    }
    return refreshKeys(id, this.#registry)
  }

  /** @returns false if the store has no such id */
  async #write(id: string, enabled: boolean): Promise<boolean> {
    const { identityProviderLookup: lookup } = this.#lasting
    if (this.#store === undefined || lookup === undefined) throw new DependencyUnavailable('internal_error')
    const stored = await editRegistration(this.#store, id, (each) =>
      isTrusted(each) === enabled ? undefined : { enabled },
    )
    if (stored !== undefined) lookup.noteWritten(changeOf(stored))
    return stored !== undefined
  }
}
