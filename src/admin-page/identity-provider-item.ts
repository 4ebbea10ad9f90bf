import { type Entry, isRecord, textsOf } from './entry.js'

/** A failed fetch. */
export interface FetchFailure {
  reason: string
  code?: string
  url?: string
  detail?: string
  millisecondsAgo?: number
}

/** The keys of one identity provider, as the API has them. Durations are in milliseconds. */
export interface KeySet {
  state: 'ok' | 'idle' | 'stale' | 'degraded' | 'down' | 'never'
  keys: readonly PublishedKey[]
  certificates?: readonly { subject: string; expiresAt: number }[]
  keySetAge?: number
  expiresIn?: number
  servesFor?: number
  nextRefreshIn?: number
  nextAttemptIn?: number
  fetches?: number
  failedFetches?: number
  consecutiveFailures?: number
  lastSuccess?: { millisecondsAgo: number; durationMs: number }
  lastFailure?: FetchFailure
  metadataFailure?: FetchFailure
  cut?: { keys: number; maxKeys: number }
}

export interface PublishedKey {
  kid?: string
  algorithms: readonly string[]
  /** Seconds since the epoch. */
  certificateExpiresAt?: number
  note?: string
}

/** One identity provider, as the API has it. */
export interface IdentityProviderItem {
  id: string
  /**
   * `options`: from code or a file, so that it can only be changed there. `lookup`: found by a function of the host.
   */
  source: 'store' | 'options' | 'lookup'
  registration: Entry | null
  enabled: boolean
  name: string
  alias?: string
  displayName?: string
  updatedAt?: number
  /** null: this process has not needed them. */
  keys: KeySet | null
}

export interface IdentityProviderList {
  identityProviders: readonly IdentityProviderItem[]
  /** The id after which the next page begins; null: this is the last one. */
  next: string | null
  /** There is no store, so nothing can be added or changed. */
  isReadOnly: boolean
}

/** Where its entry is, in a few words. */
export const SOURCES: Readonly<Record<IdentityProviderItem['source'], string>> = {
  store: 'Store',
  options: 'Code or file',
  lookup: 'Lookup in code',
}

/** When the first of its certificates expires, in seconds since the epoch. */
export function firstExpiryOf({ certificates = [], keys }: KeySet): number | undefined {
  const times = [...certificates.map(({ expiresAt }) => expiresAt), ...keys.map((key) => key.certificateExpiresAt)]
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** Whether its keys are configured, so that there is nothing to fetch. */
export function hasFixedKeys({ fetches }: KeySet): boolean {
  return fetches === undefined
}

/** Where its keys come from, in a few words. */
export function describeKeySource(registration: Entry): string {
  const { jwksUri, discovery, name, certificates } = registration
  if (typeof jwksUri === 'string') return jwksUri
  if (discovery === true) return `${String(name).replace(/\/$/, '')}/.well-known/openid-configuration`
  if (typeof discovery === 'string') return discovery
  const count = textsOf(certificates).length
  if (count > 0) return `${count} uploaded certificate${count === 1 ? '' : 's'}`
  return isRecord(registration.jwks) ? 'a fixed key set' : 'nowhere'
}
