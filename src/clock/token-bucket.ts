import type { Clock } from './clock.js'

/** A budget of `capacity` tokens. It gains one token every `refillInterval` milliseconds. */
export class TokenBucket {
  #capacity: number
  #refillInterval: number
  readonly #clock: Clock
  #available: number
  #countedAt: number

  constructor(capacity: number, refillInterval: number, clock: Clock) {
    this.#capacity = capacity
    this.#refillInterval = refillInterval
    this.#clock = clock
    this.#available = capacity
    this.#countedAt = clock.monotonic()
  }

  /** Changes the settings. Tokens that were taken stay taken. */
  use(capacity: number, refillInterval: number): void {
    this.#refill()
    this.#available = Math.max(0, Math.min(capacity, this.#available + capacity - this.#capacity))
    this.#capacity = capacity
    this.#refillInterval = refillInterval
  }

  /** Takes what one attempt costs, if at least one token is there. Those that are missing are owed. */
  take(cost = 1): boolean {
    this.#refill()
    if (this.#available < 1) return false
    this.#available -= cost
    return true
  }

  /**
   * Takes for what has happened already, even if no token is there: what is missing is owed, at most the whole capacity. So
   * attempts that ran in parallel count, too.
   */
  owe(cost: number): void {
    this.#refill()
    this.#available = Math.max(-this.#capacity, this.#available - cost)
  }

  giveBack(): void {
    this.#available = Math.min(this.#capacity, this.#available + 1)
  }

  /** How many tokens are left, including fractions. */
  get available(): number {
    this.#refill()
    return this.#available
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    this.#available = Math.min(this.#capacity, this.#available + (now - this.#countedAt) / this.#refillInterval)
    this.#countedAt = now
  }
}
