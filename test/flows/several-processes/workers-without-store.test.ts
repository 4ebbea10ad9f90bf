import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'

/** The first test of each kind of worker starts two processes, or a process with two threads. */
jest.setTimeout(60_000)

/** Creates exchanges in the primary process or thread and in a worker, and prints what each is told, and that all are created. */
const PROGRAM = `
import cluster from 'node:cluster'
import { isMainThread, Worker } from 'node:worker_threads'
import { createJwtExchange, generateSigningKey, MemoryReplayStore } from 'express-jwt-exchange'

const STORES = {
  memory: undefined,
  'explicit memory': new MemoryReplayStore(),
  unknown: { markUsed: () => true },
  apart: { markUsed: () => true, isShared: false },
  shared: { markUsed: () => true, isShared: true },
}
const isFirst = cluster.isPrimary && isMainThread
const who = isFirst ? 'primary' : 'worker'
const signingKeys = [generateSigningKey()]
for (const [kind, store] of Object.entries(STORES)) {
  const exchange = createJwtExchange({
    issuer: 'https://api.example.com/oauth2',
    identityProviders: [{ name: 'https://exampleidp.com', allowedSubjects: 'any', jwksUri: 'https://exampleidp.com/keys' }],
    clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
    accessToken: { audience: 'https://api.example.com', signingKeys },
    ...(store !== undefined && { replay: { store } }),
  })
  exchange.events.on('replay_store.at_risk', ({ message }) => console.log(kind + ': ' + who + ': ' + message))
}
setImmediate(() => {
  console.log(who + ' has created all')
  if (isFirst && process.argv[2] === 'threads') new Worker(new URL(import.meta.url))
  else if (isFirst) cluster.fork()
  else if (isMainThread) cluster.worker.disconnect()
})
`

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/cluster-')
  writeFileSync(join(directory, 'main.mjs'), PROGRAM)
})
afterAll(() => rmSync(directory, { recursive: true }))

type Workers = 'cluster' | 'threads'
const outputs = new Map<Workers, Promise<string>>()

async function runProgram(workers: Workers): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '' }
  return (await promisify(execFile)(process.execPath, [join(directory, 'main.mjs'), workers], { env })).stdout
}

/** What was printed of an exchange with this kind of store. */
async function outputWith(kind: string, workers: Workers = 'cluster'): Promise<string> {
  const running = outputs.get(workers) ?? runProgram(workers)
  outputs.set(workers, running)
  const lines = (await running).trimEnd().split('\n')
  const [first, second] = lines.filter((line) => line.endsWith(' has created all'))
  expect([first, second]).toEqual(['primary has created all', 'worker has created all'])
  const prefix = `${kind}: `
  return lines.flatMap((line) => (line.startsWith(prefix) ? [`${line.slice(prefix.length)}\n`] : [])).join('')
}

const OF_CLUSTER =
  /^worker: Each worker of the cluster has its own memory .*: set replay\.store to a store that all share\n$/
const OF_THREADS = /^worker: Each worker thread has its own memory .*: set replay\.store to a store that all share\n$/

describe('a worker of a cluster', () => {
  it.each(['memory', 'explicit memory', 'apart'])(
    'that remembers for itself (%s) is told what is at risk, and the primary process is not',
    async (kind) => {
      expect(await outputWith(kind)).toMatch(OF_CLUSTER)
    },
  )

  it.each(['unknown', 'shared'])(
    'with a store that does not say that it is not shared (%s) is told nothing',
    async (kind) => {
      expect(await outputWith(kind)).toBe('')
    },
  )
})

describe('a worker thread', () => {
  it.each(['memory', 'explicit memory'])('that remembers for itself (%s) is told what is at risk', async (kind) => {
    expect(await outputWith(kind, 'threads')).toMatch(OF_THREADS)
  })

  it('with a shared store is told nothing', async () => {
    expect(await outputWith('shared', 'threads')).toBe('')
  })
})
