export function median(numbers) {
  return quantile(numbers, 0.5)
}

/** The smallest of the numbers that at least this share of them does not exceed; of two middle ones the mean for 0.5. */
export function quantile(numbers, share) {
  const sorted = Float64Array.from(numbers).sort()
  const position = share * sorted.length
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(position) - 1))
  if (share === 0.5 && Number.isInteger(position)) return (sorted[index] + sorted[index + 1]) / 2
  return sorted[index]
}

/** Median and range of what the rounds gave, which it keeps. */
export function summarise(rounds) {
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds }
}
