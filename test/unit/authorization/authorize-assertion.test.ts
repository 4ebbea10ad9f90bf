import { describe, expect, it } from '@jest/globals'
import { Resources } from '../../../src/access-token/resources.js'
import type { VerifiedAssertion } from '../../../src/assertion/verify-assertion.js'
import {
  type AuthorizationRun,
  type AuthorizeAssertionDeps,
  authorizeAssertion,
  runAuthorization,
} from '../../../src/authorization/authorize-assertion.js'
import type { RefusalSettings } from '../../../src/authorization/refusal-advice.js'
import { TokenRejected } from '../../../src/errors/rejections.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { createPolicy } from '../../../src/policy/policy.js'
import { readPolicy } from '../../../src/policy/policy-options.js'
import { rawSubject } from '../../../src/policy/subject-mapping.js'
import { hostFunctions } from '../../support/host-functions.js'

const NAME = 'https://idp.example.com'
const NOW = 1000
const OPTIONS = {
  allowedSubjects: ['alice'],
  requiredClaims: { tenant: 'acme', level: 3 },
  check: () => true,
  bindings: [{ name: 'read', scopes: ['orders:read'], lifetime: 60 }],
  claimsToToken: { tenant: 'tenant' },
}
const STEPS = [
  'client of the identity provider',
  ...['allowedSubjects', 'tenant', 'level', 'check'],
  ...['subject', 'subject is not a client', 'bindings', 'resource', 'scope', 'claimsToToken', 'lifetime', 'replay'],
]

function assertionOf(payload: Record<string, unknown>): VerifiedAssertion {
  const policy = createPolicy(readPolicy(new OptionReader(OPTIONS), contextOf()), NAME, hostFunctions)
  const identityProvider = {
    id: NAME,
    name: NAME,
    policy,
    mapSubject: rawSubject,
    limits: { replay: 'once', clockTolerance: 60 },
    trust: { isOn: true },
  }
  const claims = { sub: 'alice', exp: NOW + 300, jti: 'j', tenant: 'acme', level: 3, ...payload }
  return {
    ...{ identityProvider, sub: claims.sub, expiresAt: claims.exp, assertionId: claims.jti },
    ...{ payload: claims, encodedPayload: '', context: { kid: 'k' } },
  } as unknown as VerifiedAssertion
}

const contextOf = () => ({ audiences: new Set(['urn:orders']), clientIds: new Set(['app']) })

/** What is authorized, or refused, and whether the assertion was marked used. */
async function authorize(payload: Record<string, unknown> = {}, run?: AuthorizationRun) {
  let isMarked = false
  const deps = {
    resources: Resources.ofAudiences(['urn:orders']),
    findClient: async () => undefined,
    identityProviders: { haveShares: false },
    replayProtection: {
      markUsed: async () => {
        isMarked = true
        return true
      },
    },
    clock: { now: () => NOW, monotonic: () => 0 },
    documentation: undefined,
  } as AuthorizeAssertionDeps & RefusalSettings
  const client = {
    clientId: 'app',
    scopes: ['orders:read', 'orders:write'],
    lifetime: 90,
    identityProviders: undefined,
    resources: undefined,
  }
  const request = { assertion: assertionOf(payload), client, scope: undefined, resources: [], signal: undefined }
  try {
    return {
      authorization: await (run ? runAuthorization(request, deps, run) : authorizeAssertion(request, deps)),
      isMarked,
    }
  } catch (error) {
    return { reason: (error as TokenRejected).reason, isMarked }
  }
}

/** Notes each step, and lets one of them fail. */
function noting(seen: string[], failing?: string): AuthorizationRun {
  const note = (name: string) => {
    seen.push(name)
    if (name === failing) throw new TokenRejected('invalid_claim')
  }
  return {
    rule: (rule, enforce) => {
      note(typeof rule === 'string' ? rule : rule.path)
      return enforce()
    },
    step: async (name, act) => {
      note(name)
      const result = await act()
      return () => result
    },
  }
}

describe('an authorization by an assertion', () => {
  it('is bounded by the client and the bindings, and says who vouched with which key', async () => {
    expect(await authorize()).toEqual({
      authorization: {
        subject: 'alice',
        scopes: ['orders:read'],
        audiences: new Set(['urn:orders']),
        claims: { tenant: 'acme' },
        lifetime: 60,
        latestExpiry: Number.POSITIVE_INFINITY,
        identityProvider: NAME,
        bindings: ['read'],
        kid: 'k',
      },
      isMarked: true,
    })
  })

  it.each([
    ['subject_not_allowed', { sub: 'mallory' }],
    ['claim_not_allowed', { level: 2 }],
  ])('does not mark an assertion used that is refused: %s', async (reason, payload) => {
    expect(await authorize(payload)).toEqual({ reason, isMarked: false })
  })

  it('takes its steps in this order, and marks the assertion used last', async () => {
    const seen: string[] = []
    expect(await authorize({}, noting(seen))).toMatchObject({ isMarked: true })
    expect(seen).toEqual(STEPS)
  })

  it.each(STEPS)('ends where a step fails, and marks nothing used: %s', async (step) => {
    const seen: string[] = []
    expect(await authorize({}, noting(seen, step))).toEqual({ reason: 'invalid_claim', isMarked: false })
    expect(seen).toEqual(STEPS.slice(0, STEPS.indexOf(step) + 1))
  })
})
