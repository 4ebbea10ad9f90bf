// A route behind Passport with our strategy for access tokens, with one listener of `access.granted`.
import express from 'express'
import passport from 'passport'
import { routePath } from '../../deployment.js'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender((settings) => {
  const { exchange, heardEvents } = createOurExchange(settings, 'access.granted')
  passport.use(exchange.accessTokenStrategy)
  const authenticate = passport.authenticate('access-token', { session: false })
  const app = express()
  app.get(routePath, authenticate, (req, res) => res.json({ for: req.user.sub }))
  return { app, heardEvents }
})
