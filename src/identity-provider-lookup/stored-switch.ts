import { DependencyUnavailable } from '../errors/rejections.js'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  isRevisionConflict,
  type StoredRegistration,
} from '../identity-provider-store/identity-provider-store.js'

/** Others may change a registration at the same time: then the change is made again on what they wrote. */
const MAX_ATTEMPTS = 20

/** What changes in a registration; undefined: nothing. */
export type RegistrationEdit = (stored: StoredRegistration) => Partial<IdentityProviderRegistration> | undefined

/**
 * Changes the registration with this id in the store, whatever it is.
 *
 * @returns what the store has now; undefined if it has no such id
 * @throws DependencyUnavailable `identity_provider_lookup_failed`
 */
export async function editRegistration(
  store: IdentityProviderStore,
  id: string,
  edit: RegistrationEdit,
): Promise<StoredRegistration | undefined> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      const stored = await store.get(id)
      const changes = stored && edit(stored)
      if (stored === undefined || changes === undefined) return stored
      try {
        return await store.put({ ...stored, ...changes }, { ifRevision: stored.revision })
      } catch (error) {
        if (!isRevisionConflict(error) || attempt === MAX_ATTEMPTS) throw error
      }
    }
  } catch (cause) {
    throw new DependencyUnavailable('identity_provider_lookup_failed', { cause })
  }
}

/** The ids of the registrations with this id or name. */
export async function findIds(store: IdentityProviderStore, idOrName: string): Promise<readonly string[]> {
  try {
    const [withId, withName] = await Promise.all([store.get(idOrName), store.find(idOrName)])
    return [...new Set([...(withId === undefined ? [] : [withId.id]), ...withName.map(({ id }) => id)])]
  } catch (cause) {
    throw new DependencyUnavailable('identity_provider_lookup_failed', { cause })
  }
}
