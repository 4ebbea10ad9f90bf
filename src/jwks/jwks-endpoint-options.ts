import type { Clock } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'
import { isSameConnection, type JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSameReading, type KeyReading } from '../verification-keys/key-reading.js'
import { DEFAULT_MAX_KEYS } from '../verification-keys/key-set.js'
import type { fetchJwks } from './fetch-jwks.js'
import type { fetchMetadata } from './fetch-metadata.js'

/** Where one key set is, and the settings by which it is fetched, kept and read. */
export interface JwksEndpoint {
  url: string
  /** The issuer whose metadata are at `url` and say where the key set is; undefined: the key set is there itself. */
  metadataOf?: string | undefined
  connection: JwksConnectionSettings
  settings: JwksEndpointSettings
  /** How the members of the key set are read; undefined: strictly. */
  reading?: KeyReading | undefined
}

export interface KeySetFetcherDeps {
  clock: Clock
  timers: Timers
  fetchJwks: typeof fetchJwks
  fetchMetadata: typeof fetchMetadata
  /** Aborted when the exchange closes: it ends fetches under way, and no other begins. */
  closing: AbortSignal
}

/** Whether the same endpoint is fetched, kept and read in the same way. */
export function isSetAlike(one: JwksEndpoint, other: JwksEndpoint): boolean {
  return (
    isReadAlike(one, other) &&
    isSameConnection(one.connection, other.connection) &&
    JSON.stringify(one.settings) === JSON.stringify(other.settings)
  )
}

/** Whether the same members give the same keys. */
export function isReadAlike(one: JwksEndpoint, other: JwksEndpoint): boolean {
  return one.settings.maxKeys === other.settings.maxKeys && isSameReading(one.reading, other.reading)
}

/**
 * How key sets are fetched and kept; WSO2 Identity Server's `[oauth.jwks_endpoint]`.
 *
 * @example
 * const jwksEndpoint: JwksEndpointOptions = { connectionTimeout: 500, readTimeout: 2000, cacheMaxAge: 60_000 }
 */
export interface JwksEndpointOptions {
  /**
   * `false`: no key set is ever fetched, so an identity provider needs `certificates` or `jwks`. A provider that has only a
   * `jwksUri` or `discovery` throws a ConfigError. Default: true.
   */
  enable?: boolean
  /**
   * Milliseconds for DNS, TCP and TLS together, 20 to 10 000. If a name has several addresses, the next one is tried in
   * addition after a quarter of this time, at most 250 ms. An `agent` gives each address half of it. Default: 1000.
   */
  connectionTimeout?: number
  /** Milliseconds from the connection to the last byte of the body: a deadline, 20 to 10 000. Default: 1000. */
  readTimeout?: number
  /** The largest key set, in bytes as received, 1024 to 1 048 576. Default: 51 200. */
  sizeLimitBytes?: number
  /**
   * How many members of a key set are read, from the first on, 10 to 1000. The event `jwks.key_set_cut` reports a larger set.
   * A larger fixed `jwks` throws a ConfigError. Default: 100.
   */
  maxKeys?: number
  /**
   * The lifetime of a key set if the endpoint sends none (`Cache-Control`), in milliseconds, 20 to 3 600 000.
   * Default: 300 000.
   */
  cacheMaxAge?: number
  /**
   * The shortest lifetime, in milliseconds, 20 to 3 600 000, even if the endpoint sends a shorter one or `no-store`.
   * Default: 30 000, or `cacheMaxAge` or `cacheMaxAgeAtMost` if that is less.
   */
  cacheMaxAgeAtLeast?: number
  /** The longest lifetime, in milliseconds, 20 to 86 400 000, even if the endpoint sends a longer one. Default: 3 600 000. */
  cacheMaxAgeAtMost?: number
  /**
   * Refresh in the background after this percentage of the lifetime (50 to 95, ±10 % jitter) if the key set was used within
   * one lifetime. `false`: refresh only when a request finds it expired. Default: 80.
   */
  refreshAhead?: number | false
  /**
   * How many fetches unknown `kid`s may trigger at once, 1 to 10. Bad signatures have a budget of the same size, because a
   * key may have changed under its `kid`. Default: 2.
   */
  refreshBudget?: number
  /**
   * Milliseconds, 20 to 600 000, after which one more fetch of `refreshBudget` is allowed. A `kid` that a fetch did not find
   * is refused without another fetch for the same time. Default: 30 000.
   */
  cooldownDuration?: number
  /**
   * Milliseconds, 0 to 86 400 000, for which the last good key set is still used after it expired, while the endpoint fails.
   * Default: 3 600 000.
   */
  cacheMaxAgeFallback?: number
  /**
   * Milliseconds, 20 to 60 000, for which an endpoint is not asked after its first failure. The time doubles with each further
   * failure, up to a minute, less up to 50 % jitter. A `Retry-After` of the endpoint counts up to 300 000. Default: 1000.
   */
  failureBackOff?: number
  /**
   * How many times, 0 to 2, a refused or reset connection is tried again within the same fetch, if no keys are available.
   * Default: 1.
   */
  connectionRetries?: number
}

export type JwksEndpointSettings = Required<JwksEndpointOptions>

type ReadMilliseconds = (key: string, min: number, max: number, defaultValue: number) => number

export function readJwksEndpointOptions(reader: OptionReader): JwksEndpointSettings {
  const milliseconds: ReadMilliseconds = (key, min, max, defaultValue) =>
    reader.integer(key, { min, max, default: defaultValue, unit: 'milliseconds' })
  const settings = {
    enable: reader.boolean('enable', true),
    connectionTimeout: milliseconds('connectionTimeout', 20, 10_000, 1000),
    readTimeout: milliseconds('readTimeout', 20, 10_000, 1000),
    sizeLimitBytes: reader.integer('sizeLimitBytes', { min: 1024, max: 1_048_576, default: 51_200, unit: 'bytes' }),
    maxKeys: reader.integer('maxKeys', { min: 10, max: 1000, default: DEFAULT_MAX_KEYS, unit: 'keys' }),
    ...readCacheAges(reader, milliseconds),
    refreshAhead: readRefreshAhead(reader),
    refreshBudget: reader.integer('refreshBudget', { min: 1, max: 10, default: 2, unit: 'fetches' }),
    cooldownDuration: milliseconds('cooldownDuration', 20, 600_000, 30_000),
    failureBackOff: milliseconds('failureBackOff', 20, 60_000, 1000),
    connectionRetries: reader.integer('connectionRetries', { min: 0, max: 2, default: 1, unit: 'retries' }),
  }
  reader.refuseUnknown()
  return settings
}

/** For how many milliseconds a key set is fresh: what the endpoint says, within the bounds of the options. */
export function lifetimeOf(
  maxAge: number | undefined,
  { cacheMaxAge, cacheMaxAgeAtLeast, cacheMaxAgeAtMost }: JwksEndpointSettings,
): number {
  return maxAge === undefined ? cacheMaxAge : Math.min(cacheMaxAgeAtMost, Math.max(cacheMaxAgeAtLeast, maxAge))
}

function readCacheAges(reader: OptionReader, milliseconds: ReadMilliseconds) {
  const cacheMaxAge = milliseconds('cacheMaxAge', 20, 3_600_000, 300_000)
  const cacheMaxAgeAtMost = milliseconds('cacheMaxAgeAtMost', 20, 86_400_000, 3_600_000)
  const atLeast = Math.min(30_000, cacheMaxAge, cacheMaxAgeAtMost)
  const cacheMaxAgeAtLeast = milliseconds('cacheMaxAgeAtLeast', 20, 3_600_000, atLeast)
  if (cacheMaxAgeAtLeast > cacheMaxAgeAtMost) {
    const least = `at least ${option('cacheMaxAgeAtLeast')}, which is ${cacheMaxAgeAtLeast}`
    reader.problem('cacheMaxAgeAtMost', least, String(cacheMaxAgeAtMost), 'conflict')
  }
  const cacheMaxAgeFallback = milliseconds('cacheMaxAgeFallback', 0, 86_400_000, 3_600_000)
  return { cacheMaxAge, cacheMaxAgeAtLeast, cacheMaxAgeAtMost, cacheMaxAgeFallback }
}

function readRefreshAhead(reader: OptionReader): number | false {
  if (reader.value('refreshAhead') === false) return false
  return reader.integer('refreshAhead', { min: 50, max: 95, default: 80, unit: 'per cent, or false,' })
}
