import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { OAuthError } from '../oauth/errors.js'
import { parseScope } from '../oauth/scope.js'
import { type Binding, describeUnmet, findBindings, findUnmet, type UnmetBinding } from '../policy/binding.js'
import type { Claims } from '../policy/claim-path.js'
import { requireScopeCap } from '../policy/scope-claim.js'
import type { Authorization, RequestingClient } from './authorization.js'
import { type Targets, unionOf } from './targets.js'

/** How many bindings, or scopes, an event or an explanation gives a reason for. */
export const MAX_DESCRIBED = 5

/** What a client asks for, with an accepted assertion. */
export interface AccessRequest {
  /** The parameter `scope`. */
  scope: string | undefined
  client: RequestingClient
  identityProvider: IdentityProvider
  claims: Claims
}

/** What access is bounded to. */
export type Access = Pick<Authorization, 'scopes' | 'audiences' | 'lifetime' | 'bindings'>

/**
 * Bounds the access to what the client, the identity provider, the matching bindings, `scopeClaim` and the resources allow.
 *
 * @throws TokenRejected `invalid_claim`
 * @throws OAuthError `invalid_scope`
 */
export function boundAccess({ scope, client, identityProvider, claims }: AccessRequest, targets: Targets): Access {
  const { scopes: ofIdentityProvider, policy } = identityProvider
  const { audiences, bindings, scopesOfBindings, commonScopes, lifetime } = targets
  const cap = requireScopeCap(policy.scopeClaim, claims)
  const bounds = [client.scopes, ofIdentityProvider, scopesOfBindings, cap]
  const scopes = grantScopes(scope, bounds, commonScopes)
  if (bindings === undefined) return { scopes, audiences, lifetime, bindings: [] }
  return { scopes, ...boundByBindings(scopes, bindings, targets) }
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
 * @param common those that belong to each of the resources: they bound, but grant nothing by themselves
 * @throws OAuthError `invalid_scope`
 */
export function grantScopes(
  requested: string | undefined,
  bounds: readonly ScopeBound[],
  common?: ScopeBound,
): readonly string[] {
  const first = bounds.find((bound) => bound !== undefined) ?? []
  const wanted = requested === undefined ? [...first] : parseScope(requested)
  if (wanted === undefined) throw malformedScope()
  const isWithin = (scope: string) => [first, ...bounds, common].every((bound) => allows(bound, scope))
  const granted = wanted.filter(isWithin)
  if (granted.length === 0 && wanted.length > 0) {
    throw new OAuthError('invalid_scope', 'None of the scopes can be granted')
  }
  return granted
}

/** @throws OAuthError `invalid_scope` */
export function checkScopeSyntax(requested: string | undefined): void {
  if (requested !== undefined && parseScope(requested) === undefined) throw malformedScope()
}

/** By the message that the operator gave for this case, if there is one. */
function describeByMessage(unmet: UnmetBinding): string {
  const message = unmet.by === 'client' ? undefined : unmet.by.message
  return message === undefined ? describeUnmet(unmet) : `${unmet.binding.name}: ${message}`
}

/** Each binding that gives one of the scopes also bounds the lifetime; if no scope is granted, all of them do. */
function boundByBindings(
  scopes: readonly string[],
  bindings: readonly Binding[],
  { audiences: targets, isUpToBindings, lifetime }: Targets,
): Omit<Access, 'scopes'> {
  const giving = bindings.filter((binding) => scopes.length === 0 || scopes.some((scope) => binding.scopes.has(scope)))
  const audiences = isUpToBindings ? unionOf(giving.map(({ resources = targets }) => resources)) : targets
  checkScopesFitAll(audiences, scopes, giving)
  return {
    audiences,
    lifetime: Math.min(lifetime, ...giving.map((binding) => binding.lifetime)),
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

function allows(bound: ScopeBound, scope: string): boolean {
  return bound === undefined || ('has' in bound ? bound.has(scope) : bound.includes(scope))
}

function malformedScope(): OAuthError {
  return new OAuthError('invalid_scope', 'The scope is malformed')
}
