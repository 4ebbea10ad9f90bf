import type { VerifiedAssertion } from '../assertion/verify-assertion.js'
import type { RequestingClient } from '../authorization/authorization.js'
import {
  type AuthorizationRun,
  type AuthorizationSteps,
  type AuthorizeAssertionDeps,
  latestExpiryOf,
  runAuthorization,
} from '../authorization/authorize-assertion.js'
import type { MappedClaim } from '../policy/claim-mapping.js'
import type { CheckContext } from '../policy/claim-path.js'
import { describeUnfilled } from '../policy/claim-template.js'
import type { BoundedCheck } from '../policy/policy.js'
import { rawSubject } from '../policy/subject-mapping.js'
import {
  describeBindings,
  describeClaimsToToken,
  describeRequested,
  describeRule,
  describeScope,
  NO_VERDICT,
  nameOfRule,
} from './access-texts.js'
import { type ExplainedAccessToken, type Explainer, isNotTaken, type StepTexts } from './explanation.js'
import { describeResource } from './resource-texts.js'
import { describeClaim, optionName } from './wording.js'

const IS_CLIENT = 'a client has this id: add a prefix to each subject, as subject "namespaced" does'
const TOO_LONG = 'it is too long, or has invisible characters or white space around it'
const NOT_MADE = `${TOO_LONG}; or a function did not return a string`

/** What somebody would ask for with an assertion, which need not be verified. */
export interface AccessInQuestion {
  assertion: VerifiedAssertion
  /** undefined: none was named, although one is needed, or there is none. */
  client: RequestingClient | undefined
  /** The parameter `scope`. */
  scope: string | undefined
  /** The values of the parameter `resource`. */
  resources: readonly string[]
  /** What functions of the host are given. */
  context: CheckContext
}

export interface AuthorizationStepsDeps extends Omit<AuthorizeAssertionDeps, 'replayProtection'> {
  /** Seconds, of the exchange. */
  lifetime: number
}

/** What is known while the steps are taken. */
interface Progress extends AccessInQuestion {
  deps: AuthorizationStepsDeps
  explainer: Explainer
  /** Of the steps that passed. */
  results: Partial<AuthorizationSteps>
  /** What `check` returned. */
  verdict: unknown
  /** Bytes as JSON of each claim of `claimsToToken` that has a source, by its name. */
  sizes: Map<string, number>
}

/** Used if there is no client: the steps that need one are left out. */
const NOBODY: RequestingClient = {
  clientId: '',
  scopes: [],
  lifetime: undefined,
  identityProviders: undefined,
  resources: undefined,
}
const NOTHING_IS_MARKED: Pick<AuthorizeAssertionDeps, 'replayProtection'> = {
  replayProtection: { markUsed: () => Promise.resolve(true) },
}

/** undefined: nothing is said of the step. */
const DESCRIPTIONS: Readonly<Record<keyof AuthorizationSteps, (progress: Progress) => StepTexts | undefined>> = {
  'client of the identity provider': describeClientOfProvider,
  subject: ({ assertion, explainer }) => ({
    expected: 'a subject for the access token',
    found: `from ${describeClaim(assertion.sub)}`,
    hint: (reason) =>
      reason === 'invalid_subject' ? hintOfMadeSubject(assertion, explainer.hasPassed('sub')) : undefined,
    asksHost: true,
  }),
  'subject is not a client': ({ results: { subject } }) =>
    subject === undefined
      ? undefined
      : {
          expected: 'not the id of a client',
          found: describeClaim(subject),
          hint: (reason) => (reason === 'subject_is_client_id' ? IS_CLIENT : undefined),
          asksHost: true,
        },
  bindings: ({ assertion, client }) => client && describeBindings(assertion, client),
  resource: ({ client, resources, deps, results }) =>
    client && describeResource({ client, resources }, results.bindings, deps.resources),
  scope: ({ assertion, client, scope, results }) =>
    client === undefined
      ? { expected: 'a client', found: describeRequested(scope), isSkipped: true }
      : describeScope(assertion, { client, scope }, results.resource),
  claimsToToken: ({ assertion, sizes }) => describeClaimsToToken(assertion, sizes),
  lifetime: (progress) => (progress.explainer.hasFailed(['exp']) ? undefined : describeLifetime(progress)),
  replay: ({ assertion: { identityProvider } }) => ({
    expected: identityProvider.limits.replay === 'once' ? 'not used before' : 'any number of uses',
    found: 'not checked',
    isSkipped: true,
  }),
}

/** What the assertion becomes; undefined if that is not known. */
export async function takeAuthorizationSteps(
  explainer: Explainer,
  question: AccessInQuestion,
  deps: AuthorizationStepsDeps,
): Promise<ExplainedAccessToken | undefined> {
  const progress: Progress = { ...question, deps, explainer, results: {}, verdict: NO_VERDICT, sizes: new Map() }
  const { client = NOBODY, scope, resources } = question
  const request = { assertion: observe(question.assertion, progress), client, scope, resources, signal: undefined }
  const steps = runAuthorization(request, { ...deps, ...NOTHING_IS_MARKED }, noteSteps(progress))
  try {
    const { subject, scopes, audiences, claims, ...bounds } = await steps
    return { subject, scopes, audiences: [...audiences], lifetime: secondsOf(bounds, progress), claims }
  } catch (error) {
    if (isNotTaken(error)) return undefined
    throw error
  }
}

function noteSteps(progress: Progress): AuthorizationRun {
  const { explainer, assertion, results } = progress
  return {
    rule: async (rule, enforce) => {
      await explainer.take(
        nameOfRule(rule),
        describeRule(rule, assertion, () => progress.verdict),
        enforce,
      )
    },
    step: (name, act) =>
      explainer.take(name, DESCRIPTIONS[name](progress), async () => {
        const result = await act()
        results[name] = result
        return result
      }),
  }
}

/** The same assertion with a policy whose functions note what they return. */
function observe(assertion: VerifiedAssertion, progress: Progress): VerifiedAssertion {
  const { identityProvider } = assertion
  const { policy } = identityProvider
  const { check, claimMapping } = policy
  const observed = {
    ...policy,
    check: check && noteVerdict(check, progress),
    claimMapping: claimMapping.map((each) => noteSize(each, progress)),
  }
  return { ...assertion, identityProvider: { ...identityProvider, policy: observed } }
}

function noteVerdict(check: BoundedCheck, progress: Progress): BoundedCheck {
  return async (claims) => {
    const verdict = await check(claims, progress.context)
    progress.verdict = verdict
    return verdict
  }
}

function noteSize({ name, map }: MappedClaim, { context, sizes }: Progress): MappedClaim {
  return {
    name,
    map: async (claims) => {
      const value = await map(claims, context)
      if (value !== undefined) sizes.set(name, Buffer.byteLength(JSON.stringify({ [name]: value })) - 2)
      return value
    },
  }
}

function describeClientOfProvider({ assertion, client }: Progress): StepTexts | undefined {
  if (client?.clientId === undefined) return undefined
  const option = `${optionName('identityProviders')} of the client`
  const names = client.identityProviders
  return {
    expected: names === undefined ? 'any' : [...names].join(' or ') || `none: ${option} is empty`,
    found: assertion.identityProvider.id,
    hint: () => `add the identity provider to ${option}`,
  }
}

function hintOfMadeSubject(
  { identityProvider: { mapSubject }, payload }: VerifiedAssertion,
  isSubGood: boolean,
): string {
  if (mapSubject.template !== undefined) return describeUnfilled(mapSubject.template, payload) ?? TOO_LONG
  if (mapSubject !== rawSubject) return NOT_MADE
  return isSubGood ? 'the raw sub is used, and it is too long' : 'the raw sub is used: see the step sub'
}

function describeLifetime(progress: Progress): StepTexts {
  const { assertion, results } = progress
  const ended = { lifetime: Number.POSITIVE_INFINITY, latestExpiry: latestExpiryOf(assertion) }
  return {
    expected: 'an access token that lives for at least one second',
    found: () => `${secondsOf(results.lifetime ?? ended, progress)} s`,
    hint: () => `the assertion ends too soon for ${optionName('maxBeyondAssertion')}: get a fresh one`,
  }
}

function secondsOf(
  { lifetime, latestExpiry }: AuthorizationSteps['lifetime'],
  { deps: { lifetime: ofExchange, clock } }: Progress,
) {
  return Math.min(ofExchange, lifetime, latestExpiry - Math.floor(clock.now()))
}
