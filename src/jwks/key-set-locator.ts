import { currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import { fetchWithRetries, type Untimed } from '../guarded-fetch/bounded-fetch.js'
import { JwksFetchError, toJwksFetchError } from '../guarded-fetch/fetch-error.js'
import { isInsecure } from '../option-checks/urls.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { MetadataFetch } from './fetch-metadata.js'
import type { JwksEndpoint, KeySetFetcherDeps } from './jwks-endpoint-options.js'

interface Location {
  url: URL
  askedAt: Moment
  /** Milliseconds after which the metadata are asked again. */
  askAgainAfter: number
}

export interface LocateOptions {
  /** Ask the metadata even if they were asked recently, and past all caches on the way. */
  passesCaches: boolean
  retries: number
}

/** Milliseconds. */
const ASK_METADATA_EVERY = 3_600_000
/** Milliseconds after which metadata are requested again if they could not be fetched. */
const METADATA_PAUSE = 60_000

/** Knows where the key set of one endpoint is: at the endpoint itself, or at the URL in the metadata there. */
export class KeySetLocator {
  #endpoint: JwksEndpoint
  readonly #deps: KeySetFetcherDeps
  #known: Location | undefined
  /** Metadata cannot be fetched or used. The key set is requested where it was. */
  #failure: { error: JwksFetchError; since: Moment } | undefined

  constructor(endpoint: JwksEndpoint, deps: KeySetFetcherDeps) {
    this.#endpoint = endpoint
    this.#deps = deps
  }

  /** Forgets a key set that these settings would not have found. */
  use(endpoint: JwksEndpoint): void {
    this.#endpoint = endpoint
    if (this.#known !== undefined && isInsecure(this.#known.url) && !endpoint.connection.allowInsecureHttp) {
      this.#known = undefined
    }
  }

  /** Why the metadata cannot be fetched or used, and for how long. */
  get metadataFailure(): KeySourceStats['metadataFailure'] {
    if (this.#failure === undefined) return undefined
    const { error, since } = this.#failure
    return { ...error.describe(), failingForMs: Math.round(elapsedSince(since, this.#deps.clock)) }
  }

  /** The key set was not where it should be: the metadata are asked before the next fetch. */
  doubt(): void {
    if (this.#known !== undefined) this.#known.askedAt = NEVER
  }

  /**
   * The URL of the key set, and whether it was another one before.
   *
   * @throws JwksFetchError if the metadata are needed and cannot be fetched or used
   */
  async find(options: LocateOptions, closing: AbortSignal): Promise<{ url: URL; hasMoved: boolean }> {
    const { metadataOf: issuer, settings, connection } = this.#endpoint
    const endpoint = new URL(this.#endpoint.url)
    if (issuer === undefined) return { url: endpoint, hasMoved: false }
    const known = this.#known
    const isRecent = known !== undefined && elapsedSince(known.askedAt, this.#deps.clock) < known.askAgainAfter
    if (isRecent && !options.passesCaches) return { url: known.url, hasMoved: false }
    const { passesCaches } = options
    const url = await this.#ask({ endpoint, issuer, connection, limits: settings, passesCaches }, options, closing)
    return { url, hasMoved: url.href !== known?.url.href }
  }

  /** If the metadata cannot be fetched or used, the key set is requested where it was, so that its keys can still be fetched. */
  async #ask(fetch: Untimed<MetadataFetch>, { retries }: LocateOptions, closing: AbortSignal): Promise<URL> {
    const known = this.#known
    const askedAt = currentMoment(this.#deps.clock)
    try {
      const url = await fetchWithRetries(this.#deps.fetchMetadata, fetch, retries, closing, this.#deps)
      if (closing.aborted) throw new JwksFetchError('closed')
      this.#failure = undefined
      this.#known = { url, askedAt, askAgainAfter: ASK_METADATA_EVERY }
      return url
    } catch (cause) {
      const error = toJwksFetchError(cause, 'read_failed')
      if (closing.aborted) throw error
      if (known === undefined || error.failure === 'metadata_of_another_issuer') {
        this.#known = undefined
        throw error
      }
      const failedAt = currentMoment(this.#deps.clock)
      this.#failure = { error, since: this.#failure?.since ?? failedAt }
      this.#known = { url: known.url, askedAt: failedAt, askAgainAfter: METADATA_PAUSE }
      return known.url
    }
  }
}
