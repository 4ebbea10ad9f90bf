import { once } from 'node:events'
import { type AddressInfo, createServer, type LookupFunction, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { attemptTimeoutOf, openConnection } from '../../../src/guarded-fetch/open-connection.js'
import { holdConnects } from '../../../src/testing/held-connects.js'
import { FakeIdentityProvider } from '../../../src/testing/index.js'

/** `::1` answers, and connections to `127.0.0.1` on the same port hang. */
let server: Server
let port: number
let release: () => Promise<void>
let accepted: Socket[]
let opened: Socket[]

beforeEach(async () => {
  accepted = []
  opened = []
  server = createServer((socket) => accepted.push(socket.on('error', () => {}))).listen(0, '::1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  release = await holdConnects(port)
})
afterEach(async () => {
  for (const socket of [...accepted, ...opened]) socket.destroy()
  server.close()
  await release()
})

const DEAD = '127.0.0.1'
const ALIVE = '::1'
/** Nobody listens there: refused at once. */
const REFUSING = '127.0.0.9'

function lookupOf(...addresses: readonly string[]): LookupFunction {
  return (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
}

async function open(
  lookup: LookupFunction,
  { connectionTimeout = 10_000, signal = AbortSignal.timeout(20_000), host = 'idp.example.com' } = {},
): Promise<{ address: string | undefined; milliseconds: number }> {
  const startedAt = performance.now()
  const socket = await openConnection(new URL(`https://${host}:${port}/jwks`), { lookup, connectionTimeout, signal })
  opened.push(socket)
  return { address: socket.remoteAddress, milliseconds: performance.now() - startedAt }
}

describe('a connection with a name of several addresses', () => {
  it('is made with the other family where the first one is dead, long before the timeout', async () => {
    const { address, milliseconds } = await open(lookupOf(DEAD, ALIVE))
    expect(address).toBe(ALIVE)
    expect(milliseconds).toBeLessThan(5000)
  })

  it('is made with the other family in time, however short the timeout is', async () => {
    const connectionTimeout = 1000
    const { address } = await open(lookupOf(DEAD, ALIVE), {
      connectionTimeout,
      signal: AbortSignal.timeout(connectionTimeout),
    })
    expect(address).toBe(ALIVE)
  })

  it('is made with a slow address that needs a second, where the other one is refused', async () => {
    const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    try {
      await idp.fault('slow-connect')
      port = Number(new URL(idp.jwksUri).port)
      const opening = open(lookupOf(DEAD, REFUSING), { connectionTimeout: 5000 })
      await pause(400)
      await idp.fault('off')
      const { address, milliseconds } = await opening
      expect(address).toBe(DEAD)
      expect(milliseconds).toBeGreaterThan(400)
    } finally {
      for (const socket of opened) socket.destroy()
      await idp.close()
    }
  })

  it('tries the families by turns, so that many dead addresses of one do not hide the other', async () => {
    const addresses = Array.from({ length: 20 }, () => REFUSING)
    expect((await open(lookupOf(...addresses, ALIVE))).address).toBe(ALIVE)
  })

  it('is made at once with the next address where one is refused', async () => {
    const { milliseconds, address } = await open(lookupOf(REFUSING, REFUSING, ALIVE), { connectionTimeout: 10_000 })
    expect([address, accepted.length]).toEqual([ALIVE, 1])
    expect(milliseconds).toBeLessThan(5000)
  })

  it('fails with what the first address said where all fail', async () => {
    await expect(open(lookupOf(REFUSING, '127.0.0.8'))).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      address: REFUSING,
    })
  })

  it('fails where the lookup fails', async () => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), '', 0)
    await expect(open(lookup)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('is given up when it is told so, with every attempt', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const before = sockets()
    const closing = new AbortController()
    const opening = open(lookupOf(DEAD, DEAD, DEAD), { connectionTimeout: 40, signal: closing.signal })
    while (sockets() < before + 3) await pause(5)
    closing.abort(new Error('closed'))
    await expect(opening).rejects.toThrow('closed')
    while (sockets() > before) await pause(5)
    expect(opened).toEqual([])
  })

  it('is not begun where it was given up during the lookup', async () => {
    const closing = new AbortController()
    const lookup: LookupFunction = (name, options, callback) => {
      closing.abort(new Error('closed'))
      lookupOf(ALIVE)(name, options, callback)
    }
    await expect(open(lookup, { signal: closing.signal })).rejects.toThrow('closed')
    await pause(20)
    expect(accepted).toEqual([])
  })

  it('keeps one connection only', async () => {
    await open(lookupOf(ALIVE, ALIVE, ALIVE), { connectionTimeout: 20 })
    await pause(50)
    expect(accepted.filter((socket) => !socket.destroyed)).toHaveLength(1)
  })
})

describe('a connection with an address', () => {
  it('asks no name server', async () => {
    const lookup: LookupFunction = () => {
      throw new Error('asked')
    }
    expect((await open(lookup, { host: '[::1]' })).address).toBe(ALIVE)
  })
})

describe('an agent', () => {
  it.each([
    [1000, 500],
    [5000, 2500],
    [20, 10],
    [21, 11],
  ])('gives an address half of %d ms', (connectionTimeout, attemptTimeout) => {
    expect(attemptTimeoutOf(connectionTimeout)).toBe(attemptTimeout)
  })
})
