import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'
const DOMAIN = 'spiffe://example.org'
const OTHER_DOMAIN = 'spiffe://other.example'
const ID = `${DOMAIN}/ns/shop/sa/orders`
const OTHER_ID = `${OTHER_DOMAIN}/ns/shop/sa/orders`

type Members = Readonly<Record<string, unknown>>

let key: FakeKey
let otherKey: FakeKey
let host: ClockedHost

/** A member of a SPIFFE bundle: it has no `alg`. */
function bundleOf({ publicJwk: { alg: _, ...jwk } }: FakeKey) {
  return { keys: [{ ...jwk, use: 'jwt-svid' }] }
}

beforeAll(async () => {
  ;[key, otherKey] = await Promise.all([generateFakeKey('ES256', 'k'), generateFakeKey('ES256', 'k')])
  const domain = (name: string, jwks: ReturnType<typeof bundleOf>) => ({
    ...{ name, jwks, keyUses: ['jwt-svid' as const], allowedSubjects: 'any' as const },
  })
  const client = (clientId: string, identityProvider: string, subject: string) => ({
    ...{ clientId, assertedBy: { identityProvider, subject }, scopes: CLIENT.scopes },
  })
  host = await startClockedHost({
    furtherIdentityProviders: [domain(DOMAIN, bundleOf(key)), domain(OTHER_DOMAIN, bundleOf(otherKey))],
    exchange: {
      subject: 'namespaced',
      clients: [
        CLIENT,
        client('orders', DOMAIN, ID),
        client('confused', DOMAIN, OTHER_ID),
        client('other', OTHER_DOMAIN, OTHER_ID),
      ],
    },
  })
})
afterAll(() => host.close())

function svid(claims: Members = {}, header: Members = {}, by = key): Promise<string> {
  const now = Math.floor(host.clock.now())
  const good = { sub: ID, aud: [ISSUER], iat: now, exp: now + 300 }
  return signAssertion(by, { alg: by.algorithm, kid: by.kid, ...header }, { ...good, ...claims })
}

const present = (assertion: string, form: Record<string, string> = {}) =>
  judgeClient(host, { client_assertion: assertion, client_assertion_type: JWT_SPIFFE, ...form })
const rejected = (reason: string) => refusedClient(`wrong_client_assertion: ${reason}`)

describe('a client with a SPIFFE ID', () => {
  it('SPIFFE §3.1: a JWT-SVID authenticates the client that its sub is registered for, with or without client_id [rule 251]', async () => {
    expect(await present(await svid())).toEqual(ACCEPTED)
    expect(await present(await svid(), { client_id: 'orders' })).toEqual(ACCEPTED)
  })

  it.each(['sub', 'aud', 'exp'])('SPIFFE §3.1: one without %s is refused [rule 251]', async (claim) => {
    expect(await present(await svid({ [claim]: undefined }), { client_id: 'orders' })).toMatchObject({ status: 401 })
  })

  it.each<[string, unknown, string]>([
    ['the token endpoint', TOKEN_ENDPOINT, 'wrong_audience'],
    ['our issuer and another', [ISSUER, 'https://other.example.com'], 'several_audiences'],
  ])('SPIFFE §3.1: one whose aud is %s is refused [rule 251]', async (_, aud, reason) => {
    expect(await present(await svid({ aud }))).toEqual(rejected(reason))
  })

  it('SPIFFE §3.1: iss and jti are optional, and any iss says nothing [rule 251] [rule 253]', async () => {
    for (const iss of [undefined, DOMAIN, OTHER_DOMAIN, 'https://oidc.example.org', 7]) {
      expect(await present(await svid({ iss, jti: 'x' }))).toEqual(ACCEPTED)
    }
  })

  it('SPIFFE §3.1: one may come again until it expires [rule 252]', async () => {
    const same = await svid()
    expect(await present(same)).toEqual(ACCEPTED)
    expect(await present(same)).toEqual(ACCEPTED)
    expect(await present(await svid({ exp: Math.floor(host.clock.now()) - 60 }))).toEqual(rejected('expired'))
  })

  it('SPIFFE §3.1: a sub that no client has, or not this one, is refused [rule 252]', async () => {
    const other = await svid({ sub: `${ID}/x` })
    expect(await present(other)).toEqual(refusedClient('unknown_client'))
    expect(await present(other, { client_id: 'orders' })).toEqual(rejected('subject_not_allowed'))
    expect(await present(await svid(), { client_id: 'other' })).toEqual(rejected('subject_not_allowed'))
  })

  it.each([
    DOMAIN,
    `${DOMAIN}/`,
    `${DOMAIN}/a//b`,
    `${DOMAIN}/../a`,
    'SPIFFE://example.org/a',
    'https://example.org/a',
  ])('SPIFFE ID §2: %s is no ID of a workload [rule 251]', async (sub) =>
    expect(await present(await svid({ sub }))).toEqual(refusedClient('unknown_client')),
  )

  it('SPIFFE §5: keys come from the trust domain of sub, never of iss, nor of another domain [rule 253]', async () => {
    expect(await present(await svid({ sub: OTHER_ID, iss: DOMAIN }))).toEqual(rejected('bad_signature'))
    expect(await present(await svid({ iss: OTHER_DOMAIN }, {}, otherKey))).toEqual(rejected('bad_signature'))
    expect(await present(await svid({ sub: OTHER_ID }, {}, otherKey))).toEqual(ACCEPTED)
    // A client whose domain and ID do not belong together never authenticates.
    const confused = await svid({ sub: OTHER_ID })
    expect(await present(confused, { client_id: 'confused' })).toEqual(rejected('wrong_issuer'))
  })

  it.each(['none', 'HS256'])('JWT-SVID §2.1: one with the alg %s is refused [rule 253]', async (alg) => {
    expect(await present(await svid({}, { alg }), { client_id: 'orders' })).toEqual(rejected('algorithm_not_allowed'))
  })

  it('JWT-SVID §2.2: typ is absent, JWT or JOSE [rule 251]', async () => {
    for (const typ of [undefined, 'JWT', 'JOSE']) expect(await present(await svid({}, { typ }))).toEqual(ACCEPTED)
    expect(await present(await svid({}, { typ: 'at+jwt' }))).toEqual(rejected('type_not_allowed'))
  })

  it('RFC 7521 §4.2: it is refused as an assertion of another type, and by a client of another method [rule 251]', async () => {
    const form = { client_assertion: await svid({ iss: DOMAIN }), client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toMatchObject({ status: 401 })
    expect(await present(await svid(), { client_id: CLIENT.clientId })).toEqual(
      refusedClient('wrong_client_auth_method'),
    )
  })

  it('RFC 8414 §2: the metadata have the method where a trust domain is registered [rule 95]', async () => {
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body.token_endpoint_auth_methods_supported).toContain('spiffe_jwt')
  })
})
