import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  type IdentityProviderOptions,
  type JwtExchangeOptions,
  MemoryReplayStore,
  type ReplayStore,
} from '../../src/index.js'
import { FakeIdentityProvider, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { CLIENT, type ExchangeHost, GRANT_TYPE, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import {
  closeUnharmed,
  expectAssertionRefused,
  expectCleanEvents,
  expectInvalidGrant,
  expectInvalidToken,
  expectRefusal,
  expectServing,
  expectUnavailable,
} from '../support/expect-refusal.js'
import { goodClaims, goodHeader, signEncoded } from '../support/forged-jwt.js'
import { startHostOfMany } from '../support/host-of-many.js'

const OTHER_CLIENT = { clientId: 'other', clientSecret: 'app-secret-of-the-other', scopes: ['openid'] }
const ROUTE_ONLY = { clientId: 'narrow', clientSecret: 'app-secret-of-the-narrow', identityProviders: [] }
let host: ExchangeHost

async function statusOf(assertion: string, at = host): Promise<number> {
  return (await at.exchangeAssertion(assertion)).status
}

function postAs(client: { clientId: string; clientSecret: string }, assertion: string, at = host) {
  return request(at.url)
    .post('/oauth2/token')
    .auth(client.clientId, client.clientSecret)
    .type('form')
    .send({ grant_type: GRANT_TYPE, assertion })
}

describe('an assertion sent again', () => {
  beforeAll(async () => {
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { clients: [CLIENT, OTHER_CLIENT, ROUTE_ONLY] },
    })
  })
  afterAll(() => closeUnharmed(host))

  it('R1: is refused', async () => {
    const assertion = await host.idp.issueAssertion()
    expect(await statusOf(assertion)).toBe(200)
    await expectAssertionRefused(host, assertion, 'replayed')
    await expectAssertionRefused(host, assertion, 'replayed')
  })

  it('R1: is refused from another client', async () => {
    const assertion = await host.idp.issueAssertion()
    expect(await statusOf(assertion)).toBe(200)
    await expectInvalidGrant(postAs(OTHER_CLIENT, assertion), host, 'replayed')
  })

  it('R1: is refused by the route for assertions, and after that by the token endpoint', async () => {
    const [first, second] = [await host.idp.issueAssertion(), await host.idp.issueAssertion()]
    expect(await statusOf(first)).toBe(200)
    await expectInvalidToken(host, '/whoami', `Bearer ${first}`, 'replayed')
    const { status } = await request(host.url).get('/whoami').auth(second, { type: 'bearer' })
    expect(status).toBe(200)
    await expectInvalidGrant(host.exchangeAssertion(second), host, 'replayed')
  })

  it('R2: 12 copies at once get one access token', async () => {
    const assertion = await host.idp.issueAssertion()
    const answers = await Promise.all(Array.from({ length: 12 }, () => host.exchangeAssertion(assertion)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(11).fill(400)])
    const refusals = answers.filter(({ status }) => status === 400).map(({ text }) => text)
    expect(new Set(refusals).size).toBe(1)
    expect(host.lastReason()).toBe('replayed')
  })

  it('R2: 12 copies at once pass the route for assertions once', async () => {
    const assertion = await host.idp.issueAssertion()
    const send = () => request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    const answers = await Promise.all(Array.from({ length: 12 }, send))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(11).fill(401)])
  })

  it('R4: is refused in another spelling or with another header', async () => {
    const { signingKey } = host.idp
    const claims = goodClaims(host.idp)
    const assertion = await signAssertion(signingKey, goodHeader(host.idp), claims)
    expect(await statusOf(assertion)).toBe(200)
    const resigned = await signAssertion(signingKey, goodHeader(host.idp), claims)
    expect(resigned).not.toBe(assertion)
    await expectAssertionRefused(host, resigned, 'replayed')
    for (const header of [
      { alg: 'ES256' },
      { ...goodHeader(host.idp), x: 1 },
      { ...goodHeader(host.idp), typ: 'jwt' },
    ]) {
      await expectAssertionRefused(host, await signAssertion(signingKey, header, claims), 'replayed')
    }
    const reordered = Object.fromEntries(Object.entries(claims).reverse())
    await expectAssertionRefused(host, await signAssertion(signingKey, goodHeader(host.idp), reordered), 'replayed')
    const spaced = JSON.stringify(claims, undefined, 1)
    await expectAssertionRefused(host, await signAssertion(signingKey, goodHeader(host.idp), spaced), 'replayed')
    const escaped = JSON.stringify(claims).replace('"jti"', '"\\u006ati"')
    await expectAssertionRefused(host, await signAssertion(signingKey, goodHeader(host.idp), escaped), 'replayed')
  })

  it('R4: is refused when RS256 and ES256 sign the same claims', async () => {
    const claims = goodClaims(host.idp)
    const idp = await FakeIdentityProvider.start({ name: host.idp.name })
    const ecKey = host.idp.signingKey
    idp.publish([idp.signingKey.publicJwk, ecKey.publicJwk])
    const both = await startHostOfMany(idp, [{ name: idp.name, allowedSubjects: 'any', jwksUri: idp.jwksUri }], {
      subject: 'raw',
    })
    try {
      expect(await statusOf(await signAssertion(idp.signingKey, { alg: 'RS256' }, claims), both)).toBe(200)
      await expectAssertionRefused(both, await signAssertion(ecKey, { alg: 'ES256' }, claims), 'replayed')
    } finally {
      await both.close()
    }
  })

  it('R4: is refused without jti as well, with any signature and header', async () => {
    const { signingKey } = host.idp
    const { jti: _, ...claims } = goodClaims(host.idp)
    expect(await statusOf(await signAssertion(signingKey, goodHeader(host.idp), claims))).toBe(200)
    await expectAssertionRefused(host, await signAssertion(signingKey, goodHeader(host.idp), claims), 'replayed')
    await expectAssertionRefused(host, await signAssertion(signingKey, { alg: 'ES256' }, claims), 'replayed')
  })

  const burnings: [name: string, attack: (claims: Record<string, unknown>) => Promise<unknown>][] = [
    ['a forged signature', async (claims) => host.exchangeAssertion(await forged(claims))],
    ['a wrong client secret', async (claims) => postAs({ ...CLIENT, clientSecret: 'wrong' }, await signedOver(claims))],
    ['an unknown client', async (claims) => postAs({ ...CLIENT, clientId: 'nobody' }, await signedOver(claims))],
    ['a client that may not use the identity provider', async (claims) => postAs(ROUTE_ONLY, await signedOver(claims))],
    ['a wrong audience', async (claims) => host.exchangeAssertion(await signedOver({ ...claims, aud: 'other' }))],
    ['a past date', async (claims) => host.exchangeAssertion(await signedOver({ ...claims, exp: 1 }))],
    [
      'a subject that is a client',
      async (claims) => host.exchangeAssertion(await signedOver({ ...claims, sub: 'app' })),
    ],
    ['an unknown scope', async (claims) => host.exchangeAssertion(await signedOver(claims), { scope: 'admin' })],
    [
      'another grant type',
      async (claims) => host.exchangeAssertion(await signedOver(claims), { grant_type: 'password' }),
    ],
    ['a second assertion', async (claims) => sendTwice(await signedOver(claims))],
  ]

  it.each(burnings)('R5: a request refused for %s uses no assertion up', async (_name, attack) => {
    const claims = goodClaims(host.idp)
    await attack(claims)
    expect(await statusOf(await signedOver(claims))).toBe(200)
    await expectAssertionRefused(host, await signedOver(claims), 'replayed')
  })

  function signedOver(claims: Readonly<Record<string, unknown>>): Promise<string> {
    return signAssertion(host.idp.signingKey, goodHeader(host.idp), claims)
  }

  async function forged(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const [header, payload, signature = ''] = (await signedOver(claims)).split('.')
    return `${header}.${payload}.${'A'.repeat(signature.length)}`
  }

  async function sendTwice(assertion: string): Promise<unknown> {
    return request(host.url)
      .post('/oauth2/token')
      .auth(CLIENT.clientId, CLIENT.clientSecret)
      .type('form')
      .send(`grant_type=${GRANT_TYPE}&assertion=${assertion}&assertion=${assertion}`)
  }
})

describe('two processes with one store', () => {
  let idp: FakeIdentityProvider
  let hosts: ExchangeHost[]
  beforeAll(async () => {
    idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const store = new MemoryReplayStore()
    const slowly: ReplayStore = {
      markUsed: async (key, expiresAt) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return store.markUsed(key, expiresAt)
      },
    }
    const start = () =>
      startHostOfMany(idp, [{ name: idp.name, allowedSubjects: 'any', jwksUri: idp.jwksUri }], {
        replay: { store: slowly },
      })
    hosts = [await start(), await start()]
  })
  afterAll(async () => {
    for (const each of hosts) await expectServing(each)
    for (const each of hosts) await each.close()
  })

  it('R1: refuse an assertion that the other one has accepted', async () => {
    const [first, second] = hosts as [ExchangeHost, ExchangeHost]
    const assertion = await idp.issueAssertion()
    expect(await statusOf(assertion, first)).toBe(200)
    await expectAssertionRefused(second, assertion, 'replayed')
  })

  it('R2: give one access token for 12 copies at once', async () => {
    const assertion = await idp.issueAssertion()
    const copies = hosts.flatMap((each) => Array.from({ length: 6 }, () => statusOf(assertion, each)))
    expect((await Promise.all(copies)).sort()).toEqual([200, ...Array(11).fill(400)])
  })
})

describe('the same jti from two identity providers', () => {
  it('R3: is two assertions, however the names and the jti join', async () => {
    const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const names = ['https://c/x', 'https://c/xy', 'https://c/x:y', 'https://c/x","y', 'https://c/xjtiy']
    const { jwksUri } = idp
    const many = await startHostOfMany(
      idp,
      [...names, idp.name].map((name) => ({ name, allowedSubjects: 'any', jwksUri })),
    )
    const signed = (iss: string, jti: string) =>
      signAssertion(idp.signingKey, goodHeader(idp), { ...goodClaims(idp), iss, jti })
    const pairs: [string, string][] = [
      ['https://c/x', 'y1'],
      ['https://c/xy', '1'],
      ['https://c/x', 'y:1'],
      ['https://c/x:y', '1'],
      ['https://c/x', 'y","1'],
      ['https://c/x","y', '1'],
      ['https://c/x', 'yjti2'],
      ['https://c/xjtiy', '2'],
      ['https://c/x', '1'],
    ]
    try {
      for (const [iss, jti] of pairs) expect(await statusOf(await signed(iss, jti), many)).toBe(200)
      for (const [iss, jti] of pairs) await expectAssertionRefused(many, await signed(iss, jti), 'replayed')
    } finally {
      await closeUnharmed(many)
    }
  })

  it('R3: a jti that looks like a payload is not the assertion without jti', async () => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      const { jti: _, ...claims } = goodClaims(started.idp)
      const header = goodHeader(started.idp)
      const without = await signAssertion(started.idp.signingKey, header, claims)
      const payload = without.split('.')[1]
      const like = await signAssertion(started.idp.signingKey, header, { ...claims, jti: payload })
      expect(await statusOf(like, started)).toBe(200)
      expect(await statusOf(without, started)).toBe(200)
    } finally {
      await started.close()
    }
  })
})

describe('how long a used assertion is remembered', () => {
  let clock: AdjustableClock
  let claims: { key: string; expiresAt: number }[]

  async function startWith(exchange: Parameters<typeof startExchangeHost>[0]): Promise<void> {
    host = await startExchangeHost({ ...exchange, idp: { algorithm: 'ES256' } })
  }

  function issue(changes: Readonly<Record<string, unknown>>): Promise<string> {
    const now = clock.now()
    return host.idp.issueAssertion({ iat: now, exp: now + 300, ...changes })
  }

  beforeEach(() => {
    clock = new AdjustableClock()
    claims = []
  })
  afterEach(async () => {
    expectCleanEvents(host)
    await host.close()
  })

  it('R6: an assertion within the tolerance after exp is refused 1.2 s later', async () => {
    await startWith({ exchange: { clock } })
    const assertion = await issue({ exp: clock.now() - 30 })
    expect(await statusOf(assertion)).toBe(200)
    clock.advance(1.2)
    await expectAssertionRefused(host, assertion, 'replayed')
  })

  it('R6: is never forgotten while it is still accepted', async () => {
    await startWith({ exchange: { clock } })
    const exp = clock.now() - 30.5
    const assertion = await issue({ exp })
    expect(await statusOf(assertion)).toBe(200)
    for (const age of [59, 59.4, 59.999, 60, 60.001, 61, 62]) {
      clock.set(exp + age)
      for (let filler = 0; filler < 3; filler += 1) expect(await statusOf(await issue({}))).toBe(200)
      await expectAssertionRefused(host, assertion, age < 60 ? 'replayed' : 'expired')
    }
  })

  it('R7: the store gets the expiry of the assertion plus the tolerance and a minute for clocks that differ, within the maximum lifetime', async () => {
    const store = { markUsed: (key: string, expiresAt: number) => claims.push({ key, expiresAt }) > 0 }
    await startWith({ exchange: { clock, replay: { store }, assertion: { maxLifetime: 3600 } } })
    const now = clock.now()
    for (const exp of [now - 59, now + 300, now + 300.2, now + 3660])
      expect(await statusOf(await issue({ exp }))).toBe(200)
    expect(claims.map(({ expiresAt }) => expiresAt - now)).toEqual([62, 421, 422, 3781])
    await expectAssertionRefused(host, await issue({ exp: now + 3661 }), 'lifetime_too_long')
    await expectAssertionRefused(host, await issue({ exp: undefined }), 'invalid_expiry')
    expect(claims.length).toBe(4)
  })

  it('R9: a full store refuses, forgets nothing, and accepts again when entries expire', async () => {
    await startWith({ exchange: { clock, replay: { maxEntries: 3 } } })
    const first = await issue({})
    expect(await statusOf(first)).toBe(200)
    for (let count = 1; count < 3; count += 1) expect(await statusOf(await issue({}))).toBe(200)
    for (let count = 0; count < 20; count += 1) {
      await expectUnavailable(host.exchangeAssertion(await issue({})), host, 'replay_store_full')
    }
    await expectAssertionRefused(host, first, 'replayed')
    clock.advance(422)
    expect(await statusOf(await issue({}))).toBe(200)
  })

  it('R9: a flood with the longest lifetime that is allowed does not shorten the memory of others', async () => {
    await startWith({ exchange: { clock, replay: { maxEntries: 50 } } })
    const victim = await issue({ exp: clock.now() + 300 })
    expect(await statusOf(victim)).toBe(200)
    for (let count = 0; count < 60; count += 1) {
      await host.exchangeAssertion(await issue({ exp: clock.now() + 86_400 }))
      clock.advance(1)
    }
    await expectAssertionRefused(host, victim, 'replayed')
  })
})

describe('a store that fails', () => {
  const failing: [name: string, markUsed: () => unknown][] = [
    ['throws', () => fail(new Error('attacker@redis:6379 ECONNREFUSED app-secret'))],
    ['rejects', async () => fail(new Error('READONLY attacker\r\n'))],
    ['throws a string', () => fail('attacker')],
    ['throws undefined', () => fail(undefined)],
    ['throws null', () => fail(null)],
    ['rejects after a while', () => new Promise((_, reject) => setTimeout(reject, 20, new Error('timeout')))],
    ['throws an error without a prototype', () => fail(Object.create(null))],
  ]

  it.each(failing)('R8: that %s: no token, but 503', async (_name, claim) => {
    await withStore(claim, async (started) => {
      const assertion = await started.idp.issueAssertion()
      await expectUnavailable(started.exchangeAssertion(assertion), started, 'replay_store_unavailable')
      expect(JSON.stringify(started.events)).not.toMatch(/\\r|\\n/)
    })
  })

  it.each(failing)('R8: that %s: the route for assertions answers 503, without a stack', async (_name, claim) => {
    await withStore(claim, async (started) => {
      await started.exchange.ready()
      const assertion = await started.idp.issueAssertion()
      const answer = await request(started.url).get('/whoami').auth(assertion, { type: 'bearer' })
      expect([answer.status, started.lastReason()]).toEqual([503, 'replay_store_unavailable'])
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      expect(answer.text).not.toMatch(/attacker|redis|app-secret|\.ts|node_modules/)
    })
  })

  it.each([undefined, null, 0, 1, '', 'OK', 'true', [], {}, NaN, Object(true)])(
    'R8: that answers %p has not said that this is the first use',
    async (answer) => {
      await withStore(
        () => answer,
        async (started) => {
          await expectAssertionRefused(started, await started.idp.issueAssertion(), 'replayed')
        },
      )
    },
  )

  it('R8: that never answers: no token, but 503', async () => {
    await withStore(
      () => new Promise(() => {}),
      async (started) => {
        const start = performance.now()
        const { status, headers } = await started.exchangeAssertion(await started.idp.issueAssertion())
        expect([status, started.lastReason()]).toEqual([503, 'replay_store_unavailable'])
        expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
        expect(performance.now() - start).toBeLessThan(5000)
      },
    )
  })

  it('R8: that recovers lets the same assertion pass', async () => {
    let isDown = true
    const store = new MemoryReplayStore()
    const claim = (key: string, expiresAt: number) =>
      isDown ? fail(new Error('down')) : store.markUsed(key, expiresAt)
    await withStore(claim, async (started) => {
      const assertion = await started.idp.issueAssertion()
      await expectUnavailable(started.exchangeAssertion(assertion), started, 'replay_store_unavailable')
      isDown = false
      expect(await statusOf(assertion, started)).toBe(200)
    })
  })

  it('R8: that fails does not make good requests of bad ones', async () => {
    await withStore(
      () => fail(new Error('down')),
      async (started) => {
        await expectAssertionRefused(started, await started.idp.issueAssertion({ aud: 'x' }), 'wrong_audience')
        const answer = postAs({ ...CLIENT, clientSecret: 'x' }, await started.idp.issueAssertion(), started)
        await expectRefusal(answer, { status: 401, error: 'invalid_client' })
      },
    )
  })

  async function withStore(
    answer: (key: string, expiresAt: number) => unknown,
    story: (started: ExchangeHost) => Promise<void>,
  ): Promise<void> {
    const store = { markUsed: answer } as ReplayStore
    const started = await startExchangeHost({
      idp: { algorithm: 'ES256', alias: TOKEN_ENDPOINT },
      exchange: { replay: { store } },
    })
    try {
      await story(started)
      expectCleanEvents(started)
    } finally {
      await started.close()
    }
  }

  function fail(error: unknown): never {
    throw error
  }
})

describe('an assertion without jti', () => {
  it('R4: is not a second assertion if its payload has unused bits', async () => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      const { jti: _, ...claims } = goodClaims(started.idp)
      const header = Buffer.from(JSON.stringify(goodHeader(started.idp))).toString('base64url')
      const json = JSON.stringify(claims)
      const payload = Buffer.from(json.padEnd(json.length + ((4 - (json.length % 3)) % 3))).toString('base64url')
      expect(payload.length % 4).not.toBe(0)
      const other = payload.slice(0, -1) + String.fromCharCode(payload.charCodeAt(payload.length - 1) + 1)
      expect(Buffer.from(other, 'base64url')).toEqual(Buffer.from(payload, 'base64url'))
      expect(await statusOf(signEncoded(started.idp.signingKey, header, payload), started)).toBe(200)
      await expectAssertionRefused(started, signEncoded(started.idp.signingKey, header, other), 'malformed_jwt')
    } finally {
      await started.close()
    }
  })
})

describe('an assertion that a function of the host holds up until it has expired', () => {
  const clock = new AdjustableClock()
  let release = () => {}
  let held: Promise<void> = Promise.resolve()
  const hold = () => {
    held = new Promise((resolve) => {
      release = resolve
    })
  }
  const wait = async <Value>(value: Value) => {
    await held
    return value
  }
  const HOLDERS: readonly [string, Partial<IdentityProviderOptions>, Partial<JwtExchangeOptions>][] = [
    ['check', { check: () => wait(true as const) }, {}],
    ['subject', { subject: ({ sub }) => wait(sub) }, {}],
    ['claimsToToken', { claimsToToken: { team: () => wait('a') } }, {}],
    ['findClient', {}, { findClient: (id) => wait(id === CLIENT.clientId ? CLIENT : undefined) }],
  ]
  afterEach(() => {
    clock.set(Date.now() / 1000)
    return closeUnharmed(host)
  })

  async function sendThreeLate(send: (assertion: string) => PromiseLike<{ status: number }>, late: number) {
    const assertion = await host.idp.issueAssertion({ iat: clock.now(), exp: clock.now() + 1 })
    hold()
    const answers = Promise.all([1, 2, 3].map(() => send(assertion)))
    await pause(50)
    clock.advance(late)
    release()
    return (await answers).map(({ status }) => status)
  }

  it.each(HOLDERS)('R6: is never accepted, by %s', async (name, identityProvider, exchange) => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider, exchange: { clock, ...exchange } })
    expect(await sendThreeLate((assertion) => host.exchangeAssertion(assertion), 61)).toEqual([400, 400, 400])
    expect(host.lastReason()).toBe('expired')
    expect(await sendThreeLate((assertion) => host.exchangeAssertion(assertion), 200)).toEqual([400, 400, 400])
    if (name !== 'check' && name !== 'subject') return
    const present = (assertion: string) => request(host.url).get('/whoami').auth(assertion, { type: 'bearer' })
    expect(await sendThreeLate(present, 200)).toEqual([401, 401, 401])
    expect(host.lastReason()).toBe('expired')
  })

  it('R6: is not accepted even if a second use is allowed', async () => {
    const identityProvider = { check: () => wait(true as const), replay: 'allow' as const }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider, exchange: { clock } })
    expect(await sendThreeLate((assertion) => host.exchangeAssertion(assertion), 61)).toEqual([400, 400, 400])
  })

  it('R6: is accepted once in the last moment', async () => {
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      identityProvider: { check: () => wait(true as const) },
      exchange: { clock },
    })
    const statuses = await sendThreeLate((assertion) => host.exchangeAssertion(assertion), 60.5)
    expect(statuses.sort()).toEqual([200, 400, 400])
    expect(host.lastReason()).toBe('replayed')
  })

  it('R6: is not accepted if the store answers after its expiry', async () => {
    const store = { markUsed: () => wait(true) }
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { clock, replay: { store, timeout: 60_000 } },
    })
    expect(await sendThreeLate((assertion) => host.exchangeAssertion(assertion), 61)).toEqual([400, 400, 400])
    expect(host.lastReason()).toBe('expired')
  })
})
