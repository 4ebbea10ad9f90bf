import type { Clock } from '../clock/clock.js'
import type { Timers } from '../clock/timers.js'
import type { fetchJwks, JwksAnswer, Validators } from './fetch-jwks.js'
import type { fetchMetadata } from './fetch-metadata.js'
import { fetchWithRetries } from './fetch-with-retries.js'
import type { JwksConnectionSettings } from './jwks-connection-options.js'
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

/** Fetches the key set of one endpoint, one at a time. */
export class KeySetFetcher {
  readonly #endpoint: JwksEndpoint
  readonly #deps: KeySetFetcherDeps
  #fetching: AbortController | undefined
  #wholeSince = Number.NEGATIVE_INFINITY
  /** Where the metadata say that the key set is. */
  #found: { url: URL; at: number } | undefined

  constructor(endpoint: JwksEndpoint, deps: KeySetFetcherDeps) {
    this.#endpoint = endpoint
    this.#deps = deps
  }

  /** As if it had fetched what another one has. */
  beginAs(other: KeySetFetcher): void {
    this.#wholeSince = other.#wholeSince
    this.#found = other.#found
  }

  /**
   * @param conditionally unless it has not changed
   * @throws JwksFetchError
   */
  async fetch(conditionally: boolean, { validators, isServable }: KeySetAtHand): Promise<JwksAnswer> {
    const { settings } = this.#endpoint
    const retries = isServable ? 0 : settings.connectionRetries
    const closing = new AbortController()
    this.#fetching = closing
    try {
      const source = await this.#findSource(retries, closing.signal)
      const isConditional = conditionally && this.#isRecent(this.#wholeSince)
      const jwksFetch = { ...source, limits: settings, validators: isConditional ? validators : {} }
      const answer = await fetchWithRetries(this.#deps.fetchJwks, jwksFetch, retries, closing.signal, this.#deps)
      if (answer.published !== undefined) this.#wholeSince = this.#deps.clock.monotonic()
      return answer
    } catch (error) {
      this.#found = undefined // It may have moved.
      throw error
    }
  }

  abort(): void {
    this.#fetching?.abort()
  }

  /** The key set of another origin than the metadata is asked for without the headers, which are for that one. */
  async #findSource(retries: number, closing: AbortSignal) {
    const { url, metadataOf: issuer, connection } = this.#endpoint
    const endpoint = new URL(url)
    if (issuer === undefined) return { endpoint, connection }
    if (this.#found === undefined || !this.#isRecent(this.#found.at)) {
      const metadataFetch = { endpoint, issuer, connection, limits: this.#endpoint.settings }
      const found = await fetchWithRetries(this.#deps.fetchMetadata, metadataFetch, retries, closing, this.#deps)
      if (found.href !== this.#found?.url.href) this.#wholeSince = Number.NEGATIVE_INFINITY
      this.#found = { url: found, at: this.#deps.clock.monotonic() }
    }
    const { url: keySetUrl } = this.#found
    const isSameOrigin = keySetUrl.origin === endpoint.origin
    return { endpoint: keySetUrl, connection: isSameOrigin ? connection : { ...connection, headers: undefined } }
  }

  #isRecent(at: number): boolean {
    return this.#deps.clock.monotonic() - at < ANEW_EVERY
  }
}
