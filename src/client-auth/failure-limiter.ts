import { createHash } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { TokenBucket } from '../clock/token-bucket.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** The protection of client secrets against guessing (RFC 6749 §2.3.1). */
export interface ClientAuthenticationOptions {
  /**
   * Failed authentications allowed for one client id from one address at once, 1 to 1 000 000; then 429. The address is
   * Express's `req.ip`: set `trust proxy` behind one. Default: 500.
   */
  maxFailures?: number
  /** Seconds in which the whole allowance comes back, little by little, 1 to 86 400. Default: 600. */
  failureWindow?: number
}

export type ClientAuthenticationSettings = Required<ClientAuthenticationOptions>

export function checkClientAuthenticationOptions(reader: OptionReader): ClientAuthenticationSettings {
  const settings = {
    maxFailures: reader.integer('maxFailures', { min: 1, max: 1_000_000, default: 500, unit: 'failures' }),
    failureWindow: reader.integer('failureWindow', { min: 1, max: 86_400, default: 600, unit: 'seconds' }),
  }
  reader.refuseUnknown()
  return settings
}

/** Pairs of client id and address remembered; the longest unused goes first. */
const MOST_PAIRS = 10_000

export interface AuthenticationAttempt {
  /** Seconds to wait; undefined: go ahead. */
  retryAfter: number | undefined
  failed(): void
}

/** Counts failed authentications for each pair of client id and address. A success costs nothing. */
export class FailureLimiter {
  readonly #settings: ClientAuthenticationSettings
  readonly #clock: Clock
  readonly #allowances = new Map<string, TokenBucket>()

  constructor(settings: ClientAuthenticationSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  attempt(clientId: string, remoteAddress: string): AuthenticationAttempt {
    const pair = createHash('sha256')
      .update(JSON.stringify([clientId, remoteAddress]))
      .digest('base64url')
    const allowance = this.#allowances.get(pair)
    return {
      retryAfter: allowance?.isEmpty === true ? Math.ceil(this.#refillInterval() / 1000) : undefined,
      failed: () => this.#countFailure(pair),
    }
  }

  #countFailure(pair: string): void {
    const { maxFailures } = this.#settings
    const allowance = this.#allowances.get(pair) ?? new TokenBucket(maxFailures, this.#refillInterval(), this.#clock)
    allowance.take()
    this.#allowances.delete(pair)
    this.#allowances.set(pair, allowance)
    const [oldest] = this.#allowances.keys()
    if (this.#allowances.size > MOST_PAIRS && oldest !== undefined) this.#allowances.delete(oldest)
  }

  /** Milliseconds. */
  #refillInterval(): number {
    return (this.#settings.failureWindow * 1000) / this.#settings.maxFailures
  }
}
