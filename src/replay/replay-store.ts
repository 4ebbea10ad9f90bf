/**
 * Remembers which assertions were used. `claim` must be one atomic step: of many claims of one key at the same time,
 * in all processes together, exactly one is told `true`. `replayStoreContract` of `express-jwt-exchange/testing` checks it.
 */
export interface ReplayStore {
  /**
   * @param key 43 characters of base64url, derived from the assertion by SHA-256
   * @param expiresAt whole seconds since the epoch until which the claim must be remembered; it allows for clocks that
   * differ by a minute
   * @returns true for the first claim of this key, false for every later one until it expires
   * @throws when it cannot tell: the assertion is then refused with 503, never accepted; likewise after `replay.timeout`,
   * and a claim that succeeds later than that is used up all the same
   */
  claim(key: string, expiresAt: number): boolean | Promise<boolean>
  /**
   * What could make it forget a claim too early, in a sentence for the operator; undefined where nothing is known. Asked
   * once, after the first claim.
   */
  findRisk?(): Promise<string | undefined>
}
