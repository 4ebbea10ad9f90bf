import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import { fetchJwks } from '../../../src/jwks/fetch-jwks.js'
import { fetchMetadata } from '../../../src/jwks/fetch-metadata.js'
import { describeSkipped } from '../../../src/verification-keys/key-set.js'

const LIMITS = { connectionTimeout: 2000, readTimeout: 2000, sizeLimitBytes: 65_536 }
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const JWK = { kty: 'RSA', kid: 'a', n: 'AQAB', e: 'AQAB', d: 'the private part' }
const ISSUER = 'https://idp.example.com'

let server: Server
let origin: string
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => void server.close())

/** What is said of the failure of one fetch. */
async function failureOf(answer: RequestListener, document: 'keys' | 'metadata' = 'keys') {
  server.removeAllListeners('request').on('request', answer)
  const fetch = {
    endpoint: new URL(`${origin}/document?v=1`),
    limits: LIMITS,
    connection: DIRECT_CONNECTION,
    totalTimeout: 60_000,
    now: 0,
  }
  const { signal } = new AbortController()
  const fetching = document === 'keys' ? fetchJwks(fetch, signal) : fetchMetadata({ ...fetch, issuer: ISSUER }, signal)
  const error = await fetching.then(
    () => undefined,
    (reason: unknown) => reason as JwksFetchError,
  )
  return error?.describe()
}
const send = (document: unknown): RequestListener => {
  return (_, res) => void res.end(typeof document === 'string' ? document : JSON.stringify(document))
}
const redirect = (location: string): RequestListener => {
  return (_, res) => void res.writeHead(302, { location }).end()
}

describe('the failure of a fetch', () => {
  it('names the URL that was requested', async () => {
    expect(await failureOf((_, res) => void res.writeHead(403).end())).toEqual({
      reason: 'unexpected_status',
      code: '403',
      url: `${origin}/document?v=1`,
    })
    expect((await failureOf((req) => void req.socket.destroy()))?.url).toBe(`${origin}/document?v=1`)
  })

  it.each<[string, () => string, () => string]>([
    ['absolute', () => 'https://new.example.com/keys', () => 'https://new.example.com/keys'],
    ['relative', () => '/elsewhere', () => `${origin}/elsewhere`],
    [
      'with a query, which may hold secrets',
      () => 'https://sso.example.com/login?state=secret',
      () => 'https://sso.example.com/login?...',
    ],
    ['with user info', () => 'https://user:secret@new.example.com/', () => 'https://new.example.com/'],
  ])('names the target of a redirect: %s', async (_, location, target) => {
    expect(await failureOf(redirect(location()))).toMatchObject({
      reason: 'redirected',
      code: '302',
      detail: `it leads to ${target()}`,
    })
  })

  it.each<[string, RequestListener]>([
    ['no target', (_, res) => void res.writeHead(304).end()],
    ['a target that is not a URL', redirect('http://[')],
  ])('says nothing of a redirect with %s', async (_, answer) => {
    expect(await failureOf(answer)).toMatchObject({ reason: 'redirected' })
    expect(await failureOf(answer)).not.toHaveProperty('detail')
  })

  it.each<[string, unknown, string]>([
    [
      'a discovery document',
      { issuer: ISSUER, jwks_uri: `${ISSUER}/keys?appid=1` },
      `it is a discovery document: use discovery, or its jwks_uri as jwksUri: ${ISSUER}/keys?appid=1`,
    ],
    [
      'a discovery document with a password',
      { jwks_uri: 'https://user:secret@idp.example.com/keys' },
      `it is a discovery document: use discovery, or its jwks_uri as jwksUri: ${ISSUER}/keys`,
    ],
    ['metadata without keys', { token_endpoint: ISSUER }, 'it is a discovery document without a jwks_uri'],
    [
      'a map of kids to certificates',
      { kid1: PEM, kid2: PEM },
      'it is a map of kids to PEM text: use the URL of the JWK set',
    ],
    ['a bare array of keys', [JWK], 'it is a bare array of keys: they must be in { "keys": [...] }'],
    ['one single key', JWK, 'it is a single key (JWK): it must be in { "keys": [...] }'],
    ['an array', [], 'it is an array'],
    ['null', null, 'it is JSON, but not an object: null'],
    ['a number', 5, 'it is JSON, but not an object: a number'],
    ['keys that are an object', { keys: { a: JWK } }, 'its member "keys" is not an array: an object'],
    ['keys that are null', { keys: null }, 'its member "keys" is not an array: null'],
    ['an empty object', {}, 'it is an empty object'],
    [
      'another object',
      { error: 'secret', message: 'secret' },
      'it is an object without "keys"; its members: error, message',
    ],
  ])('says what a document is that is not a key set: %s', async (_, document, detail) => {
    expect(await failureOf(send(document))).toMatchObject({ reason: 'not_a_key_set', detail })
  })

  it.each<[string, string, string]>([
    ['nothing', ' ', 'it is empty'],
    ['a page', '\n<!DOCTYPE html><p>secret', 'it looks like an HTML page, such as a login page'],
    ['XML', '<?xml version="1.0"?>', 'it looks like XML, such as SAML metadata: use the URL of the JWK set'],
    ['PEM', PEM, 'it is PEM text: use the URL of the JWK set, or the option certificates'],
    ['a JWT', 'eyJhbGciOiJub25lIn0.e30.', 'it looks like a JWT: a signed key set is not supported'],
    ['JSON that is cut off', '{"keys":[', 'it begins like a JSON object, but is malformed or cut off'],
    ['a text', 'secret', 'it is not JSON'],
  ])('says what a text looks like that is not JSON, and quotes nothing of it: %s', async (_, text, detail) => {
    expect(await failureOf(send(text))).toMatchObject({ reason: 'not_json', detail })
  })

  it.each<[string, unknown, string, string]>([
    [
      'another issuer',
      { issuer: 'https://else.example.com', jwks_uri: 'https://a.example' },
      'metadata_of_another_issuer',
      'its issuer is https://else.example.com',
    ],
    ['no issuer', { jwks_uri: 'https://a.example' }, 'not_metadata', 'it has no issuer'],
    ['no jwks_uri', { issuer: ISSUER }, 'not_metadata', 'it has no jwks_uri'],
    [
      'a jwks_uri without TLS',
      { issuer: ISSUER, jwks_uri: 'http://idp.example.com/keys' },
      'not_metadata',
      'its jwks_uri is not an https URL without user info: http://idp.example.com/keys',
    ],
    [
      'a jwks_uri with a password',
      { issuer: ISSUER, jwks_uri: 'https://user:secret@idp.example.com/keys' },
      'not_metadata',
      `its jwks_uri is not an https URL without user info: ${ISSUER}/keys`,
    ],
    [
      'a jwks_uri that is not a URL',
      { issuer: ISSUER, jwks_uri: 'keys' },
      'not_metadata',
      'its jwks_uri is not an https URL without user info: not a URL',
    ],
    ['a key set', { keys: [] }, 'not_metadata', 'it is a key set: use its URL as jwksUri, without discovery'],
    ['an array', [], 'not_metadata', 'it is an array'],
    ['an inherited issuer', '{"__proto__":{"issuer":"https://idp.example.com"}}', 'not_metadata', 'it has no issuer'],
  ])('says what is wrong with metadata: %s', async (_, document, reason, detail) => {
    expect(await failureOf(send(document), 'metadata')).toMatchObject({ reason, detail })
  })

  it('never holds a value of a document that may be secret', async () => {
    for (const document of [JWK, [JWK], { keys: JWK }, { a: 'secret' }, 'secret', { issuer: { a: 'secret' } }]) {
      for (const kind of ['keys', 'metadata'] as const) {
        expect(JSON.stringify(await failureOf(send(document), kind))).not.toMatch(/secret|the private part/)
      }
    }
  })

  it.each<[string, RequestListener, 'keys' | 'metadata']>([
    ['a redirect', redirect(`https://a.example/${'x'.repeat(5000)}%1B[2J`), 'keys'],
    ['members', send({ [`\u001B[2J\u202E${'x'.repeat(5000)}`]: 1 }), 'keys'],
    ['a jwks_uri', send({ jwks_uri: `https://a.example/\u001B[2J${'x'.repeat(5000)}` }), 'keys'],
    ['an issuer', send({ issuer: `\u001B[2J\u2028${'x'.repeat(5000)}` }), 'metadata'],
  ])('is printable and bounded, even if the endpoint is hostile: %s', async (_, answer, kind) => {
    expect((await failureOf(answer, kind))?.detail).toMatch(/^[\x20-\x7E]{100,200}$/)
  })
})

describe('a key set of which nothing is usable', () => {
  it.each<[string, { kid?: string; skipped: string }[], string]>([
    ['an empty one', [], 'the key set is empty'],
    [
      'two keys',
      [{ kid: 'a', skipped: 'not_for_signatures' }, { skipped: 'rsa_too_small' }],
      'every key is skipped: a: not_for_signatures; without kid: rsa_too_small',
    ],
    [
      'seven keys',
      Array.from({ length: 7 }, (_, index) => ({ kid: `k${index}`, skipped: 'x' })),
      'every key is skipped: k0: x; k1: x; k2: x; k3: x; k4: x; and 2 more',
    ],
  ])('is described by the first five keys and their reasons: %s', (_, skipped, detail) => {
    expect(describeSkipped(skipped)).toBe(detail)
  })

  it('is described in printable text, even if a kid is hostile', () => {
    const detail = describeSkipped([{ kid: `\u001B[2J${'k'.repeat(5000)}`, skipped: 'invalid_key' }])
    expect(new JwksFetchError('no_usable_key', { detail }).detail).toMatch(/^[\x20-\x7E]{60,200}$/)
  })

  it('names the other keys after one with a long kid', () => {
    const skipped = [
      { kid: 'k'.repeat(256), skipped: 'x' },
      { kid: 'b', skipped: 'invalid_key' },
    ]
    expect(describeSkipped(skipped)).toMatch(/^every key is skipped: k{40}\.\.\.: x; b: invalid_key$/)
  })
})
