import cluster from 'node:cluster'
import { isPromise } from 'node:util/types'
import { isMainThread } from 'node:worker_threads'
import type { Clock } from '../clock/clock.js'
import { settleInTime, systemTimers, type Timers } from '../clock/timers.js'
import { createFault } from '../errors/describe-fault.js'
import { inOneLine } from '../errors/printable.js'
import { DependencyUnavailable, isDependencyUnavailable } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { memoryOfProcess, ReplayRoom } from './replay-memory.js'
import type { ReplaySettings } from './replay-options.js'
import type { ReplayStore } from './replay-store.js'

type MarkUsedCall = Parameters<ReplayStore['markUsed']>

export interface ReplayProtectionDeps {
  store: ReplayStore
  /** Milliseconds for one call. */
  timeout: number
  timers: Timers
  /** Called at most once, with the text of the store. */
  reportRisk(message: string): void
  /** Called when the store, or the share of an identity provider, becomes 80 % full. */
  reportFilling(filling: { fillLevel: number; identityProvider?: string }): void
}

/** Levels from 0 to 1: a filling store is reported once from the first level on, until it falls below the second. */
const FILLING_FROM = 0.8
const FILLING_OVER_BELOW = 0.7

/**
 * Calls a replay store, which may hang or fail: the result is an answer in time, or `DependencyUnavailable`. After a late
 * answer, one request at a time calls the store until it answers, and the other requests are refused. They would only wait,
 * and a late call would still mark their assertions used.
 */
export class ReplayProtection {
  readonly #deps: ReplayProtectionDeps
  /** The store did not answer a call in time, and has not answered since. */
  #isOverdue = false
  #isProbing = false
  #hasCheckedRisk = false
  /** The identity providers whose share is filling; undefined: the whole store. */
  readonly #filling = new Set<string | undefined>()

  constructor(deps: ReplayProtectionDeps) {
    this.#deps = deps
  }

  /**
   * True only if the store answers `true`: any other answer does not say that this is the first use.
   *
   * @throws DependencyUnavailable `replay_store_unavailable`, `replay_store_full`
   */
  async markUsed(key: string, expiresAt: number, identityProvider?: string): Promise<boolean> {
    const call: MarkUsedCall = identityProvider === undefined ? [key, expiresAt] : [key, expiresAt, identityProvider]
    if (this.#isOverdue && this.#isProbing) {
      throw unavailable(createFault('replay_store_overdue', 'the replay store has not answered earlier calls'))
    }
    const isFirst = await (this.#isOverdue ? this.#probe(call) : this.#call(call))
    if (isFirst) this.#watchFillLevels(identityProvider)
    return isFirst
  }

  async #probe(call: MarkUsedCall): Promise<boolean> {
    this.#isProbing = true
    try {
      return await this.#call(call)
    } finally {
      this.#isProbing = false
    }
  }

  async #call(args: MarkUsedCall): Promise<boolean> {
    try {
      const answer: unknown = this.#deps.store.markUsed(...args)
      if (typeof answer !== 'boolean') return (await this.#inTime(Promise.resolve(answer))) === true
      this.#noteAnswer()
      return answer
    } catch (cause) {
      throw isFull(cause) ? cause : unavailable(cause)
    }
  }

  /** Late answers count as well. */
  #noteAnswer(): void {
    this.#isOverdue = false
    if (!this.#hasCheckedRisk) void this.#findRisk()
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
      this.#watchFillLevel(undefined, store.fillLevel())
      if (identityProvider !== undefined) this.#watchFillLevel(identityProvider, store.fillLevel(identityProvider))
    } catch {
      // The assertion is accepted, even if the store cannot say how full it is.
    }
  }

  /** A store must not return a promise here. If it does, a rejection must not end the process. */
  #watchFillLevel(identityProvider: string | undefined, fillLevel: unknown): void {
    if (typeof fillLevel === 'number') this.#reportIfFilling(identityProvider, fillLevel)
    else if (isPromise(fillLevel)) fillLevel.catch(() => {})
  }

  #reportIfFilling(identityProvider: string | undefined, fillLevel: number): void {
    if (fillLevel < FILLING_OVER_BELOW) this.#filling.delete(identityProvider)
    if (!(fillLevel >= FILLING_FROM) || this.#filling.has(identityProvider)) return
    this.#filling.add(identityProvider)
    const rounded = Math.floor(fillLevel * 100) / 100
    this.#deps.reportFilling({ fillLevel: rounded, ...(identityProvider !== undefined && { identityProvider }) })
  }

  /** Called once, after the first answer, because the store is certainly reachable then. */
  async #findRisk(): Promise<void> {
    this.#hasCheckedRisk = true
    try {
      const risk = await this.#deps.store.findRisk?.()
      if (typeof risk === 'string') this.#deps.reportRisk(inOneLine(risk))
    } catch {
      // A database may allow writes, but not reading its configuration.
    }
  }
}

/** What our stores throw, including the stores of another copy of this package. Other stores may throw anything. */
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

/** The protection of one exchange: with its own store, or with the memory of the process. */
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

/** Reports a store that other processes do not share, if there certainly are other processes. */
export function reportUnsharedStore({ store }: ReplaySettings, events: ExchangeEventEmitter): void {
  const isShared = store === undefined ? false : store.isShared
  const workers = cluster.isWorker ? 'Each worker of the cluster' : isMainThread ? undefined : 'Each worker thread'
  if (isShared !== false || workers === undefined) return
  const message = `${workers} has its own memory of used assertions, so it accepts an assertion that another has already accepted: set replay.store to a store that all share`
  events.emit('replay_store.at_risk', { message })
}
