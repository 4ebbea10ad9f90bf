import autocannon from 'autocannon'
import { createRequests } from './requests.js'
import { describeLatencies } from './run-at-rate.js'
import { startTiming } from './timing.js'

/** Milliseconds: how often autocannon looks whether it has finished. */
const SAMPLE_INTERVAL = 50

/**
 * Sends a number of requests over keep-alive connections, on each the next one when the one before is answered. Resolves
 * with the seconds until the last answer, with how many answers had which status, and with latencies in milliseconds.
 *
 * @param load `rate`: requests a second, of all connections, each of which sends its share of a second one after another
 *   and then pauses until the next second; as fast as they are answered where it is undefined
 */
export async function runAutocannon({ port, requests, connections, amount, rate }) {
  const { method, path, next } = createRequests(requests)
  const addNext = (request) => Object.assign(request, next())
  const readSeconds = startTiming()
  let seconds
  const run = autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    connections,
    amount,
    sampleInt: SAMPLE_INTERVAL,
    bailout: 1,
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: [isSameAlways(requests) ? { method, ...next() } : { method, setupRequest: addNext }],
  })
  let left = amount
  const latencies = []
  run.on('response', (_client, _status, _bytes, latency) => {
    latencies.push(latency)
    left -= 1
    if (left === 0) seconds = readSeconds()
  })
  const { statusCodeStats, errors } = await run
  return {
    seconds: seconds ?? readSeconds(),
    answered: amount - left,
    statuses: countStatuses(statusCodeStats, errors),
    ...describeLatencies(latencies),
  }
}

function isSameAlways({ pool }) {
  return pool === undefined
}

function countStatuses(statusCodeStats, errors) {
  const statuses = Object.entries(statusCodeStats).map(([status, { count }]) => [status, count])
  return Object.fromEntries(errors === 0 ? statuses : [...statuses, ['connection errors', errors]])
}
