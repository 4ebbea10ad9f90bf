import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { createCluster } from 'redis'
import { createCluster as createCluster5 } from 'redis5'
import { type RedisClient, RedisReplayStore } from '../../../src/redis.js'
import { replayStoreContract } from '../../../src/testing/index.js'
import { findFreePort } from '../../support/free-port.js'
import { type RedisServer, startRedisServer } from '../../support/redis-server.js'
import { describeWithRedisServer } from '../../support/services.js'

/** Milliseconds in which a busy machine certainly answers. */
const LONG = 20_000
/** Of the second node; the first one has those below. */
const FIRST_SLOT = 8192

interface OpenCluster {
  client: RedisClient
  close(): unknown
}

type Open = (nodes: readonly RedisServer[]) => Promise<OpenCluster>

async function openNodeRedis(create: typeof createCluster, nodes: readonly RedisServer[]): Promise<OpenCluster> {
  const client = create({
    rootNodes: nodes.map(({ url }) => ({ url })),
    defaults: { socket: { reconnectStrategy: 50, connectTimeout: LONG } },
    commandOptions: { timeout: LONG },
  })
  client.on('error', () => {})
  await client.connect()
  return { client, close: () => client.destroy() }
}

async function openIoredis(Class: typeof Cluster, nodes: readonly RedisServer[]): Promise<OpenCluster> {
  const addresses = nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const client = new Class(addresses, { slotsRefreshTimeout: LONG })
  client.on('error', () => {})
  await once(client, 'ready')
  return { client, close: () => client.disconnect() }
}

const CLIENTS: Readonly<Record<string, Open>> = {
  'redis 6': (nodes) => openNodeRedis(createCluster, nodes),
  'redis 5': (nodes) => openNodeRedis(createCluster5 as unknown as typeof createCluster, nodes),
  'ioredis 6': (nodes) => openIoredis(Cluster, nodes),
  'ioredis 5': (nodes) => openIoredis(Cluster5 as unknown as typeof Cluster, nodes),
}

describeWithRedisServer('the Redis replay store on a cluster', () => {
  let nodes: readonly RedisServer[]
  const toClose: (() => unknown)[] = []
  beforeAll(async () => {
    nodes = await startCluster()
  }, 20_000)
  afterEach(async () => {
    for (const close of toClose.splice(0)) await close()
  })
  afterAll(async () => {
    for (const node of nodes) await node.stop()
  })

  const openStore = async (open: Open, prefix?: string) => {
    const { client, close } = await open(nodes)
    toClose.push(close)
    return new RedisReplayStore(client, prefix === undefined ? {} : { prefix })
  }

  const newest = Object.entries(CLIENTS).filter(([name]) => name.endsWith(' 6'))
  for (const [client, open] of newest) {
    const cases = replayStoreContract(() => openStore(open, `${client}:`))
    for (const { name, run } of cases) it.concurrent(`with ${client} ${name}`, run)
  }

  it.each(newest)('spreads its keys with %s over both nodes', async (name, open) => {
    const prefix = `${name}:spread:`
    const store = await openStore(open, prefix)
    for (let count = 0; count < 100; count += 1) await store.markUsed(newKey(), soon())
    const keys = nodes.map(async (node) => (await node.cli('KEYS', `${prefix}*`)).split('\n').length)
    const [ofFirst = 0, ofSecond = 0] = await Promise.all(keys)
    expect(ofFirst + ofSecond).toBe(100)
    expect(Math.min(ofFirst, ofSecond)).toBeGreaterThan(10)
  })

  it.each(Object.entries(CLIENTS))(
    'never returns true twice with %s while connections are killed',
    async (_, open) => {
      const stores = [await openStore(open), await openStore(open)]
      for (let round = 0; round < 6; round += 1) {
        const key = newKey()
        const claims = Array.from({ length: 25 }, () =>
          stores.map((store) => outcomeOf(store.markUsed(key, soon()))),
        ).flat()
        await pause(round)
        for (const node of nodes) await node.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        const answers = await Promise.all(claims)
        for (const store of stores) answers.push(await answerOf(store, key))
        expect(answers.filter((answer) => answer === true).length).toBeLessThanOrEqual(1)
        expect(answers.at(-1)).toBe(false)
      }
    },
    20_000,
  )

  it.each(Object.entries(CLIENTS))('follows a slot with %s to its new node', async (_, open) => {
    const store = await openStore(open)
    const key = newKey()
    const [from, to] = (await slotOf(nodes, key)) < FIRST_SLOT ? nodes : nodes.toReversed()
    if (from === undefined || to === undefined) throw new Error('no two nodes')
    const slot = `${await slotOf(nodes, key)}`
    expect(await store.markUsed(key, soon())).toBe(true)
    await move(slot, from, to)
    expect([await store.markUsed(key, soon()), await store.markUsed(key, soon())]).toEqual([false, false])
    await move(slot, to, from)
    expect(await store.markUsed(key, soon())).toBe(false)
  })

  it.each(Object.entries(CLIENTS))('is at risk with %s if the nodes evict', async (_, open) => {
    const store = await openStore(open)
    for (const node of nodes) await node.cli('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    expect(await store.findRisk()).toContain('(maxmemory-policy allkeys-lru)')
    for (const node of nodes) await node.cli('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
    expect(await store.findRisk()).toBeUndefined()
  })

  it.each(Object.entries(CLIENTS))('fails at once with %s when the client was closed', async (_, open) => {
    const { client, close } = await open(nodes)
    const store = new RedisReplayStore(client)
    await close()
    expect(await atOnce(store.markUsed(newKey(), soon()))).toBe('the Redis client is not connected')
  })

  describe('with a lost node', () => {
    const stores: Record<string, RedisReplayStore> = {}
    const opened: OpenCluster[] = []
    const pending: Promise<unknown>[] = []
    beforeAll(async () => {
      for (const [name, open] of Object.entries(CLIENTS)) {
        const one = await open(nodes)
        stores[name] = new RedisReplayStore(one.client)
        opened.push(one)
      }
      await nodes[1]?.stop()
      await pause(200)
    })
    afterAll(async () => {
      await nodes[1]?.restart()
      await Promise.all(pending)
      const key = await newKeyWhere(nodes, (slot) => slot >= FIRST_SLOT)
      for (const store of Object.values(stores)) await answerOf(store, key)
      for (const { close } of opened) await close()
    }, 20_000)

    it.each(Object.keys(CLIENTS))('answers with %s for the keys of the other node', async (name) => {
      const key = await newKeyWhere(nodes, (slot) => slot < FIRST_SLOT)
      expect([await stores[name]?.markUsed(key, soon()), await stores[name]?.markUsed(key, soon())]).toEqual([
        true,
        false,
      ])
    })

    // The client is ready all the same. With redis the claim is made when the node is back; ioredis tries for a second.
    it.concurrent.each(Object.keys(CLIENTS))('never says with %s that a key of the lost node is new', async (name) => {
      const key = await newKeyWhere(nodes, (slot) => slot >= FIRST_SLOT)
      const claim = outcomeOf(stores[name]?.markUsed(key, soon()))
      pending.push(claim)
      expect(await Promise.race([claim, pause(500, 'waiting')])).not.toBe(true)
    })
  })
})

/** Two nodes that have half of the slots each. */
async function startCluster(): Promise<RedisServer[]> {
  const [first, second] = [await startNode(), await startNode()]
  await first.cli('CLUSTER', 'ADDSLOTSRANGE', '0', `${FIRST_SLOT - 1}`)
  await second.cli('CLUSTER', 'ADDSLOTSRANGE', `${FIRST_SLOT}`, '16383')
  await first.cli('CLUSTER', 'MEET', '127.0.0.1', `${second.port}`, await settingOf(second, 'cluster-port'))
  const nodes = [first, second]
  for (const node of nodes) while (!(await isUp(node))) await pause(50)
  return nodes
}

/** One that knows its own slots also while the other node is gone. */
async function startNode(): Promise<RedisServer> {
  const busPort = await findFreePort()
  const args = ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-require-full-coverage', 'no']
  return await startRedisServer({ args })
}

async function isUp(node: RedisServer): Promise<boolean> {
  const info = await node.cli('CLUSTER', 'INFO')
  return info.includes('cluster_state:ok') && info.includes('cluster_slots_assigned:16384')
}

async function settingOf(node: RedisServer, setting: string): Promise<string> {
  const [, value = ''] = (await node.cli('CONFIG', 'GET', setting)).split('\n')
  return value
}

/** A slot with its keys. */
async function move(slot: string, from: RedisServer, to: RedisServer): Promise<void> {
  const [fromId, toId] = [await from.cli('CLUSTER', 'MYID'), await to.cli('CLUSTER', 'MYID')]
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, '100')).split('\n')
  await from.cli('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS', ...keys)
  for (const node of [to, from]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  // A node that still hears of the old state could lose the slot in the middle of the next move.
  while ((await viewOf(from)) !== (await viewOf(to))) await pause(10)
}

/** Which node has which slots, and since when, as a node sees it. */
async function viewOf(node: RedisServer): Promise<string> {
  const lines = (await node.cli('CLUSTER', 'NODES')).trim().split('\n')
  const views = lines.map((line) => {
    const [id, , , , , , epoch, , ...slots] = line.split(' ')
    return [id, epoch, ...slots].join(' ')
  })
  return views.sort().join('\n')
}

async function slotOf(nodes: readonly RedisServer[], key: string): Promise<number> {
  return Number(await nodes[0]?.cli('CLUSTER', 'KEYSLOT', `jwt-replay:${key}`))
}

async function newKeyWhere(nodes: readonly RedisServer[], isWanted: (slot: number) => boolean): Promise<string> {
  for (;;) {
    const key = newKey()
    if (isWanted(await slotOf(nodes, key))) return key
  }
}

/** Tries until it can tell. */
async function answerOf(store: RedisReplayStore, key: string): Promise<unknown> {
  for (;;) {
    const outcome = await outcomeOf(store.markUsed(key, soon()))
    if (typeof outcome === 'boolean') return outcome
    await pause(10)
  }
}

async function outcomeOf(claim: Promise<boolean> | undefined): Promise<unknown> {
  try {
    return await claim
  } catch (error) {
    return error instanceof Error ? error.message : error
  }
}

/** Well within the time that a request waits. */
async function atOnce(claim: Promise<boolean> | undefined): Promise<unknown> {
  return await Promise.race([outcomeOf(claim), pause(500, 'not at once', { ref: false })])
}

function newKey(): string {
  return randomBytes(32).toString('base64url')
}

function soon(): number {
  return Math.floor(Date.now() / 1000) + 300
}
