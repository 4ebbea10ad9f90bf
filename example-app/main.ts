import { createJwtExchange } from 'express-jwt-exchange'
import { createHostApp } from './host-app.js'
import { closeOnSignal, listen } from './serve.js'
import { tellStory } from './story.js'

const { CONFIG, HOST = '127.0.0.1', PORT = '3000' } = process.env

/** The host app alone, with the options of a TOML file. */
async function serveConfig(path: string): Promise<void> {
  const { loadConfig } = await import('express-jwt-exchange/config')
  const exchange = createJwtExchange(loadConfig(path))
  const { server, port } = await listen(Number(PORT), HOST)
  server.on('request', createHostApp(exchange))
  closeOnSignal(server, () => exchange.close())
  console.log(`Listening on http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port} with ${path}`)
}

try {
  await (CONFIG ? serveConfig(CONFIG) : tellStory(Number(PORT), HOST))
} catch (error) {
  console.error(String(error))
  process.exit(1)
}
