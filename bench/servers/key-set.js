// The key set of an identity provider, or of whoever signs access tokens, under any path.
import { serveContender } from './serve-contender.js'

serveContender(({ keys }) => {
  const body = JSON.stringify({ keys })
  return { app: (_req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(body) }
})
