import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { describeFetchFailure, hintOfSignatureForm } from '../../../src/explain/key-hints.js'
import { hintOfShape } from '../../../src/explain/shape-hints.js'
import type { FetchFailure } from '../../../src/guarded-fetch/fetch-error.js'
import { parseJwt, type UnverifiedJwt } from '../../../src/jwt/parse-jwt.js'

const URL_OF_KEYS = 'https://idp.example.com/keys'
const PRINTABLE = /^[\x20-\x7E]{1,200}$/
const encode = (text: string | Buffer) => Buffer.from(text).toString('base64url')

function reasonOf(token: string): string | undefined {
  try {
    parseJwt(token, 100_000)
    return undefined
  } catch (error) {
    return (error as { reason: string }).reason
  }
}

describe('the hint for a failed fetch', () => {
  it.each<[Partial<FetchFailure>, string]>([
    [
      { reason: 'read_timeout' },
      `read_timeout: ${URL_OF_KEYS}; raise readTimeout (read_timeout), or make the endpoint faster`,
    ],
    [
      { reason: 'connection_timeout' },
      `connection_timeout: ${URL_OF_KEYS}; raise connectionTimeout (connection_timeout), or open the firewall`,
    ],
    [
      { reason: 'connection_failed', code: 'ENOTFOUND' },
      `connection_failed ENOTFOUND: ${URL_OF_KEYS}; the host name is unknown: correct jwksUri (jwks_uri), or name if discovery is true`,
    ],
    [
      { reason: 'connection_failed', code: 'EWHATEVER' },
      `connection_failed EWHATEVER: ${URL_OF_KEYS}; correct jwksUri (jwks_uri), or set proxy`,
    ],
    [
      { reason: 'unexpected_status', code: '403' },
      `unexpected_status 403: ${URL_OF_KEYS}; the endpoint requires credentials, or refuses those sent: set headers, or allow anonymous reading there`,
    ],
    [
      { reason: 'metadata_of_another_issuer', detail: 'its issuer is https://else.example.com' },
      `metadata_of_another_issuer: ${URL_OF_KEYS}; its issuer is https://else.example.com; make name the same, if this is the right identity provider`,
    ],
  ])('has the URL, what was found and the option to change: %j', (failure, hint) => {
    expect(describeFetchFailure({ reason: '', url: URL_OF_KEYS, ...failure })).toBe(hint)
  })

  it.each([
    ...['request_headers_failed', 'address_not_allowed', 'proxy_refused', 'connection_timeout', 'connection_failed'],
    ...['certificate_not_trusted', 'read_timeout', 'read_failed', 'too_large', 'redirected', 'unexpected_status'],
    ...['unexpected_encoding', 'not_json', 'not_a_key_set', 'not_metadata', 'metadata_of_another_issuer'],
    ...['no_usable_key', 'bearer_token_file_failed'],
  ])('says what to do about %s', (reason) => {
    expect(describeFetchFailure({ reason })).toMatch(new RegExp(`^${reason}; .{10,}`))
  })

  it('keeps the advice, however long the rest is', () => {
    const failure = { reason: 'read_timeout', url: `https://${'x'.repeat(500)}`, detail: 'y'.repeat(500) }
    const hint = describeFetchFailure(failure)
    expect(hint).toMatch(/raise readTimeout \(read_timeout\)/)
    expect(hint).toMatch(PRINTABLE)
  })

  it.each(['constructor', '__proto__', 'toString'])('reads no member of a prototype: %s', (name) => {
    expect(describeFetchFailure({ reason: 'read_failed', code: name })).toMatch(/; the connection ended early/)
  })
})

describe('the hint for a malformed assertion', () => {
  const json = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.constantFrom(
      '{"a":1,"a":2}',
      '{"a":{"b":1,"b":2}}',
      '[',
      '{"a":"\\u',
      '\uFEFF{}',
      '',
      '"a"',
      `${'['.repeat(40)}1`,
    ),
    fc
      .record({ alg: fc.jsonValue(), kid: fc.jsonValue(), typ: fc.jsonValue() }, { requiredKeys: [] })
      .map((header) => JSON.stringify(header)),
  )
  const part = fc.oneof(
    json.map(encode),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => encode(Buffer.from(bytes))),
    fc.string({ maxLength: 12 }),
  )
  const token = fc.oneof(
    fc.tuple(part, part, part).map((parts) => parts.join('.')),
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.string(),
  )

  it('is there for whatever is refused as malformed, and is short and printable text', () => {
    fc.assert(
      fc.property(token, (text) => {
        if (reasonOf(text) !== 'malformed_jwt') return
        const hint = hintOfShape('malformed_jwt', text)
        expect([text, typeof hint]).toEqual([text, 'string'])
        expect(hint).toMatch(/^[^\n]{1,300}$/)
      }),
      { numRuns: 1500 },
    )
  }, 60_000)

  it('names a member that is there twice only if it is', () => {
    const members = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.json({ maxDepth: 2 })), { maxLength: 6 })
    fc.assert(
      fc.property(members, (written) => {
        const text = `{${written.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
        const token = `${encode('{"alg":"ES256"}')}.${encode(text)}.AAAA`
        const isTwice = new Set(written.map(([name]) => name)).size < written.length
        const hint = reasonOf(token) === undefined ? 'none' : hintOfShape('malformed_jwt', token)
        expect(hint).toMatch(isTwice ? /^the payload has ".*" twice: each name may occur only once$/ : /^none$/)
      }),
      { numRuns: 1500 },
    )
  }, 60_000)

  it('is found within the time of a test in a long text', () => {
    const texts = ['"'.repeat(99_000), `{"a":"${'\\"'.repeat(30_000)}"`, '['.repeat(70_000), ' '.repeat(99_000)]
    for (const text of texts) {
      expect(typeof hintOfShape('malformed_jwt', `${encode('{"alg":"ES256"}')}.${encode(text)}.AAAA`)).toBe('string')
      expect(typeof hintOfShape('malformed_jwt', text)).toBe('string')
    }
  })
})

describe('the hint for the form of a signature', () => {
  const hintOf = (alg: string, signature: Buffer) =>
    hintOfSignatureForm({ header: { alg }, signature } as unknown as UnverifiedJwt)
  const der = (size: number) => {
    const half = Buffer.concat([Buffer.from([2, size]), Buffer.alloc(size, 1)])
    const body = Buffer.concat([half, half])
    return Buffer.concat([Buffer.from(body.length > 127 ? [48, 129, body.length] : [48, body.length]), body])
  }

  it.each<[string, number, number]>([
    ['ES256', 32, 70],
    ['ES256', 33, 72],
    ['ES384', 48, 102],
    ['ES384', 49, 104],
    ['ES512', 65, 137],
    ['ES512', 66, 139],
  ])('recognises DER of %s with integers of %i bytes', (alg, size, length) => {
    expect(der(size)).toHaveLength(length)
    expect(hintOf(alg, der(size))).toMatch(/^the signature is in DER, as OpenSSL and Java make it: /)
  })

  it.each<[string, number]>([
    ['ES256', 64],
    ['ES384', 96],
    ['ES512', 132],
    ['EdDSA', 64],
    ['Ed25519', 64],
    ['RS256', 256],
    ['PS512', 1024],
  ])('says nothing of a signature by %s of %i bytes, even if it begins as DER does', (alg, length) => {
    expect(hintOf(alg, Buffer.alloc(length))).toBeUndefined()
    const like = Buffer.alloc(length)
    like.set([48, length - 2, 2])
    expect(hintOf(alg, like)).toBeUndefined()
  })

  it.each<[string, Buffer]>([
    ['EdDSA', der(32)],
    ['ES256', Buffer.alloc(70)],
    ['ES256', Buffer.from([48, 68, 2])],
    ['RS256', Buffer.alloc(255)],
    ['ES256', Buffer.alloc(0)],
  ])('says how long another signature by %s is', (alg, signature) => {
    expect(hintOf(alg, signature)).toMatch(new RegExp(`^the signature has ${signature.length} bytes, but ${alg} has `))
  })
})
