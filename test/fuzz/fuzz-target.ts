/** Something that reads what others wrote, and what it promises of any input. */
export interface FuzzTarget {
  name: string
  /** Inputs to begin with, a character for each byte. */
  seeds: readonly string[]
  /** Words that its formats know. */
  words: readonly string[]
  /** Throws or rejects if a promise is broken. */
  check(input: Buffer): void | Promise<void>
  close?(): Promise<void>
}

/** What an act throws, which must be of one of these names; undefined if it throws nothing. */
export function thrownBy<Result>(
  act: () => Result,
  ...names: readonly string[]
): { result: Result } | { error: Error & { reason?: string } } {
  try {
    return { result: act() }
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return { error }
    throw error
  }
}

/** @throws if it does not hold */
export function hold(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`)
}

/** As JSON, which tells -0 and undefined members apart from nothing that JSON text can hold. */
export function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
