import type { Clock } from '../clock/clock.js'
import { currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'
import type { JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { type JwksFetchError, toJwksFetchError } from '../guarded-fetch/fetch-error.js'
import { fetchWithRetries } from '../guarded-fetch/retries.js'
import { isSameReading, type KeyReading, readKeySet } from '../verification-keys/key-set.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { fetchJwks, JwksAnswer, PublishedKeySet, Validators } from './fetch-jwks.js'
import type { fetchMetadata, MetadataFetch } from './fetch-metadata.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'

export interface KeySetFetcherDeps {
  clock: Clock
  timers: Timers
  fetchJwks: typeof fetchJwks
  fetchMetadata: typeof fetchMetadata
}

export interface JwksEndpoint {
  url: string
  /** The issuer whose metadata stand at `url` and tell where the key set is; undefined: that is there itself. */
  metadataOf?: string | undefined
  connection: JwksConnectionSettings
  settings: JwksEndpointSettings
  /** How the members of the key set are read; undefined: strictly. */
  reading?: KeyReading | undefined
}

/** What is known before a fetch. */
export interface KeySetAtHand {
  /** Of the last good key set. */
  validators: Validators
  /** Whether it serves: then one failure is no harm. */
  isServable: boolean
}

/** Milliseconds after which everything is asked for anew, so that nothing that is wrong lasts: no 304, and no address. */
const ANEW_EVERY = 3_600_000

/** Milliseconds after which metadata that could not be had are asked for again. */
const METADATA_PAUSE = 60_000
/**
 * `conditional`: unless it has not changed. `whole`: all of it. `anew`: all of it, and the metadata before, however lately
 * they were asked for, past all caches on the way.
 */
export type FetchMode = 'conditional' | 'whole' | 'anew'

/** Fetches the key set of one endpoint, one at a time. */
export class KeySetFetcher {
  readonly #endpoint: JwksEndpoint
  readonly #deps: KeySetFetcherDeps
  #fetching: AbortController | undefined
  #requested: URL | undefined
  #wholeSince: Moment = NEVER
  /** Where the metadata say that the key set is, when they were asked, and after how many milliseconds they are again. */
  #location: { url: URL; askedAt: Moment; pause: number } | undefined
  /** Of metadata that cannot be had or used, while the key set is where it was. */
  #metadataFailure: { error: JwksFetchError; since: Moment } | undefined

  constructor(endpoint: JwksEndpoint, deps: KeySetFetcherDeps) {
    this.#endpoint = endpoint
    this.#deps = deps
  }

  /** As if it had fetched what another one has. */
  beginAs(other: KeySetFetcher): void {
    this.#wholeSince = other.#wholeSince
    this.#location = other.#location && { ...other.#location }
    this.#metadataFailure = other.#metadataFailure
  }

  /** Why the metadata could not be had, and for how many milliseconds; undefined where they could. */
  get metadataFailure(): KeySourceStats['metadataFailure'] {
    if (this.#metadataFailure === undefined) return undefined
    const { error, since } = this.#metadataFailure
    const failingForMs = Math.round(elapsedSince(since, this.#deps.clock))
    return { ...error.describe(), failingForMs }
  }

  /** Where the key set was requested last. */
  get requested(): URL {
    return this.#requested ?? new URL(this.#endpoint.url)
  }

  /** @throws JwksFetchError */
  async fetch(mode: FetchMode, { validators, isServable }: KeySetAtHand): Promise<JwksAnswer> {
    const { settings } = this.#endpoint
    const retries = isServable ? 0 : settings.connectionRetries
    const closing = new AbortController()
    this.#fetching = closing
    try {
      const source = await this.#findSource(mode, retries, closing.signal)
      this.#requested = source.endpoint
      const isConditional = mode === 'conditional' && elapsedSince(this.#wholeSince, this.#deps.clock) < ANEW_EVERY
      const askedAt = currentMoment(this.#deps.clock)
      const passesCaches = mode === 'anew'
      const jwksFetch = { ...source, limits: settings, validators: isConditional ? validators : {}, passesCaches }
      const answer = await fetchWithRetries(this.#deps.fetchJwks, jwksFetch, retries, closing.signal, this.#deps)
      if (answer.published !== undefined) this.#wholeSince = askedAt
      return answer
    } catch (error) {
      if (this.#location !== undefined) this.#location.askedAt = NEVER // It may have moved.
      throw error
    }
  }

  /** The keys of what was fetched; the `version` is another one if the same text is read in another way. */
  read({ members, version }: PublishedKeySet): ReturnType<typeof readKeySet> & { version: string } {
    const { settings, reading } = this.#endpoint
    const ofReading = JSON.stringify([version, settings.maxKeys, reading])
    return { ...readKeySet(members, settings.maxKeys, reading), version: ofReading }
  }

  /** Whether another one gives the same keys for the same members. */
  readsAs(other: KeySetFetcher): boolean {
    const [ours, theirs] = [this.#endpoint, other.#endpoint]
    return ours.settings.maxKeys === theirs.settings.maxKeys && isSameReading(ours.reading, theirs.reading)
  }

  abort(): void {
    this.#fetching?.abort()
  }

  /** The key set of another origin than the metadata is asked for without the headers, which are for that one. */
  async #findSource(mode: FetchMode, retries: number, closing: AbortSignal) {
    const { url, metadataOf: issuer, connection } = this.#endpoint
    const endpoint = new URL(url)
    if (issuer === undefined) return { endpoint, connection }
    const known = this.#location
    const isKnown =
      known !== undefined && mode !== 'anew' && elapsedSince(known.askedAt, this.#deps.clock) < known.pause
    const metadataFetch = {
      endpoint,
      issuer,
      connection,
      limits: this.#endpoint.settings,
      passesCaches: mode === 'anew',
    }
    const keySetUrl = isKnown ? known.url : await this.#locate(metadataFetch, retries, closing)
    const isSameOrigin = keySetUrl.origin === endpoint.origin
    return { endpoint: keySetUrl, connection: isSameOrigin ? connection : { ...connection, headers: undefined } }
  }

  /** Where the metadata cannot be had or used, the key set is where it was: that is no outage of the keys. */
  async #locate(metadataFetch: Asked, retries: number, closing: AbortSignal): Promise<URL> {
    const known = this.#location
    const askedAt = currentMoment(this.#deps.clock)
    try {
      const url = await fetchWithRetries(this.#deps.fetchMetadata, metadataFetch, retries, closing, this.#deps)
      if (url.href !== known?.url.href) this.#wholeSince = NEVER
      this.#metadataFailure = undefined
      this.#location = { url, askedAt, pause: ANEW_EVERY }
      return url
    } catch (cause) {
      const error = toJwksFetchError(cause, 'read_failed')
      if (known !== undefined && error.failure !== 'metadata_of_another_issuer') {
        this.#metadataFailure = { error, since: this.#metadataFailure?.since ?? currentMoment(this.#deps.clock) }
        this.#location = { ...known, askedAt: currentMoment(this.#deps.clock), pause: METADATA_PAUSE }
        return known.url
      }
      this.#location = undefined
      throw error
    }
  }
}

type Asked = Omit<MetadataFetch, 'totalTimeout' | 'now'>
