import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express, { type Express } from 'express'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import request from 'supertest'
import {
  ConfigError,
  createJwtExchange,
  createResourceServer,
  generateSigningKey,
  type ResourceServer,
  type SigningAlgorithm,
} from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { withSignature } from '../support/compact-jws.js'
import { AUDIENCE, CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const privateJwk = generateSigningKey('ES256')
const OTHER_ISSUER = 'https://idp.example.com'
/** The key of the service itself. */
const KEY: FakeKey = { kid: String(privateJwk.kid), algorithm: 'ES256', privateJwk, publicJwk: {} }
const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: KEY.kid }

let host: ClockedHost
let now: number
beforeAll(async () => {
  host = await startClockedHost({
    exchange: {
      clients: [CLIENT, { clientId: 'no-scope', clientSecret: 'secret-of-the-tests' }],
      accessToken: { audience: AUDIENCE, signingKeys: [privateJwk] },
    },
  })
  now = host.clock.now()
})
afterAll(() => host.close())

function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const dates = { iat: now, exp: now + 60 }
  return { iss: ISSUER, sub: 'alice', aud: AUDIENCE, client_id: 'app', ...dates, jti: 'a', scope: 'openid', ...changes }
}

/** What a protected route makes of a token. */
async function present(token: string) {
  const eventsBefore = host.events.length
  const response = await request(host.url)
    .get('/me')
    .set({ authorization: `Bearer ${token}` })
  const denied = host.events.slice(eventsBefore).find(({ name }) => name === 'access.denied')
  return { status: response.status, challenge: response.headers['www-authenticate'], reason: denied?.reason }
}

const OPENED = { status: 200, challenge: undefined, reason: undefined }

function denied(reason: string) {
  return { status: 401, challenge: expect.stringContaining('error="invalid_token"'), reason }
}

async function presentSigned(changes: { header?: Record<string, unknown>; claims?: Record<string, unknown> }) {
  return await present(await signAssertion(KEY, { ...HEADER, ...changes.header }, claims(changes.claims)))
}

describe('an access token that is issued', () => {
  it.each<SigningAlgorithm>(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'RFC 9068 §2.1: an access token can be signed by %s, is of the type at+jwt, and verifies [rule 100]',
    async (algorithm) => {
      const signingKeys = [generateSigningKey(algorithm)]
      const other = await startClockedHost({ exchange: { accessToken: { audience: AUDIENCE, signingKeys } } })
      try {
        const token = await other.accessToken()
        const kid = String(signingKeys[0]?.kid)
        expect(decodeProtectedHeader(token)).toEqual({ alg: algorithm, typ: 'at+jwt', kid })
        const { body } = await request(other.url).get('/oauth2/jwks')
        const currentDate = new Date(other.clock.now() * 1000)
        await jwtVerify(token, createLocalJWKSet(body), { algorithms: [algorithm], typ: 'at+jwt', currentDate })
        expect(
          (
            await request(other.url)
              .get('/me')
              .set({ authorization: `Bearer ${token}` })
          ).status,
        ).toBe(200)
      } finally {
        await other.close()
      }
    },
  )

  it.each(['none', 'HS256'])(
    'RFC 9068 §2.1: an access token cannot be configured to be signed by %s [rule 100]',
    (algorithm) => {
      const create = () =>
        createJwtExchange({
          issuer: ISSUER,
          identityProviders: [
            { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' },
          ],
          clients: [CLIENT],
          // @ts-expect-error: only asymmetric algorithms have the type
          accessToken: { audience: AUDIENCE, algorithm },
        })
      expect(create).toThrow(ConfigError)
      expect(create).toThrow(/accessToken\.algorithm/)
    },
  )

  it('RFC 9068 §2.2: an access token has iss, sub, aud, client_id, iat, exp, jti, the scope and idp, and no other claims [rule 101]', async () => {
    const payload = decodeJwt(await host.accessToken({ sub: 'bob', email: 'bob@example.com' }))
    expect(payload).toEqual({
      iss: ISSUER,
      sub: 'bob',
      aud: AUDIENCE,
      client_id: CLIENT.clientId,
      iat: now,
      exp: now + 3600,
      jti: expect.stringMatching(/^.{22,}$/),
      idp: host.idp.name,
      scope: 'openid orders:read',
    })
  })

  it('RFC 9068 §2.2: an access token has a jti that no other one has, and dates that are whole seconds [rule 101]', async () => {
    host.clock.set(now + 0.75)
    const tokens = [await host.accessToken(), await host.accessToken()].map((token) => decodeJwt(token))
    host.clock.set(now)
    expect(tokens[0]?.jti).not.toBe(tokens[1]?.jti)
    expect(tokens[0]).toMatchObject({ iat: now, exp: now + 3600 })
  })

  it('RFC 9068 §2.2.3: an access token has no scope claim if no scope is granted [rule 101]', async () => {
    const parameters = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await host.assertion() }
    const response = await host.post(parameters).auth('no-scope', 'secret-of-the-tests')
    const payload = decodeJwt(response.body.access_token)
    expect(payload.client_id).toBe('no-scope')
    expect(payload).not.toHaveProperty('scope')
  })

  it('RFC 9068 §2.2.1: an access token has no auth_time, acr or amr of the assertion, since none is mapped [rule 102]', async () => {
    const payload = decodeJwt(await host.accessToken({ auth_time: now, acr: 'gold', amr: ['pwd'] }))
    expect(payload.sub).toBe('alice')
    for (const claim of ['auth_time', 'acr', 'amr']) expect(payload).not.toHaveProperty(claim)
  })

  it('RFC 9068 §3: an access token has the default audience, one as a string, several as an array [rule 103]', async () => {
    const audience = [AUDIENCE, 'https://other-api.example.com']
    const two = await startClockedHost({ exchange: { accessToken: { audience } } })
    try {
      expect(decodeJwt(await host.accessToken()).aud).toBe(AUDIENCE)
      expect(decodeJwt(await two.accessToken()).aud).toEqual(audience)
    } finally {
      await two.close()
    }
  })

  it('RFC 9068 §2.2: an access token has the subject of the assertion as its sub, and the client as its client_id only [rule 105]', async () => {
    expect(await host.judge(await host.assertion({ sub: CLIENT.clientId }))).toEqual(refused('subject_is_client_id'))
    expect(decodeJwt(await host.accessToken())).toMatchObject({ sub: 'alice', client_id: CLIENT.clientId })
  })
})

describe('an access token that is presented', () => {
  it.each([undefined, '', 'JWT', 'jwt', 'application/jwt', 'at', 'at+jwt ', 'xat+jwt', 'at+jwt;x=y', 'id+jwt'])(
    'RFC 9068 §4: an access token is refused with the type %j [rule 104]',
    async (typ) => {
      expect(await presentSigned({ header: { typ } })).toEqual(denied('type_not_allowed'))
    },
  )

  it.each(['at+jwt', 'application/at+jwt', 'AT+JWT', 'application/AT+jwt'])(
    'RFC 9068 §4: an access token is accepted with the type %s [rule 104]',
    async (typ) => {
      expect(await presentSigned({ header: { typ } })).toEqual(OPENED)
    },
  )

  it.each([
    undefined,
    null,
    '',
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    'https://api.example.com',
    [ISSUER],
    TOKEN_ENDPOINT,
  ])('RFC 9068 §4: an access token is refused with the iss %j [rule 104]', async (iss) => {
    expect(await presentSigned({ claims: { iss } })).toEqual(denied('wrong_issuer'))
  })

  it.each<[unknown, string]>([
    [undefined, 'invalid_audience'],
    [[], 'invalid_audience'],
    [[AUDIENCE, 1], 'invalid_audience'],
    [`${AUDIENCE}/`, 'wrong_audience'],
    [ISSUER, 'wrong_audience'],
    [CLIENT.clientId, 'wrong_audience'],
  ])('RFC 9068 §4: an access token is refused with the aud %j [rule 104]', async (aud, reason) => {
    expect(await presentSigned({ claims: { aud } })).toEqual(denied(reason))
  })

  it.each(['none', 'None', 'HS256', 'ES384', 'RS256', ''])(
    'RFC 9068 §4: an access token is refused with the alg %j [rule 104]',
    async (alg) => {
      expect(await presentSigned({ header: { alg } })).toEqual(denied('algorithm_not_allowed'))
    },
  )

  it('RFC 9068 §4: an access token is refused without a signature, and with a MAC by the published key [rule 104]', async () => {
    const unsigned = (await signAssertion(KEY, { ...HEADER, alg: 'none' }, claims())).split('.').slice(0, 2).join('.')
    expect(await present(`${unsigned}.`)).toEqual(denied('malformed_jwt'))
    const input = (await signAssertion(KEY, { ...HEADER, alg: 'HS256' }, claims())).split('.').slice(0, 2).join('.')
    const { body } = await request(host.url).get('/oauth2/jwks')
    const mac = createHmac('sha256', JSON.stringify(body.keys[0])).update(input).digest()
    expect(await present(withSignature(input, mac))).toEqual(denied('algorithm_not_allowed'))
  })

  it('RFC 9068 §4: an access token is refused with a signature by another key, under our kid, another or none [rule 104]', async () => {
    const stranger = await generateFakeKey('ES256', KEY.kid)
    const sign = (kid: string | undefined) => signAssertion(stranger, { ...HEADER, kid }, claims())
    expect(await present(await sign(KEY.kid))).toEqual(denied('bad_signature'))
    expect(await present(await sign('unknown'))).toEqual(denied('unknown_key'))
    expect(await present(await sign(undefined))).toEqual(denied('unknown_key'))
  })

  it('RFC 9068 §4: an access token is refused from the second exp on, with no tolerance [rule 104]', async () => {
    expect(await presentSigned({ claims: { exp: undefined } })).toEqual(denied('invalid_expiry'))
    expect(await presentSigned({ claims: { exp: '9999999999' } })).toEqual(denied('invalid_expiry'))
    expect(await presentSigned({ claims: { exp: now } })).toEqual(denied('expired'))
    expect(await presentSigned({ claims: { exp: now + 0.001 } })).toEqual(OPENED)
  })

  it.each([
    ['sub', 'invalid_subject'],
    ['client_id', 'invalid_claim'],
    ['jti', 'invalid_jwt_id'],
  ])('RFC 9068 §2.2: an access token is refused without its %s [rule 104]', async (claim, reason) => {
    expect(await presentSigned({ claims: { [claim]: undefined } })).toEqual(denied(reason))
  })

  it('RFC 9068 §4: an access token is accepted as the token endpoint issues it, by a retired key too [rule 104]', async () => {
    const token = await host.accessToken()
    expect(await present(token)).toEqual(OPENED)
    const signingKeys = [generateSigningKey(), privateJwk]
    const rotated = await startClockedHost({ exchange: { accessToken: { audience: AUDIENCE, signingKeys } } })
    try {
      expect((await rotated.exchange.verifyAccessToken(token)).sub).toBe('alice')
    } finally {
      await rotated.close()
    }
  })
})

describe.each(['a resource server', 'an exchange'] as const)('an access token of another issuer, at %s', (service) => {
  const clock = new AdjustableClock()
  let accepting: Pick<ResourceServer, 'verifyAccessToken' | 'protect' | 'close'>
  let key: FakeKey
  let stranger: FakeKey
  let app: Express
  const time = clock.now()
  const events: (string | undefined)[] = []

  beforeAll(async () => {
    key = await generateFakeKey('ES256', 'of-the-issuer')
    stranger = await generateFakeKey('ES256', 'of-the-issuer')
    const server = service === 'an exchange' ? startExchange(key) : startServer(key)
    server.events.on('access.denied', ({ reason }) => events.push(reason))
    accepting = server
    app = express().get('/', server.protect(), (_req, res) => void res.end())
  })
  afterAll(() => accepting.close())

  const startServer = ({ publicJwk }: FakeKey) =>
    createResourceServer({ issuer: OTHER_ISSUER, audience: AUDIENCE, jwks: { keys: [publicJwk] }, clock })
  const startExchange = ({ publicJwk }: FakeKey) =>
    createJwtExchange({
      issuer: ISSUER,
      identityProviders: [
        {
          name: OTHER_ISSUER,
          jwks: { keys: [publicJwk] },
          allowedSubjects: 'any',
          accessTokens: { audience: AUDIENCE },
        },
      ],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [privateJwk] },
      clock,
    })

  async function judge(changes: { header?: Record<string, unknown>; claims?: Record<string, unknown> }, by = key) {
    const dates = { iat: time, exp: time + 60 }
    const ofIssuer = { iss: OTHER_ISSUER, sub: 'alice', aud: AUDIENCE, client_id: 'spa', ...dates, jti: 'a' }
    const header = { alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...changes.header }
    return send(await signAssertion(by, header, { ...ofIssuer, ...changes.claims }))
  }
  async function send(token: string) {
    events.length = 0
    const { status, headers } = await request(app).get('/').auth(token, { type: 'bearer' })
    return { status, challenge: headers['www-authenticate'], reason: events[0] }
  }

  it.each([undefined, '', 'JWT', 'jwt', 'application/jwt', 'at', 'at+jwt ', 'xat+jwt', 'at+jwt;x=y', 'id+jwt'])(
    'RFC 9068 §4: a foreign access token is refused with the type %j [rule 104]',
    async (typ) => {
      expect(await judge({ header: { typ } })).toEqual(denied('type_not_allowed'))
    },
  )

  it.each([
    undefined,
    null,
    '',
    `${OTHER_ISSUER}/`,
    OTHER_ISSUER.toUpperCase(),
    [OTHER_ISSUER],
    'https://evil.example',
  ])('RFC 9068 §4: a foreign access token is refused with the iss %j [rule 104]', async (iss) => {
    expect(await judge({ claims: { iss } })).toEqual(denied('unknown_issuer'))
  })

  it.each<[unknown, string]>([
    [undefined, 'invalid_audience'],
    [[], 'invalid_audience'],
    [[AUDIENCE, 1], 'invalid_audience'],
    [`${AUDIENCE}/`, 'wrong_audience'],
    [AUDIENCE.toUpperCase(), 'wrong_audience'],
    [OTHER_ISSUER, 'wrong_audience'],
    ['spa', 'wrong_audience'],
  ])('RFC 9068 §4: a foreign access token is refused with the aud %j [rule 104]', async (aud, reason) => {
    expect(await judge({ claims: { aud } })).toEqual(denied(reason))
  })

  it.each(['none', 'None', 'HS256', ''])(
    'RFC 9068 §4: a foreign access token is refused with the alg %j [rule 104]',
    async (alg) => {
      expect(await judge({ header: { alg } })).toEqual(denied('algorithm_not_allowed'))
    },
  )

  it('RFC 9068 §4: a foreign access token is refused without a signature, encrypted, or by a key of somebody else [rule 104]', async () => {
    const unsigned = (await signAssertion(key, { alg: 'none', typ: 'at+jwt' }, {})).split('.').slice(0, 2).join('.')
    expect(await send(`${unsigned}.`)).toEqual(denied('malformed_jwt'))
    expect(await send('eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AA.AA.AA')).toEqual(denied('malformed_jwt'))
    expect(await judge({}, stranger)).toEqual(denied('bad_signature'))
    expect(await judge({ header: { kid: 'unknown' } }, stranger)).toEqual(denied('unknown_key'))
    expect(await judge({}, { ...KEY, kid: key.kid })).toEqual(denied('bad_signature'))
  })

  it('RFC 9068 §4: a foreign access token is refused after its exp, with a leeway of a minute [rule 104]', async () => {
    expect(await judge({ claims: { exp: undefined } })).toEqual(denied('invalid_expiry'))
    expect(await judge({ claims: { exp: `${time + 60}` } })).toEqual(denied('invalid_expiry'))
    expect(await judge({ claims: { exp: time - 60 } })).toEqual(denied('expired'))
    expect(await judge({ claims: { exp: time - 59 } })).toEqual(OPENED)
  })

  it.each(['at+jwt', 'application/at+jwt', 'AT+JWT'])(
    'RFC 9068 §4: a foreign access token is accepted with the type %s, any number of times [rule 104]',
    async (typ) => {
      for (let use = 0; use < 3; use += 1) expect(await judge({ header: { typ } })).toEqual(OPENED)
      expect(await judge({ header: { typ }, claims: { aud: ['https://a.example', AUDIENCE] } })).toEqual(OPENED)
    },
  )
})
