import { isDeepStrictEqual } from 'node:util'
import { isSubject } from '../jwt/check-claims.js'
import { parseJson } from '../jwt/parse-json.js'
import type { IdentityProviderRegistration, RegistrationChange, StoredRegistration } from './identity-provider-store.js'

/** Characters. */
const MAX_ID_LENGTH = 200
const MAX_NAME_LENGTH = 1000
/** Characters of JSON text. */
const MAX_LENGTH = 262_144

/**
 * The registration as JSON text, without what the store itself says of it. Whether its options are right is not checked.
 *
 * @throws TypeError if it would not come back as it was: JSON drops a function, and a policy must not lose a rule
 */
export function toStoredText(registration: IdentityProviderRegistration): string {
  const { revision: _, updatedAt: __, ...kept } = registration as StoredRegistration
  const { id, name } = kept
  if (!isStorableId(id)) throw new TypeError(`id: expected 1 to ${MAX_ID_LENGTH} characters without invisible ones`)
  if (!isStorableName(name))
    throw new TypeError(`name: expected 1 to ${MAX_NAME_LENGTH} characters without invisible ones`)
  const text = JSON.stringify(kept)
  if (text.length > MAX_LENGTH) throw new TypeError(`a registration may have at most ${MAX_LENGTH} characters as JSON`)
  if (!isDeepStrictEqual(parseJson(text), kept)) {
    throw new TypeError('a registration must be plain JSON; functions, undefined and dates cannot be stored')
  }
  return text
}

export function isStorableId(id: unknown): id is string {
  return isSubject(id) && id.length <= MAX_ID_LENGTH
}

/** Other names need not be looked up: some databases fail on them. */
export function isStorableName(name: unknown): name is string {
  return isSubject(name) && name.length <= MAX_NAME_LENGTH
}

/** Whether a search finds it. */
export function doesMatchSearch({ id, name, displayName }: StoredRegistration, search: string): boolean {
  const wanted = search.toLowerCase()
  return [id, name, displayName ?? ''].some((text) => String(text).toLowerCase().includes(wanted))
}

export function isTrusted({ enabled }: IdentityProviderRegistration): boolean {
  return enabled !== false
}

export function changeOf(registration: StoredRegistration): RegistrationChange {
  const { id, name, revision } = registration
  return { id, name, revision, enabled: isTrusted(registration) }
}
