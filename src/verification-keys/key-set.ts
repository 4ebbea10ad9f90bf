import type { KeyObject } from 'node:crypto'
import { printable } from '../errors/printable.js'
import { type KeyReading, STRICT_READING } from './key-reading.js'
import type { CutKeySet, KeyHeader, KeyStats } from './key-source.js'
import { isReadBy, readUsableKey, type SkippedKey, type UsableKey } from './usable-key.js'

/** How many keys are tried if several fit: a set full of one `kid` must not cost more than a few verifications. */
export const MAX_CANDIDATES = 5

export const DEFAULT_MAX_KEYS = 100

const MAX_KEYS_NAMED = 5
/** Characters of a `kid` that are shown: a long one hides no other key. */
const MAX_KID_SHOWN = 40

/** The usable keys of one published key set. It never changes: a refresh makes a new one. */
export class KeySet {
  readonly #keys: readonly UsableKey[]
  readonly #keysOfKid = new Map<string | undefined, UsableKey[]>()
  /** undefined: every member was read. */
  readonly cut: CutKeySet | undefined

  constructor(keys: readonly UsableKey[], cut?: CutKeySet) {
    this.#keys = keys
    this.cut = cut
    for (const key of keys) this.#keysOfKid.set(key.kid, [...(this.#keysOfKid.get(key.kid) ?? []), key])
  }

  /** As operators read them: escaped, at most 200 characters of each. */
  get kids(): readonly (string | undefined)[] {
    return this.#keys.map(({ kid }) => kid && printable(kid))
  }

  /**
   * The keys that fit: by `kid` if the header has one, and by algorithm, which must suit the key's type, curve and own
   * `alg` (RFC 7517 §4.4, §4.5). If the header has a thumbprint of the certificate of some of them, only those.
   */
  find(header: KeyHeader): readonly KeyObject[] {
    return this.#fitting(header)
      .slice(0, MAX_CANDIDATES)
      .map(({ publicKey }) => publicKey)
  }

  /** How many keys fit: more than five are not all tried. */
  countFitting(header: KeyHeader): number {
    return this.#fitting(header).length
  }

  /** The keys that this reading gives, too; undefined if there is none. */
  readBy(reading = STRICT_READING): KeySet | undefined {
    const keys = this.#keys.filter((key) => isReadBy(reading, key))
    return keys.length > 0 ? new KeySet(keys, this.cut) : undefined
  }

  stats(): KeyStats[] {
    return this.#keys.map(({ kid, algorithms, certificateExpiresAt, note }) => ({
      ...(kid !== undefined && { kid: printable(kid) }),
      algorithms: [...algorithms],
      ...(certificateExpiresAt !== undefined && { certificateExpiresAt }),
      ...(note !== undefined && { note }),
    }))
  }

  #fitting({ alg, kid, x5t, x5tS256 }: KeyHeader): readonly UsableKey[] {
    const named = kid === undefined ? this.#keys : (this.#keysOfKid.get(kid) ?? [])
    const isFitting = ({ algorithms }: UsableKey) => (algorithms as readonly string[]).includes(alg)
    const fitting = named.every(isFitting) ? named : named.filter(isFitting)
    if (fitting.length < 2 || (x5t === undefined && x5tS256 === undefined)) return fitting
    const hasThumbprint = (key: UsableKey) =>
      (x5tS256 !== undefined && key.x5tS256 === x5tS256) || (x5t !== undefined && key.x5t === x5t)
    const certified = fitting.filter(hasThumbprint)
    return certified.length > 0 ? certified : fitting
  }
}

/** What became of the members of a published set. */
export interface ReadKeySet {
  /** undefined: no key is usable. */
  keySet?: KeySet
  skipped: readonly SkippedKey[]
  cut?: CutKeySet
}

/**
 * Splits the `keys` of a published set (RFC 7517 §5) into a usable set, if any key is, and what was skipped.
 *
 * @param maxKeys members after these are not read
 */
export function readKeySet(members: readonly unknown[], maxKeys = DEFAULT_MAX_KEYS, reading?: KeyReading): ReadKeySet {
  const usable: UsableKey[] = []
  const skipped: SkippedKey[] = []
  for (const member of members.slice(0, maxKeys)) {
    const key = readUsableKey(member, reading)
    if ('publicKey' in key) usable.push(key)
    else skipped.push(key)
  }
  const cut = members.length > maxKeys ? { keys: members.length, maxKeys } : undefined
  return {
    ...(usable.length > 0 && { keySet: new KeySet(usable, cut) }),
    skipped,
    ...(cut !== undefined && { cut }),
  }
}

/** Why no key of a set is usable: which are skipped for which reason. Unescaped. */
export function describeSkipped(skipped: readonly SkippedKey[], cut?: CutKeySet): string {
  if (skipped.length === 0) return 'the key set is empty'
  const named = skipped
    .slice(0, MAX_KEYS_NAMED)
    .map(({ kid, skipped: reason }) => `${shortened(kid ?? 'without kid')}: ${reason}`)
  const others = skipped.length - named.length
  const all = cut === undefined ? 'every key' : `each of the first ${cut.maxKeys} of ${cut.keys} keys`
  return `${all} is skipped: ${[...named, ...(others === 0 ? [] : [`and ${others} more`])].join('; ')}`
}

function shortened(kid: string): string {
  return kid.length > MAX_KID_SHOWN ? `${kid.slice(0, MAX_KID_SHOWN)}...` : kid
}
