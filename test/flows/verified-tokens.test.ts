import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost()
})
afterAll(() => host.close())

function get(path: string, token: string) {
  return request(host.url).get(path).auth(token, { type: 'bearer' })
}

/** From the third time on it is recognised. */
async function acceptTwice(token: string): Promise<void> {
  for (let count = 0; count < 2; count += 1) expect((await get('/orders', token)).status).toBe(200)
}

describe('an access token that was accepted before', () => {
  it('is accepted again, and each time there is an event', async () => {
    const token = await host.accessToken()
    const before = host.events.length
    for (let count = 0; count < 5; count += 1) expect((await get('/orders', token)).status).toBe(200)
    expect(host.events.slice(before).map(({ name }) => name)).toEqual(Array(5).fill('access.granted'))
  })

  it('is refused from the second on in which it expires', async () => {
    const token = await host.accessToken()
    await acceptTwice(token)
    host.clock.advance(3600)
    expect([(await get('/orders', token)).status, host.lastReason()]).toEqual([401, 'expired'])
    host.clock.advance(-1)
    expect((await get('/orders', token)).status).toBe(200)
  })

  it('opens no route that it did not open before', async () => {
    const token = await host.accessToken()
    await acceptTwice(token)
    expect((await get('/me', token)).status).toBe(200)
    expect((await get('/admin', token)).status).toBe(403)
    expect((await get('/orders', token)).status).toBe(200)
  })

  it('is not found under any text but its own', async () => {
    const token = await host.accessToken()
    await acceptTwice(token)
    const [header, payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const other = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url')
    for (const altered of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${token}A`,
    ]) {
      expect((await get('/orders', altered)).status).toBe(401)
    }
  })

  it('is not changed by what a host does with the object that it gets', async () => {
    const token = await host.accessToken()
    await acceptTwice(token)
    const first = await host.exchange.verifyAccessToken(token)
    Object.assign(first, { sub: 'mallory', scopes: ['admin'] })
    for (const shared of [first.payload, first.audience]) expect(Object.isFrozen(shared)).toBe(true)
    expect(await host.exchange.verifyAccessToken(token)).toMatchObject({ sub: 'alice', scopes: CLIENT.scopes })
  })

  it('is not accepted by another exchange, which has not accepted it', async () => {
    const token = await host.accessToken()
    await acceptTwice(token)
    const other = createJwtExchange({
      issuer: ISSUER,
      identityProviders: [{ name: host.idp.name, allowedSubjects: 'any', jwksUri: host.idp.jwksUri }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    })
    await expect(other.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'unknown_key' })
    other.close()
  })
})

describe('a token that was refused', () => {
  it('is refused again, for the same reason', async () => {
    const token = await host.accessToken()
    const forged = `${token.slice(0, -4)}AAAA`
    for (let count = 0; count < 3; count += 1) {
      expect([(await get('/orders', forged)).status, host.lastReason()]).toEqual([401, 'bad_signature'])
    }
    expect((await get('/orders', token)).status).toBe(200)
  })
})

describe('without a cache', () => {
  it('a token is accepted and refused just so', async () => {
    const signingKeys = [generateSigningKey()]
    const uncached = await startClockedHost({
      exchange: { accessToken: { audience: AUDIENCE, signingKeys, cacheSizeBytes: 0 } },
    })
    try {
      const token = await uncached.accessToken()
      for (let count = 0; count < 2; count += 1)
        expect((await uncached.exchange.verifyAccessToken(token)).sub).toBe('alice')
      uncached.clock.advance(3600)
      await expect(uncached.exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'expired' })
    } finally {
      await uncached.close()
    }
  })
})
