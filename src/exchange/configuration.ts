import { isPromise } from 'node:util/types'
import { describeFault } from '../errors/describe-fault.js'
import { warnOfCertificates } from '../identity-provider/create-identity-providers.js'
import { ConfigError, type ConfigProblem, isConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { type ConfiguredParts, createConfiguredParts } from './configured-parts.js'
import { FixedOptions } from './fixed-options.js'
import type { LastingParts } from './lasting-parts.js'
import { checkOptions, type JwtExchangeOptions, type JwtExchangeSettings } from './options.js'

/** What is in force, for operators. */
export interface ConfigurationStats {
  /** 1 after creation, and one more with each change. */
  revision: number
  /** When it came into force, in seconds since the epoch. */
  since: number
  /**
   * The last attempt to change it, if that was refused: when, in seconds since the epoch, and the first 100 problems. The
   * problems of a file have line and column.
   */
  lastRefusal?: { at: number; message: string }
}

/**
 * The options, or a function that returns them. If it throws, that is reported as refused options are.
 *
 * @example
 * exchange.reconfigure(() => loadConfig('deployment.toml'))
 */
export type NewOptions = JwtExchangeOptions | (() => JwtExchangeOptions)

/**
 * Options of `exchange.reconfigure`.
 *
 * @example
 * exchange.reconfigure(options, { locate: (problems) => problems.map((each) => ({ ...each, location: 'the database' })) })
 */
export interface ReconfigureOptions {
  /**
   * Adds to each problem the `location` where it is, for options that were read from somewhere. It is not called for what the
   * function that returns the options throws.
   */
  locate?: LocateProblems
}

type LocateProblems = (problems: readonly ConfigProblem[]) => readonly ConfigProblem[]

/** The configuration in force. Another one replaces it as a whole, between two requests. */
export class Configuration {
  readonly #lasting: LastingParts
  readonly #fixedOptions: FixedOptions
  #parts: ConfiguredParts
  #revision = 0
  #since = 0
  #lastRefusal: ConfigurationStats['lastRefusal']

  constructor(settings: JwtExchangeSettings, lasting: LastingParts) {
    this.#lasting = lasting
    this.#fixedOptions = new FixedOptions(settings)
    this.#parts = createConfiguredParts(settings, lasting)
    this.#putInForce(this.#parts)
  }

  /** To be read once for each request. */
  get parts(): ConfiguredParts {
    return this.#parts
  }

  /** @throws whatever is wrong with the new options; then nothing has changed */
  change(options: NewOptions, reconfigureOptions: ReconfigureOptions): void {
    const locate = readLocate(reconfigureOptions)
    let parts: ConfiguredParts
    try {
      parts = createConfiguredParts(this.#check(options, locate), this.#lasting)
    } catch (error) {
      this.#reportRefused(error)
      throw error
    }
    this.#putInForce(parts)
    this.#lasting.events.emit('config.changed', { revision: this.#revision })
  }

  stats(): ConfigurationStats {
    const lastRefusal = this.#lastRefusal
    return { revision: this.#revision, since: this.#since, ...(lastRefusal && { lastRefusal }) }
  }

  /** The one place where a configuration takes effect. Nothing in it throws, so that it is all or nothing. */
  #putInForce(parts: ConfiguredParts): void {
    const { settings, jwksClients, identityProviders } = parts
    const { certificateWarnings } = this.#lasting
    this.#since = settings.clock.now()
    this.#parts = parts
    this.#lasting.jwksClients.use(jwksClients)
    identityProviders.putInForce(settings.identityProviders)
    this.#fixedOptions.note(settings)
    this.#revision += 1
    this.#lastRefusal = undefined
    // So that a listener attached right after creation hears it.
    queueMicrotask(() => warnOfCertificates(settings.identityProviders, certificateWarnings))
  }

  #check(options: NewOptions, locate: LocateProblems): JwtExchangeSettings {
    const given = typeof options === 'function' ? options() : options
    if (isPromise(given)) given.catch(() => {}) // It is refused, even if it resolves.
    try {
      return this.#fixedOptions.complete(checkOptions(given))
    } catch (error) {
      throw isConfigError(error) ? new ConfigError(locate(error.problems)) : error
    }
  }

  #reportRefused(error: unknown): void {
    const message = isConfigError(error) ? error.message : `The options could not be given: ${describeFault(error)}`
    this.#lastRefusal = { at: this.#parts.settings.clock.now(), message }
    this.#lasting.events.emit('config.refused', { message })
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
