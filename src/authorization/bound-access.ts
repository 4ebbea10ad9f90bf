import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { OAuthError } from '../oauth/errors.js'
import { isResource, normaliseResource } from '../oauth/resource.js'
import { parseScope } from '../oauth/scope.js'
import { type Binding, describeUnmet, findBindings, findUnmet, type UnmetBinding } from '../policy/binding.js'
import type { Claims } from '../policy/claim-path.js'
import { requireScopeCap } from '../policy/scope-claim.js'
import type { Authorization, RequestingClient } from './authorization.js'

/** How many bindings, or scopes, an event or an explanation gives a reason for. */
export const MAX_DESCRIBED = 5

/** What a client asks for, with an accepted assertion. */
export interface AccessRequest {
  /** The parameter `scope`. */
  scope: string | undefined
  /** The values of the parameter `resource` (RFC 8707 §2); none: every one that can be granted. */
  resources: readonly string[]
  client: RequestingClient
  identityProvider: IdentityProvider
  claims: Claims
}

/** What access is bounded to. */
export type Access = Pick<Authorization, 'scopes' | 'audiences' | 'lifetime' | 'bindings'>

/**
 * Bounds the access to what the client, the identity provider, the matching bindings and `scopeClaim` allow. Each binding that
 * gives one of the scopes also gives its audiences; if no scope is granted, all matching bindings do. If the client requests
 * resources, bindings apply only to these.
 *
 * @param audiences the audiences of the exchange
 * @param holding the matching bindings, if they are known already
 * @throws TokenRejected `no_binding_matches` if there are bindings and none matches; `invalid_claim`
 * @throws OAuthError `invalid_target`, `invalid_scope`
 */
export function boundAccess(
  request: AccessRequest,
  audiences: ReadonlySet<string>,
  holding = requireBindings(request),
): Access {
  const { scope, resources, client } = request
  const { scopes: ofIdentityProvider, policy } = request.identityProvider
  const cap = requireScopeCap(policy.scopeClaim, request.claims)
  if (holding === undefined) {
    const targets = narrowAudiences(resources, audiences)
    const scopes = grantScopes(scope, [client.scopes, ofIdentityProvider, cap])
    return { scopes, audiences: targets, lifetime: Number.POSITIVE_INFINITY, bindings: [] }
  }
  const { bindings, targets } = narrowBindings(holding, resources, audiences)
  const ofBindings = unionOf(bindings.map((each) => each.scopes))
  const scopes = grantScopes(scope, [client.scopes, ofIdentityProvider, ofBindings, cap])
  return { scopes, ...boundByBindings(scopes, bindings, audiences, targets) }
}

/**
 * The bindings that hold. undefined: there are none to hold, so they bound nothing.
 *
 * @throws TokenRejected `no_binding_matches` if none of them holds
 */
export function requireBindings({
  client: { clientId },
  identityProvider,
  claims,
}: AccessRequest): readonly Binding[] | undefined {
  const { bindings } = identityProvider.policy
  if (bindings.length === 0) return undefined
  const holding = findBindings(bindings, claims, clientId)
  if (holding.length > 0) return holding
  const unmet = bindings.slice(0, MAX_DESCRIBED).flatMap((each) => findUnmet(each, claims, clientId) ?? [])
  const rejected = new TokenRejected('no_binding_matches')
  rejected.context = { message: printable(unmet.map(describeByMessage).join('; ')) }
  throw rejected
}

/** The scopes that one party allows; undefined: no bound. */
type ScopeBound = readonly string[] | ReadonlySet<string> | undefined

/**
 * The scopes to issue: requested ∩ every bound; without a request, all that all of the bounds have (RFC 6749 §3.3).
 * Narrowing is not an error, but granting none of them is.
 *
 * @param bounds of the client, if there is one, then others. If nothing bounds the scopes, none is granted
 * @throws OAuthError `invalid_scope`
 */
export function grantScopes(requested: string | undefined, bounds: readonly ScopeBound[]): readonly string[] {
  const first = bounds.find((bound) => bound !== undefined) ?? []
  const wanted = requested === undefined ? [...first] : parseScope(requested)
  if (wanted === undefined) throw malformedScope()
  const granted = wanted.filter((scope) => allows(first, scope) && bounds.every((bound) => allows(bound, scope)))
  if (granted.length === 0 && wanted.length > 0) {
    throw new OAuthError('invalid_scope', 'None of the scopes can be granted')
  }
  return granted
}

/** @throws OAuthError `invalid_scope` */
export function checkScopeSyntax(requested: string | undefined): void {
  if (requested !== undefined && parseScope(requested) === undefined) throw malformedScope()
}

/**
 * The audiences that the parameter `resource` names, spelled as they are configured; all of them if it names none.
 *
 * @param audiences the audiences that could be granted
 * @throws OAuthError `invalid_target` if one is malformed, or not among them (RFC 8707 §2)
 */
export function narrowAudiences(resources: readonly string[], audiences: ReadonlySet<string>): ReadonlySet<string> {
  if (resources.length === 0) return audiences
  return new Set(resources.map((resource) => requireAudience(resource, audiences)))
}

/**
 * What the bindings give of the resources that are asked for, and these as audiences; undefined: none are. So no scope
 * that a binding gives for another resource gets into the token.
 */
function narrowBindings(holding: readonly Binding[], resources: readonly string[], all: ReadonlySet<string>) {
  if (resources.length === 0) return { bindings: holding, targets: undefined }
  const targets = narrowAudiences(resources, unionOf(holding.map((each) => each.resources ?? all)))
  const bindings = holding
    .map((each) => ({ ...each, resources: intersectionOf(each.resources ?? all, targets) }))
    .filter((each) => each.resources.size > 0)
  return { bindings, targets }
}

/** By the message that the operator gave for this case, if there is one. */
function describeByMessage(unmet: UnmetBinding): string {
  const message = unmet.by === 'client' ? undefined : unmet.by.message
  return message === undefined ? describeUnmet(unmet) : `${unmet.binding.name}: ${message}`
}

function boundByBindings(
  scopes: readonly string[],
  bindings: readonly Binding[],
  all: ReadonlySet<string>,
  targets: ReadonlySet<string> | undefined,
) {
  const giving = bindings.filter((binding) => scopes.length === 0 || scopes.some((scope) => binding.scopes.has(scope)))
  const audiences = targets ?? unionOf(giving.map(({ resources = all }) => resources))
  checkScopesFitAll(audiences, scopes, giving)
  return {
    audiences,
    lifetime: Math.min(...giving.map(({ lifetime }) => lifetime)),
    bindings: [...new Set(giving.map(({ name }) => name))],
  }
}

/**
 * A scope that is granted for one audience must not count at another, as a token for both would let it (RFC 9068 §3).
 */
function checkScopesFitAll(audiences: ReadonlySet<string>, scopes: readonly string[], bindings: readonly Binding[]) {
  const isGiven = (scope: string, audience: string) =>
    bindings.some((binding) => binding.scopes.has(scope) && binding.resources?.has(audience) !== false)
  const fit = scopes.every((scope) => [...audiences].every((audience) => isGiven(scope, audience)))
  if (!fit)
    throw new OAuthError(
      'invalid_scope',
      'The requested scopes belong to different resources; request scopes of one resource',
    )
}

function intersectionOf(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((each) => other.has(each)))
}

function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((each) => [...each]))
}

function allows(bound: ScopeBound, scope: string): boolean {
  return bound === undefined || ('has' in bound ? bound.has(scope) : bound.includes(scope))
}

function malformedScope(): OAuthError {
  return new OAuthError('invalid_scope', 'The scope is malformed')
}

function requireAudience(resource: string, audiences: ReadonlySet<string>): string {
  if (!isResource(resource)) {
    throw new OAuthError('invalid_target', 'The resource must be an absolute URI without a fragment')
  }
  if (audiences.has(resource)) return resource
  const wanted = normaliseResource(resource)
  const audience = [...audiences].find((each) => normaliseResource(each) === wanted)
  if (audience === undefined) throw new OAuthError('invalid_target', 'The resource is unknown, or not granted')
  return audience
}
