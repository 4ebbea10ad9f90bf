/** Milliseconds for answers that are still missing when nothing more is sent. */
const MAX_WAIT = 10_000

/**
 * Sends the requests of all lanes as they fall due, for so many seconds, and waits for their answers. It never sleeps: a
 * timer would be late by a millisecond, which would count as latency.
 */
export async function runOpenLoop(lanes, seconds) {
  const startedAt = performance.now()
  for (const lane of lanes) lane.start(startedAt)
  const sendUntil = startedAt + seconds * 1000
  await turnUntil((now) => {
    for (const lane of lanes) lane.sendDue(Math.min(now, sendUntil))
    const isOver = now >= sendUntil && lanes.every((lane) => lane.isDone)
    return isOver || now >= sendUntil + MAX_WAIT
  })
  for (const lane of lanes) lane.close()
  if (!lanes.every((lane) => lane.isDone)) throw new Error('requests were not answered within 10 seconds')
}

function turnUntil(takeTurn) {
  return new Promise((resolve, reject) => {
    const turn = () => {
      try {
        if (takeTurn(performance.now())) resolve()
        else setImmediate(turn)
      } catch (error) {
        reject(error)
      }
    }
    turn()
  })
}
