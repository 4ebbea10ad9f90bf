import type { ReplayStore, RevocationStore } from 'express-jwt-exchange'
import { PostgresReplayStore, PostgresRevocationStore } from 'express-jwt-exchange/postgres'
import { RedisReplayStore, RedisRevocationStore } from 'express-jwt-exchange/redis'

/** A shared store, as `[replay]` or `[revocation]` of the file names it. */
export interface StoreChoice {
  name: 'redis' | 'postgres'
  /** It may hold a password. */
  url: string
}

export interface OpenStore<Store> {
  store: Store
  close(): Promise<unknown>
}

/** Milliseconds. */
const CONNECT_TIMEOUT = 1000
const MAX_PAUSE_BEFORE_RECONNECT = 500

/** Loads the client package and connects. Fails where the server does not answer; later, the client reconnects by itself. */
export function openReplayStore({ name, url }: StoreChoice): Promise<OpenStore<ReplayStore>> {
  return name === 'redis' ? openRedis(url, RedisReplayStore) : openPostgres(url, PostgresReplayStore)
}

export function openRevocationStore({ name, url }: StoreChoice): Promise<OpenStore<RevocationStore>> {
  return name === 'redis' ? openRedis(url, RedisRevocationStore) : openPostgres(url, PostgresRevocationStore)
}

type RedisClient = ConstructorParameters<typeof RedisReplayStore>[0]
type Pool = ConstructorParameters<typeof PostgresRevocationStore>[0]

async function openRedis<Store>(url: string, StoreOf: new (client: RedisClient) => Store): Promise<OpenStore<Store>> {
  const { createClient } = await load('redis', () => import('redis'))
  let hasConnected = false
  const reconnectStrategy = (retries: number) =>
    hasConnected && Math.min(50 * (retries + 1), MAX_PAUSE_BEFORE_RECONNECT)
  const client = createClient({ url, socket: { connectTimeout: CONNECT_TIMEOUT, reconnectStrategy } })
  const store = new StoreOf(client)
  await connected('Redis', url, client.connect())
  hasConnected = true
  return { store, close: async () => client.destroy() }
}

async function openPostgres<Store extends { createTable(): Promise<void> }>(
  url: string,
  StoreOf: new (pool: Pool) => Store,
): Promise<OpenStore<Store>> {
  const { default: pg } = await load('pg', () => import('pg'))
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT })
  const store = new StoreOf(pool)
  await connected('PostgreSQL', url, store.createTable())
  return { store, close: () => pool.end() }
}

/** The package of a client is no dependency: whoever uses the store installs it. */
async function load<Module>(name: string, importPackage: () => Promise<Module>): Promise<Module> {
  try {
    return await importPackage()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(`this store needs the package ${name}: npm install ${name}`)
  }
}

async function connected(server: string, url: string, connecting: Promise<unknown>): Promise<void> {
  try {
    await connecting
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${server} at ${new URL(url).host} cannot be used as a store: ${message || code}`)
  }
}
