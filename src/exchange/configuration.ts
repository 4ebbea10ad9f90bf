import { isPromise } from 'node:util/types'
import type { Clock } from '../clock/clock.js'
import { describeFault } from '../errors/describe-fault.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { ConfigError, type ConfigProblem, isConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { createParts, type ExchangeParts, type LastingParts } from './configured-parts.js'
import { LastingOptions } from './fixed-options.js'
import { checkOptions, type JwtExchangeOptions, type JwtExchangeSettings } from './options.js'

/** What is in force, for operators. */
export interface ConfigurationStats {
  /** 1 after creation, and one more with each change. */
  revision: number
  /** When it came into force, in seconds since the epoch. */
  since: number
  /**
   * The last attempt to change it, where that was refused: when, in seconds since the epoch, and the first 100 problems,
   * of a file with line and column.
   */
  lastRefusal?: { at: number; message: string }
}

/** The options, or what gives them: where that throws, it is told like options that are refused. */
export type NewOptions = JwtExchangeOptions | (() => JwtExchangeOptions)

export interface ReconfigureOptions {
  /**
   * Says of each problem where it stands, for options that were read from somewhere: a ConfigProblem with a `location`. Not
   * asked of what the function that gives the options throws.
   */
  locate?: LocateProblems
}

type LocateProblems = (problems: readonly ConfigProblem[]) => readonly ConfigProblem[]

/** The configuration in force. Another one takes its place as a whole, between two requests. */
export class Configuration {
  readonly #lasting: LastingParts
  readonly #lastingOptions: LastingOptions
  readonly #clock: Clock
  #parts: ExchangeParts
  #revision = 1
  #since: number
  #lastRefusal: ConfigurationStats['lastRefusal']
  #isClosed = false

  constructor(settings: JwtExchangeSettings, lasting: LastingParts) {
    this.#lasting = lasting
    this.#lastingOptions = new LastingOptions(settings)
    this.#clock = settings.clock
    this.#parts = createParts(settings, lasting)
    this.#since = settings.clock.now()
  }

  /** To be read once for each request. */
  get parts(): ExchangeParts {
    return this.#parts
  }

  /** @throws whatever is wrong with the new options; then nothing has changed */
  change(options: NewOptions, reconfigureOptions: ReconfigureOptions): void {
    const locate = readLocate(reconfigureOptions)
    try {
      this.#parts = createParts(this.#check(options, locate), this.#lasting, this.#parts.jwksClients)
    } catch (error) {
      this.#tellRefused(error)
      throw error
    }
    if (this.#isClosed) this.#parts.jwksClients.close()
    this.#revision += 1
    this.#since = this.#now()
    this.#lastRefusal = undefined
    this.#events.emit('config.changed', { revision: this.#revision })
  }

  /** Ends fetches under way and makes no other, whatever becomes of the options. */
  close(): void {
    this.#isClosed = true
    this.#parts.jwksClients.close()
  }

  stats(): ConfigurationStats {
    const lastRefusal = this.#lastRefusal
    return { revision: this.#revision, since: this.#since, ...(lastRefusal && { lastRefusal }) }
  }

  get #events(): ExchangeEventEmitter {
    return this.#lasting.events
  }

  #check(options: NewOptions, locate: LocateProblems): JwtExchangeSettings {
    const given = typeof options === 'function' ? options() : options
    if (isPromise(given)) given.catch(() => {}) // It is refused, whatever becomes of it.
    try {
      return this.#lastingOptions.keepIn(checkOptions(given))
    } catch (error) {
      throw isConfigError(error) ? new ConfigError(locate(error.problems)) : error
    }
  }

  #tellRefused(error: unknown): void {
    const message = isConfigError(error) ? error.message : `The options could not be given: ${describeFault(error)}`
    this.#lastRefusal = { at: this.#now(), message }
    this.#events.emit('config.refused', { message })
  }

  #now(): number {
    return this.#clock.now()
  }
}

/** @throws ConfigError */
function readLocate(reconfigureOptions: ReconfigureOptions): LocateProblems {
  const reader = new OptionReader(reconfigureOptions)
  const locate = reader.value('locate') ?? ((problems: readonly ConfigProblem[]) => problems)
  if (typeof locate !== 'function')
    reader.problem('locate', 'a function of the problems that gives them with locations')
  reader.refuseUnknown()
  reader.throwProblems()
  return locate as LocateProblems
}
