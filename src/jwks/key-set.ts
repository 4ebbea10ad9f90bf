import type { KeyObject } from 'node:crypto'
import { printable } from '../errors/printable.js'
import { readUsableKey, type SkippedKey, type UsableKey } from './usable-key.js'
import type { KeyHeader, KeyStats } from './verification-key-source.js'

const MOST_MEMBERS = 100
/** How many keys are tried where several fit: a set full of one `kid` must not cost more than a few verifications. */
const MOST_CANDIDATES = 5

/** The usable keys of one published key set. It never changes: a refresh makes a new one. */
export class KeySet {
  readonly #keys: readonly UsableKey[]
  readonly #keysOfKid = new Map<string | undefined, UsableKey[]>()

  constructor(keys: readonly UsableKey[]) {
    this.#keys = keys
    for (const key of keys) this.#keysOfKid.set(key.kid, [...(this.#keysOfKid.get(key.kid) ?? []), key])
  }

  /** As operators read them: escaped, at most 200 characters of each. */
  get kids(): readonly (string | undefined)[] {
    return this.#keys.map(({ kid }) => kid && printable(kid))
  }

  /**
   * The keys that fit: by `kid` where the header has one, and by algorithm, which must suit the key's type, curve and
   * own `alg` (RFC 7517 §4.4, §4.5).
   */
  find({ alg, kid }: KeyHeader): readonly KeyObject[] {
    const candidates = kid === undefined ? this.#keys : (this.#keysOfKid.get(kid) ?? [])
    return candidates
      .filter(({ algorithms }) => algorithms.some((algorithm) => algorithm === alg))
      .slice(0, MOST_CANDIDATES)
      .map(({ publicKey }) => publicKey)
  }

  stats(): KeyStats[] {
    return this.#keys.map(({ kid, algorithms, certificateExpiresAt }) => ({
      ...(kid !== undefined && { kid: printable(kid) }),
      algorithms: [...algorithms],
      ...(certificateExpiresAt !== undefined && { certificateExpiresAt }),
    }))
  }
}

/** Splits the `keys` of a published set (RFC 7517 §5) into a usable set, if any key is, and what was skipped. */
export function readKeySet(members: readonly unknown[]): { keySet?: KeySet; skipped: SkippedKey[] } {
  const usable: UsableKey[] = []
  const skipped: SkippedKey[] = []
  for (const member of members.slice(0, MOST_MEMBERS)) {
    const key = readUsableKey(member)
    if ('publicKey' in key) usable.push(key)
    else skipped.push(key)
  }
  if (members.length > MOST_MEMBERS) skipped.push({ skipped: 'too_many_keys' })
  return usable.length > 0 ? { keySet: new KeySet(usable), skipped } : { skipped }
}
