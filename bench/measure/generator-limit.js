import { SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

const AMOUNT = 30_000

/** What the load generator reaches against a node:http server that does nothing, with each of its clients. */
export async function measureGeneratorLimit(generator, requests) {
  const server = await startProcess('servers/bare-http.js', { core: SERVER_CORE })
  try {
    const { port } = await server.ask('start', {})
    const run = (client) => generator.ask(client, { port, connections: 32, amount: AMOUNT, requests })
    const limits = {}
    for (const client of ['autocannon', 'closed loop']) {
      await run(client)
      const { answered, seconds } = await run(client)
      limits[client] = answered / seconds
    }
    return limits
  } finally {
    await server.end()
  }
}
