import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'
import * as redis5 from 'redis5'
import { isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { type ConfigProblem, isConfigError } from '../../../src/option-checks/config-error.js'
import { type RedisClient, RedisReplayStore } from '../../../src/redis.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { type OpenRedisClient, REDIS_CLIENTS } from '../../support/redis-clients.js'
import { answeredBy, type Command, likeOldServer, type RedisProxy, startRedisProxy } from '../../support/redis-proxy.js'
import { type RedisServer, startRedisServer } from '../../support/redis-server.js'
import { describeWithRedisServer } from '../../support/services.js'

const CLIENTS = Object.entries(REDIS_CLIENTS)
/** These send a claim again whose answer was lost; the others reject it. */
const RESENDING = CLIENTS.filter(([name]) => name.startsWith('ioredis'))
const REJECTING = CLIENTS.filter(([name]) => !name.startsWith('ioredis'))
/** A pool does not tell whether it is connected. */
const POOLS = CLIENTS.filter(([name]) => name.startsWith('a pool'))
const CONNECTIONS = CLIENTS.filter(([name]) => !name.startsWith('a pool'))
const NOT_CONNECTED = 'the Redis client is not connected'
const PREFIX = 'unit:'

describeWithRedisServer('the Redis replay store', () => {
  let server: RedisServer
  let proxy: RedisProxy
  const toClose: (() => unknown)[] = []

  beforeAll(async () => {
    server = await startRedisServer()
    proxy = await startRedisProxy(server.url)
  })
  afterEach(async () => {
    await proxy.open()
    proxy.replaceSets((set) => set)
    proxy.loseAnswers(0)
    proxy.release()
    for (const close of toClose.splice(0)) await close()
  })
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })

  /** Through the proxy, unless another URL is given. */
  const openStore = async (open: (url: string) => Promise<OpenRedisClient>, url = proxy.url) => {
    const { client, send, close } = await open(url)
    toClose.push(close)
    return { client, send, close, store: new RedisReplayStore(client, { prefix: PREFIX }) }
  }
  const openIoredis = async (options: object) => {
    const client = new Redis(proxy.url, { retryStrategy: () => 50, ...options })
    toClose.push(() => client.disconnect())
    await once(client, 'ready')
    return client
  }
  const openNodeRedis = async (options: object) => {
    const client = createClient({ url: proxy.url, socket: { reconnectStrategy: 50 }, ...options })
    client.on('error', () => {})
    await client.connect()
    toClose.push(() => client.destroy())
    return client
  }
  /** The commands of the store that the proxy has seen since. */
  const commandsSince = (start: number) =>
    proxy.commands
      .slice(start)
      .map(([name = '', ...rest]): Command => [name.toUpperCase(), ...rest])
      .filter(([name = '']) => ['SET', 'GET'].includes(name))

  describe.each(CLIENTS)('a call with %s', (_, open) => {
    it('is one SET, with NX and PXAT', async () => {
      const { store } = await openStore(open)
      const [key, expiresAt, start] = [newKey(), soon(), proxy.commands.length]
      expect(await store.markUsed(key, expiresAt)).toBe(true)
      const value = await server.cli('GET', PREFIX + key)
      expect(commandsSince(start)).toEqual([['SET', PREFIX + key, value, 'PXAT', `${expiresAt * 1000}`, 'NX']])
    })

    it('is remembered by Redis until the millisecond it expires, for any clock of the process', async () => {
      const { client } = await openStore(open)
      const store = new RedisReplayStore(client, { prefix: PREFIX, clock: new AdjustableClock() })
      for (const expiresAt of [soon(), soon() + 86_400, 4_102_444_800]) {
        const key = newKey()
        await store.markUsed(key, expiresAt)
        expect(await server.cli('PEXPIRETIME', PREFIX + key)).toBe(`${expiresAt * 1000}`)
      }
    })

    it('changes nothing if it is refused', async () => {
      const { store } = await openStore(open)
      const [key, expiresAt] = [newKey(), soon()]
      await store.markUsed(key, expiresAt)
      const value = await server.cli('GET', PREFIX + key)
      expect(await store.markUsed(key, expiresAt + 1000)).toBe(false)
      expect(await server.cli('GET', PREFIX + key)).toBe(value)
      expect(await server.cli('PEXPIRETIME', PREFIX + key)).toBe(`${expiresAt * 1000}`)
    })

    it('has a value of its own, in each store', async () => {
      const { client, store } = await openStore(open)
      const other = new RedisReplayStore(client, { prefix: 'other:' })
      const keys = Array.from({ length: 40 }, newKey)
      for (const key of keys)
        expect([await store.markUsed(key, soon()), await other.markUsed(key, soon())]).toEqual([true, true])
      const names = keys.flatMap((key) => [PREFIX + key, `other:${key}`])
      const values = (await server.cli('MGET', ...names)).split('\n')
      expect(new Set(values).size).toBe(80)
    })

    it('throws the error of Redis, and never returns true', async () => {
      const { store } = await openStore(open)
      for (const answer of [
        'READONLY You cannot write against a read only replica.',
        'NOAUTH Authentication required.',
        'NOPERM this user has no permissions to run the set command',
        'WRONGTYPE Operation against a key holding the wrong kind of value',
        'LOADING Redis is loading the dataset in memory',
        'MISCONF Redis is configured to save RDB snapshots',
        'MASTERDOWN Link with MASTER is down',
        'ERR value is not an integer or out of range',
        'ERR syntax error',
      ]) {
        proxy.replaceSets(() => answeredBy(`return redis.error_reply("${answer}")`))
        expect(await outcomeOf(store.markUsed(newKey(), soon()))).toBe(answer)
      }
      proxy.replaceSets((set) => set)
      expect(await store.markUsed(newKey(), soon())).toBe(true)
    })

    it('throws any answer other than OK and nil', async () => {
      const { store } = await openStore(open)
      for (const lua of ['redis.status_reply("QUEUED")', '1', '0', '""', '"ok"', '{}', 'redis.status_reply("OKAY")']) {
        proxy.replaceSets(() => answeredBy(`return ${lua}`))
        expect([lua, await outcomeOf(store.markUsed(newKey(), soon()))]).toEqual([
          lua,
          'got an unexpected answer to SET; expected OK',
        ])
      }
    })

    it('throws if the key is of another type', async () => {
      const { store } = await openStore(open)
      const key = newKey()
      await server.cli('LPUSH', PREFIX + key, 'an element')
      expect(await outcomeOf(store.markUsed(key, soon()))).toContain('WRONGTYPE')
    })

    it('waits for a stalled server', async () => {
      const { store } = await openStore(open)
      const key = newKey()
      proxy.hold()
      const claim = store.markUsed(key, soon())
      expect(await Promise.race([claim, pause(200, 'no answer')])).toBe('no answer')
      proxy.release()
      expect([await claim, await store.markUsed(key, soon())]).toEqual([true, false])
    })
  })

  describe.each(CLIENTS)('on a server before Redis 6.2, with %s,', (_, open) => {
    it('sends a duration, after the server has refused a time once', async () => {
      const { store } = await openStore(open)
      proxy.replaceSets(likeOldServer)
      const start = proxy.commands.length
      const [key, otherKey] = [newKey(), newKey()]
      const answers = [
        await store.markUsed(key, soon()),
        await store.markUsed(otherKey, soon()),
        await store.markUsed(key, soon()),
      ]
      expect(answers).toEqual([true, true, false])
      expect(commandsSince(start).map(([name, key, , kind, , condition]) => [name, key, kind, condition])).toEqual([
        ['SET', PREFIX + key, 'PXAT', 'NX'],
        ['SET', PREFIX + key, 'PX', 'NX'],
        ['SET', PREFIX + otherKey, 'PX', 'NX'],
        ['SET', PREFIX + key, 'PX', 'NX'],
        ['GET', PREFIX + key, undefined, undefined],
      ])
    })

    it('lets one of a hundred calls at the same time win', async () => {
      const stores = [(await openStore(open)).store, (await openStore(open)).store]
      proxy.replaceSets(likeOldServer)
      for (let round = 0; round < 3; round += 1) {
        const key = newKey()
        const claims = Array.from({ length: 50 }, () => stores.map((store) => store.markUsed(key, soon()))).flat()
        expect(countOf(true, await Promise.all(claims))).toBe(1)
      }
    })

    it('remembers an entry for as long as the clock of the process says', async () => {
      const { client } = await openStore(open)
      const clock = new AdjustableClock()
      const store = new RedisReplayStore(client, { prefix: PREFIX, clock })
      proxy.replaceSets(likeOldServer)
      clock.advance(0.25)
      const [key, otherKey, start] = [newKey(), newKey(), proxy.commands.length]
      await store.markUsed(key, 1_800_000_100)
      await store.markUsed(otherKey, 1_799_000_000)
      const [, first, expired] = commandsSince(start)
      expect(first?.slice(3)).toEqual(['PX', '99750', 'NX'])
      expect(expired?.slice(3)).toEqual(['PX', '1', 'NX'])
      const left = Number(await server.cli('PTTL', PREFIX + key))
      expect(left).toBeLessThanOrEqual(99_750)
      expect(left).toBeGreaterThan(80_000)
    })
  })

  describe('while the client is not connected', () => {
    /** Claims a key, and checks that the claim has no effect when the server is there again. */
    const expectNothingQueued = async (store: RedisReplayStore, comeBack: () => unknown) => {
      const key = newKey()
      const claims = Array.from({ length: 3 }, () => store.markUsed(key, soon()))
      expect(await Promise.all(claims.map(atOnce))).toEqual([NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED])
      await comeBack()
      await until(async () => (await outcomeOf(store.markUsed(newKey(), soon()))) === true)
      expect(await server.cli('EXISTS', PREFIX + key)).toBe('0')
      expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
    }

    const expectMadeOnceLater = async (store: RedisReplayStore) => {
      const key = newKey()
      const claims = Array.from({ length: 3 }, () => outcomeOf(store.markUsed(key, soon())))
      expect(await Promise.race([claims[0], pause(300, 'waiting')])).toBe('waiting')
      await proxy.open()
      const outcomes = await Promise.all(claims)
      expect(outcomes.filter((outcome) => outcome === true)).toHaveLength(1)
      expect(await store.markUsed(key, soon())).toBe(false)
    }

    it.each(CONNECTIONS)('a call with %s fails at once, and makes no entry later', async (_, open) => {
      const { client, store } = await openStore(open)
      await proxy.close()
      await until(() => !isReady(client))
      await expectNothingQueued(store, () => proxy.open())
    })

    it.each(POOLS)('a call with %s fails at once, and makes no entry later', async (_, open) => {
      const { store } = await openStore(open)
      await proxy.close()
      await pause(200)
      const key = newKey()
      expect(await atOnce(store.markUsed(key, soon()))).toBe('no Redis client of the pool is connected')
      await proxy.open()
      await until(async () => (await outcomeOf(store.markUsed(newKey(), soon()))) === true)
      expect(await server.cli('EXISTS', PREFIX + key)).toBe('0')
      expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
    })

    it.each([
      ['redis 6', () => createClient({ url: proxy.url, socket: { reconnectStrategy: 50 } })],
      ['redis 5', () => redis5.createClient({ url: proxy.url, socket: { reconnectStrategy: 50 } })],
    ])('a call with %s fails at once before the first connection', async (_, create) => {
      const client = create()
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      expect(await atOnce(store.markUsed(newKey(), soon()))).toBe(NOT_CONNECTED)
      await proxy.close()
      const connected = client.connect()
      toClose.push(() => client.destroy())
      await expectNothingQueued(store, async () => {
        await proxy.open()
        await connected
      })
    })

    it.each([
      ['ioredis 6', () => new Redis(proxy.url, { retryStrategy: () => 50 })],
      ['ioredis 5', () => new Redis5(proxy.url, { retryStrategy: () => 50 })],
    ])('a call with %s fails at once before the first connection', async (_, create) => {
      await proxy.close()
      const client = create()
      toClose.push(() => client.disconnect())
      await expectNothingQueued(new RedisReplayStore(client, { prefix: PREFIX }), () => proxy.open())
    })

    it.each([
      ['ioredis 6', () => new Redis(proxy.url, { lazyConnect: true, retryStrategy: () => 50 })],
      ['ioredis 5', () => new Redis5(proxy.url, { lazyConnect: true, retryStrategy: () => 50 })],
    ])('the first call with %s and lazyConnect waits for the connection that it begins', async (_, create) => {
      await proxy.close()
      const client = create()
      toClose.push(() => client.disconnect())
      await expectMadeOnceLater(new RedisReplayStore(client, { prefix: PREFIX }))
    })

    it.each([
      ['a pool of redis 6', () => createClientPool()],
      ['a pool of redis 5', () => redis5.createClientPool()],
      ['a cluster of redis 6', () => createCluster({ rootNodes: [{}] })],
      ['a cluster of redis 5', () => redis5.createCluster({ rootNodes: [{}] })],
      ['a sentinel of redis 6', () => createSentinel({ name: 'main', sentinelRootNodes: [] })],
      ['a sentinel of redis 5', () => redis5.createSentinel({ name: 'main', sentinelRootNodes: [] })],
    ])('a call with %s that was never connected fails at once', async (_, create) => {
      expect(await atOnce(new RedisReplayStore(create()).markUsed(newKey(), soon()))).toBe(NOT_CONNECTED)
    })

    it.each(CLIENTS)('a call with %s fails at once after it was closed', async (_, open) => {
      const { client, close } = await open(server.url)
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      await close()
      expect(await atOnce(store.markUsed(key, soon()))).toMatch(/not connected|is closed/)
      expect(await server.cli('EXISTS', PREFIX + key)).toBe('0')
    })
  })

  describe('if the connection breaks before the answer', () => {
    it.each(REJECTING)('a call with %s fails, and the key stays marked used', async (_, open) => {
      const { store } = await openStore(open)
      const key = newKey()
      proxy.loseAnswers(1)
      expect(await outcomeOf(store.markUsed(key, soon()))).toBe('Socket closed unexpectedly')
      expect(await server.cli('EXISTS', PREFIX + key)).toBe('1')
      expect(await answerOf(store, key)).toBe(false)
    })

    it.each(RESENDING)('a call with %s is sent again, and recognises its own entry', async (_, open) => {
      const { store } = await openStore(open)
      const [key, start] = [newKey(), proxy.commands.length]
      proxy.loseAnswers(3)
      const [claim, otherClaim] = [store.markUsed(key, soon()), store.markUsed(key, soon())]
      expect([await claim, await otherClaim, await store.markUsed(key, soon())]).toEqual([true, false, false])
      const [first, ...others] = commandsSince(start).filter(([name]) => name === 'SET')
      expect(others).toContainEqual(first)
    })

    it.each(RESENDING)(
      'a call with %s that is sent again to an old server recognises its own entry',
      async (_, open) => {
        const { store } = await openStore(open)
        proxy.replaceSets(likeOldServer)
        await store.markUsed(newKey(), soon())
        proxy.loseAnswers(1)
        const key = newKey()
        expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
      },
    )

    it.each(CLIENTS)('never two of 50 calls with %s are true, even if it breaks often', async (_, open) => {
      const stores = [(await openStore(open)).store, (await openStore(open)).store]
      const counts: number[] = []
      for (let round = 0; round < 5; round += 1) {
        const key = newKey()
        const claims = Array.from({ length: 25 }, () =>
          stores.map((store) => outcomeOf(store.markUsed(key, soon()))),
        ).flat()
        proxy.loseAnswers(round)
        for (let cuts = 0; cuts < 4; cuts += 1) {
          await pause(cuts * 15)
          proxy.cut()
        }
        proxy.loseAnswers(0)
        const answers = await Promise.all(claims)
        for (const store of stores) answers.push(await answerOf(store, key))
        expect(answers.at(-1)).toBe(false)
        counts.push(countOf(true, answers))
      }
      expect(counts.filter((count) => count > 1)).toEqual([])
    })
  })

  describe('whose memory is full', () => {
    let full: RedisServer
    beforeAll(async () => {
      full = await startRedisServer({ args: ['--maxmemory-policy', 'noeviction'] })
    })
    afterAll(() => full.stop())

    /** A little is freed when a connection closes, so the limit is then set below what is used. */
    const fillUp = async () => {
      await full.cli('CONFIG', 'SET', 'maxmemory', '3mb')
      for (let part = 0; ; part += 1) {
        const answer = await full.cli('SETRANGE', `fill ${part}`, '100000', 'x').catch(String)
        if (answer.includes('OOM')) break
      }
      await full.cli('CONFIG', 'SET', 'maxmemory', '2500kb')
    }

    it.each(CLIENTS)('says with %s that it is full, and when to try again, until there is room', async (_, open) => {
      const { store } = await openStore(open, full.url)
      const [key, otherKey] = [newKey(), newKey()]
      expect(await store.markUsed(key, soon())).toBe(true)
      await fillUp()
      for (const each of [key, otherKey]) {
        await expect(store.markUsed(each, soon())).rejects.toMatchObject({
          name: 'DependencyUnavailable',
          reason: 'replay_store_full',
          retryAfter: 30,
          cause: expect.objectContaining({ message: expect.stringMatching(/^OOM /) }),
        })
      }
      await full.cli('FLUSHALL')
      expect([await store.markUsed(otherKey, soon()), await store.markUsed(otherKey, soon())]).toEqual([true, false])
    })

    it.each(CLIENTS)('is at risk with %s if it evicts, and only then', async (_, open) => {
      const { store } = await openStore(open, full.url)
      await full.cli('CONFIG', 'SET', 'maxmemory', '3mb')
      for (const policy of ['volatile-lru', 'allkeys-lru', 'volatile-ttl', 'allkeys-random']) {
        await full.cli('CONFIG', 'SET', 'maxmemory-policy', policy)
        expect(await store.findRisk()).toContain(`(maxmemory-policy ${policy})`)
      }
      await full.cli('CONFIG', 'SET', 'maxmemory', '0')
      expect(await store.findRisk()).toBeUndefined()
      await full.cli('CONFIG', 'SET', 'maxmemory', '3mb', 'maxmemory-policy', 'noeviction')
      expect(await store.findRisk()).toBeUndefined()
    })

    it.each(CLIENTS)('recognises with %s that an old server is full', async (_, open) => {
      const { store } = await openStore(open)
      proxy.replaceSets((set) => (set.includes('PXAT') ? likeOldServer(set) : oom()))
      expect(await outcomeOf(store.markUsed(newKey(), soon()))).toBe('replay_store_full')
    })
  })

  it('reports no risk if the client cannot send INFO', async () => {
    const client = { isOpen: true, get: () => null, set: () => 'OK' }
    for (const each of [client, { ...client, info: () => '' }, { ...client, info: () => ['', ''] }]) {
      expect(await new RedisReplayStore(each).findRisk()).toBeUndefined()
    }
  })

  describe('with unusual clients', () => {
    it.each(CONNECTIONS)('may share one client of %s with another store on the same keys', async (_, open) => {
      const { client, store } = await openStore(open)
      const stores = [store, new RedisReplayStore(client, { prefix: PREFIX })]
      const key = newKey()
      const claims = Array.from({ length: 50 }, () => claimBy(stores, key))
      expect(countOf(true, await Promise.all(claims))).toBe(1)
    })

    it('uses the key prefix of the client', async () => {
      const ofIoredis = await openIoredis({ keyPrefix: 'mine:' })
      for (const client of [ofIoredis, await openNodeRedis({ keyPrefix: 'mine:' })]) {
        const store = new RedisReplayStore(client, { prefix: PREFIX })
        const key = newKey()
        expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
        expect(await server.cli('EXISTS', `mine:${PREFIX}${key}`)).toBe('1')
      }
    })

    it('recognises its own entry under the key prefix of ioredis', async () => {
      const client = await openIoredis({ keyPrefix: 'mine:' })
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      proxy.loseAnswers(1)
      expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
    })

    it('has one winner with autopipelining, cut or not', async () => {
      const client = await openIoredis({ enableAutoPipelining: true })
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      for (const lost of [0, 1, 2]) {
        const key = newKey()
        proxy.loseAnswers(lost)
        const answers = await Promise.all(Array.from({ length: 50 }, () => outcomeOf(store.markUsed(key, soon()))))
        answers.push(await outcomeOf(store.markUsed(key, soon())))
        expect(countOf(true, answers)).toBeLessThanOrEqual(1)
        if (lost === 0) expect(countOf(true, answers)).toBe(1)
        await client.ping()
      }
    })

    it('is never true within a transaction that the user has begun', async () => {
      const client = await openNodeRedis({})
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      await client.sendCommand(['MULTI'])
      expect(await outcomeOf(store.markUsed(key, soon()))).toBe('got an unexpected answer to SET; expected OK')
      await client.sendCommand(['DISCARD'])
      expect(await store.markUsed(key, soon())).toBe(true)
    })

    it('is never true within a transaction of ioredis that the user has begun', async () => {
      const client = await openIoredis({})
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      client.multi({ pipeline: false })
      expect(await outcomeOf(store.markUsed(key, soon()))).toBe('got an unexpected answer to SET; expected OK')
      await client.discard()
      expect(await store.markUsed(key, soon())).toBe(true)
    })

    it('throws in subscriber mode, and works if RESP3 allows it', async () => {
      const [resp2, resp3] = [await openNodeRedis({ RESP: 2 }), await openNodeRedis({ RESP: 3 })]
      const ofIoredis5 = new Redis5(proxy.url)
      toClose.push(() => ofIoredis5.disconnect())
      await ofIoredis5.subscribe('news')
      for (const client of [resp2, resp3]) await client.subscribe('news', () => {})
      expect(await outcomeOf(new RedisReplayStore(resp2).markUsed(newKey(), soon()))).toContain('SUBSCRIBE')
      expect(await outcomeOf(new RedisReplayStore(ofIoredis5).markUsed(newKey(), soon()))).toContain('subscriber mode')
      expect(await new RedisReplayStore(resp3, { prefix: PREFIX }).markUsed(newKey(), soon())).toBe(true)
    })

    it('understands answers that are Buffers', async () => {
      const { SIMPLE_STRING, BLOB_STRING } = RESP_TYPES
      for (const RESP of [2, 3]) {
        const client = await openNodeRedis({ RESP })
        const store = new RedisReplayStore(client.withTypeMapping({ [SIMPLE_STRING]: Buffer, [BLOB_STRING]: Buffer }), {
          prefix: PREFIX,
        })
        const key = newKey()
        expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([true, false])
        expect(await store.findRisk()).toBeUndefined()
      }
    })

    it('throws if the server is a read-only replica', async () => {
      const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', `${server.port}`] })
      toClose.push(() => replica.stop())
      for (const [, open] of CLIENTS) {
        const { store } = await openStore(open, replica.url)
        const key = newKey()
        expect(await outcomeOf(store.markUsed(key, soon()))).toContain('READONLY')
        expect(await server.cli('EXISTS', PREFIX + key)).toBe('0')
      }
    })

    it('throws if the user of Redis may not write', async () => {
      await server.cli('ACL', 'SETUSER', 'reader', 'on', '>s3cret', '~*', '+@all', '-set')
      const url = proxy.url.replace('//', '//reader:s3cret@')
      for (const [, open] of CLIENTS) {
        const { store } = await openStore(open, url)
        expect(await outcomeOf(store.markUsed(newKey(), soon()))).toContain('NOPERM')
      }
    })

    it.each<[string, () => Promise<RedisClient>]>([
      ['ioredis 6', () => openIoredis({ commandTimeout: 100 })],
      ['redis 6', () => openNodeRedis({ commandOptions: { timeout: 100 } })],
    ])('never makes two entries for a call with %s that has timed out', async (_, create) => {
      const client = await create()
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      proxy.hold()
      const claim = outcomeOf(store.markUsed(key, soon()))
      await pause(200)
      proxy.release()
      const answers = [
        await claim,
        await outcomeOf(store.markUsed(key, soon())),
        await outcomeOf(store.markUsed(key, soon())),
      ]
      expect(countOf(true, answers)).toBeLessThanOrEqual(1)
      expect(answers[2]).toBe(false)
    })

    it('fails the same way with enableOfflineQueue: false and disableOfflineQueue', async () => {
      const ofIoredis = await openIoredis({ enableOfflineQueue: false })
      const clients = [ofIoredis, await openNodeRedis({ disableOfflineQueue: true })]
      await proxy.close()
      for (const client of clients) {
        await until(() => !isReady(client))
        expect(await atOnce(new RedisReplayStore(client).markUsed(newKey(), soon()))).toBe(NOT_CONNECTED)
      }
      await proxy.open()
      for (const client of clients) {
        const store = new RedisReplayStore(client, { prefix: PREFIX })
        await until(async () => (await outcomeOf(store.markUsed(newKey(), soon()))) === true)
      }
    })

    it.each(CONNECTIONS)('a call settles when the client of %s is closed before the answer', async (_, open) => {
      const { client, close } = await open(proxy.url)
      const store = new RedisReplayStore(client, { prefix: PREFIX })
      const key = newKey()
      proxy.hold()
      const claims = [outcomeOf(store.markUsed(key, soon())), outcomeOf(store.markUsed(key, soon()))]
      await until(async () => (await server.cli('EXISTS', PREFIX + key)) === '1')
      await close()
      for (const outcome of await Promise.all(claims)) expect(outcome).toMatch(/closed|disconnects|destroyed/i)
      proxy.release()
      const other = await openStore(open)
      expect(await other.store.markUsed(key, soon())).toBe(false)
    })
  })

  describe('a process that listens to no error of its client', () => {
    it.each([
      [
        'redis 6',
        `import { createClient } from 'redis'
         const client = createClient({ url, socket: { reconnectStrategy: 50 } })
         const store = new RedisReplayStore(client)
         await client.connect()
         const close = () => client.destroy()`,
      ],
      [
        'ioredis 6',
        `import { Redis } from 'ioredis'
         const client = new Redis(url, { retryStrategy: () => 50 })
         const store = new RedisReplayStore(client)
         const close = () => client.disconnect()`,
      ],
    ])(
      'survives with %s a restart of Redis, and prints nothing',
      async (_, script) => {
        const own = await startRedisServer()
        const child = startChild(own.url, script)
        await child.claimUntil('true')
        await own.stop()
        await child.claimUntil('failed')
        await own.restart()
        await child.claimUntil('true')
        expect(await child.end()).toEqual({ code: 0, stderr: '' })
        await own.stop()
      },
      20_000,
    )
  })
})

describe('the client of a Redis replay store', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a URL', 'redis://user:s3cret@127.0.0.1:6379'],
    ['options', { url: 'redis://user:s3cret@127.0.0.1:6379' }],
    ['an empty object', {}],
    ['a Map', new Map()],
    ['what can only set', { set: () => 'OK', isOpen: true }],
    ['what can only set, with a status', { set: () => 'OK', status: 'ready', defineCommand: () => {} }],
    ['what can set and get, and is neither library', { set: () => 'OK', get: () => null }],
    ['the legacy interface of redis 6', createClient().legacy()],
    ['the legacy interface of redis 5', redis5.createClient().legacy()],
    ['a transaction of redis 6', createClient().multi()],
    ['a promise of a client', Promise.resolve(createClient())],
    ['the class Redis', Redis],
    ['a function', () => {}],
  ])('is not %s', (_, client) => {
    const error = errorOf(() => new RedisReplayStore(client as unknown as RedisClient))
    expect(problemsOf(error)).toEqual([
      {
        code: 'wrong_type',
        path: ['RedisReplayStore', 'client'],
        message: 'got something else; expected a client of the package redis or ioredis',
      },
    ])
    expect(String(error)).not.toContain('s3cret')
  })

  // It has set and get, but collects commands and sends none.
  it.each([
    ['a pipeline', (client: Redis) => client.pipeline()],
    ['a transaction', (client: Redis) => client.multi()],
  ])('is not %s of ioredis', (_, create) => {
    const client = create(new Redis({ lazyConnect: true }))
    expect(problemsOf(errorOf(() => new RedisReplayStore(client)))).toHaveLength(1)
  })

  it('is not an object that only looks like a client of ioredis', () => {
    const cache = { status: 'ready', set: async () => 'OK', get: async () => null }
    expect(problemsOf(errorOf(() => new RedisReplayStore(cache)))).toHaveLength(1)
  })

  it.each([null, [], 7])('does not accept the options %p', (options) => {
    expect(problemsOf(errorOf(() => new RedisReplayStore(createClient(), options as never)))).toHaveLength(1)
  })

  it('may be any client of the libraries, without a cast', () => {
    const sentinel = { name: 'main', sentinelRootNodes: [] }
    const stores = [
      new RedisReplayStore(createClient()),
      new RedisReplayStore(createClient({ RESP: 3 })),
      new RedisReplayStore(createClient().withTypeMapping({ [RESP_TYPES.SIMPLE_STRING]: Buffer })),
      new RedisReplayStore(createClientPool()),
      new RedisReplayStore(createCluster({ rootNodes: [] })),
      new RedisReplayStore(createSentinel(sentinel)),
      new RedisReplayStore(redis5.createClient()),
      new RedisReplayStore(redis5.createClientPool()),
      new RedisReplayStore(redis5.createCluster({ rootNodes: [] })),
      new RedisReplayStore(redis5.createSentinel(sentinel)),
      new RedisReplayStore(new Redis({ lazyConnect: true })),
      new RedisReplayStore(new Cluster([], { lazyConnect: true })),
      new RedisReplayStore(new Redis5({ lazyConnect: true })),
      new RedisReplayStore(new Cluster5([], { lazyConnect: true })),
    ]
    // @ts-expect-error A URL is no client.
    expect(() => new RedisReplayStore('redis://127.0.0.1')).toThrow('a client of the package redis or ioredis')
    // @ts-expect-error Nor is what can only get.
    expect(() => new RedisReplayStore({ get: () => null })).toThrow('a client of the package redis or ioredis')
    expect(stores).toHaveLength(14)
  })

  /** Understands one spelling of the options, and sets without a condition whatever it does not understand. */
  class OneSpelling {
    readonly isOpen = true
    readonly isReady = true
    readonly values = new Map<string, { value: string; expiresAt: unknown }>()
    readonly #read: (options: Spellings) => { isConditional: boolean; expiresAt: unknown }

    constructor(read: (options: Spellings) => { isConditional: boolean; expiresAt: unknown }) {
      this.#read = read
    }

    async set(key: string, value: string, options: Spellings): Promise<'OK' | null> {
      const { isConditional, expiresAt } = this.#read(options)
      if (isConditional && this.values.has(key)) return null
      this.values.set(key, { value, expiresAt })
      return 'OK'
    }

    async get(key: string): Promise<string | null> {
      return this.values.get(key)?.value ?? null
    }
  }

  interface Spellings {
    NX?: boolean
    PXAT?: number
    condition?: string
    expiration?: { type: string; value: number }
  }

  it.each([
    ['NX and PXAT', ({ NX, PXAT }: Spellings) => ({ isConditional: NX === true, expiresAt: PXAT })],
    [
      'condition and expiration',
      ({ condition, expiration }: Spellings) => ({
        isConditional: condition === 'NX',
        expiresAt: expiration?.type === 'PXAT' ? expiration.value : undefined,
      }),
    ],
  ])('may understand %s only', async (_, read) => {
    const client = new OneSpelling(read)
    const store = new RedisReplayStore(client)
    expect([await store.markUsed('key', 17), await store.markUsed('key', 18)]).toEqual([true, false])
    expect(client.values.get('jwt-replay:key')?.expiresAt).toBe(17_000)
  })

  it.each([
    ['OK', true],
    [Buffer.from('OK'), true],
    [null, false],
    [undefined, 'got an unexpected answer to SET; expected OK'],
    ['QUEUED', 'got an unexpected answer to SET; expected OK'],
    [Buffer.from('QUEUED'), 'got an unexpected answer to SET; expected OK'],
    ['', 'got an unexpected answer to SET; expected OK'],
    [1, 'got an unexpected answer to SET; expected OK'],
    [true, 'got an unexpected answer to SET; expected OK'],
    [{}, 'got an unexpected answer to SET; expected OK'],
    [new Error('OK'), 'got an unexpected answer to SET; expected OK'],
  ])('may answer %p', async (answer, outcome) => {
    const client = { isOpen: true, set: async () => answer, get: async () => 'the value of another claim' }
    expect(await outcomeOf(new RedisReplayStore(client).markUsed('key', 17))).toBe(outcome)
  })

  it('answers false if the value is gone before it is read', async () => {
    for (const value of [null, undefined, '', Buffer.from('')]) {
      const client = { isOpen: true, set: async () => null, get: async () => value }
      expect(await new RedisReplayStore(client).markUsed('key', 17)).toBe(false)
    }
  })

  it('may throw anything', async () => {
    for (const thrown of ['text', undefined, null, { message: 'syntax error' }, new Error('no OOM')]) {
      const client = { isOpen: true, set: () => Promise.reject(thrown), get: async () => null }
      await expect(new RedisReplayStore(client).markUsed('key', 17)).rejects.toBe(thrown)
    }
  })
})

describe('the options of a Redis replay store', () => {
  const client = createClient()

  it.each([
    ['prefix', '', '""'],
    ['prefix', 'x'.repeat(101), `"${'x'.repeat(80)}…"`],
    ['prefix', 7, '7'],
    ['prefix', null, 'null'],
    ['prefix', ['a'], 'an array'],
    ['prefix', `redis://user:s3cret@127.0.0.1/${'x'.repeat(80)}`, expect.not.stringContaining('s3cret')],
  ])('are refused with %s %p', (key, value, found) => {
    const error = errorOf(() => new RedisReplayStore(client, { [key]: value }))
    const wanted = 'a string of 1 to 100 characters'
    const [{ path, message } = { path: [], message: '' }, ...others] = problemsOf(error)
    expect([path, others]).toEqual([['RedisReplayStore', 'prefix'], []])
    expect(message).toContain(`; expected ${wanted}`)
    expect(message.slice('got '.length, message.indexOf('; expected'))).toEqual(found)
    expect(String(error)).not.toContain('s3cret')
  })

  it('may have a prefix of a hundred characters, or none', () => {
    for (const options of [{ prefix: 'x' }, { prefix: 'x'.repeat(100) }, { prefix: '{tag}:' }, {}]) {
      expect(() => new RedisReplayStore(client, options)).not.toThrow()
    }
    expect(() => new RedisReplayStore(client, { prefix: undefined } as object)).toThrow('prefix: got undefined')
  })

  it('are refused if they are unknown, with the name that was probably meant', () => {
    const error = errorOf(() => new RedisReplayStore(client, { prefixx: 'a', url: 'redis://:s3cret@host' } as object))
    expect(problemsOf(error)).toMatchObject([
      { path: ['RedisReplayStore', 'prefixx'], suggestion: 'prefix' },
      { path: ['RedisReplayStore', 'url'] },
    ])
    expect(String(error)).not.toContain('s3cret')
  })
})

/** A child process that makes a claim for each line that it reads, and prints what became of it. */
function startChild(url: string, script: string) {
  const source = `
    import { RedisReplayStore } from 'express-jwt-exchange/redis'
    import { createInterface } from 'node:readline'
    const url = ${JSON.stringify(url)}
    ${script}
    for await (const key of createInterface({ input: process.stdin })) {
      console.log(await store.markUsed(key, Date.now() + 300).catch(() => 'failed'))
    }
    close()`
  const env = { ...process.env, NODE_OPTIONS: '' }
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', source], { env })
  const { stdin, stdout, stderr } = child
  if (stdin === null || stdout === null || stderr === null) throw new Error('no pipes')
  let printed = ''
  stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit')
  return {
    claimUntil: async (outcome: string) => {
      for (;;) {
        stdin.write(`${newKey()}\n`)
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`the process has ended: ${printed}`)
        if (value === outcome) return
        await pause(20)
      }
    },
    end: async () => {
      stdin.end()
      const [code] = await exited
      return { code, stderr: printed.replace(/^\((node:|Use `node).*\n/gm, '') }
    },
  }
}

/** True or false, or why it could not be told. */
async function outcomeOf(claim: Promise<boolean>): Promise<boolean | string> {
  try {
    return await claim
  } catch (error) {
    if (isDependencyUnavailable(error)) return error.reason
    return error instanceof Error || typeof error !== 'object'
      ? String(Reflect.get(Object(error), 'message'))
      : 'thrown'
  }
}

/** Tries until it can tell. */
async function answerOf(store: RedisReplayStore, key: string): Promise<boolean | string> {
  for (;;) {
    const outcome = await outcomeOf(store.markUsed(key, soon()))
    if (typeof outcome === 'boolean') return outcome
    await pause(10)
  }
}

/** Well within the time that a request waits. */
async function atOnce(claim: Promise<boolean>): Promise<unknown> {
  return await Promise.race([outcomeOf(claim), pause(900, 'not at once', { ref: false })])
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10)
}

function isReady(client: object): boolean {
  return Reflect.get(client, 'isReady') === true || Reflect.get(client, 'status') === 'ready'
}

/** One of them, each in its turn. */
let turn = 0
function claimBy(stores: readonly RedisReplayStore[], key: string): Promise<boolean> {
  turn += 1
  const store = stores[turn % stores.length]
  return store === undefined ? Promise.reject(new Error('no store')) : store.markUsed(key, soon())
}

function oom(): Command {
  return answeredBy('return redis.error_reply("OOM command not allowed when used memory > \'maxmemory\'.")')
}

function countOf(wanted: unknown, values: readonly unknown[]): number {
  return values.filter((value) => value === wanted).length
}

function errorOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

function problemsOf(error: unknown): readonly ConfigProblem[] {
  if (!isConfigError(error)) throw error
  return error.problems
}

function newKey(): string {
  return randomBytes(32).toString('base64url')
}

function soon(): number {
  return Math.floor(Date.now() / 1000) + 300
}
