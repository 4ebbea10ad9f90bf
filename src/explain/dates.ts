/** A NumericDate in words, as seen from now; anything else as it stands. */
export function describeDate(value: unknown, now: number): string {
  if (value === undefined) return 'none'
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 253_402_300_799) {
    return JSON.stringify(value) ?? 'nothing'
  }
  const seconds = Math.round(value - now)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `${new Date(value * 1000).toISOString()}, ${distance}`
}
