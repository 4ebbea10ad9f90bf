import { perCent, printTable, wholeNumber } from './print-table.js'

/** The share of its core from which on the load generator may be what limits. */
const NEARLY_BUSY = 0.9

/** Prints one contest: requests a second, ratios to the reference, and what was used for it. */
export function printContest(title, contenders) {
  console.log(`\n${title}`)
  printTable(
    ['', 'median req/s', 'min–max', 'ratio', 'of rounds', 'CPU µs each', 'server core', 'generator core'],
    contenders.map(rowOf),
  )
  console.log(`Ratios are to: ${contenders[0].ratio.to}`)
  for (const { name, generatorUse } of contenders) {
    if (generatorUse.median > NEARLY_BUSY) console.log(`The load generator may have been the limit of: ${name}`)
  }
}

function rowOf({ name, requestsPerSecond, ratio, cpuMicroseconds, coreUse, generatorUse }) {
  return [
    name,
    wholeNumber(requestsPerSecond.median),
    `${wholeNumber(requestsPerSecond.min)}–${wholeNumber(requestsPerSecond.max)}`,
    ratio.ofMedians.toFixed(2),
    `${ratio.ofRounds.min.toFixed(2)}–${ratio.ofRounds.max.toFixed(2)}`,
    cpuMicroseconds.median.toFixed(0),
    perCent(coreUse.median),
    perCent(generatorUse.median),
  ]
}

export function printGeneratorLimit(limits) {
  const texts = Object.entries(limits).map(
    ([client, { requestsPerSecond, coreUse }]) =>
      `${client} ${wholeNumber(requestsPerSecond)} req/s with ${perCent(coreUse)} of its core`,
  )
  console.log(`\nThe load generator against a node:http server that does nothing: ${texts.join('; ')}`)
}
