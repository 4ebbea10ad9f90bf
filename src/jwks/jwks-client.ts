import type { CryptoKey } from 'jose'
import { BackOff, type BackOffDeps } from '../clock/back-off.js'
import { TokenBucket } from '../clock/token-bucket.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { printable } from '../events/printable.js'
import { DependencyUnavailable, TokenRejected } from '../events/rejections.js'
import { fetchJwks, isJwksFetchError, JwksFetchError } from './fetch-jwks.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'
import { type KeySet, readKeySet, type SkippedKey } from './key-set.js'
import type { KeyHeader, KeySourceStats, VerificationKeySource } from './verification-key-source.js'

/** Fetches at once for keys that we do not know; after that one for each `cooldownDuration`. */
const REFRESH_BUDGET = 2

export interface JwksClientDeps extends BackOffDeps {
  events: ExchangeEventEmitter
}

/**
 * The key set of one JWKS endpoint: fetched when needed, by one fetch at a time that all requests share, cached, and
 * kept while the endpoint fails. A key that is not in it causes a fetch, within a budget that made-up key ids exhaust
 * but that a real rollover finds filled.
 */
export class JwksClient implements VerificationKeySource {
  readonly #alias: string
  readonly #endpoint: URL
  readonly #settings: JwksEndpointSettings
  readonly #deps: JwksClientDeps
  readonly #unknownKeyBudget: TokenBucket
  /** Apart from the other one, so that forged signatures cannot delay the discovery of new keys. */
  readonly #badSignatureBudget: TokenBucket
  readonly #backOff: BackOff
  readonly #closing = new AbortController()
  #keySet: KeySet | undefined
  #fetchedAt = 0
  #refreshing: Promise<void> | undefined
  #fetches = 0
  #lastFailure: { reason: string; at: number } | undefined

  constructor(alias: string, endpoint: string, settings: JwksEndpointSettings, deps: JwksClientDeps) {
    this.#alias = alias
    this.#endpoint = new URL(endpoint)
    this.#settings = settings
    this.#deps = deps
    this.#unknownKeyBudget = new TokenBucket(REFRESH_BUDGET, settings.cooldownDuration, deps.clock)
    this.#backOff = new BackOff(deps)
    this.#badSignatureBudget = new TokenBucket(REFRESH_BUDGET, settings.cooldownDuration, deps.clock)
  }

  async findKeys(header: KeyHeader): Promise<readonly CryptoKey[]> {
    const known = await (await this.#currentKeySet()).find(header)
    if (known.length > 0) return known
    // A fetch that is under way may have started before the key was published, so that one more may be needed.
    const awaited = this.#refreshing === undefined ? [] : await this.#findAfter(this.#refreshing, header)
    if (awaited.length > 0) return awaited
    const fetched = await this.#findAfter(this.#refreshWithin(this.#unknownKeyBudget), header)
    if (fetched.length > 0) return fetched
    if (this.#backOff.isWaiting) throw this.#unavailable()
    throw new TokenRejected('unknown_key')
  }

  async findNewerKeys(header: KeyHeader, keys: readonly CryptoKey[]): Promise<readonly CryptoKey[]> {
    const current = await this.#findAfter(this.#refreshing, header)
    if (current.some((key) => !keys.includes(key))) return current
    const refreshed = await this.#findAfter(this.#refreshWithin(this.#badSignatureBudget), header)
    return refreshed.filter((key) => !keys.includes(key))
  }

  async warmUp(): Promise<void> {
    if (!this.#isFresh() && !this.#backOff.isWaiting) await this.#refresh()
  }

  /** Ends a fetch under way and makes no other. */
  close(): void {
    this.#closing.abort()
  }

  stats(): KeySourceStats {
    const now = this.#deps.clock.monotonic()
    const failure = this.#lastFailure
    return {
      state: this.#state(),
      kids: this.#keySet?.kids ?? [],
      fetches: this.#fetches,
      ...(this.#keySet && { keySetAge: Math.round(now - this.#fetchedAt) }),
      ...(failure && { lastFailure: { reason: failure.reason, millisecondsAgo: Math.round(now - failure.at) } }),
    }
  }

  async #currentKeySet(): Promise<KeySet> {
    if (!this.#isFresh() && !this.#backOff.isWaiting) await this.#refresh()
    if (this.#keySet === undefined || !this.#isServable()) throw this.#unavailable()
    return this.#keySet
  }

  async #findAfter(refresh: Promise<void> | undefined, header: KeyHeader): Promise<readonly CryptoKey[]> {
    await refresh
    return (await this.#keySet?.find(header)) ?? []
  }

  /** Joins a fetch under way at no cost. A failed one does not count against the budget: back-off bounds those. */
  async #refreshWithin(budget: TokenBucket): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing
    if (this.#backOff.isWaiting || !budget.take()) return
    await this.#refresh()
    if (this.#backOff.isWaiting) budget.giveBack()
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#fetchKeySet().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #fetchKeySet(): Promise<void> {
    const startedAt = this.#deps.clock.monotonic()
    this.#fetches += 1
    try {
      const { keySet, skipped } = readKeySet(await fetchJwks(this.#endpoint, this.#settings, this.#closing.signal))
      this.#reportSkipped(skipped)
      if (keySet === undefined) throw new JwksFetchError('no_usable_key')
      this.#accept(keySet, startedAt)
    } catch (error) {
      this.#fail(isJwksFetchError(error) ? error.failure : 'read_failed', startedAt)
    }
  }

  #accept(keySet: KeySet, startedAt: number): void {
    const now = this.#deps.clock.monotonic()
    this.#keySet = keySet
    this.#fetchedAt = now
    this.#backOff.succeed()
    this.#deps.events.emit('jwks.refreshed', {
      ...this.#identity(),
      durationMs: Math.round(now - startedAt),
      kids: keySet.kids.map((kid) => kid && printable(kid)),
    })
  }

  #fail(reason: string, startedAt: number): void {
    const now = this.#deps.clock.monotonic()
    this.#backOff.fail()
    this.#lastFailure = { reason, at: now }
    this.#deps.events.emit('jwks.failed', {
      ...this.#identity(),
      durationMs: Math.round(now - startedAt),
      reason,
      consecutiveFailures: this.#backOff.consecutiveFailures,
      retryInMs: Math.round(this.#backOff.remaining),
    })
  }

  #reportSkipped(skipped: readonly SkippedKey[]): void {
    for (const { reason, kid } of skipped) {
      const named = kid === undefined ? {} : { kid: printable(kid) }
      this.#deps.events.emit('jwks.key_rejected', { ...this.#identity(), ...named, reason })
    }
  }

  #identity() {
    return { alias: this.#alias, endpoint: this.#endpoint.href }
  }

  #age(): number {
    return this.#keySet === undefined ? Number.POSITIVE_INFINITY : this.#deps.clock.monotonic() - this.#fetchedAt
  }

  #isFresh(): boolean {
    return this.#age() < this.#settings.cacheMaxAge
  }

  #isServable(): boolean {
    return this.#isFresh() || this.#age() < this.#settings.cacheMaxAge + this.#settings.cacheMaxAgeFallback
  }

  #unavailable(): DependencyUnavailable {
    return new DependencyUnavailable('jwks_unavailable', {
      retryAfter: this.#backOff.remaining / 1000,
      ...(this.#lastFailure && { cause: new Error(this.#lastFailure.reason) }),
    })
  }

  #state(): KeySourceStats['state'] {
    if (this.#isFresh()) return 'ok'
    if (this.#keySet === undefined) return this.#lastFailure === undefined ? 'never' : 'down'
    return this.#isServable() ? 'stale' : 'down'
  }
}
