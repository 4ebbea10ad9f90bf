import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'

/** Each test starts two processes. */
jest.setTimeout(60_000)

/** Creates an exchange in the primary process or thread and in a worker, and prints what each is told. */
const PROGRAM = `
import cluster from 'node:cluster'
import { isMainThread, Worker } from 'node:worker_threads'
import { createJwtExchange, generateSigningKey, MemoryReplayStore } from 'express-jwt-exchange'

const [kind, workers] = process.argv.slice(2)
const stores = {
  memory: undefined,
  'explicit memory': new MemoryReplayStore(),
  unknown: { markUsed: () => true },
  apart: { markUsed: () => true, isShared: false },
  shared: { markUsed: () => true, isShared: true },
}
const exchange = createJwtExchange({
  issuer: 'https://api.example.com/oauth2',
  identityProviders: [{ name: 'https://exampleidp.com', allowedSubjects: 'any', jwksUri: 'https://exampleidp.com/keys' }],
  clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
  accessToken: { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] },
  ...(stores[kind] !== undefined && { replay: { store: stores[kind] } }),
})
const isFirst = cluster.isPrimary && isMainThread
const who = isFirst ? 'primary' : 'worker'
exchange.events.on('replay_store.at_risk', ({ message }) => console.log(who + ': ' + message))
if (isFirst && workers === 'threads') new Worker(new URL(import.meta.url), { argv: [kind] })
else if (isFirst) cluster.fork()
else if (isMainThread) setImmediate(() => cluster.worker.disconnect())
`

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/cluster-')
  writeFileSync(join(directory, 'main.mjs'), PROGRAM)
})
afterAll(() => rmSync(directory, { recursive: true }))

async function outputWith(kind: string, workers = 'cluster'): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '' }
  return (await promisify(execFile)(process.execPath, [join(directory, 'main.mjs'), kind, workers], { env })).stdout
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
