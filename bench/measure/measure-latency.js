import { WARM_UP_REQUESTS } from './hold-contest.js'
import { summarise } from './statistics.js'

/** Latencies of one contender at a fixed rate. */
export async function measureLatency({ contender, pool, generator, rate, rounds, seconds }) {
  try {
    await contender.start()
    await pool.grow(WARM_UP_REQUESTS + rate * rounds * (seconds + 1) + 1000)
    await contender.check()
    await contender.warmUp(generator, 'autocannon', WARM_UP_REQUESTS)
    const measured = []
    for (let round = 0; round < rounds; round += 1) measured.push(await contender.runAtRate(generator, rate, seconds))
    await contender.check()
    return describe(rate, measured)
  } finally {
    await contender.end()
  }
}

function describe(rate, measured) {
  const each = (read) => summarise(measured.map(read))
  return {
    rate,
    p50: each(({ p50 }) => p50),
    p99: each(({ p99 }) => p99),
    p999: each(({ p999 }) => p999),
    max: each(({ max }) => max),
    p99ToP50: each(({ p50, p99 }) => p99 / p50),
    generatorLateness: each(({ generatorLateness }) => generatorLateness),
  }
}
