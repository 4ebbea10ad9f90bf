import type { ExchangeEventEmitter } from './events/exchange-events.js'
import { createParts, type ExchangeParts, type KeptSettings, type LastingParts } from './exchange-parts.js'
import { ConfigError, type ConfigProblem, isConfigError } from './option-checks/config-error.js'
import { checkOptions, type JwtExchangeOptions, type JwtExchangeSettings } from './options.js'

/** What is in force, for operators. */
export interface ConfigurationStats {
  /** 1 after creation, and one more with each change. */
  revision: number
  /** When it came into force, in seconds since the epoch. */
  since: number
  /**
   * The last attempt to change it, where that was refused: when, in seconds since the epoch, and every problem, of a file
   * with line and column.
   */
  lastRefusal?: { at: number; message: string }
}

/** The options, or what gives them: where that throws, it is told like options that are refused. */
export type NewOptions = JwtExchangeOptions | (() => JwtExchangeOptions)

/** The configuration in force. Another one takes its place as a whole, between two requests. */
export class Configuration {
  readonly #lasting: LastingParts
  #parts: ExchangeParts
  #revision = 1
  #since: number
  #lastRefusal: ConfigurationStats['lastRefusal']
  #isClosed = false

  constructor(settings: JwtExchangeSettings, lasting: LastingParts) {
    this.#lasting = lasting
    this.#parts = createParts(settings, lasting)
    this.#since = settings.clock.now()
  }

  /** To be read once for each request. */
  get parts(): ExchangeParts {
    return this.#parts
  }

  /** @throws whatever is wrong with the new options; then nothing has changed */
  change(options: NewOptions): void {
    try {
      this.#parts = createParts(this.#check(options), this.#lasting, this.#parts.jwksClients)
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

  #check(options: NewOptions): JwtExchangeSettings {
    const settings = checkOptions(typeof options === 'function' ? options() : options)
    refuseLastingChanges(settings, this.#parts.settings)
    return keepGeneratedKey(settings, this.#parts.settings)
  }

  #tellRefused(error: unknown): void {
    const message = isConfigError(error) ? error.message : String(error)
    this.#lastRefusal = { at: this.#now(), message }
    this.#events.emit('config.refused', { message })
  }

  #now(): number {
    return this.#parts.settings.clock.now()
  }
}

/** Who we are, what was used up, and what counts failures cannot change under requests. */
function refuseLastingChanges(settings: JwtExchangeSettings, before: KeptSettings): void {
  const lasting = ({ issuer, tokenEndpoint, replay, clientAuthentication, clock }: KeptSettings) => ({
    issuer,
    tokenEndpoint,
    'replay.store': replay.store,
    'replay.timeout': replay.timeout,
    'replay.maxEntries': replay.maxEntries,
    'clientAuthentication.maxFailures': clientAuthentication.maxFailures,
    'clientAuthentication.failureWindow': clientAuthentication.failureWindow,
    clock,
  })
  const [now, then] = [lasting(settings), lasting(before)]
  const problems: ConfigProblem[] = (Object.keys(now) as (keyof typeof now)[])
    .filter((name) => now[name] !== then[name])
    .map((name) => ({
      path: name.split('.'),
      found: 'another one',
      wanted: 'the same as before: this takes a restart',
    }))
  if (settings.accessToken.isKeyGenerated && !before.accessToken.isKeyGenerated) {
    const wanted = 'signing keys, as before: a generated one would end all access tokens'
    problems.push({ path: ['accessToken', 'signingKeys'], found: 'none', wanted })
  } else if (settings.accessToken.isKeyGenerated && algorithmOf(settings) !== algorithmOf(before)) {
    const wanted = `${algorithmOf(before)}, as before: the key was generated for it, and this takes a restart`
    problems.push({ path: ['accessToken', 'algorithm'], found: algorithmOf(settings), wanted })
  }
  if (problems.length > 0) throw new ConfigError(problems)
}

function algorithmOf({ accessToken }: KeptSettings): string {
  return accessToken.signingKeys.active.algorithm
}

/** Another generated key would end all access tokens. */
function keepGeneratedKey(settings: JwtExchangeSettings, { accessToken: before }: KeptSettings) {
  if (!settings.accessToken.isKeyGenerated) return settings
  return { ...settings, accessToken: { ...settings.accessToken, signingKeys: before.signingKeys } }
}
