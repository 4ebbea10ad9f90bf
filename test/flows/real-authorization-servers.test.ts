import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { createResourceServer, getAuth, type ResourceServer, type ResourceServerOptions } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { APP_CLIENT, APP_TOKEN_ENDPOINT, type AppProcess, startAppOn, writeAppConfig } from '../support/app-process.js'
import { GRANT_TYPE } from '../support/exchange-host.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'

const API = 'https://api.example.com'
const PERMISSIONS = 'https://permissions.example.com'

const resourceServers: ResourceServer[] = []
afterAll(() => {
  for (const resourceServer of resourceServers) resourceServer.close()
})

/** Sends a token to a route of a service that trusts these issuers. */
function createService(options: ResourceServerOptions) {
  const resourceServer = createResourceServer(options)
  resourceServers.push(resourceServer)
  const app = express()
  app.get('/orders', resourceServer.protect({ scope: 'orders:read' }), (req, res) => void res.json(getAuth(req)))
  app.get('/admin', resourceServer.protect({ scope: 'orders:write' }), (req, res) => void res.json(getAuth(req)))
  return async (path: string, token: string) => {
    const { status, body } = await request(app).get(path).auth(token, { type: 'bearer' })
    return { status, body }
  }
}

describe('access tokens of oidc-provider', () => {
  let oidcProvider: OidcProvider
  beforeAll(async () => {
    oidcProvider = await startOidcProvider()
  })
  afterAll(() => oidcProvider.end())

  it('are refused for another resource, without the scope, or of a type that was not named', async () => {
    const send = createService({ issuer: oidcProvider.issuer, audience: API })
    const sendToRfc9068 = createService({ issuer: oidcProvider.issuer, audience: PERMISSIONS, types: ['at+jwt'] })
    const ofPermissions = await oidcProvider.accessToken(PERMISSIONS, 'orders:read')
    expect((await send('/orders', ofPermissions)).status).toBe(401)
    expect((await sendToRfc9068('/orders', ofPermissions)).status).toBe(401)
    expect((await send('/admin', await oidcProvider.accessToken(API, 'orders:read'))).status).toBe(403)
  })

  it('are accepted as RFC 9068 says, with keys that are found by discovery', async () => {
    const send = createService({ issuer: oidcProvider.issuer, audience: API })
    const { status, body } = await send('/orders', await oidcProvider.accessToken(API, 'orders:read'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ sub: 'app', clientId: 'app', scopes: ['orders:read'], audience: [API] })
    expect(body.issuer).toBe(oidcProvider.issuer)
  })

  it('are accepted in the form of Auth0, if their type and their claim of scopes are named', async () => {
    const named = { types: ['JWT'], scopeClaims: ['permissions'] }
    const send = createService({ issuer: oidcProvider.issuer, audience: PERMISSIONS, ...named })
    const { status, body } = await send('/admin', await oidcProvider.accessToken(PERMISSIONS, 'orders:write'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ sub: 'app', clientId: 'app', scopes: ['orders:write'] })
    expect(body.payload).not.toHaveProperty('jti')
  })
})

describe('access tokens of an exchange in another process', () => {
  let idp: FakeIdentityProvider
  let app: AppProcess
  let removeConfig: () => void
  beforeAll(async () => {
    idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    const config = writeAppConfig(idp)
    removeConfig = config.remove
    app = await startAppOn(config)
  })
  afterAll(async () => {
    await app.end()
    removeConfig()
    await idp.close()
  })

  it('are accepted by a service with no more than the issuer, the audience and the key set', async () => {
    const form = { grant_type: GRANT_TYPE, assertion: await idp.issueAssertion(), scope: 'orders:read' }
    const { clientId, clientSecret } = APP_CLIENT
    const issued = await request(app.url).post('/oauth2/token').auth(clientId, clientSecret).type('form').send(form)
    const jwksUri = `${app.url}/oauth2/jwks`
    const send = createService({ issuer: 'https://api.example.com/oauth2', audience: API, jwksUri })
    const accepted = await send('/orders', issued.body.access_token)
    expect(accepted).toMatchObject({ status: 200, body: { clientId, scopes: ['orders:read'] } })
    const sendElsewhere = createService({ issuer: 'https://api.example.com/oauth2', audience: PERMISSIONS, jwksUri })
    expect((await sendElsewhere('/orders', issued.body.access_token)).status).toBe(401)
  })
})
