// @node-oauth/oauth2-server with an extension grant that verifies the assertion and signs the access token with jose.
import { randomUUID } from 'node:crypto'
import OAuth2Server from '@node-oauth/oauth2-server'
import express from 'express'
import { importJWK, jwtVerify, SignJWT } from 'jose'
import { accessTokenLifetime, client, grantType, keySetPath, tokenPath } from '../../deployment.js'
import { accessTokenClaims } from '../../tokens/claims.js'
import { publicKeySet } from '../public-key-set.js'
import { serveContender } from '../serve-contender.js'

const { AbstractGrantType, InvalidGrantError, Request, Response } = OAuth2Server

serveContender(async ({ identityProviderKey, signingKey }) => {
  const verificationKey = await importJWK(identityProviderKey, 'RS256')
  const server = new OAuth2Server({
    model: createModel(await importJWK(signingKey, 'ES256'), signingKey.kid),
    accessTokenLifetime,
    extendedGrantTypes: { [grantType]: createGrantType(verificationKey) },
  })
  const app = express()
  app.post(tokenPath, express.urlencoded({ extended: false }), (req, res) => {
    const response = new Response(res)
    const send = () => res.status(response.status).set(response.headers).json(response.body)
    server.token(new Request(req), response).then(send, send)
  })
  app.get(keySetPath, (_req, res) => res.json(publicKeySet(signingKey)))
  return { app }
})

function createGrantType(verificationKey) {
  return class JwtBearerGrantType extends AbstractGrantType {
    async handle(request, ofClient) {
      const user = await this.findUser(request.body.assertion)
      const accessToken = await this.generateAccessToken(ofClient, user)
      const token = { accessToken, accessTokenExpiresAt: this.getAccessTokenExpiresAt(), scope: ofClient.scopes }
      return this.model.saveToken(token, ofClient, user)
    }

    async findUser(assertion) {
      try {
        const { payload } = await jwtVerify(assertion, verificationKey)
        return { sub: payload.sub }
      } catch {
        throw new InvalidGrantError('Invalid grant: the assertion is not accepted')
      }
    }
  }
}

/** Knows one client and saves nothing, because its access tokens can be verified without it. */
function createModel(privateKey, kid) {
  const known = { id: client.clientId, grants: [grantType], scopes: client.scopes }
  const header = { alg: 'ES256', typ: 'at+jwt', kid }
  return {
    getClient: (id, secret) => id === client.clientId && secret === client.clientSecret && known,
    saveToken: (token, ofClient, user) => ({ ...token, client: ofClient, user }),
    generateAccessToken: (_client, user) =>
      new SignJWT({ ...accessTokenClaims(), sub: user.sub, jti: randomUUID() })
        .setProtectedHeader(header)
        .sign(privateKey),
  }
}
