// Bare Express: it parses the form and answers JSON with a token that was signed at the start.
import { randomUUID } from 'node:crypto'
import express from 'express'
import { accessTokenLifetime, keySetPath, scope, tokenPath } from '../../deployment.js'
import { accessTokenClaims } from '../../tokens/claims.js'
import { createSigner } from '../../tokens/sign-jwt.js'
import { publicKeySet } from '../public-key-set.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ signingKey }) => {
  const sign = createSigner(signingKey, { alg: 'ES256', typ: 'at+jwt', kid: signingKey.kid })
  const accessToken = sign({ ...accessTokenClaims(), jti: randomUUID() })
  const app = express()
  app.post(tokenPath, express.urlencoded({ extended: false }), (req, res) => {
    if (typeof req.body.assertion !== 'string') return res.status(400).end()
    res.json({ access_token: accessToken, token_type: 'Bearer', expires_in: accessTokenLifetime, scope })
  })
  app.get(keySetPath, (_req, res) => res.json(publicKeySet(signingKey)))
  return { app }
})
