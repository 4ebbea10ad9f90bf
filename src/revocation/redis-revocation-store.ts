import { ignoreErrorEvents } from '../database/ignore-error-events.js'
import { checkRedisClient, type RedisClient, type RedisCommands } from '../database/redis-client.js'
import { findEvictionRisk } from '../database/redis-eviction.js'
import { createFault } from '../errors/describe-fault.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { Revocation, RevocationPage, RevocationStore } from './revocation-store.js'
import { parseRevocation, writeRevocation } from './stored-revocation.js'

/** How many revocations are read at once. */
const PAGE = 1000

/**
 * Options of a `RedisRevocationStore`.
 *
 * @example
 * new RedisRevocationStore(client, { prefix: 'orders:' })
 */
export interface RedisRevocationStoreOptions {
  /**
   * The beginning of both keys, 1 to 100 characters without braces. Services that use one Redis with one prefix share their
   * revocations. Default: `jwt-revocations:`.
   */
  prefix?: string
}

/**
 * Holds revocations in Redis or Valkey, for all processes that use it, in two sorted sets. They are written and read by scripts, and
 * expire by the server's clock. While the client is not connected, a call fails at once. The store listens to the client's `error`
 * events, so that a broken connection does not end the process. It never connects or closes the client.
 *
 * @example
 * const client = createClient({ url: process.env.REDIS_URL ?? 'redis://localhost:6379' })
 * await client.connect()
 * createJwtExchange({ ...options, revocation: { store: new RedisRevocationStore(client) } })
 */
export class RedisRevocationStore implements RevocationStore {
  readonly isShared = true
  readonly #commands: RedisCommands
  readonly #keys: readonly string[]

  /** @throws ConfigError for another kind of client, or unknown or wrong options */
  constructor(client: RedisClient, options: RedisRevocationStoreOptions = {}) {
    const reader = new OptionReader(options, ['RedisRevocationStore'])
    const prefix = readPrefix(reader)
    reader.refuseUnknown()
    reader.throwProblems()
    this.#commands = checkRedisClient(client, 'RedisRevocationStore')
    // The braces keep both keys on one node of a cluster.
    this.#keys = [`{${prefix}}log`, `{${prefix}}expiries`]
    ignoreErrorEvents(client)
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    const entries = revocations.flatMap((each) => [writeRevocation(each), String(each.expiresAt)])
    const answer = await this.#evaluate(ADD, entries)
    if (String(answer) !== 'OK') throw createFault('unexpected_answer', 'got an unexpected answer; expected OK')
  }

  async read(cursor?: string): Promise<RevocationPage> {
    const [, sequence = '', member = ''] = /^(\d+) (.*)$/.exec(cursor ?? '') ?? []
    const answer = await this.#evaluate(READ, [member, sequence])
    if (!Array.isArray(answer)) throw createFault('unexpected_answer', 'got an unexpected answer; expected an array')
    const rows = answer.map(String)
    const members = rows.filter((_, index) => index % 2 === 0)
    const last = members.length === 0 ? cursor : `${rows.at(-1)} ${members.at(-1)}`
    return { revocations: members.map(parseRevocation), cursor: last, hasMore: members.length === PAGE }
  }

  findRisk(): Promise<string | undefined> {
    return findEvictionRisk(this.#commands, 'revocations', 'accept revoked access tokens again')
  }

  async #evaluate(script: string, values: readonly string[]): Promise<unknown> {
    if (!this.#commands.isReady()) throw createFault('not_connected', 'the Redis client is not connected')
    return this.#commands.evaluate(script, this.#keys, values)
  }
}

function readPrefix(reader: OptionReader): string {
  if (!reader.has('prefix')) return 'jwt-revocations:'
  const isPrefix = (prefix: string) => prefix.length <= 100 && !/[{}]/.test(prefix)
  return reader.string('prefix', 'a string of 1 to 100 characters without braces', isPrefix)
}

/**
 * The first set has each revocation by its number. Numbers grow, because the newest revocation is never removed. The second one has
 * them by their expiry. A revocation that is there already keeps its number: whoever has read that one has read it.
 */
const ADD = `
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local expired = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1], 'LIMIT', 0, ${PAGE})
for _, member in ipairs(expired) do
  if member ~= newest[1] then
    redis.call('ZREM', KEYS[1], member)
    redis.call('ZREM', KEYS[2], member)
  end
end
local number = tonumber(newest[2] or '0')
for index = 1, #ARGV, 2 do
  if not redis.call('ZSCORE', KEYS[1], ARGV[index]) then
    number = number + 1
    redis.call('ZADD', KEYS[1], number, ARGV[index])
    redis.call('ZADD', KEYS[2], ARGV[index + 1], ARGV[index])
  end
end
return 'OK'`

/** If the last one that was read is not there with its number, something was lost or removed: begins again. */
const READ = `
local from = '-inf'
if ARGV[1] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then from = '(' .. ARGV[2] end
return redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES', 'LIMIT', 0, ${PAGE})`
