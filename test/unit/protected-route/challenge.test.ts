import { describe, expect, it } from '@jest/globals'
import { Challenge, type FindResourceMetadata } from '../../../src/protected-route/challenge.js'

const REALM = 'https://auth.example.com/oauth2'
const DOCUMENT = 'https://api.example.com/.well-known/oauth-protected-resource'

function challengeOf(findResourceMetadata?: FindResourceMetadata): Challenge {
  return new Challenge('Bearer', REALM, findResourceMetadata)
}

function errorValue(
  challenge: Challenge,
  access?: { scopes?: readonly string[]; resource?: string },
): string | undefined {
  const refusal = challenge.error('insufficient_scope', 'A scope is missing', 'insufficient_scope', access)
  return refusal.headers['WWW-Authenticate']
}

describe('Challenge', () => {
  it('leaves characters out of the realm that would end its quotes', () => {
    expect(new Challenge('Bearer', 'a", error="b\\\n').plain()).toBe('Bearer realm="a, error=b"')
  })

  it('names the realm alone if nothing else is known', () => {
    expect(challengeOf().plain()).toBe(`Bearer realm="${REALM}"`)
    expect(challengeOf().plain({ scopes: [], resource: 'https://api.example.com' })).toBe(`Bearer realm="${REALM}"`)
  })

  it('names the scopes of the operation and the metadata of the resource, without an error', () => {
    const challenge = challengeOf((resource) => (resource === 'https://api.example.com' ? DOCUMENT : undefined))
    expect(challenge.plain({ scopes: ['read', 'write'], resource: 'https://api.example.com' })).toBe(
      `Bearer realm="${REALM}", scope="read write", resource_metadata="${DOCUMENT}"`,
    )
    expect(challenge.plain({ resource: 'https://other.example.com' })).toBe(`Bearer realm="${REALM}"`)
  })

  it('asks for the metadata of the default resource if no resource is named', () => {
    const asked: unknown[] = []
    const challenge = challengeOf((resource) => {
      asked.push(resource)
      return DOCUMENT
    })
    expect(challenge.plain()).toBe(`Bearer realm="${REALM}", resource_metadata="${DOCUMENT}"`)
    expect(asked).toEqual([undefined])
  })

  it('names each attribute of an error once', () => {
    const value = errorValue(
      challengeOf(() => DOCUMENT),
      { scopes: ['read'] },
    )
    expect(value).toBe(
      `Bearer realm="${REALM}", error="insufficient_scope", error_description="A scope is missing", scope="read", resource_metadata="${DOCUMENT}"`,
    )
    expect(errorValue(challengeOf())).toBe(
      `Bearer realm="${REALM}", error="insufficient_scope", error_description="A scope is missing"`,
    )
  })
})
