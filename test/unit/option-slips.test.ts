import { describe, expect, it } from '@jest/globals'
import { readExchangeOptions } from '../../src/exchange/options.js'

const PROVIDER = { name: 'https://idp.example.com', jwksUri: 'https://idp.example.com/keys', allowedSubjects: 'any' }
const check = (provider: object) =>
  readExchangeOptions({
    issuer: 'https://api.example.com',
    accessToken: { audience: 'https://api.example.com' },
    clients: [{ clientId: 'app', clientSecret: 'a secret of the tests' }],
    identityProviders: [{ ...PROVIDER, ...provider }],
  })

describe('the name of an identity provider', () => {
  it.each([
    'https://login.microsoftonline.com/{tenantid}/v2.0',
    'https://login.microsoftonline.com/${TENANT}/v2.0',
    'https://login.microsoftonline.com/<tenant>/v2.0',
    'https://sts.windows.net/*',
    'https://*.okta.com',
    '*',
  ])('is not a template or a pattern: %s', (name) => {
    expect(() => check({ name })).toThrow(
      /identityProviders\[0\]\.name: got a template or a pattern, .*; expected the `iss` exactly as in its tokens, with one entry for each tenant/,
    )
  })

  it.each([
    'https://login.microsoftonline.com/common/v2.0',
    'https://login.microsoftonline.com/common',
    'https://login.microsoftonline.com/organizations/v2.0',
    'https://login.microsoftonline.us/consumers/v2.0',
    'https://login.partner.microsoftonline.cn/common/v2.0',
    'https://sts.windows.net/common/',
  ])('is not that of many tenants: %s', (name) => {
    expect(() => check({ name })).toThrow('name: got a name of many tenants, ')
  })

  it.each([
    'https://keycloak.example.com/realms/common',
    'https://login.example.com/common',
    'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    'kubernetes/serviceaccount',
  ])('may be %s', (name) => {
    expect(check({ name }).identityProviders[0]?.name).toBe(name)
  })
})

describe('a claim that must be missing', () => {
  it.each([
    ['acme.example/suspended', '/acme/example~1suspended'],
    ['realm_access.suspended', '/realm_access/suspended'],
  ])('is not named by a bare name with a dot: %s', (path, pointer) => {
    for (const rule of [
      { requiredClaims: { [path]: { exists: false } } },
      { requiredClaims: { [path]: { exists: false, message: 'x' } } },
      { bindings: [{ name: 'a', when: { [path]: { exists: false } } }] },
    ]) {
      const message = `exists: a bare name with a dot is ambiguous, and false would always match if it meant another claim; write '"${path}"' if it is the name of one claim, or '${pointer}' for a claim within another one`
      expect(() => check(rule)).toThrow(message)
    }
  })

  it('is read as the message says, by either spelling', () => {
    const holds = (path: string, claims: object) =>
      check({ requiredClaims: { [path]: { exists: false } } }).identityProviders[0]?.policy.requiredClaims[0]?.holds({
        ...claims,
      })
    const [flat, nested] = [{ 'acme.example/suspended': true }, { acme: { 'example/suspended': true } }]
    expect([holds('"acme.example/suspended"', flat), holds('"acme.example/suspended"', nested)]).toEqual([false, true])
    expect([holds('/acme/example~1suspended', flat), holds('/acme/example~1suspended', nested)]).toEqual([true, false])
  })

  it.each(['suspended', '"a.b".c', 'https://acme.example/suspended', '/a/b'])('may be named %s', (path) => {
    expect(() => check({ requiredClaims: { [path]: { exists: false } } })).not.toThrow()
  })

  it('is the only one that is so: a condition on a bare name with a dot that demands a value is taken', () => {
    expect(() =>
      check({ requiredClaims: { 'realm_access.roles': { includes: 'a' }, 'a.b': { exists: true } } }),
    ).not.toThrow()
  })
})
