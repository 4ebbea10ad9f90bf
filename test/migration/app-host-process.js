// Hosts the apps of docs/migration.md outside Jest, where CommonJS packages can require ES modules, as in production.
import { createServer } from 'node:http'

const running = new Map()
const clocks = [Date, performance].map((clock) => ({ clock, now: clock.now.bind(clock) }))

/** The module exports an app, and a resource server if it has one. */
async function start({ module }) {
  const { app, resourceServer } = await import(module)
  const server = createServer(app)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  running.set(port, { server, resourceServer })
  return port
}

async function stop({ port }) {
  const { server, resourceServer } = running.get(port)
  running.delete(port)
  resourceServer?.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  setClocks({ ahead: 0 })
}

/** Both clocks, because some caches count by one of them and some by the other. */
function setClocks({ ahead }) {
  for (const { clock, now } of clocks) clock.now = () => now() + ahead * 1000
}

const actions = { start, stop, setClocks }

process.on('message', async ({ action, ...parameters }) => {
  try {
    process.send({ result: await actions[action](parameters) })
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) })
  }
})
process.send({ result: 'ready' })
