import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createClient } from 'redis'
import type { ReplayStore } from '../../src/index.js'
import { RedisReplayStore } from '../../src/replay/redis-replay-store.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'
import { expectAssertionRefused, expectUnavailable } from '../support/expect-refusal.js'
import { startHostOfMany } from '../support/host-of-many.js'
import { createSchemaWithTable, type TestSchema } from '../support/postgres-schema.js'
import { openKeyspace, type RedisKeyspace } from '../support/redis-keyspace.js'
import { type RedisServer, startRedisServer } from '../support/redis-server.js'
import { describeWithPostgres, describeWithRedis, describeWithRedisServer } from '../support/services.js'

/** What a column, a key or a quoted string of a store could trip over. */
const HOSTILE = [
  "'); DROP TABLE jwt_used_assertions; --",
  '\\\'"`$1 %s',
  '*3 $3 SET',
  '__proto__',
  '\u202e\ufeff\u{1d48b}',
  'é'.normalize('NFD'),
  'é'.normalize('NFC'),
  'j'.repeat(10_000),
  ' ',
]

/** Two hosts, each with a store of its own on the same data. */
function describeTwoHosts(makeStore: () => ReplayStore): void {
  let idp: FakeIdentityProvider
  let hosts: [ExchangeHost, ExchangeHost]
  const statusOf = async (host: ExchangeHost, assertion: string) => (await host.exchangeAssertion(assertion)).status
  beforeAll(async () => {
    idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const start = () =>
      startHostOfMany(idp, [{ name: idp.name, allowedSubjects: 'any', jwksUri: idp.jwksUri }], {
        replay: { store: makeStore() },
      })
    hosts = [await start(), await start()]
  })
  afterAll(async () => {
    for (const host of hosts) await host.close()
  })

  it('R1: what one of them accepted is refused by the other', async () => {
    const [here, there] = hosts
    const assertion = await idp.issueAssertion()
    expect(await statusOf(here, assertion)).toBe(200)
    await expectAssertionRefused(there, assertion, 'replayed')
  })

  it('R2: 40 copies at once over both get one access token', async () => {
    const assertion = await idp.issueAssertion()
    const statuses = Array.from({ length: 40 }, (_, index) => statusOf(hosts[index % 2 === 0 ? 0 : 1], assertion))
    expect((await Promise.all(statuses)).sort()).toEqual([200, ...Array(39).fill(400)])
  })

  it.each(HOSTILE.map((jti) => [JSON.stringify(jti.slice(0, 40)), jti]))(
    'E9: the jti %s is accepted once',
    async (_, jti) => {
      const [here, there] = hosts
      const unique = `${jti}${randomBytes(6).toString('hex')}`
      expect(await statusOf(here, await idp.issueAssertion({ jti: unique }))).toBe(200)
      await expectAssertionRefused(there, await idp.issueAssertion({ jti: unique }), 'replayed')
    },
  )

  it('E9: a jti that no store could hold is refused before the store sees it', async () => {
    for (const jti of ['a\0b', 'a\nb', '\ud800', '\udc00\ud800']) {
      await expectAssertionRefused(hosts[0], await idp.issueAssertion({ jti }), 'invalid_jwt_id')
    }
  })
}

describeWithRedis('two hosts with one Redis', () => {
  let keyspace: RedisKeyspace
  beforeAll(async () => {
    keyspace = await openKeyspace()
  })
  afterAll(() => keyspace.drop())
  describe('and a client', () => describeTwoHosts(() => keyspace.makeStore()))
})

describeWithPostgres('two hosts with one PostgreSQL', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchemaWithTable()
  })
  afterAll(() => schema.drop())
  describe('and a pool for each', () => describeTwoHosts(() => schema.makeStore()))
})

describeWithRedisServer('a Redis with little memory', () => {
  async function withRedis(policy: string, use: (host: ExchangeHost, server: RedisServer) => Promise<void>) {
    const server = await startRedisServer({ args: ['--maxmemory', '2mb', '--maxmemory-policy', policy] })
    const client = await createClient({ url: server.url }).connect()
    const host = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: { replay: { store: new RedisReplayStore(client) } },
    })
    try {
      await use(host, server)
    } finally {
      await host.close()
      client.destroy()
      await server.stop()
    }
  }

  it.each(['allkeys-lru', 'volatile-ttl'])('R9: that may evict entries (%s) is reported once', async (policy) => {
    await withRedis(policy, async (host) => {
      for (let count = 0; count < 3; count += 1) await host.accessToken()
      const risks = host.events.filter(({ name }) => name === 'replay_store.at_risk')
      expect(risks).toEqual([{ name: 'replay_store.at_risk', message: expect.stringContaining(policy) }])
    })
  })

  it('R9: that does not evict refuses when it is full, and forgets nothing', async () => {
    await withRedis('noeviction', async (host, server) => {
      const accepted = await host.idp.issueAssertion()
      expect((await host.exchangeAssertion(accepted)).status).toBe(200)
      await server.cli('EVAL', "redis.call('SET', 'filler', string.rep('x', 1500000))", '0')
      await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'replay_store_full')
      await expectUnavailable(host.exchangeAssertion(accepted), host, 'replay_store_full')
      await server.cli('DEL', 'filler')
      await expectAssertionRefused(host, accepted, 'replayed')
      expect((await host.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(200)
      expect(host.events.filter(({ name }) => name === 'replay_store.at_risk')).toEqual([])
    })
  })

  it('R8: that goes away is 503 and one event for each request, and serves again when it is back', async () => {
    await withRedis('noeviction', async (host, server) => {
      const accepted = await host.idp.issueAssertion()
      expect((await host.exchangeAssertion(accepted)).status).toBe(200)
      await server.stop()
      const fresh = await host.idp.issueAssertion()
      for (const assertion of [fresh, accepted, fresh]) {
        const before = host.events.length
        await expectUnavailable(host.exchangeAssertion(assertion), host, 'replay_store_unavailable')
        const told = { name: 'token.rejected', status: 503, cause: expect.any(String) }
        expect(host.events.slice(before)).toEqual([expect.objectContaining(told)])
      }
      await server.restart()
      let status = 503
      while (status === 503) ({ status } = await host.exchangeAssertion(fresh))
      expect(status).toBe(200)
      await expectAssertionRefused(host, fresh, 'replayed')
    })
  })
})
