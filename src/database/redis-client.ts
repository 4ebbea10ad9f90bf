import { ConfigError } from '../option-checks/config-error.js'

/** A client of `redis` (version 5 or 6) or `ioredis` (5 or 6): a connection, a pool, a sentinel or a cluster. */
export interface RedisClient {
  set(...args: never[]): unknown
  get(...args: never[]): unknown
}

/** `PXAT`: the key expires at a time. `PX`: the key expires after a duration. Both in milliseconds. */
export type ExpiryKind = 'PXAT' | 'PX'

/** The few commands that the store needs, with the same form for each library. */
export interface RedisCommands {
  /** Whether a command is sent at once. Otherwise it waits in a queue, and runs when its request is already refused. */
  isReady(): boolean
  /** Answers `OK`, or null if the key exists. */
  setNew(key: string, value: string, kind: ExpiryKind, milliseconds: number): unknown
  get(key: string): unknown
  /** undefined if the client has no such command. */
  info(section: string): unknown
  /** Runs a script, which is one atomic step. */
  evaluate(script: string, keys: readonly string[], values: readonly string[]): unknown
}

type Send = (...args: unknown[]) => unknown

interface AnyClient {
  set: Send
  get: Send
  info?: Send
  eval?: Send
  status?: unknown
  isOpen?: unknown
  isReady?: unknown
  defineCommand?: unknown
  execute?: Send
}

/** @throws ConfigError for another kind of client */
export function checkRedisClient(client: unknown, storeName: string): RedisCommands {
  const commands = redisCommandsOf(client)
  if (commands !== undefined) return commands
  const message = 'got something else; expected a client of the package redis or ioredis'
  throw new ConfigError([{ code: 'wrong_type', path: [storeName, 'client'], message }])
}

/** undefined if the client is not of a known kind. */
export function redisCommandsOf(client: unknown): RedisCommands | undefined {
  if (!isClient(client)) return undefined
  if (typeof client.status === 'string' && typeof client.defineCommand === 'function') return commandsOfIoredis(client)
  if (typeof client.isOpen !== 'boolean') return undefined
  return typeof client.execute === 'function' ? commandsOfPool(client, client.execute) : commandsOfNodeRedis(client)
}

function commandsOfIoredis(client: AnyClient): RedisCommands {
  return {
    ...commonCommands(client),
    // A client with `lazyConnect` connects at its first command.
    isReady: () => client.status === 'ready' || client.status === 'wait',
    setNew: (key, value, kind, milliseconds) => client.set(key, value, kind, milliseconds, 'NX'),
    evaluate: (script, keys, values) => client.eval?.(script, keys.length, ...keys, ...values),
  }
}

function commandsOfNodeRedis(client: AnyClient): RedisCommands {
  return {
    ...commonCommands(client),
    isReady: () => isReady(client),
    // In both spellings: a client that ignores one of them would set the key unconditionally.
    setNew: (key, value, kind, milliseconds) =>
      client.set(key, value, {
        condition: 'NX',
        NX: true,
        expiration: { type: kind, value: milliseconds },
        [kind]: milliseconds,
      }),
    evaluate: (script, keys, values) => client.eval?.(script, { keys, arguments: values }),
  }
}

/** A pool does not say whether it is connected, but each of its clients does. */
function commandsOfPool(pool: AnyClient, execute: Send): RedisCommands {
  const byOne = (send: (commands: RedisCommands) => unknown) => {
    const sendByOne = async (client: AnyClient) => {
      if (!isReady(client)) throw new Error('no Redis client of the pool is connected')
      return send(commandsOfNodeRedis(client))
    }
    return Reflect.apply(execute, pool, [sendByOne])
  }
  return {
    ...commandsOfNodeRedis(pool),
    setNew: (...call) => byOne((commands) => commands.setNew(...call)),
    evaluate: (...call) => byOne((commands) => commands.evaluate(...call)),
  }
}

/** Clusters before version 6 have `isOpen` only. */
function isReady({ isOpen, isReady }: AnyClient): boolean {
  return (typeof isReady === 'boolean' ? isReady : isOpen) === true
}

function commonCommands(client: AnyClient): Pick<RedisCommands, 'get' | 'info'> {
  return {
    get: (key) => client.get(key),
    info: (section) => client.info?.(section),
  }
}

function isClient(client: unknown): client is AnyClient {
  if (typeof client !== 'object' || client === null) return false
  return ['set', 'get'].every((name) => typeof Reflect.get(client, name) === 'function')
}
