// oidc-provider's introspection endpoint, for one opaque access token in its memory.
import express from 'express'
import Provider from 'oidc-provider'
import { accessTokenLifetime, audience, client, issuer, opaqueToken, scope, subject } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

const RESOURCE_SERVER = { scope, audience, accessTokenFormat: 'opaque', accessTokenTTL: accessTokenLifetime }

serveContender(async ({ signingKey }) => {
  const provider = new Provider(issuer, configure(signingKey))
  await saveToken(provider)
  return { app: express().use('/oauth2', provider.callback()) }
})

function configure(signingKey) {
  return {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        grant_types: [],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    jwks: { keys: [signingKey] },
    routes: { introspection: '/introspect' },
    cookies: { keys: ['not used'] },
    ttl: { AccessToken: accessTokenLifetime, Grant: accessTokenLifetime },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => RESOURCE_SERVER },
    },
  }
}

async function saveToken(provider) {
  const { clientId } = client
  const grant = new provider.Grant({ accountId: subject, clientId })
  grant.addResourceScope(audience, scope)
  const ofClient = await provider.Client.find(clientId)
  const grantId = await grant.save()
  const token = new provider.AccessToken({ accountId: subject, client: ofClient, grantId, gty: 'jwt_bearer', scope })
  token.resourceServer = new provider.ResourceServer(audience, RESOURCE_SERVER)
  Object.assign(token, { jti: opaqueToken, format: 'opaque' })
  await token.save()
}
