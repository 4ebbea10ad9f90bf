import { perCent, printTable, wholeNumber } from './print-table.js'

/** The share of what the load generator reaches at all from which on it may be what limits. */
const NEARLY_BUSY = 0.7

/**
 * Prints one contest: requests a second, ratios to the reference, and what was used for it.
 *
 * @param limit requests a second that the load generator reaches, where that is known
 */
export function printContest(title, contenders, limit = Number.POSITIVE_INFINITY) {
  console.log(`\n${title}`)
  printTable(['', 'median req/s', 'min–max', 'ratio', 'of rounds', 'CPU µs each', 'server core'], contenders.map(rowOf))
  console.log(`Ratios are to: ${contenders[0].ratio.to}`)
  for (const { name, requestsPerSecond } of contenders) {
    if (requestsPerSecond.median > NEARLY_BUSY * limit)
      console.log(`The load generator may have been the limit of: ${name}`)
  }
}

function rowOf({ name, requestsPerSecond, ratio, cpuMicroseconds, coreUse }) {
  return [
    name,
    wholeNumber(requestsPerSecond.median),
    `${wholeNumber(requestsPerSecond.min)}–${wholeNumber(requestsPerSecond.max)}`,
    ratio.ofMedians.toFixed(2),
    `${ratio.ofRounds.min.toFixed(2)}–${ratio.ofRounds.max.toFixed(2)}`,
    cpuMicroseconds.median.toFixed(0),
    perCent(coreUse.median),
  ]
}

export function printGeneratorLimit(limits) {
  const texts = Object.entries(limits).map(
    ([client, requestsPerSecond]) => `${client} ${wholeNumber(requestsPerSecond)} req/s`,
  )
  console.log(`\nThe load generator against a node:http server that does nothing: ${texts.join('; ')}`)
}
