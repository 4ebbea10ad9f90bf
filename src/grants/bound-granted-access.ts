import { checkSubjectIsNoClient } from '../assertion/resolve-subject.js'
import type { Authorization } from '../authorization/authorization.js'
import { narrowAudiences } from '../authorization/bound-access.js'
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
  /** Those that access tokens can have. */
  audiences: ReadonlySet<string>
  findClient: ClientLookup
}

/** Constants do not look at it. */
const NO_CONTEXT = {} as CheckContext

/**
 * What the client, the identity provider, the exchange, and the assertions that were authorized allow.
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
  const { subject, scopes, bindings, response } = access
  const identityProvider = requireIdentityProvider(question, deps)
  const vouching = vouchingProviders(question, identityProvider, deps)
  vouching.forEach(checkEnabled)
  if (identityProvider !== undefined) checkClientMayUse(identityProvider, client)
  const ofAuthorized = authorized.map((each) => new Set(each.scopes))
  checkScopes(scopes, [new Set(client.scopes), identityProvider?.scopes, ...ofAuthorized])
  const audiences = boundAudiences(question, deps.audiences)
  const claims = await copyOf(access.claims)
  await checkSubjectIsNoClient(subject, deps.findClient)
  vouching.forEach(checkEnabled) // Again: functions of the host were waited for.
  return {
    subject,
    scopes,
    audiences,
    claims,
    lifetime: leastOf([access, client, identityProvider, ...authorized].map((each) => each?.lifetime)),
    latestExpiry: leastOf([access, ...authorized].map((each) => each.latestExpiry)),
    bindings,
    identityProvider: identityProvider?.id,
    kid: undefined,
    tokenType: undefined,
    response,
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

function boundAudiences({ access, authorized, request }: AccessInQuestion, ofExchange: ReadonlySet<string>) {
  const allowed = [...ofExchange].filter((audience) => authorized.every(({ audiences }) => audiences.has(audience)))
  const audiences = chooseAudiences(access.audiences, request, new Set(allowed))
  if (audiences.size === 0) throw new OAuthError('invalid_target', 'The resource is unknown, or not granted')
  return audiences
}

/** A grant names audiences as they are configured, which need not be URIs. A parameter `resource` must be one. */
function chooseAudiences(
  named: readonly string[] | undefined,
  request: TokenRequest,
  allowed: ReadonlySet<string>,
): ReadonlySet<string> {
  if (named === undefined) return narrowAudiences(request.all('resource'), allowed)
  return new Set(named.flatMap((each) => (allowed.has(each) ? each : [...narrowAudiences([each], allowed)])))
}

/** As they will be read: what is not JSON is refused, and what the host does with its object later changes nothing. */
function copyOf(claims: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
  const constants = Object.entries(claims).map(([name, value]) => ({ name, map: () => value }))
  return mapClaims(constants, {}, NO_CONTEXT)
}

function leastOf(bounds: readonly (number | undefined)[]): number {
  return Math.min(...bounds.filter((bound) => bound !== undefined))
}
