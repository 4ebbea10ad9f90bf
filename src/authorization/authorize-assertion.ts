import type { Resources } from '../access-token/resources.js'
import { inContext } from '../assertion/assertion-context.js'
import { type MarkAssertionUsedDeps, markAssertionUsed } from '../assertion/mark-used.js'
import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../assertion/verify-assertion.js'
import type { ClientLookup } from '../client-auth/find-client.js'
import { TokenRejected } from '../errors/rejections.js'
import type { Binding } from '../policy/binding.js'
import { mapClaims } from '../policy/claim-mapping.js'
import type { Claims } from '../policy/claim-path.js'
import { enforcePolicy, type RunRule, runRule } from '../policy/policy.js'
import type { Authorization, RequestingClient } from './authorization.js'
import { type Access, boundAccess, requireBindings } from './bound-access.js'
import { checkClientMayExchange } from './check-client.js'
import { type RefusalSettings, withAdvice } from './refusal-advice.js'
import { chooseTargets, grantedResources, type Targets } from './targets.js'

/** What a client asks for with an assertion. */
export interface AuthorizationRequest {
  assertion: VerifiedAssertion
  client: RequestingClient
  /** The parameter `scope`. */
  scope: string | undefined
  /** The values of the parameter `resource` (RFC 8707 §2); none: the default resources. */
  resources: readonly string[]
  /** Aborted when nobody waits for the answer any longer: then the assertion is not marked as used. */
  signal: AbortSignal | undefined
}

export interface AuthorizeAssertionDeps extends MarkAssertionUsedDeps {
  /** What access tokens can be for. */
  resources: Resources
  findClient: ClientLookup
}

/** What each step gives, by its name. `explain` has a step for each. */
export interface AuthorizationSteps {
  'client of the identity provider': unknown
  subject: string
  'subject is not a client': unknown
  bindings: readonly Binding[] | undefined
  resource: Targets
  scope: Access
  claimsToToken: Claims
  lifetime: LifetimeBounds
  replay: unknown
}

/** What a step gave. While `explain` goes on after a step that failed, this throws: the steps that need it are left out. */
export type StepResult<Result> = () => Result

/** Takes one step. */
export type RunStep = <Name extends keyof AuthorizationSteps>(
  name: Name,
  act: () => AuthorizationSteps[Name] | Promise<AuthorizationSteps[Name]>,
) => StepResult<AuthorizationSteps[Name]> | Promise<StepResult<AuthorizationSteps[Name]>>

/** How steps are taken: for a request, the first that throws is the last; `explain` notes each, and goes on. */
export interface AuthorizationRun {
  rule: RunRule
  step: RunStep
}

const UNTIL_REFUSED: AuthorizationRun = { rule: runRule, step: runStep }

/**
 * What every grant needs once an assertion is verified: what the client obtains for it. What is thrown says whose assertion
 * it was, and if `documentation` is set, who must act.
 *
 * @throws TokenRejected, OAuthError, DependencyUnavailable
 */
export function authorizeAssertion(
  request: AuthorizationRequest,
  deps: AuthorizeAssertionDeps & RefusalSettings,
): Promise<Authorization> {
  return withAdvice(deps, () =>
    inContext(
      () => request.assertion.context,
      () => runAuthorization(request, deps, UNTIL_REFUSED),
    ),
  )
}

/**
 * The steps of that: the policy of the identity provider, the subject, the resources, the access, the claims and the lifetime of the access
 * token. The assertion is marked used last, so that a refused request does not consume it.
 */
export async function runAuthorization(
  { assertion, client, scope, resources, signal }: AuthorizationRequest,
  deps: AuthorizeAssertionDeps,
  { rule, step }: AuthorizationRun,
): Promise<Authorization> {
  const { identityProvider, payload } = assertion
  const { policy, id } = identityProvider
  const context = { identityProvider: id, ...(client.clientId !== undefined && { clientId: client.clientId }) }
  await step('client of the identity provider', () => checkClientMayExchange(client, assertion))
  await enforcePolicy(policy, assertion.sub, payload, context, rule)
  const subject = await step('subject', () => resolveSubject(assertion))
  await step('subject is not a client', () => checkSubjectIsNoClient(subject(), deps.findClient))
  const request = { scope, client, identityProvider, claims: payload }
  const bindings = await step('bindings', () => requireBindings(request))
  const targets = await step('resource', () => chooseTargets({ resources, client }, bindings(), deps.resources))
  const access = await step('scope', () => boundAccess(request, targets()))
  const claims = await step('claimsToToken', () => mapClaims(policy.claimMapping, payload, context))
  const bounds = await step('lifetime', () => boundLifetime(assertion, client, access().lifetime, deps.clock.now()))
  await step('replay', () => {
    signal?.throwIfAborted()
    return markAssertionUsed(assertion, deps)
  })
  const { scopes, audiences, bindings: names } = access()
  const { lifetime, latestExpiry } = bounds()
  return {
    subject: subject(),
    scopes,
    audiences,
    claims: claims(),
    lifetime,
    latestExpiry,
    identityProvider: id,
    bindings: names,
    kid: Object.hasOwn(assertion.context, 'kid') ? assertion.context.kid : undefined,
    tokenType: undefined,
    response: grantedResources(resources, audiences, deps.resources),
  }
}

export type LifetimeBounds = Pick<Authorization, 'lifetime' | 'latestExpiry'>

/**
 * How the client, the identity provider, its bindings, the resources and the assertion bound an access token: the least lifetime wins.
 *
 * @param now seconds since the epoch
 * @throws TokenRejected `expired` if not even a second is left
 */
export function boundLifetime(
  assertion: VerifiedAssertion,
  client: RequestingClient,
  ofAccess: number,
  now: number,
): LifetimeBounds {
  const { lifetime = Number.POSITIVE_INFINITY } = assertion.identityProvider
  const latestExpiry = latestExpiryOf(assertion)
  if (latestExpiry <= Math.floor(now)) throw new TokenRejected('expired')
  return { lifetime: Math.min(client.lifetime ?? Number.POSITIVE_INFINITY, lifetime, ofAccess), latestExpiry }
}

/** Seconds since the epoch, at the latest, when access tokens for an assertion expire. */
export function latestExpiryOf({ identityProvider, expiresAt }: VerifiedAssertion): number {
  return Math.floor(expiresAt + (identityProvider.maxBeyondAssertion ?? Number.POSITIVE_INFINITY))
}

function runStep<Result>(_: unknown, act: () => Result | Promise<Result>) {
  const result = act()
  return result instanceof Promise ? result.then((value) => () => value) : () => result
}
