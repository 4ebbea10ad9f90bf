import autocannon from 'autocannon'
import { createRequests } from './requests.js'
import { startTiming } from './timing.js'

/** Milliseconds: how often autocannon looks whether it has finished. */
const SAMPLE_INTERVAL = 50

/**
 * Sends a number of requests over keep-alive connections, on each the next one when the one before is answered. Resolves
 * with the seconds until the last answer, and with how many answers had which status.
 */
export async function runAutocannon({ port, requests, connections, amount }) {
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
    requests: [isSameAlways(requests) ? { method, ...next() } : { method, setupRequest: addNext }],
  })
  let left = amount
  run.on('response', () => {
    left -= 1
    if (left === 0) seconds = readSeconds()
  })
  const { statusCodeStats, errors } = await run
  return {
    seconds: seconds ?? readSeconds(),
    answered: amount - left,
    statuses: countStatuses(statusCodeStats, errors),
  }
}

function isSameAlways({ pool }) {
  return pool === undefined
}

function countStatuses(statusCodeStats, errors) {
  const statuses = Object.entries(statusCodeStats).map(([status, { count }]) => [status, count])
  return Object.fromEntries(errors === 0 ? statuses : [...statuses, ['connection errors', errors]])
}
