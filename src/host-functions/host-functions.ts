import { getEventListeners } from 'node:events'
import { settleInTime, type Timers } from '../clock/timers.js'
import { printable } from '../errors/printable.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { HostFunctionCall } from '../events/event-subjects.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { RunningCalls } from './running-calls.js'

/**
 * Limits for the functions of yours that requests wait for: `findClient`, `check`, `subject`, `claimsToToken`, `grants`, the `check`
 * of a route, and the callback of an `AccessTokenStrategy`.
 *
 * @example
 * const hostFunctions: HostFunctionOptions = { timeout: 500, maxConcurrent: 200 }
 */
export interface HostFunctionOptions {
  /**
   * Milliseconds within which one call must answer, 10 to 60 000. After that the request is answered with 503, and the
   * `AbortSignal` that the function got as its last argument is aborted. Default: 1000.
   */
  timeout?: number
  /**
   * How many calls of each function may run at once, 1 to 100 000. A request that needs one more is answered with 503 at
   * once. A call that missed its deadline counts until it ends. If such calls use up the limit, they count until a later call
   * has answered in time. Default: 1000.
   */
  maxConcurrent?: number
}

export type HostFunctionSettings = Required<HostFunctionOptions>

export function readHostFunctionOptions(reader: OptionReader): HostFunctionSettings {
  const settings = {
    timeout: reader.integer('timeout', { min: 10, max: 60_000, default: 1000, unit: 'milliseconds' }),
    maxConcurrent: reader.integer('maxConcurrent', { min: 1, max: 100_000, default: 1000, unit: 'calls' }),
  }
  reader.refuseUnknown()
  return settings
}

const TIMED_OUT = 'host_function_timed_out'
const LIMIT_REACHED = 'host_function_limit_reached'

export interface HostFunctionDeps {
  timers: Timers
  events: ExchangeEventEmitter
}

/** A function of the host, which gets the signal after the arguments. */
type HostFunction<Args extends unknown[], Result> = (...args: [...Args, AbortSignal]) => Result

/** Limits the functions of the options, which may hang: the result is an answer in time, or `DependencyUnavailable`. */
export class HostFunctions {
  readonly #settings: HostFunctionSettings
  readonly #deps: HostFunctionDeps
  readonly #runningCalls: Readonly<Record<HostFunctionCall['function'], RunningCalls>>

  constructor(settings: HostFunctionSettings, deps: HostFunctionDeps) {
    this.#settings = settings
    this.#deps = deps
    const { maxConcurrent } = settings
    this.#runningCalls = {
      findClient: new RunningCalls(maxConcurrent),
      check: new RunningCalls(maxConcurrent),
      subject: new RunningCalls(maxConcurrent),
      claimsToToken: new RunningCalls(maxConcurrent),
      grants: new RunningCalls(maxConcurrent),
      'route.check': new RunningCalls(maxConcurrent),
      'strategy.verify': new RunningCalls(maxConcurrent),
    }
  }

  /**
   * The same function within the limits. It throws and rejects as the function does, and with a `DependencyUnavailable`
   * `host_function_timed_out` or `host_function_limit_reached`. A result that is not a promise needs no timer.
   */
  limit<Args extends unknown[], Result>(
    call: HostFunctionCall,
    hostFunction: HostFunction<Args, Result>,
  ): (...args: Args) => Result | Promise<Awaited<Result>> {
    // Kept from a call that answered at once: a new controller would cost more than most such calls.
    let spare: AbortController | undefined
    return (...args) => {
      if (!this.#runningCalls[call.function].canStart) throw this.#limitReached(call)
      const controller = spare ?? new AbortController()
      spare = undefined
      const answer = hostFunction(...args, controller.signal)
      if (!isThenable(answer)) {
        if (getEventListeners(controller.signal, 'abort').length === 0) spare = controller
        return answer
      }
      return this.#inTime(call, Promise.resolve(answer) as Promise<Awaited<Result>>, controller)
    }
  }

  #inTime<Answer>(call: HostFunctionCall, answer: Promise<Answer>, controller: AbortController): Promise<Answer> {
    const running = this.#runningCalls[call.function].start()
    answer.then(running.end, running.end)
    return settleInTime(answer, this.#settings.timeout, this.#deps.timers, () => {
      running.giveUp()
      return this.#timedOut(call, controller)
    })
  }

  #timedOut(call: HostFunctionCall, controller: AbortController): DependencyUnavailable {
    const { timeout: timeoutMs } = this.#settings
    const message = `${describeCall(call)} did not answer within ${timeoutMs} ms`
    this.#deps.events.emit('host_function.timed_out', { ...call, timeoutMs })
    controller.abort(new DOMException(message, 'TimeoutError'))
    return createRefusal(TIMED_OUT, message)
  }

  #limitReached(call: HostFunctionCall): DependencyUnavailable {
    const { maxConcurrent } = this.#settings
    if (this.#runningCalls[call.function].shouldReportLimit()) {
      this.#deps.events.emit('host_function.limit_reached', { ...call, maxConcurrent })
    }
    return createRefusal(LIMIT_REACHED, `the limit of ${maxConcurrent} concurrent calls of ${call.function} is reached`)
  }
}

/** The same function within the limits that are configured at each call, for what outlives a configuration. */
export function limitAsConfigured<Args extends unknown[], Result>(
  call: HostFunctionCall,
  hostFunction: HostFunction<Args, Result>,
  configured: () => HostFunctions,
): (...args: Args) => Result | Promise<Awaited<Result>> {
  let limits: HostFunctions | undefined
  let limited: ((...args: Args) => Result | Promise<Awaited<Result>>) | undefined
  return (...args) => {
    const now = configured()
    if (limited === undefined || limits !== now) limited = now.limit(call, hostFunction)
    limits = now
    return limited(...args)
  }
}

/** Recognised by identity: an error that a function throws may have the same name and reason. */
const refusals = new WeakSet<object>()

/** Whether a function was not called, or did not answer in time. False for an error that the function has thrown. */
export function isHostFunctionRefusal(error: unknown): error is DependencyUnavailable {
  return typeof error === 'object' && error !== null && refusals.has(error)
}

function createRefusal(reason: typeof TIMED_OUT | typeof LIMIT_REACHED, message: string): DependencyUnavailable {
  const unavailable = new DependencyUnavailable(reason)
  unavailable.context = { message: printable(message) }
  refusals.add(unavailable)
  return unavailable
}

function describeCall({ function: name, claim, grantType }: HostFunctionCall): string {
  if (grantType !== undefined) return `${name} (${grantType})`
  return claim === undefined ? name : `${name}.${claim}`
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}
