import type { SigningKey } from '../signing-keys/signing-keys.js'
import type { AccessToken } from './access-token.js'

/** What is remembered of a token that was accepted, in addition to its claims. */
export interface VerifiedToken {
  accessToken: AccessToken
  /** Seconds since the epoch, from when on it is accepted; undefined: it does not say. */
  validFrom: number | undefined
  /** Seconds since the epoch, from when on it is refused. */
  validUntil: number
}

/** One of ours. */
export interface VerifiedOwnToken extends VerifiedToken {
  signingKey: SigningKey
}

/** Bytes of an entry that do not grow with the token: the objects, and its place in the map. More than measured, to be safe. */
const BYTES_OF_ENTRY = 1500
/** Bytes for each character of a token: the text, and its claims as values. */
const BYTES_OF_CHARACTER = 4
/** Characters at the end of a token, of its signature, by which it is looked up. */
const KEY_LENGTH = 8
/** A prime, so that each of them counts. */
const FACTOR = 61

/**
 * Accepted tokens, compared by their exact text, so that the same token is not verified twice: no other text, however similar, finds
 * an entry. Bounded in bytes, as estimated: of two halves the older one is dropped when the younger one is full, and what
 * is used moves to the younger. What can change is checked at each use: here the dates, and by the caller whether the key that
 * signed the token is still trusted.
 */
export class VerifiedTokenCache<Entry extends VerifiedToken = VerifiedOwnToken> {
  readonly #bytesOfHalf: number
  #younger = new Map<number, Entry>()
  #older: ReadonlyMap<number, Entry> = new Map()
  #youngerBytes = 0
  readonly #seen = new SeenSignatures()

  /** @param maxBytes 0: nothing is remembered */
  constructor(maxBytes: number) {
    this.#bytesOfHalf = maxBytes / 2
  }

  /** How many tokens are remembered, expired ones included. */
  get size(): number {
    return this.#younger.size + this.#older.size
  }

  /** What is remembered of a token, if its dates allow it now. */
  find(token: string, now: number): Entry | undefined {
    const key = keyOf(token)
    const younger = this.#younger.get(key)
    const entry = younger ?? this.#older.get(key)
    if (entry === undefined || entry.accessToken.token !== token) return undefined
    if (!isInForce(entry, now)) return undefined
    if (younger === undefined) this.add(entry)
    return entry
  }

  /** Adds a token from the second time on that it is verified: one that comes once would only push others out. */
  addSeenAgain(signature: Buffer, createEntry: () => Entry): void {
    if (this.#bytesOfHalf > 0 && this.#seen.note(signature)) this.add(createEntry())
  }

  /** For a token that was just accepted, and no other. */
  add(entry: Entry): void {
    const { token } = entry.accessToken
    const bytes = BYTES_OF_ENTRY + BYTES_OF_CHARACTER * token.length
    if (bytes > this.#bytesOfHalf) return
    if (this.#youngerBytes + bytes > this.#bytesOfHalf) {
      this.#older = this.#younger
      this.#younger = new Map()
      this.#youngerBytes = 0
    }
    this.#younger.set(keyOf(token), entry)
    this.#youngerBytes += bytes
  }
}

/** A number of 32 bits: hashing a text takes several times as long. Of two tokens with the same number, one is remembered. */
function keyOf(token: string): number {
  if (typeof token !== 'string') return 0 // JavaScript callers may pass anything.
  let key = 0
  for (let at = Math.max(0, token.length - KEY_LENGTH); at < token.length; at += 1) {
    key = (Math.imul(key, FACTOR) + token.charCodeAt(at)) | 0
  }
  return key
}

function isInForce({ validFrom, validUntil }: VerifiedToken, now: number): boolean {
  return now < validUntil && (validFrom === undefined || now >= validFrom)
}

/** Marks that are kept: many times as many as there are tokens in a cache of the default size. */
const MARKS = 16_384
/** Where the 32 bits of the mark begin in a signature. The shortest signature has 64 bytes. */
const OFFSET = 8

/**
 * Tells a token that comes again from one that comes once, by 32 bits of its signature, in 64 KiB. It may err in both
 * directions: nothing depends on it but what is worth remembering.
 */
export class SeenSignatures {
  #marks: Uint32Array | undefined

  /** Notes a signature. @returns whether it was noted before */
  note(signature: Buffer): boolean {
    this.#marks ??= new Uint32Array(MARKS)
    const mark = signature.readUInt32LE(OFFSET)
    const place = mark % MARKS
    const isKnown = this.#marks[place] === mark
    this.#marks[place] = mark
    return isKnown
  }
}
