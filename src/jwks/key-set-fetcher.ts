import { currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import { fetchWithRetries } from '../guarded-fetch/bounded-fetch.js'
import { type JwksConnectionSettings, withoutCredentials } from '../guarded-fetch/connection-options.js'
import { JwksFetchError } from '../guarded-fetch/fetch-error.js'
import { type ReadKeySet, readKeySet } from '../verification-keys/key-set.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { JwksAnswer, PublishedKeySet, Validators } from './fetch-jwks.js'
import type { JwksEndpoint, KeySetFetcherDeps } from './jwks-endpoint-options.js'
import { KeySetLocator } from './key-set-locator.js'

/**
 * `if_changed`: the endpoint may answer that the key set is still the same. `full`: it may not. `past_caches`: caches on
 * the way may not answer either, and the metadata are asked before, even if they were asked recently.
 */
export type FetchMode = 'if_changed' | 'full' | 'past_caches'

/** What is known before a fetch. */
export interface KnownKeySet {
  /** Of the last good key set. */
  validators: Validators
  /** Whether it serves: then one failure does no harm, and nothing is tried again at once. */
  isServable: boolean
}

/** Milliseconds after which the key set is fetched in full, so that a wrong 304 cannot persist. */
const FETCH_FULL_EVERY = 3_600_000

/** Knows how the key set of one endpoint is asked for: by which request, and whether it may be answered by a 304. */
export class KeySetFetcher {
  #endpoint: JwksEndpoint
  readonly #deps: KeySetFetcherDeps
  readonly #locator: KeySetLocator
  #underWay: AbortController | undefined
  #requested: URL | undefined
  #fetchedFullAt: Moment = NEVER

  constructor(endpoint: JwksEndpoint, deps: KeySetFetcherDeps) {
    this.#endpoint = endpoint
    this.#deps = deps
    this.#locator = new KeySetLocator(endpoint, deps)
  }

  /** Aborts a fetch under way, which has begun by other settings. */
  use(endpoint: JwksEndpoint): void {
    this.#endpoint = endpoint
    this.#locator.use(endpoint)
    this.#underWay?.abort()
  }

  get metadataFailure(): KeySourceStats['metadataFailure'] {
    return this.#locator.metadataFailure
  }

  /** Where the key set was requested last. */
  get requested(): URL {
    return this.#requested ?? new URL(this.#endpoint.url)
  }

  /**
   * One at a time.
   *
   * @throws JwksFetchError
   */
  async fetch(mode: FetchMode, known: KnownKeySet): Promise<JwksAnswer> {
    const underWay = new AbortController()
    const abort = () => underWay.abort()
    this.#underWay = underWay
    const { closing } = this.#deps
    closing.addEventListener('abort', abort, { once: true })
    if (closing.aborted) abort()
    try {
      return await this.#request(mode, known, underWay.signal)
    } catch (error) {
      if (!underWay.signal.aborted) this.#locator.doubt()
      throw error
    } finally {
      closing.removeEventListener('abort', abort)
    }
  }

  /** The keys of what was fetched; the `version` is another one if the same text is read in another way. */
  read({ members, version }: PublishedKeySet): ReadKeySet & { version: string } {
    const { settings, reading } = this.#endpoint
    const versionAsRead = JSON.stringify([version, settings.maxKeys, reading])
    return { ...readKeySet(members, settings.maxKeys, reading), version: versionAsRead }
  }

  async #request(mode: FetchMode, { validators, isServable }: KnownKeySet, closing: AbortSignal): Promise<JwksAnswer> {
    const { settings: limits } = this.#endpoint
    const retries = isServable ? 0 : limits.connectionRetries
    const passesCaches = mode === 'past_caches'
    const { url, hasMoved } = await this.#locator.find({ passesCaches, retries }, closing)
    if (hasMoved) this.#fetchedFullAt = NEVER
    this.#requested = url
    const askedAt = currentMoment(this.#deps.clock)
    const mayBeUnchanged =
      mode === 'if_changed' && elapsedSince(this.#fetchedFullAt, this.#deps.clock) < FETCH_FULL_EVERY
    const jwksFetch = {
      endpoint: url,
      connection: this.#connectionTo(url),
      limits,
      validators: mayBeUnchanged ? validators : {},
      passesCaches,
    }
    const answer = await fetchWithRetries(this.#deps.fetchJwks, jwksFetch, retries, closing, this.#deps)
    if (closing.aborted) throw new JwksFetchError('closed')
    if (answer.published !== undefined) this.#fetchedFullAt = askedAt
    return answer
  }

  /** Without the credentials if the metadata lead to another origin, because they are for the endpoint's own. */
  #connectionTo(url: URL): JwksConnectionSettings {
    const { connection } = this.#endpoint
    return url.origin === new URL(this.#endpoint.url).origin ? connection : withoutCredentials(connection)
  }
}
