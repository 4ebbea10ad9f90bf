// oidc-provider as an authorization server with one client, whose id and secret are the arguments. Sends its issuer.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { generateFakeKey } from 'express-jwt-exchange/testing'
import Provider from 'oidc-provider'

const [client_id, client_secret] = process.argv.slice(2)

/** Its access tokens for the resource with permissions are as Auth0 issues them, and all others as RFC 9068 says. */
function customise(token) {
  const { client_id: azp, scope, aud, iss, ...payload } = token.payload
  if (!aud.startsWith('https://permissions.')) return
  const permissions = scope.split(' ')
  token.header = { typ: 'JWT' }
  token.payload = { ...payload, iss, azp, permissions, aud: [aud, `${iss}/userinfo`], gty: 'client-credentials' }
  delete token.payload.jti
}

async function configure() {
  const { privateJwk } = await generateFakeKey('ES256')
  const jwt = { sign: { alg: 'ES256' } }
  return {
    clients: [
      {
        client_id,
        client_secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [privateJwk] },
    scopes: ['orders:read', 'orders:write'],
    cookies: { keys: ['not used'] },
    formats: { customizers: { jwt: (_ctx, _token, structured) => customise(structured) } },
    ttl: { ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, audience) => ({
          audience,
          scope: 'orders:read orders:write',
          accessTokenFormat: 'jwt',
          jwt,
        }),
      },
    },
  }
}

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`
server.on('request', new Provider(issuer, await configure()).callback())
process.send(issuer)
