/** What a revocation names: one access token by its `jti`, or access tokens by their `sub`, `client_id` or `idp`. */
export type RevocationKind = 'token' | 'subject' | 'client' | 'identity_provider'

/** Access tokens that are refused although they have not expired. */
export interface Revocation {
  kind: RevocationKind
  /** Compared exactly with the claim that `kind` names. Any well-formed text, also of 1000 characters. */
  value: string
  /** Whole seconds since the epoch: tokens with an earlier `iat` are refused. Absent only for `token`. */
  issuedBefore?: number
  /**
   * Whole seconds since the epoch until which a store must keep it; clocks that differ by a minute are already allowed for.
   * No token that it refuses lives longer.
   */
  expiresAt: number
}

/** What a store returns at once. */
export interface RevocationPage {
  revocations: readonly Revocation[]
  /** Where to go on. undefined: the store returns everything each time. */
  cursor?: string | undefined
  /** Whether more follows after this cursor. Default: false. */
  hasMore?: boolean | undefined
}

/**
 * Keeps revocations for all processes that use it. No request waits for `read`: each process follows the store, and keeps what
 * it has read in memory. `revocationStoreContract` of `express-jwt-exchange/testing` checks a store.
 */
export interface RevocationStore {
  /**
   * Adds revocations. As soon as it has answered, `read` returns them in every process. Adding one twice is not an error.
   *
   * @throws if it is not certain that they are kept: the caller is then answered with 503
   */
  add(revocations: readonly Revocation[]): void | Promise<void>
  /**
   * What was added after a cursor, or everything without one. If more follows, it is called again at once. Expired revocations
   * may be left out. A store that does not know what came after a cursor begins again, and returns everything that it has.
   *
   * @throws if it does not know: after `revocation.maxStale`, no access token is accepted
   */
  read(cursor?: string): RevocationPage | Promise<RevocationPage>
  /**
   * Calls back soon after anything was added, also by another process. Calls may be lost or come too often: the store is read in
   * any case at each `revocation.pollInterval`.
   *
   * @returns a function that ends it
   */
  watch?(onChange: () => void): () => void
  /**
   * Whether other processes with the same kind of store see what is added. If `false`, each worker of a cluster and each
   * worker thread reports `revocation_store.at_risk`. If absent, nothing is reported.
   */
  readonly isShared?: boolean
  /**
   * A sentence for the operator if the store could forget a revocation too early; undefined if no risk is known. Called once,
   * after the store was read.
   */
  findRisk?(): Promise<string | undefined>
}
