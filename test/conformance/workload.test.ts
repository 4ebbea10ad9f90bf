import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { createJwtExchange } from '../../src/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const OTHER = 'https://other.example.com'
const WORKLOADS = { profile: 'workload', scopes: CLIENT.scopes } as const
/** By default, of everything that can be wrong with an assertion. */
const ANY_REFUSAL = { error: 'invalid_grant', error_description: 'The assertion is not valid' }

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    identityProvider: { ...WORKLOADS, scopeClaim: 'scope', allowedSubjects: ['alice'] },
  })
})
afterAll(() => host.close())

const judge = async (claims: Record<string, unknown>) => host.judge(await host.assertion({ aud: ISSUER, ...claims }))

async function exchange(claims: Record<string, unknown>, parameters = {}) {
  const { status, body } = await host.exchangeAssertion(await host.assertion({ aud: ISSUER, ...claims }), parameters)
  return { status, error: body.error, scope: body.scope, body }
}

describe('the claims of a workload', () => {
  it.each([
    ['iss', 'unknown_issuer'],
    ['sub', 'invalid_subject'],
    ['aud', 'invalid_audience'],
    ['exp', 'invalid_expiry'],
    ['iat', 'invalid_issued_at'],
    ['jti', 'invalid_jwt_id'],
  ])('WAG §5.1: an assertion without %s is refused [rule 168]', async (claim, reason) => {
    expect(await judge({ [claim]: undefined })).toEqual(refused(reason))
    expect(await judge({})).toEqual(ACCEPTED)
  })

  it.each<[string, unknown]>([
    ['our issuer', ISSUER],
    ['our issuer in an array', [ISSUER]],
    ['the token endpoint', TOKEN_ENDPOINT],
    ['the token endpoint in an array', [TOKEN_ENDPOINT]],
  ])('WAG §5.1: an assertion for %s is accepted [rule 169]', async (_, aud) => {
    expect(await judge({ aud })).toEqual(ACCEPTED)
  })

  it.each<[string, unknown, string]>([
    ['our issuer and the token endpoint', [ISSUER, TOKEN_ENDPOINT], 'several_audiences'],
    ['our issuer twice', [ISSUER, ISSUER], 'several_audiences'],
    ['our issuer and another service', [ISSUER, OTHER], 'several_audiences'],
    ['another service and the token endpoint', [OTHER, TOKEN_ENDPOINT], 'several_audiences'],
    ['another service', OTHER, 'wrong_audience'],
    ['our issuer with a slash', `${ISSUER}/`, 'wrong_audience'],
    ['the origin of our issuer', new URL(ISSUER).origin, 'wrong_audience'],
    ['nobody', [], 'invalid_audience'],
  ])('WAG §5.1: an assertion for %s is refused [rule 169]', async (_, aud, reason) => {
    expect(await judge({ aud })).toEqual(refused(reason))
  })

  it('WAG §5.1: with an alias of its own, neither issuer nor token endpoint is accepted [rule 169]', async () => {
    const own = await startClockedHost({ identityProvider: { ...WORKLOADS, alias: 'urn:us' } })
    try {
      expect(await own.judge(await own.assertion({ aud: 'urn:us' }))).toEqual(ACCEPTED)
      for (const aud of [ISSUER, TOKEN_ENDPOINT])
        expect(await own.judge(await own.assertion({ aud }))).toEqual(refused('wrong_audience'))
    } finally {
      await own.close()
    }
  })
})

describe('the issuer of workloads', () => {
  it.each([
    ['with a query', 'https://idp.example.com/?a=b', false],
    ['with a fragment', 'https://idp.example.com/#a', false],
    ['without TLS', 'http://idp.example.com', false],
    ['of SPIFFE', 'spiffe://example.org', false],
    ['that is an https URL', 'https://idp.example.com', true],
  ])('WAG §6.1: a name %s is accepted or refused at start [rule 170]', (_, name, isAccepted) => {
    const start = (profile: 'workload' | 'jwt-bearer') =>
      createJwtExchange({
        issuer: ISSUER,
        identityProviders: [
          { name, profile, allowedSubjects: ['a'], scopes: ['openid'], jwksUri: 'https://idp.example.com/keys' },
        ],
        clients: [CLIENT],
        accessToken: { audience: AUDIENCE },
      }).close()
    expect(() => start('jwt-bearer')).not.toThrow()
    if (isAccepted) expect(() => start('workload')).not.toThrow()
    else expect(() => start('workload')).toThrow(expect.objectContaining({ name: 'ConfigError' }))
  })

  it('WAG §6.1: an iss that differs by a slash or by case is refused [rule 170]', async () => {
    for (const iss of [`${host.idp.name}/`, host.idp.name.toUpperCase(), `${host.idp.name}?`, `${host.idp.name}#`])
      expect(await judge({ iss })).toEqual(refused('unknown_issuer'))
  })
})

describe('the scopes of a workload', () => {
  it.each<[string, unknown, string | undefined, string]>([
    ['one scope', 'orders:read', undefined, 'orders:read'],
    ['one scope, and both are requested', 'orders:read', 'openid orders:read', 'orders:read'],
    ['both scopes, and one is requested', 'openid orders:read', 'openid', 'openid'],
    ['more than the client may have', 'openid admin', undefined, 'openid'],
    ['an array', ['openid', 'admin'], undefined, 'openid'],
    ['nothing of scopes', undefined, undefined, 'openid orders:read'],
  ])('WAG §5.1: of an assertion that says %s, requested, claim and policy are granted [rule 176]', async (...row) => {
    const [, claim, scope, granted] = row
    expect(await exchange({ scope: claim }, scope === undefined ? {} : { scope })).toMatchObject({
      status: 200,
      scope: granted,
    })
  })

  it.each<[string, unknown, string]>([
    ['nothing that policy allows', 'admin', 'invalid_scope'],
    ['no scope', '', 'invalid_scope'],
    ['an empty array', [], 'invalid_scope'],
    ['a number', 1, 'invalid_grant'],
    ['null', null, 'invalid_grant'],
    ['an object', { openid: true }, 'invalid_grant'],
    ['a scope with a line break', 'openid\norders:read', 'invalid_grant'],
    ['an array with two scopes in one', ['openid orders:read'], 'invalid_grant'],
  ])('WAG §5.1: an assertion whose scope is %s gets no token [rule 176]', async (_, claim, error) => {
    expect(await exchange({ scope: claim })).toMatchObject({ status: 400, error })
  })
})

describe('the access token of a workload', () => {
  it('WAG §5: no refresh token is issued, and the token does not outlive the assertion [rule 178]', async () => {
    const exp = Math.floor(host.clock.now()) + 90
    const { status, body } = await exchange({ exp, jti: randomUUID() })
    expect([status, Object.keys(body).sort()]).toEqual([200, ['access_token', 'expires_in', 'scope', 'token_type']])
    expect(decodeJwt(body.access_token).exp).toBe(exp)
    expect(body.expires_in).toBe(90)
  })

  it('WAG §5: an assertion that is accepted only within the tolerance of clocks gets no token [rule 178]', async () => {
    expect(await judge({ exp: Math.floor(host.clock.now()) - 30 })).toEqual(refused('expired'))
  })

  it('WAG §5: the token outlives the assertion only if that is configured [rule 178]', async () => {
    const own = await startClockedHost({ identityProvider: { ...WORKLOADS, maxBeyondAssertion: 60 } })
    try {
      const exp = Math.floor(own.clock.now()) + 90
      const { body } = await own.exchangeAssertion(await own.assertion({ aud: ISSUER, exp }))
      expect(body.expires_in).toBe(150)
    } finally {
      await own.close()
    }
  })
})

describe('the refusal of a workload', () => {
  it.each<[string, Record<string, unknown>, Record<string, string>, string, string]>([
    ['an unknown issuer', { iss: OTHER }, {}, 'invalid_grant', 'unknown_issuer'],
    ['a bad assertion', { exp: 1000 }, {}, 'invalid_grant', 'expired'],
    ['a subject that policy refuses', { sub: 'mallory' }, {}, 'invalid_grant', 'subject_not_allowed'],
    ['a scope that policy refuses', { scope: 'openid' }, { scope: 'orders:read' }, 'invalid_scope', 'invalid_scope'],
    ['a resource that policy refuses', {}, { resource: OTHER }, 'invalid_target', 'invalid_target'],
  ])('WAG §7: of %s has this error [rule 180]', async (_, claims, parameters, error, reason) => {
    expect(await exchange(claims, parameters)).toMatchObject({ status: 400, error })
    expect(host.lastReason()).toBe(reason)
  })

  it('WAG §9: says who must act only by option, and only of a verified assertion [rule 181]', async () => {
    expect((await exchange({ sub: 'mallory' })).body).toEqual(ANY_REFUSAL)
    const refusals = { documentation: 'https://docs.example.com/tokens' }
    const own = await startClockedHost({ identityProvider: { allowedSubjects: ['alice'] }, exchange: { refusals } })
    try {
      const refusalOf = async (claims: Record<string, unknown>) =>
        (await own.exchangeAssertion(await own.assertion(claims))).body
      for (const claims of [{ iss: OTHER }, { aud: OTHER }, { exp: 1000 }, { iat: 9_999_999_999 }])
        expect(await refusalOf({ sub: 'mallory', ...claims })).toEqual(ANY_REFUSAL)
      const forged = (await own.assertion({ sub: 'mallory' })).replace(/.{8}$/, 'AAAAAAAA')
      expect((await own.exchangeAssertion(forged)).body).toEqual(ANY_REFUSAL)
      expect(await refusalOf({ sub: 'mallory' })).toEqual({
        error: 'invalid_grant',
        error_description: expect.stringContaining('the administrator of this service must act'),
        error_uri: refusals.documentation,
      })
    } finally {
      await own.close()
    }
  })
})
