import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseBasicCredentials } from '../../../src/client-auth/client-secret-methods.js'
import { isOAuthError } from '../../../src/oauth/errors.js'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
/** application/x-www-form-urlencoded, as RFC 6749 App. B has it. */
const formEncode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)

/** The reason for which it is refused, or what was read. */
function outcomeOf(authorization: string) {
  try {
    return parseBasicCredentials(authorization)[0]
  } catch (error) {
    if (isOAuthError(error)) return `${error.code} ${error.reason}`
    throw error
  }
}

const REFUSED = 'invalid_client malformed_credentials'

describe('the credentials of a Basic header', () => {
  it('are any id and secret, form-urlencoded before they were joined', () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    const secret = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(id, secret, (clientId, clientSecret) => {
        const authorization = basic(`${formEncode(clientId)}:${formEncode(clientSecret)}`)
        expect(parseBasicCredentials(authorization)[0]).toEqual({ clientId, clientSecret })
      }),
    )
  })

  it('are as they stand where nothing in them needs encoding', () => {
    expect(outcomeOf(basic('app:s3cret-_.~'))).toEqual({ clientId: 'app', clientSecret: 's3cret-_.~' })
  })

  it('are split at the first colon, before they are decoded', () => {
    expect(outcomeOf(basic('app:a:b'))).toEqual({ clientId: 'app', clientSecret: 'a:b' })
    expect(outcomeOf(basic('a%3Ab:c%3Ad'))).toEqual({ clientId: 'a:b', clientSecret: 'c:d' })
  })

  it('have spaces as + or %20, and a plus as %2B', () => {
    expect(outcomeOf(basic('my+app:a%20b%2Bc'))).toEqual({ clientId: 'my app', clientSecret: 'a b+c' })
  })

  it.each(['100%', '%FF', 'a%2', '%zz+'])('are as they stand where the decoding is impossible: %s', (clientSecret) => {
    const asSent = { clientId: 'a+p', clientSecret }
    expect(parseBasicCredentials(basic(`a+p:${clientSecret}`))).toEqual([asSent, asSent])
  })

  it('may also be as they were sent', () => {
    const readings = parseBasicCredentials(basic('a+p:s%3Ae'))
    expect(readings).toEqual([
      { clientId: 'a p', clientSecret: 's:e' },
      { clientId: 'a+p', clientSecret: 's%3Ae' },
    ])
  })

  it('may have neither an empty secret nor an empty id', () => {
    expect(outcomeOf(basic('app:'))).toBe(REFUSED)
    expect(outcomeOf(basic(':secret'))).toBe(REFUSED)
  })

  it.each(['Basic', 'basic', 'BASIC', 'bAsIc'])('are taken with the scheme %s', (scheme) => {
    expect(outcomeOf(`${scheme} YXBwOnM=`)).toEqual({ clientId: 'app', clientSecret: 's' })
  })

  it.each([
    ['no credentials', 'Basic'],
    ['no credentials after a space', 'Basic '],
    ['another scheme', 'Bearer YXBwOnM='],
    ['a longer scheme', 'Basics YXBwOnM='],
    ['no scheme', 'YXBwOnM='],
    ['no colon', basic('app')],
    ['bytes that are not UTF-8', `Basic ${Buffer.from('app:\xff', 'latin1').toString('base64')}`],
    ['characters that are not base64', 'Basic YXBw!OnM='],
    ['padding in the middle', 'Basic YX==BwOnM='],
    ['something behind', 'Basic YXBwOnM=, Basic YXBwOnM='],
    ['parameters', 'Basic username="app"'],
    ['more than 4096 characters', basic(`app:${'s'.repeat(4096)}`)],
  ])('are malformed with %s', (_, authorization) => expect(outcomeOf(authorization)).toBe(REFUSED))

  it('only ever cause invalid_client, whatever the header', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((text) => `Basic ${text}`),
      fc.base64String().map((text) => `Basic ${text}`),
      fc.string({ unit: 'binary' }).map(basic),
    )
    fc.assert(
      fc.property(anything, (authorization) => {
        const outcome = outcomeOf(authorization)
        if (typeof outcome === 'string') expect(outcome).toBe(REFUSED)
        else expect(outcome.clientId).not.toBe('')
      }),
      { numRuns: 500 },
    )
  })

  it.each<[string, string]>([
    ['spaces', `Basic${' '.repeat(200_000)}`],
    ['letters', `Basic ${'A'.repeat(200_000)}!`],
    ['padding', `Basic ${'='.repeat(200_000)}`],
  ])('are refused fast when long, also when made of %s', (_, authorization) => {
    const start = performance.now()
    for (let run = 0; run < 20; run += 1) expect(outcomeOf(authorization)).toBe(REFUSED)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
