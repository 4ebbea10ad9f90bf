import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import request from 'supertest'
import { ConfigError, createJwtExchange, generateSigningKey } from '../../src/index.js'
import { FakeIdentityProvider, type FakeKey, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const otherKey = generateSigningKey()

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    exchange: { clients: [CLIENT, { clientId: 'service', clientSecret: 'secret-of-the-service' }] },
  })
})
afterAll(() => host.close())

describe('an access token', () => {
  it('RFC 9700 §2.3: an access token is for the configured audience, even if the assertion names another one [rule 87]', async () => {
    const token = await host.accessToken({ aud: ['https://other-api.example.com', TOKEN_ENDPOINT] })
    expect(decodeJwt(token).aud).toBe(AUDIENCE)
  })

  it('RFC 9700 §2.3: an access token of one service opens no route of another with the same issuer and key [rule 87]', async () => {
    const other = await startClockedHost({
      exchange: { accessToken: { audience: 'https://other-api.example.com', signingKeys: [otherKey] } },
    })
    const same = await startClockedHost({ exchange: { accessToken: { audience: AUDIENCE, signingKeys: [otherKey] } } })
    try {
      const authorization = `Bearer ${await same.accessToken()}`
      expect((await request(same.url).get('/me').set({ authorization })).status).toBe(200)
      expect((await request(other.url).get('/me').set({ authorization })).status).toBe(401)
      expect(other.lastReason()).toBe('wrong_audience')
    } finally {
      await Promise.all([other.close(), same.close()])
    }
  })

  it('RFC 9700 §2.3: an access token has the requested scope and no more [rule 87]', async () => {
    const response = await host.exchangeAssertion(await host.assertion(), { scope: 'openid' })
    expect(decodeJwt(response.body.access_token).scope).toBe('openid')
  })
})

describe('a subject', () => {
  it.each(['app', 'service'])(
    'RFC 9700 §4.15: a subject that is the client id %s gets no token [rule 89]',
    async (sub) => {
      expect(await host.judge(await host.assertion({ sub }))).toEqual(refused('subject_is_client_id'))
    },
  )

  it('RFC 9700 §4.15: a subject that a mapping makes a client id gets no token [rule 89]', async () => {
    const mapping = await startClockedHost({ exchange: { subject: ({ claims }) => String(claims.email) } })
    try {
      expect(await mapping.judge(await mapping.assertion({ email: 'app' }))).toEqual(refused('subject_is_client_id'))
      expect(await mapping.judge(await mapping.assertion({ email: '' }))).toEqual(refused('invalid_subject'))
      expect(decodeJwt(await mapping.accessToken({ email: 'a@example.com' })).sub).toBe('a@example.com')
    } finally {
      await mapping.close()
    }
  })

  it('RFC 9700 §4.15: a subject that is a client id is refused if clients are looked up as well [rule 89]', async () => {
    const lookingUp = await startClockedHost({
      exchange: { findClient: (clientId) => (clientId === CLIENT.clientId ? CLIENT : undefined) },
    })
    try {
      expect(await lookingUp.judge(await lookingUp.assertion({ sub: 'app' }))).toEqual(refused('subject_is_client_id'))
      expect(await lookingUp.judge(await lookingUp.assertion({ sub: 'alice' }))).toEqual(ACCEPTED)
    } finally {
      await lookingUp.close()
    }
  })

  it('RFC 9700 §4.15: a subject that two identity providers both assert does not become one by default [rule 89]', () => {
    const entries = ['https://one.example.com', 'https://two.example.com'].map((name) => ({
      name,
      allowedSubjects: 'any' as const,
      jwksUri: `${name}/keys`,
    }))
    const create = () =>
      createJwtExchange({
        issuer: ISSUER,
        identityProviders: entries,
        clients: [CLIENT],
        accessToken: { audience: AUDIENCE },
      })
    expect(create).toThrow(ConfigError)
    expect(create).toThrow(/subject: missing/)
  })

  it('RFC 9700 §4.15: a subject that is namespaced is another one for each identity provider [rule 89]', async () => {
    const [plain, barred] = [
      await FakeIdentityProvider.start({ algorithm: 'ES256', name: 'https://idp.example.com' }),
      await FakeIdentityProvider.start({ algorithm: 'ES256', name: 'https://idp.example.com|a' }),
    ]
    const two = await startClockedHost({
      exchange: {
        identityProviders: [plain, barred].map(({ name, jwksUri }) => ({
          name,
          allowedSubjects: 'any' as const,
          jwksUri,
        })),
        subject: 'namespaced',
      },
    })
    try {
      const subjectOf = async ({ name, signingKey }: { name: string; signingKey: FakeKey }, sub: string) => {
        const header = { alg: 'ES256', kid: signingKey.kid }
        const assertion = await signAssertion(signingKey, header, two.claims({ iss: name, sub }))
        return decodeJwt((await two.exchangeAssertion(assertion)).body.access_token).sub
      }
      expect(await subjectOf(plain, 'alice')).toBe('https://idp.example.com|alice')
      expect(await subjectOf(barred, 'alice')).toBe('https://idp.example.com%7Ca|alice')
      expect(await subjectOf(plain, 'a|alice')).not.toBe(await subjectOf(barred, 'alice'))
    } finally {
      await Promise.all([two.close(), plain.close(), barred.close()])
    }
  })
})

describe('a refresh token', () => {
  it('RFC 9700 §4.14: a refresh token is neither issued nor accepted [rule 90]', async () => {
    const response = await host.exchangeAssertion(await host.assertion())
    expect(response.status).toBe(200)
    expect(response.body).not.toHaveProperty('refresh_token')
    const refresh = { grant_type: 'refresh_token', refresh_token: response.body.access_token }
    const refreshed = await host.post(refresh)
    expect(refreshed.status).toBe(400)
    expect(refreshed.body.error).toBe('unsupported_grant_type')
  })
})

describe('metadata', () => {
  it('RFC 9700 §2.6: metadata is published, and what it says leads to a token [rule 91]', async () => {
    const { body } = await request(host.url).get('/.well-known/oauth-authorization-server/oauth2')
    expect(body.grant_types_supported).toContain(GRANT_TYPE)
    const response = await request(host.url)
      .post(new URL(body.token_endpoint).pathname)
      .auth(CLIENT.clientId, CLIENT.clientSecret)
      .type('form')
      .send({ grant_type: body.grant_types_supported[0], assertion: await host.assertion() })
    expect(response.status).toBe(200)
  })
})
