// oidc-provider with a grant type that verifies the assertion with jose, and issues one of its own JWT access tokens.
import express from 'express'
import { importJWK, jwtVerify } from 'jose'
import Provider, { errors } from 'oidc-provider'
import { accessTokenLifetime, audience, client, grantType, issuer, scope } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

const RESOURCE_SERVER = {
  scope,
  audience,
  accessTokenFormat: 'jwt',
  accessTokenTTL: accessTokenLifetime,
  jwt: { sign: { alg: 'ES256' } },
}

serveContender(async ({ identityProviderKey, signingKey }) => {
  const provider = new Provider(issuer, configure(signingKey))
  const verificationKey = await importJWK(identityProviderKey, 'RS256')
  provider.registerGrantType(grantType, (ctx) => grantAccessToken(provider, verificationKey, ctx), [
    'assertion',
    'scope',
  ])
  return { app: express().use('/oauth2', provider.callback()) }
})

function configure(signingKey) {
  return {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        grant_types: [grantType],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [signingKey] },
    ttl: { AccessToken: accessTokenLifetime },
    cookies: { keys: ['not used'] },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => RESOURCE_SERVER },
    },
  }
}

async function grantAccessToken(provider, verificationKey, ctx) {
  const accountId = await findSubject(ctx.oidc.params.assertion, verificationKey)
  const accessToken = new provider.AccessToken({ accountId, client: ctx.oidc.client, gty: 'jwt_bearer', scope })
  accessToken.resourceServer = new provider.ResourceServer(audience, RESOURCE_SERVER)
  ctx.oidc.entity('AccessToken', accessToken)
  ctx.body = {
    access_token: await accessToken.save(),
    expires_in: accessToken.expiration,
    token_type: accessToken.tokenType,
    scope,
  }
}

async function findSubject(assertion, verificationKey) {
  try {
    return (await jwtVerify(assertion, verificationKey)).payload.sub
  } catch {
    throw new errors.InvalidGrant('the assertion is not accepted')
  }
}
