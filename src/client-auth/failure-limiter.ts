import { hash } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { TokenBucket } from '../clock/token-bucket.js'
import type { ClientAuthenticationSettings } from './client-authentication-options.js'

/** Pairs of client id and address that are remembered. */
const MOST_PAIRS = 10_000
/** The longest unused pairs, among which the one to forget is chosen. */
const CANDIDATES = 100

/**
 * Counts failed authentications for each pair of client id and address. A success costs nothing. When it remembers too
 * many pairs it forgets, of those longest unused, the one with the most allowance left: so made-up client ids do not
 * flush the count of a pair under attack.
 */
export class FailureLimiter {
  readonly #settings: ClientAuthenticationSettings
  readonly #clock: Clock
  readonly #allowances = new Map<string, TokenBucket>()

  constructor(settings: ClientAuthenticationSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Seconds until one more attempt is allowed; undefined where it is now. */
  retryAfter(clientId: string, remoteAddress: string): number | undefined {
    if (this.#allowances.size === 0) return undefined
    const allowance = this.#allowances.get(pairOf(clientId, remoteAddress))
    return allowance !== undefined && allowance.available < 1 ? Math.ceil(this.#refillInterval() / 1000) : undefined
  }

  countFailure(clientId: string, remoteAddress: string): void {
    const pair = pairOf(clientId, remoteAddress)
    const allowance = this.#allowances.get(pair) ?? this.#newAllowance()
    allowance.take()
    this.#allowances.delete(pair)
    this.#allowances.set(pair, allowance)
    if (this.#allowances.size > MOST_PAIRS) this.#forgetOne()
  }

  #forgetOne(): void {
    let most = -1
    let fullest = ''
    let looked = 0
    for (const [pair, { available }] of this.#allowances) {
      if (available > most) [most, fullest] = [available, pair]
      looked += 1
      if (looked === CANDIDATES) break
    }
    this.#allowances.delete(fullest)
  }

  #newAllowance(): TokenBucket {
    return new TokenBucket(this.#settings.maxFailures, this.#refillInterval(), this.#clock)
  }

  /** Milliseconds. */
  #refillInterval(): number {
    return (this.#settings.failureWindow * 1000) / this.#settings.maxFailures
  }
}

/** Hashed, so that long ids take no more room. */
function pairOf(clientId: string, remoteAddress: string): string {
  return hash('sha256', JSON.stringify([clientId, remoteAddress]), 'base64url')
}
