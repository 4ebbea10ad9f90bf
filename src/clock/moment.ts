import type { Clock } from './clock.js'

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
