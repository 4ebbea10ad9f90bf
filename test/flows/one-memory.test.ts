import { afterEach, describe, expect, it } from '@jest/globals'
import { type IdentityProviderOptions, type JwtExchangeOptions, MemoryReplayStore } from '../../src/index.js'
import { FakeIdentityProvider, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'
import { expectAssertionRefused, expectInvalidGrant, expectUnavailable } from '../support/expect-refusal.js'
import { goodClaims, goodHeader } from '../support/forged-jwt.js'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function startProvider(): Promise<FakeIdentityProvider> {
  const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  closers.push(() => idp.close())
  return idp
}

/** A host of its own that trusts the same identity provider as others do. */
async function startHost(
  idps: readonly FakeIdentityProvider[],
  exchange: Partial<JwtExchangeOptions> = {},
): Promise<ExchangeHost> {
  const identityProviders = idps.map(
    ({ name, jwksUri }): IdentityProviderOptions => ({ name, jwksUri, allowedSubjects: 'any' }),
  )
  const host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    exchange: { subject: 'namespaced', ...exchange, identityProviders },
  })
  closers.push(() => host.close())
  return host
}

const statusAt = async (host: ExchangeHost, assertion: string) => (await host.exchangeAssertion(assertion)).status

describe('two exchanges of one process', () => {
  it('accept an assertion once together, whichever is asked first', async () => {
    const idp = await startProvider()
    const [first, second] = [await startHost([idp]), await startHost([idp], { issuer: 'https://other.example.com' })]
    const aud = ['https://api.example.com/oauth2/token', 'https://other.example.com/token']
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const assertion = await idp.issueAssertion({ aud })
      expect(await statusAt(one, assertion)).toBe(200)
      await expectInvalidGrant(other.exchangeAssertion(assertion), other, 'replayed')
    }
    expect(
      [first, second].flatMap(({ events }) => events.filter(({ name }) => name.startsWith('replay_store'))),
    ).toEqual([])
  })

  it('accept 12 copies of an assertion at once only one time', async () => {
    const idp = await startProvider()
    const hosts = [await startHost([idp]), await startHost([idp])]
    const assertion = await idp.issueAssertion()
    const copies = hosts.flatMap((host) => Array.from({ length: 6 }, () => statusAt(host, assertion)))
    expect((await Promise.all(copies)).sort()).toEqual([200, ...Array(11).fill(400)])
  })

  it('remember what an exchange accepted that was closed', async () => {
    const idp = await startProvider()
    const first = await startHost([idp])
    const assertion = await idp.issueAssertion()
    expect(await statusAt(first, assertion)).toBe(200)
    first.exchange.close()
    await expectAssertionRefused(await startHost([idp]), assertion, 'replayed')
  })

  it('have each the room of its own maxEntries', async () => {
    const idp = await startProvider()
    const small = await startHost([idp], { replay: { maxEntries: 1 } })
    const other = await startHost([idp])
    expect(await statusAt(small, await idp.issueAssertion())).toBe(200)
    await expectUnavailable(small.exchangeAssertion(await idp.issueAssertion()), small, 'replay_store_full')
    expect(await statusAt(other, await idp.issueAssertion())).toBe(200)
  })

  it('remember apart with a store of their own, or a clock of their own', async () => {
    const idp = await startProvider()
    const own = await startHost([idp], { replay: { store: new MemoryReplayStore() } })
    const clock = new AdjustableClock()
    clock.set(Date.now() / 1000)
    const clocked = await startHost([idp], { clock })
    const assertion = await idp.issueAssertion()
    for (const host of [own, clocked, await startHost([idp])]) {
      expect(await statusAt(host, assertion)).toBe(200)
      await expectAssertionRefused(host, assertion, 'replayed')
    }
  })
})

describe('an identity provider whose assertions live for a day', () => {
  it('fills its share of the memory, and not that of another one', async () => {
    const [greedy, modest] = [await startProvider(), await startProvider()]
    const host = await startHost([greedy, modest], { replay: { maxEntries: 20 } })
    const exp = Math.floor(Date.now() / 1000) + 86_400
    const assertions = await Promise.all(
      Array.from({ length: 12 }, (_, index) => greedy.issueAssertion({ exp, jti: `${greedy.name} ${index}` })),
    )
    const statuses: number[] = []
    for (const assertion of assertions) statuses.push(await statusAt(host, assertion))
    expect(statuses).toEqual([...Array(10).fill(200), 503, 503])
    await expectUnavailable(host.exchangeAssertion(assertions[11] ?? ''), host, 'replay_store_full')
    for (let count = 0; count < 5; count += 1) expect(await statusAt(host, await modest.issueAssertion())).toBe(200)
    const filling = host.events.filter(({ name }) => name === 'replay_store.filling')
    expect(filling).toEqual([
      { name: 'replay_store.filling', fillLevel: 0.8, identityProvider: greedy.name },
      { name: 'replay_store.filling', fillLevel: 0.8, identityProvider: modest.name },
    ])
    await expectAssertionRefused(host, assertions[0] ?? '', 'replayed')
  })

  it('may fill the whole memory where it is the only one', async () => {
    const idp = await startProvider()
    const host = await startHost([idp], { replay: { maxEntries: 5 } })
    for (let count = 0; count < 5; count += 1) expect(await statusAt(host, await idp.issueAssertion())).toBe(200)
    await expectUnavailable(host.exchangeAssertion(await idp.issueAssertion()), host, 'replay_store_full')
    expect(host.events.filter(({ name }) => name === 'replay_store.filling')).toEqual([
      { name: 'replay_store.filling', fillLevel: 0.8 },
    ])
  })
})

describe('a host whose wall clock is set', () => {
  it('accepts no assertion twice that is valid before and after', async () => {
    const idp = await startProvider()
    const clock = new AdjustableClock()
    const host = await startHost([idp], { clock })
    const now = clock.now()
    const sign = (jti: string) =>
      signAssertion(idp.signingKey, goodHeader(idp), { ...goodClaims(idp), iat: now, exp: now + 300, jti })
    const assertion = await sign('used')
    expect(await statusAt(host, assertion)).toBe(200)
    clock.set(now + 3600)
    for (let count = 0; count < 10; count += 1) await host.exchangeAssertion(await sign(`late ${count}`))
    clock.set(now)
    await expectAssertionRefused(host, assertion, 'replayed')
    clock.advance(3600)
    clock.set(now)
    await expectAssertionRefused(host, assertion, 'replayed')
    expect(await statusAt(host, await sign('new'))).toBe(200)
  })
})
