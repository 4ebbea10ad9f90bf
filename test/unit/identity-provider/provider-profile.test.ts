import { describe, expect, it } from '@jest/globals'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { formatPath, isConfigError } from '../../../src/option-checks/config-error.js'

type Options = Record<string, unknown>

const ISSUER = 'https://api.example.com/oauth2'
const NAME = 'https://idp.example.com'
const ENTRY = { name: NAME, profile: 'workload', scopes: ['read'], jwksUri: `${NAME}/keys` }
const STRICT = { soleAudience: true, requireIat: true, requireJti: true, replay: 'once' }
const LOOSE = { soleAudience: false, requireIat: false, requireJti: false, replay: 'allow' }

function read(own: Options, top: Options = {}) {
  const { identityProviders } = readExchangeOptions({
    issuer: ISSUER,
    clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', scopes: ['read'] }],
    accessToken: { audience: 'https://api.example.com' },
    identityProviders: [{ ...ENTRY, ...own }],
    ...top,
  })
  return identityProviders[0]
}

/** The places of the problems. */
function problemsOf(own: Options): string[] {
  try {
    read(own)
    return []
  } catch (error) {
    if (isConfigError(error)) return error.problems.map(({ path }) => formatPath(path))
    throw error
  }
}

describe('the profile of an identity provider', () => {
  it.each([undefined, null, '', 'Workload', 'strict', true, ['workload']])('is refused when it is %j', (profile) => {
    expect(problemsOf({ profile })).toContain('identityProviders[0].profile')
  })

  it('changes no default when it is jwt-bearer, or left out', () => {
    const { profile: _, ...without } = ENTRY
    const plain = { limits: { ...LOOSE, replay: 'once' }, alias: `${ISSUER}/token`, clientAuthentication: 'required' }
    expect(read({ profile: 'jwt-bearer' })).toMatchObject(plain)
    expect(read({}, { identityProviders: [without] })).toEqual(read({ profile: 'jwt-bearer' }))
  })

  it('has strict defaults when it is workload', () => {
    expect(read({})).toMatchObject({
      limits: { ...STRICT, maxAge: 1800, maxLifetime: 86_400, clockTolerance: 60 },
      maxBeyondAssertion: 0,
      clientAuthentication: 'optional',
      alias: ISSUER,
      audiences: new Set([ISSUER, `${ISSUER}/token`]),
    })
  })
})

describe('the defaults of the profile workload', () => {
  it('win over what is set for all identity providers', () => {
    expect(read({}, { assertion: { ...LOOSE, maxAge: 60 } })?.limits).toMatchObject({ ...STRICT, maxAge: 60 })
  })

  it.each(Object.entries(LOOSE))('give way to %s of the entry', (option, value) => {
    const limits = read({ [option]: value })?.limits
    expect(limits).toMatchObject({ ...STRICT, [option]: value })
    const { limits: ofBoth } = read({ [option]: value }, { assertion: STRICT }) ?? {}
    expect(ofBoth).toEqual(limits)
  })

  it('give way to clientAuthentication of the entry', () => {
    expect(read({ clientAuthentication: 'required' })?.clientAuthentication).toBe('required')
  })

  it('let no caller without a client in if nothing bounds what it may obtain', () => {
    const { scopes: _, ...unbounded } = { ...ENTRY, allowedSubjects: ['alice'] }
    expect(() => read({}, { identityProviders: [unbounded] })).toThrow(/`clientAuthentication: 'optional'` lets/)
    const required = { ...unbounded, clientAuthentication: 'required' }
    expect(read({}, { identityProviders: [required] })).toMatchObject({ clientAuthentication: 'required' })
  })

  it('give way to maxBeyondAssertion of the entry', () => {
    expect(read({ maxBeyondAssertion: 60 })?.maxBeyondAssertion).toBe(60)
  })

  it('accept only the alias and audiences in aud when an alias is set', () => {
    const own = { alias: 'urn:us', audiences: ['urn:old'] }
    expect(read(own)).toMatchObject({ alias: 'urn:us', audiences: new Set(['urn:us', 'urn:old']) })
    expect(read({ audiences: ['urn:old'] })?.audiences).toEqual(new Set([ISSUER, `${ISSUER}/token`, 'urn:old']))
  })
})

describe('the name of a provider of workloads', () => {
  it.each([
    ['with a query', `${NAME}/?tenant=1`],
    ['with an empty query', `${NAME}?`],
    ['with a fragment', `${NAME}#x`],
    ['with an empty fragment', `${NAME}#`],
    ['with user info', 'https://user@idp.example.com'],
    ['without TLS', 'http://idp.example.com'],
    ['with another scheme', 'spiffe://idp.example.com'],
    ['without a scheme', 'idp.example.com'],
    ['that is no URL', 'kubernetes/serviceaccount'],
  ])('is refused when it is one %s', (_, name) => {
    expect(problemsOf({ name })).toEqual(['identityProviders[0].name'])
    expect(problemsOf({ name, profile: 'jwt-bearer' })).toEqual([])
  })

  it.each([NAME, `${NAME}/`, `${NAME}:8443/t/1`, 'http://127.0.0.1:8080', 'http://localhost/idp'])(
    'may be %s',
    (name) => {
      expect(problemsOf({ name })).toEqual([])
    },
  )

  it('is one problem when it is missing, or a pattern', () => {
    expect(problemsOf({ name: 'https://*.example.com' })).toEqual(['identityProviders[0].name'])
    expect(problemsOf({ name: '' })).toEqual(['identityProviders[0].name'])
  })
})
