import type { ConfigProblem } from '../option-checks/config-error.js'
import type { ConfiguredParts } from './configured-parts.js'
import type { LastingParts } from './lasting-parts.js'
import { type IdentityProviderStats, statsOf, statsOfTried } from './stats.js'
import { TrustControl } from './trust-control.js'
import { checkRegistration, tryRegistration } from './try-registration.js'

/** What operators do with single identity providers while the exchange runs. */
export interface IdentityProviderControl {
  /**
   * The statistics of one identity provider that this process uses: it is in the options, or it was looked up. undefined: it
   * uses none with this id. Costs the same however many there are.
   */
  identityProviderStats(id: string): IdentityProviderStats | undefined
  /**
   * Fetches the key set of one identity provider now, even if it is fresh, so that a key that the provider has withdrawn is
   * refused at once. If its keys are configured, there is nothing to fetch.
   *
   * @param id the `id` of the identity provider, or its `name` if it has no `id`
   * @throws ConfigError if no identity provider has this id
   * @throws DependencyUnavailable if the fetch fails: the old keys remain in use
   */
  refreshKeys(id: string): Promise<IdentityProviderStats>
  /**
   * Stops trusting an identity provider at once. Its assertions are refused, and so are the access tokens that this process
   * or another one issued for them. This holds even if other options no longer contain the provider.
   *
   * One that is in the options is switched off in this process, until it is enabled again or the process ends. One that is in
   * `identityProviderStore` is also switched off in all other processes within a second, and after a restart. If the store
   * fails, it is switched off in this process only.
   *
   * @param idOrName the `id` of the identity provider. Its `name` disables every entry that has this `name`.
   * @throws ConfigError if no identity provider has this id or name
   * @throws DependencyUnavailable if the store fails
   */
  disableIdentityProvider(idOrName: string): Promise<void>
  /**
   * Trusts an identity provider again, or for the first time if it was registered with its keys and `enabled: false`. Access
   * tokens that were issued before are accepted again until they expire.
   *
   * @param id the `id` of the identity provider, or its `name` if it has no `id`. A `name` that is the `id`
   *   of no entry is refused, because it would also enable an entry that was disabled alone. If it was an `id` before the
   *   options changed, it enables the access tokens that have this `id`.
   * @throws ConfigError if no identity provider has this id
   * @throws DependencyUnavailable if the store fails
   */
  enableIdentityProvider(id: string): Promise<void>
  /**
   * Every problem that an entry would have as an identity provider that is registered at run time: alone, with the entries of
   * the options, and with those of `identityProviderStore` that have the same `name`. None: it can be registered.
   *
   * @param entry also with the members `displayName` and `description` of a registration
   * @throws DependencyUnavailable if the store fails
   */
  checkIdentityProvider(entry: unknown): Promise<readonly ConfigProblem[]>
  /**
   * Fetches the keys of an entry once, and changes nothing: no event is emitted, and nothing is kept. If the fetch fails, the
   * statistics say why.
   *
   * @throws ConfigError for the problems that the entry has alone
   */
  testIdentityProvider(entry: unknown): Promise<IdentityProviderStats>
}

export function createIdentityProviderControl({
  parts,
  lasting,
}: {
  parts: () => ConfiguredParts
  lasting: LastingParts
}): IdentityProviderControl {
  const { identityProviderLookup, clock } = parts().settings
  const store = identityProviderLookup?.store
  const trustControl = new TrustControl(() => parts().identityProviders, store, lasting)
  const trying = () => ({ configuration: parts().runTime, store, lasting, clock })
  return {
    identityProviderStats: (id) => {
      const found = parts().identityProviders.find(id)
      return found && statsOf(found)
    },
    refreshKeys: async (id) => statsOf(await trustControl.refreshKeys(id)),
    disableIdentityProvider: (idOrName) => trustControl.disable(idOrName),
    enableIdentityProvider: (id) => trustControl.enable(id),
    checkIdentityProvider: (entry) => checkRegistration(entry, trying()),
    testIdentityProvider: async (entry) => statsOfTried(await tryRegistration(entry, trying())),
  }
}
