import { randomBytes } from 'node:crypto'
import { afterAll, describe, it } from '@jest/globals'
import { RedisReplayStore } from '../../src/replay/redis-replay-store.js'
import { replayStoreContract } from '../../src/testing/index.js'
import { type OpenRedisClient, REDIS_CLIENTS } from '../support/redis-clients.js'
import { describeWithRedis, REDIS_URL } from '../support/services.js'

describeWithRedis('the Redis replay store', () => {
  describe.each(Object.entries(REDIS_CLIENTS))('with %s', (_, open) => {
    const prefix = `test-${randomBytes(6).toString('hex')}:`
    const opened: OpenRedisClient[] = []
    afterAll(async () => {
      await deleteKeys(prefix, opened[0])
      for (const { close } of opened) await close()
    })

    const makeStore = async () => {
      const one = await open(REDIS_URL)
      opened.push(one)
      return new RedisReplayStore(one.client, { prefix })
    }
    for (const { name, run } of replayStoreContract(makeStore)) it(name, run)
  })
})

async function deleteKeys(prefix: string, opened: OpenRedisClient | undefined): Promise<void> {
  const keys = (await opened?.send('KEYS', `${prefix}*`)) as string[] | undefined
  if (keys !== undefined && keys.length > 0) await opened?.send('DEL', ...keys)
}
