import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import express, { type RequestHandler } from 'express'
import request from 'supertest'
import {
  CLIENT,
  type ExchangeHost,
  type ExchangeHostOptions,
  GRANT_TYPE,
  startExchangeHost,
} from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

const start = async (options: ExchangeHostOptions = {}) => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options })
}
/** The host's exchange in another app, at another path. */
const mountedAt = (path: string) => express().use(path, host.exchange.router as unknown as RequestHandler)
const exchangeAt = async (app: Parameters<typeof request>[0], path: string) => {
  const form = { grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() }
  return request(app).post(path).auth(CLIENT.clientId, CLIENT.clientSecret).type('form').send(form)
}
const warnings = () => host.events.filter(({ name }) => name === 'token_endpoint.mismatch')

describe('a router that is mounted elsewhere than tokenEndpoint says', () => {
  it('is reported once, at its first token request, and serves all the same', async () => {
    await start()
    const app = mountedAt('/auth')
    expect((await exchangeAt(app, '/auth/token?trace=secret')).status).toBe(200)
    expect((await exchangeAt(app, '/auth/token')).status).toBe(200)
    const message =
      'A token request arrived at /auth/token, but the metadata say https://api.example.com/oauth2/token: mount the router there or set tokenEndpoint, unless a proxy rewrites paths'
    expect(warnings()).toEqual([{ name: 'token_endpoint.mismatch', message }])
  })

  it('is not reported if that is where mtlsTokenEndpoint says, and otherwise with both', async () => {
    const certified = { exchange: { mtlsTokenEndpoint: 'https://mtls.example.com/certified/token' } }
    await start(certified)
    expect((await exchangeAt(mountedAt('/certified'), '/certified/token')).status).toBe(200)
    expect(warnings()).toEqual([])
    await host.close()
    await start(certified)
    await exchangeAt(mountedAt('/auth'), '/auth/token')
    expect(warnings()[0]?.message).toContain(
      'the metadata say https://api.example.com/oauth2/token and https://mtls.example.com/certified/token:',
    )
  })

  it('is reported for a request that is refused, too', async () => {
    await start()
    expect((await request(mountedAt('/')).get('/token')).status).toBe(405)
    expect(warnings()).toHaveLength(1)
  })

  it('is reported in printable text, even if a caller chose the path', async () => {
    await start()
    await exchangeAt(mountedAt('/:tenant'), `/${'%1B'.repeat(5)}${'x'.repeat(5000)}/token`)
    expect(warnings()[0]?.message).toMatch(/^A token request arrived at \/\(withheld\)\/token, [\x20-\x7E]{1,200}$/)
  })

  it('is not reported for its key set', async () => {
    await start()
    expect((await request(mountedAt('/auth')).get('/auth/jwks')).status).toBe(200)
    expect(warnings()).toEqual([])
  })
})

describe('a router that is mounted where tokenEndpoint says', () => {
  it.each(['/oauth2/token', '/oauth2/token/', '/OAuth2/Token', '/oauth2/token?a=/b'])(
    'is not reported for a request to %s',
    async (path) => {
      await start()
      expect((await exchangeAt(host.app, path)).status).toBe(200)
      expect(warnings()).toEqual([])
    },
  )

  it('is not reported at a second path either', async () => {
    await start()
    await exchangeAt(host.app, '/oauth2/token')
    expect((await exchangeAt(mountedAt('/v1/oauth2'), '/v1/oauth2/token')).status).toBe(200)
    expect(warnings()).toEqual([])
  })

  it('is not reported on node:http', async () => {
    await start({
      exchange: { tokenEndpoint: 'https://api.example.com/token' },
      idp: { alias: 'https://api.example.com/token' },
    })
    const { router } = host.exchange
    const server = createServer((req, res) => router(req, res, () => res.writeHead(404).end())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect((await exchangeAt(url, '/token')).status).toBe(200)
    server.close()
    expect(warnings()).toEqual([])
  })
})
