/** The two clocks everything reads. Give your own as the option `clock` to test expiry without waiting. */
export interface Clock {
  /** Wall clock, in seconds since 1970-01-01T00:00:00Z, fractions allowed. Judges `exp`, `nbf` and `iat`. */
  now(): number
  /**
   * A clock that never jumps, in milliseconds. Judges durations and budgets; with `now`, the ages of key sets and of what
   * else is remembered of an endpoint.
   */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now(),
}
