import { once } from 'node:events'
import { createServer } from 'node:http'
import { answerParent } from '../processes/answer-parent.js'

/** Milliseconds: longer than a contender waits for its next turn. */
const KEEP_ALIVE_TIMEOUT = 120_000

/**
 * Makes this process one contender: it listens on a free port when it is told to start, and tells what it has used.
 *
 * @param createContender makes `app`, and where it has any, `heardEvents`, from the settings of its start
 */
export function serveContender(createContender) {
  let heardEvents
  answerParent({
    async start(settings) {
      const contender = await createContender(settings)
      heardEvents = contender.heardEvents
      return { port: await listen(contender.app) }
    },
    usage: () => ({ cpuSeconds: cpuSeconds(), heardEvents: heardEvents?.() }),
  })
}

async function listen(app) {
  const server = createServer(app)
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
