import type { Resource, Resources } from '../access-token/resources.js'
import { OAuthError } from '../oauth/errors.js'
import { isResource } from '../oauth/resource.js'
import type { Binding } from '../policy/binding.js'
import type { RequestingClient } from './authorization.js'

/** What an access token shall be for. */
export interface TargetRequest {
  /** The values of the parameter `resource` (RFC 8707 §2); none: the default resources. */
  resources: readonly string[]
  client: Pick<RequestingClient, 'resources'>
}

/** The resources of an access token, and what they bound. */
export interface Targets {
  /** Their identifiers, as registered. */
  audiences: ReadonlySet<string>
  /** Whether the token is only for those of them that the bindings give which give its scopes. */
  isUpToBindings: boolean
  /** The matching bindings, as far as they are about these resources; undefined: bindings bound nothing. */
  bindings: readonly Binding[] | undefined
  /** The scopes that the bindings give for one of the resources or another; undefined: bindings bound nothing. */
  scopesOfBindings: ReadonlySet<string> | undefined
  /** The scopes that belong to each of the resources, and are given for each of them; undefined: any. */
  commonScopes: ReadonlySet<string> | undefined
  /** Seconds, at most; infinite if no resource bounds it. */
  lifetime: number
}

/**
 * The resources that the access token is for: what the request names, or the default resources. Each must be one of the
 * client's, and be given by a matching binding if there are bindings. Of the default resources, the others are left out.
 *
 * @param holding the matching bindings; undefined: bindings bound nothing
 * @throws OAuthError `invalid_target` (RFC 8707 §2)
 */
export function chooseTargets(
  { resources: requested, client }: TargetRequest,
  holding: readonly Binding[] | undefined,
  known: Resources,
): Targets {
  if (requested.length === 0 && client.resources === undefined && !known.isConfigured) return allOf(known, holding)
  const ofClient = audiencesOf(client, known)
  const grantable = holding === undefined ? ofClient : intersectionOf(ofClient, audiencesOfBindings(holding, known))
  const audiences =
    requested.length > 0 ? narrowAudiences(requested, grantable, known) : defaultAudiences(grantable, known)
  const bindings = holding && narrowBindings(holding, audiences, known)
  const isUpToBindings = bindings !== undefined && requested.length === 0 && !known.isConfigured
  const scopesOfBindings = bindings && scopesOf(bindings)
  return { audiences, isUpToBindings, bindings, scopesOfBindings, ...boundsOf(audiences, known, bindings) }
}

/** The resources that a client may have access tokens for. */
export function audiencesOf({ resources }: TargetRequest['client'], { identifiers }: Resources): ReadonlySet<string> {
  return resources === undefined ? identifiers : intersectionOf(identifiers, resources)
}

/**
 * The resources that the parameter `resource` names, spelled as they are registered.
 *
 * @param audiences those that could be granted
 * @throws OAuthError `invalid_target` if one is malformed, or not among them (RFC 8707 §2)
 */
export function narrowAudiences(
  requested: readonly string[],
  audiences: ReadonlySet<string>,
  known: Resources,
): ReadonlySet<string> {
  return new Set(requested.map((resource) => requireAudience(resource, audiences, known)))
}

/** @throws OAuthError `invalid_target` if there is none, so that the request must name its resource */
export function defaultAudiences(grantable: ReadonlySet<string>, { defaults }: Resources): ReadonlySet<string> {
  const audiences = intersectionOf(defaults, grantable)
  if (audiences.size > 0) return audiences
  const description =
    defaults.size === 0
      ? 'The parameter resource is missing'
      : 'The default resource is not granted; request another one'
  throw new OAuthError('invalid_target', description)
}

/** What resources bound together: their access token has only scopes that each of them has (RFC 9068 §3). */
export function boundsOf(
  audiences: ReadonlySet<string>,
  known: Resources,
  bindings?: readonly Binding[],
): Pick<Targets, 'commonScopes' | 'lifetime'> {
  const resources = known.isConfigured ? [...audiences].flatMap((each) => known.find(each) ?? []) : NO_RESOURCES
  const ofBindings = bindings && resources.map(({ identifier }) => scopesFor(identifier, bindings))
  const bounding = [...resources.flatMap(({ scopes }) => scopes ?? []), ...(ofBindings ?? [])]
  return {
    commonScopes: bounding.length === 0 ? undefined : bounding.reduce(intersectionOf),
    lifetime: Math.min(Number.POSITIVE_INFINITY, ...resources.map(({ lifetime }) => lifetime)),
  }
}

/** The member of the answer that says what was granted; undefined if the request names no resource. */
export function grantedResources(
  requested: readonly string[],
  audiences: ReadonlySet<string>,
  { isConfigured }: Resources,
): { resource: string | readonly string[] } | undefined {
  if (requested.length === 0 || !isConfigured) return undefined
  const [first = '', ...others] = audiences
  return { resource: others.length === 0 ? first : [first, ...others] }
}

const NO_RESOURCES: readonly Resource[] = []

function allOf({ identifiers }: Resources, bindings: readonly Binding[] | undefined): Targets {
  return {
    audiences: identifiers,
    isUpToBindings: bindings !== undefined,
    bindings,
    scopesOfBindings: bindings && scopesOf(bindings),
    commonScopes: undefined,
    lifetime: Number.POSITIVE_INFINITY,
  }
}

function requireAudience(resource: string, audiences: ReadonlySet<string>, known: Resources): string {
  if (!isResource(resource)) {
    throw new OAuthError('invalid_target', 'The resource must be an absolute URI without a fragment')
  }
  const identifier = known.find(resource)?.identifier
  if (identifier === undefined || !audiences.has(identifier)) {
    throw new OAuthError('invalid_target', 'The resource is unknown, or not granted')
  }
  return identifier
}

/** So that no scope that a binding gives for another resource gets into the token. */
function narrowBindings(holding: readonly Binding[], audiences: ReadonlySet<string>, known: Resources): Binding[] {
  return holding
    .map((each) => ({ ...each, resources: intersectionOf(each.resources ?? known.identifiers, audiences) }))
    .filter((each) => each.resources.size > 0)
}

function audiencesOfBindings(holding: readonly Binding[], { identifiers }: Resources): ReadonlySet<string> {
  return unionOf(holding.map((each) => each.resources ?? identifiers))
}

function scopesOf(bindings: readonly Binding[]): ReadonlySet<string> {
  return unionOf(bindings.map(({ scopes }) => scopes))
}

function scopesFor(audience: string, bindings: readonly Binding[]): ReadonlySet<string> {
  return scopesOf(bindings.filter(({ resources }) => resources?.has(audience) !== false))
}

function intersectionOf(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter((each) => other.has(each)))
}

export function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((each) => [...each]))
}
