import { afterAll, beforeAll, it, jest } from '@jest/globals'
import { RedisReplayStore } from '../../src/replay/redis-replay-store.js'
import { replayStoreContract } from '../../src/testing/index.js'
import { type OpenRedisClient, REDIS_CLIENTS } from '../support/redis-clients.js'
import { openKeyspace, type RedisKeyspace } from '../support/redis-keyspace.js'
import { describeWithRedis, REDIS_URL } from '../support/services.js'

jest.setTimeout(60_000)

describeWithRedis('the Redis replay store', () => {
  let keyspace: RedisKeyspace
  beforeAll(async () => {
    keyspace = await openKeyspace()
  })
  afterAll(() => keyspace.drop())

  const opened: OpenRedisClient[] = []
  afterAll(() => Promise.all(opened.map(({ close }) => close())))

  for (const [client, open] of Object.entries(REDIS_CLIENTS)) {
    const makeStore = async () => {
      const one = await open(REDIS_URL)
      opened.push(one)
      return new RedisReplayStore(one.client, { prefix: keyspace.prefix })
    }
    for (const { name, run } of replayStoreContract(makeStore)) it.concurrent(`with ${client} ${name}`, run)
  }
})
