import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readMaxAge, readRetryAfter } from '../../../src/guarded-fetch/freshness.js'

/** 2027-01-15T08:00:00Z */
const NOW = 1_800_000_000
const HUGE = '9'.repeat(400)

const maxAgeOf = (cacheControl: string, age?: string) =>
  readMaxAge({ 'cache-control': cacheControl, ...(age !== undefined && { age }) })
const retryAfterOf = (value: string, now = NOW) => readRetryAfter({ 'retry-after': value }, now)

describe('how long an answer is fresh', () => {
  it.each([
    '',
    ' ',
    ',',
    '=',
    '=5',
    'public',
    'max',
    'maxage=5',
    'max_age=5',
    'age=5',
    'max-agee=5',
    's-maxage=5',
    'x-max-age=5',
    'xmax-age=5',
    'max-age-x=5',
    'foo=max-age',
    'foo="max-age=5"',
    'foo="a, max-age=5, b"',
    'private="no-store"',
    'community="no-cache, no-store"',
    '\u{1F600}',
  ])('is not told by %j', (cacheControl) => expect(maxAgeOf(cacheControl)).toBeUndefined())

  it('is not told without Cache-Control', () => {
    expect(readMaxAge({})).toBeUndefined()
    expect(readMaxAge({ age: '5', expires: 'Fri, 15 Jan 2027 09:00:00 GMT', pragma: 'no-cache' })).toBeUndefined()
  })

  it.each(['x.max-age=5', 'x!max-age=5', 'x~max-age=5', "x'max-age=5", 'x.no-store', 'x+no-cache'])(
    'is not told by %s: the name of a directive is a whole token (RFC 9110 §5.6.2)',
    (cacheControl) => expect(maxAgeOf(cacheControl)).toBeUndefined(),
  )

  it('is not told inside a quoted string that has an escaped quote (RFC 9110 §5.6.4)', () => {
    expect(maxAgeOf('foo="a\\", max-age=5"')).toBeUndefined()
  })

  it.each([
    'max-age',
    'max-age=',
    'max-age=""',
    'max-age=-5',
    'max-age=+5',
    'max-age=1.5',
    'max-age=5.',
    'max-age=1e3',
    'max-age=0x10',
    'max-age=5s',
    'max-age=5;',
    'max-age="5',
    'max-age=" 5"',
    "max-age='5'",
    'max-age=٥',
    'max-age=Infinity',
    'max-age=NaN',
    'max-age=5, max-age=x',
  ])('is nothing where %j is not understood', (cacheControl) => expect(maxAgeOf(cacheControl)).toBe(0))

  it.each([
    'no-store',
    'No-Store',
    'no-cache',
    'no-cache="set-cookie"',
    'no-store=',
    'no-store, max-age=60',
    'max-age=60, no-store',
    'max-age=60,no-cache',
    'public, max-age="60" ,\tNO-CACHE',
  ])('is nothing under %s', (cacheControl) => expect(maxAgeOf(cacheControl)).toBe(0))

  it.each([
    [HUGE, undefined],
    [HUGE, '5'],
    [HUGE, HUGE],
    ['5', HUGE],
  ])('is a finite time, though the numbers are huge (%#)', (maxAge, age) => {
    const milliseconds = maxAgeOf(`max-age=${maxAge}`, age)
    expect(milliseconds).toBeGreaterThanOrEqual(0)
    expect(milliseconds).toBeLessThan(Number.POSITIVE_INFINITY)
  })

  it.each([
    ['max-age=60', 60_000],
    ['max-age=0', 0],
    ['max-age=007', 7000],
    ['max-age=4294967296', 2_147_483_648_000],
    ['MAX-AGE=60', 60_000],
    ['max-age="60"', 60_000],
    ['max-age = 60', 60_000],
    [' \tmax-age=60\t', 60_000],
    ['public, max-age=60, must-revalidate', 60_000],
    ['public,max-age=60,,', 60_000],
    ['s-maxage=5, max-age=60', 60_000],
    ['foo="no-store", max-age=60', 60_000],
    ['foo="max-age=5", max-age=60', 60_000],
    ['foo="a,b", bar=no-cache, max-age=60', 60_000],
  ])('is what %j says', (cacheControl, milliseconds) => expect(maxAgeOf(cacheControl)).toBe(milliseconds))

  it('is the shortest where there are several', () => {
    expect(maxAgeOf('max-age=60, max-age=30, max-age=90')).toBe(30_000)
    expect(maxAgeOf('max-age=60, MAX-AGE="30"')).toBe(30_000)
  })

  it.each([
    ['0', 60_000],
    ['20', 40_000],
    ['60', 0],
    ['61', 0],
    ['86400', 0],
  ])('is less by an Age of %s', (age, milliseconds) => expect(maxAgeOf('max-age=60', age)).toBe(milliseconds))

  it.each(['', '-20', '+20', '20.5', '20s', 'x', '20, 20', ' 20'])('does not change by an Age of %j', (age) =>
    expect(maxAgeOf('max-age=60', age)).toBe(60_000),
  )

  it('is undefined, or finite and not negative, whatever the headers say', () => {
    const directive = fc.oneof(
      fc.constantFrom('max-age', 'MAX-AGE=', 'max-age="', 'no-store', 's-maxage=5', '"', ',', '=', '\\', '; '),
      fc.nat().map((age) => `max-age=${age}`),
      fc.string(),
    )
    const cacheControl = fc.array(directive).map((directives) => directives.join(','))
    const age = fc.oneof(fc.string(), fc.integer().map(String))
    fc.assert(
      fc.property(cacheControl, age, (directives, seconds) => {
        const milliseconds = maxAgeOf(directives, seconds)
        expect(milliseconds === undefined || (Number.isFinite(milliseconds) && milliseconds >= 0)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('is max-age less Age in seconds, and never less than nothing', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (maxAge, age) => {
        expect(maxAgeOf(`private, max-age=${maxAge}`, String(age))).toBe(Math.max(0, maxAge - age) * 1000)
      }),
    )
  })
})

describe('how long an endpoint asks to be left alone', () => {
  it.each([
    '',
    ' ',
    'x',
    'soon',
    '-5',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5s',
    '5, 6',
    ' 5',
    '5 ',
    'Infinity',
    'NaN',
    'GMT',
    'never never GMT',
    '2027-01-15T08:01:00Z',
    '2027-01-15T08:01:00 GMT',
    'Fri, 15 Jan 2027 25:01:00 GMT',
    'Fri, 15 Jan 2027 08:01:00 UTC',
    'Fri, 15 Jan 2027 08:01:00 +0100',
    'Fri, 15 Jan 2027 08:01:00',
    `Fri, 15 Jan ${HUGE} 08:01:00 GMT`,
    `${' '.repeat(5000)} GMT`,
  ])('is not told by %j', (value) => expect(retryAfterOf(value)).toBeUndefined())

  it('is not told without the header', () => expect(readRetryAfter({}, NOW)).toBeUndefined())

  it.each(['retry after 2099 GMT', 'foobarbaz 9999 GMT', 'in 5 minutes, on 12 GMT'])(
    'is not told by %j, which only ends like a date',
    (value) => expect(retryAfterOf(value)).toBeUndefined(),
  )

  it.each([
    ['0', 0],
    ['1', 1000],
    ['007', 7000],
    ['299', 299_000],
    ['300', 300_000],
    ['301', 300_000],
    ['86400', 300_000],
    ['9007199254740993', 300_000],
    [HUGE, 300_000],
  ])('is the seconds of %s, 300 at most', (value, milliseconds) => expect(retryAfterOf(value)).toBe(milliseconds))

  it.each([
    ['Fri, 15 Jan 2027 08:00:00 GMT', 0],
    ['Fri, 15 Jan 2027 08:00:01 GMT', 1000],
    ['Fri, 15 Jan 2027 08:05:00 GMT', 300_000],
    ['Fri, 15 Jan 2027 08:05:01 GMT', 300_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 300_000],
    ['Fri, 15 Jan 2027 07:59:59 GMT', 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Friday, 15-Jan-27 08:01:00 GMT', 60_000],
  ])('is the time until %s', (value, milliseconds) => expect(retryAfterOf(value)).toBe(milliseconds))

  it('is the time until a date in the form of asctime (RFC 9110 §5.6.7)', () => {
    expect(retryAfterOf('Fri Jan 15 08:01:00 2027')).toBe(60_000)
  })

  it('is told to the fraction of a second, as the clock has them', () => {
    expect(retryAfterOf('Fri, 15 Jan 2027 08:00:01 GMT', NOW + 0.25)).toBe(750)
  })

  it('is undefined, or from 0 to 300 000 milliseconds, whatever the header says', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.bigInt().map(String),
      fc.date().map((date) => (Number.isNaN(date.getTime()) ? 'GMT' : date.toUTCString())),
      fc.string({ unit: fc.constantFrom(...'0123456789:, -JanFri') }).map((text) => `${text} GMT`),
    )
    fc.assert(
      fc.property(value, fc.double({ min: 0, max: 1e11, noNaN: true }), (text, now) => {
        const milliseconds = retryAfterOf(text, now)
        expect(milliseconds === undefined || (milliseconds >= 0 && milliseconds <= 300_000)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
