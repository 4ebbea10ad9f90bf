// A hand-written handler: it verifies the assertion and signs the access token with jose, and checks nothing else.
import { randomUUID } from 'node:crypto'
import express from 'express'
import { importJWK, jwtVerify, SignJWT } from 'jose'
import { accessTokenLifetime, keySetPath, scope, tokenPath } from '../../deployment.js'
import { accessTokenClaims } from '../../tokens/claims.js'
import { publicKeySet } from '../public-key-set.js'
import { serveContender } from '../serve-contender.js'

serveContender(async ({ identityProviderKey, signingKey }) => {
  const verificationKey = await importJWK(identityProviderKey, 'RS256')
  const privateKey = await importJWK(signingKey, 'ES256')
  const header = { alg: 'ES256', typ: 'at+jwt', kid: signingKey.kid }

  async function exchange(assertion) {
    const { payload } = await jwtVerify(assertion, verificationKey)
    const claims = { ...accessTokenClaims(), sub: payload.sub, jti: randomUUID() }
    return new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
  }

  const app = express()
  app.post(tokenPath, express.urlencoded({ extended: false }), (req, res) => {
    exchange(req.body.assertion).then(
      (token) => res.json({ access_token: token, token_type: 'Bearer', expires_in: accessTokenLifetime, scope }),
      () => res.status(400).json({ error: 'invalid_grant' }),
    )
  })
  app.get(keySetPath, (_req, res) => res.json(publicKeySet(signingKey)))
  return { app }
})
