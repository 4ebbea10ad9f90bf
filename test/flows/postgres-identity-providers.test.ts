import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { Pool } from 'pg'
import { PostgresIdentityProviderStore } from '../../src/postgres.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type ExchangeHost, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { describeWithPostgres } from '../support/services.js'
import { createSharedDatabase } from '../support/shared-database.js'
import type { Outage } from '../support/shared-store.js'

/** Milliseconds in which a busy machine certainly answers. */
const LONG = 20_000
jest.setTimeout(3 * LONG)

describeWithPostgres('exchanges with one PostgreSQL identity provider store', () => {
  const closers: (() => unknown)[] = []
  let outages: readonly Outage[]
  let idp: FakeIdentityProvider
  let store: PostgresIdentityProviderStore
  let here: ExchangeHost
  let there: ExchangeHost

  beforeEach(async () => {
    const database = await createSharedDatabase()
    closers.push(() => database.close())
    outages = database.outages
    idp = await startIdp()
    const openStore = () => {
      const pool = new Pool({ connectionString: database.url, connectionTimeoutMillis: 1000 })
      closers.push(() => pool.end())
      return new PostgresIdentityProviderStore(pool)
    }
    store = openStore()
    await store.createTable()
    await store.put(entryOf('acme', idp), { ifRevision: null })
    here = await startHost(openStore())
    there = await startHost(openStore())
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  async function startIdp(): Promise<FakeIdentityProvider> {
    const started = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
    closers.push(() => started.close())
    return started
  }

  async function startHost(identityProviderStore: PostgresIdentityProviderStore): Promise<ExchangeHost> {
    const host = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviderStore } })
    closers.push(() => host.close())
    await host.exchange.ready()
    return host
  }

  function entryOf(id: string, of: FakeIdentityProvider) {
    return { id, name: of.name, jwksUri: of.jwksUri, allowedSubjects: 'any' } as const
  }

  async function outcomeOf(host: ExchangeHost, of = idp): Promise<string> {
    const { status } = await host.exchangeAssertion(await of.issueAssertion())
    return status === 200 ? '200' : `${status} ${host.lastReason()}`
  }

  async function untilOutcome(host: ExchangeHost, expected: string, of = idp): Promise<void> {
    const end = performance.now() + LONG
    let outcome = await outcomeOf(host, of)
    for (; outcome !== expected && performance.now() < end; outcome = await outcomeOf(host, of)) await pause(20)
    expect(outcome).toBe(expected)
  }

  function outage(name: string): Outage {
    const found = outages.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no such outage: ${name}`)
    return found
  }

  it('issue tokens, and all stop if one of them switches the identity provider off', async () => {
    expect([await outcomeOf(here), await outcomeOf(there)]).toEqual(['200', '200'])
    const { body } = await there.exchangeAssertion(await idp.issueAssertion())
    await here.exchange.disableIdentityProvider('acme')
    await untilOutcome(there, '400 identity_provider_disabled')
    await expect(there.exchange.verifyAccessToken(body.access_token)).rejects.toThrow()
    await there.exchange.enableIdentityProvider('acme')
    await untilOutcome(here, '200')
    await store.remove('acme')
    await untilOutcome(here, '400 unknown_issuer')
    await untilOutcome(there, '400 unknown_issuer')
  })

  it('follow a change that is made while all their connections are ended', async () => {
    expect([await outcomeOf(here), await outcomeOf(there)]).toEqual(['200', '200'])
    const { begin } = outage('all backends terminated')
    await begin()
    await store.put({ ...entryOf('acme', idp), allowedSubjects: ['nobody'] }).catch(() => {})
    await store.put({ ...entryOf('acme', idp), allowedSubjects: ['nobody'] })
    for (const host of [here, there]) await untilOutcome(host, '400 subject_not_allowed')
  })

  it('serve what they know while nobody can connect, and what was changed meanwhile afterwards', async () => {
    const other = await startIdp()
    expect(await outcomeOf(here)).toBe('200')
    const { begin, end } = outage('no connections allowed')
    await begin()
    await pause(500)
    expect(await outcomeOf(here)).toBe('200')
    expect(await outcomeOf(here, other)).toBe('503 identity_provider_lookup_failed')
    await end()
    await store.put(entryOf('other', other)).catch(() => store.put(entryOf('other', other)))
    await store.put({ ...entryOf('acme', idp), enabled: false })
    await untilOutcome(here, '200', other)
    await untilOutcome(here, '400 identity_provider_disabled')
  })
})
