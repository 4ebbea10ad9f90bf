import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { createJwtExchange, type IdentityProviderOptions } from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient, signClientAssertion } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { signCompact, signingInputOf } from '../support/compact-jws.js'
import { CLIENT, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const TOLERANCE = 60
const MAX_AGE = 1800
const MAX_LIFETIME = 86_400
const NAME = 'https://idp.example.com/oauth2/default'

let host: ClockedHost
let now: number
beforeAll(async () => {
  host = await startClockedHost({ idp: { name: NAME } })
  now = host.clock.now()
})
afterAll(() => host.close())

/** Judges an assertion, made before time moves, at that second. */
async function judgeAt(seconds: number, claims: Record<string, unknown>) {
  const assertion = await host.assertion(claims)
  host.clock.set(seconds)
  const verdict = await host.judge(assertion)
  host.clock.set(now)
  return verdict
}

describe('the assertion parameter', () => {
  it.each<[string, (first: string, second: string) => string]>([
    ['a space and another', (first, second) => `${first} ${second}`],
    ['a comma and another', (first, second) => `${first},${second}`],
    ['a dot and another', (first, second) => `${first}.${second}`],
    ['another, nothing between', (first, second) => first + second],
    ['a line feed', (first) => `${first}\n`],
    ['a space', (first) => `${first} `],
    ['a tilde', (first) => `${first}~`],
  ])('RFC 7523 §2.1: one JWT with %s behind it is refused [rule 75]', async (_, write) => {
    const [first, second] = [await host.assertion(), await host.assertion()]
    expect(await host.judge(write(first, second))).toEqual(refused('malformed_jwt'))
    expect(await host.judge(first)).toEqual(ACCEPTED)
  })
})

describe('the issuer', () => {
  it.each([
    ['missing', undefined],
    ['unknown', 'https://other.example.com/oauth2/default'],
    ['written with a slash at the end', `${NAME}/`],
    ['written without its last path segment', NAME.replace('/default', '')],
    ['written with its default port', NAME.replace('.com', '.com:443')],
    ['written in upper case', NAME.toUpperCase()],
    ['written with its host in upper case', NAME.replace('idp.example.com', 'IDP.EXAMPLE.COM')],
    ['written with its scheme in upper case', NAME.replace('https', 'HTTPS')],
    ['written with http', NAME.replace('https', 'http')],
    ['written with a dot segment', NAME.replace('/default', '/./default')],
    ['written with percent-encoding', NAME.replace('default', '%64efault')],
    ['written with an empty query', `${NAME}?`],
    ['written with an empty fragment', `${NAME}#`],
    ['followed by a NUL', `${NAME}\u0000`],
    ['preceded by a space', ` ${NAME}`],
    ['longer than the known one', `${NAME}.attacker.example.com`],
    ['a pattern that fits', '.*'],
    ['__proto__', '__proto__'],
  ])('RFC 7523 §3 (1): an assertion whose iss is %s is refused [rule 64]', async (_, iss) => {
    expect(await host.judge(await host.assertion({ iss }))).toEqual(refused('unknown_issuer'))
  })

  it('RFC 7523 §3 (1): an assertion whose iss is the name of an identity provider is accepted [rule 64]', async () => {
    expect(await host.judge(await host.assertion({ iss: NAME }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (1): a name that is not a URL is compared in the same way [rule 64]', async () => {
    const named = await startClockedHost({ idp: { name: 'Wso2-IS' } })
    try {
      expect(await named.judge(await named.assertion({ iss: 'wso2-is' }))).toEqual(refused('unknown_issuer'))
      expect(await named.judge(await named.assertion())).toEqual(ACCEPTED)
    } finally {
      await named.close()
    }
  })
})

describe('the subject', () => {
  it('RFC 7523 §3 (2): an assertion without sub is refused [rule 65]', async () => {
    expect(await host.judge(await host.assertion({ sub: undefined }))).toEqual(refused('invalid_subject'))
  })

  it('RFC 7523 §3 (2): the sub of the assertion becomes that of the access token [rule 65]', async () => {
    const token = await host.accessToken({ sub: 'bob' })
    expect((await host.exchange.verifyAccessToken(token)).sub).toBe('bob')
  })
})

describe('the audience', () => {
  it.each([
    ['missing', undefined, 'invalid_audience'],
    ['another server', 'https://other.example.com/token', 'wrong_audience'],
    ['the issuer, which is not the alias', ISSUER, 'wrong_audience'],
    ['the alias with a slash at the end', `${TOKEN_ENDPOINT}/`, 'wrong_audience'],
    ['the alias with a query', `${TOKEN_ENDPOINT}?x`, 'wrong_audience'],
    ['the alias with its default port', TOKEN_ENDPOINT.replace('.com', '.com:443'), 'wrong_audience'],
    ['the beginning of the alias', TOKEN_ENDPOINT.slice(0, -1), 'wrong_audience'],
    ['the identity provider itself', NAME, 'wrong_audience'],
  ])('RFC 7523 §3 (3): an assertion whose aud is %s is refused [rule 66]', async (_, aud, reason) => {
    expect(await host.judge(await host.assertion({ aud }))).toEqual(refused(reason))
  })

  it('RFC 7523 §3 (3): the alias of an identity provider takes the place of the token endpoint [rule 66]', async () => {
    const aliased = await startClockedHost({ identityProvider: { alias: 'urn:example:alias', audiences: [ISSUER] } })
    try {
      expect(await aliased.judge(await aliased.assertion({ aud: TOKEN_ENDPOINT }))).toEqual(refused('wrong_audience'))
      expect(await aliased.judge(await aliased.assertion({ aud: 'urn:example:alias' }))).toEqual(ACCEPTED)
      expect(await aliased.judge(await aliased.assertion({ aud: ISSUER }))).toEqual(ACCEPTED)
    } finally {
      await aliased.close()
    }
  })

  it('RFC 7523 §3 (3): an assertion whose aud is the URL of the token endpoint is accepted by default [rule 66]', async () => {
    expect(await host.judge(await host.assertion({ aud: TOKEN_ENDPOINT }))).toEqual(ACCEPTED)
  })
})

describe('the dates', () => {
  it('RFC 7523 §3 (4): an assertion without exp is refused [rule 67]', async () => {
    expect(await host.judge(await host.assertion({ exp: undefined }))).toEqual(refused('invalid_expiry'))
  })

  it('RFC 7523 §3 (4): an expired assertion is refused [rule 67]', async () => {
    expect(await host.judge(await host.assertion({ exp: now - 3600 }))).toEqual(refused('expired'))
    expect(await host.judge(await host.assertion({ exp: 0 }))).toEqual(refused('expired'))
    expect(await host.judge(await host.assertion({ exp: now - TOLERANCE }))).toEqual(refused('expired'))
  })

  it('RFC 7523 §3 (4): clocks that differ within the tolerance are forgiven, in favour of the assertion [rule 67]', async () => {
    expect(await host.judge(await host.assertion({ exp: now - TOLERANCE + 1 }))).toEqual(ACCEPTED)
    expect(await host.judge(await host.assertion({ exp: now - 30 }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (4): an exp unreasonably far in the future is refused [rule 67]', async () => {
    const furthest = now + MAX_LIFETIME + TOLERANCE
    expect(await host.judge(await host.assertion({ exp: now + 315_360_000 }))).toEqual(refused('lifetime_too_long'))
    expect(await host.judge(await host.assertion({ exp: furthest + 0.001 }))).toEqual(refused('lifetime_too_long'))
    expect(await host.judge(await host.assertion({ exp: furthest }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (5): an assertion is refused before its nbf [rule 68]', async () => {
    const nbf = now + TOLERANCE
    expect(await host.judge(await host.assertion({ nbf: nbf + 3600, exp: nbf + 3700 }))).toEqual(
      refused('not_yet_valid'),
    )
    expect(await host.judge(await host.assertion({ nbf: nbf + 1 }))).toEqual(refused('not_yet_valid'))
    expect(await host.judge(await host.assertion({ nbf }))).toEqual(ACCEPTED)
    expect(await host.judge(await host.assertion({ nbf: now }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (6): an assertion whose iat is in the future is refused [rule 69]', async () => {
    const iat = now + TOLERANCE
    expect(await host.judge(await host.assertion({ iat: iat + 3600 }))).toEqual(refused('issued_in_future'))
    expect(await host.judge(await host.assertion({ iat: iat + 0.001 }))).toEqual(refused('issued_in_future'))
    expect(await host.judge(await host.assertion({ iat }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (6): an assertion whose iat is unreasonably far in the past is refused [rule 69]', async () => {
    const oldest = now + MAX_AGE + TOLERANCE
    const claims = { exp: now + 10_000 }
    expect(await judgeAt(oldest + 1000, claims)).toEqual(refused('too_old'))
    expect(await judgeAt(oldest + 0.001, claims)).toEqual(refused('too_old'))
    expect(await judgeAt(oldest, claims)).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (6): an assertion without iat is accepted [rule 69]', async () => {
    expect(await host.judge(await host.assertion({ iat: undefined }))).toEqual(ACCEPTED)
  })
})

describe('the use of an assertion', () => {
  it('RFC 7523 §3 (7): a jti is accepted once, with any other claims in the second assertion [rule 70]', async () => {
    const jti = 'used-once'
    const first = await host.assertion({ jti })
    expect(await host.judge(first)).toEqual(ACCEPTED)
    expect(await host.judge(first)).toEqual(refused('replayed'))
    expect(await host.judge(await host.assertion({ jti, sub: 'bob', exp: now + 600 }))).toEqual(refused('replayed'))
    expect(await host.judge(await host.assertion({ jti: 'Used-once' }))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (7): another signature over the same claims is a replay, with a jti and without [rule 70]', async () => {
    for (const changes of [{}, { jti: undefined }]) {
      const input = signingInputOf(host.header(), host.claims(changes))
      const [first, second] = [signCompact(host.idp.signingKey, input), signCompact(host.idp.signingKey, input)]
      expect(second).not.toBe(first)
      expect(await host.judge(first)).toEqual(ACCEPTED)
      expect(await host.judge(second)).toEqual(refused('replayed'))
    }
  })

  it('RFC 7523 §3 (7): a jti is remembered as long as its assertion is accepted, tolerance included [rule 70]', async () => {
    const assertion = await host.assertion({ exp: now + 10, iat: now })
    expect(await host.judge(assertion)).toEqual(ACCEPTED)
    host.clock.set(now + 10 + TOLERANCE - 0.001)
    const late = await host.judge(assertion)
    host.clock.set(now + 10 + TOLERANCE)
    const tooLate = await host.judge(assertion)
    host.clock.set(now)
    expect(late).toEqual(refused('replayed'))
    expect(tooLate).toEqual(refused('expired'))
  })

  it('RFC 7523 §3 (7): of many uses at the same time one is accepted [rule 70]', async () => {
    const assertion = await host.assertion()
    const responses = await Promise.all(Array.from({ length: 8 }, () => host.exchangeAssertion(assertion)))
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400, 400, 400, 400])
  })

  it('RFC 7523 §3 (7): an assertion that is refused is not marked used [rule 70]', async () => {
    const jti = 'not-burnt'
    const stranger = await generateFakeKey('ES256', host.idp.signingKey.kid)
    const forged = await signAssertion(stranger, host.header(), host.claims({ jti }))
    const parameters = { grant_type: GRANT_TYPE, assertion: await host.assertion({ jti }) }
    expect(await host.judge(forged)).toEqual(refused('bad_signature'))
    expect(await host.judge(await host.assertion({ jti, aud: 'https://other.example.com' }))).toEqual(
      refused('wrong_audience'),
    )
    expect((await host.post(parameters).auth(CLIENT.clientId, 'wrong')).status).toBe(401)
    expect(await host.judge(parameters.assertion)).toEqual(ACCEPTED)
  })
})

describe('other claims', () => {
  it('RFC 7523 §3 (8): other claims are allowed, with any values [rule 71]', async () => {
    const claims = {
      email: 'a@example.com',
      groups: ['x', { y: null }],
      nonce: 1,
      may_act: { sub: 'b' },
      'urn:x': false,
    }
    expect(await host.judge(await host.assertion(claims))).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3 (8): other claims named like members of an object prototype are allowed and change nothing [rule 71]', async () => {
    const claims = JSON.stringify(host.claims({ sub: undefined }))
    const poisoned = claims.replace('{', '{"__proto__":{"sub":"mallory"},"constructor":1,"toString":1,')
    expect(await host.judge(signCompact(host.idp.signingKey, signingInputOf(host.header(), poisoned)))).toEqual(
      refused('invalid_subject'),
    )
    const withSubject = poisoned.replace('"iss"', '"sub":"alice","iss"')
    expect(await host.judge(signCompact(host.idp.signingKey, signingInputOf(host.header(), withSubject)))).toEqual(
      ACCEPTED,
    )
  })
})

describe('the signature', () => {
  let stranger: FakeKey
  beforeAll(async () => {
    stranger = await generateFakeKey('ES256', host.idp.signingKey.kid)
  })

  it('RFC 7523 §3 (9): a signature by a key that is not of the issuer is refused, under its kid and without one [rule 72]', async () => {
    for (const kid of [stranger.kid, undefined]) {
      const forged = await signAssertion(stranger, host.header({ kid }), host.claims())
      expect(await host.judge(forged)).toEqual(refused('bad_signature'))
    }
    const unknown = await signAssertion(stranger, host.header({ kid: 'unknown' }), host.claims())
    expect(await host.judge(unknown)).toEqual(refused('unknown_key'))
  })

  it('RFC 7523 §3 (9): a signature over other claims is refused, even if one bit differs [rule 72]', async () => {
    const [header, payload = '', signature] = (await host.assertion()).split('.')
    const bytes = Buffer.from(payload, 'base64url')
    const changed = Buffer.from(bytes.toString().replace('alice', 'alicf')).toString('base64url')
    expect(await host.judge(`${header}.${changed}.${signature}`)).toEqual(refused('bad_signature'))
    const otherHeader = Buffer.from(JSON.stringify(host.header({ x: 1 }))).toString('base64url')
    expect(await host.judge(`${otherHeader}.${payload}.${signature}`)).toEqual(refused('bad_signature'))
  })

  it('RFC 7523 §3 (9): a signature by a key of the issuer is accepted, with its kid and without one [rule 72]', async () => {
    expect(await host.judge(await host.assertion())).toEqual(ACCEPTED)
    expect(await host.judge(await host.assertion({}, { kid: undefined }))).toEqual(ACCEPTED)
  })

  it.each([
    ['a header without alg', { alg: undefined }, {}, 'malformed_jwt'],
    ['an extension that must be understood', { crit: ['x'], x: 1 }, {}, 'unsupported_header'],
    ['a jti that is a number', {}, { jti: 1 }, 'invalid_jwt_id'],
    ['an nbf that is a string', {}, { nbf: '0' }, 'invalid_not_before'],
  ])(
    'RFC 7523 §3 (10): an assertion that is not a valid JWT, %s, is refused [rule 73]',
    async (_, header, claims, reason) => {
      expect(await host.judge(await host.assertion(claims, header))).toEqual(refused(reason))
    },
  )
})

describe('client authentication', () => {
  it.each([
    ['a wrong secret', (secret: string) => `${secret}x`],
    ['the beginning of the secret', (secret: string) => secret.slice(0, -1)],
    ['the secret in another case', (secret: string) => secret.toUpperCase()],
    ['an empty secret', () => ''],
  ])('RFC 7523 §3.1: a good assertion does not help against %s [rule 74]', async (_, secretFrom) => {
    const parameters = { grant_type: GRANT_TYPE, assertion: await host.assertion() }
    const response = await host.post(parameters).auth(CLIENT.clientId, secretFrom(CLIENT.clientSecret))
    expect(response.status).toBe(401)
    expect(response.body.error).toBe('invalid_client')
    expect(await host.judge(parameters.assertion)).toEqual(ACCEPTED)
  })

  it('RFC 7523 §3.1: credentials in the body are checked even if the assertion is bad [rule 74]', async () => {
    const parameters = { grant_type: GRANT_TYPE, assertion: 'bad', client_id: CLIENT.clientId, client_secret: 'wrong' }
    const response = await request(host.url).post('/oauth2/token').type('form').send(parameters)
    expect(response.status).toBe(401)
    expect(response.body.error).toBe('invalid_client')
  })

  it('RFC 7523 §3.1: a client assertion in addition to a good secret is not ignored [rule 74]', async () => {
    const response = await host.post({
      grant_type: GRANT_TYPE,
      assertion: await host.assertion(),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'e30.e30.c2ln',
    })
    expect(response.status).toBe(400)
    expect(response.body.error).toBe('invalid_request')
  })
})

describe('several registrations of one issuer', () => {
  const entry = (id: string, others: Partial<IdentityProviderOptions> = {}): Partial<IdentityProviderOptions> => ({
    id,
    registration: { claim: 'tenant', value: id },
    allowedSubjects: 'any',
    ...others,
  })
  let tenants: ClockedHost
  beforeAll(async () => {
    const key = await generateFakeKey('ES256', 'tenants')
    const keys = { name: NAME, jwks: { keys: [key.publicJwk] } }
    const identityProviders = [
      { ...keys, ...entry('a', { requiredClaims: { group: 'x' }, claimsToToken: { group: 'group' } }) },
      { ...keys, ...entry('b', { requiredClaims: { group: 'y' } }) },
    ]
    tenants = await startClockedHost({ exchange: { identityProviders, subject: 'namespaced' } })
    const sign = (claims: Record<string, unknown>) => {
      const now = tenants.clock.now()
      const defaults = { iss: NAME, sub: 'alice', aud: TOKEN_ENDPOINT, iat: now, exp: now + 300, jti: randomUUID() }
      return signAssertion(key, { alg: 'ES256', kid: 'tenants' }, { ...defaults, ...claims })
    }
    tenants = { ...tenants, assertion: (claims = {}) => sign(claims) }
  })
  afterAll(() => tenants?.close())
  const judgeClaims = async (claims: Record<string, unknown>) => tenants.judge(await tenants.assertion(claims))

  it.each([
    ['missing', undefined],
    ['of another value', 'c'],
    ['not a string', ['a']],
  ])('RFC 7523 §3 (1): an assertion whose registering claim is %s matches none [rule 172]', async (_, tenant) => {
    expect(await judgeClaims({ tenant, group: 'x' })).toEqual(refused('unknown_registration'))
  })

  it('RFC 7523 §3 (1): an assertion matches at most one registration [rule 172]', () => {
    const keys = { name: NAME, jwksUri: `${NAME}/jwks` }
    const create = (second: object) => () =>
      createJwtExchange({
        issuer: ISSUER,
        clients: [CLIENT],
        accessToken: { audience: ISSUER },
        subject: 'namespaced',
        identityProviders: [
          { ...keys, ...entry('a') },
          { ...keys, allowedSubjects: 'any', ...second },
        ],
      })
    expect(create({ id: 'b' })).toThrow('registration: missing')
    expect(create({ id: 'b', registration: { claim: 'tenant', value: 'a' } })).toThrow('has the same value')
    expect(create({ id: 'b', registration: { claim: 'org', value: 'b' } })).toThrow('one assertion could match both')
    expect(create({ ...entry('b'), jwksUri: `${NAME}/other` })).toThrow('keys belong to the issuer')
  })

  it('RFC 7523 §3 (7): sub and jti count within their registration only [rule 173]', async () => {
    const jti = randomUUID()
    expect(await judgeClaims({ tenant: 'a', group: 'x', jti })).toEqual(ACCEPTED)
    expect(await judgeClaims({ tenant: 'b', group: 'y', jti })).toEqual(ACCEPTED)
    expect(await judgeClaims({ tenant: 'a', group: 'x', jti })).toEqual(refused('replayed'))
    const issued = tenants.events.filter(({ name }) => name === 'token.issued').slice(-2)
    expect(issued.map(({ subject }) => subject)).toEqual(['a|alice', 'b|alice'])
  })

  it('RFC 7523 §3 (8): a claim is judged by the rules of its own registration only [rule 174]', async () => {
    expect(await judgeClaims({ tenant: 'a', group: 'y' })).toEqual(refused('claim_not_allowed'))
    expect(await judgeClaims({ tenant: 'b', group: 'x' })).toEqual(refused('claim_not_allowed'))
  })
})

describe('the assertion of a client', () => {
  let key: FakeKey
  let keyed: ClockedHost
  beforeAll(async () => {
    key = await generateFakeKey('ES256')
    const client = { clientId: 'keyed', jwks: { keys: [key.publicJwk] }, scopes: CLIENT.scopes }
    keyed = await startClockedHost({ exchange: { clients: [client] } })
  })
  afterAll(() => keyed.close())

  async function present(claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>> = {}) {
    const client_assertion = await signClientAssertion(keyed, key, 'keyed', claims, header)
    const form = { client_assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, client_id: 'keyed' }
    return judgeClient(keyed, form)
  }
  const rejected = (reason: string) => refusedClient(`wrong_client_assertion: ${reason}`)

  it('RFC 7523bis §4: its aud is our issuer as the only value, a string or an array of one [rule 76] [rule 78]', async () => {
    for (const aud of [ISSUER, [ISSUER]]) expect(await present({ aud })).toEqual(ACCEPTED)
    expect(await present({ aud: TOKEN_ENDPOINT })).toEqual(rejected('wrong_audience'))
    expect(await present({ aud: [ISSUER, TOKEN_ENDPOINT] })).toEqual(rejected('several_audiences'))
  })

  it.each([undefined, 'JWT', 'client-authentication+jwt'])(
    'RFC 7523bis §4: the typ %s is accepted [rule 77]',
    async (typ) => expect(await present({}, { typ })).toEqual(ACCEPTED),
  )

  it('RFC 7523bis §4: the typ of another token is refused [rule 77] [rule 82]', async () => {
    for (const typ of ['at+jwt', 'dpop+jwt', 'oauth-id-jag+jwt']) {
      expect(await present({}, { typ })).toEqual(rejected('type_not_allowed'))
    }
  })

  it('RFC 7523 §3 (2): iss and sub are the client, exp is there, and it is good once [rule 122]', async () => {
    expect(await present({ iss: 'other' })).toEqual(rejected('wrong_issuer'))
    expect(await present({ sub: 'other' })).toEqual(refusedClient('client_id_mismatch'))
    expect(await present({ exp: undefined })).toEqual(rejected('invalid_expiry'))
    expect(await present({ jti: 'once' })).toEqual(ACCEPTED)
    expect(await present({ jti: 'once' })).toEqual(rejected('replayed'))
  })
})
