// A route behind express-oauth2-jwt-bearer.
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { audience, issuer, routePath } from '../../deployment.js'
import { answerError } from '../answer-error.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ jwksUri }) => {
  const app = express()
  app.get(routePath, auth({ issuer, jwksUri, audience }), (req, res) => res.json({ for: req.auth.payload.sub }))
  app.use(answerError)
  return { app }
})
