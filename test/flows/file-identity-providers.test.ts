import { renameSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type ExchangeHost, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { TestDirectory } from '../support/registration-directory.js'

/** Milliseconds in which a busy machine certainly answers. */
const LONG = 20_000
jest.setTimeout(3 * LONG)

describe('exchanges with one directory of identity providers', () => {
  const closers: (() => unknown)[] = []
  let directory: TestDirectory
  let idp: FakeIdentityProvider
  let here: ExchangeHost
  let there: ExchangeHost

  beforeEach(async () => {
    directory = new TestDirectory()
    closers.push(() => directory.remove())
    idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
    closers.push(() => idp.close())
    here = await startHost()
    there = await startHost()
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  async function startHost(): Promise<ExchangeHost> {
    const exchange = { subject: 'namespaced', identityProviderStore: directory.open() } as const
    const host = await startExchangeHost({ exchange })
    closers.push(() => host.close())
    await host.exchange.ready()
    return host
  }

  const toml = (others = '') =>
    `id = "acme"\nname = "${idp.name}"\njwks_uri = "${idp.jwksUri}"\nallowed_subjects = "any"\n${others}`

  async function outcomeOf(host: ExchangeHost): Promise<string> {
    const { status } = await host.exchangeAssertion(await idp.issueAssertion())
    return status === 200 ? '200' : `${status} ${host.lastReason()}`
  }

  async function untilOutcome(host: ExchangeHost, expected: string): Promise<void> {
    const end = performance.now() + LONG
    let outcome = await outcomeOf(host)
    for (; outcome !== expected && performance.now() < end; outcome = await outcomeOf(host)) await pause(20)
    expect(outcome).toBe(expected)
  }

  it('follow what is written, edited and removed by hand', async () => {
    expect(await outcomeOf(here)).toBe('400 unknown_issuer')
    directory.write('acme.toml', toml())
    await untilOutcome(here, '200')
    await untilOutcome(there, '200')
    directory.write('acme.toml', toml('enabled = false\n'))
    await untilOutcome(here, '400 identity_provider_disabled')
    await untilOutcome(there, '400 identity_provider_disabled')
    directory.write('acme.toml', toml())
    await untilOutcome(there, '200')
    renameSync(`${directory.path}/acme.toml`, `${directory.path}/acme.toml.old`)
    await untilOutcome(here, '400 unknown_issuer')
    await untilOutcome(there, '400 unknown_issuer')
  })

  it('all stop if one of them switches the identity provider off, and its comments stay', async () => {
    directory.write('acme.toml', `# theirs\n${toml()}`)
    await untilOutcome(there, '200')
    const { body } = await there.exchangeAssertion(await idp.issueAssertion())
    await here.exchange.disableIdentityProvider('acme')
    await untilOutcome(there, '400 identity_provider_disabled')
    expect(directory.read('acme.toml')).toMatch(/^# theirs\n.*enabled = false\n/s)
    await expect(there.exchange.verifyAccessToken(body.access_token)).rejects.toThrow()
    await there.exchange.enableIdentityProvider('acme')
    await untilOutcome(here, '200')
  })

  it('go on as before while a file cannot be read', async () => {
    directory.write('acme.toml', toml())
    await untilOutcome(here, '200')
    directory.write('acme.toml', `${toml()}enabled = fal`)
    await pause(1000)
    expect(await outcomeOf(here)).toBe('200')
    directory.write('acme.toml', toml('enabled = false\n'))
    await untilOutcome(here, '400 identity_provider_disabled')
  })
})
