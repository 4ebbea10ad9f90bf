import { Redis as Redis6 } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { createClient, createClientPool } from 'redis'
import { createClient as createClient5, createClientPool as createClientPool5 } from 'redis5'
import type { RedisClient } from '../../src/redis.js'

/** A connected client of one of the libraries. */
export interface OpenRedisClient {
  client: RedisClient
  /** Sends a command as it is. */
  send(...command: string[]): Promise<unknown>
  close(): unknown
}

type Open = (url: string) => Promise<OpenRedisClient>

/** Soon after the server is back, so that a test does not wait. */
const RECONNECT = 50
/** Milliseconds in which a busy machine certainly does it. No test is about the limits that the libraries have themselves. */
const LONG = 60_000

/** With other options, `createClient` defines a new class of a thousand functions, which takes 90 ms. A duplicate is of this one. */
const ORIGINAL = createClient()
const ORIGINAL_5 = createClient5() as unknown as typeof ORIGINAL

async function openNodeRedis(original: typeof ORIGINAL, url: string): Promise<OpenRedisClient> {
  const socket = { reconnectStrategy: RECONNECT, connectTimeout: LONG }
  const client = original.duplicate({ url, socket, commandOptions: { timeout: LONG } })
  client.on('error', () => {})
  await client.connect()
  return { client, send: (...command) => client.sendCommand(command), close: () => client.destroy() }
}

async function openNodeRedisPool(create: typeof createClientPool, url: string): Promise<OpenRedisClient> {
  const socket = { reconnectStrategy: RECONNECT, connectTimeout: LONG }
  const pool = create({ url, socket, commandOptions: { timeout: LONG } }, { acquireTimeout: LONG })
  pool.on('error', () => {})
  await pool.connect()
  return { client: pool, send: (...command) => pool.sendCommand(command), close: () => pool.close() }
}

async function openIoredis(Redis: typeof Redis6, url: string): Promise<OpenRedisClient> {
  const client = new Redis(url, { retryStrategy: () => RECONNECT, connectTimeout: LONG, lazyConnect: true })
  client.on('error', () => {})
  await client.connect()
  const send = (name = '', ...rest: string[]) => client.call(name, ...rest)
  return { client, send, close: () => client.disconnect() }
}

/** Each library in each major version that we name, by the name of a test. */
export const REDIS_CLIENTS: Readonly<Record<string, Open>> = {
  'redis 6': (url) => openNodeRedis(ORIGINAL, url),
  'redis 5': (url) => openNodeRedis(ORIGINAL_5, url),
  'a pool of redis 6': (url) => openNodeRedisPool(createClientPool, url),
  'a pool of redis 5': (url) => openNodeRedisPool(createClientPool5 as unknown as typeof createClientPool, url),
  'ioredis 6': (url) => openIoredis(Redis6, url),
  'ioredis 5': (url) => openIoredis(Redis5 as unknown as typeof Redis6, url),
}
