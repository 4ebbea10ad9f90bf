import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import request from 'supertest'
import {
  createResourceServer,
  type IssuerOptions,
  MemoryRevocationStore,
  type ResourceServerOptions,
} from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT as CLIENT_OF_HOST, ISSUER } from '../support/exchange-host.js'
import { type IntrospectionEndpoint, startIntrospectionEndpoint } from '../support/introspection-endpoint.js'
import { type ResourceServerHost, startResourceServerHost } from '../support/resource-server-host.js'

const NOW = 1_800_000_000
const OPAQUE = 'b64.token~of+the/tests=='
const CLIENT = { clientId: 'orders-api', clientSecret: 'secret-of-the-tests' }

let endpoint: IntrospectionEndpoint
beforeAll(async () => {
  endpoint = await startIntrospectionEndpoint()
})
afterAll(() => endpoint.close())

async function startHost(entry: Partial<IssuerOptions> = {}, clock = new AdjustableClock()) {
  const introspection = { endpoint: endpoint.url, ...CLIENT }
  return { clock, host: await startResourceServerHost({ introspection, ...entry }, { clock }) }
}

/** Status and reason of what a route answers. */
async function judge(host: ResourceServerHost, token: string): Promise<[number, string | undefined]> {
  const from = host.events.length
  const { status } = await host.get('/', token)
  return [status, host.events.slice(from).findLast(({ name }) => name === 'access.denied')?.reason]
}

describe('createResourceServer refuses', () => {
  const one = { issuer: 'https://auth.example.com', audience: AUDIENCE }
  const introspection = { endpoint: 'https://auth.example.com/introspect', ...CLIENT }
  it.each<[string, unknown, string[]]>([
    ['opaque tokens without an endpoint', { ...one, opaque: true }, ['opaque conflict']],
    ['an endpoint that is no URL', { ...one, introspection: { ...introspection, endpoint: 'auth' } }, ['endpoint']],
    [
      'two issuers of opaque tokens',
      {
        issuers: [one, { ...one, issuer: 'https://other.example.com' }].map((each) => {
          return { ...each, introspection, opaque: true }
        }),
        subject: 'namespaced',
      },
      ['issuers.1.opaque conflict'],
    ],
  ])('%s', (_, options, [problem = '']) => {
    try {
      createResourceServer(options as ResourceServerOptions).close()
      throw new Error('accepted')
    } catch (error) {
      if (!isConfigError(error)) throw error
      expect(error.problems.map(({ path, code }) => `${path.join('.')} ${code}`).join()).toContain(problem)
      expect(error.problems).toHaveLength(1)
    }
  })
})

describe('a JWT of an issuer that is asked', () => {
  let host: ResourceServerHost
  let clock: AdjustableClock
  beforeAll(async () => {
    ;({ host, clock } = await startHost())
  })
  beforeEach(() => endpoint.answerWith({ active: true }))
  afterAll(() => host.close())

  let number = 0
  const token = (claims = {}) => {
    number += 1
    const now = Math.floor(clock.now())
    return host.issuer.issueAccessToken({ iat: now, exp: now + 3000, jti: `id-${number}`, ...claims })
  }

  it('is not asked about if it is bad anyway', async () => {
    const before = endpoint.questions.length
    expect(await judge(host, await token({ aud: 'https://other.example.com' }))).toEqual([401, 'wrong_audience'])
    expect(await judge(host, 'a.b.c')).toEqual([401, 'malformed_jwt'])
    expect(await judge(host, OPAQUE)).toEqual([401, 'malformed_jwt'])
    const [head, payload] = (await token()).split('.')
    expect(await judge(host, `${head}.${payload}.${'A'.repeat(86)}`)).toEqual([401, 'bad_signature'])
    expect(endpoint.questions.length).toBe(before)
  })

  it.each<[string, object, string]>([
    ['that it is not active', { active: false }, 'inactive'],
    ['of another issuer', { active: true, iss: 'https://evil.example.com' }, 'wrong_issuer'],
    ['that it has expired', { active: true, exp: NOW - 100 }, 'expired'],
    ['an expiry that is no date', { active: true, exp: 'soon' }, 'invalid_expiry'],
    ['that it is no bearer token', { active: true, token_type: 'DPoP' }, 'wrong_token_kind'],
    ['that it is a refresh token', { active: true, token_use: 'refresh_token' }, 'wrong_token_kind'],
    ['that it is bound to a key', { active: true, cnf: { jkt: 'x' } }, 'unconfirmed_key'],
    ['that a delegate uses it', { active: true, act: { sub: 'mallory' } }, 'unsupported_delegation'],
  ])('is refused by an answer %s', async (_, answer, reason) => {
    endpoint.answerWith(answer)
    const refused = await token()
    for (let use = 0; use < 2; use += 1) expect(await judge(host, refused)).toEqual([401, reason])
  })

  it('is 503 with Retry-After while the endpoint fails, also if it was accepted before', async () => {
    const known = await token()
    for (let use = 0; use < 3; use += 1) expect(await judge(host, known)).toEqual([200, undefined])
    endpoint.answerWith((response) => void response.writeHead(401).end())
    expect(await judge(host, known)).toEqual([200, undefined]) // The answer still counts.
    clock.advance(5)
    for (const each of [known, await token()]) {
      const response = await fetch(host.url, { headers: { Authorization: `Bearer ${each}` } })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
      expect(host.lastReason()).toBe('introspection_failed')
      expect(host.events.at(-1)).toMatchObject({ identityProvider: host.issuer.name, cause: expect.anything() })
    }
    expect(host.events.filter(({ name }) => name === 'introspection.failed')).toEqual([
      expect.objectContaining({ reason: 'credentials_refused', code: '401' }),
    ])
    endpoint.answerWith({ active: true })
    expect(await judge(host, known)).toEqual([200, undefined])
    expect(host.events.some(({ name }) => name === 'introspection.recovered')).toBe(true)
    expect(JSON.stringify(host.events)).not.toContain(known)
  })

  it('is explained by what the issuer says, which is not asked about a forged one', async () => {
    const explained = async (each: string) => {
      const { isAccepted, reason, steps } = await host.resourceServer.explain(each)
      return [isAccepted, reason, steps.find(({ step }) => step === 'introspection')?.outcome]
    }
    const good = await token()
    const [head, payload] = good.split('.')
    expect(await explained(`${head}.${payload}.${'A'.repeat(86)}`)).toEqual([false, 'bad_signature', 'skipped'])
    expect(await explained(good)).toEqual([true, undefined, 'passed'])
    endpoint.answerWith({ active: false })
    expect(await explained(await token())).toEqual([false, 'inactive', 'failed'])
  })

  it('is refused at most cacheTtl after it was revoked, although it is remembered', async () => {
    const revoked = await token()
    for (let use = 0; use < 4; use += 1) expect(await judge(host, revoked)).toEqual([200, undefined])
    endpoint.answerWith({ active: false })
    clock.advance(4.9)
    expect(await judge(host, revoked)).toEqual([200, undefined])
    clock.advance(0.1)
    expect(await judge(host, revoked)).toEqual([401, 'inactive'])
  })
})

describe('an opaque token', () => {
  let host: ResourceServerHost
  let clock: AdjustableClock
  let good: Record<string, unknown>
  let number = 0
  beforeAll(async () => {
    ;({ host, clock } = await startHost({
      opaque: true,
      allowedSubjects: ['alice', 'service-*'],
      requiredClaims: { tier: 'gold' },
      groupsToScopes: { admins: ['orders:write'] },
      scopes: ['orders:read', 'orders:write'],
    }))
    const iss = host.issuer.name
    good = {
      ...{ active: true, token_type: 'Bearer', iss, aud: [AUDIENCE], exp: NOW + 300, iat: NOW },
      ...{ sub: 'alice', client_id: 'app', scope: 'orders:read admin', tier: 'gold', groups: ['admins'] },
    }
  })
  afterAll(() => host.close())

  /** One that was not asked about. */
  const another = () => {
    number += 1
    return `${OPAQUE.slice(0, -2)}${number}`
  }

  it.each<[string, Record<string, unknown>, string]>([
    ['that is not active', { active: false }, 'inactive'],
    ['without a subject', { sub: undefined }, 'invalid_subject'],
    ['with a subject that is a number', { sub: 7 }, 'invalid_subject'],
    ['without an audience', { aud: undefined }, 'invalid_audience'],
    ['for another audience', { aud: 'https://other.example.com' }, 'wrong_audience'],
    ['without an expiry', { exp: undefined }, 'invalid_expiry'],
    ['with an expiry that is text', { exp: '1900000000' }, 'invalid_expiry'],
    ['that has expired', { exp: NOW - 61 }, 'expired'],
    ['that is valid later', { nbf: NOW + 61 }, 'not_yet_valid'],
    ['that was issued in the future', { iat: NOW + 61 }, 'issued_in_future'],
    ['of another issuer', { iss: 'https://evil.example.com' }, 'wrong_issuer'],
    ['of an issuer that is null', { iss: null }, 'wrong_issuer'],
    ['of no type', { token_type: undefined }, 'wrong_token_kind'],
    ['of two types', { token_type: ['Bearer'] }, 'wrong_token_kind'],
    ['with a proof', { token_type: 'DPoP' }, 'wrong_token_kind'],
    ['that is no access token', { token_type: 'N_A' }, 'wrong_token_kind'],
    ['that is a refresh token', { token_use: 'refresh_token' }, 'wrong_token_kind'],
    ['that is a refresh token of Keycloak', { typ: 'Offline' }, 'wrong_token_kind'],
    ['that is an ID token', { nonce: 'n', at_hash: 'h' }, 'wrong_token_kind'],
    ['with a nonce', { nonce: 'n' }, 'wrong_token_kind'],
    ['that is bound to a certificate', { cnf: { 'x5t#S256': 'x' } }, 'unconfirmed_key'],
    ['of a delegate', { act: { sub: 'mallory' } }, 'unsupported_delegation'],
    ['with a client that is a number', { client_id: 7 }, 'invalid_claim'],
    ['with a scope that is a number', { scope: 7 }, 'invalid_claim'],
    ['of a subject that is not allowed', { sub: 'bob' }, 'subject_not_allowed'],
    ['without a claim that is required', { tier: 'silver' }, 'claim_not_allowed'],
  ])('is refused by an answer about one %s', async (_, changes, reason) => {
    endpoint.answerWith({ ...good, ...changes })
    const token = another()
    for (let use = 0; use < 2; use += 1) expect(await judge(host, token)).toEqual([401, reason])
  })

  it.each([['a b'], ['ü'], ['a\nb'], [''], ['\u{1F600}'], ['x'.repeat(32_769)]])(
    'is not asked about if it cannot be one: %j',
    async (token) => {
      const before = endpoint.questions.length
      await expect(host.resourceServer.verifyAccessToken(token)).rejects.toMatchObject({ name: 'TokenRejected' })
      await expect(host.resourceServer.verifyAccessToken([token] as unknown as string)).rejects.toMatchObject({
        reason: 'malformed_jwt',
      })
      expect(endpoint.questions.length).toBe(before)
    },
  )

  it.each([['a"b'], ['a,b'], ['a=b'], ['=='], ['a b'], ['{"a":1}']])(
    'is not asked about by a route if an Authorization header cannot hold it: %j',
    async (token) => {
      endpoint.answerWith(good)
      const before = endpoint.questions.length
      for (let use = 0; use < 3; use += 1) expect(await judge(host, token)).toEqual([401, 'malformed_authorization'])
      expect(endpoint.questions.length).toBe(before)
    },
  )

  it('is accepted with the claims, the rules and the scopes of its issuer', async () => {
    endpoint.answerWith(good)
    const token = another()
    const { status, body } = await host.get('/orders', token)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      ...{ sub: 'alice', clientId: 'app', scopes: ['orders:read', 'orders:write'], audience: [AUDIENCE] },
      ...{ identityProvider: host.issuer.name, issuer: host.issuer.name, expiresAt: NOW + 300 },
    })
    expect(body.payload).toMatchObject(good)
    expect(JSON.stringify([body, host.events])).not.toContain(token)
  })

  it.each([
    [{ iss: undefined }],
    [{ typ: 'Bearer', nonce: 'n' }],
    [{ token_use: 'access_token' }],
    [{ token_type: 'bearer' }],
  ])('is accepted by an answer with %j', async (changes) => {
    endpoint.answerWith({ ...good, ...changes })
    expect(await judge(host, another())).toEqual([200, undefined])
  })

  it('is explained by the answer', async () => {
    endpoint.answerWith(good)
    const explained = await host.resourceServer.explain(another())
    expect(explained).toMatchObject({ isAccepted: true, accessToken: { sub: 'alice' }, steps: [{ outcome: 'passed' }] })
    endpoint.answerWith({ ...good, cnf: {} })
    for (const token of [another(), await host.issuer.issueAccessToken()]) {
      const { isAccepted, reason } = await host.resourceServer.explain(token)
      expect([isAccepted, reason]).toEqual([false, 'unconfirmed_key'])
    }
  })

  it('may be a JWT, of which the answer says everything', async () => {
    endpoint.answerWith(good)
    const jwt = await host.issuer.issueAccessToken({ sub: 'mallory', exp: 1 }, { alg: 'HS256', typ: 'at+jwt' })
    expect((await host.get('/', jwt)).body.sub).toBe('alice')
    expect(endpoint.questions.at(-1)?.parameters.token).toBe(jwt)
    const before = endpoint.questions.length
    const ofOther = await host.issuer.issueAccessToken({ iss: 'https://evil.example.com' })
    expect(await judge(host, ofOther)).toEqual([401, 'unknown_issuer'])
    expect(endpoint.questions.length).toBe(before)
  })

  it('is refused once it has expired, by the tolerance for clocks at the latest, whatever is kept', async () => {
    const { host: short, clock } = await startHost({
      opaque: true,
      introspection: { endpoint: endpoint.url, ...CLIENT, cacheTtl: 60_000 },
    })
    try {
      endpoint.answerWith({ ...good, iss: undefined, exp: NOW + 10 })
      const token = another()
      expect(await judge(short, token)).toEqual([200, undefined])
      const before = endpoint.questions.length
      clock.advance(9)
      expect([await judge(short, token), endpoint.questions.length]).toEqual([[200, undefined], before])
      clock.advance(1) // Still within the tolerance, but the issuer is asked again.
      expect([await judge(short, token), endpoint.questions.length]).toEqual([[200, undefined], before + 1])
      clock.advance(60)
      expect(await judge(short, token)).toEqual([401, 'expired'])
    } finally {
      await short.close()
    }
  })

  it('is refused if its issuer is switched off, and needs no key of it', async () => {
    await host.resourceServer.ready()
    expect(host.resourceServer.stats().identityProviders).toMatchObject([{ kids: [] }])
    const { host: disabled } = await startHost({ opaque: true, enabled: false })
    const before = endpoint.questions.length
    expect([await judge(disabled, another()), endpoint.questions.length]).toEqual([
      [401, 'identity_provider_disabled'],
      before,
    ])
    await disabled.close()
  })

  it('is accepted only by an answer of exactly the right shape', async () => {
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('alice', 'Bearer', AUDIENCE, NOW + 300, true, false, 'gold', 'true', NOW - 100),
    )
    const members = ['active', 'token_type', 'iss', 'aud', 'exp', 'sub', 'tier', 'cnf', 'act', 'nbf', 'token_use']
    const changes = fc.dictionary(fc.constantFrom(...members), fc.option(anything, { nil: undefined }), { maxKeys: 3 })
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        const answer: Record<string, unknown> = { ...good, ...changed }
        endpoint.answerWith(answer)
        const status = await host.resourceServer.verifyAccessToken(another()).then(
          () => 200,
          (error) => error.status,
        )
        expect(status).toBe(typeof answer.active !== 'boolean' ? 503 : mayPass(answer) ? 200 : 401)
      }),
      { numRuns: 150 },
    )
  })

  /** By the words of the documentation, of an answer as it arrives. */
  function mayPass(answer: Record<string, unknown>): boolean {
    const said = JSON.parse(JSON.stringify(answer)) as Record<string, unknown>
    const has = (name: string) => name in said
    const audiences = [said.aud].flat()
    const number = (name: string) => (typeof said[name] === 'number' ? Number(said[name]) : Number.NaN)
    return (
      said.active === true &&
      String(said.token_type).toLowerCase() === 'bearer' &&
      typeof said.token_type === 'string' &&
      (!has('iss') || said.iss === host.issuer.name) &&
      audiences.every((each) => typeof each === 'string') &&
      audiences.includes(AUDIENCE) &&
      number('exp') > clock.now() - 60 &&
      number('exp') <= clock.now() + 31_536_060 &&
      (!has('nbf') || (number('nbf') >= 0 && number('nbf') <= clock.now() + 60)) &&
      typeof said.sub === 'string' &&
      /^(?:alice|service-.*)$/s.test(said.sub) &&
      said.tier === 'gold' &&
      !has('cnf') &&
      !has('act') &&
      (!has('token_use') || said.token_use === 'access' || said.token_use === 'access_token')
    )
  }
})

describe('a token of a real exchange', () => {
  it.each([[false], [true]])('is refused within cacheTtl of its revocation (opaque: %j)', async (opaque) => {
    const host = await startClockedHost({
      exchange: { introspection: true, revocation: { store: new MemoryRevocationStore(), maxStale: 3_600_000 } },
    })
    const { clientId, clientSecret } = CLIENT_OF_HOST
    const resourceServer = createResourceServer({
      ...{ issuer: ISSUER, audience: AUDIENCE, clock: host.clock, opaque },
      ...(!opaque && { jwksUri: `${host.url}/oauth2/jwks` }),
      introspection: { clientId, clientSecret, endpoint: `${host.url}/oauth2/introspect`, cacheTtl: 2000 },
    })
    try {
      await host.exchange.ready()
      const [token, other] = [await host.accessToken(), await host.accessToken()]
      const judge = (each: string) =>
        resourceServer.verifyAccessToken(each).then(
          ({ sub, scopes }) => [sub, ...scopes],
          ({ reason }) => reason,
        )
      for (let use = 0; use < 3; use += 1) expect(await judge(token)).toEqual(['alice', ...CLIENT_OF_HOST.scopes])
      const revoked = await request(host.url)
        .post('/oauth2/revoke')
        .auth(CLIENT_OF_HOST.clientId, CLIENT_OF_HOST.clientSecret)
        .type('form')
        .send({ token })
      expect(revoked.status).toBe(200)
      host.clock.advance(1.9)
      expect(await judge(token)).toEqual(['alice', ...CLIENT_OF_HOST.scopes]) // By the answer that is kept.
      host.clock.advance(0.1)
      expect(await judge(token)).toBe('inactive')
      expect(await judge(other)).toEqual(['alice', ...CLIENT_OF_HOST.scopes])
      host.clock.advance(3600)
      expect(await judge(other)).toBe('inactive') // Within the tolerance for clocks, too.
    } finally {
      resourceServer.close()
      await host.close()
    }
  })

  it('is refused to a client that may not see it, and 503 for wrong credentials', async () => {
    const stranger = { clientId: 'stranger', clientSecret: 'secret: of a + stranger %', scopes: ['orders:read'] }
    const host = await startClockedHost({ exchange: { introspection: true, clients: [CLIENT_OF_HOST, stranger] } })
    const { clientId, clientSecret } = stranger
    const outcomeFor = async (secret: string) => {
      const introspection = { endpoint: `${host.url}/oauth2/introspect`, clientId, clientSecret: secret }
      const options = { issuer: ISSUER, audience: AUDIENCE, clock: host.clock, opaque: true, introspection }
      const resourceServer = createResourceServer(options)
      const failures: unknown[] = []
      resourceServer.events.on('introspection.failed', ({ reason }) => failures.push(reason))
      const error = await resourceServer.verifyAccessToken(await host.accessToken()).catch((thrown) => thrown)
      resourceServer.close()
      return [error.status, error.reason, ...failures]
    }
    try {
      expect(await outcomeFor(clientSecret)).toEqual([401, 'inactive'])
      expect(await outcomeFor('wrong')).toEqual([503, 'introspection_failed', 'credentials_refused'])
    } finally {
      await host.close()
    }
  })
})
