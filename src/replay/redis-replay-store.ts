import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../clock/clock.js'
import { ignoreErrorEvents } from '../database/ignore-error-events.js'
import { checkRedisClient, type ExpiryKind, type RedisClient, type RedisCommands } from '../database/redis-client.js'
import { findEvictionRisk } from '../database/redis-eviction.js'
import { fieldOf } from '../errors/field-of.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { ReplayStore } from './replay-store.js'
import { storeFull } from './store-errors.js'

/**
 * Options of a `RedisReplayStore`.
 *
 * @example
 * new RedisReplayStore(client, { prefix: 'orders:' })
 */
export interface RedisReplayStoreOptions {
  /**
   * The beginning of each key, 1 to 100 characters. Services that use one Redis with one prefix share the used assertions,
   * if they also have the same identity providers under the same alias. Default: `jwt-replay:`.
   */
  prefix?: string
  /** For servers before Redis 6.2, which know durations only. */
  clock?: Clock
}

/**
 * Holds the used assertions in Redis or Valkey, for all processes that use it. Each assertion is one key, set by one
 * `SET … NX PXAT`, and expires by the server's clock. While the client is not connected, a call fails at once.
 * The store listens to the client's `error` events, so that a broken connection does not end the process. It never
 * connects or closes the client.
 *
 * @example
 * const client = createClient({ url: process.env.REDIS_URL ?? 'redis://localhost:6379' })
 * await client.connect()
 * createJwtExchange({ ...options, replay: { store: new RedisReplayStore(client) } })
 */
export class RedisReplayStore implements ReplayStore {
  readonly isShared = true
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #clock: Clock
  #expiryKind: ExpiryKind = 'PXAT'

  /** @throws ConfigError for another kind of client, or unknown or wrong options */
  constructor(client: RedisClient, options: RedisReplayStoreOptions = {}) {
    const reader = new OptionReader(options, ['RedisReplayStore'])
    this.#prefix = readPrefix(reader)
    this.#clock = (reader.hostObject('clock') as Clock | undefined) ?? systemClock
    reader.refuseUnknown()
    reader.throwProblems()
    this.#commands = checkRedisClient(client, 'RedisReplayStore')
    ignoreErrorEvents(client)
  }

  async markUsed(key: string, expiresAt: number): Promise<boolean> {
    if (!this.#commands.isReady()) throw new Error('the Redis client is not connected')
    const callId = randomBytes(9).toString('base64url')
    try {
      return await this.#set(this.#prefix + key, callId, expiresAt * 1000)
    } catch (cause) {
      if (!/^OOM\b/.test(messageOf(cause))) throw cause
      throw storeFull(cause)
    }
  }

  findRisk(): Promise<string | undefined> {
    return findEvictionRisk(this.#commands, 'entries', 'accept their assertions again')
  }

  async #set(key: string, callId: string, expiresAt: number): Promise<boolean> {
    const answer = await this.#setNew(key, callId, expiresAt)
    if (answer === null) return await this.#isOurs(key, callId)
    if (String(answer) !== 'OK') throw new Error('got an unexpected answer to SET; expected OK')
    return true
  }

  async #setNew(key: string, callId: string, expiresAt: number): Promise<unknown> {
    if (this.#expiryKind === 'PXAT') {
      try {
        return await this.#commands.setNew(key, callId, 'PXAT', expiresAt)
      } catch (error) {
        // Servers before Redis 6.2 do not know `PXAT`.
        if (!/\bsyntax error\b/i.test(messageOf(error))) throw error
        this.#expiryKind = 'PX'
      }
    }
    const left = Math.ceil(expiresAt - this.#clock.now() * 1000)
    return await this.#commands.setNew(key, callId, 'PX', Math.max(1, left))
  }

  /** A client that loses the connection before the answer may send the command again, and find its own key. */
  async #isOurs(key: string, callId: string): Promise<boolean> {
    return String(await this.#commands.get(key)) === callId
  }
}

function readPrefix(reader: OptionReader): string {
  if (!reader.has('prefix')) return 'jwt-replay:'
  return reader.string('prefix', 'a string of 1 to 100 characters', (prefix) => prefix.length <= 100)
}

function messageOf(error: unknown): string {
  return String(fieldOf(error, 'message'))
}
