import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { transformFile } from '@swc/core'
import fc from 'fast-check'
import { printable } from '../../../src/errors/printable.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'

const KID = { kid: 'k1' }

describe('an event', () => {
  it('reaches every listener, in the order in which they were added, with its data', () => {
    const events = new ExchangeEventEmitter()
    const heard: unknown[] = []
    events.on('signing_key.generated', (event) => void heard.push('first', event))
    events.on('signing_key.generated', (event) => void heard.push('second', event))
    events.on('access.granted', () => void heard.push('another event'))
    events.emit('signing_key.generated', KID)
    expect(heard).toEqual(['first', KID, 'second', KID])
  })

  it('reaches a listener of once a single time, and a removed listener never', () => {
    const events = new ExchangeEventEmitter()
    const heard: string[] = []
    const listener = () => void heard.push('off')
    events.once('signing_key.generated', () => void heard.push('once'))
    events.on('signing_key.generated', listener).off('signing_key.generated', listener)
    events.once('signing_key.generated', listener).off('signing_key.generated', listener)
    events.emit('signing_key.generated', KID)
    events.emit('signing_key.generated', KID)
    expect(heard).toEqual(['once'])
  })

  it('may have no listener', () => {
    expect(() => new ExchangeEventEmitter().emit('signing_key.generated', KID)).not.toThrow()
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    [
      'throws something that is not an error',
      () => {
        throw undefined
      },
    ],
    ['rejects', () => Promise.reject(new Error('listener'))],
  ])('reaches the other listeners even if one %s', async (_, listener) => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const events = new ExchangeEventEmitter()
    const heard: string[] = []
    events.on('signing_key.generated', listener as () => void)
    events.once('signing_key.generated', listener as () => void)
    events.on('signing_key.generated', () => void heard.push('other'))
    expect(() => events.emit('signing_key.generated', KID)).not.toThrow()
    await nextTurn()
    process.off('unhandledRejection', note)
    expect([heard, unhandled]).toEqual([['other'], []])
  })

  // In a process of its own: within Jest nobody hears a warning.
  it('may have any number of listeners without a warning', async () => {
    const program = `
      import { createJwtExchange } from 'express-jwt-exchange'
      const { events } = createJwtExchange({
        issuer: 'https://api.example.com/oauth2',
        identityProviders: [{ name: 'https://exampleidp.com', allowedSubjects: 'any', jwksUri: 'https://exampleidp.com/keys' }],
        clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
        accessToken: { audience: 'https://api.example.com' },
      })
      for (let index = 0; index < 50; index += 1) events.on('access.denied', () => {})
      console.log('listening')`
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    expect([stdout, stderr]).toEqual(['listening\n', ''])
  })
})

describe('NODE_DEBUG=express-jwt-exchange', () => {
  const source = fileURLToPath(new URL('../../../src/events/exchange-events.ts', import.meta.url))
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'exchange-events-'))
    const jsc = { parser: { syntax: 'typescript' as const }, target: 'es2023' as const }
    const { code } = await transformFile(source, { jsc, module: { type: 'es6' }, configFile: false, swcrc: false })
    writeFileSync(join(directory, 'exchange-events.mjs'), code)
    writeFileSync(
      join(directory, 'emit.mjs'),
      `import { ExchangeEventEmitter } from './exchange-events.mjs'
      const events = new ExchangeEventEmitter()
      events.on('access.denied', () => { throw new Error('listener fault') })
      events.emit('access.denied', { reason: 'expired', status: 401 })`,
    )
  })
  afterEach(() => rm(directory, { recursive: true }))

  async function printed(nodeDebug: string): Promise<string> {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: nodeDebug }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(directory, 'emit.mjs')], { env })
    expect(stdout).toBe('')
    return stderr
  }

  it('prints each event and each fault of a listener to the standard error', async () => {
    const lines = await printed('express-jwt-exchange')
    expect(lines).toMatch(/^EXPRESS-JWT-EXCHANGE \d+: access\.denied \{"reason":"expired","status":401\}$/m)
    expect(lines).toMatch(/^EXPRESS-JWT-EXCHANGE \d+: an event listener failed: Error: listener fault/m)
  })

  it('is needed for any output', async () => {
    expect(await printed('')).toBe('')
  })
})

describe('printable text', () => {
  it('is short ASCII without control characters, for any input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        expect(printable(text)).toMatch(/^[\x20-\x7E]{0,200}$/)
      }),
    )
  })

  it('does not change if it is short printable ASCII', () => {
    const visible = fc.string({ unit: 'grapheme-ascii', maxLength: 200 })
    fc.assert(fc.property(visible, (text) => expect(printable(text)).toBe(text)))
  })

  it('shows what it escapes, and that it was cut', () => {
    expect(printable('a\nb\x1b[31mü')).toBe('a\\u000ab\\u001b[31m\\u00fc')
    expect(printable('x'.repeat(200))).toBe('x'.repeat(200))
    expect(printable('x'.repeat(201))).toBe(`${'x'.repeat(197)}...`)
    expect(printable('\n'.repeat(34))).toBe(`${'\\u000a'.repeat(34).slice(0, 197)}...`)
  })
})
