/**
 * Remembers which assertions were used. `markUsed` must be one atomic step: of many calls with one key at the same time, in
 * all processes together, exactly one returns `true`. `replayStoreContract` of `express-jwt-exchange/testing` checks it.
 */
export interface ReplayStore {
  /**
   * @param key 43 characters of base64url, derived from the assertion by SHA-256
   * @param expiresAt whole seconds since the epoch until which the key must be remembered; it allows for clocks that
   * differ by a minute
   * @param identityProvider the `name` of the identity provider, for a store that gives each of them a share of its room;
   * absent if the exchange has only one whose assertions are accepted once
   * @returns true for the first call with this key, false for every later one until the key expires
   * @throws if the store cannot say: the assertion is then refused with 503, never accepted. The same happens after
   * `replay.timeout`; a call that succeeds later than that still uses the assertion up
   */
  markUsed(key: string, expiresAt: number, identityProvider?: string): boolean | Promise<boolean>
  /**
   * Whether other processes that use such a store see its keys. If `false`, each worker of a cluster and each worker thread
   * reports `replay_store.at_risk`. If absent, nothing is reported.
   */
  readonly isShared?: boolean
  /**
   * How full the store is, from 0 to 1, or, with a name, how full the share of that identity provider is. It is called after
   * each call of `markUsed` that returned true, and must not return a promise. From 0.8 on, the event `replay_store.filling`
   * is emitted.
   */
  fillLevel?(identityProvider?: string): number
  /**
   * What could make the store forget a key too early, in a sentence for the operator; undefined if nothing is known. Called
   * once, after the first answer of `markUsed`.
   */
  findRisk?(): Promise<string | undefined>
}
