import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient, signClientAssertion } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { signingInputOf, withSignature } from '../support/compact-jws.js'
import { CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const MALLORY = 'mallory'
let key: FakeKey
let otherKey: FakeKey
let host: ClockedHost

beforeAll(async () => {
  ;[key, otherKey] = await Promise.all([generateFakeKey('ES256', 'k1'), generateFakeKey('ES256', 'k1')])
  const bounds = { scopes: CLIENT.scopes }
  host = await startClockedHost({
    exchange: {
      clients: [
        CLIENT,
        { clientId: 'keyed', jwks: { keys: [key.publicJwk] }, ...bounds },
        { clientId: MALLORY, jwks: { keys: [otherKey.publicJwk] }, ...bounds },
      ],
      clientAuthentication: { maxFailures: 1000 },
    },
  })
})
afterAll(() => host.close())

/** Of the client `keyed`, unless the claims say otherwise. */
async function judge(
  claims: Readonly<Record<string, unknown>> = {},
  { header = {}, form = {}, by = key }: { header?: object; form?: Record<string, string>; by?: FakeKey } = {},
) {
  const assertion = await signClientAssertion(host, by, 'keyed', claims, { ...header })
  return judgeClient(host, { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, ...form })
}
/** By the public key as a secret. */
const withMac = (input: string) =>
  withSignature(input, createHmac('sha256', JSON.stringify(key.publicJwk)).update(input).digest())
const rejected = (reason: string) => refusedClient(`wrong_client_assertion: ${reason}`)

describe('a client with a key', () => {
  it('authenticates by an assertion that it signs, with or without client_id in the form', async () => {
    expect(await judge()).toEqual(ACCEPTED)
    expect(await judge({}, { form: { client_id: 'keyed' } })).toEqual(ACCEPTED)
  })

  it('obtains a token of its own, and the event names it', async () => {
    await judge()
    expect(host.events.findLast(({ name }) => name === 'token.issued')).toMatchObject({ clientId: 'keyed' })
  })

  it.each([
    ['another key under the same kid', { by: () => otherKey, reason: 'bad_signature' }],
    ['a kid that it does not have', { header: { kid: 'k2' }, reason: 'unknown_key' }],
  ])(
    'is refused with %s',
    async (_, { by, header = {}, reason }: { by?: () => FakeKey; header?: object; reason: string }) => {
      expect(await judge({}, { header, by: by?.() ?? key })).toEqual(rejected(reason))
    },
  )

  it('is refused by a secret, also by no secret in particular', async () => {
    for (const client_secret of ['undefined', key.publicJwk.x ?? '', CLIENT.clientSecret]) {
      const verdict = await judgeClient(host, { client_id: 'keyed', client_secret })
      expect(verdict).toEqual(refusedClient('wrong_client_auth_method'))
    }
  })
})

describe('an assertion for another client', () => {
  it('is refused even if it is good: for one with a secret, for an unknown one, and for one with another key', async () => {
    const secret = { iss: CLIENT.clientId, sub: CLIENT.clientId }
    expect(await judge(secret)).toEqual(refusedClient('wrong_client_auth_method'))
    expect(await judge({ iss: 'nobody', sub: 'nobody' })).toEqual(refusedClient('unknown_client'))
    expect(await judge({ iss: MALLORY, sub: MALLORY })).toEqual(rejected('bad_signature'))
  })

  it('is refused by the id in the form, even if the id in the assertion would do', async () => {
    expect(await judge({}, { form: { client_id: MALLORY } })).toEqual(refusedClient('client_id_mismatch'))
    expect(await judge({}, { form: { client_id: 'nobody' } })).toEqual(refusedClient('unknown_client'))
    expect(await judge({}, { form: { client_id: CLIENT.clientId } })).toEqual(refusedClient('wrong_client_auth_method'))
  })

  it('is refused where only one of iss and sub is the client', async () => {
    expect(await judge({ iss: MALLORY })).toEqual(rejected('wrong_issuer'))
    expect(await judge({ sub: MALLORY })).toEqual(rejected('bad_signature'))
    expect(await judge({ sub: MALLORY }, { form: { client_id: 'keyed' } })).toEqual(refusedClient('client_id_mismatch'))
  })
})

describe('the claims of a client assertion', () => {
  const now = () => Math.floor(host.clock.now())

  it.each<[string, () => Record<string, unknown>, string]>([
    ['iss missing', () => ({ iss: undefined }), 'wrong_issuer'],
    ['iss in an array', () => ({ iss: ['keyed'] }), 'wrong_issuer'],
    ['sub missing', () => ({ sub: undefined }), 'invalid_subject'],
    ['sub in an array', () => ({ sub: ['keyed'] }), 'invalid_subject'],
    ['aud missing', () => ({ aud: undefined }), 'invalid_audience'],
    ['aud an empty array', () => ({ aud: [] }), 'invalid_audience'],
    ['another aud', () => ({ aud: 'https://other.example.com' }), 'wrong_audience'],
    ['the issuer with a slash as aud', () => ({ aud: `${ISSUER}/` }), 'wrong_audience'],
    ['the token endpoint as aud', () => ({ aud: TOKEN_ENDPOINT }), 'wrong_audience'],
    ['two values in aud', () => ({ aud: [ISSUER, 'https://other.example.com'] }), 'several_audiences'],
    ['our issuer twice in aud', () => ({ aud: [ISSUER, ISSUER] }), 'several_audiences'],
    ['issuer and token endpoint in aud', () => ({ aud: [ISSUER, TOKEN_ENDPOINT] }), 'several_audiences'],
    ['exp missing', () => ({ exp: undefined }), 'invalid_expiry'],
    ['exp in a string', () => ({ exp: String(now() + 60) }), 'invalid_expiry'],
    ['exp passed', () => ({ exp: now() - 60 }), 'expired'],
    ['exp too far ahead', () => ({ exp: now() + 3661 }), 'lifetime_too_long'],
    ['nbf ahead', () => ({ nbf: now() + 61 }), 'not_yet_valid'],
    ['iat ahead', () => ({ iat: now() + 61 }), 'issued_in_future'],
    ['iat too long ago', () => ({ iat: now() - 3661 }), 'too_old'],
    ['jti empty', () => ({ jti: '' }), 'invalid_jwt_id'],
    ['jti a number', () => ({ jti: 1 }), 'invalid_jwt_id'],
    ['cnf', () => ({ cnf: { jkt: 'x' } }), 'unconfirmed_key'],
    ['act', () => ({ act: { sub: 'x' } }), 'unsupported_delegation'],
    ['the marks of an ID token', () => ({ nonce: 'n', at_hash: 'h' }), 'wrong_token_kind'],
    ['the marks of a DPoP proof', () => ({ htm: 'POST', htu: TOKEN_ENDPOINT }), 'wrong_token_kind'],
  ])('are refused with %s', async (_, claims, reason) => {
    expect(await judge(claims())).toEqual(rejected(reason))
  })

  it('are accepted at the bounds: an aud of one member, clocks that differ by a minute, an hour to live', async () => {
    expect(await judge({ aud: [ISSUER] })).toEqual(ACCEPTED)
    expect(await judge({ exp: now() - 59 })).toEqual(ACCEPTED)
    expect(await judge({ exp: now() + 3660, nbf: now() + 60, iat: now() + 60 })).toEqual(ACCEPTED)
    expect(await judge({ iat: undefined, nbf: undefined, jti: undefined, more: true })).toEqual(ACCEPTED)
  })
})

describe('the header of a client assertion', () => {
  it.each([undefined, 'JWT', 'jwt', 'client-authentication+jwt', 'Client-Authentication+JWT', 'application/JWT'])(
    'may have the typ %s',
    async (typ) => expect(await judge({}, { header: { typ } })).toEqual(ACCEPTED),
  )

  it.each(['at+jwt', 'dpop+jwt', 'oauth-id-jag+jwt', 'logout+jwt', 'id_token', ''])(
    'is refused with the typ %j',
    async (typ) => expect(await judge({}, { header: { typ } })).toEqual(rejected('type_not_allowed')),
  )

  it.each(['none', 'None', 'HS256', 'RS1', 'es256', ''])('is refused with the alg %j', async (alg) => {
    const now = Math.floor(host.clock.now())
    const claims = { iss: 'keyed', sub: 'keyed', aud: ISSUER, exp: now + 60 }
    const input = signingInputOf({ alg, kid: 'k1' }, claims)
    const forged = alg === 'HS256' ? withMac(input) : `${input}.${'A'.repeat(86)}`
    const form = { client_assertion: forged, client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toEqual(rejected('algorithm_not_allowed'))
  })

  it('is refused with an algorithm that does not fit the key', async () => {
    expect(await judge({}, { header: { alg: 'ES384' } })).toEqual(rejected('unknown_key'))
  })
})

describe('a client assertion in a request', () => {
  it.each([
    ['no client_assertion_type', undefined],
    ['a wrong one', 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'],
    ['one in upper case', CLIENT_ASSERTION_TYPE.toUpperCase()],
    ['an empty one', ''],
  ])('is refused with %s', async (_, type) => {
    const assertion = await signClientAssertion(host, key, 'keyed')
    const form = { client_assertion: assertion, ...(type !== undefined && { client_assertion_type: type }) }
    expect(await judgeClient(host, form)).toEqual(refusedClient('unsupported_client_assertion_type'))
  })

  it('is missed where only its type is there', async () => {
    const form = { client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toEqual(refusedClient('unsupported_client_assertion_type'))
  })

  it.each(['x', 'a.b.c', '..', '{}'])('is refused if it is no JWT: %s', async (client_assertion) => {
    const form = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toEqual(rejected('malformed_jwt'))
  })

  it('is refused if it is too long', async () => {
    expect(await judge({ padding: 'x'.repeat(6000) })).toEqual(rejected('too_large'))
  })

  it('is refused twice, beside a secret, and beside Basic', async () => {
    const type = { client_assertion_type: CLIENT_ASSERTION_TYPE }
    const assertion = await signClientAssertion(host, key, 'keyed')
    const other = await signClientAssertion(host, key, 'keyed')
    const basic = { Authorization: `Basic ${Buffer.from(`app:${CLIENT.clientSecret}`).toString('base64')}` }
    const invalid = { status: 400, error: 'invalid_request', reason: 'invalid_request' }
    expect(await judgeClient(host, { client_assertion: [assertion, other], ...type })).toEqual(invalid)
    expect(await judgeClient(host, { client_assertion: assertion, ...type }, basic)).toEqual(invalid)
    const secret = { client_id: 'app', client_secret: CLIENT.clientSecret }
    expect(await judgeClient(host, { client_assertion: assertion, ...type, ...secret })).toEqual(invalid)
    // None of these has used it up.
    expect(await judgeClient(host, { client_assertion: assertion, ...type })).toEqual(ACCEPTED)
  })

  it('is accepted once, even if the client signs the same jti again', async () => {
    const assertion = await signClientAssertion(host, key, 'keyed', { jti: 'once' })
    const form = { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toEqual(ACCEPTED)
    expect(await judgeClient(host, form)).toEqual(rejected('replayed'))
    expect(await judge({ jti: 'once' })).toEqual(rejected('replayed'))
  })

  it('is accepted once without a jti, and does not use up a jti of another client or of a grant assertion', async () => {
    const assertion = await signClientAssertion(host, key, 'keyed', { jti: undefined })
    const form = { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE }
    expect(await judgeClient(host, form)).toEqual(ACCEPTED)
    expect(await judgeClient(host, form)).toEqual(rejected('replayed'))
    const grant = await host.assertion({ jti: 'shared' })
    expect(await judge({ jti: 'shared' }, { form: { assertion: grant } })).toEqual(ACCEPTED)
    expect(await judge({ iss: MALLORY, sub: MALLORY, jti: 'shared' }, { by: otherKey })).toEqual(ACCEPTED)
  })

  it('is not used up by a refusal, and leaves the grant assertion unused', async () => {
    const assertion = await host.assertion()
    expect(await judge({ jti: 'kept', aud: 'x' }, { form: { assertion } })).toEqual(rejected('wrong_audience'))
    expect(await judge({ jti: 'kept' }, { form: { assertion } })).toEqual(ACCEPTED)
  })
})

describe('tokens in the place of others', () => {
  it('are refused: an access token of ours and a grant assertion as client assertion', async () => {
    const type = { client_assertion_type: CLIENT_ASSERTION_TYPE }
    const accessToken = (
      await host.post({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await host.assertion() })
    ).body.access_token
    expect(await judgeClient(host, { client_assertion: accessToken, ...type })).toEqual(refusedClient('unknown_client'))
    const grant = await host.assertion({ sub: 'keyed', aud: ISSUER })
    expect(await judgeClient(host, { client_assertion: grant, ...type })).toEqual(rejected('unknown_key'))
  })

  it('are refused: a client assertion as grant assertion', async () => {
    const assertion = await signClientAssertion(host, key, 'keyed')
    const basic = { Authorization: `Basic ${Buffer.from(`app:${CLIENT.clientSecret}`).toString('base64')}` }
    const verdict = await judgeClient(host, { assertion }, basic)
    expect(verdict).toEqual({ status: 400, error: 'invalid_grant', reason: 'unknown_issuer' })
  })
})

describe('the metadata', () => {
  it('have private_key_jwt and its algorithms where a client has a key', async () => {
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body.token_endpoint_auth_methods_supported).toEqual([
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ])
    expect(body.token_endpoint_auth_signing_alg_values_supported).toContain('ES256')
    expect(JSON.stringify(body.token_endpoint_auth_signing_alg_values_supported)).not.toMatch(/none|HS/)
  })
})
