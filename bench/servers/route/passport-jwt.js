// A route behind Passport with passport-jwt, with the keys of jwks-rsa and its cache.
import express from 'express'
import jwksRsa from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { audience, issuer, routePath } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const options = {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: jwksRsa.passportJwtSecret({ jwksUri, cache: true, rateLimit: true }),
    issuer,
    audience,
    algorithms: ['RS256'],
  }
  passport.use(new Strategy(options, (payload, done) => done(null, payload)))
  const authenticate = passport.authenticate('jwt', { session: false })
  const app = express()
  app.get(routePath, authenticate, (req, res) => res.json({ for: req.user.sub }))
  return { app }
})
