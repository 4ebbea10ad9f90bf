import type { Resources } from '../access-token/resources.js'
import { checkSubjectIsNoClient } from '../assertion/resolve-subject.js'
import type { Authorization } from '../authorization/authorization.js'
import { audiencesOf, boundsOf, defaultAudiences, grantedResources, narrowAudiences } from '../authorization/targets.js'
import type { Client } from '../client-auth/client-options.js'
import type { ClientLookup } from '../client-auth/find-client.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { checkEnabled, type IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { mapClaims } from '../policy/claim-mapping.js'
import type { CheckContext } from '../policy/claim-path.js'
import type { CheckedAccess } from './granted-access.js'

/** What a grant of the host wants to give, and to whom. */
export interface AccessInQuestion {
  access: CheckedAccess
  /** What `authorizeAssertion` gave to the grant: it may be narrowed only. */
  authorized: readonly Authorization[]
  request: TokenRequest
  client: Client
}

export interface BoundGrantedAccessDeps {
  identityProviders: Pick<IdentityProviderRegistry, 'find'>
  /** What access tokens can be for. */
  resources: Resources
  findClient: ClientLookup
}

/** Constants do not look at it. */
const NO_CONTEXT = {} as CheckContext

/**
 * What the client, the identity provider, the resources, the exchange, and the assertions that were authorized allow.
 *
 * @throws OAuthError `invalid_scope`, `invalid_target`
 * @throws TokenRejected `identity_provider_disabled`, `client_not_allowed`, `subject_is_client_id`, `mapped_claims_too_large`
 * @throws DependencyUnavailable `grant_failed`, `claim_mapping_failed`, `client_lookup_failed`
 */
export async function boundGrantedAccess(
  question: AccessInQuestion,
  deps: BoundGrantedAccessDeps,
): Promise<Authorization> {
  const { access, authorized, client } = question
  const { subject, bindings } = access
  const identityProvider = requireIdentityProvider(question, deps)
  const vouching = vouchingProviders(question, identityProvider, deps)
  vouching.forEach(checkEnabled)
  if (identityProvider !== undefined) checkClientMayUse(identityProvider, client)
  const ofAuthorized = authorized.map((each) => new Set(each.scopes))
  checkScopes(access.scopes, [new Set(client.scopes), identityProvider?.scopes, ...ofAuthorized])
  const audiences = boundAudiences(question, deps.resources)
  const ofResources = boundsOf(audiences, deps.resources)
  const scopes = narrowScopes(access.scopes, ofResources.commonScopes)
  const claims = await copyOf(access.claims)
  await checkSubjectIsNoClient(subject, deps.findClient)
  vouching.forEach(checkEnabled) // Again: functions of the host were waited for.
  return {
    subject,
    scopes,
    audiences,
    claims,
    lifetime: leastOf([access, client, identityProvider, ofResources, ...authorized].map((each) => each?.lifetime)),
    latestExpiry: leastOf([access, ...authorized].map((each) => each.latestExpiry)),
    bindings,
    identityProvider: identityProvider?.id,
    kid: undefined,
    tokenType: undefined,
    response: answerOf(question, audiences, deps.resources),
  }
}

export function grantFailed(cause: unknown): DependencyUnavailable {
  return new DependencyUnavailable('grant_failed', { cause })
}

/** The provider of an authorized assertion, even if the grant does not name it: the access token ends with the trust in it. */
function requireIdentityProvider(
  question: AccessInQuestion,
  { identityProviders }: BoundGrantedAccessDeps,
): IdentityProvider | undefined {
  const { access } = question
  const ids = idsOfAuthorized(question)
  const [id, second] = access.identityProvider === undefined ? ids : [access.identityProvider]
  if (id === undefined) return undefined
  if (second !== undefined) throw grantFailed(new TypeError('one of several identity providers'))
  const identityProvider = identityProviders.find(id)
  if (identityProvider === undefined || (ids.length > 0 && !ids.includes(id))) {
    throw grantFailed(new TypeError('another identity provider'))
  }
  return identityProvider
}

/** The identity provider of the access token, and the providers of all assertions that were authorized. */
function vouchingProviders(
  question: AccessInQuestion,
  identityProvider: IdentityProvider | undefined,
  { identityProviders }: BoundGrantedAccessDeps,
): readonly IdentityProvider[] {
  const ofAuthorized = idsOfAuthorized(question).map((id) => identityProviders.find(id))
  return [identityProvider, ...ofAuthorized].filter((each) => each !== undefined)
}

/** Each once. */
function idsOfAuthorized({ authorized }: AccessInQuestion): readonly string[] {
  return [...new Set(authorized.flatMap((each) => each.identityProvider ?? []))]
}

function checkClientMayUse({ id }: IdentityProvider, client: Client): void {
  if (client.identityProviders?.has(id) === false) throw new TokenRejected('client_not_allowed')
}

function checkScopes(scopes: readonly string[], bounds: readonly (ReadonlySet<string> | undefined)[]): void {
  const isWithin = (scope: string) => bounds.every((bound) => bound?.has(scope) !== false)
  if (!scopes.every(isWithin)) throw new OAuthError('invalid_scope', 'The client may not obtain one of the scopes')
}

/** Those that belong to each of the resources. Narrowing is not an error, but granting none is. */
function narrowScopes(scopes: readonly string[], ofResources: ReadonlySet<string> | undefined): readonly string[] {
  const narrowed = scopes.filter((scope) => ofResources?.has(scope) !== false)
  if (narrowed.length > 0 || scopes.length === 0) return narrowed
  throw new OAuthError('invalid_scope', 'None of the scopes belongs to the resource')
}

function boundAudiences({ access, authorized, request, client }: AccessInQuestion, known: Resources) {
  const isAuthorized = (audience: string) => authorized.every(({ audiences }) => audiences.has(audience))
  const allowed = new Set([...audiencesOf(client, known)].filter(isAuthorized))
  const audiences = chooseAudiences(access.audiences, request.all('resource'), allowed, known)
  if (audiences.size === 0) throw new OAuthError('invalid_target', 'The resource is unknown, or not granted')
  return audiences
}

/** A grant names audiences as they are configured, which need not be URIs. A parameter `resource` must be one. */
function chooseAudiences(
  named: readonly string[] | undefined,
  requested: readonly string[],
  allowed: ReadonlySet<string>,
  known: Resources,
): ReadonlySet<string> {
  if (named === undefined) {
    return requested.length === 0 ? defaultAudiences(allowed, known) : narrowAudiences(requested, allowed, known)
  }
  const isBounded = known.isConfigured && requested.length > 0
  const bound = isBounded ? narrowAudiences(requested, allowed, known) : allowed
  return new Set(named.flatMap((each) => (bound.has(each) ? each : [...narrowAudiences([each], bound, known)])))
}

/** With `resources`, only we say in the answer what was granted. */
function answerOf({ access, request }: AccessInQuestion, audiences: ReadonlySet<string>, known: Resources) {
  if (!known.isConfigured) return access.response
  const others = Object.entries(access.response ?? {}).filter(([name]) => name !== 'resource')
  return { ...Object.fromEntries(others), ...grantedResources(request.all('resource'), audiences, known) }
}

/** As they will be read: what is not JSON is refused, and what the host does with its object later changes nothing. */
function copyOf(claims: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
  const constants = Object.entries(claims).map(([name, value]) => ({ name, map: () => value }))
  return mapClaims(constants, {}, NO_CONTEXT)
}

function leastOf(bounds: readonly (number | undefined)[]): number {
  return Math.min(...bounds.filter((bound) => bound !== undefined))
}
