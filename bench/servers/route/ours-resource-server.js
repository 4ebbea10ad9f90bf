// A route behind `protect()` of our resource server, which verifies tokens of another issuer. Nobody listens to events.
import express from 'express'
import { createResourceServer } from '../../../dist/index.js'
import { audience, issuer, routePath } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const resourceServer = createResourceServer({ issuer, audience, jwksUri })
  const app = express()
  app.get(routePath, resourceServer.protect(), (req, res) => res.json({ for: req.auth.sub }))
  return { app }
})
