import type { Timers } from '../clock/timers.js'
import { DependencyUnavailable, isDependencyUnavailable } from '../errors/rejections.js'
import type { ReplayStore } from './replay-store.js'

export interface ReplayProtectionDeps {
  store: ReplayStore
  /** Milliseconds for one claim. */
  timeout: number
  timers: Timers
  /** Told at most once, in the words of the store. */
  reportRisk(message: string): void
}

/**
 * Asks a replay store, which may hang or fail: an answer in time, or `DependencyUnavailable`. A store that has not
 * answered in time is asked by one request after the other until it answers: the others would only wait, and what they
 * claim could be executed after all when nobody waits for it any more.
 */
export class ReplayProtection {
  readonly #deps: ReplayProtectionDeps
  /** A claim was not answered in time, and none has been answered since. */
  #isOverdue = false
  #isProbing = false
  #hasAskedForRisk = false

  constructor(deps: ReplayProtectionDeps) {
    this.#deps = deps
  }

  /**
   * True for the store's own `true` only: one that answers anything else has not said that this is the first use.
   *
   * @throws DependencyUnavailable `replay_store_unavailable`, or what the store throws of this kind
   */
  async claim(key: string, expiresAt: number): Promise<boolean> {
    if (!this.#isOverdue) return await this.#ask(key, expiresAt)
    if (this.#isProbing) throw unavailable(new Error('the replay store has not answered earlier claims'))
    this.#isProbing = true
    try {
      return await this.#ask(key, expiresAt)
    } finally {
      this.#isProbing = false
    }
  }

  async #ask(key: string, expiresAt: number): Promise<boolean> {
    try {
      const claim: unknown = this.#deps.store.claim(key, expiresAt)
      if (typeof claim !== 'boolean') return (await this.#inTime(Promise.resolve(claim))) === true
      this.#noteAnswer()
      return claim
    } catch (cause) {
      throw isDependencyUnavailable(cause) ? cause : unavailable(cause)
    }
  }

  /** Also of an answer that comes late. */
  #noteAnswer(): void {
    this.#isOverdue = false
    if (!this.#hasAskedForRisk) void this.#findRisk()
  }

  async #inTime(claim: Promise<unknown>): Promise<unknown> {
    const { timers, timeout } = this.#deps
    let isSettled = false
    const answer = claim.finally(() => {
      isSettled = true
    })
    answer.then(
      () => this.#noteAnswer(),
      () => {},
    )
    let cancel = () => {}
    const tooLate = new Promise<never>((_resolve, reject) => {
      const giveUp = () => {
        if (isSettled) return
        this.#isOverdue = true
        reject(new Error(`the replay store did not answer within ${timeout} ms`))
      }
      // Where this process stood still, the answer may be there, and only not read yet.
      cancel = timers.after(timeout, () => setImmediate(giveUp))
    })
    try {
      return await Promise.race([answer, tooLate])
    } finally {
      cancel()
    }
  }

  /** After an answer, when the store is reached for certain. One that cannot tell is asked no more. */
  async #findRisk(): Promise<void> {
    this.#hasAskedForRisk = true
    try {
      const risk = await this.#deps.store.findRisk?.()
      if (typeof risk === 'string') this.#deps.reportRisk(risk)
    } catch {
      // A database may allow claims, but not to ask how it is configured.
    }
  }
}

function unavailable(cause: unknown): DependencyUnavailable {
  return new DependencyUnavailable('replay_store_unavailable', { cause })
}
