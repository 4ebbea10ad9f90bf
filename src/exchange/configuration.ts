import { isPromise } from 'node:util/types'
import { describeFault } from '../errors/describe-fault.js'
import { warnOfCertificates } from '../identity-provider/create-identity-providers.js'
import { isConfigError } from '../option-checks/config-error.js'
import { type ConfiguredParts, createConfiguredParts } from './configured-parts.js'
import { FixedOptions } from './fixed-options.js'
import type { LastingParts } from './lasting-parts.js'
import { type CompleteSettings, type JwtExchangeOptions, readExchangeOptions } from './options.js'

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

/** The configuration in force. Another one replaces it as a whole, between two requests. */
export class Configuration {
  readonly #lasting: LastingParts
  readonly #fixedOptions: FixedOptions
  #parts: ConfiguredParts
  #revision = 0
  #since = 0
  #lastRefusal: ConfigurationStats['lastRefusal']

  constructor(settings: CompleteSettings, lasting: LastingParts) {
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
  change(options: JwtExchangeOptions | (() => JwtExchangeOptions)): void {
    let parts: ConfiguredParts
    try {
      parts = createConfiguredParts(this.#read(options), this.#lasting)
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

  /**
   * The one place where a configuration takes effect. Only a clock of the host could throw in it, so the clock is read first:
   * it is all or nothing.
   */
  #putInForce(parts: ConfiguredParts): void {
    const { settings, jwksClients, identityProviders } = parts
    const { certificateWarnings } = this.#lasting
    this.#since = settings.clock.now()
    this.#parts = parts
    this.#lasting.jwksClients.use(jwksClients)
    identityProviders.putInForce(settings.identityProviders)
    if (settings.identityProviderLookup !== undefined) {
      this.#lasting.identityProviderLookup?.use(settings.identityProviderLookup, parts.runTime)
    }
    this.#fixedOptions.note(settings, this.#since)
    this.#revision += 1
    this.#lastRefusal = undefined
    // So that a listener attached right after creation hears it.
    queueMicrotask(() => warnOfCertificates(settings.identityProviders, certificateWarnings))
  }

  #read(options: JwtExchangeOptions | (() => JwtExchangeOptions)): CompleteSettings {
    const given = typeof options === 'function' ? options() : options
    if (isPromise(given)) given.catch(() => {}) // It is refused, even if it resolves.
    return this.#fixedOptions.complete(readExchangeOptions(given), given)
  }

  #reportRefused(error: unknown): void {
    const message = isConfigError(error) ? error.message : `The options function threw: ${describeFault(error)}`
    this.#lastRefusal = { at: this.#parts.settings.clock.now(), message }
    this.#lasting.events.emit('config.refused', { message })
  }
}
