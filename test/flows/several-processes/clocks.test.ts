import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ReplayStore } from '../../../src/index.js'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import type { ExchangeHost } from '../../support/exchange-host.js'
import { startHostOfMany } from '../../support/host-of-many.js'
import { createSchemaWithTable, type TestSchema } from '../../support/postgres-schema.js'
import { openKeyspace, type RedisKeyspace } from '../../support/redis-keyspace.js'
import { describeWithPostgres, describeWithRedis } from '../../support/services.js'

const TOLERANCE = 60
/** Seconds that the clock of each host is ahead of the store's. */
const OFFSETS = [-30, 0, 30]
const PAIRS = OFFSETS.flatMap((first) => OFFSETS.map((second) => [first, second] as const))

interface StoreOfAll {
  makeStore(): ReplayStore
  /** Until when the store keeps each of its claims, in seconds since the epoch. */
  expiries(): Promise<number[]>
}

/** Hosts with clocks of their own, on one store. */
function describeClocks(open: () => StoreOfAll): void {
  let idp: FakeIdentityProvider
  let hosts: Map<number, ExchangeHost>
  beforeAll(async () => {
    idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    hosts = new Map()
    for (const offset of OFFSETS) hosts.set(offset, await startHost(offset))
  })
  afterAll(async () => {
    for (const each of hosts.values()) await each.close()
  })

  function startHost(offset: number): Promise<ExchangeHost> {
    const clock = { now: () => Date.now() / 1000 + offset, monotonic: () => performance.now() }
    const identityProviders = [{ name: idp.name, allowedSubjects: 'any' as const, jwksUri: idp.jwksUri }]
    return startHostOfMany(idp, identityProviders, { clock, replay: { store: open().makeStore() } })
  }

  async function judge(offset: number, assertion: string): Promise<number | string | undefined> {
    const host = hosts.get(offset)
    const response = await host?.exchangeAssertion(assertion)
    return response?.status === 200 ? 200 : host?.lastReason()
  }

  it.each(PAIRS)('what a clock %i s ahead accepts is refused by one %i s ahead', async (first, second) => {
    const now = Math.floor(Date.now() / 1000)
    const assertion = await idp.issueAssertion({ iat: now - 60, exp: now + 60 })
    expect(await judge(first, assertion)).toBe(200)
    expect(await judge(second, assertion)).toBe('replayed')
  })

  it('what the fastest clock accepts at the last moment is kept until the slowest one refuses it as expired', async () => {
    const now = Math.floor(Date.now() / 1000)
    const exp = now + 30 - TOLERANCE + 5
    const assertion = await idp.issueAssertion({ iat: now - 120, exp })
    const before = await open().expiries()
    expect(await judge(30, assertion)).toBe(200)
    expect(await judge(-30, assertion)).toBe('replayed')
    const [expiry = 0] = (await open().expiries()).filter((each) => !before.includes(each))
    expect(expiry).toBeGreaterThan(exp + TOLERANCE + 30)
    expect(expiry).toBe(exp + TOLERANCE + 61)
  })
}

describeWithRedis('hosts whose clocks differ, on one Redis', () => {
  let keyspace: RedisKeyspace
  beforeAll(async () => {
    keyspace = await openKeyspace()
  })
  afterAll(() => keyspace.drop())
  describe('and a client', () => describeClocks(() => keyspace))
})

describeWithPostgres('hosts whose clocks differ, on one PostgreSQL', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchemaWithTable()
  })
  afterAll(() => schema.drop())

  const expiries = async () => {
    const rows = await schema.query(
      `SELECT extract(epoch FROM expires_at) AS at FROM ${schema.name}.jwt_used_assertions`,
    )
    return rows.map(({ at }) => Number(at))
  }
  describe('and a pool for each', () => describeClocks(() => ({ makeStore: () => schema.makeStore(), expiries })))
})
