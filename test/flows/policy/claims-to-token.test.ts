import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import type { ClaimSource, MapClaim } from '../../../src/index.js'
import { type ClockedHost, startClockedHost } from '../../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../../support/exchange-host.js'
import { expectCleanEvents, expectInvalidGrant, expectUnavailable } from '../../support/expect-refusal.js'

type Sources = Readonly<Record<string, ClaimSource>>
type Payload = Readonly<Record<string, unknown>>

const OWN = ['iss', 'sub', 'aud', 'client_id', 'iat', 'exp', 'jti', 'idp', 'scope']

const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((host) => host.close())))

async function startWith(claimsToToken: Sources): Promise<ClockedHost> {
  const host = await startClockedHost({ identityProvider: { claimsToToken } })
  hosts.push(host)
  return host
}

/** The payload of the access token for an assertion with these claims, as the service itself reads it. */
async function payloadOf(host: ClockedHost, claims: object = {}): Promise<Payload> {
  return (await host.exchange.verifyAccessToken(await host.accessToken({ ...claims }))).payload
}

/** The claims of the access token beside those that each has. */
async function mappedOf(host: ClockedHost, claims?: object): Promise<Payload> {
  const others = Object.entries(await payloadOf(host, claims)).filter(([name]) => !OWN.includes(name))
  return Object.fromEntries(others)
}

/** An array within an array and so on: `depth` of them. */
function nested(depth: number): unknown {
  let value: unknown[] = []
  for (let level = 1; level < depth; level += 1) value = [value]
  return value
}

describe('a function among the sources', () => {
  const failing: [string, MapClaim][] = [
    [
      'throws',
      () => {
        throw new Error('the directory is down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the directory is down'))],
    ['gives a BigInt', () => ({ id: 1n })],
    [
      'gives a cycle',
      () => {
        const cycle: Record<string, unknown> = {}
        cycle.self = cycle
        return cycle
      },
    ],
    ['gives a function', () => () => 'x'],
  ]
  it.each(failing)('that %s is an outage of ours, which does not use up the assertion', async (_, map) => {
    let isBroken = true
    const host = await startWith({ role: (...given) => (isBroken ? map(...given) : 'reader') })
    const assertion = await host.assertion()
    await expectUnavailable(host.exchangeAssertion(assertion), host, 'claim_mapping_failed')
    expect(host.events.at(-1)).toMatchObject({ name: 'token.rejected', identityProvider: host.idp.name, status: 503 })
    isBroken = false
    expect((await host.judge(assertion)).status).toBe(200)
    expect((await host.judge(assertion)).reason).toBe('replayed')
    expectCleanEvents(host)
  })

  it('has the name of what it throws reported to the operator, and its message to nobody', async () => {
    const host = await startWith({ role: () => Promise.reject(new Error(`evil\n${'x'.repeat(500)}`)) })
    const { text } = await host.exchangeAssertion(await host.assertion())
    expect(text).not.toContain('evil')
    expect(host.events.at(-1)?.cause).toBe('Error')
    expect(JSON.stringify(host.events)).not.toContain('evil')
  })

  it('is asked with claims, identity provider and client, of an accepted assertion only', async () => {
    const told: unknown[] = []
    const host = await startClockedHost({
      identityProvider: {
        allowedSubjects: ['alice'],
        bindings: [{ name: 'x', when: { ok: true }, scopes: ['openid'] }],
        claimsToToken: {
          role: (claims, context) => {
            told.push([claims.sub, claims.ok, context])
            return Promise.resolve(['reader'])
          },
        },
      },
    })
    hosts.push(host)
    const good = await host.assertion({ ok: true })
    expect((await host.judge(`${good.slice(0, -4)}AAAA`)).reason).toBe('bad_signature')
    expect((await host.judge(await host.assertion({ sub: 'bob', ok: true }))).reason).toBe('subject_not_allowed')
    expect((await host.judge(await host.assertion({ ok: false }))).reason).toBe('no_binding_matches')
    expect(told).toEqual([])
    expect((await payloadOf(host, { ok: true })).role).toEqual(['reader'])
    expect(told).toEqual([['alice', true, { identityProvider: host.idp.name, clientId: CLIENT.clientId }]])
  })
})

describe('claims that are too large together', () => {
  it('refuse the assertion, and do not use it up', async () => {
    let size = 9000
    const host = await startWith({ role: () => 'x'.repeat(size) })
    const assertion = await host.assertion()
    await expectInvalidGrant(host.exchangeAssertion(assertion), host, 'mapped_claims_too_large')
    expect(host.events.at(-1)).toMatchObject({ identityProvider: host.idp.name, clientId: CLIENT.clientId })
    size = 10
    expect((await host.judge(assertion)).status).toBe(200)
    expect((await host.judge(assertion)).reason).toBe('replayed')
  })

  it('are those of an assertion with groups without end', async () => {
    const host = await startWith({ groups: 'groups', copy: 'groups' })
    const groups = Array.from({ length: 700 }, (_, index) => `group-${index}`)
    await expectInvalidGrant(host.exchangeAssertion(await host.assertion({ groups })), host, 'mapped_claims_too_large')
    expect(await mappedOf(host, { groups: groups.slice(0, 300) })).toEqual({
      groups: groups.slice(0, 300),
      copy: groups.slice(0, 300),
    })
  })

  it('are not those of 8192 bytes, and such a token passes a route', async () => {
    const host = await startWith({ text: 'text' })
    const text = 'x'.repeat(8192 - '{"text":""}'.length)
    const token = await host.accessToken({ text })
    for (const path of ['/me', '/orders']) {
      const { status, body } = await request(host.url).get(path).auth(token, { type: 'bearer' })
      expect([path, status, body.payload?.text]).toEqual([path, 200, text])
    }
    await expectInvalidGrant(
      host.exchangeAssertion(await host.assertion({ text: `${text}x` })),
      host,
      'mapped_claims_too_large',
    )
  })
})

describe('mapped claims', () => {
  let host: ClockedHost
  beforeAll(async () => {
    host = await startWith({
      roles: 'realm_access.roles',
      first_role: '/realm_access/roles/0',
      namespace: '"kubernetes.io".namespace',
      'https://example.com/tenant': 'https://example.com/tenant',
      email: 'email',
      user: 'sub',
      from: 'iss',
      assertion_id: 'jti',
      tenant: { value: 'acme' },
      levels: { value: [1, true, 'x'] },
    })
  })
  const CONSTANTS = { tenant: 'acme', levels: [1, true, 'x'] }

  it('stand in the access token, and on the routes', async () => {
    const claims = {
      jti: 'one',
      realm_access: { roles: ['reader', 'editor'] },
      'kubernetes.io': { namespace: 'shop' },
      'https://example.com/tenant': { id: 7 },
      email: 'alice@example.com',
    }
    const token = await host.accessToken(claims)
    const expected = {
      ...CONSTANTS,
      user: 'alice',
      from: host.idp.name,
      assertion_id: 'one',
      roles: ['reader', 'editor'],
      first_role: 'reader',
      namespace: 'shop',
      'https://example.com/tenant': { id: 7 },
      email: 'alice@example.com',
    }
    expect((await host.exchange.verifyAccessToken(token)).payload).toMatchObject(expected)
    for (const path of ['/me', '/orders']) {
      const { body } = await request(host.url).get(path).auth(token, { type: 'bearer' })
      expect(body.payload).toMatchObject(expected)
    }
  })

  it('are left out where their source is missing', async () => {
    const mapped = await mappedOf(host, { jti: undefined })
    expect(mapped).toEqual({ ...CONSTANTS, user: 'alice', from: host.idp.name })
  })

  it('are no others than those that are configured', async () => {
    const foreign = { admin: true, scope: 'admin', client_id: 'root', may_act: { sub: 'x' }, nbf: 1 }
    const payload = await payloadOf(host, foreign)
    expect(payload).toMatchObject({ client_id: CLIENT.clientId, scope: CLIENT.scopes.join(' ') })
    for (const name of ['admin', 'may_act', 'nbf']) expect(payload).not.toHaveProperty(name)
  })

  it('change none of the claims that every access token has', async () => {
    const payload = await payloadOf(host, { aud: [ISSUER, `${ISSUER}/token`], client_id: 'x', idp: 'y', may_act: {} })
    expect(payload).toMatchObject({
      iss: ISSUER,
      sub: 'alice',
      aud: AUDIENCE,
      client_id: CLIENT.clientId,
      idp: host.idp.name,
      exp: Number(payload.iat) + 3600,
    })
    expect(payload.jti).not.toBe(payload.assertion_id)
  })

  it('are not told in events, nor put before the assertion strategy', async () => {
    await host.accessToken({ email: 'secret@example.com' })
    expect(JSON.stringify(host.events)).not.toContain('secret@example.com')
    const { body } = await request(host.url)
      .get('/whoami')
      .auth(await host.assertion(), { type: 'bearer' })
    expect(body).not.toHaveProperty('tenant')
    expect(body.payload).not.toHaveProperty('tenant')
  })
})

describe('odd values', () => {
  let host: ClockedHost
  beforeAll(async () => {
    host = await startWith({ mapped: 'odd' })
  })

  const odd: [string, unknown][] = [
    ['null', null],
    ['an empty text', ''],
    ['an empty object', {}],
    ['an empty array', []],
    ['the greatest whole number', Number.MAX_SAFE_INTEGER],
    ['the smallest whole number', Number.MIN_SAFE_INTEGER],
    ['a very small number', 5e-324],
    ['a fraction', 0.1],
    ['control characters', '\0\u001f\u007f\u2028\u2029'],
    ['half a surrogate pair', 'a\ud800b'],
    ['an emoji and a byte order mark', '\ufeff😀'],
    ['text like JSON', '","sub":"root'],
    ['text like a member', '"sub":"root"'],
    ['backslashes and quotes', '\\"\\\\"'],
    ['names like those of the access token', { sub: 'root', scope: 'admin', exp: 1 }],
    ['names that are odd', { '': 1, 'a"b': 2, 'é\n': 3, 'a:b': 4, '\\': 5 }],
    ['members in arrays', [{ a: 1 }, [{ a: 2 }], [[]]]],
    ['names of prototypes', { constructor: { prototype: 1 }, toString: 'x', hasOwnProperty: null }],
    ['a name that is __proto__', JSON.parse('{"__proto__":{"admin":true}}')],
    ['a toJSON that is text', { toJSON: 'x' }],
  ]
  it.each(odd)('arrive as they are, in a token that is accepted: %s', async (_, value) => {
    const { mapped } = await payloadOf(host, { odd: value })
    expect(JSON.stringify(mapped)).toBe(JSON.stringify(value))
  })

  it('are as deep as those of an assertion can be: 31 levels in a claim', async () => {
    expect((await payloadOf(host, { odd: nested(31) })).mapped).toEqual(nested(31))
    expect((await host.judge(await host.assertion({ odd: nested(32) }))).reason).toBe('malformed_jwt')
    expect((await host.judge(await host.assertion({ odd: nested(4000) }))).reason).toBe('malformed_jwt')
  })

  it.each([32, 33, 1000, 4000])('are not in a token that nobody accepts: %i levels of a function', async (depth) => {
    const deep = await startWith({ mapped: () => nested(depth) })
    const { status } = await deep.exchangeAssertion(await deep.assertion())
    expect([deep.lastReason(), status]).toEqual(['claim_mapping_failed', 503])
  })

  it('are not in a token that nobody accepts where a function puts the claims of an assertion into an object', async () => {
    const wrapping = await startWith({ mapped: ({ odd: value }) => ({ from: { the: { assertion: value } } }) })
    const { status } = await wrapping.exchangeAssertion(await wrapping.assertion({ odd: nested(31) }))
    expect([wrapping.lastReason(), status]).toEqual(['claim_mapping_failed', 503])
  })
})
