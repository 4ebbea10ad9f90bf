import type { Client } from '../client-auth/client-options.js'
import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { OAuthError } from '../oauth/errors.js'
import { type Binding, findBindings, findUnmet } from '../policy/binding.js'
import type { Claims } from '../policy/claim-path.js'
import type { Authorization } from './authorization.js'
import { grantScopes } from './grant-scopes.js'
import { narrowAudiences } from './requested-resources.js'

/** Bindings of which an event tells why they do not hold. */
const MAX_DESCRIBED = 5

/** What a client asks for, with an accepted assertion. */
export interface AccessRequest {
  /** The parameter `scope`. */
  scope: string | undefined
  /** The values of the parameter `resource` (RFC 8707 §2); none: every one that can be granted. */
  resources: readonly string[]
  client: Client
  identityProvider: IdentityProvider
  claims: Claims
}

/** What access is bounded to. */
export type Access = Pick<Authorization, 'scopes' | 'audiences' | 'lifetime' | 'bindings'>

/**
 * Bounds the access to what the client, the identity provider and the bindings that hold allow. Each binding that gives one
 * of the scopes gives its audiences, too; if no scope is granted, all of them do. If the client asks for resources, bindings
 * count only for these.
 *
 * @param audiences those of the exchange
 * @throws TokenRejected `no_binding_matches` where there are bindings and none holds
 * @throws OAuthError `invalid_target`, `invalid_scope`
 */
export function boundAccess(
  { scope, resources, client, identityProvider, claims }: AccessRequest,
  audiences: ReadonlySet<string>,
): Access {
  const { policy, scopes: ofIdentityProvider } = identityProvider
  if (policy.bindings.length === 0) {
    const targets = narrowAudiences(resources, audiences)
    const scopes = grantScopes(scope, client.scopes, [ofIdentityProvider])
    return { scopes, audiences: targets, lifetime: Number.POSITIVE_INFINITY, bindings: [] }
  }
  const holding = requireBindings(policy.bindings, claims, client.clientId)
  const { bindings, targets } = narrowBindings(holding, resources, audiences)
  const scopes = grantScopes(scope, client.scopes, [ofIdentityProvider, unionOf(bindings.map((each) => each.scopes))])
  return { scopes, ...boundByBindings(scopes, bindings, audiences, targets) }
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

/** @throws TokenRejected `no_binding_matches` where none of them holds */
export function requireBindings(bindings: readonly Binding[], claims: Claims, clientId: string): readonly Binding[] {
  const holding = findBindings(bindings, claims, clientId)
  if (holding.length > 0) return holding
  const rejected = new TokenRejected('no_binding_matches')
  rejected.context = { message: describeUnmetOf(bindings.slice(0, MAX_DESCRIBED), claims, clientId) }
  throw rejected
}

function describeUnmetOf(bindings: readonly Binding[], claims: Claims, clientId: string): string {
  return printable(bindings.map((each) => describeUnmet(each, claims, clientId)).join('; '))
}

function describeUnmet(binding: Binding, claims: Claims, clientId: string): string {
  const unmet = findUnmet(binding, claims, clientId)
  if (unmet === undefined || unmet === 'client') return `${binding.name}: another client`
  return `${binding.name}: ${unmet.message ?? `${unmet.path}, wanted: ${unmet.expected}`}`
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
  if (!fit) throw new OAuthError('invalid_scope', 'The scopes are of several resources: request those of one')
}

function intersectionOf(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((each) => other.has(each)))
}

function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((each) => [...each]))
}
