import express, { type Express } from 'express'
import type { JwtExchange } from '../../src/index.js'

/** The least that a host has: the token endpoint, and one protected route. */
export function hostApp(exchange: JwtExchange): Express {
  const app = express()
  app.use('/oauth2', exchange.router)
  app.get('/orders', exchange.protect(), (req, res) => void res.json('auth' in req ? req.auth : null))
  return app
}
