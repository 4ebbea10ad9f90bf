import { printable } from '../errors/printable.js'
import type { IdentityProviderStats } from '../exchange/stats.js'
import { TENANT } from '../identity-provider/identity-provider-name.js'
import { findTenant } from '../identity-provider/tenants.js'

/** The label of all identity providers without one of their own. */
export const OTHER = 'other'
/** Ids that are remembered as not registered, so that each is looked for once. */
const MAX_UNREGISTERED = 1000

/** Where registered identity providers are found. */
export interface RegisteredIdentityProviders {
  stats(): { identityProviders: readonly Pick<IdentityProviderStats, 'id' | 'source'>[] }
  identityProviderStats?(id: string): object | undefined
}

/**
 * The label `identity_provider` of each id: the id itself of the first ones that are registered, and `other` of the rest. With
 * `tenants: 'any'`, an event names a tenant that an unverified token has chosen: all tenants have the label of their entry.
 */
export class IdentityProviderLabels {
  readonly #registered: RegisteredIdentityProviders
  readonly #maxLabels: number
  /** By id, as events write it. */
  readonly #labels = new Map<string, string>()
  readonly #distinct = new Set<string>()
  readonly #ofTenants = new Set<string>()
  readonly #unregistered = new Set<string>()

  constructor(registered: RegisteredIdentityProviders, maxLabels: number) {
    this.#registered = registered
    this.#maxLabels = maxLabels
    this.learn(registered.stats().identityProviders)
  }

  /** Those of the options come first. */
  learn(identityProviders: readonly Pick<IdentityProviderStats, 'id' | 'source'>[]): void {
    const isOfOptions = ({ source }: { source: string }) => source === 'options'
    for (const { id } of identityProviders.filter(isOfOptions)) this.#learn(id)
    for (const { id } of identityProviders) this.#learn(id)
  }

  /** undefined if it has none of its own. */
  own(id: string): string | undefined {
    return this.#labels.get(id)
  }

  /** @param id from an event */
  of(id: string): string {
    return this.#labels.get(id) ?? this.#ofTenant(id) ?? this.#lookUp(id)
  }

  #ofTenant(id: string): string | undefined {
    for (const template of this.#ofTenants)
      if (findTenant(template, id) !== undefined) return this.#labels.get(template)
    return undefined
  }

  #lookUp(id: string): string {
    const isFull = this.#distinct.size >= this.#maxLabels || this.#unregistered.size >= MAX_UNREGISTERED
    if (isFull || this.#unregistered.has(id)) return OTHER
    if (this.#isRegistered(id)) this.#learn(id)
    else this.#unregistered.add(id)
    return this.#labels.get(id) ?? OTHER
  }

  #isRegistered(id: string): boolean {
    const registered = this.#registered
    if (registered.identityProviderStats !== undefined) return registered.identityProviderStats(id) !== undefined
    return registered.stats().identityProviders.some((each) => each.id === id)
  }

  #learn(id: string): void {
    if (this.#labels.has(id) || this.#distinct.size >= this.#maxLabels) return
    const label = id.toWellFormed()
    this.#distinct.add(label)
    for (const written of [id, printable(id)]) this.#labels.set(written, label)
    if (id.includes(TENANT)) this.#ofTenants.add(id)
  }
}
