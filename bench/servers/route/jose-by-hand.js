// A route behind a hand-written middleware of jose.
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { audience, issuer, routePath } from '../../deployment.js'
import { bearerTokenOf } from '../bearer-token.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const keySet = createRemoteJWKSet(new URL(jwksUri))
  const expected = { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] }
  const authenticate = (req, res, next) => {
    jwtVerify(bearerTokenOf(req), keySet, expected).then(
      ({ payload }) => {
        req.auth = payload
        next()
      },
      () => res.status(401).end(),
    )
  }
  const app = express()
  app.get(routePath, authenticate, (req, res) => res.json({ for: req.auth.sub }))
  return { app }
})
