import { isPromise } from 'node:util/types'
import type { Clock } from '../clock/clock.js'
import { describeFault } from '../errors/describe-fault.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { isConfigError } from '../option-checks/config-error.js'

/** What is in force, for operators. */
export interface ConfigurationStats {
  /** 1 after creation, and one more with each change. */
  revision: number
  /** When it came into force, in seconds since the epoch. */
  since: number
  /**
   * Present if the last attempt to change it was refused: the time, in seconds since the epoch, and the first 100 problems.
   * Problems in a file have line and column.
   */
  lastRefusal?: { at: number; message: string }
}

export interface ConfigurationDeps<Options, Parts> {
  /** Makes what other options say. It throws whatever is wrong with them, and nothing is seen of it before `putInForce`. */
  create(options: Options): Parts
  /** The one place where options take effect. It does not throw. @param now seconds since the epoch */
  putInForce(parts: Parts, now: number): void
  events: ExchangeEventEmitter
  clock: Pick<Clock, 'now'>
}

/** The configuration in force. Another one replaces it as a whole, between two requests. */
export class Configuration<Options, Parts> {
  readonly #deps: ConfigurationDeps<Options, Parts>
  #parts: Parts
  #revision = 0
  #since = 0
  #lastRefusal: ConfigurationStats['lastRefusal']

  constructor(parts: Parts, deps: ConfigurationDeps<Options, Parts>) {
    this.#deps = deps
    this.#parts = parts
    this.#putInForce(parts)
  }

  /** To be read once for each request. */
  get parts(): Parts {
    return this.#parts
  }

  /** @throws whatever is wrong with the new options; then nothing has changed */
  change(options: Options | (() => Options)): void {
    let parts: Parts
    try {
      parts = this.#deps.create(resolve(options))
    } catch (error) {
      this.#reportRefused(error)
      throw error
    }
    this.#putInForce(parts)
    this.#deps.events.emit('config.changed', { revision: this.#revision })
  }

  stats(): ConfigurationStats {
    const lastRefusal = this.#lastRefusal
    return { revision: this.#revision, since: this.#since, ...(lastRefusal && { lastRefusal }) }
  }

  /** Only a clock of the host could throw in it, so the clock is read first: it is all or nothing. */
  #putInForce(parts: Parts): void {
    this.#since = this.#deps.clock.now()
    this.#parts = parts
    this.#deps.putInForce(parts, this.#since)
    this.#revision += 1
    this.#lastRefusal = undefined
  }

  #reportRefused(error: unknown): void {
    const message = isConfigError(error) ? error.message : `The options function threw: ${describeFault(error)}`
    this.#lastRefusal = { at: this.#deps.clock.now(), message }
    this.#deps.events.emit('config.refused', { message })
  }
}

function resolve<Options>(options: Options | (() => Options)): Options {
  const given = typeof options === 'function' ? (options as () => Options)() : options
  if (isPromise(given)) given.catch(() => {}) // It is refused, even if it resolves.
  return given
}
