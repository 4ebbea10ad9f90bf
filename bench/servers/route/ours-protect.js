// A route behind our `protect()`, with one listener of `access.granted`.
import express from 'express'
import { routePath } from '../../deployment.js'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender((settings) => {
  const { exchange, heardEvents } = createOurExchange(settings, 'access.granted', settings.more)
  const app = express()
  if (settings.mountedAt !== undefined) app.use(exchange.wellKnown).use(settings.mountedAt, exchange.router)
  app.get(routePath, exchange.protect(), (req, res) => res.json({ for: req.auth.sub }))
  return { app, heardEvents }
})
