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

/** When something happened, on both clocks. */
export interface Moment {
  /** Seconds since the epoch. */
  readonly wall: number
  /** Milliseconds. */
  readonly monotonic: number
}

export const NEVER: Moment = { wall: Number.NEGATIVE_INFINITY, monotonic: Number.NEGATIVE_INFINITY }

export function currentMoment(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() }
}

/** Milliseconds that the wall clock may seem to be ahead because it counts whole ones. */
const RESOLUTION = 1

/**
 * Milliseconds since a moment, on the clock that has gone further. The monotonic clock stands still while a virtual
 * machine is suspended or a function is frozen, and the wall clock can be set back: neither makes anything younger than
 * it is. A wall clock that is set ahead makes it older.
 */
export function elapsedSince(moment: Moment, clock: Clock): number {
  const monotonic = clock.monotonic() - moment.monotonic
  const wall = (clock.now() - moment.wall) * 1000
  return wall > monotonic + RESOLUTION ? wall : monotonic
}
