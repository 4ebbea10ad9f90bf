import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'
import { RedisReplayStore } from '../../src/replay/redis-replay-store.js'
import { REDIS_URL } from './services.js'

/** Keys of our own in the Redis of the tests. */
export interface RedisKeyspace {
  /** What the keys begin with. */
  prefix: string
  /** All of them use one client. */
  makeStore(): RedisReplayStore
  /** When each of the claims expires, in seconds since the epoch. */
  expiries(): Promise<number[]>
  /** Deletes the keys and ends the client. */
  drop(): Promise<void>
}

export async function openKeyspace(): Promise<RedisKeyspace> {
  const prefix = `test-${randomBytes(6).toString('hex')}:`
  const client = await createClient({ url: REDIS_URL }).connect()
  const keys = () => client.keys(`${prefix}*`)
  return {
    prefix,
    makeStore: () => new RedisReplayStore(client, { prefix }),
    expiries: async () => Promise.all((await keys()).map((key) => client.expireTime(key))),
    drop: async () => {
      await Promise.all((await keys()).map((key) => client.del(key)))
      client.destroy()
    },
  }
}
