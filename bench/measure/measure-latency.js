import { WARM_UP_REQUESTS } from './hold-contest.js'
import { summarise } from './statistics.js'

/** Requests in a closed loop that tell what a contender answers at most. */
const MEASURED_REQUESTS = 12_000

/** Latencies of one contender at a share of what it answers at most. */
export async function measureLatency({ contender, pool, generator, share, rounds, seconds }) {
  try {
    await contender.start()
    await pool.grow(WARM_UP_REQUESTS + MEASURED_REQUESTS + 1000)
    await contender.check()
    await contender.warmUp(generator, 'autocannon', WARM_UP_REQUESTS)
    const rate = Math.floor(share * (await contender.findMaximum(generator, 'autocannon', MEASURED_REQUESTS)))
    await pool.grow(WARM_UP_REQUESTS + MEASURED_REQUESTS + 2 * rate * rounds * (seconds + 1) + 1000)
    const measured = []
    const paced = []
    for (let round = 0; round < rounds; round += 1) {
      measured.push(await contender.runAtRate(generator, rate, seconds))
      paced.push(await contender.runPaced(generator, rate, seconds))
    }
    await contender.check()
    return { name: contender.name, rate, ...describe(measured), paced: describePercentiles(paced) }
  } finally {
    await contender.end()
  }
}

function describe(measured) {
  return {
    ...describePercentiles(measured),
    generatorLateness: summarise(measured.map(({ generatorLateness }) => generatorLateness)),
  }
}

function describePercentiles(measured) {
  const each = (read) => summarise(measured.map(read))
  return {
    p50: each(({ p50 }) => p50),
    p99: each(({ p99 }) => p99),
    p999: each(({ p999 }) => p999),
    max: each(({ max }) => max),
    p99ToP50: each(({ p50, p99 }) => p99 / p50),
  }
}
