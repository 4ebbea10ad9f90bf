import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { currentMoment } from '../../src/clock/clock.js'
import { createJwtExchange, type JwksEndpointOptions } from '../../src/index.js'
import { UnknownKids } from '../../src/jwks/unknown-kids.js'
import { FakeIdentityProvider, type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { EC_CERTIFICATE, EC_CERTIFICATE_KEY } from '../support/certificates.js'
import { AUDIENCE, CLIENT, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import {
  closeUnharmed,
  expectAssertionRefused,
  expectCleanEvents,
  expectInvalidGrant,
  expectServing,
  expectUnavailable,
} from '../support/expect-refusal.js'
import { goodClaims, goodHeader, macToken } from '../support/forged-jwt.js'
import { startHostOfMany } from '../support/host-of-many.js'
import { httpAnswer, type RawAnswer, type RawServer, startRawServer } from '../support/raw-server.js'

const PATIENT: JwksEndpointOptions = { connectionTimeout: 5000, readTimeout: 5000, sizeLimitBytes: 2048 }
/** For answers that never come; the good ones come in time also if the machine is busy. */
const QUICK = { ...PATIENT, readTimeout: 500 }
const CACHED_FOR = 300
const STALE_FOR = 3600
const MAX_BACK_OFF = 60
const x5c = new X509Certificate(EC_CERTIFICATE).raw.toString('base64')

let attacker: RawServer
let members: { good: FakeKey; other: FakeKey; rsa: FakeKey }
beforeAll(async () => {
  attacker = await startRawServer()
  const [good, other, rsa] = [
    await generateFakeKey('ES256'),
    await generateFakeKey('ES256'),
    await generateFakeKey('RS256'),
  ]
  members = { good, other, rsa }
})
afterAll(() => attacker.close())

/** A host whose identity provider's key set comes from a server that answers with bytes. */
async function startHostAt(
  server: RawServer,
  jwksEndpoint = PATIENT,
): Promise<ExchangeHost & { clock: AdjustableClock }> {
  const clock = new AdjustableClock()
  clock.set(Date.now() / 1000)
  const host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    identityProvider: { jwksUri: server.url },
    exchange: { clock, jwksEndpoint },
  })
  return { ...host, clock }
}

function keySetOf(host: ExchangeHost): string {
  return JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
}

function failuresOf(host: ExchangeHost): (string | undefined)[] {
  return host.events.filter(({ name }) => name === 'jwks.failed').map(({ reason }) => reason)
}

async function statusOf(host: ExchangeHost, assertion: Promise<string>): Promise<number> {
  return (await host.exchangeAssertion(await assertion)).status
}

/** With a hostile endpoint from the start: 503 and no key. With one that turns hostile: the old keys serve on. */
async function expectFailedFetch(answerFor: (host: ExchangeHost) => RawAnswer, reason: string): Promise<void> {
  const server = await startRawServer()
  const host = await startHostAt(server, reason === 'read_timeout' ? QUICK : PATIENT)
  try {
    server.answerWith(answerFor(host))
    await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
    expect(failuresOf(host)).toEqual([reason])
    host.clock.advance(MAX_BACK_OFF)
    server.answerWith(httpAnswer('200 OK', keySetOf(host)))
    await expectServing(host)
    server.answerWith(answerFor(host))
    host.clock.advance(CACHED_FOR)
    host.clock.set(Date.now() / 1000)
    await expectServing(host)
    expect(failuresOf(host)).toEqual([reason, reason])
    const unknown = await host.idp.issueAssertion({}, { kid: 'new' })
    await expectUnavailable(host.exchangeAssertion(unknown), host, 'jwks_unavailable')
    expectCleanEvents(host)
  } finally {
    await host.close()
    await server.close()
  }
}

/** With a key set that is odd but usable. */
async function withKeySet(
  publish: (host: ExchangeHost) => unknown,
  story: (host: ExchangeHost) => Promise<void>,
): Promise<void> {
  const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  host.idp.publish(publish(host))
  try {
    await story(host)
    expectCleanEvents(host)
  } finally {
    await host.close()
  }
}

function drip(head: string, text: string, interval: number) {
  return (socket: Socket) => {
    let sent = 0
    socket.write(head)
    const timer = setInterval(() => {
      socket.write(text.charAt(sent % text.length))
      sent += 1
    }, interval)
    socket.once('close', () => clearInterval(timer))
  }
}

function flood(head: string, chunk: Buffer | string) {
  return (socket: Socket) => {
    const write = () => {
      while (!socket.destroyed && socket.write(chunk)) {}
    }
    socket.write(head)
    socket.on('drain', write)
    write()
  }
}

describe('an endpoint that does not answer', () => {
  it('J1: that never accepts the connection: 503 after the connection timeout', async () => {
    const jwksEndpoint = { connectionTimeout: 200 }
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { jwksEndpoint } })
    try {
      await host.idp.fault('slow-connect')
      await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
      expect(failuresOf(host)).toEqual(['connection_timeout'])
    } finally {
      await host.close()
    }
  })

  it('J1: that refuses the connection: 503', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      await host.idp.fault('down')
      await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
      expect(failuresOf(host)).toEqual(['connection_failed'])
    } finally {
      await host.close()
    }
  })

  const slow: [name: string, answer: (host: ExchangeHost) => RawAnswer][] = [
    ['never answers', () => () => {}],
    ['stalls in the status line', () => (socket) => socket.write('HTTP/1.1 20')],
    ['stalls in the headers', () => (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le')],
    [
      'stalls in the body',
      (host) => (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${keySetOf(host)}`),
    ],
    [
      'stalls before the last chunk',
      (host) => (socket) =>
        socket.write(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${keySetOf(host).length.toString(16)}\r\n${keySetOf(host)}\r\n`,
        ),
    ],
    ['sends a byte each 20 ms', (host) => drip('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n', keySetOf(host), 20)],
    ['sends a byte each 150 ms', (host) => drip('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n', keySetOf(host), 150)],
    ['sends its headers a byte each 10 ms', () => drip('HTTP/1.1 200 OK\r\nX-Slow: ', 'x', 10)],
    ['sends informational answers without end', () => drip('', 'HTTP/1.1 103 Early Hints\r\n\r\n', 5)],
  ]
  it.concurrent.each(slow)('J2: that %s: 503 after the read timeout', async (_name, answer) => {
    await expectFailedFetch(answer, 'read_timeout')
  })

  it('J2: 30 requests for its assertions do not hold up those of others', async () => {
    const stuck = await startRawServer(() => {})
    const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const host = await startHostOfMany(
      idp,
      [
        { name: idp.name, allowedSubjects: 'any' as const, jwksUri: idp.jwksUri },
        { name: 'https://stuck.example.com', allowedSubjects: 'any' as const, jwksUri: stuck.url },
      ],
      { jwksEndpoint: { readTimeout: 10_000 } },
    )
    try {
      let answered = 0
      const hanging = Array.from({ length: 30 }, async () => {
        const status = await statusOf(host, idp.issueAssertion({ iss: 'https://stuck.example.com' }))
        answered += 1
        return status
      })
      for (let count = 0; count < 5; count += 1) expect(await statusOf(host, idp.issueAssertion())).toBe(200)
      expect(answered).toBe(0)
      await stuck.close()
      expect(await Promise.all(hanging)).toEqual(Array(30).fill(503))
      expect(stuck.requests.length).toBe(1)
    } finally {
      await host.close()
      await stuck.close()
    }
  })
})

describe('an endpoint that answers too much', () => {
  const padded = (host: ExchangeHost, length: number) => keySetOf(host).padEnd(length)
  const chunk = `400\r\n${' '.repeat(1024)}\r\n`

  it.each<[name: string, answer: (host: ExchangeHost) => RawAnswer]>([
    ['a byte too much, with Content-Length', (host) => httpAnswer('200 OK', padded(host, 2049))],
    [
      'a byte too much, in chunks',
      (host) => httpAnswer('200 OK', `801\r\n${padded(host, 2049)}\r\n0\r\n\r\n`, ['Transfer-Encoding: chunked']),
    ],
    ['a byte too much, until the end', (host) => httpAnswer('200 OK', padded(host, 2049), ['Connection: close'])],
    [
      'a Content-Length of 2 GB',
      () => (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2147483647\r\n\r\n'),
    ],
    ['chunks without end', () => flood('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', chunk)],
    ['a body without end', () => flood('HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(65_536, ' '))],
  ])('J3: %s: a failed fetch', async (_name, answer) => {
    await expectFailedFetch(answer, 'too_large')
  })

  it.each<[name: string, answer: (host: ExchangeHost) => RawAnswer]>([
    ['a header of 1 MB', () => httpAnswer('200 OK', '', [`X-Large: ${'x'.repeat(1_000_000)}`])],
    ['headers without end', () => flood('HTTP/1.1 200 OK\r\n', 'X-More: x\r\n'.repeat(1000))],
    [
      'trailers without end',
      () => flood('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', 'X-More: x\r\n'.repeat(1000)),
    ],
    [
      'chunk extensions without end',
      () => flood('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;', 'x'.repeat(10_000)),
    ],
  ])('J3: %s: a failed fetch', async (_name, answer) => {
    await expectFailedFetch(answer, 'read_failed')
  })

  it('J3: exactly the limit is not too much', async () => {
    const server = await startRawServer()
    const host = await startHostAt(server)
    try {
      server.answerWith(httpAnswer('200 OK', padded(host, 2048)))
      await expectServing(host)
    } finally {
      await host.close()
      await server.close()
    }
  })

  it('J4: nothing compressed is asked for', async () => {
    const server = await startRawServer(httpAnswer('500 No'))
    const host = await startHostAt(server)
    await statusOf(host, host.idp.issueAssertion())
    await host.close()
    await server.close()
    expect(server.requests[0]).toMatch(/^accept-encoding: identity\r$/im)
  })

  it.each<[name: string, encoding: string, body: (host: ExchangeHost) => Buffer]>([
    ['a good key set in gzip', 'gzip', (host) => gzipSync(keySetOf(host))],
    ['a gzip bomb', 'gzip', () => gzipSync(Buffer.alloc(1_000_000, ' '))],
    ['gzip 1500 times', Array(1500).fill('gzip').join(', '), (host) => gzipSync(keySetOf(host))],
    ['br', 'br', (host) => Buffer.from(keySetOf(host))],
    ['identity and gzip', 'identity, gzip', (host) => Buffer.from(keySetOf(host))],
    ['an unknown encoding', 'attacker', (host) => Buffer.from(keySetOf(host))],
  ])('J4: %s: a failed fetch', async (_name, encoding, body) => {
    await expectFailedFetch(
      (host) => httpAnswer('200 OK', body(host), [`Content-Encoding: ${encoding}`]),
      'unexpected_encoding',
    )
  })
})

describe('an endpoint that leads elsewhere', () => {
  it.each(['301 Moved', '302 Found', '303 See Other', '307 Temporary Redirect', '308 Permanent Redirect'])(
    'J5: %s is not followed',
    async (status) => {
      const targets = [attacker.url, 'file:///etc/passwd', 'http://169.254.169.254/latest', '//127.0.0.1/', '/jwks']
      for (const target of targets) {
        await expectFailedFetch(
          () => httpAnswer(status, '', [`Location: ${target}`, 'Content-Length: 0']),
          'redirected',
        )
      }
      expect(attacker.requests).toEqual([])
    },
  )

  it('J5: neither a Refresh, a Link nor an Alt-Svc header, nor an early hint, is followed', async () => {
    const server = await startRawServer()
    const host = await startHostAt(server)
    const headers = [
      `Refresh: 0; url=${attacker.url}`,
      `Link: <${attacker.url}>; rel=preload`,
      `Alt-Svc: h2="${attacker.url}"`,
    ]
    try {
      const hint = `HTTP/1.1 103 Early Hints\r\n${headers.join('\r\n')}\r\n\r\n`
      const keySet = JSON.stringify({ jwks_uri: attacker.url, next: attacker.url, ...JSON.parse(keySetOf(host)) })
      server.answerWith(
        Buffer.concat([Buffer.from(hint), httpAnswer('200 OK', keySet, [...headers, 'Connection: close'])]),
      )
      await expectServing(host)
      expect(attacker.requests).toEqual([])
    } finally {
      await host.close()
      await server.close()
    }
  })

  it.each([
    'file:///etc/passwd',
    'http://idp.example.com/jwks',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/jwks',
    'http://0.0.0.0/jwks',
    'http://[::]/jwks',
    'http://[::ffff:169.254.169.254]/jwks',
    'http://localhost.attacker.example/jwks',
    'http://127.0.0.1.attacker.example/jwks',
    'http://127.0.0.1@attacker.example/jwks',
    'https://user:secret@idp.example.com/jwks',
    'https://user@idp.example.com/jwks',
    'https://idp.example.com/jwks#fragment',
    'ftp://idp.example.com/jwks',
    'data:application/json,{"keys":[]}',
    'javascript:0',
    'blob:https://idp.example.com/x',
    '//idp.example.com/jwks',
    'idp.example.com/jwks',
    'https://',
    '',
  ])('J6: %j is refused as jwksUri', (jwksUri) => {
    const options = {
      issuer: ISSUER,
      identityProviders: [{ name: 'idp', allowedSubjects: 'any' as const, jwksUri }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }
    expect(() => createJwtExchange(options)).toThrow(/identityProviders\[0\]\.jwksUri/)
  })

  const withJwksUri = (jwksUri: string, network: 'any' | 'public') => () =>
    createJwtExchange({
      issuer: ISSUER,
      identityProviders: [{ name: 'idp', allowedSubjects: 'any' as const, jwksUri, network }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    })

  it.each([
    'https://169.254.169.254/jwks',
    'https://2852039166/jwks',
    'https://0xa9.0xfe.0xa9.0xfe/jwks',
    'https://0251.0376.0251.0376/jwks',
    'https://[::ffff:169.254.169.254]/jwks',
    'https://[64:ff9b::a9fe:a9fe]/jwks',
    'https://[2002:a9fe:a9fe::1]/jwks',
    'https://[::169.254.169.254]/jwks',
    'https://[fd00:ec2::254]/jwks',
    'https://[fe80::a9fe:a9fe]/jwks',
    'https://169.254.170.2/v2/credentials',
    'https://100.100.100.200/latest',
  ])('J6: the metadata service %s is refused as jwksUri with any network', (jwksUri) => {
    for (const network of ['any', 'public'] as const) {
      expect(withJwksUri(jwksUri, network)).toThrow(/identityProviders\[0\]\.jwksUri/)
    }
  })

  it.each([
    'https://10.0.0.1/jwks',
    'https://localhost/jwks',
    'https://127.1/jwks',
    'https://[::1]/jwks',
    'https://192.168.0.1/',
  ])('J6: %s is refused as jwksUri if the network is public', (jwksUri) => {
    expect(withJwksUri(jwksUri, 'public')).toThrow(/identityProviders\[0\]\.jwksUri/)
    expect(withJwksUri(jwksUri, 'any')).not.toThrow()
  })

  it.each([
    ['127.0.0.1', 'public'],
    ['::1', 'public'],
    ['10.1.2.3', 'public'],
    ['169.254.169.254', 'any'],
    ['::ffff:169.254.169.254', 'any'],
  ] as const)(
    'J6: no connection is made to a name that resolves to %s if the network is %s',
    async (address, network) => {
      const server = await startRawServer()
      const { port } = new URL(server.url)
      const found = [{ address, family: address.includes(':') ? 6 : 4 }]
      const host = await startExchangeHost({
        idp: { algorithm: 'ES256' },
        identityProvider: {
          jwksUri: `https://idp.attacker.example:${port}/jwks`,
          network,
          lookup: (_name, { all }, callback) =>
            all ? callback(null, found) : callback(null, address, found[0]?.family),
        },
      })
      try {
        await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
        expect([failuresOf(host), server.requests]).toEqual([['address_not_allowed'], []])
      } finally {
        await host.close()
        await server.close()
      }
    },
  )

  it('J7: no URL in a token causes a request', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const { url } = attacker
    try {
      await expectServing(host)
      const { fetches } = host.idp
      await expectAssertionRefused(host, await host.idp.issueAssertion({ iss: url }), 'unknown_issuer')
      await expectAssertionRefused(host, await host.idp.issueAssertion({ iss: new URL(url).origin }), 'unknown_issuer')
      await expectAssertionRefused(host, await host.idp.issueAssertion({ jwks_uri: url, iss: [url] }), 'unknown_issuer')
      expect(host.idp.fetches).toBe(fetches)
      await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid: url, jku: url }), 'unknown_key')
      await expectAssertionRefused(host, await host.idp.issueAssertion({ aud: url }, { jku: url }), 'wrong_audience')
      expect(attacker.requests).toEqual([])
    } finally {
      await closeUnharmed(host)
    }
  })
})

describe('an endpoint that answers nonsense', () => {
  it.each([
    '204 No Content',
    '206 Partial Content',
    '201 Created',
    '400 Bad Request',
    '401 Unauthorized',
    '404 Not Found',
    '418 Teapot',
    '429 Too Many Requests',
    '500 Internal Server Error',
    '503 Service Unavailable',
    '999 What',
  ])('J8: %s with a good key set: a failed fetch', async (status) => {
    await expectFailedFetch((host) => httpAnswer(status, keySetOf(host)), 'unexpected_status')
  })

  it.each<[name: string, answer: (host: ExchangeHost) => RawAnswer, reason: string]>([
    ['HTML', () => httpAnswer('200 OK', '<html><script>attacker</script></html>'), 'not_json'],
    ['an empty body', () => httpAnswer('200 OK'), 'not_json'],
    ['white space', () => httpAnswer('200 OK', ' \n '), 'not_json'],
    ['half a key set', (host) => httpAnswer('200 OK', keySetOf(host).slice(0, -1)), 'not_json'],
    ['a key set twice', (host) => httpAnswer('200 OK', keySetOf(host).repeat(2)), 'not_json'],
    ['a key set in UTF-16', (host) => httpAnswer('200 OK', Buffer.from(keySetOf(host), 'utf16le')), 'not_json'],
    ['bytes that are not UTF-8', () => httpAnswer('200 OK', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), 'not_json'],
    ['a callback', (host) => httpAnswer('200 OK', `callback(${keySetOf(host)})`), 'not_json'],
    [
      'a body cut off before its Content-Length',
      (host) => httpAnswer('200 OK', keySetOf(host), ['Content-Length: 900']),
      'read_failed',
    ],
    ['chunks cut off', () => httpAnswer('200 OK', '900\r\n{', ['Transfer-Encoding: chunked']), 'read_failed'],
    [
      'a broken chunk',
      () => httpAnswer('200 OK', 'zz\r\n{}\r\n0\r\n\r\n', ['Transfer-Encoding: chunked']),
      'read_failed',
    ],
    [
      'Content-Length and chunks',
      (host) => httpAnswer('200 OK', keySetOf(host), ['Transfer-Encoding: chunked', 'Content-Length: 10']),
      'read_failed',
    ],
    [
      'two lengths',
      (host) => httpAnswer('200 OK', keySetOf(host), ['Content-Length: 10', 'Content-Length: 20']),
      'read_failed',
    ],
    ['a negative length', (host) => httpAnswer('200 OK', keySetOf(host), ['Content-Length: -1']), 'read_failed'],
    ['garbage', () => 'attacker\r\n\r\n', 'read_failed'],
    ['bytes', () => Buffer.from([0, 1, 2, 255]), 'read_failed'],
    ['nothing', () => '', 'read_failed'],
    ['a TLS alert', () => Buffer.from('150301000202', 'hex'), 'read_failed'],
    ['a reset', () => (socket) => socket.resetAndDestroy(), 'read_failed'],
    [
      'a reset in the body',
      () => (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{', () => socket.resetAndDestroy()),
      'read_failed',
    ],
    [
      'another protocol',
      () => httpAnswer('101 Switching Protocols', '', ['Connection: Upgrade', 'Upgrade: websocket']),
      'read_failed',
    ],
    ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'read_failed'],
    ['a NUL in a header', (host) => httpAnswer('200 OK', keySetOf(host), ['X-Nul: a\u0000b']), 'read_failed'],
  ])('J8: %s: a failed fetch', async (_name, answer, reason) => {
    await expectFailedFetch(answer, reason)
  })

  it.each([
    ['429 Too Many Requests', 'Retry-After: 200', 200],
    ['503 Service Unavailable', 'Retry-After: 999999999', 300],
    ['503 Service Unavailable', `Retry-After: ${new Date(Date.now() + 3_600_000).toUTCString()}`, 300],
    ['503 Service Unavailable', 'Retry-After: -1', 1],
    ['503 Service Unavailable', 'Retry-After: soon', 1],
  ])('J8: %s with %s is left alone and answered so, for 300 seconds at most', async (status, header, seconds) => {
    const server = await startRawServer(httpAnswer(status, '', [header, 'Content-Length: 0']))
    const host = await startHostAt(server)
    try {
      const response = await host.exchangeAssertion(await host.idp.issueAssertion())
      expect([response.status, server.requests.length]).toEqual([503, 1])
      expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(seconds)
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(Math.max(1, seconds - 5))
      host.clock.advance(0.9 * seconds - 0.5)
      await host.exchangeAssertion(await host.idp.issueAssertion())
      expect(server.requests.length).toBe(1)
    } finally {
      await host.close()
      await server.close()
    }
  })

  it('J8: a good key set under a certificate that nobody vouches for: a failed fetch', async () => {
    const server = createServer({ cert: EC_CERTIFICATE, key: EC_CERTIFICATE_KEY }, (_req, res) => {
      res.end(JSON.stringify({ keys: [members.good.publicJwk] }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const jwksUri = `https://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { jwksUri } })
    try {
      const assertion = await signAssertion(members.good, { alg: 'ES256' }, goodClaims(host.idp))
      await expectUnavailable(host.exchangeAssertion(assertion), host, 'jwks_unavailable')
      expect(failuresOf(host)).toEqual(['certificate_not_trusted'])
    } finally {
      await host.close()
      server.close()
    }
  })

  it('J8: the content type is not trusted, either way', async () => {
    const server = await startRawServer()
    const host = await startHostAt(server)
    try {
      server.answerWith(
        httpAnswer('200 OK', keySetOf(host), ['Content-Type: text/html; charset=utf-16', 'Connection: close']),
      )
      await expectServing(host)
    } finally {
      await host.close()
      await server.close()
    }
  })

  it.each<[name: string, body: (keys: string) => string, reason: string]>([
    ['null', () => 'null', 'not_a_key_set'],
    ['an array of keys', (keys) => keys, 'not_a_key_set'],
    ['a number', () => '1', 'not_a_key_set'],
    ['a string', () => '"keys"', 'not_a_key_set'],
    ['an empty object', () => '{}', 'not_a_key_set'],
    ['keys that are null', () => '{"keys":null}', 'not_a_key_set'],
    ['keys in an object', (keys) => `{"keys":{"0":${keys.slice(1, -1)},"length":1}}`, 'not_a_key_set'],
    ['keys as text', (keys) => JSON.stringify({ keys }), 'not_a_key_set'],
    ['keys in capitals', (keys) => `{"KEYS":${keys}}`, 'not_a_key_set'],
    ['keys under __proto__', (keys) => `{"__proto__":{"keys":${keys}}}`, 'not_a_key_set'],
    ['a single key', (keys) => keys.slice(1, -1), 'not_a_key_set'],
    ['an OpenID configuration', () => '{"issuer":"x","jwks_uri":"https://attacker.example"}', 'not_a_key_set'],
    ['no keys', () => '{"keys":[]}', 'no_usable_key'],
    ['keys in an array', (keys) => `{"keys":[${keys}]}`, 'no_usable_key'],
    ['keys as strings', (keys) => JSON.stringify({ keys: [keys.slice(1, -1)] }), 'no_usable_key'],
  ])('J9: %s: a failed fetch', async (_name, body, reason) => {
    await expectFailedFetch(
      (host) => httpAnswer('200 OK', body(JSON.stringify([host.idp.signingKey.publicJwk]))),
      reason,
    )
  })

  it.each([
    ['20 000 levels', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'not_a_key_set'],
    ['20 000 levels of keys', `{"keys":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'no_usable_key'],
    ['8000 levels in a key', `{"keys":[{"kty":"RSA","x5c":${'['.repeat(8000)}${']'.repeat(8000)}}]}`, 'no_usable_key'],
    ['8000 levels of objects', `{"keys":[${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}]}`, 'no_usable_key'],
    ['25 000 members', `{"keys":[${'1,'.repeat(25_000)}1]}`, 'no_usable_key'],
  ])('J9: %s: a failed fetch', async (_name, body, reason) => {
    const server = await startRawServer(httpAnswer('200 OK', body))
    const host = await startHostAt(server, { sizeLimitBytes: 100_000 })
    try {
      await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
      expect(failuresOf(host)).toEqual([reason])
    } finally {
      await host.close()
      await server.close()
    }
  })
})

describe('a key set with odd members', () => {
  const odd: [name: string, member: (keys: typeof members) => unknown][] = [
    ['null', () => null],
    ['a number', () => 1],
    ['a string', () => 'key'],
    ['true', () => true],
    ['an array', ({ other }) => [other.publicJwk]],
    ['an empty object', () => ({})],
    ['an unknown kty', ({ other }) => ({ ...other.publicJwk, kty: 'XYZ' })],
    ['kty AKP', () => ({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', kid: 'akp' })],
    ['kty __proto__', ({ other }) => ({ ...other.publicJwk, kty: '__proto__' })],
    ['kty constructor', ({ other }) => ({ ...other.publicJwk, kty: 'constructor' })],
    ['kty in small letters', ({ other }) => ({ ...other.publicJwk, kty: 'ec' })],
    ['kty in an array', ({ other }) => ({ ...other.publicJwk, kty: ['EC'] })],
    ['X25519', () => ({ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) })],
    ['Ed448', () => ({ kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76) })],
    ['secp256k1', ({ other }) => ({ ...other.publicJwk, crv: 'secp256k1' })],
    ['a broken point', ({ other }) => ({ ...other.publicJwk, x: 'AAAA' })],
    ['the point zero', ({ other }) => ({ ...other.publicJwk, x: 'A'.repeat(43), y: 'A'.repeat(43) })],
    ['numbers for coordinates', ({ other }) => ({ ...other.publicJwk, x: 1, y: 2 })],
    ['an n of 20 KB', ({ rsa }) => ({ ...rsa.publicJwk, n: 'A'.repeat(20_000) })],
    ['an empty n', ({ rsa }) => ({ ...rsa.publicJwk, n: '' })],
    ['no e', ({ rsa }) => ({ ...rsa.publicJwk, e: undefined })],
    ['an n that is no base64url', ({ rsa }) => ({ ...rsa.publicJwk, n: '***' })],
    ['a kid that is a number', ({ other }) => ({ ...other.publicJwk, kid: 1 })],
    ['a kid that is null', ({ other }) => ({ ...other.publicJwk, kid: null })],
    ['alg none', ({ other }) => ({ ...other.publicJwk, alg: 'none' })],
    ['alg HS256', ({ other }) => ({ ...other.publicJwk, alg: 'HS256' })],
    ['alg in an array', ({ other }) => ({ ...other.publicJwk, alg: ['ES256'] })],
    ['an x5c of another key', ({ other }) => ({ ...other.publicJwk, x5c: [x5c] })],
    ['an x5c and no key beside it', () => ({ kty: 'EC', crv: 'P-256', x5c: [x5c] })],
    ['the use of SPIFFE', ({ other }) => ({ ...other.publicJwk, use: 'jwt-svid' })],
    ['a kid of control characters', ({ other }) => ({ ...other.publicJwk, kid: '\r\n\u001b[2J\u202e', use: 'enc' })],
    ['claims under __proto__', () => JSON.parse('{"__proto__":{"kty":"EC"}}')],
  ]

  it.each(odd)('J10: %s is skipped, and the others are used', async (_name, member) => {
    await withKeySet(
      ({ idp }) => [member(members), idp.signingKey.publicJwk, member(members)],
      async (host) => {
        await expectServing(host)
        const { idp } = host
        const forged = await signAssertion(members.other, { alg: 'ES256' }, goodClaims(idp))
        await expectAssertionRefused(host, forged, 'bad_signature')
        expect(host.exchange.stats().identityProviders[0]?.kids).toEqual([idp.signingKey.kid])
      },
    )
  })

  it('J10: of 300 good members the first 100 are used', async () => {
    await withKeySet(
      ({ idp }) => [
        idp.signingKey.publicJwk,
        ...Array.from({ length: 300 }, (_, index) => ({ kty: 'EC', crv: 'P-256', x: `${index}` })),
        members.other.publicJwk,
      ],
      async (host) => {
        await expectServing(host)
        const late = await signAssertion(members.other, { alg: 'ES256', kid: members.other.kid }, goodClaims(host.idp))
        await expectAssertionRefused(host, late, 'unknown_key')
      },
    )
  })

  it('J11: a symmetric key verifies nothing', async () => {
    const secret = Buffer.from('a published secret of 32 bytes..')
    const oct = { kty: 'oct', kid: 'oct', k: secret.toString('base64url') }
    await withKeySet(
      ({ idp }) => [
        oct,
        { ...oct, alg: 'HS256' },
        { ...idp.signingKey.publicJwk, kid: 'mixed', k: oct.k },
        idp.signingKey.publicJwk,
      ],
      async (host) => {
        for (const kid of ['oct', 'mixed', undefined]) {
          const token = macToken({ alg: 'HS256', kid }, goodClaims(host.idp), secret)
          await expectAssertionRefused(host, token, 'algorithm_not_allowed')
          const renamed = macToken({ alg: 'ES256', kid }, goodClaims(host.idp), secret)
          await expectAssertionRefused(host, renamed, kid === undefined ? 'bad_signature' : 'unknown_key')
        }
        await expectServing(host)
      },
    )
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'J12: a key with the member %s is skipped and reported',
    async (name) => {
      const { rsa, other } = members
      const value = (name === 'd' ? rsa.privateJwk.d : undefined) ?? 'AQAB'
      await withKeySet(
        ({ idp }) => [
          { ...rsa.publicJwk, [name]: value },
          { ...other.publicJwk, [name]: '' },
          idp.signingKey.publicJwk,
        ],
        async (host) => {
          for (const key of [rsa, other]) {
            const token = await signAssertion(key, { alg: key.algorithm, kid: key.kid }, goodClaims(host.idp))
            await expectAssertionRefused(host, token, 'unknown_key')
          }
          const rejected = host.events.filter(({ name: event }) => event === 'jwks.key_rejected')
          expect(new Set(rejected.map(({ reason }) => reason))).toEqual(new Set(['private_or_symmetric']))
          expect(JSON.stringify(host.events)).not.toContain(value.slice(0, 40).padEnd(40))
          await expectServing(host)
        },
      )
    },
  )

  it('J13: of two keys with one kid the type chooses', async () => {
    const { rsa, other } = members
    await withKeySet(
      ({ idp }) => [{ ...rsa.publicJwk, kid: 'one' }, { ...other.publicJwk, kid: 'one' }, idp.signingKey.publicJwk],
      async (host) => {
        for (const key of [rsa, other]) {
          const token = signAssertion(key, { alg: key.algorithm, kid: 'one' }, goodClaims(host.idp))
          expect(await statusOf(host, token)).toBe(200)
        }
        const forged = await signAssertion(host.idp.signingKey, { alg: 'ES256', kid: 'one' }, goodClaims(host.idp))
        await expectAssertionRefused(host, forged, 'bad_signature')
      },
    )
  })

  it('J13: of many keys of one type with one kid five are tried, and no more', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => generateFakeKey('ES256', 'one')))
    await withKeySet(
      ({ idp }) => [...keys.map(({ publicJwk }) => publicJwk), idp.signingKey.publicJwk],
      async (host) => {
        for (const [index, key] of keys.entries()) {
          const token = await signAssertion(key, { alg: 'ES256', kid: 'one' }, goodClaims(host.idp))
          if (index < 5) expect(await statusOf(host, Promise.resolve(token))).toBe(200)
          else await expectAssertionRefused(host, token, 'bad_signature')
        }
      },
    )
  })

  it('J13: 60 RSA keys of one kid cost no time', async () => {
    const { n = '' } = members.rsa.publicJwk
    const many = Array.from({ length: 60 }, () => ({
      kty: 'RSA',
      kid: 'one',
      n,
      e: Buffer.from([1, 0, 1]).toString('base64url'),
    }))
    await withKeySet(
      ({ idp }) => [...many, idp.signingKey.publicJwk],
      async (host) => {
        const key = { ...members.rsa, algorithm: 'RS256' as const }
        const [header, claims] = (await signAssertion(key, { alg: 'RS256', kid: 'one' }, goodClaims(host.idp))).split(
          '.',
        )
        await expectAssertionRefused(host, `${header}.${claims}.${'A'.repeat(342)}`, 'bad_signature')
      },
    )
  })

  it('J14: without kid the only key is used, and of several the right one', async () => {
    for (const others of [[], [members.other.publicJwk], [members.rsa.publicJwk, members.other.publicJwk]]) {
      await withKeySet(
        ({ idp }) => [...others, idp.signingKey.publicJwk],
        async (host) => {
          expect(await statusOf(host, host.idp.issueAssertion({}, { kid: undefined }))).toBe(200)
          const stranger = await generateFakeKey('ES256')
          const forged = await signAssertion(stranger, { alg: 'ES256' }, goodClaims(host.idp))
          await expectAssertionRefused(host, forged, 'bad_signature')
        },
      )
    }
  })

  it('J14: a published key without kid is not found by any kid', async () => {
    const { kid: _, ...publicJwk } = members.other.publicJwk
    await withKeySet(
      () => [publicJwk],
      async (host) => {
        expect(await statusOf(host, signAssertion(members.other, { alg: 'ES256' }, goodClaims(host.idp)))).toBe(200)
        for (const kid of ['undefined', 'null', '']) {
          const token = await signAssertion(members.other, { alg: 'ES256', kid }, goodClaims(host.idp))
          await expectAssertionRefused(host, token, 'unknown_key')
        }
      },
    )
  })
})

describe('an endpoint under load', () => {
  async function startClocked(jwksEndpoint: JwksEndpointOptions = {}) {
    const clock = new AdjustableClock()
    clock.set(Date.now() / 1000)
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { clock, jwksEndpoint } })
    const advance = (seconds: number) => {
      clock.advance(seconds)
      clock.set(Date.now() / 1000)
    }
    return { ...host, advance }
  }

  it('J15: 60 tokens with made-up kids cause two fetches, and good tokens pass meanwhile', async () => {
    const host = await startClocked()
    try {
      await expectServing(host)
      for (let count = 0; count < 60; count += 1) {
        const token = await host.idp.issueAssertion({}, { kid: `made-up-${count}` })
        await expectInvalidGrant(host.exchangeAssertion(token), host, 'unknown_key')
        if (count % 10 === 0) await expectServing(host)
      }
      expect(host.idp.fetches).toBe(3)
      host.advance(30)
      await host.idp.rotate()
      await expectServing(host)
      expect(host.idp.fetches).toBe(4)
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J15: 60 forged signatures under a good kid cause two fetches, and a new key is found all the same', async () => {
    const host = await startClocked()
    try {
      await expectServing(host)
      for (let count = 0; count < 60; count += 1) {
        const token = await signAssertion(members.other, goodHeader(host.idp), goodClaims(host.idp))
        expect(await statusOf(host, Promise.resolve(token))).toBe(400)
      }
      expect([host.idp.fetches, host.lastReason()]).toEqual([3, 'bad_signature'])
      await host.idp.rotate()
      await expectServing(host)
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J15: 60 made-up kids at once cause three fetches in all', async () => {
    const host = await startClocked()
    try {
      const kids = Array.from({ length: 60 }, (_, index) => `made-up-${index}`)
      const statuses = await Promise.all(kids.map((kid) => statusOf(host, host.idp.issueAssertion({}, { kid }))))
      expect(new Set(statuses)).toEqual(new Set([400]))
      expect(host.idp.fetches).toBeLessThanOrEqual(3)
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J20: what is remembered of unknown kids is bounded: the latest thousand, each of any length', async () => {
    const clock = new AdjustableClock()
    const unknownKids = new UnknownKids(30_000, clock)
    const kids = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(200)}`)
    for (const kid of kids) unknownKids.add({ alg: 'ES256', kid }, currentMoment(clock))
    expect(unknownKids.size).toBe(1000)
    expect(kids.filter((kid) => unknownKids.has({ alg: 'ES256', kid }))).toEqual(kids.slice(-1000))
  })

  it('J20: one kid that is unknown costs one fetch, however often it comes', async () => {
    const host = await startClocked()
    try {
      await expectServing(host)
      for (const kid of ['__proto__', 'constructor', 'gone']) {
        host.advance(60)
        const { fetches } = host.idp
        for (let count = 0; count < 20; count += 1) {
          await expectInvalidGrant(
            host.exchangeAssertion(await host.idp.issueAssertion({}, { kid })),
            host,
            'unknown_key',
          )
        }
        expect(host.idp.fetches).toBe(fetches + 1)
      }
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J16: a dead endpoint is asked once by 20 tokens one after the other', async () => {
    const host = await startClocked()
    try {
      await host.idp.fault('error')
      for (let count = 0; count < 20; count += 1) {
        await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
      }
      expect(host.idp.fetches).toBe(1)
      for (let minute = 0; minute < 60; minute += 1) {
        host.advance(60)
        await host.exchangeAssertion(await host.idp.issueAssertion())
      }
      expect(host.idp.fetches).toBe(61)
      await host.idp.fault('off')
      host.advance(60)
      await expectServing(host)
    } finally {
      await host.close()
    }
  })

  it('J16: while it is dead, made-up kids cause no further fetch, and the old keys serve', async () => {
    const host = await startClocked({ failureBackOff: 60_000 })
    try {
      await expectServing(host)
      await host.idp.fault('error')
      for (let count = 0; count < 20; count += 1) {
        const token = await host.idp.issueAssertion({}, { kid: `made-up-${count}` })
        await expectUnavailable(host.exchangeAssertion(token), host, 'jwks_unavailable')
        await expectServing(host)
      }
      expect(host.idp.fetches).toBe(2)
    } finally {
      await host.close()
    }
  })

  it('J17: a withdrawn key is refused as soon as a key set without it is there', async () => {
    const host = await startClocked()
    try {
      const old = host.idp.signingKey
      await expectServing(host)
      await host.idp.rotate()
      host.idp.withdraw(old.kid)
      const byOld = () => signAssertion(old, { alg: 'ES256', kid: old.kid }, goodClaims(host.idp))
      await expectServing(host)
      await expectAssertionRefused(host, await byOld(), 'unknown_key')
      const withoutKid = await signAssertion(old, { alg: 'ES256' }, goodClaims(host.idp))
      await expectAssertionRefused(host, withoutKid, 'bad_signature')
      expect(host.exchange.stats().identityProviders[0]?.kids).toEqual([host.idp.signingKey.kid])
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J17: a withdrawn key is refused when the cached key set ends, though nothing else was asked for', async () => {
    const host = await startClocked()
    try {
      const old = host.idp.signingKey
      await expectServing(host)
      await host.idp.rotate()
      host.idp.withdraw(old.kid)
      host.advance(CACHED_FOR)
      const token = await signAssertion(old, { alg: 'ES256', kid: old.kid }, goodClaims(host.idp))
      await expectAssertionRefused(host, token, 'unknown_key')
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J18: requests at once to endpoints that fail in every way are all answered', async () => {
    const answers: RawAnswer[] = [
      '',
      httpAnswer('500 No'),
      () => {},
      (socket) => socket.resetAndDestroy(),
      httpAnswer('200 OK', '{'),
    ]
    const servers = await Promise.all(answers.map((answer) => startRawServer(answer)))
    const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    const names = servers.map((_, index) => `https://failing-${index}.example.com`)
    const host = await startHostOfMany(
      idp,
      [
        { name: idp.name, allowedSubjects: 'any' as const, jwksUri: idp.jwksUri },
        ...names.map((name, index) => ({ name, allowedSubjects: 'any' as const, jwksUri: servers[index]?.url ?? '' })),
      ],
      { jwksEndpoint: QUICK },
    )
    try {
      const send = (iss: string) => statusOf(host, idp.issueAssertion({ iss }))
      const failing = [...names, ...names, ...names].map(send)
      const good = Array.from({ length: 5 }, () => send(idp.name))
      expect(await Promise.all(failing)).toEqual(Array(15).fill(503))
      expect(await Promise.all(good)).toEqual(Array(5).fill(200))
      // A connection that was closed or reset is tried once more within the same fetch, as no keys are at hand.
      expect(servers.map((server) => server.requests.length)).toEqual([2, 1, 1, 2, 1])
    } finally {
      await closeUnharmed(host)
      for (const server of servers) await server.close()
    }
  })

  it('J18: closing the exchange during a fetch answers those who wait', async () => {
    const server = await startRawServer(() => {})
    const host = await startHostAt(server, { readTimeout: 10_000 })
    try {
      const waiting = host.exchangeAssertion(await host.idp.issueAssertion())
      while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      host.exchange.close()
      await expectUnavailable(waiting, host, 'jwks_unavailable')
    } finally {
      await host.close()
      await server.close()
    }
  })

  it('J19: old keys serve while the endpoint is down, and end at the bound', async () => {
    const host = await startClocked()
    try {
      await expectServing(host)
      await host.idp.fault('down')
      for (const seconds of [CACHED_FOR, STALE_FOR / 2, STALE_FOR / 2 - 10]) {
        host.advance(seconds)
        await expectServing(host)
      }
      host.advance(10)
      await expectUnavailable(host.exchangeAssertion(await host.idp.issueAssertion()), host, 'jwks_unavailable')
      expect(host.exchange.stats().identityProviders[0]?.state).toBe('down')
    } finally {
      await host.close()
    }
  })
})

describe('what the public can read', () => {
  it('J21: neither key set, metadata nor any error names an identity provider or a secret', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256', name: 'https://secret-idp.example.com' } })
    try {
      await expectServing(host)
      const gets = [
        '/oauth2/jwks',
        '/.well-known/oauth-authorization-server/oauth2',
        '/oauth2/token',
        '/oauth2',
        '/oauth2/health',
        '/oauth2/stats',
        '/.well-known/oauth-authorization-server',
        '/me',
        '/orders',
        '/whoami',
      ]
      for (const path of gets) {
        for (const method of ['get', 'post', 'delete', 'options'] as const) {
          const { status, text, headers } = await request(host.url)[method](path)
          expect([path, method, status < 500]).toEqual([path, method, true])
          expect(`${text} ${JSON.stringify(headers)}`).not.toMatch(
            /secret-idp|app-secret|127\.0\.0\.1:\d+\/jwks|"d":|clientSecret/,
          )
        }
      }
    } finally {
      await closeUnharmed(host)
    }
  })

  it('J21: our key set has public members only', async () => {
    const host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    try {
      const { body } = await request(host.url).get('/oauth2/jwks')
      expect(body.keys.map((key: object) => Object.keys(key).sort())).toEqual([
        ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ])
    } finally {
      await closeUnharmed(host)
    }
  })
})
