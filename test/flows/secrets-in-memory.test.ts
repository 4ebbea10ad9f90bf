import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'
import { createDeploymentFile } from '../support/deployment-file.js'

const TIMEOUT = 60_000
const run = promisify(execFile)
const file = createDeploymentFile()
afterAll(() => file.remove())

/** Written into the file or the environment only: no test process and no script knows these. */
const made = () => randomBytes(12).toString('hex')
const SECRETS = { literal: made(), second: made(), fromEnvironment: made(), later: made() }

function deployment(secret: string): string {
  return `issuer = "https://issuer-of-the-heap.example.com"
[[client]]
client_id = "app"
client_secret = "${secret}"
scopes = ["a-scope-that-is-long-enough-to-be-a-slice"]
[[client]]
client_id = "other"
client_secret = '''
${SECRETS.second}'''
[[client]]
client_id = "third"
client_secret = "\${APP_SECRET}"
[access_token]
audience = "https://audience-of-the-heap.example.com"
[[identity_provider]]
name = "https://provider-of-the-heap.example.com"
jwks_uri = "https://provider-of-the-heap.example.com/keys"
allowed_subjects = ["a-subject-that-is-long-enough-to-be-a-slice"]
`
}

/** The texts in the heap of a process that has run this, after a garbage collection. */
async function heapAfter(script: string): Promise<string> {
  const path = join(file.directory, 'heap.heapsnapshot')
  const module = (name: string) => JSON.stringify(pathToFileURL(join(process.cwd(), 'dist', name)).href)
  const whole = `
    import { createHook } from 'node:async_hooks'
    import { writeHeapSnapshot } from 'node:v8'
    import { readFileSync, renameSync, writeFileSync } from 'node:fs'
    import { setTimeout as pause } from 'node:timers/promises'
    import { createJwtExchange } from ${module('index.js')}
    import { loadConfig, watchConfig } from ${module('config/index.js')}
    const [, path, snapshot, other] = process.argv
    const running = setInterval(() => {}, 1000) // What follows a file does not keep a process running.
    ${script}
    globalThis.gc()
    writeHeapSnapshot(snapshot)
    globalThis.kept?.close?.()
    clearInterval(running)
  `
  const env = { PATH: process.env.PATH, APP_SECRET: SECRETS.fromEnvironment }
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', whole, file.path, path, join(file.directory, 'other.toml')],
    { env },
  )
  expect(stdout).toBe('')
  return readFileSync(path, 'utf8')
}

describe('the secret of a client in a file', () => {
  it.each([
    ['of loadConfig', 'globalThis.kept = createJwtExchange(loadConfig(path))'],
    [
      'of loadConfig whose options are kept',
      'globalThis.options = loadConfig(path); globalThis.kept = createJwtExchange(globalThis.options)',
    ],
    ['of watchConfig', 'globalThis.kept = watchConfig(path)'],
  ])(
    '%s is not in memory once the exchange is made',
    async (_, script) => {
      file.write(deployment(SECRETS.literal))
      const heap = await heapAfter(script)
      // What is kept is found, so that what is not found is not there.
      for (const kept of ['provider-of-the-heap', 'a-scope-that-is-long', 'audience-of-the-heap']) {
        expect(heap).toContain(kept)
      }
      const found = Object.entries(SECRETS).filter(([, secret]) => heap.includes(secret))
      expect(found.map(([name]) => name)).toEqual([])
    },
    TIMEOUT,
  )

  it(
    'is in memory for as long as the host keeps it',
    async () => {
      file.write(deployment(SECRETS.literal))
      const heap = await heapAfter("globalThis.text = readFileSync(path, 'utf8')")
      expect(heap).toContain(SECRETS.literal)
    },
    TIMEOUT,
  )

  it(
    'is not in memory after the file was followed, changed and refused',
    async () => {
      file.write(deployment(SECRETS.literal))
      file.writeBeside('other.toml', deployment(SECRETS.later))
      const heap = await heapAfter(`
        const exchange = globalThis.kept = watchConfig(path, { interval: 50 })
        const until = (name) => new Promise((resolve) => exchange.events.on(name, resolve))
        const changed = until('config.changed')
        renameSync(other, path)
        await changed
        const refused = until('config.refused')
        writeFileSync(other, readFileSync(path, 'utf8') + 'unknown = 1')
        renameSync(other, path)
        await refused
        await pause(50)
        if (exchange.stats().config.lastRefusal === undefined) throw new Error('nothing was refused')
      `)
      const found = Object.entries(SECRETS).filter(([, secret]) => heap.includes(secret))
      expect(found.map(([name]) => name)).toEqual([])
    },
    TIMEOUT,
  )

  it(
    'is not in the heap while the file is read to see whether it has changed',
    async () => {
      file.write(deployment(SECRETS.literal))
      // The file is closed when its content is there, and what reads it goes on after that.
      const heap = await heapAfter(`
        globalThis.kept = watchConfig(path, { interval: 50 })
        await new Promise((resolve) => {
          createHook({ init: (_, type) => type === 'FILEHANDLECLOSEREQ' && queueMicrotask(resolve) }).enable()
        })
      `)
      expect(heap).toContain('FILEHANDLECLOSEREQ')
      const found = Object.entries(SECRETS).filter(([, secret]) => heap.includes(secret))
      expect(found.map(([name]) => name)).toEqual([])
    },
    TIMEOUT,
  )
})
