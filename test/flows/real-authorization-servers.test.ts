import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import { decodeProtectedHeader } from 'jose'
import request from 'supertest'
import {
  createResourceServer,
  generateSigningKey,
  getAuth,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { APP_CLIENT, type AppConfig, type AppProcess, startAppOn, writeAppConfig } from '../support/app-process.js'
import { GRANT_TYPE } from '../support/exchange-host.js'
import { findFreePort } from '../support/free-port.js'
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
  const keys = [generateSigningKey(), generateSigningKey(), generateSigningKey()] as const
  let idp: FakeIdentityProvider
  let config: AppConfig
  let app: AppProcess
  let issuer: string
  beforeAll(async () => {
    const port = await findFreePort()
    issuer = `http://127.0.0.1:${port}/oauth2`
    idp = await FakeIdentityProvider.start({ alias: `${issuer}/token`, algorithm: 'ES256' })
    config = writeAppConfig(idp, '', '', issuer)
    config.writeSigningKeys([keys[0]])
    app = await startAppOn(config, [], { PORT: String(port) })
  })
  afterAll(async () => {
    await app.end()
    config.remove()
    await idp.close()
  })

  async function issueToken(): Promise<string> {
    const form = { grant_type: GRANT_TYPE, assertion: await idp.issueAssertion(), scope: 'orders:read' }
    const { clientId, clientSecret } = APP_CLIENT
    const issued = await request(app.url).post('/oauth2/token').auth(clientId, clientSecret).type('form').send(form)
    return issued.body.access_token
  }

  /** A token by the first of these signing keys, once the app has read them. */
  async function issueTokenBy(...signingKeys: { kid?: string }[]): Promise<string> {
    config.writeSigningKeys(signingKeys)
    app.child.kill('SIGHUP')
    for (;;) {
      const token = await issueToken()
      if (decodeProtectedHeader(token).kid === signingKeys[0]?.kid) return token
      await pause(50)
    }
  }

  it('are refused for another resource, and by a service that finds the metadata of another issuer', async () => {
    const token = await issueToken()
    expect((await createService({ issuer, audience: PERMISSIONS })('/orders', token)).status).toBe(401)
    const discovery = `${app.url}/.well-known/oauth-authorization-server/oauth2`
    const ofAnother = createResourceServer({ issuer: `${issuer}/`, audience: API, discovery })
    resourceServers.push(ofAnother)
    await expect(ofAnother.ready({ failFast: true })).rejects.toMatchObject({ reason: 'jwks_unavailable' })
  })

  it('are accepted by a service with no more than the issuer and the audience, while signing keys come and go', async () => {
    const send = createService({ issuer, audience: API })
    const ofFirst = await issueTokenBy(keys[0])
    const accepted = await send('/orders', ofFirst)
    expect(accepted).toMatchObject({ status: 200, body: { clientId: 'app', scopes: ['orders:read'], issuer } })
    const ofSecond = await issueTokenBy(keys[1], keys[0])
    for (const token of [ofSecond, ofFirst]) expect((await send('/orders', token)).status).toBe(200)
    const ofThird = await issueTokenBy(keys[2], keys[1])
    for (const token of [ofThird, ofSecond]) expect((await send('/orders', token)).status).toBe(200)
    expect((await send('/orders', ofFirst)).status).toBe(401) // Its key was withdrawn.
  })
})
