import type { SeededRandom } from '../simulation/seeded-random.js'

/** Characters that formats give a meaning to, and bytes at the edges of encodings. */
const TELLING = [
  ...'"\'\\{}[]:,.=&+%;/*~$#_-? \t\r\n0aZ',
  '\x00',
  '\x7f',
  '\x80',
  '\xbf',
  '\xc0\x80',
  '\xed\xa0\x80',
  '\xef\xbb\xbf',
  '\xf4\x90\x80\x80',
  '\xff',
  '%00',
  '%zz',
  '%C3%A9',
  '\\u0000',
  '\\ud800',
  '1e999',
  '-0',
  '9007199254740993',
  'null',
  'true',
  '__proto__',
  'constructor',
  '"""',
  "'''",
]
const MAX_STACKED = 6
const MAX_BYTES = 20_000

type Mutation = (input: Buffer) => Buffer

/** Makes new inputs of known ones. Everything comes from the seed. */
export class Mutator {
  readonly #random: SeededRandom
  readonly #dictionary: readonly [string, ...string[]]

  constructor(random: SeededRandom, dictionary: readonly string[]) {
    this.#random = random
    this.#dictionary = ['"', ...TELLING, ...dictionary]
  }

  /** A few mutations of an input of the corpus. */
  next(corpus: readonly Buffer[]): Buffer {
    const mutations: readonly [Mutation, ...Mutation[]] = [
      this.#flipBit,
      this.#setByte,
      this.#insertWord,
      this.#replaceByWord,
      this.#remove,
      this.#repeat,
      this.#exchange,
      (input) => this.#splice(input, corpus),
    ]
    let input = this.#choose(corpus)
    for (let count = 1 + this.#below(MAX_STACKED); count > 0; count -= 1) input = this.#random.pick(mutations)(input)
    return input.subarray(0, MAX_BYTES)
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  #choose(corpus: readonly Buffer[]): Buffer {
    return corpus[this.#below(corpus.length)] ?? Buffer.alloc(0)
  }

  /** Where a range begins and ends; short ones are more likely. */
  #range(input: Buffer): [number, number] {
    const start = this.#below(input.length + 1)
    const longest = this.#random.next() < 0.7 ? 8 : input.length
    return [start, Math.min(input.length, start + 1 + this.#below(longest))]
  }

  readonly #flipBit = (input: Buffer): Buffer => {
    const copy = Buffer.from(input)
    const at = this.#below(copy.length)
    if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << this.#below(8))
    return copy
  }

  readonly #setByte = (input: Buffer): Buffer => {
    const copy = Buffer.from(input)
    if (copy.length > 0) copy[this.#below(copy.length)] = this.#below(256)
    return copy
  }

  readonly #insertWord = (input: Buffer): Buffer => {
    const at = this.#below(input.length + 1)
    return replaced(input, at, at, this.#word())
  }

  readonly #replaceByWord = (input: Buffer): Buffer => replaced(input, ...this.#range(input), this.#word())

  readonly #remove = (input: Buffer): Buffer => replaced(input, ...this.#range(input), Buffer.alloc(0))

  readonly #repeat = (input: Buffer): Buffer => {
    const [start, end] = this.#range(input)
    const times = this.#random.next() < 0.9 ? 2 : 2 + this.#below(200)
    const part = input.subarray(start, end)
    return replaced(input, start, end, Buffer.concat(Array.from({ length: times }, () => part)).subarray(0, MAX_BYTES))
  }

  readonly #exchange = (input: Buffer): Buffer => {
    const [start, end] = this.#range(input)
    const at = this.#below(input.length + 1)
    return replaced(input, at, at, input.subarray(start, end))
  }

  #splice(input: Buffer, corpus: readonly Buffer[]): Buffer {
    const other = this.#choose(corpus)
    return Buffer.concat([
      input.subarray(0, this.#below(input.length + 1)),
      other.subarray(this.#below(other.length + 1)),
    ])
  }

  #word(): Buffer {
    return Buffer.from(this.#random.pick(this.#dictionary), 'latin1')
  }
}

function replaced(input: Buffer, start: number, end: number, by: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, start), by, input.subarray(end)])
}
