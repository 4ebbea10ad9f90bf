// A route behind Passport with a strategy that checks nothing.
import express from 'express'
import passport from 'passport'
import { Strategy } from 'passport-custom'
import { routePath, subject } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

serveContender(() => {
  passport.use('no-check', new Strategy((_req, done) => done(null, { sub: subject })))
  const app = express()
  app.get(routePath, passport.authenticate('no-check', { session: false }), (req, res) =>
    res.json({ for: req.user.sub }),
  )
  return { app }
})
