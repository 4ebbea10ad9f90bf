import { createPublicKey, verify } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type FakeKey, generateFakeKey, signAssertion } from '../../../src/testing/index.js'
import { goodClaims, joinParts } from '../../support/forged-jwt.js'
import { generatePair } from '../../support/generate-pair.js'
import { startTlsHost, startTlsServer, type TlsHost, type TlsServer } from '../../support/tls-host.js'

const LIMIT = 4096
const PATIENT = { connectionTimeout: 2000, readTimeout: 10_000, sizeLimitBytes: LIMIT, failureBackOff: 20 }

let host: TlsHost
let server: TlsServer
let rsa: FakeKey
beforeAll(async () => {
  rsa = await generateFakeKey('RS256')
})
afterEach(async () => {
  await host.close()
  await server.close()
})

async function startHostAt(answer: RequestListener, settings: object = {}): Promise<void> {
  server = await startTlsServer(answer)
  host = await startTlsHost({ jwksEndpoint: { ...PATIENT, ...settings }, identityProvider: { jwksUri: server.url } })
}

const goodSet = () => JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })
/** The good key set, with white space to this many bytes. */
const paddedTo = (bytes: number) => goodSet().padEnd(bytes, ' ')
const deep = (levels: number) => `{"keys":[${'['.repeat(levels)}${']'.repeat(levels)}]}`

function sendEndlessly(write: (chunk: string) => boolean, chunk: string, interval: number): () => void {
  const timer = setInterval(() => write(chunk), interval)
  return () => clearInterval(timer)
}

describe('an answer that is no key set', () => {
  it.each<[string, RequestListener, string]>([
    [
      'declares one byte more than the limit',
      (_, res) => res.writeHead(200, { 'content-length': LIMIT + 1 }).end(paddedTo(LIMIT + 1)),
      'too_large',
    ],
    [
      'has one byte more than the limit, in chunks',
      (_, res) => {
        res.write(paddedTo(LIMIT))
        res.end(' ')
      },
      'too_large',
    ],
    [
      'never ends',
      (_, res) => {
        res.once(
          'close',
          sendEndlessly((chunk) => res.write(chunk), ' '.repeat(1000), 1),
        )
      },
      'too_large',
    ],
    [
      'comes byte by byte',
      (_, res) => {
        res.once(
          'close',
          sendEndlessly((chunk) => res.write(chunk), ' ', 20),
        )
      },
      'read_timeout',
    ],
    ['never begins', () => {}, 'read_timeout'],
    [
      'is compressed, though small',
      (_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(goodSet())),
      'unexpected_encoding',
    ],
    [
      'is said to be compressed in a way that nobody knows',
      (_, res) => res.writeHead(200, { 'content-encoding': 'x-unheard-of' }).end(goodSet()),
      'unexpected_encoding',
    ],
    ['leads elsewhere', (_, res) => res.writeHead(302, { location: 'https://127.0.0.1/' }).end(), 'redirected'],
    ['leads to itself', (_, res) => res.writeHead(307, { location: '/jwks' }).end(), 'redirected'],
    ['is a login page', (_, res) => res.end('<html>'), 'not_json'],
    ['is JSON of another kind', (_, res) => res.end('[]'), 'not_a_key_set'],
    ['has no keys that could be read', (_, res) => res.end(deep(1500)), 'no_usable_key'],
    ['is an empty set', (_, res) => res.end('{"keys":[]}'), 'no_usable_key'],
    ['is an error with a good set in it', (_, res) => res.writeHead(500).end(goodSet()), 'unexpected_status'],
    ['says that it has not changed, to a first request', (_, res) => res.writeHead(304).end(), 'redirected'],
  ])('costs one request when it %s', async (_, answer, reason) => {
    await startHostAt(answer, reason === 'read_timeout' ? { readTimeout: 250 } : {})
    const { status } = await host.tryExchange()
    expect(host.eventsOf('jwks.failed').map((event) => event.reason)).toEqual([reason])
    expect([status, server.seen.requests]).toEqual([503, 1])
  })

  it('is asked for once more when it stops half way', async () => {
    await startHostAt((_, res) => {
      res.writeHead(200, { 'content-length': 1000 })
      res.write('{"keys":[')
      setTimeout(() => res.socket?.end(), 20)
    })
    expect([(await host.tryExchange()).status, server.seen.requests]).toEqual([503, 2])
    expect(host.eventsOf('jwks.failed')).toMatchObject([{ reason: 'read_failed', code: 'ECONNRESET' }])
  })

  it('never replaces a good key set', async () => {
    await startHostAt((_, res) => res.end(goodSet()))
    expect((await host.tryExchange()).status).toBe(200)
    for (const body of ['{"keys":[]}', '{}', '', deep(1500), JSON.stringify({ keys: [{ kty: 'oct', k: 'AA' }] })]) {
      server.answerWith((_, res) => res.end(body))
      await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
      expect((await host.tryExchange()).status).toBe(200)
    }
    expect(host.stats().kids).toEqual([host.idp.signingKey.kid])
  })

  it('costs one request when hints come without end, and none of the time that there would be', async () => {
    await startHostAt((_, res) => {
      res.once(
        'close',
        sendEndlessly(
          () => {
            for (let count = 0; count < 20; count += 1) res.writeEarlyHints({ link: '</a>; rel=preload' })
            return true
          },
          '',
          1,
        ),
      )
    })
    const { status, milliseconds } = await host.tryExchange()
    expect([status, host.stats().lastFailure?.reason]).toEqual([503, 'read_failed'])
    expect(milliseconds).toBeLessThan(PATIENT.readTimeout / 2)
  })

  it.each<[string, RequestListener]>([
    ['it begins with a byte order mark', (_, res) => res.end(`\ufeff${goodSet()}`)],
    ['its encoding is said to be nothing', (_, res) => res.writeHead(200, { 'content-encoding': '' }).end(goodSet())],
    ['it says nothing of its type', (_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(goodSet())],
  ])('is a good one though %s', async (_, answer) => {
    await startHostAt(answer)
    expect((await host.tryExchange()).status).toBe(200)
  })

  it('is none at the limit to the byte: that is a good one', async () => {
    await startHostAt((_, res) => res.end(paddedTo(LIMIT)))
    expect((await host.tryExchange()).status).toBe(200)
  })
})

describe('a member of a key set that cannot be used', () => {
  const ed = () => ({ ...generatePair('ed25519').publicKey.export({ format: 'jwk' }) })
  const small = () => ({ ...generatePair('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) })
  const huge = () => ({ kty: 'RSA', e: 'AQAB', n: Buffer.alloc(1040, 0xab).toString('base64url') })

  it.each<[string, () => object | number | null, string]>([
    ['of a type that nobody knows', () => ({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }), 'unsupported_algorithm'],
    ['for key agreement', () => ({ kty: 'OKP', crv: 'X25519', x: ed().x }), 'unsupported_key_type'],
    ['for encryption', () => ({ ...rsa.publicJwk, use: 'enc' }), 'not_for_signatures'],
    ['whose operations are others', () => ({ ...rsa.publicJwk, key_ops: ['wrapKey'] }), 'not_for_signatures'],
    ['of one type for the algorithm of another', () => ({ ...rsa.publicJwk, alg: 'ES256' }), 'algorithm_mismatch'],
    ['of 1024 bits', small, 'rsa_too_small'],
    ['without its modulus', () => ({ kty: 'RSA', e: 'AQAB' }), 'invalid_key'],
    ['whose modulus is text', () => ({ ...rsa.publicJwk, n: 'LS0t'.repeat(100) }), 'invalid_key'],
    ['whose modulus is even', () => ({ ...rsa.publicJwk, n: `${rsa.publicJwk.n?.slice(0, -2)}AA` }), 'invalid_key'],
    ['of 8320 bits', huge, 'rsa_too_large'],
    ['with the exponent 1', () => ({ ...rsa.publicJwk, e: 'AQ' }), 'rsa_exponent_too_small_or_even'],
    [
      'off the curve',
      () => ({ ...host.idp.signingKey.publicJwk, kid: 'off', y: host.idp.signingKey.publicJwk.x }),
      'invalid_key',
    ],
    ['that is symmetric', () => ({ kty: 'oct', k: 'c2VjcmV0' }), 'private_or_symmetric'],
    ['that is private', () => rsa.privateJwk, 'private_or_symmetric'],
    ['that is no object', () => 7, 'not_an_object'],
    ['that is null', () => null, 'not_an_object'],
    ['whose kid is a number', () => ({ ...rsa.publicJwk, kid: 1 }), 'invalid_kid'],
  ])('%s is skipped with a warning, and the good key is used', async (_, member, reason) => {
    await startHostAt((_req, res) => res.end(JSON.stringify({ keys: [member(), host.idp.signingKey.publicJwk] })))
    expect((await host.tryExchange()).status).toBe(200)
    expect(host.eventsOf('jwks.key_rejected').map((event) => event.reason)).toEqual([reason])
    expect(host.stats().kids).toEqual([host.idp.signingKey.kid])
  })

  it('of small order is skipped, so that nobody passes who signed nothing', async () => {
    await startHostAt((_, res) => res.end(JSON.stringify({ keys: [weak, host.idp.signingKey.publicJwk] })))
    const weak = { kty: 'OKP', crv: 'Ed25519', kid: 'weak', x: 'A'.repeat(43) }
    const key = createPublicKey({ key: weak, format: 'jwk' })
    const signature = Buffer.concat([Buffer.of(1), Buffer.alloc(63)]) // R = identity, S = 0.
    const header = { alg: 'EdDSA', kid: weak.kid }
    const forgeries = Array.from({ length: 200 }, (_, jti) =>
      joinParts(header, { ...goodClaims(host.idp), jti: `forged ${jti}` }, signature),
    )
    const isVerified = (jwt: string) => verify(null, Buffer.from(jwt.slice(0, jwt.lastIndexOf('.'))), key, signature)
    const forgery = forgeries.find(isVerified) ?? forgeries[0] // Node 24 verifies none.
    expect((await host.exchangeAssertion(String(forgery))).status).toBe(400)
    expect(host.lastReason()).toBe('unknown_key')
  })

  it('is told of once while the key set stays the same, and again when it changes', async () => {
    let members: unknown[] = []
    await startHostAt((_, res) => res.end(JSON.stringify({ keys: members })))
    members = [{ ...rsa.publicJwk, use: 'enc' }, host.idp.signingKey.publicJwk]
    for (const told of [1, 1, 1]) {
      await host.exchange.refreshKeys(host.idp.name)
      expect(host.eventsOf('jwks.key_rejected')).toHaveLength(told)
    }
    members = [...members, null]
    await host.exchange.refreshKeys(host.idp.name)
    expect(host.eventsOf('jwks.key_rejected')).toHaveLength(3)
  })
})

describe('many keys', () => {
  it('under one kid are all tried, up to five', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => generateFakeKey('ES256', 'same')))
    const last = await generateFakeKey('ES256', 'same')
    const keys = [...others, last].map(({ publicJwk }) => publicJwk)
    await startHostAt((_, res) =>
      res.end(JSON.stringify({ keys: [rsa.publicJwk, { ...rsa.publicJwk, kid: 'same' }, ...keys] })),
    )
    const assertion = await signAssertion(last, { alg: 'ES256', kid: 'same' }, goodClaims(host.idp))
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it('by the thousand cost a hundred reads: those after the hundredth are not used, which is told', async () => {
    server = await startTlsServer((_, res) => {
      const { publicJwk } = host.idp.signingKey
      res.end(
        JSON.stringify({
          keys: [publicJwk, ...Array.from({ length: 3000 }, (__, n) => ({ ...publicJwk, kid: `${n}` }))],
        }),
      )
    })
    host = await startTlsHost({
      jwksEndpoint: { sizeLimitBytes: 1_048_576 },
      identityProvider: { jwksUri: server.url },
    })
    const { status, milliseconds } = await host.tryExchange()
    expect([status, host.stats().kids.length]).toEqual([200, 100])
    expect(milliseconds).toBeLessThan(5000)
    expect(host.eventsOf('jwks.key_set_cut')).toMatchObject([{ keys: 3001, maxKeys: 100, endpoint: server.url }])
    expect(host.stats().cut).toEqual({ keys: 3001, maxKeys: 100 })
  })

  it('without an end in depth cost no stack: half a million levels are a failed fetch', async () => {
    server = await startTlsServer((_, res) => res.end(deep(500_000)))
    host = await startTlsHost({
      jwksEndpoint: { sizeLimitBytes: 1_048_576 },
      identityProvider: { jwksUri: server.url },
    })
    expect((await host.tryExchange()).status).toBe(503)
    expect(host.eventsOf('jwks.failed').map(({ reason }) => reason)).toEqual(['no_usable_key'])
  })
})
