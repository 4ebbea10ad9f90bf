import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type AccessToken, PresentedAccessToken } from '../../../src/access-token/access-token.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { createAuthenticateAccessToken } from '../../../src/protected-route/authenticate-access-token.js'
import type { RouteOutcome } from '../../../src/protected-route/authenticate-request.js'
import { Challenge } from '../../../src/protected-route/challenge.js'
import type { HostRequest } from '../../../src/protected-route/host-request.js'
import { type ImpliedScopes, readImpliedScopes } from '../../../src/protected-route/implied-scopes.js'
import { ProxyWarning } from '../../../src/protected-route/proxy-warning.js'
import {
  createRouteOptionReader,
  type RequiredAccessOptions,
  readRequiredAccess,
  refuseOtherOptions,
} from '../../../src/protected-route/required-access.js'
import { hostFunctions } from '../../support/host-functions.js'

const US = 'https://api.example.com/oauth2'
const SCOPES = ['a', 'b', 'ab', 'c']
const events = new ExchangeEventEmitter()
const REQUEST = { headers: { authorization: 'Bearer x' }, method: 'GET', url: '/' } as unknown as HostRequest

type Token = Pick<AccessToken, 'sub' | 'scopes' | 'issuer' | 'identityProvider' | 'audience' | 'payload'>

/** What a route with these options makes of a token that is valid. */
function judge(token: Token, options: RequiredAccessOptions, implied?: ImpliedScopes): RouteOutcome<AccessToken> {
  const reader = createRouteOptionReader(options, 'protect')
  const access = readRequiredAccess(reader)
  refuseOtherOptions(reader)
  const verified = new PresentedAccessToken({ ...token, clientId: 'app', expiresAt: 1, tokenId: 'j' }, 'x')
  const challenge = new Challenge('Bearer', US)
  const ofExchange = {
    hostFunctions: () => hostFunctions,
    impliedScopes: () => implied,
    isForDefaultResource: () => true,
    verifier: () => () => verified,
  }
  const deps = { challenge, events, proxyWarning: new ProxyWarning(events), ...ofExchange }
  const outcome = createAuthenticateAccessToken(access, deps)(REQUEST)
  if (outcome instanceof Promise) throw new Error('a known token is judged at once')
  return outcome
}

const tokens: fc.Arbitrary<Token> = fc.record({
  sub: fc.constantFrom('alice', 'service-a', 'service-', 'xservice-a', '*'),
  scopes: fc.subarray(SCOPES),
  issuer: fc.constantFrom(US, 'https://idp.example.com'),
  identityProvider: fc.constantFrom(undefined, 'okta', 'https://idp.example.com', US),
  audience: fc.subarray(
    ['https://api.example.com', 'https://API.example.com/', 'https://api.example.com/v1', 'urn:a'],
    {
      minLength: 1,
    },
  ),
  payload: fc.record(
    { department: fc.constantFrom('sales', 'hr', ['sales'], null), level: fc.integer({ min: 0, max: 3 }) },
    { requiredKeys: [] },
  ),
})
const someScopes = fc.subarray(SCOPES, { minLength: 1 })
const scopeOption = fc.oneof(
  someScopes,
  someScopes.map((scopes) => scopes.join(' ')),
)
const VERDICTS = [true, true, '', 'no', false, undefined, 1, {}]
const complete: fc.Arbitrary<Required<RequiredAccessOptions>> = fc.record({
  scope: scopeOption,
  anyScope: scopeOption,
  requiredClaims: fc.constantFrom({ department: 'sales' }, { level: { atLeast: 2 } }, { department: ['hr', 's*'] }),
  allowedSubjects: fc.constantFrom<readonly string[] | 'any'>('any', ['alice'], ['service-*'], ['bob', 'x*']),
  resource: fc.constantFrom(
    'https://api.example.com',
    'HTTPS://api.example.com/',
    'https://api.example.com/v1',
    'urn:A',
  ),
  issuers: fc.subarray([US, 'okta', 'https://idp.example.com', 'nobody'], { minLength: 1 }),
  check: fc.constantFrom<() => true | string>(...VERDICTS.map((verdict) => () => verdict as true)),
})
const OPTIONS = ['scope', 'anyScope', 'requiredClaims', 'allowedSubjects', 'resource', 'issuers', 'check'] as const
/** With some of the options. */
const routes: fc.Arbitrary<RequiredAccessOptions> = fc
  .tuple(complete, fc.subarray([...OPTIONS], { maxLength: 3 }))
  .map(([options, names]) => Object.fromEntries(names.map((name) => [name, options[name]])))

/** As it is configured, and what it means: by way of others, too, and in a circle. */
const HIERARCHY = readImpliedScopes(
  new OptionReader({ impliedScopes: { c: ['ab'], ab: ['a', 'b'], b: ['c'] } }, ['createJwtExchange']),
)
const IMPLIES: Readonly<Record<string, readonly string[]>> = {
  c: ['ab', 'a', 'b', 'c'],
  ab: ['a', 'b', 'c', 'ab'],
  b: ['c', 'ab', 'a', 'b'],
}

type Verdict = readonly [status: number, reason: string]
const list = (scope: string | readonly string[]) => (typeof scope === 'string' ? scope.split(' ') : scope)
const isSame = (one: string, other: string) =>
  one === other || (URL.canParse(one) && new URL(one).href === new URL(other).href)
const isAccepted = (sub: string, pattern: string) => {
  return pattern.endsWith('*') ? sub.startsWith(pattern.slice(0, -1)) : sub === pattern
}
/** The conditions of the routes, written by hand. */
const CONDITIONS: Readonly<Record<string, (claims: Readonly<Record<string, unknown>>) => boolean>> = {
  '{"department":"sales"}': ({ department }) => department === 'sales',
  '{"level":{"atLeast":2}}': ({ level }) => typeof level === 'number' && level >= 2,
  '{"department":["hr","s*"]}': ({ department }) => department === 'sales' || department === 'hr',
}

/** Who may, in plain words: undefined if the token is let pass. */
function whoMay(token: Token, route: RequiredAccessOptions, isHierarchy: boolean): Verdict | undefined {
  const { scope = [], anyScope, requiredClaims, allowedSubjects = 'any', resource, issuers, check } = route
  const has = (each: string) =>
    token.scopes.some((scope) => scope === each || (isHierarchy && IMPLIES[scope]?.includes(each)))
  const from = [token.issuer, token.identityProvider]
  if (issuers !== undefined && !issuers.some((each) => from.includes(each))) return [401, 'wrong_issuer']
  if (resource !== undefined && !token.audience.some((each) => isSame(each, resource))) return [401, 'wrong_audience']
  if (!list(scope).every(has)) return [403, 'insufficient_scope']
  if (anyScope !== undefined && !list(anyScope).some(has)) return [403, 'insufficient_scope']
  if (allowedSubjects !== 'any' && !allowedSubjects.some((each) => isAccepted(token.sub, each)))
    return [403, 'subject_not_allowed']
  const holds = CONDITIONS[JSON.stringify(requiredClaims)]
  if (holds?.(token.payload) === false) return [403, 'claim_not_allowed']
  return check === undefined || (check as () => unknown)() === true ? undefined : [403, 'refused_by_check']
}

describe('a route', () => {
  it('lets exactly the tokens pass that meet all of its options', () => {
    let passed = 0
    fc.assert(
      fc.property(tokens, routes, fc.boolean(), (token, route, isHierarchy) => {
        const outcome = judge(token, route, isHierarchy ? HIERARCHY : undefined)
        const verdict = outcome.kind === 'refused' ? [outcome.answer.status, outcome.event.reason] : undefined
        expect(verdict).toEqual(whoMay(token, route, isHierarchy))
        expect(outcome.kind).toBe(verdict === undefined ? 'granted' : 'refused')
        passed += outcome.kind === 'granted' ? 1 : 0
      }),
      { numRuns: 1000 },
    )
    expect(passed).toBeGreaterThan(50)
  })

  it('lets no token pass with one option more that it refused before', () => {
    fc.assert(
      fc.property(tokens, routes, routes, (token, route, more) => {
        if (judge(token, route).kind === 'granted') return
        const { scope: _, anyScope: __, ...others } = more
        expect(judge(token, { ...others, ...route }).kind).toBe('refused')
      }),
    )
  })

  it('names all scopes of the operation in each challenge, but not where no scope would help', () => {
    fc.assert(
      fc.property(tokens, routes, (token, route) => {
        const outcome = judge(token, route)
        if (outcome.kind !== 'refused') return
        const all = [...new Set([...list(route.scope ?? []), ...list(route.anyScope ?? [])])]
        const isNamed = all.length > 0 && !/subject|claim|check/.test(outcome.event.reason)
        const [, scope] = / scope="([^"]*)"/.exec(outcome.answer.headers['WWW-Authenticate'] ?? '') ?? []
        expect(scope).toBe(isNamed ? all.join(' ') : undefined)
      }),
    )
  })

  it('says in the event who it was, what the token has, and what the route asks for', () => {
    const token = {
      sub: 'alice\n',
      scopes: ['a'],
      issuer: US,
      identityProvider: 'okta',
      audience: ['urn:a'],
      payload: {},
    }
    const outcome = judge(token, { scope: 'a', anyScope: ['b', 'c'] })
    expect(outcome.kind === 'refused' && outcome.event).toEqual({
      reason: 'insufficient_scope',
      error: 'insufficient_scope',
      status: 403,
      description: 'The access token lacks a required scope',
      subject: 'alice\\u000a',
      clientId: 'app',
      identityProvider: 'okta',
      scopes: ['a'],
      requiredScopes: ['a'],
      anyScope: ['b', 'c'],
      method: 'GET',
      route: '/',
      remoteAddress: '',
    })
    const refused = judge(token, { requiredClaims: { department: 'sales' } })
    expect(refused.kind === 'refused' && refused.event).toMatchObject({
      reason: 'claim_not_allowed',
      claim: 'department',
      message: 'expected exactly "sales"',
      subject: 'alice\\u000a',
      scopes: ['a'],
    })
  })
})
