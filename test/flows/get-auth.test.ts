import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { NextFunction, Request, Response } from 'express'
import { Passport } from 'passport'
import request from 'supertest'
import { getAuth } from '../../src/index.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
beforeAll(async () => {
  host = await startExchangeHost()
  const authenticator = new Passport()
  authenticator.use(host.exchange.accessTokenStrategy)
  authenticator.use(host.exchange.assertionStrategy)
  const withUser = (name: string) => authenticator.authenticate(name, { session: false })
  const sendAuth = (req: Request, res: Response) => void res.json(getAuth(req))
  const forge = (field: string) => (req: Request, _: Response, next: NextFunction) => {
    Object.assign(req, { [field]: { ...token, token: 'forged' } })
    next()
  }
  host.app.get('/protected', host.exchange.protect(), sendAuth)
  host.app.get('/nested', host.exchange.protect(), forge('user'), sendAuth)
  host.app.get('/passport', withUser('access-token'), sendAuth)
  host.app.get('/assertion', withUser('jwt-assertion'), sendAuth)
  host.app.get('/open', sendAuth)
  host.app.get('/auth-of-another', forge('auth'), sendAuth)
  host.app.get('/user-of-another', forge('user'), sendAuth)
  host.app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
    res.status(500).json({ message: error.message })
  })
})
afterAll(() => host.close())

const token = {
  sub: 'mallory',
  clientId: 'app',
  scopes: ['orders:read'],
  expiresAt: 4_000_000_000,
  issuer: 'https://api.example.com/oauth2',
  audience: ['https://api.example.com'],
  tokenId: 'x',
  payload: {},
}
const REFUSED =
  'getAuth: this request has no verified access token; put exchange.protect() or the access-token strategy before the handler'

async function ask(path: string, bearer?: string) {
  const asked = request(host.url).get(path)
  const { status, body } = await (bearer === undefined ? asked : asked.auth(bearer, { type: 'bearer' }))
  return [status, body]
}

describe('getAuth', () => {
  it.each(['/protected', '/nested', '/passport'])('gives the access token of a request to %s', async (path) => {
    const accessToken = await host.accessToken()
    expect(await ask(path, accessToken)).toEqual([200, expect.objectContaining({ sub: 'alice', clientId: 'app' })])
    // The second time, the token is known.
    expect(await ask(path, accessToken)).toEqual([200, expect.objectContaining({ sub: 'alice', clientId: 'app' })])
  })

  it.each(['/open', '/auth-of-another', '/user-of-another'])('throws at a request to %s', async (path) => {
    expect(await ask(path, await host.accessToken())).toEqual([500, { message: REFUSED }])
  })

  it('throws where the assertion itself was the bearer token', async () => {
    expect(await ask('/assertion', await host.idp.issueAssertion())).toEqual([500, { message: REFUSED }])
  })

  it.each([[undefined], [null], ['x'], [{}], [Object.create(null)]])('throws at %p', (req) => {
    expect(() => getAuth(req as object)).toThrow(REFUSED)
  })
})
