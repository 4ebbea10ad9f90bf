// A route behind a middleware of fast-jwt with its cache of verified tokens, and get-jwks.
import express from 'express'
import { createVerifier } from 'fast-jwt'
import createGetJwks from 'get-jwks'
import { audience, issuer, routePath } from '../../deployment.js'
import { bearerTokenOf } from '../bearer-token.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const { origin: domain, pathname: jwksPath } = new URL(jwksUri)
  const getJwks = createGetJwks({ jwksPath })
  const verify = createVerifier({
    key: ({ header }) => getJwks.getPublicKey({ domain, alg: header.alg, kid: header.kid }),
    cache: true,
    algorithms: ['RS256'],
    allowedIss: issuer,
    allowedAud: audience,
  })
  const authenticate = (req, res, next) => {
    verify(bearerTokenOf(req)).then(
      (payload) => {
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
