import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type ClientOptions, createJwtExchange, type JwtExchangeOptions } from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, judgeClient, refusedClient, signClientAssertion } from '../support/client-assertions.js'
import { ACCEPTED, type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { CLIENT, GRANT_TYPE, ISSUER } from '../support/exchange-host.js'

const PLATFORM = 'https://platform.example.com'
const ONCE = 'https://once.example.com'
const POD = 'system:serviceaccount:shop:orders'
const ALIAS = 'https://api.example.com/workloads'

let platform: FakeKey
let once: FakeKey
let own: FakeKey
let host: ClockedHost

beforeAll(async () => {
  ;[platform, once, own] = await Promise.all([
    generateFakeKey('ES256', 'p'),
    generateFakeKey('ES256', 'o'),
    generateFakeKey('ES256', 'k'),
  ])
  const fixed = (name: string, key: FakeKey) => ({ name, alias: ALIAS, jwks: { keys: [key.publicJwk] } })
  const asserted = (clientId: string, identityProvider: string, subject: string): ClientOptions => ({
    clientId,
    assertedBy: { identityProvider, subject },
    scopes: CLIENT.scopes,
  })
  host = await startClockedHost({
    furtherIdentityProviders: [
      {
        ...fixed(PLATFORM, platform),
        replay: 'allow',
        allowedSubjects: ['system:*'],
        requiredClaims: { cluster: 'a' },
      },
      { ...fixed(ONCE, once), allowedSubjects: 'any' },
    ],
    exchange: {
      subject: 'namespaced',
      clients: [
        CLIENT,
        asserted('orders', PLATFORM, POD),
        asserted('refused', PLATFORM, 'refused:by:policy'),
        asserted('job', ONCE, 'job-1'),
        { clientId: 'keyed', jwks: { keys: [own.publicJwk] }, scopes: CLIENT.scopes },
      ],
    },
  })
})
afterAll(() => host.close())

type Members = Readonly<Record<string, unknown>>

/** A service account token. */
function podToken(claims: Members = {}, header: Members = {}, key = platform): Promise<string> {
  const good = { iss: PLATFORM, sub: POD, aud: ALIAS, cluster: 'a' }
  return signAssertion(key, { alg: key.algorithm, kid: key.kid, ...header }, host.claims({ ...good, ...claims }))
}

const present = (assertion: string, form: Record<string, string> = {}) =>
  judgeClient(host, { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION_TYPE, ...form })
const rejected = (reason: string) => refusedClient(`wrong_client_assertion: ${reason}`)

describe('a client that an identity provider asserts', () => {
  it('exchanges the assertion of a user by its service account token, as often as it likes', async () => {
    const token = await podToken()
    expect(await present(token)).toEqual(ACCEPTED)
    expect(await present(token, { client_id: 'orders' })).toEqual(ACCEPTED)
    const issued = host.events.filter(({ name }) => name === 'token.issued')
    expect(issued.map(({ clientId }) => clientId)).toEqual(['orders', 'orders'])
  })

  it('exchanges the same token itself, if the provider allows replay', async () => {
    const token = await podToken()
    expect(await present(token, { assertion: token })).toEqual(ACCEPTED)
  })

  it('uses a token up by either use, if the provider does not', async () => {
    const token = () => podToken({ iss: ONCE, sub: 'job-1', jti: randomUUID() }, {}, once)
    const first = await token()
    const replayed = { status: 400, error: 'invalid_grant', reason: 'replayed' }
    expect(await present(first, { assertion: first })).toEqual(replayed)
    expect(await present(first)).toEqual(rejected('replayed'))
    const second = await token()
    expect((await host.post({ grant_type: GRANT_TYPE, assertion: second })).status).toBe(200)
    expect(await present(second)).toEqual(rejected('replayed'))
  })

  it.each<[string, () => Promise<string>, string]>([
    ['the alias is not in aud', () => podToken({ aud: ISSUER }), 'wrong_audience'],
    ['it has expired', () => podToken({ exp: Math.floor(host.clock.now()) - 61 }), 'expired'],
    ['its typ is of another token', () => podToken({}, { typ: 'at+jwt' }), 'type_not_allowed'],
    ['its typ is of a client assertion', () => podToken({}, { typ: 'client-authentication+jwt' }), 'type_not_allowed'],
    ['another key has signed it', () => podToken({}, { kid: 'p' }, once), 'bad_signature'],
    ['its claims break a rule of the provider', () => podToken({ cluster: 'b' }), 'claim_not_allowed'],
    [
      'it is unsigned',
      async () => `${(await podToken({}, { alg: 'none' })).replace(/\.[^.]*$/, '')}.AA`,
      'algorithm_not_allowed',
    ],
  ])('is refused where %s', async (_, token, reason) => {
    expect(await present(await token(), { client_id: 'orders' })).toEqual(rejected(reason))
  })

  it('is refused where a rule of the provider refuses its subject', async () => {
    const token = await podToken({ sub: 'refused:by:policy' })
    expect(await present(token)).toEqual(rejected('subject_not_allowed'))
    expect(host.events.at(-1)).toMatchObject({ clientId: 'refused', identityProvider: PLATFORM, kid: 'p' })
  })

  it('is refused by the token of another workload, of another provider, and by one it signs itself', async () => {
    const other = await podToken({ sub: `${POD}-2` })
    expect(await present(other)).toEqual(refusedClient('unknown_client'))
    expect(await present(other, { client_id: 'orders' })).toEqual(rejected('subject_not_allowed'))
    const foreign = await podToken({ iss: ONCE }, {}, once)
    expect(await present(foreign, { client_id: 'orders' })).toEqual(rejected('wrong_issuer'))
    const byItself = await signClientAssertion(host, own, 'orders')
    expect(await present(byItself, { client_id: 'orders' })).toEqual(rejected('wrong_issuer'))
  })

  it('is nobody else: not with a good token, nor with its id in the token', async () => {
    for (const client_id of ['app', 'nobody', 'job', 'keyed']) {
      expect((await present(await podToken(), { client_id })).status).toBe(401)
    }
    expect(await present(await podToken({ sub: 'keyed' }))).toEqual(rejected('unknown_key'))
    expect(await present(await podToken({ sub: 'app' }))).toEqual(refusedClient('wrong_client_auth_method'))
  })

  it('is refused while the provider is switched off', async () => {
    host.exchange.disableIdentityProvider(PLATFORM)
    expect(await present(await podToken())).toEqual(rejected('identity_provider_disabled'))
    host.exchange.enableIdentityProvider(PLATFORM)
    expect(await present(await podToken())).toEqual(ACCEPTED)
  })
})

describe('a client with a key', () => {
  it('is no provider: its assertion is not taken for one about another client', async () => {
    const assertion = await signClientAssertion(host, own, 'keyed', { sub: POD, aud: ALIAS, cluster: 'a' })
    expect((await present(assertion)).status).toBe(401)
    expect((await present(assertion, { client_id: 'orders' })).status).toBe(401)
  })
})

describe('the options of such clients', () => {
  const linesOf = (clients: readonly unknown[]) => {
    try {
      const identityProviders = [{ name: PLATFORM, jwks: { keys: [platform.publicJwk] }, allowedSubjects: 'any' }]
      const accessToken = { audience: 'https://api.example.com' }
      createJwtExchange({ issuer: ISSUER, identityProviders, clients, accessToken } as JwtExchangeOptions)
      return []
    } catch (error) {
      return isConfigError(error) ? error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`) : [error]
    }
  }
  const assertedBy = { identityProvider: PLATFORM, subject: POD }
  const jwks = () => ({ keys: [own.publicJwk] })

  it('are refused where one credential is not one', () => {
    expect(linesOf([{ clientId: 'a', assertedBy, jwks: jwks() }])).toEqual([
      'clients.0.assertedBy: set `assertedBy` or `jwks`, not both',
    ])
    expect(linesOf([{ clientId: 'a', clientSecret: CLIENT.clientSecret, jwksUri: 'https://a.example.com' }])).toEqual([
      'clients.0.jwksUri: set `jwksUri` or `clientSecret`, not both',
    ])
  })

  it('are refused where two clients have the same, or an id is the name of a provider', () => {
    expect(
      linesOf([
        { clientId: 'a', assertedBy },
        { clientId: 'b', assertedBy },
      ]),
    ).toEqual(['clients.1.assertedBy: client 1 has the same; choose another subject'])
    expect(linesOf([{ clientId: PLATFORM, jwks: jwks() }])).toEqual([
      expect.stringContaining('clients.0.clientId: is also the `name`'),
    ])
  })

  it('are refused where the provider is unknown, or the subject a pattern or missing', () => {
    expect(linesOf([{ clientId: 'a', assertedBy: { ...assertedBy, identityProvider: ONCE } }])).toEqual([
      expect.stringContaining('clients.0.assertedBy.identityProvider: got'),
    ])
    expect(linesOf([{ clientId: 'a', assertedBy: { ...assertedBy, subject: 'system:*' } }])).toEqual([
      expect.stringContaining('* is not a pattern'),
    ])
    expect(linesOf([{ clientId: 'a', assertedBy: { identityProvider: PLATFORM } }])).toEqual([
      expect.stringContaining('clients.0.assertedBy.subject: missing'),
    ])
    expect(linesOf([{ clientId: 'a', assertedBy: 'x' }])).toHaveLength(1)
  })

  it('are refused where a key is private, or none can be used', () => {
    expect(linesOf([{ clientId: 'a', jwks: { keys: [own.privateJwk] } }])).toHaveLength(1)
    expect(linesOf([{ clientId: 'a', jwks: { keys: [] } }])).toHaveLength(1)
    expect(linesOf([{ clientId: 'a', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }])).toHaveLength(1)
    expect(linesOf([{ clientId: 'a', jwksUri: 'http://a.example.com' }])).toHaveLength(1)
  })
})
