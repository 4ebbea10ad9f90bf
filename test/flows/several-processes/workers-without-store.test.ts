import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

/** Creates an exchange in the primary process and in a worker, and prints what each is told. */
const PROGRAM = `
import cluster from 'node:cluster'
import { createJwtExchange, generateSigningKey, MemoryReplayStore } from 'express-jwt-exchange'

const [kind] = process.argv.slice(2)
const exchange = createJwtExchange({
  issuer: 'https://api.example.com/oauth2',
  identityProviders: [{ name: 'https://exampleidp.com', subjects: 'any', jwksUri: 'https://exampleidp.com/keys' }],
  clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
  accessToken: { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] },
  ...(kind === 'store' && { replay: { store: { claim: () => true } } }),
})
const who = cluster.isPrimary ? 'primary' : 'worker'
exchange.events.on('replay_store.at_risk', ({ message }) => console.log(who + ': ' + message))
if (cluster.isPrimary) cluster.fork()
else setImmediate(() => cluster.worker.disconnect())
`

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/cluster-')
  writeFileSync(join(directory, 'main.mjs'), PROGRAM)
})
afterAll(() => rmSync(directory, { recursive: true }))

async function outputWith(kind: string): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '' }
  return (await promisify(execFile)(process.execPath, [join(directory, 'main.mjs'), kind], { env })).stdout
}

describe('a worker of a cluster', () => {
  it('that remembers for itself is told what is at risk, and the primary process is not', async () => {
    expect(await outputWith('memory')).toMatch(/^worker: Each worker of the cluster remembers .*: set replay\.store\n$/)
  })

  it('with a store is told nothing', async () => {
    expect(await outputWith('store')).toBe('')
  })
})
