// The hand-written handler with synchronous node:crypto in place of jose: the floor for cryptography.
import { createPublicKey, randomUUID, verify } from 'node:crypto'
import express from 'express'
import { accessTokenLifetime, keySetPath, scope, tokenPath } from '../../deployment.js'
import { accessTokenClaims } from '../../tokens/claims.js'
import { createSigner } from '../../tokens/sign-jwt.js'
import { publicKeySet } from '../public-key-set.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ identityProviderKey, signingKey }) => {
  const verificationKey = createPublicKey({ key: identityProviderKey, format: 'jwk' })
  const sign = createSigner(signingKey, { alg: 'ES256', typ: 'at+jwt', kid: signingKey.kid })

  function exchange(assertion) {
    const signatureAt = assertion.lastIndexOf('.')
    const signature = Buffer.from(assertion.slice(signatureAt + 1), 'base64url')
    if (!verify('sha256', Buffer.from(assertion.slice(0, signatureAt)), verificationKey, signature)) return undefined
    const [, encodedPayload] = assertion.split('.', 2)
    const payload = JSON.parse(Buffer.from(encodedPayload, 'base64url').toString())
    return sign({ ...accessTokenClaims(), sub: payload.sub, jti: randomUUID() })
  }

  const app = express()
  app.post(tokenPath, express.urlencoded({ extended: false }), (req, res) => {
    const token = exchange(req.body.assertion)
    if (token === undefined) return res.status(400).json({ error: 'invalid_grant' })
    res.json({ access_token: token, token_type: 'Bearer', expires_in: accessTokenLifetime, scope })
  })
  app.get(keySetPath, (_req, res) => res.json(publicKeySet(signingKey)))
  return { app }
})
