/** The two clocks that all code reads. Pass your own as the option `clock` to test expiry without waiting. */
export interface Clock {
  /** The wall clock, in seconds since 1970-01-01T00:00:00Z, fractions allowed. Used for `exp`, `nbf` and `iat`. */
  now(): number
  /**
   * A clock that never jumps, in milliseconds. Used for durations and budgets and, together with `now`, for the age of key
   * sets.
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

/** Milliseconds by which the wall clock can seem to be ahead, because it is rounded. */
const RESOLUTION = 1

/**
 * Milliseconds since a moment, on the clock that has advanced more. The monotonic clock stops while a virtual machine is
 * suspended, and the wall clock can be set back. Neither makes anything look younger than it is. A wall clock that is set ahead
 * makes it look older.
 */
export function elapsedSince(moment: Moment, clock: Clock): number {
  return elapsedBetween(moment, currentMoment(clock))
}

/** The same, for a time that was read before. */
export function elapsedBetween(moment: Moment, now: Moment): number {
  const monotonic = now.monotonic - moment.monotonic
  const wall = (now.wall - moment.wall) * 1000
  return wall > monotonic + RESOLUTION ? wall : monotonic
}
