import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Resources } from '../../../src/access-token/resources.js'
import { boundAccess, requireBindings } from '../../../src/authorization/bound-access.js'
import { chooseTargets } from '../../../src/authorization/targets.js'
import type { Client } from '../../../src/client-auth/client-options.js'
import { isTokenRejected } from '../../../src/errors/rejections.js'
import type { IdentityProvider } from '../../../src/identity-provider/identity-provider.js'
import { isOAuthError } from '../../../src/oauth/errors.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { createPolicy } from '../../../src/policy/policy.js'
import { readPolicy } from '../../../src/policy/policy-options.js'
import { hostFunctions } from '../../support/host-functions.js'
import { shareOfCases, TIMEOUT } from '../policy/cases.js'

interface BindingOfModel {
  name: string
  when?: Record<string, string>
  clients?: string[]
  scopes?: string[]
  resources?: string[]
  lifetime?: number
}

/** Everything that bounds one access token. */
interface Situation {
  bindings: BindingOfModel[]
  groupsToScopes?: Record<string, string[]>
  scopeClaim?: string
  ofProvider?: string[]
  client: { clientId: string; scopes: string[] }
  requested?: string[]
  /** Asked for; undefined: none. */
  resources?: string[]
  claims: Record<string, unknown>
}

/** What is granted, or the code or reason of the refusal. */
type Outcome = { scopes: string[]; audiences: string[]; lifetime: number } | string

const AUDIENCES = ['urn:r1', 'urn:r2', 'urn:r3']
const RESOURCES = Resources.ofAudiences(AUDIENCES)
const CLIENT_IDS = ['app', 'ci']

function outcomeOf(situation: Situation): Outcome {
  const { bindings, groupsToScopes, scopeClaim, ofProvider, client, requested, resources = [], claims } = situation
  const options = {
    ...(bindings.length > 0 && { bindings }),
    ...(groupsToScopes && { groupsToScopes }),
    ...(scopeClaim && { scopeClaim }),
  }
  const context = { audiences: new Set(AUDIENCES), clientIds: new Set(CLIENT_IDS) }
  const reader = new OptionReader(options)
  const settings = readPolicy(reader, context)
  const policy = createPolicy(settings, 'https://idp.example.com', hostFunctions)
  expect(reader.problems()).toEqual([])
  const identityProvider = { policy, scopes: ofProvider && new Set(ofProvider) } as IdentityProvider
  const scope = requested?.join(' ')
  const request = { scope, client: client as unknown as Client, identityProvider, claims }
  try {
    const targets = chooseTargets({ resources, client: request.client }, requireBindings(request), RESOURCES)
    const { scopes, audiences, lifetime } = boundAccess(request, targets)
    return { scopes: [...scopes], audiences: [...audiences].sort(), lifetime }
  } catch (error) {
    if (isTokenRejected(error)) return error.reason
    if (isOAuthError(error)) return error.code
    throw error
  }
}

/** Those that hold, groups as well, found one after the other. */
function holdingIn({ bindings, groupsToScopes, client, claims }: Situation): BindingOfModel[] {
  const found: BindingOfModel[] = []
  for (const binding of bindings) {
    let holds = binding.clients === undefined || binding.clients.some((id) => id === client.clientId)
    for (const [claim, value] of Object.entries(binding.when ?? {})) if (claims[claim] !== value) holds = false
    if (holds) found.push(binding)
  }
  for (const [group, scopes] of Object.entries(groupsToScopes ?? {})) {
    const isMember = Array.isArray(claims.groups) && claims.groups.some((each) => each === group)
    if (isMember) found.push({ name: group, scopes })
  }
  return found
}

function gives(binding: BindingOfModel, scope: string, audience: string): boolean {
  return (binding.scopes ?? []).includes(scope) && (binding.resources ?? AUDIENCES).includes(audience)
}

/** The same the slow and obvious way: scope by scope, audience by audience. */
function obviousOutcomeOf(situation: Situation): Outcome {
  const { ofProvider, client, requested, resources } = situation
  const holding = holdingIn(situation)
  if (holding.length === 0) return 'no_binding_matches'
  const reaches = (binding: BindingOfModel, audience: string) => (binding.resources ?? AUDIENCES).includes(audience)
  for (const resource of resources ?? []) if (!holding.some((each) => reaches(each, resource))) return 'invalid_target'
  const targets = resources ?? AUDIENCES
  const wanted = requested ?? client.scopes
  const scopes: string[] = []
  for (const scope of wanted) {
    if (scopes.includes(scope)) continue
    if (!client.scopes.includes(scope)) continue
    if (ofProvider !== undefined && !ofProvider.includes(scope)) continue
    if (targets.some((audience) => holding.some((binding) => gives(binding, scope, audience)))) scopes.push(scope)
  }
  if (wanted.length > 0 && scopes.length === 0) return 'invalid_scope'
  const near = holding.filter((each) => targets.some((audience) => reaches(each, audience)))
  const giving = scopes.length === 0 ? near : near.filter((each) => scopes.some((s) => each.scopes?.includes(s)))
  const audiences = AUDIENCES.filter((audience) =>
    resources === undefined ? giving.some((each) => reaches(each, audience)) : resources.includes(audience),
  )
  for (const scope of scopes)
    for (const audience of audiences)
      if (!holding.some((binding) => gives(binding, scope, audience))) return 'invalid_scope'
  let lifetime = Number.POSITIVE_INFINITY
  for (const binding of giving)
    if (binding.lifetime !== undefined && binding.lifetime < lifetime) lifetime = binding.lifetime
  return { scopes, audiences, lifetime }
}

const scope = fc.constantFrom('a', 'b', 'c', 'd')
const scopes = fc.uniqueArray(scope, { maxLength: 4 })
const few = { minLength: 1, maxLength: 2 }
const binding = fc.record(
  {
    when: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2'), { minKeys: 1, maxKeys: 2 }),
    clients: fc.uniqueArray(fc.constantFrom(...CLIENT_IDS), few),
    scopes,
    resources: fc.uniqueArray(fc.constantFrom(...AUDIENCES), { minLength: 1, maxLength: 3 }),
    lifetime: fc.constantFrom(1, 60, 300, 86_400),
  },
  { requiredKeys: [] },
)
const bindings = fc
  .array(binding, { minLength: 1, maxLength: 4 })
  .map((members): BindingOfModel[] => members.map((each, index) => ({ ...each, name: `binding ${index}` })))
const claims = fc.record(
  {
    x: fc.constantFrom('1', '2'),
    y: fc.constantFrom('1', '2', 1),
    groups: fc.uniqueArray(fc.constantFrom('g', 'h'), few),
  },
  { requiredKeys: [] },
)
const situation: fc.Arbitrary<Situation> = fc.record(
  {
    bindings,
    groupsToScopes: fc.dictionary(
      fc.constantFrom('g', 'h', 'i'),
      fc.uniqueArray(scope, { minLength: 1, maxLength: 2 }),
      { minKeys: 1, maxKeys: 2 },
    ),
    ofProvider: scopes,
    client: fc.record({ clientId: fc.constantFrom(...CLIENT_IDS), scopes }),
    requested: fc.array(scope, { minLength: 1, maxLength: 4 }),
    resources: fc.uniqueArray(fc.constantFrom(...AUDIENCES), { minLength: 1, maxLength: 3 }),
    claims,
  },
  { requiredKeys: ['bindings', 'client', 'claims'] },
)

/** A situation in which a token is issued, to be narrowed: with what one binding demands, or without one of several. */
const narrowing = fc.tuple(situation, fc.nat(), fc.constantFrom('when', 'clients', 'removed'))

function narrow(wide: Situation, place: number, way: string): Situation {
  const index = place % wide.bindings.length
  if (way === 'removed') return { ...wide, bindings: wide.bindings.filter((_, each) => each !== index) }
  const bindings = wide.bindings.map((each, at): BindingOfModel => {
    if (at !== index) return each
    if (way === 'clients') return { ...each, clients: (each.clients ?? CLIENT_IDS).slice(0, 1) }
    return { ...each, when: { ...each.when, z: '1' } }
  })
  return { ...wide, bindings: bindings }
}

describe('access that is refused', () => {
  const base: Situation = { bindings: [], client: { clientId: 'app', scopes: ['a', 'b'] }, claims: {} }

  it.each<[string, BindingOfModel[]]>([
    ['a claim is another one', [{ name: '1', scopes: ['a'], when: { x: '2' } }]],
    ['a claim is missing', [{ name: '1', scopes: ['a'], when: { y: '1' } }]],
    ['one of two claims is another one', [{ name: '1', scopes: ['a'], when: { x: '1', y: '1' } }]],
    ['they are for another client', [{ name: '1', scopes: ['a'], clients: ['ci'] }]],
    [
      'one lacks the client, the other one the claim',
      [
        { name: '1', scopes: ['a'], clients: ['ci'], when: { x: '1' } },
        { name: '2', scopes: ['a'], clients: ['app'], when: { x: '2' } },
      ],
    ],
  ])('is so for want of a binding where %s', (_, given) => {
    expect(outcomeOf({ ...base, claims: { x: '1' }, bindings: given })).toBe('no_binding_matches')
    expect(outcomeOf({ ...base, claims: { x: '1' }, bindings: given, requested: ['zzz'] })).toBe('no_binding_matches')
  })

  it('is so where nothing is left of the scopes', () => {
    expect(outcomeOf({ ...base, bindings: [{ name: '1' }] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: [{ name: '1', scopes: ['c'] }] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: [{ name: '1', scopes: ['a'] }], requested: ['b'] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: [{ name: '1', scopes: ['a'] }], ofProvider: ['b'] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: [{ name: '1', scopes: ['c'] }], requested: ['c'] })).toBe('invalid_scope')
  })

  it('is so where a scope of one audience would count at another', () => {
    const given = [
      { name: '1', scopes: ['a'], resources: ['urn:r1'] },
      { name: '2', scopes: ['b'], resources: ['urn:r2'] },
    ]
    expect(outcomeOf({ ...base, bindings: given })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: given, requested: ['a', 'b'] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: given, requested: ['b', 'c'] })).toMatchObject({
      scopes: ['b'],
      audiences: ['urn:r2'],
    })
  })

  it('is so where one of two scopes is of all audiences, and the other one is not', () => {
    const given = [
      { name: '1', scopes: ['a'] },
      { name: '2', scopes: ['a', 'b'], resources: ['urn:r1'] },
    ]
    expect(outcomeOf({ ...base, bindings: given, requested: ['a', 'b'] })).toBe('invalid_scope')
    expect(outcomeOf({ ...base, bindings: given, requested: ['a'] })).toMatchObject({ audiences: AUDIENCES })
    expect(outcomeOf({ ...base, bindings: given, requested: ['b'] })).toMatchObject({ audiences: ['urn:r1'] })
  })
})

describe('access', () => {
  const base: Situation = { bindings: [], client: { clientId: 'app', scopes: ['a', 'b', 'c'] }, claims: {} }

  it('without bindings is that of client and identity provider, for all audiences', () => {
    expect(outcomeOf({ ...base, ofProvider: ['b', 'a', 'd'] })).toEqual({
      scopes: ['a', 'b'],
      audiences: AUDIENCES,
      lifetime: Number.POSITIVE_INFINITY,
    })
  })

  it('has the scopes of all bindings that hold together', () => {
    const given = [
      { name: '1', scopes: ['a'] },
      { name: '2', scopes: ['b', 'd'] },
      { name: '3', scopes: ['c'], when: { x: '1' } },
    ]
    expect(outcomeOf({ ...base, bindings: given })).toMatchObject({ scopes: ['a', 'b'] })
    expect(outcomeOf({ ...base, bindings: given, requested: ['b', 'c', 'b', 'a'] })).toMatchObject({
      scopes: ['b', 'a'],
    })
    expect(outcomeOf({ ...base, bindings: given, claims: { x: '1' } })).toMatchObject({ scopes: ['a', 'b', 'c'] })
  })

  it('has scopes of overlapping bindings one at a time, as docs/policy.md says', () => {
    const given = [
      { name: 'A', scopes: ['a', 'b'], resources: ['urn:r1'] },
      { name: 'B', scopes: ['a'], resources: ['urn:r2'] },
    ]
    const of = (...requested: string[]) => outcomeOf({ ...base, bindings: given, requested })
    expect(of('b')).toMatchObject({ audiences: ['urn:r1'] })
    expect(of('a')).toMatchObject({ audiences: ['urn:r1', 'urn:r2'] })
    expect(of('a', 'b')).toBe('invalid_scope')
  })

  it('has the audiences and the lifetime of the bindings that give one of its scopes', () => {
    const given = [
      { name: '1', scopes: ['a'], resources: ['urn:r1'], lifetime: 60 },
      { name: '2', scopes: ['a', 'b'], resources: ['urn:r2', 'urn:r1'], lifetime: 300 },
      { name: '3', scopes: ['c'], resources: ['urn:r3'], lifetime: 1 },
      { name: '4', resources: ['urn:r3'], lifetime: 2 },
    ]
    const of = (...requested: string[]) => outcomeOf({ ...base, bindings: given, requested })
    expect(of('a')).toEqual({ scopes: ['a'], audiences: ['urn:r1', 'urn:r2'], lifetime: 60 })
    expect(of('b')).toEqual({ scopes: ['b'], audiences: ['urn:r1', 'urn:r2'], lifetime: 300 })
    expect(of('a', 'b')).toEqual({ scopes: ['a', 'b'], audiences: ['urn:r1', 'urn:r2'], lifetime: 60 })
    expect(of('c')).toEqual({ scopes: ['c'], audiences: ['urn:r3'], lifetime: 1 })
  })

  it('has the audiences and the lifetime of all bindings that hold where it has no scope', () => {
    const given = [
      { name: '1', scopes: ['a'], resources: ['urn:r1'], lifetime: 60 },
      { name: '2', resources: ['urn:r3'], lifetime: 300 },
      { name: '3', lifetime: 1, when: { x: '1' } },
    ]
    const client = { clientId: 'app', scopes: [] }
    expect(outcomeOf({ ...base, client, bindings: given })).toEqual({
      scopes: [],
      audiences: ['urn:r1', 'urn:r3'],
      lifetime: 60,
    })
    expect(outcomeOf({ ...base, client, bindings: given, requested: ['a'] })).toBe('invalid_scope')
  })

  it('is for the resources that are asked for, with the scopes of these alone', () => {
    const given = [
      { name: '1', scopes: ['a', 'b'], resources: ['urn:r1', 'urn:r2'], lifetime: 60 },
      { name: '2', scopes: ['a', 'c'], resources: ['urn:r2'], lifetime: 300 },
    ]
    const of = (resources: string[], requested?: string[]) =>
      outcomeOf({ ...base, bindings: given, resources, ...(requested && { requested }) })
    expect(of(['urn:r1'])).toEqual({ scopes: ['a', 'b'], audiences: ['urn:r1'], lifetime: 60 })
    expect(of(['urn:r1'], ['a', 'c'])).toEqual({ scopes: ['a'], audiences: ['urn:r1'], lifetime: 60 })
    expect(of(['urn:r2'])).toEqual({ scopes: ['a', 'b', 'c'], audiences: ['urn:r2'], lifetime: 60 })
    expect(of(['urn:r2'], ['c'])).toEqual({ scopes: ['c'], audiences: ['urn:r2'], lifetime: 300 })
    expect(of(['urn:r2', 'urn:r1'], ['a'])).toMatchObject({ scopes: ['a'], audiences: ['urn:r1', 'urn:r2'] })
    expect(of(['urn:r1', 'urn:r2'], ['c'])).toBe('invalid_scope')
    expect(of(['urn:r1'], ['c'])).toBe('invalid_scope')
    expect(of(['urn:r3'])).toBe('invalid_target')
    expect(of(['urn:r1', 'urn:r3'])).toBe('invalid_target')
  })

  it(
    'is for exactly the resources that are asked for, or for none',
    () => {
      fc.assert(
        fc.property(situation, (given) => {
          const outcome = outcomeOf(given)
          if (typeof outcome === 'string' || given.resources === undefined) return
          expect(outcome.audiences).toEqual([...given.resources].sort())
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'is what the slow and obvious way says',
    () => {
      const seen = { tokens: 0, invalid_scope: 0, invalid_target: 0, no_binding_matches: 0 }
      fc.assert(
        fc.property(situation, (given) => {
          const outcome = outcomeOf(given)
          seen[typeof outcome === 'string' ? (outcome as 'invalid_scope') : 'tokens'] += 1
          expect(outcome).toEqual(obviousOutcomeOf(given))
        }),
        shareOfCases(0.1),
      )
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0)
    },
    TIMEOUT,
  )

  it(
    'never has a scope for an audience that no single binding gives it, nor one that another bound has not',
    () => {
      fc.assert(
        fc.property(situation, (given) => {
          const outcome = outcomeOf(given)
          if (typeof outcome === 'string') return
          expect(outcome.audiences.length).toBeGreaterThan(0)
          const holding = holdingIn(given)
          for (const each of outcome.scopes) {
            expect(given.client.scopes).toContain(each)
            if (given.ofProvider !== undefined) expect(given.ofProvider).toContain(each)
            if (given.requested !== undefined) expect(given.requested).toContain(each)
            for (const audience of outcome.audiences) {
              const giving = holding.filter((binding) => gives(binding, each, audience))
              expect(giving).not.toEqual([])
              for (const { lifetime = Number.POSITIVE_INFINITY } of giving)
                expect(outcome.lifetime).toBeLessThanOrEqual(lifetime)
            }
          }
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'never has more scopes where a binding demands more, or is not there',
    () => {
      let compared = 0
      fc.assert(
        fc.property(narrowing, ([wide, place, way]) => {
          const narrowed = narrow(wide, place, way)
          fc.pre(narrowed.bindings.length > 0)
          const [before, after] = [outcomeOf(wide), outcomeOf(narrowed)]
          if (before === 'no_binding_matches') expect(after).toBe('no_binding_matches')
          if (typeof after === 'string') return
          const holding = holdingIn(wide)
          for (const each of after.scopes)
            for (const audience of after.audiences)
              expect(holding.some((binding) => gives(binding, each, audience))).toBe(true)
          if (typeof before === 'string') return
          compared += 1
          for (const each of after.scopes) expect(before.scopes).toContain(each)
          for (const audience of after.audiences) expect(before.audiences).toContain(audience)
        }),
        shareOfCases(0.1),
      )
      expect(compared).toBeGreaterThan(0)
    },
    TIMEOUT,
  )

  it(
    'never has more scopes where client, identity provider or request have fewer',
    () => {
      fc.assert(
        fc.property(situation, scope, (wide, without) => {
          const left = (all: string[]) => all.filter((each) => each !== without)
          const { client, ofProvider, requested } = wide
          const before = outcomeOf(wide)
          for (const fewer of [
            { ...wide, client: { ...client, scopes: left(client.scopes) } },
            { ...wide, ...(ofProvider && { ofProvider: left(ofProvider) }) },
            { ...wide, ...(requested && left(requested).length > 0 && { requested: left(requested) }) },
          ]) {
            const after = outcomeOf(fewer)
            if (typeof before === 'string' || typeof after === 'string') continue
            for (const each of after.scopes) expect(before.scopes).toContain(each)
            if (after.scopes.length > 0) expect(before.audiences).toEqual(expect.arrayContaining(after.audiences))
          }
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'does not depend on the order of the bindings, nor on one that is there twice',
    () => {
      fc.assert(
        fc.property(situation, fc.nat(), (given, place) => {
          const outcome = outcomeOf(given)
          const again = given.bindings[place % given.bindings.length]
          const twice = again === undefined ? [] : [{ ...again, name: 'again' }]
          expect(outcomeOf({ ...given, bindings: [...given.bindings].reverse() })).toEqual(outcome)
          expect(outcomeOf({ ...given, bindings: [...given.bindings, ...twice] })).toEqual(outcome)
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'has the scopes that are requested of one binding, with its audiences at most where no other one gives them',
    () => {
      fc.assert(
        fc.property(bindings, fc.constantFrom(...CLIENT_IDS), claims, (given, clientId, ofAssertion) => {
          for (const wanted of given) {
            const requested = wanted.scopes ?? []
            if (requested.length === 0) continue
            const others = given.filter(
              (each) => each !== wanted && each.scopes?.some((one) => requested.includes(one)),
            )
            const client = { clientId, scopes: ['a', 'b', 'c', 'd'] }
            const one = { bindings: given, client, requested, claims: ofAssertion }
            if (others.length > 0 || !holdingIn(one).includes(wanted)) continue
            expect(outcomeOf(one)).toEqual({
              scopes: requested,
              audiences: [...(wanted.resources ?? AUDIENCES)].sort(),
              lifetime: wanted.lifetime ?? Number.POSITIVE_INFINITY,
            })
          }
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )
})

describe('a claim that caps the scopes', () => {
  const base: Situation = {
    bindings: [],
    scopeClaim: 'scp',
    client: { clientId: 'app', scopes: ['a', 'b'] },
    claims: {},
  }
  const by = (scp: unknown, changes: Partial<Situation> = {}) => outcomeOf({ ...base, ...changes, claims: { scp } })

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 1],
    ['true', true],
    ['an object', { 0: 'a', length: 1 }],
    ['an array with a number', ['a', 1]],
    ['an array with null', ['a', null]],
    ['an array with the empty string', ['a', '']],
    ['an array with two scopes in one string', ['a b']],
    ['an array in an array', [['a']]],
    ['a string with a tab', 'a\tb'],
    ['a string with a line break', 'a\nb'],
    ['a string with a quotation mark', 'a "b"'],
    ['a string with a backslash', 'a\\'],
    ['a string with a no-break space', 'a\u00a0b'],
    ['an array with a letter beyond ASCII', ['ä']],
  ])('is refused when it is %s', (_, scp) => {
    expect(by(scp)).toBe('invalid_claim')
    expect(by(scp, { requested: ['a'] })).toBe('invalid_claim')
    expect(by(scp, { bindings: [{ name: '1', scopes: ['a'] }] })).toBe('invalid_claim')
  })

  it('grants nothing that it does not contain, and nothing more than the others allow', () => {
    expect(by('a')).toMatchObject({ scopes: ['a'] })
    expect(by(['b', 'zzz'])).toMatchObject({ scopes: ['b'] })
    expect(by(' b  a ')).toMatchObject({ scopes: ['a', 'b'] })
    expect(by('a b', { ofProvider: ['b'] })).toMatchObject({ scopes: ['b'] })
    expect(by('a b', { bindings: [{ name: '1', scopes: ['a', 'c'] }] })).toMatchObject({ scopes: ['a'] })
    expect(by('b', { bindings: [{ name: '1', scopes: ['a', 'b'] }] })).toMatchObject({ scopes: ['b'] })
    expect(by('c')).toBe('invalid_scope')
    expect(by('A')).toBe('invalid_scope')
    expect(by('a', { requested: ['b'] })).toBe('invalid_scope')
  })

  it.each<[string, unknown]>([
    ['an empty string', ''],
    ['spaces', '  '],
    ['an empty array', []],
  ])('allows no scope when it is %s', (_, scp) => {
    expect(by(scp)).toBe('invalid_scope')
    expect(by(scp, { requested: ['a'] })).toBe('invalid_scope')
    expect(by(scp, { client: { clientId: 'app', scopes: [] } })).toMatchObject({ scopes: [] })
  })

  it('does not bound anything when it is absent, inherited, or not configured', () => {
    expect(outcomeOf(base)).toMatchObject({ scopes: ['a', 'b'] })
    expect(outcomeOf({ ...base, claims: Object.create({ scp: 'a' }) })).toMatchObject({ scopes: ['a', 'b'] })
    const { scopeClaim: _, ...without } = base
    expect(outcomeOf({ ...without, claims: { scp: 'a' } })).toMatchObject({ scopes: ['a', 'b'] })
    expect(outcomeOf({ ...base, scopeClaim: 'realm.scp', claims: { realm: { scp: 'a' } } })).toMatchObject({
      scopes: ['a'],
    })
  })

  it(
    'gives exactly what a request for no other scopes than its own obtains without it',
    () => {
      fc.assert(
        fc.property(situation, scopes, fc.boolean(), (each, cap, isArray) => {
          const claims = { ...each.claims, scp: isArray ? cap : cap.join(' ') }
          const wanted = each.requested ?? each.client.scopes
          const within = wanted.filter((one) => cap.some((of) => of === one))
          const capped = outcomeOf({ ...each, scopeClaim: 'scp', claims })
          const asked = outcomeOf({ ...each, ...(within.length > 0 && { requested: within }) })
          const isNothingLeft = within.length === 0 && wanted.length > 0
          const isRefusedBefore = asked === 'no_binding_matches' || asked === 'invalid_target'
          expect(capped).toEqual(isNothingLeft && !isRefusedBefore ? 'invalid_scope' : asked)
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )
})
