import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { createJwtExchange, generateSigningKey, MemoryRevocationStore, type RevocationStore } from '../../src/index.js'
import { signAssertion } from '../../src/testing/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, type ExchangeHostOptions, ISSUER } from '../support/exchange-host.js'

const signingKey = generateSigningKey()
const accessToken = { audience: AUDIENCE, signingKeys: [signingKey] }

let host: ClockedHost
afterEach(() => host.close())

async function start(exchange: ExchangeHostOptions['exchange'] = {}): Promise<void> {
  host = await startClockedHost({ exchange: { accessToken, revocation: {}, ...exchange } })
}
const get = (path: string, token: string) => request(host.url).get(path).auth(token, { type: 'bearer' })
const outcomesOf = (...tokens: string[]) =>
  Promise.all(
    tokens.map((token) =>
      host.exchange.verifyAccessToken(token).then(
        () => 'accepted',
        ({ reason }) => reason,
      ),
    ),
  )
const revoked = () => host.events.filter(({ name }) => name === 'token.revoked')

describe('a call of revoke that cannot be meant', () => {
  it('is refused if revocation is off, even with a store', async () => {
    await start({ revocation: { mode: 'off', store: new MemoryRevocationStore() } })
    await expect(host.exchange.revoke({ subject: 'alice' })).rejects.toThrow('set it')
    expect(host.exchange.stats()).not.toHaveProperty('revocation')
  })

  it.each<[unknown, unknown, string]>([
    [{}, {}, 'missing; expected one of `token`, `tokenId`'],
    [undefined, {}, 'expected an object'],
    ['alice', {}, "such as { subject: 'alice' }"],
    [{ subject: '' }, {}, 'subject'],
    [{ subject: undefined }, {}, 'subject'],
    [{ subject: 'alice', client: 'app' }, {}, 'not both'],
    [{ sub: 'alice' }, {}, 'sub'],
    [{ subject: 'alice' }, { issuedBefor: 5 }, 'issuedBefore'],
    [{ subject: 'alice' }, { issuedBefore: 1_800_000_000_000 }, 'seconds since the epoch'],
    [{ subject: 'alice' }, { issuedBefore: 1_800_003_602 }, 'seconds since the epoch'],
    [{ subject: 'alice' }, { issuedBefore: 5.5 }, 'seconds since the epoch'],
    [{ subject: 'alice' }, { issuedBefore: undefined }, 'issuedBefore'],
    [{ tokenId: 'a' }, { issuedBefore: 5 }, 'no meaning'],
  ])('%j with %j is a ConfigError, and revokes nothing', async (tokens, options, message) => {
    await start()
    const call = host.exchange.revoke(tokens as never, options as never)
    await expect(call).rejects.toMatchObject({ name: 'ConfigError', message: expect.stringContaining(message) })
    expect([revoked(), host.exchange.stats().revocation?.entries]).toEqual([[], 0])
  })

  it('of a token that is not an access token of this service is refused, and quotes nothing', async () => {
    await start()
    const assertion = await host.assertion()
    const foreign = await signAssertion(host.idp.signingKey, { alg: 'ES256', typ: 'at+jwt' }, { ...host.claims() })
    for (const [token, reason] of [
      ['nonsense', 'malformed_jwt'],
      [assertion, 'type_not_allowed'],
      [foreign, 'unknown_key'],
    ] as const) {
      await expect(host.exchange.revoke({ token })).rejects.toMatchObject({ name: 'TokenRejected', reason })
    }
    expect(revoked()).toEqual([])
  })
})

describe('a revoked access token', () => {
  it('is refused at each route at once, even if it was remembered as verified', async () => {
    await start()
    const [token, other] = [await host.accessToken(), await host.accessToken()]
    for (let count = 0; count < 3; count += 1) expect((await get('/orders', token)).status).toBe(200)
    await host.exchange.revoke({ token })
    for (const path of ['/orders', '/me']) {
      const { status, headers } = await get(path, token)
      expect([status, host.lastReason()]).toEqual([401, 'revoked'])
      expect(headers['www-authenticate']).toContain('error="invalid_token"')
    }
    expect(await outcomesOf(token, other)).toEqual(['revoked', 'accepted'])
    expect(host.exchange.stats().revocation).toEqual({ entries: 1, state: 'following', reads: 0, failedReads: 0 })
  })

  it('may be named by its id', async () => {
    await start()
    const token = await host.accessToken()
    const tokenId = String(host.events.find(({ name }) => name === 'token.issued')?.tokenId)
    await host.exchange.revoke({ tokenId })
    expect(await outcomesOf(token)).toEqual(['revoked'])
    expect(revoked()).toEqual([
      { name: 'token.revoked', by: 'operator', tokenId, expiresAt: host.clock.now() + 86_400 },
    ])
  })

  it('that has expired needs no revocation', async () => {
    await start()
    const token = await host.accessToken()
    host.clock.advance(3600)
    await host.exchange.revoke({ token })
    expect([revoked(), host.exchange.stats().revocation?.entries]).toEqual([[], 0])
  })

  it('stays revoked while its identity provider is switched off and on again', async () => {
    await start()
    const token = await host.accessToken()
    await host.exchange.disableIdentityProvider(host.idp.name)
    await host.exchange.revoke({ token })
    await host.exchange.enableIdentityProvider(host.idp.name)
    expect(await outcomesOf(token)).toEqual(['revoked'])
  })
})

describe('all tokens of somebody', () => {
  it.each<['subject' | 'client' | 'identityProvider', string]>([
    ['subject', 'alice'],
    ['client', 'app'],
    ['identityProvider', 'idp'],
  ])('are refused by the %s if they exist, and new ones are accepted from the next second on', async (name, value) => {
    await start()
    const target = name === 'identityProvider' ? host.idp.name : value
    const before = [await host.accessToken(), await host.accessToken()]
    const [first = ''] = before
    await get('/orders', first)
    await host.exchange.revoke({ [name]: target } as never)
    before.push(await host.accessToken()) // In the same second.
    expect(await outcomesOf(...before)).toEqual(['revoked', 'revoked', 'revoked'])
    host.clock.advance(1)
    const after = await host.accessToken()
    expect(await outcomesOf(after, ...before)).toEqual(['accepted', 'revoked', 'revoked', 'revoked'])
    const now = host.clock.now()
    expect(revoked()).toEqual([
      {
        name: 'token.revoked',
        by: 'operator',
        ...(name === 'client' ? { clientId: target } : { [name]: target }),
        issuedBefore: now,
        expiresAt: now + 86_400,
      },
    ])
  })

  it('are refused if they were issued before a time that is given, and others of the same subject are not', async () => {
    await start()
    const before = await host.accessToken()
    host.clock.advance(100)
    const since = host.clock.now()
    const after = await host.accessToken()
    await host.exchange.revoke({ subject: 'alice' }, { issuedBefore: since })
    await host.exchange.revoke({ subject: 'bob' })
    expect(await outcomesOf(before, after)).toEqual(['revoked', 'accepted'])
  })
})

describe('several exchanges', () => {
  it('with one store know what was revoked in another one, and those without do not', async () => {
    const store = new MemoryRevocationStore()
    await start({ revocation: { store } })
    const options = {
      ...{ issuer: ISSUER, clients: [CLIENT], accessToken, clock: host.clock },
      identityProviders: [{ name: host.idp.name, jwksUri: host.idp.jwksUri, allowedSubjects: 'any' as const }],
    }
    const token = await host.accessToken()
    const [same, own, off] = [{ store }, {}, { mode: 'off' as const, store }].map((revocation) =>
      createJwtExchange({ ...options, revocation }),
    )
    try {
      await same?.ready()
      await host.exchange.revoke({ token })
      await expect(same?.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'revoked' })
      for (const each of [own, off]) expect(await each?.verifyAccessToken(token)).toMatchObject({ sub: 'alice' })
      expect(off?.stats()).not.toHaveProperty('revocation')
    } finally {
      for (const each of [same, own, off]) each?.close()
    }
  })
})

describe('an outage of the store', () => {
  const answering: RevocationStore = { add: () => {}, read: () => ({ revocations: [] }) }

  it('at the start is 503 with Retry-After for each access token, and 401 for what is none', async () => {
    await start({ revocation: { store: { ...answering, read: () => Promise.reject(new Error('down')) } } })
    const { status, headers, body } = await get('/orders', await host.accessToken())
    expect([status, headers['retry-after'], body.error]).toEqual([503, '1', 'temporarily_unavailable'])
    expect(host.lastReason()).toBe('revocation_store_unavailable')
    expect((await get('/orders', await host.assertion())).status).toBe(401)
    const stats = host.exchange.stats().revocation
    expect(stats).toMatchObject({ entries: 0, state: 'loading', reads: 1, failedReads: 1 })
    expect(host.events.filter(({ name }) => name === 'revocation_store.failed')).toHaveLength(1)
  })

  it('lets revoke reject, and the token is refused here in spite of that', async () => {
    await start({ revocation: { store: { ...answering, add: () => Promise.reject(new Error('down')) } } })
    await host.exchange.ready()
    const token = await host.accessToken()
    await expect(host.exchange.revoke({ token })).rejects.toMatchObject({ reason: 'revocation_store_unavailable' })
    expect([await outcomesOf(token), revoked()]).toEqual([['revoked'], []])
  })

  it('is what ready waits for, and with failFast rejects for', async () => {
    let release = (_: { revocations: [] }) => {}
    const read = () => new Promise<{ revocations: [] }>((resolve) => (release = resolve))
    await start({ revocation: { store: { ...answering, read } } })
    let isReady = false
    const ready = host.exchange.ready().then(() => (isReady = true))
    await host.idp.issueAssertion()
    expect(isReady).toBe(false)
    release({ revocations: [] })
    await ready
    expect(host.exchange.stats().revocation?.state).toBe('following')
    host.clock.advance(11)
    await expect(host.exchange.ready({ failFast: true })).rejects.toMatchObject({
      reason: 'revocation_store_unavailable',
    })
  })
})
