import { type Clock, elapsedSince, type Moment } from '../clock/clock.js'
import type { IntrospectionAnswer } from './ask-endpoint.js'

interface CachedAnswer {
  answer: IntrospectionAnswer
  askedAt: Moment
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Milliseconds, and answers of each kind. */
export interface AnswerCacheBounds {
  cacheTtl: number
  cacheMaxEntries: number
}

/**
 * Answers by the SHA-256 of their token. Those about active tokens have their own room: tokens that strangers make up cannot
 * push them out.
 */
export class AnswerCache {
  readonly #bounds: AnswerCacheBounds
  readonly #clock: Clock
  readonly #active = new Map<string, CachedAnswer>()
  readonly #others = new Map<string, CachedAnswer>()

  constructor(bounds: AnswerCacheBounds, clock: Clock) {
    this.#bounds = bounds
    this.#clock = clock
  }

  /** How many answers are kept, old ones included. */
  get size(): number {
    return this.#active.size + this.#others.size
  }

  find(key: string): IntrospectionAnswer | undefined {
    const cached = this.#active.get(key) ?? this.#others.get(key)
    if (cached === undefined) return undefined
    // Written so that a clock that returns NaN makes nothing recent.
    if (this.isRecent(cached.askedAt) && this.#clock.now() < cached.expiresAt) return cached.answer
    this.#delete(key)
    return undefined
  }

  /** Whether the answer to a question that was sent then still counts. */
  isRecent(askedAt: Moment): boolean {
    return elapsedSince(askedAt, this.#clock) < this.#bounds.cacheTtl
  }

  /** @param expiresAt when an active token expires, in seconds since the epoch */
  add(key: string, answer: IntrospectionAnswer, askedAt: Moment, expiresAt: number): void {
    this.#delete(key)
    if (!this.isRecent(askedAt)) return
    const kept = answer.isActive ? this.#active : this.#others
    const [oldest] = kept.keys()
    if (oldest !== undefined && kept.size >= this.#bounds.cacheMaxEntries) kept.delete(oldest)
    kept.set(key, { answer, askedAt, expiresAt: answer.isActive ? expiresAt : Number.POSITIVE_INFINITY })
  }

  #delete(key: string): void {
    this.#active.delete(key)
    this.#others.delete(key)
  }
}
