import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { createSchemaWithTable, type TestSchema } from '../support/postgres-schema.js'
import { openKeyspace, type RedisKeyspace } from '../support/redis-keyspace.js'
import { DATABASE_URL, describeWithPostgres, describeWithRedis, REDIS_URL } from '../support/services.js'

const PROCESSES = 4
const CALLS_OF_EACH = 50
const ROUNDS = 20

const processes: ChildProcess[] = []
beforeAll(async () => {
  const env = { ...process.env, NODE_OPTIONS: '' }
  for (let count = 0; count < PROCESSES; count += 1) processes.push(fork('test/support/claiming-process.js', { env }))
  await Promise.all(processes.map((each) => once(each, 'message')))
}, 60_000)
afterAll(() => {
  for (const each of processes) each.kill('SIGKILL')
})

/** In each process, the store that it uses from now on. */
async function openInAll(store: readonly string[]): Promise<void> {
  const opened = processes.map(async (each) => {
    each.send({ open: store })
    expect((await once(each, 'message'))[0]).toBe('open')
  })
  await Promise.all(opened)
}

/** The answers of all processes, claiming one key at the same time. */
async function claimInAll(key: string): Promise<boolean[]> {
  const expiresAt = Math.ceil(Date.now() / 1000) + 60
  const answers = processes.map(async (each): Promise<boolean[]> => {
    each.send({ key, expiresAt, claims: CALLS_OF_EACH })
    return (await once(each, 'message'))[0]
  })
  return (await Promise.all(answers)).flat()
}

/** @param argsOf the kind of store, its URL, and the prefix or schema */
function describeRaces(name: string, argsOf: () => readonly string[]): void {
  it(`${PROCESSES * CALLS_OF_EACH} calls at once from ${PROCESSES} processes have one winner, ${ROUNDS} times: ${name}`, async () => {
    await openInAll(argsOf())
    const winners: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const answers = await claimInAll(randomBytes(32).toString('base64url'))
      expect(answers.filter((answer) => typeof answer === 'boolean')).toHaveLength(PROCESSES * CALLS_OF_EACH)
      winners.push(answers.filter((answer) => answer).length)
    }
    expect(winners).toEqual(Array(ROUNDS).fill(1))
  }, 60_000)
}

describeWithRedis('processes with one Redis', () => {
  let keyspace: RedisKeyspace
  beforeAll(async () => {
    keyspace = await openKeyspace()
  })
  afterAll(() => keyspace.drop())
  describeRaces('redis', () => ['redis', REDIS_URL, keyspace.prefix])
  describeRaces('ioredis', () => ['ioredis', REDIS_URL, keyspace.prefix])
})

describeWithPostgres('processes with one PostgreSQL', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchemaWithTable()
  })
  afterAll(() => schema.drop())
  describeRaces('pg', () => ['pg', DATABASE_URL, schema.name])
})
