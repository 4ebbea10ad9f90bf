/**
 * Remembers which assertions were used. `claim` must be one atomic step: of many claims of one key at the same time,
 * in all processes together, exactly one is told `true`. `replayStoreContract` of `express-jwt-exchange/testing` checks it.
 */
export interface ReplayStore {
  /**
   * @param key 43 characters of base64url, derived from the assertion by SHA-256
   * @param expiresAt whole seconds since the epoch until which the claim must be remembered; it allows for clocks that
   * differ by a minute
   * @param identityProvider the `name` of the identity provider, for a store that gives each of them a share of its room;
   * absent when the exchange has only one whose assertions are accepted once
   * @returns true for the first claim of this key, false for every later one until it expires
   * @throws when it cannot tell: the assertion is then refused with 503, never accepted; likewise after `replay.timeout`,
   * and a claim that succeeds later than that is used up all the same
   */
  claim(key: string, expiresAt: number, identityProvider?: string): boolean | Promise<boolean>
  /**
   * Whether other processes that use such a store see its claims. If `false`, each worker of a cluster and each worker thread
   * reports `replay_store.at_risk`. If absent, nothing is reported.
   */
  readonly isShared?: boolean
  /**
   * How full the store is, from 0 to 1, or, with a name, how full the share of that identity provider is. It is called after
   * each successful claim, and must not return a promise. From 0.8 on, the event `replay_store.filling` is emitted.
   */
  fillLevel?(identityProvider?: string): number
  /**
   * What could make it forget a claim too early, in a sentence for the operator; undefined where nothing is known. Asked
   * once, after the first claim.
   */
  findRisk?(): Promise<string | undefined>
}
