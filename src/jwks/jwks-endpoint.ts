import type { Clock } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'
import { isSameConnection, type JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { isSameReading, type KeyReading } from '../verification-keys/key-reading.js'
import type { fetchJwks } from './fetch-jwks.js'
import type { fetchMetadata } from './fetch-metadata.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'

/** Where one key set is, and by which settings it is fetched, kept and read. */
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
