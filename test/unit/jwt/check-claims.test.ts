import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { inOneLine } from '../../../src/errors/printable.js'
import type { RejectionReason } from '../../../src/errors/reason-codes.js'
import { isTokenRejected } from '../../../src/errors/rejections.js'
import {
  checkAudience,
  checkIssuedAt,
  isSubject,
  readExpiry,
  readNotBefore,
  readNumericDate,
  readStringClaim,
  readSubject,
} from '../../../src/jwt/check-claims.js'

const NOW = 1_700_000_000
const agesOf = (clockTolerance: number) => ({ clockTolerance, maxAge: 1800, requireIat: false })

/** The reason for which it is rejected, or 'passed'. */
function outcomeOf(check: () => unknown): RejectionReason | 'passed' {
  try {
    check()
    return 'passed'
  } catch (error) {
    if (isTokenRejected(error)) return error.reason
    throw error
  }
}

describe('a clock that fails', () => {
  it.each([Number.NaN, undefined, 'soon'])('lets no token pass when it says %s', (time) => {
    const now = time as number
    expect(outcomeOf(() => readExpiry({ exp: NOW }, now, 60))).toBe('expired')
    expect(outcomeOf(() => readNotBefore({ nbf: NOW }, now, 60))).toBe('not_yet_valid')
    expect(outcomeOf(() => checkIssuedAt({ iat: NOW }, now, agesOf(60)))).toBe('issued_in_future')
  })
})

describe('exp', () => {
  it.each([
    ['in the next second', 1, 0, 'passed'],
    ['in a fraction of a second', 0.001, 0, 'passed'],
    ['in this very second', 0, 0, 'expired'],
    ['a second ago', -1, 0, 'expired'],
    ['within the tolerance', -59, 60, 'passed'],
    ['a fraction within the tolerance', -59.999, 60, 'passed'],
    ['at the end of the tolerance', -60, 60, 'expired'],
    ['beyond the tolerance', -61, 60, 'expired'],
  ])('%s', (_, offset, tolerance, outcome) => {
    expect(outcomeOf(() => readExpiry({ exp: NOW + offset }, NOW, tolerance))).toBe(outcome)
  })

  it('is returned', () => expect(readExpiry({ exp: NOW + 1.5 }, NOW, 0)).toBe(NOW + 1.5))

  it('is required', () => expect(outcomeOf(() => readExpiry({}, NOW, 600))).toBe('invalid_expiry'))
})

describe('nbf', () => {
  it.each([
    ['in this very second', 0, 0, 'passed'],
    ['in the next second', 1, 0, 'not_yet_valid'],
    ['in a fraction of a second', 0.001, 0, 'not_yet_valid'],
    ['a second ago', -1, 0, 'passed'],
    ['at the end of the tolerance', 60, 60, 'passed'],
    ['beyond the tolerance', 61, 60, 'not_yet_valid'],
  ])('%s', (_, offset, tolerance, outcome) => {
    expect(outcomeOf(() => readNotBefore({ nbf: NOW + offset }, NOW, tolerance))).toBe(outcome)
  })

  it('may be absent', () => expect(outcomeOf(() => readNotBefore({}, NOW, 0))).toBe('passed'))
})

describe('iat', () => {
  it.each([
    ['in this very second', 0, 0, 'passed'],
    ['in the next second', 1, 0, 'issued_in_future'],
    ['at the end of the tolerance', 60, 60, 'passed'],
    ['beyond the tolerance', 61, 60, 'issued_in_future'],
    ['as old as allowed', -1800, 0, 'passed'],
    ['older than allowed', -1801, 0, 'too_old'],
    ['older than allowed, within the tolerance', -1860, 60, 'passed'],
    ['older than allowed and tolerated', -1861, 60, 'too_old'],
  ])('%s', (_, offset, tolerance, outcome) => {
    expect(outcomeOf(() => checkIssuedAt({ iat: NOW + offset }, NOW, agesOf(tolerance)))).toBe(outcome)
  })

  it('may be absent', () => expect(outcomeOf(() => checkIssuedAt({}, NOW, agesOf(0)))).toBe('passed'))

  it('is required with requireIat', () => {
    const limits = { ...agesOf(60), requireIat: true }
    expect(outcomeOf(() => checkIssuedAt({}, NOW, limits))).toBe('invalid_issued_at')
    expect(outcomeOf(() => checkIssuedAt({ iat: undefined }, NOW, limits))).toBe('invalid_issued_at')
    expect(outcomeOf(() => checkIssuedAt({ iat: NOW }, NOW, limits))).toBe('passed')
    expect(outcomeOf(() => checkIssuedAt({ iat: NOW - 1861 }, NOW, limits))).toBe('too_old')
  })
})

describe('a date', () => {
  const reasonFor = {
    exp: (claims: Record<string, unknown>) => outcomeOf(() => readExpiry(claims, NOW, 0)),
    nbf: (claims: Record<string, unknown>) => outcomeOf(() => readNotBefore(claims, NOW, 0)),
    iat: (claims: Record<string, unknown>) => outcomeOf(() => checkIssuedAt(claims, NOW, agesOf(0))),
  }

  it.each<[string, unknown]>([
    ['a string', String(NOW)],
    ['null', null],
    ['true', true],
    ['an array', [NOW]],
    ['an object', {}],
    ['infinite', Number.POSITIVE_INFINITY],
    ['1e999', JSON.parse('1e999')],
    ['no number', Number.NaN],
    ['negative', -1],
    ['beyond the year 9999', 253_402_300_800],
    ['1e300', 1e300],
    ['undefined', undefined],
  ])('is invalid when it is %s', (_, value) => {
    expect(reasonFor.exp({ exp: value })).toBe('invalid_expiry')
    expect(reasonFor.nbf({ nbf: value })).toBe('invalid_not_before')
    expect(reasonFor.iat({ iat: value })).toBe('invalid_issued_at')
  })

  it('may be the last second of the year 9999, and the first of 1970', () => {
    expect(readNumericDate({ exp: 253_402_300_799 }, 'exp', 'invalid_expiry')).toBe(253_402_300_799)
    expect(readNumericDate({ exp: 0 }, 'exp', 'invalid_expiry')).toBe(0)
  })

  it('is an own claim, never an inherited one', () => {
    expect(readNumericDate(Object.create({ nbf: NOW }), 'nbf', 'invalid_not_before')).toBeUndefined()
  })
})

describe('aud', () => {
  const accepted = new Set(['https://us.example.com', 'other'])

  it.each<[string, unknown, string]>([
    ['the accepted string', 'https://us.example.com', 'passed'],
    ['an array with it', ['https://us.example.com'], 'passed'],
    ['an array with it and a stranger', ['stranger', 'other'], 'passed'],
    ['a stranger', 'stranger', 'wrong_audience'],
    ['the empty string', '', 'wrong_audience'],
    ['a slash more', 'https://us.example.com/', 'wrong_audience'],
    ['another case', 'https://US.example.com', 'wrong_audience'],
    ['two joined by a space', 'https://us.example.com other', 'wrong_audience'],
    ['an empty array', [], 'invalid_audience'],
    ['an array with it and a number', ['other', 1], 'invalid_audience'],
    ['a nested array', [['other']], 'invalid_audience'],
    ['an object', { 0: 'other', length: 1 }, 'invalid_audience'],
    ['a number', 1, 'invalid_audience'],
    ['null', null, 'invalid_audience'],
    ['absent', undefined, 'invalid_audience'],
  ])('%s', (_, aud, outcome) => expect(outcomeOf(() => checkAudience({ aud }, accepted))).toBe(outcome))

  it.each<[string, unknown, string]>([
    ['the accepted string', 'other', 'passed'],
    ['an array with it', ['other'], 'passed'],
    ['an array with it and a stranger', ['other', 'stranger'], 'several_audiences'],
    ['an array with a stranger and it', ['stranger', 'other'], 'several_audiences'],
    ['an array with two accepted ones', ['https://us.example.com', 'other'], 'several_audiences'],
    ['an array with it twice', ['other', 'other'], 'several_audiences'],
    ['an array with it and the empty string', ['other', ''], 'several_audiences'],
    ['a stranger', 'stranger', 'wrong_audience'],
    ['two strangers', ['one', 'two'], 'wrong_audience'],
    ['an array with it and a number', ['other', 1], 'invalid_audience'],
    ['an empty array', [], 'invalid_audience'],
    ['absent', undefined, 'invalid_audience'],
  ])('%s, if it must be the only one', (_, aud, outcome) =>
    expect(outcomeOf(() => checkAudience({ aud }, accepted, true))).toBe(outcome),
  )
})

describe('a string claim', () => {
  it.each(['alice', ' ', 'a b', 'üñí', '👩‍👩‍👧', '|', '"'])('may be %j', (sub) => {
    expect(readStringClaim({ sub }, 'sub', 'invalid_subject')).toBe(sub)
  })

  it.each<[string, unknown]>([
    ['absent', undefined],
    ['empty', ''],
    ['a number', 7],
    ['null', null],
    ['an array', ['alice']],
    ['an object', { toString: 'alice' }],
    ['with a NUL', 'alice\0'],
    ['with a line break', 'alice\nbob'],
    ['with DEL', 'alice\x7f'],
    ['with a C1 control', 'alice\x85'],
    ['with half of a surrogate pair', 'alice\ud800'],
  ])('is refused when %s', (_, sub) => {
    expect(outcomeOf(() => readStringClaim({ sub }, 'sub', 'invalid_subject'))).toBe('invalid_subject')
    expect(outcomeOf(() => readStringClaim({ jti: sub }, 'jti', 'invalid_jwt_id'))).toBe('invalid_jwt_id')
  })
})

/** Characters that nobody sees, by their code points. */
const INVISIBLE = [
  ...[0x00, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0xad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e],
  ...[0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2061, 0x2064, 0x2066, 0x2069],
  ...[0x206f, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x110bd, 0x1bca0, 0x1d173, 0xe0001, 0xe0061],
  ...[0xe0100, 0xe0fff],
]
const WHITE_SPACE = [0x20, 0xa0, 0x1680, 0x2000, 0x2003, 0x2009, 0x200a, 0x202f, 0x205f, 0x3000]

describe('a subject', () => {
  it.each([
    'alice',
    'alice@example.com',
    'Alice Smith',
    'CN=Alice Smith, OU=Engineering, O=Acme, C=US',
    'repo:acme/my repo:ref:refs/heads/main',
    'spiffe://example.org/ns/shop/sa/orders',
    'system:serviceaccount:shop:orders',
    'project_path:group/project:ref_type:branch:ref:main',
    '00u1a2b3c4D5e6F7g8h9',
    '248289761001',
    'auth0|5f7c8ec7c33c6c004bbafe82',
    'https://idp.example.com|alice',
    'arn:aws:iam::123456789012:role/orders',
    'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    'DOMAIN\\alice',
    'O\'Brien "Bob" <bob@example.com>',
    'Zoë Ünïcode',
    '山田 太郎',
    '山田\u3000太郎',
    'محمد',
    'नमस्ते',
    'e\u0301',
    '🙂',
    '-',
    '0',
    'null',
    'a'.repeat(16_384),
  ])('may be %j', (sub) => expect(readSubject({ sub })).toBe(sub))

  it.each([
    ...INVISIBLE.flatMap((code) => [code, -code].map((each) => [`U+${code.toString(16)}`, each < 0, code] as const)),
  ])('has no %s, alone in it or not (%s)', (_, isAlone, code) => {
    const character = String.fromCodePoint(code)
    const subjects = isAlone ? [character, character.repeat(3)] : ['alice', 'bob'].map((sub) => `al${character}${sub}`)
    for (const sub of subjects) expect(outcomeOf(() => readSubject({ sub }))).toBe('invalid_subject')
  })

  it.each(WHITE_SPACE.map((code) => [`U+${code.toString(16)}`, code] as const))('has no %s around it', (_, code) => {
    const space = String.fromCodePoint(code)
    for (const sub of [space, space.repeat(3), `${space}alice`, `alice${space}`, `${space}alice${space}`])
      expect(outcomeOf(() => readSubject({ sub }))).toBe('invalid_subject')
    expect(isSubject(`alice${space}smith`)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['absent', undefined],
    ['empty', ''],
    ['a number', 7],
    ['null', null],
    ['an array', ['alice']],
    ['an object', { toString: () => 'alice' }],
    ['half of a surrogate pair', 'alice\ud800'],
  ])('is not %s', (_, sub) => expect(outcomeOf(() => readSubject({ sub }))).toBe('invalid_subject'))

  it('is never what prints as another text in a log line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (sub) => {
        if (isSubject(sub)) expect(inOneLine(sub)).toBe(sub)
      }),
      { numRuns: 1500 },
    )
  })
})
