import { type FakeKey, generateFakeKey, type SigningAlgorithm, withoutKeyId } from './fake-keys.js'

/** The keys of a fake identity provider: the one that signs, and those that are published. */
export class FakeKeySet {
  readonly #keyIds: boolean
  #signingKey: FakeKey
  #published: readonly FakeKey[]
  #members: unknown

  private constructor(first: FakeKey, keyIds: boolean) {
    this.#keyIds = keyIds
    this.#signingKey = first
    this.#published = [first]
  }

  static async create(algorithm: SigningAlgorithm, keyIds: boolean): Promise<FakeKeySet> {
    return new FakeKeySet(await generateKey(algorithm, keyIds), keyIds)
  }

  get signingKey(): FakeKey {
    return this.#signingKey
  }

  async rotate(algorithm: SigningAlgorithm): Promise<FakeKey> {
    const next = await generateKey(algorithm, this.#keyIds)
    const previous = this.#signingKey
    this.#signingKey = next
    this.#published = [next, ...this.#published.filter((key) => key === previous)]
    return next
  }

  withdraw(kid: string): void {
    this.#published = this.#published.filter((key) => key.kid !== kid)
  }

  publish(members: unknown): void {
    this.#members = members
  }

  toJson(): string {
    return JSON.stringify({
      keys: this.#members === undefined ? this.#published.map((key) => key.publicJwk) : this.#members,
    })
  }
}

async function generateKey(algorithm: SigningAlgorithm, keyIds: boolean): Promise<FakeKey> {
  const key = await generateFakeKey(algorithm)
  return keyIds ? key : withoutKeyId(key)
}
