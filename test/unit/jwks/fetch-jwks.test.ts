import { once } from 'node:events'
import { Agent, createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type LookupFunction, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { FetchLimits } from '../../../src/guarded-fetch/bounded-fetch.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { isJwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import { fetchJwks, type JwksAnswer, type JwksFetch } from '../../../src/jwks/fetch-jwks.js'
import { FakeIdentityProvider, type FaultKind } from '../../../src/testing/index.js'

const LIMITS: FetchLimits = { connectionTimeout: 2000, readTimeout: 2000, sizeLimitBytes: 4096 }
const open = () => new AbortController().signal

/** The members that were fetched, or why there are none; and how long it took. */
async function outcomeOf(url: string, limits: Partial<FetchLimits> = {}, closing = open()) {
  const start = performance.now()
  const done = (outcome: unknown) => ({ outcome, milliseconds: performance.now() - start })
  const fetch: JwksFetch = {
    endpoint: new URL(url),
    limits: { ...LIMITS, ...limits },
    connection: DIRECT_CONNECTION,
    totalTimeout: 60_000,
    now: Date.now() / 1000,
  }
  const answered = ({ published }: JwksAnswer) => done(published?.members)
  return await fetchJwks(fetch, closing).then(answered, (error: unknown) => {
    if (isJwksFetchError(error)) return done(error.failure)
    throw error
  })
}

describe('fetching a key set from an identity provider', () => {
  let idp: FakeIdentityProvider
  beforeEach(async () => {
    idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  })
  afterEach(() => idp.close())

  const fetchUnder = async (fault: FaultKind, limits: Partial<FetchLimits> = {}) => {
    await idp.fault(fault)
    return outcomeOf(idp.jwksUri, limits)
  }

  it('gives its members', async () => {
    expect((await fetchUnder('off')).outcome).toEqual([idp.signingKey.publicJwk])
    expect(idp.fetches).toBe(1)
  })

  it('ends at the connection timeout when connecting hangs', async () => {
    const { outcome, milliseconds } = await fetchUnder('slow-connect', { connectionTimeout: 100, readTimeout: 10_000 })
    expect(outcome).toBe('connection_timeout')
    expect(milliseconds).toBeGreaterThan(90)
    expect(milliseconds).toBeLessThan(5000)
  })

  it.each<FaultKind>(['slow', 'stalled'])('ends at the read timeout under %s', async (fault) => {
    const { outcome, milliseconds } = await fetchUnder(fault, { connectionTimeout: 10_000, readTimeout: 150 })
    expect(outcome).toBe('read_timeout')
    expect(milliseconds).toBeGreaterThan(140)
    expect(milliseconds).toBeLessThan(5000)
  })

  it.each<[FaultKind, string]>([
    ['down', 'connection_failed'],
    ['oversize', 'too_large'],
    ['garbage', 'not_json'],
    ['error', 'unexpected_status'],
    ['redirect', 'redirected'],
    ['compressed', 'unexpected_encoding'],
  ])('fails under %s as %s', async (fault, failure) => {
    expect((await fetchUnder(fault)).outcome).toBe(failure)
  })

  it('follows no redirect', async () => {
    await fetchUnder('redirect')
    expect(idp.fetches).toBe(1)
  })

  it.each<FaultKind>(['off', 'stalled', 'slow', 'slow-connect'])(
    'ends at once when the exchange closes, under %s',
    async (fault) => {
      await idp.fault(fault)
      const closing = new AbortController()
      const fetching = outcomeOf(idp.jwksUri, { connectionTimeout: 10_000, readTimeout: 10_000 }, closing.signal)
      if (fault === 'off') closing.abort()
      else setTimeout(() => closing.abort(), 50)
      const { outcome, milliseconds } = await fetching
      expect(outcome).toBe('closed')
      expect(milliseconds).toBeLessThan(5000)
    },
  )

  it('makes no connection after the exchange has closed', async () => {
    expect((await outcomeOf(idp.jwksUri, {}, AbortSignal.abort())).outcome).toBe('closed')
    expect(idp.fetches).toBe(0)
  })

  it.each<FaultKind>(['off', 'garbage', 'error', 'redirect', 'oversize', 'stalled', 'slow'])(
    'leaves no connection and no listener behind under %s',
    async (fault) => {
      await idp.fault(fault)
      const closing = new AbortController()
      let listeners = 0
      const { signal } = closing
      const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners += 1
        add(...args)
      }
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners -= 1
        remove(...args)
      }
      await outcomeOf(idp.jwksUri, { connectionTimeout: 10_000, readTimeout: 100 }, signal)
      expect(listeners).toBe(0)
      await idp.close()
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
      for (let turn = 0; turn < 50 && sockets().length > 0; turn += 1) await wait(10)
      expect(sockets()).toEqual([])
    },
  )
})

describe('fetching a key set from any server', () => {
  let server: Server
  let sockets: Set<Socket>
  let answer: RequestListener

  beforeEach(async () => {
    sockets = new Set()
    server = createServer((req, res) => answer(req, res))
    server.on('connection', (socket) => sockets.add(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?tenant=a`
  const fetchFrom = async (respond: RequestListener, limits: Partial<FetchLimits> = {}) => {
    answer = respond
    return (await outcomeOf(url(), limits)).outcome
  }
  const paddedTo = (bytes: number) => '{"keys":[]}'.padEnd(bytes, ' ')
  const sendChunked = (res: ServerResponse, bytes: number) => {
    res.write(paddedTo(bytes))
    res.end()
  }

  it('sends nothing to an address that is not allowed, though an agent has connected to it', async () => {
    let requests = 0
    answer = (_, res) => {
      requests += 1
      res.end('{"keys":[]}')
    }
    const lookup: LookupFunction = (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    const { port } = server.address() as AddressInfo
    const fetch: JwksFetch = {
      endpoint: new URL(`http://idp.example.com:${port}/keys`),
      limits: LIMITS,
      connection: { ...DIRECT_CONNECTION, network: 'public', agent: new Agent({ lookup }) },
      totalTimeout: 60_000,
      now: 0,
    }
    await expect(fetchJwks(fetch, open())).rejects.toMatchObject({ failure: 'address_not_allowed' })
    const allowed = { ...fetch, connection: { ...fetch.connection, network: 'any' as const } }
    await expect(fetchJwks(allowed, open())).resolves.toMatchObject({ published: { members: [] } })
    expect(requests).toBe(1)
  })

  it('asks for the whole URL, uncompressed, on a connection of its own', async () => {
    let asked: unknown
    await fetchFrom((req, res) => {
      const { accept, connection, 'accept-encoding': encoding } = req.headers
      asked = { method: req.method, url: req.url, accept, encoding, connection }
      res.end('{"keys":[]}')
    })
    expect(asked).toEqual({
      method: 'GET',
      url: '/keys?tenant=a',
      accept: 'application/jwk-set+json, application/json',
      encoding: 'identity',
      connection: 'close',
    })
  })

  it('takes no body that only the deadline ended, though it reads as a whole one', async () => {
    const outcome = await fetchFrom(
      (_req, res) => {
        res.useChunkedEncodingByDefault = false
        res.removeHeader('transfer-encoding')
        res.write('{"keys":[]}') // With no length declared, the end of the connection is the end of the body.
      },
      { readTimeout: 100 },
    )
    expect(outcome).toBe('read_timeout')
  })

  it('takes a body of just the size limit, declared or chunked', async () => {
    expect(
      await fetchFrom((_, res) => void res.setHeader('content-length', 1024).end(paddedTo(1024)), {
        sizeLimitBytes: 1024,
      }),
    ).toEqual([])
    expect(await fetchFrom((_, res) => sendChunked(res, 1024), { sizeLimitBytes: 1024 })).toEqual([])
  })

  it('refuses a body of one byte more, declared or chunked', async () => {
    expect(
      await fetchFrom((_, res) => void res.setHeader('content-length', 1025).end(paddedTo(1025)), {
        sizeLimitBytes: 1024,
      }),
    ).toBe('too_large')
    expect(await fetchFrom((_, res) => sendChunked(res, 1025), { sizeLimitBytes: 1024 })).toBe('too_large')
  })

  it('refuses a declared size before any of the body has come', async () => {
    const limits = { sizeLimitBytes: 1024, readTimeout: 5000 }
    expect(await fetchFrom((_, res) => res.writeHead(200, { 'content-length': 1025 }).flushHeaders(), limits)).toBe(
      'too_large',
    )
  })

  it('counts bytes and not characters', async () => {
    const body = `{"keys":["${'ü'.repeat(600)}"]}`
    expect(await fetchFrom((_, res) => void res.end(body), { sizeLimitBytes: 1024 })).toBe('too_large')
    expect(await fetchFrom((_, res) => void res.end(body), { sizeLimitBytes: 2048 })).toEqual(['ü'.repeat(600)])
  })

  it.each<[number, string]>([
    [201, 'unexpected_status'],
    [203, 'unexpected_status'],
    [204, 'unexpected_status'],
    [206, 'unexpected_status'],
    [301, 'redirected'],
    [304, 'redirected'],
    [307, 'redirected'],
    [401, 'unexpected_status'],
    [404, 'unexpected_status'],
    [429, 'unexpected_status'],
    [503, 'unexpected_status'],
  ])('refuses the status %d', async (status, failure) => {
    expect(
      await fetchFrom(
        (_, res) =>
          void res.writeHead(status, { location: '/keys' }).end(status === 204 || status === 304 ? '' : '{"keys":[]}'),
      ),
    ).toBe(failure)
  })

  it('leaves a refused answer at once, however much of it is still to come', async () => {
    let closed: Promise<unknown> | undefined
    const failure = await fetchFrom((_, res) => {
      res.writeHead(500).write('x')
      closed = once(res, 'close')
    })
    expect(failure).toBe('unexpected_status')
    expect(await Promise.race([closed, wait(5000, 'open still', { ref: false })])).not.toBe('open still')
  })

  it.each(['gzip', 'br', 'identity, gzip', 'GZIP'])('refuses the encoding %s', async (encoding) => {
    expect(await fetchFrom((_, res) => void res.setHeader('content-encoding', encoding).end('{"keys":[]}'))).toBe(
      'unexpected_encoding',
    )
  })

  it.each<[string, string, string]>([
    ['nothing', '', 'not_json'],
    ['a web page', '<!doctype html>', 'not_json'],
    ['half a key set', '{"keys":[', 'not_json'],
    ['an array', '[]', 'not_a_key_set'],
    ['null', 'null', 'not_a_key_set'],
    ['a text', '"keys"', 'not_a_key_set'],
    ['an object without keys', '{}', 'not_a_key_set'],
    ['keys that are null', '{"keys":null}', 'not_a_key_set'],
    ['keys that are an object', '{"keys":{"0":{}}}', 'not_a_key_set'],
    ['keys of the prototype', '{"__proto__":{"keys":[]}}', 'not_a_key_set'],
    ['Keys', '{"Keys":[]}', 'not_a_key_set'],
  ])('refuses a body that is %s', async (_, body, failure) => {
    expect(await fetchFrom((_req, res) => void res.end(body))).toBe(failure)
  })

  it('trusts no content type', async () => {
    expect(await fetchFrom((_, res) => void res.setHeader('content-type', 'text/html').end('{"keys":[]}'))).toEqual([])
  })

  it('fails when the connection breaks within the body', async () => {
    expect(
      await fetchFrom(
        (_, res) => void res.writeHead(200, { 'content-length': 100 }).write('{"keys":', () => res.destroy()),
      ),
    ).toBe('read_failed')
    expect(await fetchFrom((_, res) => void res.writeHead(200).write('{"keys":', () => res.destroy()))).toBe(
      'read_failed',
    )
  })

  it('fails when the connection breaks before an answer', async () => {
    expect(await fetchFrom((req) => void req.socket.destroy())).toBe('read_failed')
  })

  it('reads once for the whole of headers and body: a drip does not prolong it', async () => {
    const start = performance.now()
    const outcome = await fetchFrom(
      (_, res) => {
        res.writeHead(200).flushHeaders()
        const drip = setInterval(() => res.write(' '), 20)
        res.once('close', () => clearInterval(drip))
      },
      { readTimeout: 200 },
    )
    expect(outcome).toBe('read_timeout')
    expect(performance.now() - start).toBeLessThan(5000)
  })
})

describe('fetching a key set from what is no web server', () => {
  const fetchFromTcp = async (
    connected: (socket: Socket) => void,
    scheme = 'http',
    limits: Partial<FetchLimits> = {},
  ) => {
    const sockets = new Set<Socket>()
    const server = createTcpServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      connected(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      return (await outcomeOf(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`, limits)).outcome
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 11\r\ncontent-length: 12\r\n\r\n{"keys":[]} '],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n'],
  ])('fails on %s', async (_, bytes) => {
    expect(await fetchFromTcp((socket) => void socket.write(bytes))).toBe('read_failed')
  })

  it('counts the TLS handshake as connecting', async () => {
    expect(await fetchFromTcp(() => {}, 'https', { connectionTimeout: 100, readTimeout: 10_000 })).toBe(
      'connection_timeout',
    )
    expect(await fetchFromTcp((socket) => void socket.end('no TLS here'), 'https')).toBe('connection_failed')
  })

  it('fails where the name cannot be found', async () => {
    expect((await outcomeOf('http://idp.invalid/keys')).outcome).toMatch(/^connection_(failed|timeout)$/)
  })
})
