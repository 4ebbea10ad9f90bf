import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient, signClientAssertion } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE } from '../support/exchange-host.js'

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost()
})
afterAll(() => host.close())

describe('the assertion parameter', () => {
  it('RFC 7521 §4.1: a request without an assertion is invalid_request [rule 58]', async () => {
    const response = await host.post({ grant_type: GRANT_TYPE })
    expect(response.status).toBe(400)
    expect(response.body.error).toBe('invalid_request')
  })

  it('RFC 7521 §4.1: a request with two assertions is invalid_request, even if they are the same [rule 58]', async () => {
    const [first, second] = [await host.assertion(), await host.assertion()]
    for (const other of [first, second]) {
      const parameters = new URLSearchParams([
        ['grant_type', GRANT_TYPE],
        ['assertion', first],
        ['assertion', other],
      ])
      const response = await host.post({}).send(parameters.toString())
      expect(response.status).toBe(400)
      expect(response.body.error).toBe('invalid_request')
    }
    expect(await host.judge(first)).toEqual(ACCEPTED)
  })

  it('RFC 7521 §4.1: an assertion that is refused for its scope can be sent again [rule 61]', async () => {
    const assertion = await host.assertion()
    const refusal = await host.exchangeAssertion(assertion, { scope: 'unknown' })
    expect(refusal.body.error).toBe('invalid_scope')
    expect(await host.judge(assertion)).toEqual(ACCEPTED)
  })

  it('RFC 7521 §4.1: an assertion is accepted a second time only if the replay policy says so [rule 61]', async () => {
    const lenient = await startClockedHost({ exchange: { assertion: { replay: 'allow' } } })
    try {
      const [once, twice] = [await host.assertion(), await lenient.assertion()]
      expect(await host.judge(once)).toEqual(ACCEPTED)
      expect(await host.judge(once)).toEqual(refused('replayed'))
      for (const _ of ['first', 'second', 'third']) expect(await lenient.judge(twice)).toEqual(ACCEPTED)
      lenient.clock.advance(300 + 60)
      expect(await lenient.judge(twice)).toEqual(refused('expired'))
    } finally {
      await lenient.close()
    }
  })
})

describe('what is granted', () => {
  let bounded: ClockedHost
  beforeAll(async () => {
    bounded = await startClockedHost({ identityProvider: { scopes: ['orders:read', 'admin'] } })
  })
  afterAll(() => bounded.close())

  it.each([
    ['admin', 'which the client does not have'],
    ['openid', 'which the identity provider does not have'],
    ['admin openid', 'which one of them does not have each'],
  ])('RFC 7521 §4.1: the scope %s, %s, is not granted [rule 59]', async (scope) => {
    const response = await bounded.exchangeAssertion(await bounded.assertion(), { scope })
    expect(response.status).toBe(400)
    expect(response.body.error).toBe('invalid_scope')
  })

  it('RFC 7521 §4.1: a scope claim of the assertion adds nothing [rule 59]', async () => {
    const response = await bounded.exchangeAssertion(await bounded.assertion({ scope: 'admin', scp: ['admin'] }))
    expect(decodeJwt(response.body.access_token).scope).toBe('orders:read')
  })

  it.each([undefined, 'openid orders:read admin'])(
    'RFC 7521 §4.1: of the scope %s no more is granted than client and identity provider both have [rule 59]',
    async (scope) => {
      const response = await bounded.exchangeAssertion(await bounded.assertion(), scope === undefined ? {} : { scope })
      expect(response.status).toBe(200)
      expect(response.body.scope).toBe('orders:read')
      expect(decodeJwt(response.body.access_token).scope).toBe('orders:read')
    },
  )

  it('RFC 7521 §4.1: no refresh token comes with the access token [rule 60]', async () => {
    const response = await host.exchangeAssertion(await host.assertion(), { scope: 'openid' })
    expect(Object.keys(response.body)).toEqual(['access_token', 'token_type', 'expires_in', 'scope'])
  })

  it('RFC 7521 §4.1: the access token ends after its configured lifetime, however long the assertion is valid [rule 60]', async () => {
    const short = await startClockedHost({ exchange: { accessToken: { audience: AUDIENCE, lifetime: 60 } } })
    try {
      const response = await short.exchangeAssertion(await short.assertion({ exp: short.clock.now() + 86_400 }))
      const token: string = response.body.access_token
      expect(response.body.expires_in).toBe(60)
      short.clock.advance(59)
      expect((await short.exchange.verifyAccessToken(token)).sub).toBe('alice')
      short.clock.advance(1)
      await expect(short.exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'expired' })
    } finally {
      await short.close()
    }
  })
})

describe('every assertion', () => {
  it.each([
    ['iss', 'unknown_issuer'],
    ['sub', 'invalid_subject'],
    ['aud', 'invalid_audience'],
    ['exp', 'invalid_expiry'],
  ])('RFC 7521 §5.2: an assertion is refused without %s [rule 63]', async (claim, reason) => {
    expect(await host.judge(await host.assertion({ [claim]: undefined }))).toEqual(refused(reason))
  })

  it('RFC 7521 §5.2: an assertion is refused without a signature, or with one by a stranger [rule 63]', async () => {
    const [header, payload] = (await host.assertion()).split('.')
    const stranger = await generateFakeKey('ES256', host.idp.signingKey.kid)
    expect(await host.judge(`${header}.${payload}.`)).toEqual(refused('malformed_jwt'))
    expect(await host.judge(await signAssertion(stranger, host.header(), host.claims()))).toEqual(
      refused('bad_signature'),
    )
  })

  it('RFC 7521 §5.2: an assertion is refused without this server in its audience [rule 63]', async () => {
    expect(await host.judge(await host.assertion({ aud: 'https://other.example.com/token' }))).toEqual(
      refused('wrong_audience'),
    )
  })

  it('RFC 7521 §5.2: an assertion is accepted with issuer, subject, audience, expiry and signature, and no more [rule 63]', async () => {
    expect(await host.judge(await host.assertion({ iat: undefined, jti: undefined }))).toEqual(ACCEPTED)
  })
})

describe('the assertion of a client', () => {
  it('RFC 7521 §4.2: client_id is optional, and must be the client that the assertion names [rule 62]', async () => {
    const key = await generateFakeKey('ES256')
    const jwks = { keys: [key.publicJwk] }
    const clients = ['keyed', 'twin'].map((clientId) => ({ clientId, jwks, scopes: CLIENT.scopes }))
    const keyed = await startClockedHost({ exchange: { clients } })
    const present = async (form: Record<string, string>) => {
      const client_assertion = await signClientAssertion(keyed, key, 'keyed')
      return judgeClient(keyed, { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, ...form })
    }
    try {
      expect(await present({})).toEqual(ACCEPTED)
      expect(await present({ client_id: 'keyed' })).toEqual(ACCEPTED)
      expect(await present({ client_id: 'twin' })).toEqual(refusedClient('client_id_mismatch'))
    } finally {
      await keyed.close()
    }
  })
})
