import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { FakeIdentityProvider, type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  type ExchangeHostOptions,
  ISSUER,
  startExchangeHost,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'
import { closeUnharmed, expectAssertionRefused, expectInvalidToken } from '../support/expect-refusal.js'
import { goodClaims, goodHeader, macToken } from '../support/forged-jwt.js'
import { startHostOfMany } from '../support/host-of-many.js'

const NAME = 'https://idp.example.com/oauth2/default'
let host: ExchangeHost

async function expectExchanged(assertion: string, started = host): Promise<void> {
  const response = await started.exchangeAssertion(assertion)
  expect({ status: response.status, reason: response.status === 200 || started.lastReason() }).toEqual({
    status: 200,
    reason: true,
  })
}

/** Signed by the identity provider; the claims are JSON text, so that they can hold what no value can. */
function signedText(claims: (json: string) => string): Promise<string> {
  const { idp } = host
  return signAssertion(idp.signingKey, goodHeader(idp), claims(JSON.stringify(goodClaims(idp))))
}

describe('the issuer and the audience', () => {
  beforeAll(async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256', name: NAME } })
  })
  afterAll(() => closeUnharmed(host))

  it.each([
    ['a slash more', `${NAME}/`],
    ['a scheme in capitals', NAME.replace('https', 'HTTPS')],
    ['a host in capitals', NAME.replace('idp.', 'IDP.')],
    ['a path in capitals', NAME.replace('default', 'Default')],
    ['the default port', NAME.replace('.com', '.com:443')],
    ['http', NAME.replace('https', 'http')],
    ['a prefix', NAME.slice(0, -1)],
    ['the host alone', 'https://idp.example.com'],
    ['a suffix', `${NAME}x`],
    ['another host after it', `${NAME}.attacker.example`],
    ['another host before it', `https://attacker.example/${NAME}`],
    ['user info', NAME.replace('//', '//attacker@')],
    ['a query', `${NAME}?`],
    ['a fragment', `${NAME}#`],
    ['a dot segment', NAME.replace('/default', '/./default')],
    ['percent-encoding', NAME.replace('default', '%64efault')],
    ['NUL', `${NAME}\u0000`],
    ['a space', `${NAME} `],
    ['a newline', `${NAME}\n`],
    ['another host after NUL', `${NAME}\u0000.attacker.example`],
    ['a Cyrillic letter', NAME.replace('a', 'а')],
    ['a pattern', '.*'],
    ['a pattern of itself', NAME.replace('default', '.*')],
    ['a comma', `${NAME},https://attacker.example`],
    ['8 KB', `${NAME}/${'x'.repeat(8192)}`],
    ['nothing', ''],
  ])('C1: iss with %s is another issuer', async (_name, iss) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iss }), 'unknown_issuer')
  })

  it.each([
    ['the attacker and the good one', ['https://attacker.example', NAME]],
    ['an array of the good one', [NAME]],
    ['an array in an array', [[NAME]]],
    ['an object', { 0: NAME, toString: NAME }],
    ['a number', 1],
    ['zero', 0],
    ['true', true],
    ['null', null],
    ['nothing', undefined],
  ])('C2: iss that is %s is refused', async (_name, iss) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iss }), 'unknown_issuer')
  })

  it.each([
    ['a prefix', TOKEN_ENDPOINT.slice(0, -1)],
    ['a suffix', `${TOKEN_ENDPOINT}x`],
    ['a slash more', `${TOKEN_ENDPOINT}/`],
    ['a query', `${TOKEN_ENDPOINT}?x=1`],
    ['a fragment', `${TOKEN_ENDPOINT}#`],
    ['a host in capitals', TOKEN_ENDPOINT.replace('api', 'API')],
    ['the default port', TOKEN_ENDPOINT.replace('.com', '.com:443')],
    ['user info', TOKEN_ENDPOINT.replace('//', '//attacker@')],
    ['percent-encoding', TOKEN_ENDPOINT.replace('token', '%74oken')],
    ['http', TOKEN_ENDPOINT.replace('https', 'http')],
    ['a space', `${TOKEN_ENDPOINT} `],
    ['NUL', `${TOKEN_ENDPOINT}\u0000`],
    ['a second one after a space', `${TOKEN_ENDPOINT} https://attacker.example`],
    ['a second one after a comma', `https://attacker.example,${TOKEN_ENDPOINT}`],
    ['an array as text', `["${TOKEN_ENDPOINT}"]`],
    ['the issuer', ISSUER],
    ['nothing', ''],
    ['others only', ['https://attacker.example', `${TOKEN_ENDPOINT}/`]],
    ['1000 others', Array.from({ length: 1000 }, (_, index) => `https://rs${index}`)],
  ])('C6: aud with %s is another audience', async (_name, aud) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ aud }), 'wrong_audience')
  })

  it.each([
    ['an array in an array', [[TOKEN_ENDPOINT]]],
    ['the good one beside a number', [TOKEN_ENDPOINT, 1]],
    ['the good one beside null', [null, TOKEN_ENDPOINT]],
    ['the good one beside an array', [TOKEN_ENDPOINT, [TOKEN_ENDPOINT]]],
    ['an object', { 0: TOKEN_ENDPOINT }],
    ['an object with a length', { 0: TOKEN_ENDPOINT, length: 1 }],
    ['an empty array', []],
    ['an empty object', {}],
    ['null', null],
    ['true', true],
    ['a number', 1],
    ['missing', undefined],
  ])('C6: aud that is %s is refused', async (_name, aud) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ aud }), 'invalid_audience')
  })

  it('C6: an array of strings with the alias among them is accepted', async () => {
    await expectExchanged(await host.idp.issueAssertion({ aud: ['https://other.example', TOKEN_ENDPOINT] }))
  })

  it.each<[name: string, changes: Record<string, unknown>]>([
    ['name', { name: /^https:\/\/(idp)+$/ }],
    ['alias', { alias: /(a+)+$/ }],
    ['audiences', { audiences: [/(a+)+$/g] }],
    ['types', { types: [/jwt/y] }],
    ['scopes', { scopes: [/.*/] }],
    ['audiences', { audiences: [''] }],
  ])('C13: a pattern as %s is refused in the options', (option, changes) => {
    const identityProvider = {
      name: NAME,
      allowedSubjects: 'any' as const,
      jwksUri: 'https://idp.example.com/jwks',
      ...changes,
    }
    const options = {
      issuer: ISSUER,
      identityProviders: [identityProvider],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }
    expect(() => Reflect.apply(createJwtExchange, undefined, [options])).toThrow(`identityProviders[0].${option}`)
  })

  it('C13: an aud and an iss made to run patterns astray cost no time', async () => {
    const text = `${'a'.repeat(8000)}!`
    await expectAssertionRefused(host, await host.idp.issueAssertion({ aud: text }), 'wrong_audience')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iss: text }), 'unknown_issuer')
  })
})

describe('two identity providers', () => {
  const otherName = 'https://other.example.com'
  let other: FakeIdentityProvider
  let otherKey: FakeKey

  beforeAll(async () => {
    const own = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    other = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    otherKey = await generateFakeKey('ES256', 'shared-kid')
    other.publish([otherKey.publicJwk])
    own.publish([own.signingKey.publicJwk, { ...own.signingKey.publicJwk, kid: otherKey.kid }])
    const { jwksUri } = other
    host = await startHostOfMany(own, [
      { name: own.name, allowedSubjects: 'any' as const, jwksUri: own.jwksUri },
      { name: otherName, allowedSubjects: 'any' as const, jwksUri, alias: 'https://alias-of-other' },
      { name: 'https://same-alias.example.com', allowedSubjects: 'any' as const, jwksUri },
      { name: 'https://off.example.com', allowedSubjects: 'any' as const, jwksUri, enabled: false },
    ])
  })
  afterAll(async () => {
    await other.close()
    await closeUnharmed(host)
  })

  it.each([
    ['with its own alias', otherName, 'https://alias-of-other'],
    ['with the same alias', 'https://same-alias.example.com', TOKEN_ENDPOINT],
  ])('C3: the key of one does not sign for the other, %s, under the same kid', async (_name, iss, aud) => {
    const { idp } = host
    const ownKey = { ...idp.signingKey, kid: otherKey.kid }
    const header = { alg: 'ES256', kid: otherKey.kid }
    const claims = { ...goodClaims(idp), iss, aud }
    await expectExchanged(await signAssertion(otherKey, header, claims))
    await expectExchanged(await signAssertion(ownKey, header, goodClaims(idp)))
    await expectAssertionRefused(host, await signAssertion(ownKey, header, claims), 'bad_signature')
    await expectAssertionRefused(host, await signAssertion(otherKey, header, goodClaims(idp)), 'bad_signature')
    await expectAssertionRefused(host, await signAssertion(ownKey, { alg: 'ES256' }, claims), 'bad_signature')
  })

  it('C4: a good token of a disabled one is refused without a look at its keys', async () => {
    const { fetches } = other
    const claims = { ...goodClaims(host.idp), iss: 'https://off.example.com' }
    const token = await signAssertion(otherKey, { alg: 'ES256', kid: otherKey.kid }, claims)
    await expectAssertionRefused(host, token, 'identity_provider_disabled')
    expect(other.fetches).toBe(fetches)
  })

  it('C5: the alias of one is not an audience for the other', async () => {
    const fromOther = { ...goodClaims(host.idp), iss: otherName, aud: TOKEN_ENDPOINT }
    const token = await signAssertion(otherKey, { alg: 'ES256', kid: otherKey.kid }, fromOther)
    await expectAssertionRefused(host, token, 'wrong_audience')
    const fromOwn = await host.idp.issueAssertion({ aud: 'https://alias-of-other' })
    await expectAssertionRefused(host, fromOwn, 'wrong_audience')
  })
})

describe('the dates of an assertion', () => {
  beforeAll(async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  })
  afterAll(() => closeUnharmed(host))

  const now = Math.floor(Date.now() / 1000)
  const tenYears = 315_360_000

  it.each([
    ['missing', undefined],
    ['null', null],
    ['a string', String(now + 300)],
    ['an ISO date', '2099-01-01T00:00:00Z'],
    ['true', true],
    ['an array', [now + 300]],
    ['an object', { valueOf: now + 300 }],
    ['-1', -1],
    ['1e300', 1e300],
    ['milliseconds', (now + 300) * 1000],
    ['2 ** 53', 2 ** 53],
  ])('C7: exp that is %s is refused', async (_name, exp) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ exp }), 'invalid_expiry')
  })

  it.each(['1e999', '-1e999', '1e400', '-1', '99999999999999999999'])(
    'C7: exp written as %s is refused',
    async (exp) => {
      await expectAssertionRefused(
        host,
        await signedText((json) => json.replace(/"exp":\d+/, `"exp":${exp}`)),
        'invalid_expiry',
      )
    },
  )

  it.each(['0', '-0', '0.0', '1e-999', '1'])('C7: exp written as %s has passed', async (exp) => {
    await expectAssertionRefused(host, await signedText((json) => json.replace(/"exp":\d+/, `"exp":${exp}`)), 'expired')
  })

  it.each([
    ['ten years', tenYears],
    ['a day and an hour', 90_000],
  ])('C7: exp in %s is refused', async (_name, lifetime) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ exp: now + lifetime }), 'lifetime_too_long')
  })

  it.each([
    ['nbf', 'invalid_not_before'],
    ['iat', 'invalid_issued_at'],
  ])('C8: %s that is not a date is refused', async (name, reason) => {
    for (const value of [String(now), null, true, [now], {}, '', -1, 1e300, now * 1000]) {
      await expectAssertionRefused(host, await host.idp.issueAssertion({ [name]: value }), reason)
    }
    for (const text of ['1e999', '-1e999']) {
      const token = await signedText((json) => json.replace(/"iat":\d+/, `"${name}":${text}`))
      await expectAssertionRefused(host, token, reason)
    }
  })

  it('C8: nbf in the future is refused, in the past it is not', async () => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ nbf: now + 120 }), 'not_yet_valid')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ nbf: now + tenYears }), 'not_yet_valid')
    await expectExchanged(await host.idp.issueAssertion({ nbf: now - tenYears }))
    await expectExchanged(await host.idp.issueAssertion({ nbf: 0 }))
  })

  it('C8: iat in the future or long ago is refused', async () => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iat: now + 120 }), 'issued_in_future')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iat: now - tenYears }), 'too_old')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iat: 0 }), 'too_old')
  })

  it('C9: the tolerance is in favour of the assertion', async () => {
    await expectExchanged(await host.idp.issueAssertion({ exp: now - 30 }))
    await expectExchanged(await host.idp.issueAssertion({ nbf: now + 30 }))
    await expectExchanged(await host.idp.issueAssertion({ iat: now + 30 }))
    await expectAssertionRefused(host, await host.idp.issueAssertion({ exp: now - 61 }), 'expired')
  })

  it('C9: without tolerance an assertion lives until its exp and not a second longer', async () => {
    const clock = new AdjustableClock()
    clock.set(now)
    const strict = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { clock, assertion: { clockTolerance: 0 } },
    })
    try {
      await expectExchanged(await strict.idp.issueAssertion({ iat: now, exp: now + 1 }), strict)
      await expectAssertionRefused(strict, await strict.idp.issueAssertion({ iat: now, exp: now }), 'expired')
    } finally {
      await strict.close()
    }
  })
})

describe('the subject and the identifier', () => {
  beforeAll(async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  })
  afterAll(() => closeUnharmed(host))

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['null', null],
    ['a number', 1],
    ['zero', 0],
    ['true', true],
    ['an array', ['alice']],
    ['an object', { toString: 'alice' }],
  ])('C10: sub that is %s is refused', async (_name, sub) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ sub }), 'invalid_subject')
  })

  it.each([
    ['a space', ' '],
    ['spaces', '   '],
    ['a space that does not break', '\u00a0'],
    ['a blank of Braille', '\u2800'],
    ['a zero width space', '\u200b'],
    ['a zero width joiner in it', 'ali\u200dce'],
    ['a soft hyphen in it', 'ali\u00adce'],
    ['an order of right to left', '\u202ealice'],
    ['a byte order mark', '\ufeffalice'],
    ['a filler', 'alice\u3164'],
    ['a tag', 'alice\u{e0061}'],
    ['a variation', 'alice\ufe0f'],
    ['a separator of lines', 'alice\u2028bob'],
    ['a separator of paragraphs', 'alice\u2029bob'],
    ['a space before it', ' alice'],
    ['a space after it', 'alice '],
    ['a line break after it', 'alice\n'],
  ])('C10: sub with %s, which nobody sees, is refused', async (_name, sub) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ sub }), 'invalid_subject')
  })

  it('C10: a sub that is the id of a client is refused', async () => {
    const assertion = await host.idp.issueAssertion({ sub: 'app' })
    await expectAssertionRefused(host, assertion, 'subject_is_client_id')
    await expectExchanged(await host.idp.issueAssertion({ sub: 'App' }))
  })

  it('C10: an assertion whose subject is a client id is refused by the strategy, and not marked used', async () => {
    const clients = [{ ...CLIENT, clientId: 'alice' }]
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { clients } })
    try {
      await started.exchange.ready()
      const assertion = await started.idp.issueAssertion()
      await expectInvalidToken(started, '/whoami', `Bearer ${assertion}`, 'subject_is_client_id')
      await expectInvalidToken(started, '/whoami', `Bearer ${assertion}`, 'subject_is_client_id')
    } finally {
      await started.close()
    }
  })

  it('C10: the strategy checks the mapped subject, and a failed client lookup is an outage', async () => {
    let isOut = false
    const findClient = async (clientId: string) => {
      if (isOut) throw new Error('the database is down')
      return clientId === 'svc-alice' ? { ...CLIENT, clientId } : undefined
    }
    const started = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { findClient, subject: 'svc-${claims.sub}' },
    })
    try {
      await started.exchange.ready()
      const present = async (sub: string) =>
        request(started.url)
          .get('/whoami')
          .auth(await started.idp.issueAssertion({ sub }), { type: 'bearer' })
      expect((await present('alice')).status).toBe(401)
      expect(started.lastReason()).toBe('subject_is_client_id')
      expect((await present('svc-alice')).body.sub).toBe('svc-svc-alice')
      isOut = true
      const { status, headers } = await present('bob')
      expect([status, headers['retry-after'], started.lastReason()]).toEqual([503, '1', 'client_lookup_failed'])
    } finally {
      await started.close()
    }
  })

  it.each<[string, ExchangeHostOptions]>([
    ['for all', { exchange: { assertion: { maxAge: 1800 } } }],
    ['for it', { identityProvider: { maxAge: 60 } }],
    ['by requireIat', { identityProvider: { requireIat: true } }],
  ])('C8: an assertion without iat is refused if its age is limited %s', async (_name, options) => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options })
    try {
      const assertion = await started.idp.issueAssertion({ iat: undefined })
      await expectAssertionRefused(started, assertion, 'invalid_issued_at')
      await expectExchanged(await started.idp.issueAssertion(), started)
    } finally {
      await started.close()
    }
  })

  it.each<[string, ExchangeHostOptions]>([
    ['for all', { exchange: { assertion: { requireJti: true, soleAudience: true } } }],
    ['for it', { identityProvider: { requireJti: true, soleAudience: true } }],
    [
      'for it, though not for all',
      {
        exchange: { assertion: { requireJti: false, soleAudience: false } },
        identityProvider: { requireJti: true, soleAudience: true },
      },
    ],
  ])('C8: jti and a single aud are demanded if they are required %s', async (_name, options) => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, ...options })
    const issue = (claims: Record<string, unknown>) => started.idp.issueAssertion(claims)
    try {
      await expectAssertionRefused(started, await issue({ jti: undefined }), 'invalid_jwt_id')
      const several = { aud: [TOKEN_ENDPOINT, 'https://other.example.com'] }
      await expectAssertionRefused(started, await issue(several), 'several_audiences')
      await expectExchanged(await issue({ aud: [TOKEN_ENDPOINT] }), started)
    } finally {
      await started.close()
    }
  })

  it('C8: an assertion without jti, and one for several recipients, are accepted by default', async () => {
    await expectExchanged(await host.idp.issueAssertion({ jti: undefined, nonce: '1' }))
    await expectExchanged(await host.idp.issueAssertion({ aud: [TOKEN_ENDPOINT, 'https://other.example.com'] }))
  })

  it('C8: an assertion without iat is accepted if its age is not limited, or requireIat is false', async () => {
    await expectExchanged(await host.idp.issueAssertion({ iat: undefined }))
    const identityProvider = { maxAge: 60, requireIat: false }
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider })
    try {
      await expectExchanged(await started.idp.issueAssertion({ iat: undefined }), started)
    } finally {
      await started.close()
    }
  })

  it.each([
    ['empty', ''],
    ['null', null],
    ['a number', 1],
    ['false', false],
    ['an array', ['id']],
    ['an object', {}],
  ])('C11: jti that is %s is refused', async (_name, jti) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ jti }), 'invalid_jwt_id')
  })

  it('C11: an assertion without jti is accepted once', async () => {
    const token = await host.idp.issueAssertion({ jti: undefined, x: randomUUID() })
    await expectExchanged(token)
    await expectAssertionRefused(host, token, 'replayed')
  })
})

describe('a token of another kind', () => {
  const signingKey = generateSigningKey()
  const ownKey: FakeKey = { kid: signingKey.kid ?? '', algorithm: 'ES256', privateJwk: signingKey, publicJwk: {} }
  const ownHeader = { alg: 'ES256', kid: ownKey.kid, typ: 'at+jwt' }

  beforeAll(async () => {
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { accessToken: { audience: AUDIENCE, signingKeys: [signingKey] } },
    })
  })
  afterAll(() => closeUnharmed(host))

  function accessTokenClaims(): Record<string, unknown> {
    return { ...goodClaims(host.idp), iss: ISSUER, aud: AUDIENCE, client_id: 'app', scope: 'orders:read' }
  }

  it('C12: our access token is not an assertion', async () => {
    const token = await host.accessToken()
    const response = await host.exchangeAssertion(token)
    expect([response.status, response.body.error, host.lastReason()]).toEqual([400, 'invalid_grant', 'unknown_issuer'])
    await expectInvalidToken(host, '/whoami', `Bearer ${token}`, 'unknown_issuer')
  })

  it('C12: our key does not sign for an identity provider, nor its key for us', async () => {
    const ownSigned = await signAssertion(ownKey, { alg: 'ES256', kid: ownKey.kid }, goodClaims(host.idp))
    await expectAssertionRefused(host, ownSigned, 'unknown_key')
    const kid = host.idp.signingKey.kid
    await expectAssertionRefused(
      host,
      await signAssertion(ownKey, { alg: 'ES256', kid }, goodClaims(host.idp)),
      'bad_signature',
    )
    const { signingKey: idpKey } = host.idp
    for (const header of [ownHeader, { ...ownHeader, kid: idpKey.kid }, { ...ownHeader, kid: undefined }]) {
      const token = await signAssertion(idpKey, header, accessTokenClaims())
      const reason = header.kid === ownKey.kid ? 'bad_signature' : 'unknown_key'
      await expectInvalidToken(host, '/me', `Bearer ${token}`, reason)
      await expectInvalidToken(host, '/orders', `Bearer ${token}`, reason)
    }
  })

  it('C12: an ID token of another client is not an assertion', async () => {
    const claims = { aud: 'another-client', azp: 'another-client', nonce: 'n', at_hash: 'h' }
    await expectAssertionRefused(host, await host.idp.issueAssertion(claims), 'wrong_audience')
  })

  it.each<[name: string, claims: Record<string, unknown>, reason: string]>([
    ['a key by its thumbprint', { cnf: { jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' } }, 'unconfirmed_key'],
    ['a certificate', { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }, 'unconfirmed_key'],
    ['a key in what nobody knows', { cnf: { future: true } }, 'unconfirmed_key'],
    ['an empty confirmation', { cnf: {} }, 'unconfirmed_key'],
    ['a confirmation that is text', { cnf: 'x' }, 'unconfirmed_key'],
    ['a confirmation that is empty text', { cnf: '' }, 'unconfirmed_key'],
    ['a confirmation that is null', { cnf: null }, 'unconfirmed_key'],
    ['a confirmation that is false', { cnf: false }, 'unconfirmed_key'],
    ['a confirmation that is an array', { cnf: [] }, 'unconfirmed_key'],
    ['an actor', { act: { sub: 'bot' } }, 'unsupported_delegation'],
    ['an actor and who may act', { act: { sub: 'bot' }, may_act: { sub: 'bot' } }, 'unsupported_delegation'],
    ['an empty actor', { act: {} }, 'unsupported_delegation'],
    ['an actor that is null', { act: null }, 'unsupported_delegation'],
    ['an actor that is text', { act: 'bot' }, 'unsupported_delegation'],
    ['a logout', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, 'wrong_token_kind'],
    ['a security event', { events: { 'https://schemas.openid.net/secevent/x': {} }, txn: 't' }, 'wrong_token_kind'],
    ['events that are null', { events: null }, 'wrong_token_kind'],
    ['a login', { nonce: 'n', at_hash: 'h' }, 'wrong_token_kind'],
    ['a login with a code', { nonce: 'n', c_hash: 'h' }, 'wrong_token_kind'],
    ['a login with a state', { nonce: 'n', s_hash: 'h' }, 'wrong_token_kind'],
    ['a request', { htm: 'POST', htu: 'https://api.example.com/' }, 'wrong_token_kind'],
    ['an introspection', { token_introspection: { active: true } }, 'wrong_token_kind'],
    ['a new access token', { typ: 'Refresh' }, 'wrong_token_kind'],
    ['a new access token at any time', { typ: 'Offline' }, 'wrong_token_kind'],
    ['a new access token by token_use', { token_use: 'refresh' }, 'wrong_token_kind'],
    ['a new access token by token_type', { token_type: 'refresh' }, 'wrong_token_kind'],
    ['a new access token in place of another one', { ati: 'id-of-the-access-token' }, 'wrong_token_kind'],
  ])('C12: a token for %s is neither an assertion nor an access token', async (_name, claims, reason) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion(claims), reason)
    const accessToken = await signAssertion(ownKey, ownHeader, { ...accessTokenClaims(), ...claims })
    await expectInvalidToken(host, '/me', `Bearer ${accessToken}`, reason)
    await expectInvalidToken(host, '/orders', `Bearer ${accessToken}`, reason)
    await expect(host.exchange.verifyAccessToken(accessToken)).rejects.toMatchObject({ reason })
  })

  it('C12: an access token that is bound to a key is refused each time', async () => {
    const token = await signAssertion(ownKey, ownHeader, { ...accessTokenClaims(), cnf: { jkt: 'x' } })
    for (let time = 0; time < 4; time += 1) {
      await expectInvalidToken(host, '/orders', `Bearer ${token}`, 'unconfirmed_key')
    }
  })

  it.each([
    ['who may act', { may_act: { sub: 'bot' } }],
    ['a nonce alone', { nonce: 'n' }],
    ['at_hash alone', { at_hash: 'h' }],
    ['htm alone', { htm: 'POST' }],
    ['other words in typ, token_use and token_type', { typ: 'Bearer', token_use: 'access', token_type: 'bearer' }],
    ['a typ that is no text', { typ: ['Refresh'], token_use: null, token_type: { refresh: true } }],
    ['an event of another name', { event: {}, Events: {}, CNF: {} }],
    ['a confirmation within another claim', { x: { cnf: { jkt: 'x' }, act: { sub: 'bot' }, events: {} } }],
  ])('C12: a token with %s keeps its kind', async (_name, claims) => {
    await expectExchanged(await host.idp.issueAssertion(claims))
    const accessToken = await signAssertion(ownKey, ownHeader, { ...accessTokenClaims(), ...claims })
    await expect(host.exchange.verifyAccessToken(accessToken)).resolves.toMatchObject({ sub: 'alice' })
  })

  it('C12: an assertion is not an access token', async () => {
    const assertion = await host.idp.issueAssertion({ scope: 'orders:read', client_id: 'app' })
    await expectInvalidToken(host, '/me', `Bearer ${assertion}`, 'type_not_allowed')
    await expectInvalidToken(host, '/orders', `Bearer ${assertion}`, 'type_not_allowed')
  })

  it('C12: an assertion typed at+jwt is neither', async () => {
    const assertion = await host.idp.issueAssertion(accessTokenClaims(), { typ: 'at+jwt' })
    await expectAssertionRefused(host, assertion, 'unknown_issuer')
    const typed = await host.idp.issueAssertion({}, { typ: 'application/AT+jwt' })
    await expectAssertionRefused(host, typed, 'type_not_allowed')
  })

  it.each<[name: string, header: Record<string, unknown>, claims: Record<string, unknown>, reason: string]>([
    ['without typ', { typ: undefined }, {}, 'type_not_allowed'],
    ['with typ JWT', { typ: 'JWT' }, {}, 'type_not_allowed'],
    ['without kid', { kid: undefined }, {}, 'unknown_key'],
    ['with alg none in the header', { alg: 'none' }, {}, 'algorithm_not_allowed'],
    ['with alg HS256 in the header', { alg: 'HS256' }, {}, 'algorithm_not_allowed'],
    ['with alg ES384 in the header', { alg: 'ES384' }, {}, 'algorithm_not_allowed'],
    ['with crit', { crit: ['exp'] }, {}, 'unsupported_header'],
    ['with b64', { b64: true }, {}, 'unsupported_header'],
    ['of another issuer', {}, { iss: 'https://attacker.example' }, 'wrong_issuer'],
    ['of an array of issuers', {}, { iss: [ISSUER] }, 'wrong_issuer'],
    ['for another audience', {}, { aud: 'https://attacker.example' }, 'wrong_audience'],
    ['for no audience', {}, { aud: undefined }, 'invalid_audience'],
    ['that expired this second', {}, { exp: Math.floor(Date.now() / 1000) }, 'expired'],
    ['without exp', {}, { exp: undefined }, 'invalid_expiry'],
    ['with exp as text', {}, { exp: '9999999999' }, 'invalid_expiry'],
    ['that is not valid yet', {}, { nbf: Math.floor(Date.now() / 1000) + 60 }, 'not_yet_valid'],
    ['without sub', {}, { sub: undefined }, 'invalid_subject'],
    ['with a number for sub', {}, { sub: 1 }, 'invalid_subject'],
    ['without client_id', {}, { client_id: undefined }, 'invalid_claim'],
    ['without jti', {}, { jti: undefined }, 'invalid_jwt_id'],
    ['with an array for scope', {}, { scope: ['orders:read'] }, 'invalid_claim'],
    ['with a malformed scope', {}, { scope: 'orders:read "' }, 'invalid_claim'],
  ])('C12: a token of our own key %s is not an access token', async (_name, header, claims, reason) => {
    const token = await signAssertion(ownKey, { ...ownHeader, ...header }, { ...accessTokenClaims(), ...claims })
    await expectInvalidToken(host, '/me', `Bearer ${token}`, reason)
    await expectInvalidToken(host, '/orders', `Bearer ${token}`, reason)
  })

  it('C12: an access token keyed with our public key as HS256 is refused', async () => {
    const { x, y, kid } = signingKey
    for (const key of [JSON.stringify({ kty: 'EC', crv: 'P-256', x, y }), String(x), '']) {
      const token = macToken({ ...ownHeader, alg: 'HS256', kid }, accessTokenClaims(), key)
      await expectInvalidToken(host, '/me', `Bearer ${token}`, 'algorithm_not_allowed')
      await expectInvalidToken(host, '/orders', `Bearer ${token}`, 'algorithm_not_allowed')
    }
  })

  it('C12: our own issuer cannot be an identity provider by accident', () => {
    const options = {
      issuer: ISSUER,
      identityProviders: [{ name: ISSUER, allowedSubjects: 'any' as const, jwksUri: `${ISSUER}/jwks` }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }
    expect(() => createJwtExchange(options)).toThrow(/identityProviders\[0\]\.name/)
  })
})
