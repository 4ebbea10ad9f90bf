import { HttpConnection } from './http-connection.js'
import { startTiming } from './timing.js'

/**
 * Sends a number of requests over keep-alive connections, on each the next one when the one before is answered, with about
 * half of autocannon's work for each. Resolves as `runAutocannon` does.
 */
export async function runClosedLoop({ port, connections, amount, nextRequest }) {
  const opened = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port)))
  const readSeconds = startTiming()
  const counts = { left: amount, statuses: {} }
  await Promise.all(opened.map((connection) => sendInTurn(connection, nextRequest, counts)))
  const seconds = readSeconds()
  for (const connection of opened) connection.close()
  return { seconds, answered: amount - counts.left, statuses: counts.statuses }
}

/** Sends until none is left, or the connection is lost. */
function sendInTurn(connection, nextRequest, counts) {
  return new Promise((resolve) => {
    const sendNext = () => {
      if (counts.left === 0 || !connection.isOpen) return resolve()
      counts.left -= 1
      connection.send(nextRequest(), (status) => {
        counts.statuses[status] = (counts.statuses[status] ?? 0) + 1
        sendNext()
      })
    }
    sendNext()
  })
}
