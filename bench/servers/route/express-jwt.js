// A route behind express-jwt, with the keys of jwks-rsa and its cache.
import express from 'express'
import { expressjwt } from 'express-jwt'
import jwksRsa from 'jwks-rsa'
import { audience, issuer, routePath } from '../../deployment.js'
import { answerError } from '../answer-error.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const secret = jwksRsa.expressJwtSecret({ jwksUri, cache: true, rateLimit: true })
  const app = express()
  app.get(routePath, expressjwt({ secret, issuer, audience, algorithms: ['RS256'] }), (req, res) =>
    res.json({ for: req.auth.sub }),
  )
  app.use(answerError)
  return { app }
})
