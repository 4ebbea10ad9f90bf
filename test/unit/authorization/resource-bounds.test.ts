import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readAccessTokenOptions } from '../../../src/access-token/access-token-options.js'
import { readResources } from '../../../src/access-token/resource-options.js'
import type { RequestingClient } from '../../../src/authorization/authorization.js'
import { boundAccess, requireBindings } from '../../../src/authorization/bound-access.js'
import { chooseTargets } from '../../../src/authorization/targets.js'
import type { Client } from '../../../src/client-auth/client-options.js'
import { isTokenRejected } from '../../../src/errors/rejections.js'
import { boundGrantedAccess } from '../../../src/grants/bound-granted-access.js'
import { readGrantedAccess } from '../../../src/grants/granted-access.js'
import type { IdentityProvider } from '../../../src/identity-provider/identity-provider.js'
import { isOAuthError } from '../../../src/oauth/errors.js'
import type { TokenRequest } from '../../../src/oauth/token-request.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { createPolicy } from '../../../src/policy/policy.js'
import { readPolicy } from '../../../src/policy/policy-options.js'
import { hostFunctions } from '../../support/host-functions.js'
import { shareOfCases, TIMEOUT } from '../policy/cases.js'

interface ResourceOfModel {
  identifier: string
  scopes?: string[]
  lifetime?: number
}

interface BindingOfModel {
  name: string
  scopes?: string[]
  resources?: string[]
  lifetime?: number
  when?: Record<string, string>
}

interface Situation {
  resources: ResourceOfModel[]
  /** undefined: not configured. */
  defaults?: string[]
  bindings: BindingOfModel[]
  ofProvider?: string[]
  /** Without scopes: no client. */
  client: { scopes?: string[]; resources?: string[] }
  requestedScopes?: string[]
  /** As they are sent. */
  requested: string[]
  claims: Record<string, string>
}

type Outcome = { scopes: string[]; audiences: string[]; lifetime: number } | string

const A = 'https://a.example.com'
const B = 'https://b.example.com/x'
const C = 'urn:example:c'
const IDENTIFIERS = [A, B, C]
const SCOPES = ['p', 'q', 'r']
/** What each spelling means; undefined: no resource. */
const MEANINGS: Readonly<Record<string, string | undefined>> = {
  [A]: A,
  'https://a.example.com/': A,
  'HTTPS://A.Example.COM': A,
  [B]: B,
  'https://B.EXAMPLE.com/x': B,
  [C]: C,
  'https://b.example.com/x/': undefined,
  'https://b.example.com/X': undefined,
  'https://b.example.com/%78': undefined,
  'https://a.example.com:443': undefined,
  'https://a.example.com?': undefined,
  'https://a.example.com/#': undefined,
  'URN:example:c': undefined,
  '/x': undefined,
  toString: undefined,
}

function resourcesOf({ resources, defaults }: Situation) {
  const reader = new OptionReader({ resources, accessToken: defaults === undefined ? {} : { audience: defaults } })
  const found = readAccessTokenOptions(reader.object('accessToken'), readResources(reader)).resources
  expect(reader.problems()).toEqual([])
  return found
}

function codeOf(error: unknown): string {
  if (isTokenRejected(error)) return error.reason
  if (isOAuthError(error)) return error.code
  throw error
}

function outcomeOf(situation: Situation): Outcome {
  const { bindings, ofProvider, client, requestedScopes, requested, claims } = situation
  const known = resourcesOf(situation)
  const reader = new OptionReader(bindings.length === 0 ? {} : { bindings })
  const context = { audiences: known.identifiers, clientIds: undefined }
  const policy = createPolicy(readPolicy(reader, context), 'https://idp.example.com', hostFunctions)
  expect(reader.problems()).toEqual([])
  const identityProvider = { policy, scopes: ofProvider && new Set(ofProvider) } as IdentityProvider
  const requesting = {
    ...client,
    resources: client.resources && new Set(client.resources),
  } as unknown as RequestingClient
  const request = { scope: requestedScopes?.join(' '), client: requesting, identityProvider, claims }
  try {
    const targets = chooseTargets({ resources: requested, client: requesting }, requireBindings(request), known)
    const { scopes, audiences, lifetime } = boundAccess(request, targets)
    return { scopes: [...scopes].sort(), audiences: [...audiences].sort(), lifetime }
  } catch (error) {
    return codeOf(error)
  }
}

/** The resources that the token is for, the slow and obvious way; undefined: refused. */
function obviousTargets(situation: Situation, mayHave: (identifier: string) => boolean): string[] | undefined {
  const { resources, defaults, requested } = situation
  const known = resources.map(({ identifier }) => identifier)
  if (requested.length === 0) {
    const byDefault = defaults ?? (known.length === 1 ? known : [])
    const targets = byDefault.filter(mayHave)
    return targets.length === 0 ? undefined : targets
  }
  const targets: string[] = []
  for (const spelling of requested) {
    const identifier = MEANINGS[spelling]
    if (identifier === undefined || !known.includes(identifier) || !mayHave(identifier)) return undefined
    if (!targets.includes(identifier)) targets.push(identifier)
  }
  return targets
}

function obviousOutcomeOf(situation: Situation): Outcome {
  const { resources, bindings, ofProvider, client, requestedScopes, claims } = situation
  const holding = bindings.filter(({ when = {} }) =>
    Object.entries(when).every(([name, value]) => claims[name] === value),
  )
  if (bindings.length > 0 && holding.length === 0) return 'no_binding_matches'
  const reaches = (binding: BindingOfModel, identifier: string) => binding.resources?.includes(identifier) ?? true
  const targets = obviousTargets(situation, (identifier) => {
    if (client.resources?.includes(identifier) === false) return false
    return bindings.length === 0 || holding.some((binding) => reaches(binding, identifier))
  })
  if (targets === undefined) return 'invalid_target'
  const near = holding.filter((binding) => targets.some((target) => reaches(binding, target)))
  const given = [...new Set(near.flatMap((binding) => binding.scopes ?? []))]
  const wanted = requestedScopes ?? client.scopes ?? ofProvider ?? (bindings.length > 0 ? given : [])
  const scopes: string[] = []
  for (const scope of new Set(wanted)) {
    if (client.scopes?.includes(scope) === false || ofProvider?.includes(scope) === false) continue
    if (client.scopes === undefined && ofProvider === undefined && bindings.length === 0) continue
    const isOfAll = targets.every((target) => {
      const resource = resources.find(({ identifier }) => identifier === target)
      const isOfResource = resource?.scopes?.includes(scope) ?? true
      const isGiven = near.some((binding) => reaches(binding, target) && binding.scopes?.includes(scope))
      return isOfResource && (bindings.length === 0 || isGiven)
    })
    if (isOfAll) scopes.push(scope)
  }
  if (wanted.length > 0 && scopes.length === 0) return 'invalid_scope'
  const giving =
    scopes.length === 0 ? near : near.filter((each) => scopes.some((scope) => each.scopes?.includes(scope)))
  const bounding = [...giving, ...resources.filter(({ identifier }) => targets.includes(identifier))]
  const lifetime = Math.min(Number.POSITIVE_INFINITY, ...bounding.flatMap((each) => each.lifetime ?? []))
  return { scopes: scopes.sort(), audiences: targets.sort(), lifetime }
}

/** Mostly all of them, so that enough is granted. */
const mostOf = (all: readonly string[], minLength = 0): fc.Arbitrary<string[]> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(all.slice()) }, fc.subarray(all.slice(), { minLength }))
const scopes = mostOf(SCOPES)
const lifetime = fc.constantFrom(1, 60, 300)
const optional = { requiredKeys: [] }
const bounds = fc.record({ scopes, lifetime }, optional)
const resources = fc
  .tuple(mostOf(IDENTIFIERS, 1), bounds, bounds, bounds)
  .map(([identifiers, ...each]) => identifiers.map((identifier, at): ResourceOfModel => ({ ...each[at], identifier })))
const claims = fc.record({ x: fc.constantFrom('1', '2'), y: fc.constantFrom('1', '2') }, optional)
const when = fc.constantFrom({ x: '1' }, { y: '2' })
const spelling = (meant: (meaning: string | undefined) => boolean) =>
  fc.constantFrom(...Object.keys(MEANINGS).filter((each) => meant(MEANINGS[each])))
const situation: fc.Arbitrary<Situation> = resources.chain((registered) => {
  const identifiers = registered.map(({ identifier }) => identifier)
  const isRegistered = (meaning: string | undefined) => meaning !== undefined && identifiers.includes(meaning)
  const one = fc.oneof(
    { weight: 9, arbitrary: spelling(isRegistered) },
    spelling(() => true),
  )
  const binding = fc.record({ scopes, resources: fc.subarray(identifiers, { minLength: 1 }), lifetime, when }, optional)
  return fc.record(
    {
      resources: fc.constant(registered),
      defaults: mostOf(identifiers, 1),
      bindings: fc.array(binding, { maxLength: 3 }).map((all) => all.map((each, at) => ({ ...each, name: `${at}` }))),
      ofProvider: scopes,
      client: fc.record({ scopes, resources: mostOf(IDENTIFIERS) }, optional),
      requestedScopes: fc.uniqueArray(fc.constantFrom(...SCOPES, 'unknown'), { minLength: 1, maxLength: 3 }),
      requested: fc.array(one, { maxLength: 3 }),
      claims: claims as fc.Arbitrary<Record<string, string>>,
    },
    { requiredKeys: ['resources', 'bindings', 'client', 'requested', 'claims'] },
  )
})

describe('an access token for registered resources', () => {
  it(
    'is for what the request names or for the default, with scopes of all of that, as the model says',
    () => {
      const outcomes = { granted: 0, refused: 0 }
      fc.assert(
        fc.property(situation, (each) => {
          const outcome = outcomeOf(each)
          expect(outcome).toEqual(obviousOutcomeOf(each))
          outcomes[typeof outcome === 'string' ? 'refused' : 'granted'] += 1
        }),
        shareOfCases(1 / 20),
      )
      expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(20)
    },
    TIMEOUT,
  )
})

/** What a grant of the host names, and what becomes of it. */
interface Granting {
  situation: Situation
  audiences?: string[]
  scopes: string[]
}

describe('an access token of a grant of the host', () => {
  const granting: fc.Arbitrary<Granting> = fc.record(
    {
      situation,
      audiences: fc.array(
        spelling((meaning) => meaning !== undefined),
        { minLength: 1, maxLength: 2 },
      ),
      scopes,
    },
    { requiredKeys: ['situation', 'scopes'] },
  )

  it(
    'has never a resource or a scope that the model does not allow',
    async () => {
      let granted = 0
      const check = async ({ situation: each, audiences: named, scopes: wanted }: Granting) => {
        const known = resourcesOf(each)
        const ofClient = { scopes: SCOPES, ...each.client }
        const client = { ...ofClient, clientId: 'app', resources: ofClient.resources && new Set(ofClient.resources) }
        const access = readGrantedAccess({ subject: 'alice', scopes: wanted, ...(named && { audiences: named }) })
        const request = { all: () => each.requested } as unknown as TokenRequest
        const deps = {
          resources: known,
          findClient: async () => undefined,
          identityProviders: { find: () => undefined },
        }
        try {
          const question = { access, authorized: [], request, client: client as unknown as Client }
          const { scopes: got, audiences, lifetime: bound, response } = await boundGrantedAccess(question, deps)
          granted += 1
          const asked = each.requested.map((spelling) => MEANINGS[spelling])
          for (const audience of audiences) {
            const resource = each.resources.find(({ identifier }) => identifier === audience)
            expect(resource).toBeDefined()
            expect(ofClient.resources?.includes(audience)).not.toBe(false)
            expect(asked.length === 0 || asked.includes(audience)).toBe(true)
            for (const scope of got) expect(resource?.scopes?.includes(scope)).not.toBe(false)
            expect(bound).toBeLessThanOrEqual(resource?.lifetime ?? Number.POSITIVE_INFINITY)
          }
          for (const scope of got) expect(wanted.includes(scope) && ofClient.scopes.includes(scope)).toBe(true)
          expect([response?.resource].flat().filter((name) => name !== undefined)).toEqual(
            asked.length === 0 ? [] : [...audiences],
          )
          expect(audiences.size).toBeGreaterThan(0)
          expect(got.length > 0 || wanted.length === 0).toBe(true)
        } catch (error) {
          expect(['invalid_target', 'invalid_scope']).toContain(codeOf(error))
        }
      }
      await fc.assert(fc.asyncProperty(granting, check), shareOfCases(1 / 20))
      expect(granted).toBeGreaterThan(20)
    },
    TIMEOUT,
  )
})
