/**
 * Remembers which assertions were used. `markUsed` must be one atomic step: of many calls with one key at the same time, in
 * all processes together, exactly one returns `true`. `replayStoreContract` of `express-jwt-exchange/testing` checks it.
 */
export interface ReplayStore {
  /**
   * @param key 43 characters of base64url, derived from the assertion by SHA-256
   * @param expiresAt whole seconds since the epoch until which the key must be remembered; clocks that differ by a minute are
   * already allowed for
   * @param identityProvider the `id` of the identity provider, for a store that gives each identity provider a share of its
   * space; absent if the exchange has only one identity provider whose assertions are accepted once, and for an assertion
   * that a client signed itself
   * @returns true for the first call with this key, false for every later one until the key expires
   * @throws if the store does not know: the request is then answered with 503, and the assertion is not accepted. The same
   * happens after `replay.timeout`. A call that succeeds later still marks the assertion used
   */
  markUsed(key: string, expiresAt: number, identityProvider?: string): boolean | Promise<boolean>
  /**
   * Whether other processes with the same kind of store see its keys. If `false`, each worker of a cluster and each worker thread
   * reports `replay_store.at_risk`. If absent, nothing is reported.
   */
  readonly isShared?: boolean
  /**
   * How full the store is, from 0 to 1. With a name: how full the share of that identity provider is. Called after each call
   * of `markUsed` that returned true. It must not return a promise. From 0.8 on, the event `replay_store.filling` is emitted.
   */
  fillLevel?(identityProvider?: string): number
  /**
   * A sentence for the operator if the store could forget a key too early; undefined if no risk is known. Called once, after
   * the first answer of `markUsed`.
   */
  findRisk?(): Promise<string | undefined>
}
