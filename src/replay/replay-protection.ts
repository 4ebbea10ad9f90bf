import cluster from 'node:cluster'
import { isPromise } from 'node:util/types'
import { isMainThread } from 'node:worker_threads'
import type { Clock } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'
import { settleInTime, systemTimers } from '../clock/timers.js'
import { createFault } from '../errors/describe-fault.js'
import { inOneLine } from '../errors/printable.js'
import { DependencyUnavailable, isDependencyUnavailable } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { memoryOfProcess } from './replay-memory.js'
import type { ReplaySettings } from './replay-options.js'
import { ReplayRoom } from './replay-room.js'
import type { ReplayStore } from './replay-store.js'

type MarkUsedCall = Parameters<ReplayStore['markUsed']>

export interface ReplayProtectionDeps {
  store: ReplayStore
  /** Milliseconds for one call. */
  timeout: number
  timers: Timers
  /** Told at most once, in the words of the store. */
  reportRisk(message: string): void
  /** Called when the room of the store, or the share of an identity provider, has become 80 % full. */
  reportFilling(filling: { fillLevel: number; identityProvider?: string }): void
}

/** From 0 to 1: the level from which the store is reported as filling, and the level below which that ends. */
const FILLING_FROM = 0.8
const FILLING_OVER_BELOW = 0.7

/**
 * Asks a replay store, which may hang or fail: an answer in time, or `DependencyUnavailable`. A store that has not
 * answered in time is asked by one request after the other until it answers: the others would only wait, and what they
 * mark used could be executed after all when nobody waits for it any more.
 */
export class ReplayProtection {
  readonly #deps: ReplayProtectionDeps
  /** A call was not answered in time, and none has been answered since. */
  #isOverdue = false
  #isProbing = false
  #hasAskedForRisk = false
  /** The identity providers whose share fills; undefined for the room of all. */
  readonly #filling = new Set<string | undefined>()

  constructor(deps: ReplayProtectionDeps) {
    this.#deps = deps
  }

  /**
   * True for the store's own `true` only: one that answers anything else has not said that this is the first use.
   *
   * @throws DependencyUnavailable `replay_store_unavailable`, or what the store throws of this kind
   */
  async markUsed(key: string, expiresAt: number, identityProvider?: string): Promise<boolean> {
    const call: MarkUsedCall = identityProvider === undefined ? [key, expiresAt] : [key, expiresAt, identityProvider]
    if (this.#isOverdue && this.#isProbing) {
      throw unavailable(createFault('replay_store_overdue', 'the replay store has not answered earlier calls'))
    }
    const isFirst = await (this.#isOverdue ? this.#probe(call) : this.#ask(call))
    if (isFirst) this.#watchFillLevels(identityProvider)
    return isFirst
  }

  async #probe(call: MarkUsedCall): Promise<boolean> {
    this.#isProbing = true
    try {
      return await this.#ask(call)
    } finally {
      this.#isProbing = false
    }
  }

  async #ask(args: MarkUsedCall): Promise<boolean> {
    try {
      const answer: unknown = this.#deps.store.markUsed(...args)
      if (typeof answer !== 'boolean') return (await this.#inTime(Promise.resolve(answer))) === true
      this.#noteAnswer()
      return answer
    } catch (cause) {
      throw isFull(cause) ? cause : unavailable(cause)
    }
  }

  /** Also of an answer that comes late. */
  #noteAnswer(): void {
    this.#isOverdue = false
    if (!this.#hasAskedForRisk) void this.#findRisk()
  }

  #inTime(call: Promise<unknown>): Promise<unknown> {
    const { timers, timeout } = this.#deps
    call.then(
      () => this.#noteAnswer(),
      () => {},
    )
    return settleInTime(call, timeout, timers, () => {
      this.#isOverdue = true
      return createFault('replay_store_timeout', `the replay store did not answer within ${timeout} ms`)
    })
  }

  #watchFillLevels(identityProvider: string | undefined): void {
    const { store } = this.#deps
    if (store.fillLevel === undefined) return
    try {
      this.#watchLevel(undefined, store.fillLevel())
      if (identityProvider !== undefined) this.#watchLevel(identityProvider, store.fillLevel(identityProvider))
    } catch {
      // The assertion is accepted, even if a store cannot say how full it is.
    }
  }

  /** A promise is not what a store must give; one that rejects would end the process, if nobody waited for it. */
  #watchLevel(identityProvider: string | undefined, fillLevel: unknown): void {
    if (typeof fillLevel === 'number') this.#watch(identityProvider, fillLevel)
    else if (isPromise(fillLevel)) fillLevel.catch(() => {})
  }

  #watch(identityProvider: string | undefined, fillLevel: number): void {
    if (fillLevel < FILLING_OVER_BELOW) this.#filling.delete(identityProvider)
    if (!(fillLevel >= FILLING_FROM) || this.#filling.has(identityProvider)) return
    this.#filling.add(identityProvider)
    const rounded = Math.floor(fillLevel * 100) / 100
    this.#deps.reportFilling({ fillLevel: rounded, ...(identityProvider !== undefined && { identityProvider }) })
  }

  /** After an answer, when the store is reached for certain. One that cannot tell is asked no more. */
  async #findRisk(): Promise<void> {
    this.#hasAskedForRisk = true
    try {
      const risk = await this.#deps.store.findRisk?.()
      if (typeof risk === 'string') this.#deps.reportRisk(inOneLine(risk))
    } catch {
      // A database may allow writes, but not to ask how it is configured.
    }
  }
}

/** As our own stores throw it, also those of another copy of this package; what other stores throw may be anything. */
function isFull(cause: unknown): boolean {
  return (
    isDependencyUnavailable(cause) && cause.reason === 'replay_store_full' && Number.isSafeInteger(cause.retryAfter)
  )
}

function unavailable(cause: unknown): DependencyUnavailable {
  return new DependencyUnavailable('replay_store_unavailable', { cause })
}

export interface ReplayProtectionOwner {
  clock: Clock
  events: ExchangeEventEmitter
}

/** The protection of one exchange, by its store or by the memory of the process. */
export function createReplayProtection(replay: ReplaySettings, { clock, events }: ReplayProtectionOwner) {
  const { store = new ReplayRoom(memoryOfProcess(clock), replay.maxEntries), timeout } = replay
  return new ReplayProtection({
    store,
    timeout,
    timers: systemTimers,
    reportRisk: (message) => events.emit('replay_store.at_risk', { message }),
    reportFilling: (filling) => events.emit('replay_store.filling', filling),
  })
}

/** Reports a store that only this process knows, if there are certainly others. */
export function reportUnsharedStore({ store }: ReplaySettings, events: ExchangeEventEmitter): void {
  const isShared = store === undefined ? false : store.isShared
  const workers = cluster.isWorker ? 'Each worker of the cluster' : isMainThread ? undefined : 'Each worker thread'
  if (isShared !== false || workers === undefined) return
  const message = `${workers} has its own memory of used assertions, so it accepts an assertion that another has already accepted: set replay.store to a store that all share`
  events.emit('replay_store.at_risk', { message })
}
