// A node:http server that answers every request with the same bytes: it shows what the load generator can do.
import { serveContender } from './serve-contender.js'

const body = JSON.stringify({ access_token: 'x'.repeat(500), token_type: 'Bearer' })
const headers = { 'content-type': 'application/json', 'content-length': body.length }

serveContender(() => ({
  app(req, res) {
    req.resume()
    res.writeHead(200, headers).end(body)
  },
}))
