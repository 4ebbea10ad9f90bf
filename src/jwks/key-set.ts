import { type CryptoKey, createLocalJWKSet, type errors } from 'jose'
import { fieldOf } from '../errors/field-of.js'
import { readUsableKey, type UsableKey } from './usable-key.js'
import type { KeyHeader } from './verification-key-source.js'

const MOST_MEMBERS = 100
/** How many keys are tried where several fit: a set full of one `kid` must not cost more than a few verifications. */
const MOST_CANDIDATES = 5

export interface SkippedKey {
  kid?: string
  reason: string
}

/** The usable keys of one published key set. It never changes: a refresh makes a new one. */
export class KeySet {
  readonly kids: readonly (string | undefined)[]
  readonly #findKey: ReturnType<typeof createLocalJWKSet>

  constructor(keys: readonly UsableKey[]) {
    this.kids = keys.map((key) => key.kid)
    this.#findKey = createLocalJWKSet({ keys: [...keys] })
  }

  /** The keys that fit: by `kid` where the header has one, by key type, curve and the key's own `alg` (RFC 7517 §4.4, §4.5). */
  async find(header: KeyHeader): Promise<readonly CryptoKey[]> {
    try {
      return [await this.#findKey({ ...header })]
    } catch (error) {
      return isSeveralKeys(error) ? firstOf(error) : []
    }
  }
}

/** Splits the `keys` of a published set (RFC 7517 §5) into a usable set, if any key is, and what was skipped. */
export function readKeySet(members: readonly unknown[]): { keySet?: KeySet; skipped: SkippedKey[] } {
  const usable: UsableKey[] = []
  const skipped: SkippedKey[] = []
  for (const member of members.slice(0, MOST_MEMBERS)) {
    const result = readUsableKey(member)
    if ('key' in result) usable.push(result.key)
    else skipped.push({ reason: result.skipped, ...(result.kid !== undefined && { kid: result.kid }) })
  }
  if (members.length > MOST_MEMBERS) skipped.push({ reason: 'too_many_keys' })
  return usable.length > 0 ? { keySet: new KeySet(usable), skipped } : { skipped }
}

function isSeveralKeys(error: unknown): error is errors.JWKSMultipleMatchingKeys {
  return fieldOf(error, 'code') === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS'
}

async function firstOf(candidates: AsyncIterable<CryptoKey>): Promise<CryptoKey[]> {
  const keys: CryptoKey[] = []
  for await (const key of candidates) {
    keys.push(key)
    if (keys.length === MOST_CANDIDATES) break
  }
  return keys
}
