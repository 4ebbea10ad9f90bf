const UNITS = [
  { name: 'day', milliseconds: 86_400_000 },
  { name: 'hour', milliseconds: 3_600_000 },
  { name: 'minute', milliseconds: 60_000 },
  { name: 'second', milliseconds: 1000 },
] as const

/** `3 minutes`, in the largest unit of which there is at least one. */
export function describeDuration(milliseconds: number): string {
  const { name, milliseconds: unit } = UNITS.find((each) => milliseconds >= each.milliseconds) ?? UNITS[3]
  const count = Math.floor(Math.max(0, milliseconds) / unit)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

/** Whole days from now on, negative in the past. */
export function daysUntil(secondsSinceEpoch: number, now = Date.now()): number {
  return Math.floor((secondsSinceEpoch * 1000 - now) / 86_400_000)
}

/** `30 days`; in years from two years on. */
export function describeDays(days: number): string {
  const years = Math.floor(days / 365)
  return years < 2 ? `${days} day${days === 1 ? '' : 's'}` : `${years} years`
}
