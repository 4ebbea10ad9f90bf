import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { signAssertion } from '../../src/testing/index.js'
import { encodePart, type JwsPart } from '../support/compact-jws.js'
import { type ExchangeHost, GRANT_TYPE, startExchangeHost } from '../support/exchange-host.js'
import {
  closeUnharmed,
  expectAssertionRefused,
  expectInvalidGrant,
  expectInvalidRequest,
  expectRefusal,
} from '../support/expect-refusal.js'
import { goodClaims, goodHeader, joinParts, signEncoded } from '../support/forged-jwt.js'
import { rawRequest, sendBytes } from '../support/send-bytes.js'

let host: ExchangeHost
beforeAll(async () => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
})
afterAll(() => closeUnharmed(host))

/** Signed by the identity provider over the two parts as they are. */
function signed(header: JwsPart, claims: JwsPart): string {
  return signEncoded(host.idp.signingKey, encodePart(header), encodePart(claims))
}

function signedPayload(claims: JwsPart): string {
  return signed(goodHeader(host.idp), claims)
}

/** The good claims as JSON text, without the brace at the end. */
function openClaims(): string {
  return JSON.stringify(goodClaims(host.idp)).slice(0, -1)
}

async function expectExchanged(assertion: string, started = host): Promise<string> {
  const response = await started.exchangeAssertion(assertion)
  expect({ status: response.status, reason: response.status === 200 || started.lastReason() }).toEqual({
    status: 200,
    reason: true,
  })
  return response.body.access_token
}

describe('base64url', () => {
  const foreign: [name: string, text: string][] = [
    ['a space', ' '],
    ['a tab', '\t'],
    ['CRLF', '\r\n'],
    ['LF', '\n'],
    ['=', '='],
    ['==', '=='],
    ['+', '+'],
    ['/', '/'],
    ['NUL', '\u0000'],
    ['a zero-width space', '\u200b'],
    ['a BOM', '\ufeff'],
    ['a full-width A', 'Ａ'],
    ['a quote', '"'],
    ['%41', '%41'],
    ['a lone surrogate', '\ud800'],
  ]

  it.each(foreign)('E1: %s in any segment of a good token is refused', async (_name, text) => {
    const segments = (await host.idp.issueAssertion()).split('.')
    for (const [index, segment] of segments.entries()) {
      for (const position of [0, 7, segment.length]) {
        const changed = segments.with(index, segment.slice(0, position) + text + segment.slice(position))
        await expectInvalidGrant(host.exchangeAssertion(changed.join('.')), host, 'malformed_jwt')
      }
    }
  })

  it.each(foreign)('E1: %s in a segment is refused even if it was signed so', async (_name, text) => {
    const header = encodePart(goodHeader(host.idp))
    const claims = encodePart(goodClaims(host.idp))
    const { signingKey } = host.idp
    await expectAssertionRefused(host, signEncoded(signingKey, header + text, claims), 'malformed_jwt')
    await expectAssertionRefused(host, signEncoded(signingKey, header, text + claims), 'malformed_jwt')
    await expectAssertionRefused(host, signEncoded(signingKey, header, claims + text), 'malformed_jwt')
  })

  it.each(foreign)('E1: %s around a good token is refused', async (_name, text) => {
    await expectInvalidGrant(host.exchangeAssertion(text + (await host.idp.issueAssertion())), host, 'malformed_jwt')
    await expectInvalidGrant(host.exchangeAssertion((await host.idp.issueAssertion()) + text), host, 'malformed_jwt')
  })

  it('E1: the standard alphabet with padding is refused', async () => {
    const segments = (await host.idp.issueAssertion()).split('.')
    const standard = segments.map((segment) => Buffer.from(segment, 'base64url').toString('base64'))
    await expectAssertionRefused(host, standard.join('.'), 'malformed_jwt')
  })

  it('E2: the last character of a signature with its unused bits set is refused', async () => {
    const token = await host.idp.issueAssertion()
    await expectAssertionRefused(host, withUnusedBits(token), 'malformed_jwt')
    await expectExchanged(token)
    await expectAssertionRefused(host, withUnusedBits(token), 'malformed_jwt')
  })

  it('E2: unused bits in header or payload are refused even if they were signed so', async () => {
    const header = encodePart({ ...goodHeader(host.idp), x: '' })
    const { signingKey } = host.idp
    for (let padding = 0; padding < 3; padding += 1) {
      const claims = encodePart({ ...goodClaims(host.idp), x: 'x'.repeat(padding) })
      const paddedHeader = encodePart({ ...goodHeader(host.idp), x: 'x'.repeat(padding) })
      if (claims.length % 4 !== 0) {
        await expectAssertionRefused(host, signEncoded(signingKey, header, withUnusedBits(claims)), 'malformed_jwt')
      }
      if (paddedHeader.length % 4 !== 0) {
        await expectAssertionRefused(
          host,
          signEncoded(signingKey, withUnusedBits(paddedHeader), claims),
          'malformed_jwt',
        )
      }
    }
  })

  it('E2: a lone character at the end of a segment is refused', async () => {
    const { signingKey } = host.idp
    for (let padding = 0; padding < 3; padding += 1) {
      const claims = encodePart({ ...goodClaims(host.idp), x: 'x'.repeat(padding) })
      const lone = `${claims}A`
      if (lone.length % 4 !== 1) continue
      await expectAssertionRefused(
        host,
        signEncoded(signingKey, encodePart(goodHeader(host.idp)), lone),
        'malformed_jwt',
      )
    }
  })
})

describe('the size and number of segments', () => {
  it.each([
    ['20 000 dots', '.'.repeat(20_000)],
    ['20 000 segments', 'a.'.repeat(10_000)],
    ['one segment', 'eyJhbGciOiJFUzI1NiJ9'],
    ['two dots alone', '..'],
    ['a dot', '.'],
    ['a space', ' '],
  ])('E3: %s are refused', async (_name, token) => {
    await expectAssertionRefused(host, token, 'malformed_jwt')
  })

  it('E3: a good token with one more dot, or a dot instead of a character, is refused', async () => {
    const token = await host.idp.issueAssertion()
    for (const changed of [`${token}.`, `.${token}`, token.replace('.', '..'), `${token}.${token}`, `${token}.e30`]) {
      await expectAssertionRefused(host, changed, 'malformed_jwt')
    }
  })

  it('E4: a good token of more than 32 KB is refused, and one just below is not', async () => {
    const room = 32_768 - (await host.idp.issueAssertion({ x: '' })).length
    const below = await host.idp.issueAssertion({ x: 'x'.repeat(Math.floor((room * 3) / 4) - 3) })
    const above = await host.idp.issueAssertion({ x: 'x'.repeat(Math.ceil((room * 3) / 4) + 3) })
    expect([below.length > 32_700, below.length <= 32_768, above.length > 32_768]).toEqual([true, true, true])
    await expectExchanged(below)
    await expectAssertionRefused(host, above, 'too_large')
  })

  it('E4: a token of 40 KB is refused by its length', async () => {
    await expectInvalidGrant(host.exchangeAssertion('a'.repeat(40_000)), host, 'too_large')
  })

  it.each([90_000, 2_000_000])('E4: a token of %d bytes is refused as too large a body', async (length) => {
    await expectInvalidRequest(host.exchangeAssertion('a'.repeat(length)), 413)
  })

  it('E4: the limit of an identity provider applies to its tokens', async () => {
    const strict = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { maxBytes: 600 } })
    try {
      const long = await strict.idp.issueAssertion({ x: 'x'.repeat(300) })
      await expectAssertionRefused(strict, long, 'too_large')
      await expectExchanged(await strict.idp.issueAssertion(), strict)
    } finally {
      await strict.close()
    }
  })
})

describe('deep JSON', () => {
  const nest = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const nestObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

  it.each([
    ['4000 arrays', nest(4000)],
    ['1500 objects', nestObjects(1500)],
    ['33 levels', nest(32)],
  ])('E5: claims with %s inside are refused', async (_name, value) => {
    await expectAssertionRefused(host, signedPayload(`${openClaims()},"x":${value}}`), 'malformed_jwt')
  })

  it('E5: claims of 32 levels are accepted', async () => {
    await expectExchanged(signedPayload(`${openClaims()},"x":${nest(31)}}`))
  })

  it('E5: a header with 4000 levels is refused', async () => {
    const header = `${JSON.stringify(goodHeader(host.idp)).slice(0, -1)},"x":${nest(4000)}}`
    await expectAssertionRefused(host, signed(header, goodClaims(host.idp)), 'malformed_jwt')
  })

  describe('if an identity provider may send 1 MiB', () => {
    let generous: ExchangeHost
    beforeAll(async () => {
      generous = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { maxBytes: 1_048_576 } })
    })
    afterAll(() => closeUnharmed(generous))

    it.each([
      ['100 000 arrays', () => nest(100_000)],
      ['380 000 arrays', () => nest(380_000)],
      ['100 000 objects', () => nestObjects(100_000)],
    ])('E5: %s are refused', async (_name, value) => {
      const claims = `${JSON.stringify(goodClaims(generous.idp)).slice(0, -1)},"x":${value()}}`
      const token = await signAssertion(generous.idp.signingKey, goodHeader(generous.idp), claims)
      await expectAssertionRefused(generous, token, 'malformed_jwt')
    })

    it.each([
      ['380 000 escapes in a string', () => `"${'\\n'.repeat(380_000)}"`],
      ['380 000 escaped quotes', () => `"${'\\"'.repeat(380_000)}"`],
      ['250 000 empty strings', () => `[${'"",'.repeat(250_000)}1]`],
      ['700 000 spaces after a string', () => `"x"${' '.repeat(700_000)}`],
      ['300 000 numbers', () => `[${'1,'.repeat(300_000)}1]`],
    ])('E5: %s cost no time', async (_name, value) => {
      const claims = `${JSON.stringify(goodClaims(generous.idp)).slice(0, -1)},"x":${value()}}`
      await expectExchanged(await signAssertion(generous.idp.signingKey, goodHeader(generous.idp), claims), generous)
    })

    it('E5: 70 000 different names cost no time', async () => {
      const names = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`a${index}`, 1]))
      await expectExchanged(await generous.idp.issueAssertion(names), generous)
    })
  })
})

describe('a payload that is not a JSON object', () => {
  it.each([
    ['an empty array', '[]'],
    ['an array of claims', '[{"iss":"x"}]'],
    ['a string', '"x"'],
    ['a number', '1'],
    ['null', 'null'],
    ['true', 'true'],
    ['white space', ' '],
    ['trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['NaN alone', 'NaN'],
    ['half an object', '{'],
    ['a JWT', 'eyJhbGciOiJub25lIn0.e30.'],
  ])('E6: %s is refused', async (_name, text) => {
    await expectAssertionRefused(host, signedPayload(text), 'malformed_jwt')
  })

  it('E6: nothing at all is refused', async () => {
    const header = encodePart(goodHeader(host.idp))
    await expectAssertionRefused(host, signEncoded(host.idp.signingKey, header, ''), 'malformed_jwt')
  })

  it.each<[name: string, change: (json: string) => JwsPart]>([
    ['in UTF-16', (json) => Buffer.from(json, 'utf16le')],
    ['in UTF-16 with a BOM', (json) => Buffer.from(`\ufeff${json}`, 'utf16le')],
    ['after a BOM', (json) => `\ufeff${json}`],
    ['in Latin-1', (json) => Buffer.from(json.replace('alice', 'ålice'), 'latin1')],
    ['with a truncated UTF-8 sequence', (json) => bytesFor(json, [0xe2, 0x82])],
    ['with an overlong slash', (json) => bytesFor(json, [0xc0, 0xaf])],
    ['with an encoded surrogate', (json) => bytesFor(json, [0xed, 0xa0, 0x80])],
    ['with a byte above U+10FFFF', (json) => bytesFor(json, [0xf5, 0x80, 0x80, 0x80])],
    ['with garbage after it', (json) => `${json}x`],
    ['twice', (json) => json + json],
    ['with NUL after it', (json) => `${json}\u0000`],
    ['with a raw newline in a string', (json) => json.replace('alice', 'ali\nce')],
    ['with a comment', (json) => json.replace('{', '{/* attacker */')],
    ['with NaN', (json) => json.replace('{', '{"x":NaN,')],
    ['with Infinity', (json) => json.replace('{', '{"x":Infinity,')],
    ['with a number in hex', (json) => json.replace('{', '{"x":0x10,')],
    ['in an array', (json) => `[${json}]`],
    ['in a string', (json) => JSON.stringify(json)],
  ])('E6: good claims %s are refused', async (_name, change) => {
    await expectAssertionRefused(host, signedPayload(change(JSON.stringify(goodClaims(host.idp)))), 'malformed_jwt')
  })

  it('E6: good claims with JSON white space around are accepted', async () => {
    await expectExchanged(signedPayload(` \n${JSON.stringify(goodClaims(host.idp), undefined, 2)}\r\n\t`))
  })

  function bytesFor(json: string, bytes: readonly number[]): Buffer {
    const [before = '', after = ''] = json.split('alice')
    return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
  }
})

describe('a claim twice', () => {
  it.each([
    ['iss, the evil one last', '"iss":"https://attacker.example"'],
    ['sub', '"sub":"admin"'],
    ['aud', '"aud":"https://attacker.example"'],
    ['aud, escaped', '"\\u0061ud":"https://attacker.example"'],
    ['iss, wholly escaped', '"\\u0069\\u0073\\u0073":"https://attacker.example"'],
    ['exp', '"exp":9999999999'],
    ['jti', '"jti":"other"'],
    ['an unknown claim', '"x":1,"x":1'],
    ['an unknown claim in another', '"x":{"y":[{"z":1,"z":2}]}'],
    ['__proto__', '"__proto__":{},"__proto__":{}'],
    ['a number as name', '"1":1,"1":2'],
    ['an empty name', '"":1,"":2'],
    ['a name beside a string like a name', '"x":"\\"sub\\":","sub":"admin"'],
  ])('E7: %s is refused', async (_name, members) => {
    await expectAssertionRefused(host, signedPayload(`${openClaims()},${members}}`), 'malformed_jwt')
    await expectAssertionRefused(host, signedPayload(`{${members},${openClaims().slice(1)}}`), 'malformed_jwt')
  })
})

/** V8 12.8 and later read an escaped name as another one that an earlier text had in that place (nodejs/node issue 63785). */
describe("a stranger's assertion, sent first", () => {
  /** Claims that lead JSON.parse to another name where a later text has this spelling of one. */
  function misleading(spelling: string): string {
    const { length } = JSON.parse(`"${spelling}"`) as string
    return `${openClaims()},${JSON.stringify(spelling.slice(0, length))}:"x"}`
  }

  const unsigned = (header: JwsPart, claims: JwsPart) => joinParts(header, claims, 'a'.repeat(64))

  it('E7: does not hide that a good one has a claim twice', async () => {
    const spelling = '\\u0073ub'
    await expectAssertionRefused(host, unsigned(goodHeader(host.idp), misleading(spelling)), 'bad_signature')
    await expectAssertionRefused(host, signedPayload(`${openClaims()},"${spelling}":"admin"}`), 'malformed_jwt')
  })

  it('E7: does not change the names in a good one', async () => {
    const name = 'https://api.example.com/roles'
    const spelling = name.replaceAll('/', '\\/')
    const requiredClaims = { [`"${name}"`]: { includes: 'admin' } }
    const strict = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { requiredClaims } })
    const open = () => JSON.stringify(goodClaims(strict.idp)).slice(0, -1)
    const header = goodHeader(strict.idp)
    const stranger = `${open()},${JSON.stringify(spelling.slice(0, name.length))}:"x"}`
    await expectAssertionRefused(strict, unsigned(header, stranger), 'bad_signature')
    const good = `${open()},"${spelling}":["admin"]}`
    await expectExchanged(signEncoded(strict.idp.signingKey, encodePart(header), encodePart(good)), strict)
    await strict.close()
  })
})

describe('names that every object has', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf']

  it('E8: claims under __proto__ are not claims', async () => {
    const claims = JSON.stringify(goodClaims(host.idp))
    await expectAssertionRefused(host, signedPayload(`{"__proto__":${claims}}`), 'unknown_issuer')
    const { sub: _, ...withoutSub } = goodClaims(host.idp)
    const inherited = `${JSON.stringify(withoutSub).slice(0, -1)},"__proto__":{"sub":"admin"}}`
    await expectAssertionRefused(host, signedPayload(inherited), 'invalid_subject')
    expect(Object.hasOwn(Object.prototype, 'sub')).toBe(false)
  })

  it('E8: header parameters under __proto__ are none', async () => {
    const header = JSON.stringify(goodHeader(host.idp))
    await expectAssertionRefused(host, signed(`{"__proto__":${header}}`, goodClaims(host.idp)), 'malformed_jwt')
  })

  it.each(names)('E8: %s as iss is an unknown issuer', async (iss) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ iss }), 'unknown_issuer')
  })

  it.each(names)('E8: %s as kid is an unknown key, as alg and typ not allowed, as aud wrong', async (name) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid: name }), 'unknown_key')
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { alg: name }), 'algorithm_not_allowed')
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { typ: name }), 'type_not_allowed')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ aud: name }), 'wrong_audience')
  })

  it.each(names)('E8: %s as client_id is an unknown client', async (clientId) => {
    const assertion = await host.idp.issueAssertion()
    const answer = host.post({ grant_type: GRANT_TYPE, assertion }).auth(clientId, 'x')
    await expectRefusal(answer, { status: 401, error: 'invalid_client' })
    expect(host.lastReason()).toBe('unknown_client')
  })

  it.each(names)('E8: %s as grant_type is not supported', async (grantType) => {
    const answer = host.post({ grant_type: grantType, assertion: await host.idp.issueAssertion() })
    await expectRefusal(answer, { status: 400, error: 'unsupported_grant_type' })
  })

  it.each(names)('E8: %s as scope is a scope that nobody has', async (scope) => {
    const answer = host.exchangeAssertion(await host.idp.issueAssertion(), { scope })
    await expectRefusal(answer, { status: 400, error: 'invalid_scope' })
  })

  it.each(names)('E8: %s as sub and jti is a name like any other', async (name) => {
    const token = await expectExchanged(await host.idp.issueAssertion({ sub: name, jti: name }))
    expect((await host.exchange.verifyAccessToken(token)).sub).toBe(name)
    await expectAssertionRefused(host, await host.idp.issueAssertion({ sub: name, jti: name }), 'replayed')
  })

  it.each(['__proto__=x', 'constructor=x&prototype=x', '__proto__[grant_type]=x', 'toString=x', 'hasOwnProperty=x'])(
    'E8: the parameters %s are ignored',
    async (parameters) => {
      const body = `${parameters}&grant_type=${GRANT_TYPE}&assertion=${await host.idp.issueAssertion()}`
      const answer = await sendBytes(host.url, rawRequest('POST /oauth2/token', FORM_AS_CLIENT, body))
      expect(answer.status).toBe(200)
    },
  )
})

const FORM_AS_CLIENT = [
  `Authorization: Basic ${Buffer.from('app:app-secret-of-the-tests').toString('base64')}`,
  'Content-Type: application/x-www-form-urlencoded',
]

describe('strings that a store cannot hold', () => {
  const strings: [name: string, value: string][] = [
    ['NUL', 'a\u0000b'],
    ['NUL at the end', 'alice\u0000'],
    ['CRLF', 'a\r\nb'],
    ['a newline at the end', 'alice\n'],
    ['a tab', 'a\tb'],
    ['an escape', '\u001b[31ma'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u0085b'],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', '\udc00a'],
    ['surrogates in the wrong order', '\udc00\ud800'],
  ]

  it.each(strings)('E9: %s in sub and in jti is refused', async (_name, value) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ sub: value }), 'invalid_subject')
    await expectAssertionRefused(host, await host.idp.issueAssertion({ jti: value }), 'invalid_jwt_id')
  })

  it.each(strings)('E9: %s in a claim that nobody reads does no harm', async (_name, value) => {
    await expectExchanged(await host.idp.issueAssertion({ x: value, [value]: value }))
  })

  it('E9: a jti of 10 KB reaches the store as 43 characters', async () => {
    const claimed: string[] = []
    const store = { markUsed: (key: string) => claimed.push(key) > 0 }
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { replay: { store } } })
    try {
      await expectExchanged(await started.idp.issueAssertion({ jti: 'j'.repeat(10_000) }), started)
      await expectExchanged(await started.idp.issueAssertion({ jti: '𝒋\u202e' }), started)
      expect(claimed).toEqual([expect.stringMatching(/^[\w-]{43}$/), expect.stringMatching(/^[\w-]{43}$/)])
    } finally {
      await started.close()
    }
  })

  it('E9: a sub of 20 KB, which no header could carry on, is refused, and one of 10 KB is a sub like any other', async () => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({ sub: 's'.repeat(20_000) }), 'invalid_subject')
    const sub = 's'.repeat(10_000)
    const token = await expectExchanged(await host.idp.issueAssertion({ sub }))
    expect((await host.exchange.verifyAccessToken(token)).sub).toBe(sub)
  })
})

/** The same bytes, spelt otherwise: the last character's lowest bit, which no decoder uses, is turned over. */
function withUnusedBits(encoded: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(encoded.slice(-1))
  return encoded.slice(0, -1) + alphabet.charAt(last ^ 1)
}
