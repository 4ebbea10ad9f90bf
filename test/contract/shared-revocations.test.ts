import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, it, jest } from '@jest/globals'
import { PostgresRevocationStore } from '../../src/postgres.js'
import { RedisRevocationStore } from '../../src/redis.js'
import { revocationStoreContract } from '../../src/testing/index.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { type OpenRedisClient, REDIS_CLIENTS } from '../support/redis-clients.js'
import { describeWithPostgres, describeWithRedis, REDIS_URL } from '../support/services.js'

jest.setTimeout(60_000)

describeWithPostgres('the PostgreSQL revocation store', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchema()
  })
  afterAll(() => schema.drop())

  const makeStore = async () => {
    const store = new PostgresRevocationStore(schema.openPool({ max: 2, idleTimeoutMillis: 200 }), {
      schema: schema.name,
    })
    await store.createTable()
    return store
  }
  for (const { name, run } of revocationStoreContract(makeStore)) it.concurrent(name, run)
})

describeWithRedis('the Redis revocation store', () => {
  const prefix = `test-${randomBytes(6).toString('hex')}`
  const opened: OpenRedisClient[] = []
  afterAll(async () => {
    await opened[0]?.send('DEL', `{${prefix}}log`, `{${prefix}}expiries`)
    await Promise.all(opened.map(({ close }) => close()))
  })

  for (const [client, open] of Object.entries(REDIS_CLIENTS)) {
    const makeStore = async () => {
      const one = await open(REDIS_URL)
      opened.push(one)
      return new RedisRevocationStore(one.client, { prefix })
    }
    const cases = revocationStoreContract(makeStore)
    // The libraries differ in how they send a script, and not in what it does.
    const isWhole = client === 'redis 6' || client === 'ioredis 6'
    for (const { name, run } of isWhole ? cases : cases.slice(0, 3)) it.concurrent(`with ${client} ${name}`, run)
  }
})
