/** The values of `use` that can be configured. */
export const KEY_USES = ['jwt-svid'] as const
export type KeyUse = (typeof KEY_USES)[number]

/** Which members of a key set are used that otherwise are not. */
export interface KeyReading {
  /** Those without a key of their own, by the key of the certificate in `x5c`. */
  x5cOnlyKeys: boolean
  /** Those with such a `use`. */
  keyUses: readonly KeyUse[]
}

export const STRICT_READING: KeyReading = { x5cOnlyKeys: false, keyUses: [] }

export function isSameReading(one = STRICT_READING, other = STRICT_READING): boolean {
  const isSameUse = (use: KeyUse) => one.keyUses.includes(use) === other.keyUses.includes(use)
  return one.x5cOnlyKeys === other.x5cOnlyKeys && KEY_USES.every(isSameUse)
}
