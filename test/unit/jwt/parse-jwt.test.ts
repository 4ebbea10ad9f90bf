import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isTokenRejected } from '../../../src/errors/rejections.js'
import { parseJws, parseJwt, parsePayload } from '../../../src/jwt/parse-jwt.js'

const LIMIT = 32_768
const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
const jwt = (header: unknown, payload: unknown, signature = 'c2ln') =>
  `${encode(header)}.${encode(payload)}.${signature}`

/** The reason for which it is rejected, or 'read'. */
function outcomeOf(token: string, maxBytes = LIMIT): string {
  try {
    parseJwt(token, maxBytes)
    return 'read'
  } catch (error) {
    if (isTokenRejected(error)) return error.reason
    throw error
  }
}

describe('a JWT', () => {
  it('is parsed into its parts', () => {
    const token = jwt({ alg: 'RS256', kid: 'k', typ: 'JWT', x5t: 'ignored' }, { iss: 'i', n: [1] })
    expect(parseJwt(token, LIMIT)).toEqual({
      header: { alg: 'RS256', kid: 'k', typ: 'JWT' },
      payload: { iss: 'i', n: [1] },
      encodedPayload: token.split('.')[1],
      signingInput: token.slice(0, token.lastIndexOf('.')),
      signature: Buffer.from('sig'),
      compact: token,
    })
    expect(parseJwt(jwt({ alg: 'x' }, {}), LIMIT)).toMatchObject({ header: { alg: 'x' }, payload: {} })
  })

  it('is read or rejected for one of three reasons, for any text', () => {
    const part = fc.oneof(fc.string(), fc.json().map(encode), fc.object().map(encode), fc.base64String())
    const almost = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.'))
    const wellMade = fc
      .tuple(fc.object(), fc.object(), fc.base64String())
      .map(([header, payload, signature]) => jwt({ alg: 'RS256', ...header }, payload, signature))
    const text = fc.oneof(fc.string({ unit: 'binary' }), almost, wellMade)
    const outcomes = ['read', 'too_large', 'malformed_jwt', 'unsupported_header']
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 400 }), (token, limit) => {
        expect(outcomes).toContain(outcomeOf(token, limit))
      }),
      { numRuns: 500 },
    )
  })

  it('gives back any claims', () => {
    const claims = fc
      .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
      .map((value) => JSON.parse(JSON.stringify(value)))
    fc.assert(
      fc.property(claims, (payload) => expect(parseJwt(jwt({ alg: 'ES256' }, payload), 1e6).payload).toEqual(payload)),
    )
  })

  it('may have the allowed length and not more', () => {
    const token = jwt({ alg: 'x' }, {})
    expect(outcomeOf(token, token.length)).toBe('read')
    expect(outcomeOf(token, token.length - 1)).toBe('too_large')
  })

  it.each([
    ['no part', ''],
    ['one part', encode({ alg: 'x' })],
    ['two parts', `${encode({ alg: 'x' })}.${encode({})}`],
    ['four parts', `${jwt({ alg: 'x' }, {})}.c2ln`],
    ['five parts, as an encrypted one', `${jwt({ alg: 'x' }, {})}.c2ln.c2ln`],
    ['a dot at its end', `${jwt({ alg: 'x' }, {})}.`],
    ['dots only', '.'.repeat(100_000).slice(0, LIMIT)],
    ['an empty signature', jwt({ alg: 'none' }, {}, '')],
    ['an empty header', `.${encode({})}.c2ln`],
    ['an empty payload', `${encode({ alg: 'x' })}..c2ln`],
    ['padding', `${jwt({ alg: 'x' }, {}, 'c2k=')}`],
    ['characters of plain base64', jwt({ alg: 'x' }, {}, 'a+/b')],
    ['white space in the signature', jwt({ alg: 'x' }, {}, 'c2 ln')],
    ['a line break at its end', `${jwt({ alg: 'x' }, {})}\n`],
    ['a letter beyond ASCII', jwt({ alg: 'x' }, {}, 'c2lｎ')],
    ['a header that is no object', jwt('"x"', {})],
    ['an array as payload', jwt({ alg: 'x' }, [])],
    ['a payload with a byte order mark', jwt({ alg: 'x' }, '\uFEFF{}')],
    [
      'a payload that is not UTF-8',
      `${encode({ alg: 'x' })}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.c2ln`,
    ],
    ['a member twice in the header', jwt('{"alg":"x","alg":"none"}', {})],
    ['a member twice in the payload', jwt({ alg: 'x' }, '{"exp":1,"\\u0065xp":2}')],
    ['no alg', jwt({ kid: 'k' }, {})],
    ['an alg that is no string', jwt({ alg: ['RS256'] }, {})],
    ['a kid that is no string', jwt({ alg: 'x', kid: 1 }, {})],
    ['a kid that is null', jwt({ alg: 'x', kid: null }, {})],
    ['a kid of 257 characters', jwt({ alg: 'x', kid: 'k'.repeat(257) }, {})],
    ['a typ that is no string', jwt({ alg: 'x', typ: {} }, {})],
  ])('is malformed with %s', (_, token) => expect(outcomeOf(token)).toBe('malformed_jwt'))

  it('may have a kid of 256 characters', () => {
    expect(outcomeOf(jwt({ alg: 'x', kid: 'k'.repeat(256) }, {}))).toBe('read')
  })

  it.each([
    ['crit', { alg: 'x', crit: ['exp'] }],
    ['an empty crit', { alg: 'x', crit: [] }],
    ['b64', { alg: 'x', b64: false }],
    ['b64 that changes nothing', { alg: 'x', b64: true }],
  ])('is not supported with %s', (_, header) => expect(outcomeOf(jwt(header, {}))).toBe('unsupported_header'))
})

describe('base64url in a JWT', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

  it('has one spelling for each sequence of bytes: the unused bits of the last character are zero', () => {
    const base = jwt({ alg: 'x' }, {}, '')
    for (const [stem, unusedBits] of [
      ['A', 4],
      ['AA', 2],
      ['AAA', 0],
    ] as const) {
      for (const [value, last] of [...alphabet].entries()) {
        const isCanonical = value % 2 ** unusedBits === 0
        expect([stem + last, outcomeOf(base + stem + last)]).toEqual([
          stem + last,
          isCanonical ? 'read' : 'malformed_jwt',
        ])
      }
    }
  })

  it('never has one character more than a multiple of four', () => {
    for (const length of [1, 5, 9]) expect(outcomeOf(jwt({ alg: 'x' }, {}, 'A'.repeat(length)))).toBe('malformed_jwt')
  })

  it('is checked in all three parts', () => {
    const token = jwt({ alg: 'xy' }, { a: 12 }, 'AAAA')
    const parts = token.split('.')
    for (const index of [0, 1, 2]) {
      for (const suffix of ['=', ' ', '\n', '\0', '\u200b', '$']) {
        const spoiled = parts.map((part, position) => (position === index ? part + suffix : part)).join('.')
        expect(outcomeOf(spoiled)).toBe('malformed_jwt')
      }
    }
  })
})

describe('a JWT whose payload is not decoded', () => {
  const good = jwt({ alg: 'ES256', kid: 'k' }, { iss: 'i' })
  const withPayload = (encoded: string) => good.replace(/\.[^.]*\./, `.${encoded}.`)
  const reasonOf = (read: () => unknown) => {
    try {
      read()
      return 'read'
    } catch (error) {
      if (isTokenRejected(error)) return error.reason
      throw error
    }
  }

  it('is the same, once it is decoded', () => {
    expect(parsePayload(parseJws(good, LIMIT))).toEqual(parseJwt(good, LIMIT))
    expect(parseJws(good, LIMIT)).not.toHaveProperty('payload')
  })

  it.each([
    ['not base64url', '%%%'],
    ['empty', ''],
    ['no JSON', encode('x')],
    ['an array', encode('[]')],
    ['a member twice', encode('{"a":1,"a":1}')],
  ])('is read while the payload is %s, which is refused when it is decoded', (_, encoded) => {
    const jws = parseJws(withPayload(encoded), LIMIT)
    expect(jws).toMatchObject({ header: { alg: 'ES256', kid: 'k' }, encodedPayload: encoded })
    expect(reasonOf(() => parsePayload(jws))).toBe('malformed_jwt')
    expect(outcomeOf(withPayload(encoded))).toBe('malformed_jwt')
  })

  it('has a header of bounded length', () => {
    const longHeader = jwt({ alg: 'ES256', x: 'x'.repeat(2000) }, {})
    expect(reasonOf(() => parseJws(longHeader, LIMIT, 4096))).toBe('read')
    expect(reasonOf(() => parseJws(longHeader, LIMIT, 2000))).toBe('too_large')
  })
})
