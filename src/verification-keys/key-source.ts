import type { KeyObject } from 'node:crypto'
import type { Eventual } from '../clock/when-ready.js'
import type { KeySetOwner } from '../events/event-subjects.js'
import type { FetchFailure } from '../guarded-fetch/fetch-error.js'
import type { Thumbprints } from '../jwt/public-key.js'

/** The header parameters that choose a key; thumbprints only narrow down what the others choose. */
export interface KeyHeader extends Thumbprints {
  alg: string
  kid?: string | undefined
}

/** The owner of keys. An identity provider signs assertions with them; a client proves who it is. */
export interface KeyOwner {
  kind: 'identity_provider' | 'client'
  /** The provider's `id`, or the client's `clientId`. */
  name: string
}

/** How events name an owner. */
export function describeOwner({ kind, name }: KeyOwner): Pick<KeySetOwner, 'identityProvider' | 'clientId'> {
  return kind === 'identity_provider' ? { identityProvider: name } : { clientId: name }
}

/** Where the keys of one owner come from: a JWKS endpoint, certificates, or a fixed key set. */
export interface VerificationKeySource {
  /**
   * The keys that may have signed a token with this header, at least one, in the order to try.
   *
   * @throws TokenRejected `unknown_key`, `certificate_expired`, or rejects with it
   * @throws DependencyUnavailable `jwks_unavailable`, or rejects with it
   */
  requireKeys(header: KeyHeader): Eventual<readonly KeyObject[]>
  /**
   * The keys for this header from a key set newer than the one that `keys` came from: a key may have changed under its
   * `kid`. None if there is nothing newer.
   */
  findNewerKeys(header: KeyHeader, keys: readonly KeyObject[]): Promise<readonly KeyObject[]>
  /**
   * The same without waiting, for callers that have no credentials, because response times must not show whom we trust.
   * Missing keys are fetched in the background, so the next request finds them.
   *
   * @throws TokenRejected `unknown_key`, `keys_not_fetched`, `certificate_expired`
   * @throws DependencyUnavailable `jwks_unavailable` if there was a key set before, and it cannot be fetched again
   */
  requireKeysAtOnce(header: KeyHeader): KeysAtOnce
  /** Looks in the background for keys newer than these, as `findNewerKeys` does. */
  refreshInBackground(header: KeyHeader, keys: readonly KeyObject[]): void
  /** How many keys that are known now fit this header: of a key set, at most five are tried. */
  countFitting(header: KeyHeader): number
  /** Fetches what is not fresh. Settles when that has succeeded or failed, and never rejects. */
  warmUp(): Promise<void>
  /**
   * Fetches, even if keys are cached or a fetch has just failed.
   *
   * @throws DependencyUnavailable `jwks_unavailable`: the old keys stay
   */
  refreshKeys(): Promise<void>
  stats(): KeySourceStats
}

export interface KeysAtOnce {
  /** At least one. */
  keys: readonly KeyObject[]
  /** Whether they may be relied on; otherwise only once `requireKeys` has found them, which waits for a fetch. */
  areCurrent: boolean
}

/** The keys of one owner now, and how they were fetched. */
export interface KeySourceStats extends Partial<FetchStats> {
  /**
   * `ok`: fresh. `idle`: expired because nobody needed it; the next request fetches it. `stale`: expired, and serving
   * because the endpoint fails. `degraded`: stale for more than half of `cacheMaxAgeFallback`. `down`: no usable keys,
   * because the endpoint fails. `never`: not fetched yet.
   */
  state: 'ok' | 'idle' | 'stale' | 'degraded' | 'down' | 'never'
  /** The `kid` of each usable key, escaped. */
  kids: readonly (string | undefined)[]
  keys: readonly KeyStats[]
  /** Present if the key set has more members than `jwksEndpoint.maxKeys`. The members after that are not read. */
  cut?: CutKeySet
  /** The configured certificates: subject and end of validity in seconds since the epoch. */
  certificates?: readonly { subject: string; expiresAt: number }[]
  /** Milliseconds since the key set was fetched, or confirmed by the endpoint. */
  keySetAge?: number
  /** Milliseconds for which the key set is still fresh. */
  expiresIn?: number
  /** Milliseconds for which it still serves if the endpoint fails. */
  servesFor?: number
  /** Milliseconds until it is refreshed in the background, if it is in use then. */
  nextRefreshIn?: number
  /** Milliseconds until the endpoint is asked again after a failure. */
  nextAttemptIn?: number
  /** With `discovery`: the metadata cannot be fetched or used for this time, and the key set is requested where it was. */
  metadataFailure?: FetchFailure & { failingForMs: number }
  /** Tokens for which the key set has no key, including made-up `kid`s. */
  unknownKids?: number
  /** Tokens that no key of the set has signed. */
  badSignatures?: number
  /** Fetches that are allowed at once now: for unknown `kid`s, and for bad signatures. */
  budget?: { unknownKids: number; badSignatures: number }
  /** Requests that wait for a fetch. */
  waiting?: number
}

/** A key set with more members than are read. */
export interface CutKeySet {
  /** How many members the published set has. */
  keys: number
  /** How many of them are read, from the first on. */
  maxKeys: number
}

/** What happened to the fetches of a key set. */
export interface FetchStats {
  /** The number of fetches, including failed ones. */
  fetches: number
  failedFetches: number
  /** Since the last success. */
  consecutiveFailures: number
  /** Milliseconds: `total` of all fetches, `longest` of one. */
  fetchDurationMs: { total: number; longest: number }
  lastSuccess?: { millisecondsAgo: number; durationMs: number }
  /** Remains after a success. */
  lastFailure?: FetchFailure & { millisecondsAgo: number; durationMs: number }
}

/** One key. */
export interface KeyStats {
  kid?: string
  algorithms: readonly string[]
  /** Seconds since the epoch, of the certificate published with the key (`x5c`). An expired one does not end the key. */
  certificateExpiresAt?: number
  /** `x5c_unreadable`: the key was published with an `x5c` that cannot be read. It is used without it. */
  note?: 'x5c_unreadable'
}
