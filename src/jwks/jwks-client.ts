import type { CryptoKey } from 'jose'
import { BackOff, type BackOffDeps } from '../clock/back-off.js'
import { TokenBucket } from '../clock/token-bucket.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { printable } from '../events/printable.js'
import { CachedKeySet } from './cached-key-set.js'
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
  readonly #cache: CachedKeySet
  readonly #backOff: BackOff
  readonly #unknownKeyBudget: TokenBucket
  /** Apart from the other one, so that forged signatures cannot delay the discovery of new keys. */
  readonly #badSignatureBudget: TokenBucket
  readonly #closing = new AbortController()
  /** The fetch under way, true when it succeeds. */
  #refreshing: Promise<boolean> | undefined
  #fetches = 0
  #lastFailure: { reason: string; at: number } | undefined

  constructor(alias: string, endpoint: string, settings: JwksEndpointSettings, deps: JwksClientDeps) {
    this.#alias = alias
    this.#endpoint = new URL(endpoint)
    this.#settings = settings
    this.#deps = deps
    this.#cache = new CachedKeySet(settings, deps.clock)
    this.#backOff = new BackOff(deps)
    this.#unknownKeyBudget = new TokenBucket(REFRESH_BUDGET, settings.cooldownDuration, deps.clock)
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
    if (!this.#mayRefresh()) throw this.#unavailable()
    throw new TokenRejected('unknown_key')
  }

  async findNewerKeys(header: KeyHeader, keys: readonly CryptoKey[]): Promise<readonly CryptoKey[]> {
    const isNewer = (key: CryptoKey) => !keys.includes(key)
    const current = (await this.#findAfter(this.#refreshing, header)).filter(isNewer)
    if (current.length > 0) return current
    return (await this.#findAfter(this.#refreshWithin(this.#badSignatureBudget), header)).filter(isNewer)
  }

  async warmUp(): Promise<void> {
    if (!this.#cache.isFresh && this.#mayRefresh()) await this.#refresh()
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
      kids: this.#cache.last?.kids ?? [],
      fetches: this.#fetches,
      ...(this.#cache.last && { keySetAge: Math.round(this.#cache.age) }),
      ...(failure && { lastFailure: { reason: failure.reason, millisecondsAgo: Math.round(now - failure.at) } }),
    }
  }

  /** Waits for a fetch where there is no fresh key set; not where the last fetch failed and the old one still serves. */
  async #currentKeySet(): Promise<KeySet> {
    if (!this.#cache.isFresh && this.#mayRefresh()) {
      const refreshed = this.#refresh()
      const isOutage = this.#backOff.consecutiveFailures > 0
      if (!isOutage || this.#cache.servable === undefined) await refreshed
    }
    const keySet = this.#cache.servable
    if (keySet === undefined) throw this.#unavailable()
    return keySet
  }

  async #findAfter(refresh: Promise<unknown> | undefined, header: KeyHeader): Promise<readonly CryptoKey[]> {
    await refresh
    return (await this.#cache.servable?.find(header)) ?? []
  }

  #mayRefresh(): boolean {
    return !this.#backOff.isWaiting && !this.#closing.signal.aborted
  }

  /** Joins a fetch under way at no cost. A failed one does not count against the budget: back-off bounds those. */
  async #refreshWithin(budget: TokenBucket): Promise<void> {
    if (this.#refreshing !== undefined) {
      await this.#refreshing
    } else if (this.#mayRefresh() && budget.take()) {
      const succeeded = await this.#refresh()
      if (!succeeded) budget.giveBack()
    }
  }

  #refresh(): Promise<boolean> {
    this.#refreshing ??= this.#fetchKeySet().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** Never rejects: true where a new key set is in use. */
  async #fetchKeySet(): Promise<boolean> {
    const startedAt = this.#deps.clock.monotonic()
    this.#fetches += 1
    try {
      const { keySet, skipped } = readKeySet(await fetchJwks(this.#endpoint, this.#settings, this.#closing.signal))
      this.#reportSkipped(skipped)
      if (keySet === undefined) throw new JwksFetchError('no_usable_key')
      this.#accept(keySet, startedAt)
      return true
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#fail(isJwksFetchError(error) ? error.failure : 'read_failed', startedAt)
      return false
    }
  }

  #accept(keySet: KeySet, startedAt: number): void {
    this.#cache.replace(keySet)
    this.#backOff.succeed()
    this.#deps.events.emit('jwks.refreshed', {
      ...this.#identity(),
      durationMs: Math.round(this.#deps.clock.monotonic() - startedAt),
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

  #unavailable(): DependencyUnavailable {
    return new DependencyUnavailable('jwks_unavailable', {
      retryAfter: this.#backOff.remaining / 1000,
      ...(this.#lastFailure && { cause: new Error(this.#lastFailure.reason) }),
    })
  }

  #state(): KeySourceStats['state'] {
    if (this.#cache.isFresh) return 'ok'
    if (this.#cache.servable !== undefined) return 'stale'
    return this.#cache.last === undefined && this.#lastFailure === undefined ? 'never' : 'down'
  }
}
