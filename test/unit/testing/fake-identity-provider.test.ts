import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose'
import { FakeIdentityProvider } from '../../../src/testing/index.js'

let idp: FakeIdentityProvider

beforeEach(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
})

afterEach(() => idp.close())

async function fetchKeySet(): Promise<JSONWebKeySet> {
  const response = await fetch(idp.jwksUri)
  return (await response.json()) as JSONWebKeySet
}

async function fetchKeyIds(): Promise<unknown[]> {
  return (await fetchKeySet()).keys.map((key) => key.kid)
}

describe('issueAssertion', () => {
  it('has the name as issuer and the alias as audience, and lives 300 seconds', async () => {
    const claims = decodeJwt(await idp.issueAssertion())
    const now = Date.now() / 1000
    expect(claims).toEqual({
      iss: idp.url,
      sub: 'alice',
      aud: 'https://api.example.com/oauth2/token',
      iat: expect.any(Number),
      exp: Number(claims.iat) + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(Math.abs(Number(claims.iat) - now)).toBeLessThan(5)
  })

  it('has a new jti each time', async () => {
    expect(decodeJwt(await idp.issueAssertion()).jti).not.toBe(decodeJwt(await idp.issueAssertion()).jti)
  })

  it('takes claims and header members in place of its own, and removes those that are undefined', async () => {
    const token = await idp.issueAssertion({ sub: 'bob', groups: ['a'], exp: undefined }, { typ: undefined, x: 1 })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({ sub: 'bob', groups: ['a'], iss: idp.name })
    expect(claims).not.toHaveProperty('exp')
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: idp.signingKey.kid, x: 1 })
  })

  it('names another algorithm than it signs by, if the header says so', async () => {
    const honest = await idp.issueAssertion()
    const forged = await idp.issueAssertion({}, { alg: 'RS256' })
    expect(decodeProtectedHeader(forged).alg).toBe('RS256')
    expect(forged.split('.')[2]).toHaveLength(String(honest.split('.')[2]).length)
  })

  it('uses the name and alias of the options', async () => {
    const options = { name: 'https://idp.example', alias: 'us', algorithm: 'EdDSA' } as const
    const named = await FakeIdentityProvider.start(options)
    const claims = decodeJwt(await named.issueAssertion())
    await named.close()
    expect(claims).toMatchObject({ iss: 'https://idp.example', aud: 'us' })
  })
})

describe('the key set', () => {
  it('has the new key and the previous one after a rotation, and no older', async () => {
    const first = idp.signingKey
    const old = await idp.issueAssertion()
    const second = await idp.rotate()
    expect(await fetchKeyIds()).toEqual([second.kid, first.kid])
    const keys = createRemoteJWKSet(new URL(idp.jwksUri))
    await jwtVerify(old, keys)
    await jwtVerify(await idp.issueAssertion(), keys)

    const third = await idp.rotate('EdDSA')
    expect(await fetchKeyIds()).toEqual([third.kid, second.kid])
    expect(idp.signingKey).toBe(third)
    expect([second.algorithm, third.algorithm]).toEqual(['ES256', 'EdDSA'])
  })

  it('has a withdrawn key no more, not even after a rotation', async () => {
    const first = idp.signingKey
    idp.withdraw(first.kid)
    expect(await fetchKeyIds()).toEqual([])
    const second = await idp.rotate()
    expect(await fetchKeyIds()).toEqual([second.kid])
  })

  it('is anything that was published, until undefined is', async () => {
    idp.publish([{ kty: 'oct' }, null, 'x'])
    expect(await fetchKeySet()).toEqual({ keys: [{ kty: 'oct' }, null, 'x'] })
    idp.publish(null)
    expect(await fetchKeySet()).toEqual({ keys: null })
    idp.publish(undefined)
    expect(await fetchKeyIds()).toEqual([idp.signingKey.kid])
  })

  it('has no key ids, and neither have assertions, with keyIds: false', async () => {
    const nameless = await FakeIdentityProvider.start({ algorithm: 'ES256', keyIds: false })
    const token = await nameless.issueAssertion()
    const set = (await (await fetch(nameless.jwksUri)).json()) as JSONWebKeySet
    nameless.withdraw(nameless.signingKey.kid)
    const empty = await (await fetch(nameless.jwksUri)).json()
    await nameless.close()
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT' })
    expect(set.keys[0]).not.toHaveProperty('kid')
    await jwtVerify(token, createLocalJWKSet(set))
    expect(empty).toEqual({ keys: [] })
  })

  it('is JSON, and each request for it counts', async () => {
    expect(idp.fetches).toBe(0)
    const response = await fetch(`${idp.jwksUri}?x=1`)
    await response.text()
    expect(response.headers.get('content-type')).toBe('application/json')
    await idp.fault('error')
    await (await fetch(idp.jwksUri)).text()
    await (await fetch(`${idp.url}/jwks/elsewhere`)).text()
    await (await fetch(`${idp.url}/assertion`)).text()
    expect(idp.fetches).toBe(2)
  })
})

describe('over HTTP', () => {
  it('an assertion is issued with the claims of the query', async () => {
    const response = await fetch(`${idp.url}/assertion?sub=bob&aud=other&tenant=t1`)
    expect(response.headers.get('content-type')).toBe('text/plain')
    const { payload } = await jwtVerify(await response.text(), createRemoteJWKSet(new URL(idp.jwksUri)))
    expect(payload).toMatchObject({ sub: 'bob', aud: 'other', tenant: 't1', iss: idp.name })
  })

  it('the key rotates', async () => {
    const before = idp.signingKey.kid
    const response = await fetch(`${idp.url}/rotate`, { method: 'POST' })
    expect(await response.json()).toEqual({ kid: idp.signingKey.kid })
    expect(idp.signingKey.kid).not.toBe(before)
  })

  it.each([
    ['GET', '/'],
    ['GET', '/rotate'],
    ['POST', '/jwks'],
    ['POST', '/fault/unheard-of'],
    ['POST', '/fault/toString'],
  ])('%s %s is not found', async (method, path) => {
    const response = await fetch(idp.url + path, { method })
    await response.text()
    expect(response.status).toBe(404)
  })
})
