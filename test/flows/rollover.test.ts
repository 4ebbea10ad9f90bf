import { afterEach, describe, expect, it } from '@jest/globals'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
afterEach(() => host.close())

async function exchangeMany(count: number): Promise<number[]> {
  const assertions = await Promise.all(Array.from({ length: count }, () => host.idp.issueAssertion()))
  const responses = await Promise.all(assertions.map((assertion) => host.exchangeAssertion(assertion)))
  return responses.map(({ status }) => status)
}

describe('key rollover at the identity provider', () => {
  it('fails no request, with many in flight before and after it', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const before = exchangeMany(30)
    await host.idp.rotate()
    const after = exchangeMany(30)
    expect(new Set([...(await before), ...(await after)])).toEqual(new Set([200]))
  })

  it('costs one fetch, however many requests bring the new key at once', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    await exchangeMany(1)
    await host.idp.rotate()
    expect(new Set(await exchangeMany(20))).toEqual(new Set([200]))
    expect(host.idp.fetches).toBe(2)
  })

  it('is picked up twice within one cooldown, right after the first fetch', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    for (let rollover = 0; rollover < 2; rollover += 1) {
      expect(await exchangeMany(1)).toEqual([200])
      await host.idp.rotate()
    }
    expect(await exchangeMany(1)).toEqual([200])
  })

  it('is picked up though made-up key ids arrive all the time', async () => {
    host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { jwksEndpoint: { cooldownDuration: 100 } },
    })
    expect(await exchangeMany(1)).toEqual([200])
    const forged = await Promise.all(
      Array.from({ length: 40 }, (_, n) => host.idp.issueAssertion({}, { kid: `made-up-${n}` })),
    )
    const startedAt = performance.now()
    const refused = await Promise.all(forged.map((assertion) => host.exchangeAssertion(assertion)))
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([400]))
    const cooldowns = Math.ceil((performance.now() - startedAt) / 100)
    expect(host.idp.fetches).toBeLessThanOrEqual(2 + 2 * cooldowns)
    await host.idp.rotate()
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(await exchangeMany(1)).toEqual([200])
  })

  it('refuses the old key once the identity provider has withdrawn it and the key set was fetched again', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { jwksEndpoint: { cacheMaxAge: 50 } } })
    const signedWithOldKey = [await host.idp.issueAssertion(), await host.idp.issueAssertion()]
    expect((await host.exchangeAssertion(signedWithOldKey[0] ?? '')).status).toBe(200)
    const { kid } = host.idp.signingKey
    await host.idp.rotate()
    host.idp.withdraw(kid)
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect((await host.exchangeAssertion(signedWithOldKey[1] ?? '')).status).toBe(400)
    expect(host.lastReason()).toBe('unknown_key')
  })

  it('is picked up from an identity provider that names no key ids', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256', keyIds: false } })
    expect(await exchangeMany(1)).toEqual([200])
    await host.idp.rotate()
    expect(await exchangeMany(1)).toEqual([200])
  })
})
