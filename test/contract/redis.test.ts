import { afterAll, beforeAll, describe, it, jest } from '@jest/globals'
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

  describe.each(Object.entries(REDIS_CLIENTS))('with %s', (_, open) => {
    const opened: OpenRedisClient[] = []
    afterAll(async () => {
      for (const { close } of opened) await close()
    })

    const makeStore = async () => {
      const one = await open(REDIS_URL)
      opened.push(one)
      return new RedisReplayStore(one.client, { prefix: keyspace.prefix })
    }
    for (const { name, run } of replayStoreContract(makeStore)) it(name, run)
  })
})
