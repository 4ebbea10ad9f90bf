import { quantile } from '../measure/statistics.js'
import { Lane } from './lane.js'
import { createRequestTexts } from './requests.js'
import { runOpenLoop } from './run-open-loop.js'

/** Connections that are open from the start, and how many there may be. */
export const CONNECTIONS = 32
export const MAX_CONNECTIONS = 256

/** Seconds at the beginning that do not count. */
export const LEAD = 0.5

/** One lane at a fixed rate. Latencies in milliseconds, of the requests after the lead. */
export async function runAtRate({ port, requests, rate, seconds }) {
  const nextRequest = createRequestTexts(requests, port)
  const lane = new Lane(port, { rate, mostConnections: MAX_CONNECTIONS, nextRequest })
  await lane.open(CONNECTIONS)
  await runOpenLoop([lane], LEAD + seconds)
  return { ...describeLatencies(latenciesBetween(lane, LEAD, LEAD + seconds)), ...describeLane(lane) }
}

/** Latencies of the requests that were due from one second after the start to another. */
export function latenciesBetween({ dues, latencies }, from, to) {
  return latencies.filter((_, index) => dues[index] >= from * 1000 && dues[index] < to * 1000)
}

export function describeLatencies(latencies) {
  return {
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    max: quantile(latencies, 1),
  }
}

export function describeLane({ latencies, statuses, lateness }) {
  return { answered: latencies.length, statuses, generatorLateness: quantile(lateness, 0.99) }
}
