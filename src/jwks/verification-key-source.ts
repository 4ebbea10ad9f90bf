import type { CryptoKey } from 'jose'

/** The header parameters that choose a key. */
export interface KeyHeader {
  alg: string
  kid?: string
}

/** Where the keys of one identity provider come from: its JWKS endpoint, its certificates, or a fixed key set. */
export interface VerificationKeySource {
  /**
   * The keys that may have signed a token with this header, at least one, in the order to try.
   *
   * @throws TokenRejected `unknown_key`, `certificate_expired`
   * @throws DependencyUnavailable `jwks_unavailable`
   */
  findKeys(header: KeyHeader): Promise<readonly CryptoKey[]>
  /**
   * The keys for this header from a key set newer than the one that `keys` came from: a key may have changed under its
   * `kid`. None where there is nothing newer.
   */
  findNewerKeys(header: KeyHeader, keys: readonly CryptoKey[]): Promise<readonly CryptoKey[]>
  /** Fetches what is not fresh. Settles when that has succeeded or failed, and never rejects. */
  warmUp(): Promise<void>
  stats(): KeySourceStats
}

export interface KeySourceStats {
  /** `ok`: fresh; `stale`: expired, but serving if the endpoint fails; `down`: no usable keys; `never`: not fetched yet. */
  state: 'ok' | 'stale' | 'down' | 'never'
  kids: readonly (string | undefined)[]
  /** Milliseconds since the key set was fetched. */
  keySetAge?: number
  /** How many fetches were made. */
  fetches?: number
  lastFailure?: { reason: string; millisecondsAgo: number }
  /** The configured certificates: subject and end of validity in seconds since the epoch. */
  certificates?: readonly { subject: string; expiresAt: number }[]
}
