import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { grantScopes } from '../../../src/authorization/bound-access.js'
import { isOAuthError } from '../../../src/oauth/errors.js'

/** The scopes that are granted, or the error code. */
function outcomeOf(requested: string | undefined, ofClient: readonly string[], ofProvider?: readonly string[]) {
  try {
    return grantScopes(requested, [ofClient, ofProvider && new Set(ofProvider), undefined])
  } catch (error) {
    if (isOAuthError(error)) return error.code
    throw error
  }
}

const token = fc.constantFrom('a', 'b', 'c', 'orders:read', 'ORDERS:READ', 'openid')
const tokens = fc.uniqueArray(token, { maxLength: 4 })

describe('the granted scopes', () => {
  it('are never more than was requested, than the client may have and than the identity provider may give', () => {
    const requested = fc.option(fc.array(token, { minLength: 1, maxLength: 5 }), { nil: undefined })
    fc.assert(
      fc.property(requested, tokens, fc.option(tokens, { nil: undefined }), (wanted, ofClient, ofProvider) => {
        const outcome = outcomeOf(wanted?.join(' '), ofClient, ofProvider)
        const shared = [...new Set(wanted ?? ofClient)].filter(
          (scope) => ofClient.includes(scope) && (ofProvider === undefined || ofProvider.includes(scope)),
        )
        const isNothingLeft = shared.length === 0 && (wanted ?? ofClient).length > 0
        expect(outcome).toEqual(isNothingLeft ? 'invalid_scope' : shared)
      }),
      { numRuns: 500 },
    )
  })

  it('are never more than the bounds for any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), tokens, tokens, (requested, ofClient, ofProvider) => {
        const outcome = outcomeOf(requested, ofClient, ofProvider)
        if (typeof outcome === 'string') expect(outcome).toBe('invalid_scope')
        else
          for (const scope of outcome)
            expect([ofClient, ofProvider]).toEqual([expect.arrayContaining([scope]), expect.arrayContaining([scope])])
      }),
    )
  })

  it('are all that client and identity provider share where none is requested', () => {
    expect(outcomeOf(undefined, ['a', 'b'])).toEqual(['a', 'b'])
    expect(outcomeOf(undefined, ['a', 'b'], ['b', 'c'])).toEqual(['b'])
  })

  it('are none, without an error, for a client that may have none and requests none', () => {
    expect(outcomeOf(undefined, [])).toEqual([])
    expect(outcomeOf(undefined, [], ['a'])).toEqual([])
  })

  it('are an error where nothing is left of something', () => {
    expect(outcomeOf('a', ['b'])).toBe('invalid_scope')
    expect(outcomeOf('a', ['a'], ['b'])).toBe('invalid_scope')
    expect(outcomeOf('a', ['a'], [])).toBe('invalid_scope')
    expect(outcomeOf(undefined, ['a'], ['b'])).toBe('invalid_scope')
    expect(outcomeOf('a', [])).toBe('invalid_scope')
  })

  it('are each granted once, in the order of the request', () => {
    expect(outcomeOf('b a  b', ['a', 'b'])).toEqual(['b', 'a'])
  })

  it('are an error where spaces alone are requested', () => {
    expect(outcomeOf(' ', ['a'])).toBe('invalid_scope')
    expect(outcomeOf('  ', [])).toBe('invalid_scope')
  })

  it('are compared with their case', () => {
    expect(outcomeOf('A a', ['a'])).toEqual(['a'])
    expect(outcomeOf('A', ['a'])).toBe('invalid_scope')
  })

  it.each(['a"', 'a\\b', 'a\tb', 'a\nb', 'ä', 'a\0', 'a\x7f', 'a\u00a0b'])(
    'are none for the malformed %j',
    (requested) => {
      expect(outcomeOf(requested, ['a', 'b'])).toBe('invalid_scope')
      expect(outcomeOf(`a ${requested}`, ['a', 'b'])).toBe('invalid_scope')
    },
  )

  it('are only what the bounds that there are have in common, whatever is missing', () => {
    expect(grantScopes(undefined, [undefined, new Set(['a', 'b']), ['b', 'c']])).toEqual(['b'])
    expect(grantScopes('b c', [undefined, undefined, ['b']])).toEqual(['b'])
  })

  it('are none if nothing bounds them', () => {
    expect(grantScopes(undefined, [undefined, undefined])).toEqual([])
    expect(() => grantScopes('a', [undefined, undefined])).toThrow('None of the scopes can be granted')
  })
})
