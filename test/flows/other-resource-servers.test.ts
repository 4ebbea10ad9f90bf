import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express, { type Request } from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { AUDIENCE, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'

let host: ExchangeHost
let accessToken: string
beforeAll(async () => {
  host = await startExchangeHost()
  accessToken = await host.accessToken({ sub: 'alice' })
})
afterAll(() => host.close())

describe('an access token of the exchange', () => {
  let server: Server
  const get = (path: string, token: string) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
    return sendRequest(url, { method: 'GET', headers: { authorization: `Bearer ${token}` } })
  }
  beforeAll(async () => {
    const app = express()
    // Its own middleware are Express 4's by type.
    const use = (path: string, ...handlers: unknown[]) => Reflect.apply(app.get, app, [path, ...handlers])
    const keys = { issuer: ISSUER, jwksUri: `${host.url}/oauth2/jwks` }
    const strict = auth({ ...keys, audience: AUDIENCE, strict: true })
    const answer = (req: Request, res: { json(body: unknown): void }) => res.json(req.auth)
    use('/orders', strict, requiredScopes('orders:read'), answer)
    use('/admin', strict, requiredScopes('admin'), answer)
    use('/other', auth({ ...keys, audience: 'https://other.example.com', strict: true }), answer)
    app.use((error: { status?: number }, _req: unknown, res: express.Response, _next: unknown) => {
      res.status(error.status ?? 500).end()
    })
    await new Promise<void>((resolve) => {
      server = app.listen(0, '127.0.0.1', () => resolve())
    })
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('is refused by express-oauth2-jwt-bearer of another audience, without the scope, or altered', async () => {
    expect((await get('/other', accessToken)).status).toBe(401)
    expect((await get('/admin', accessToken)).status).toBe(403)
    expect((await get('/orders', `${accessToken.slice(0, -20)}${'A'.repeat(20)}`)).status).toBe(401)
  })

  it('is accepted by express-oauth2-jwt-bearer in its strict mode', async () => {
    const { status, body } = await get('/orders', accessToken)
    expect(status).toBe(200)
    expect(JSON.parse(body).payload).toMatchObject({ sub: 'alice', iss: ISSUER, aud: AUDIENCE, client_id: 'app' })
  })

  it('is accepted by jose with the published key set', async () => {
    const keySet = createRemoteJWKSet(new URL(`${host.url}/oauth2/jwks`))
    const expected = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] }
    const { payload } = await jwtVerify(accessToken, keySet, expected)
    expect(payload).toMatchObject({ sub: 'alice', client_id: 'app', scope: expect.stringContaining('orders:read') })
    await expect(
      jwtVerify(accessToken, keySet, { ...expected, audience: 'https://other.example.com' }),
    ).rejects.toThrow()
  })
})
