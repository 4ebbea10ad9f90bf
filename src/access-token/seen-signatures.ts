/** Marks that are kept: many times as many as there are tokens in a cache of the default size. */
const MARKS = 16_384
/** Where in a signature, the shortest of which has 64 bytes, the 32 bits of its mark stand. */
const OFFSET = 8

/**
 * Tells a token that comes again from one that comes once, by 32 bits of its signature, in 64 KiB. It may err in both
 * directions: nothing depends on it but what is worth remembering.
 */
export class SeenSignatures {
  #marks: Uint32Array | undefined

  /** Notes a signature, and tells whether it was noted before. */
  note(signature: Buffer): boolean {
    this.#marks ??= new Uint32Array(MARKS)
    const mark = signature.readUInt32LE(OFFSET)
    const place = mark % MARKS
    const isKnown = this.#marks[place] === mark
    this.#marks[place] = mark
    return isKnown
  }
}
