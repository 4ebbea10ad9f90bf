import { type Clock, systemClock } from '../clock/clock.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** The option `clock`; after noting a problem, the clocks of the system. */
export function readClock(reader: OptionReader): Clock {
  const clock = (reader.hostObject('clock') ?? systemClock) as Partial<Clock>
  const isClock = typeof clock.now === 'function' && typeof clock.monotonic === 'function'
  if (isClock && isPlausible(clock.now?.()) && Number.isFinite(clock.monotonic?.())) return clock as Clock
  reader.problem('clock', 'an object with the functions now() in seconds and monotonic() in milliseconds')
  return systemClock
}

/** Seconds since 1970, and not milliseconds. */
function isPlausible(now: unknown): boolean {
  return Number.isFinite(now) && Number(now) < 100_000_000_000
}
