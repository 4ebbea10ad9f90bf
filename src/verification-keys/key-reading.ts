/** The values of `use` that can be configured. */
export const KEY_USES = ['jwt-svid'] as const
/** A value of `use` that `keyUses` may allow. */
export type KeyUse = (typeof KEY_USES)[number]

/** Which members of a key set are used in addition to those that the RFCs allow. */
export interface KeyReading {
  /** Members without a key of their own: the key of the certificate in `x5c` is used. */
  x5cOnlyKeys: boolean
  /** Members with such a `use`. */
  keyUses: readonly KeyUse[]
}

export const STRICT_READING: KeyReading = { x5cOnlyKeys: false, keyUses: [] }

export function isSameReading(one = STRICT_READING, other = STRICT_READING): boolean {
  const isSameUse = (use: KeyUse) => one.keyUses.includes(use) === other.keyUses.includes(use)
  return one.x5cOnlyKeys === other.x5cOnlyKeys && KEY_USES.every(isSameUse)
}
