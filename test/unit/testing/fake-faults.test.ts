import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider, type FaultKind } from '../../../src/testing/index.js'

let idp: FakeIdentityProvider

beforeEach(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256', unreachableFor: 200 })
})

afterEach(() => idp.close())

async function send(path: string, method = 'GET'): Promise<IncomingMessage> {
  const sent = request(idp.url + path, { method, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  return response
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function fetchKeySet(path = '/jwks'): Promise<{ status: number | undefined; body: Buffer }> {
  const response = await send(path)
  return { status: response.statusCode, body: await readBody(response) }
}

const goodKeySet = () => ({ keys: [idp.signingKey.publicJwk] })

async function expectGoodKeySet(): Promise<void> {
  const { status, body } = await fetchKeySet()
  expect(status).toBe(200)
  expect(JSON.parse(body.toString())).toEqual(goodKeySet())
}

/** What becomes of a connection to the identity provider within 300 ms. */
async function tryConnect(): Promise<unknown> {
  const socket = connect(Number(new URL(idp.url).port), '127.0.0.1')
  const outcome = await Promise.race([
    once(socket, 'connect').then(
      () => 'connected',
      (error) => error.code,
    ),
    wait(300, 'hangs'),
  ])
  socket.on('error', () => {}).destroy()
  return outcome
}

describe('a fault of the key set', () => {
  it('slow sends one byte each 20 ms', async () => {
    await idp.fault('slow')
    const response = await send('/jwks')
    const start = performance.now()
    let body = ''
    for await (const chunk of response) {
      body += chunk
      if (body.length >= 6) break
    }
    expect(performance.now() - start).toBeGreaterThan(80)
    expect(JSON.stringify(goodKeySet()).startsWith(body)).toBe(true)
  })

  it('stalled takes the request and answers nothing', async () => {
    await idp.fault('stalled')
    const sent = request(idp.jwksUri, { agent: false }).end()
    sent.on('error', () => {})
    const answered = once(sent, 'response').catch(() => 'destroyed')
    expect(await Promise.race([answered, wait(200, 'silence')])).toBe('silence')
    expect(idp.fetches).toBe(1)
    sent.destroy()
  })

  it('oversize is a good key set of 10 MiB without a length', async () => {
    await idp.fault('oversize')
    const response = await send('/jwks')
    const body = await readBody(response)
    expect(response.headers).not.toHaveProperty('content-length')
    expect(body.length).toBe(10 * 1024 * 1024)
    expect(JSON.parse(body.toString())).toEqual(goodKeySet())
  })

  it('oversize ends when the client goes away', async () => {
    await idp.fault('oversize')
    const response = await send('/jwks')
    await once(response, 'data')
    response.destroy()
    await idp.fault('off')
    await expectGoodKeySet()
  })

  it('garbage is 200 and not JSON', async () => {
    await idp.fault('garbage')
    const { status, body } = await fetchKeySet()
    expect([status, body.toString()]).toEqual([200, 'this is not JSON'])
  })

  it('error is 500, though the body is good', async () => {
    await idp.fault('error')
    const { status, body } = await fetchKeySet()
    expect([status, JSON.parse(body.toString())]).toEqual([500, goodKeySet()])
  })

  it('redirect leads to the good key set', async () => {
    await idp.fault('redirect')
    const response = await send('/jwks')
    response.resume()
    expect([response.statusCode, response.headers.location]).toEqual([302, '/jwks/elsewhere'])
    const { body } = await fetchKeySet('/jwks/elsewhere')
    expect(JSON.parse(body.toString())).toEqual(goodKeySet())
    expect(idp.fetches).toBe(1)
  })

  it('compressed is gzip that was not asked for', async () => {
    await idp.fault('compressed')
    const response = await send('/jwks')
    expect(response.headers['content-encoding']).toBe('gzip')
    expect(JSON.parse(gunzipSync(await readBody(response)).toString())).toEqual(goodKeySet())
  })

  it.each<FaultKind>(['slow', 'stalled', 'oversize', 'garbage', 'error', 'redirect', 'compressed'])(
    '%s does not affect assertions, and ends with off',
    async (kind) => {
      await idp.fault(kind)
      expect((await send('/assertion')).statusCode).toBe(200)
      await idp.fault('off')
      await expectGoodKeySet()
    },
  )
})

describe('an unreachable identity provider', () => {
  it('refuses connections when down, and comes back on the same port', async () => {
    await idp.fault('down')
    expect(await tryConnect()).toBe('ECONNREFUSED')
    await idp.fault('off')
    await expectGoodKeySet()
  })

  it('lets connections hang under slow-connect, and comes back on the same port', async () => {
    await idp.fault('slow-connect')
    expect(await tryConnect()).toBe('hangs')
    expect(await tryConnect()).toBe('hangs')
    await idp.fault('off')
    await expectGoodKeySet()
  })

  it.each<FaultKind>(['down', 'slow-connect'])('destroys open connections when %s', async (kind) => {
    const socket = connect(Number(new URL(idp.url).port), '127.0.0.1')
    await once(socket, 'connect')
    const closed = once(
      socket.on('error', () => {}),
      'close',
    )
    await idp.fault(kind)
    await closed
  })

  it('goes from one fault to another', async () => {
    await idp.fault('slow-connect')
    await idp.fault('down')
    expect(await tryConnect()).toBe('ECONNREFUSED')
    await idp.fault('slow-connect')
    expect(await tryConnect()).toBe('hangs')
    await idp.fault('garbage')
    expect((await fetchKeySet()).body.toString()).toBe('this is not JSON')
  })

  it('takes faults in the order they were asked for', async () => {
    await Promise.all([idp.fault('down'), idp.fault('slow-connect'), idp.fault('down'), idp.fault('off')])
    await expectGoodKeySet()
  })
})

describe('POST /fault/{kind}', () => {
  it('is in force when it has been answered', async () => {
    expect((await send('/fault/garbage', 'POST')).statusCode).toBe(204)
    expect((await fetchKeySet()).body.toString()).toBe('this is not JSON')
    expect((await send('/fault/off', 'POST')).statusCode).toBe(204)
    await expectGoodKeySet()
  })

  it('down resets connections that ask for the key set, and can be ended', async () => {
    expect((await send('/fault/down', 'POST')).statusCode).toBe(204)
    await expect(send('/jwks')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect((await send('/assertion')).statusCode).toBe(200)
    expect((await send('/fault/off', 'POST')).statusCode).toBe(204)
    await expectGoodKeySet()
  })

  it('slow-connect answers first, and ends by itself', async () => {
    expect((await send('/fault/slow-connect', 'POST')).statusCode).toBe(204)
    while ((await tryConnect()) === 'connected') await wait(20)
    while ((await tryConnect()) !== 'connected') await wait(20)
    await expectGoodKeySet()
  })
})

describe('a fault that cannot be', () => {
  it('is refused by name', async () => {
    await expect(idp.fault('tired' as FaultKind)).rejects.toThrow('Unknown fault: tired')
    await expectGoodKeySet()
  })

  it('is refused after close', async () => {
    await idp.close()
    await expect(idp.fault('off')).rejects.toThrow('closed')
    expect(await tryConnect()).toBe('ECONNREFUSED')
  })
})

describe('close', () => {
  const countResources = () =>
    process.getActiveResourcesInfo().filter((name) => /^(TCP|MessagePort|Worker)/.test(name)).length

  it.each<FaultKind>(['off', 'slow', 'stalled', 'oversize', 'down', 'slow-connect'])(
    'leaves no socket and no thread under %s',
    async (kind) => {
      await idp.fault(kind)
      const sent = request(idp.jwksUri, { agent: false }).end()
      const ended = new Promise((resolve) => sent.on('error', resolve).on('close', resolve))
      sent.on('response', (response) => response.on('error', () => {}).resume())
      await wait(50)
      const open = countResources()
      await idp.close()
      sent.destroy()
      await ended
      await wait(20)
      // Other test files may have left some in this process. What this one opened is gone, and at a second time none is added.
      const closed = countResources()
      if (kind !== 'down') expect(closed).toBeLessThan(open)
      const again = await FakeIdentityProvider.start()
      await again.fault(kind)
      await again.close()
      await wait(20)
      expect(countResources()).toBeLessThanOrEqual(closed)
    },
  )

  it('ends the recovery of a fault set over HTTP', async () => {
    await send('/fault/slow-connect', 'POST')
    await wait(150)
    await idp.close()
    await wait(250)
    expect(await tryConnect()).toBe('ECONNREFUSED')
  })

  it('may be called again, and is the async dispose', async () => {
    await idp[Symbol.asyncDispose]()
    await idp.close()
    expect(await tryConnect()).toBe('ECONNREFUSED')
  })
})
