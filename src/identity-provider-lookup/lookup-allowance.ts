import type { Clock } from '../clock/clock.js'
import { TokenBucket } from '../clock/token-bucket.js'
import type { LookupCause } from '../identity-provider/run-time-identity-providers.js'

/** How many lookups that find nothing are allowed at once, and milliseconds until one more is. */
const LIMITS = { client: { capacity: 1000, refill: 10 }, stranger: { capacity: 200, refill: 50 } }

/**
 * Bounds lookups that find nothing, so that made-up names do not keep the source busy. Those that find something cost nothing in
 * the end: many tenants may come at once.
 */
export class LookupAllowance {
  readonly #buckets: Readonly<Record<LookupCause, TokenBucket>>

  constructor(clock: Clock) {
    const { client, stranger } = LIMITS
    this.#buckets = {
      client: new TokenBucket(client.capacity, client.refill, clock),
      stranger: new TokenBucket(stranger.capacity, stranger.refill, clock),
    }
  }

  take(cause: LookupCause): boolean {
    return this.#buckets[cause].take()
  }

  giveBack(cause: LookupCause): void {
    this.#buckets[cause].giveBack()
  }
}
