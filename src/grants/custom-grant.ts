import { checkSubjectIsNoClient } from '../assertion/resolve-subject.js'
import type { Authorization } from '../authorization/authorization.js'
import { narrowAudiences } from '../authorization/requested-resources.js'
import type { Client } from '../client-auth/client-options.js'
import type { FindClient } from '../client-auth/find-client.js'
import { DependencyUnavailable, isDependencyUnavailable, isTokenRejected, TokenRejected } from '../errors/rejections.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { checkEnabled } from '../identity-provider/trust-switch.js'
import { isOAuthError, OAuthError } from '../oauth/errors.js'
import { type FormParameters, REPEATABLE_PARAMETERS, type TokenRequest } from '../oauth/token-request.js'
import { ConfigError } from '../option-checks/config-error.js'
import { mapClaims } from '../policy/claim-mapping.js'
import type { CheckContext } from '../policy/policy.js'
import type { AuthenticatedClient, GrantedAccess, GrantHandler } from './grant.js'
import type { GrantSettings } from './grant-options.js'
import { readGrantedAccess, toGrantedAccess } from './granted-access.js'

/** RFC 6749 §5.2. */
const NOT_IN_DESCRIPTION = /[^\x20\x21\x23-\x5B\x5D-\x7E]/g

export interface CustomGrantDeps {
  hostFunctions: HostFunctions
  /** As the JWT bearer grant does, with the parameters `scope` and `resource` of the form. */
  authorizeAssertion: (assertion: string, form: FormParameters, client: Client) => Promise<Authorization>
  identityProviders: Pick<IdentityProviderRegistry, 'find'>
  /** Those that access tokens can have. */
  audiences: ReadonlySet<string>
  findClient: FindClient
}

/** A grant of the host, which may hang, throw, or return anything: it never gives more than the client may have. */
export function createCustomGrant(
  { grantType, repeatableParameters, authorize }: GrantSettings,
  deps: CustomGrantDeps,
): GrantHandler {
  const call = { function: 'grants', grantType } as const
  const authorizeInTime = deps.hostFunctions.bound(
    call,
    (request: TokenRequest, client: Client, signal: AbortSignal) => {
      const authorizeAssertion = async (assertion: string | undefined) => {
        if (!assertion) throw new OAuthError('invalid_request', 'The assertion is missing')
        signal.throwIfAborted()
        return toGrantedAccess(await deps.authorizeAssertion(assertion, request, client))
      }
      return authorize(request, visibleOf(client), { authorizeAssertion, signal })
    },
  )
  return {
    grantType,
    repeatableParameters: [...REPEATABLE_PARAMETERS, ...repeatableParameters],
    authorize: async (request, client) => {
      const access = await readAccess(() => authorizeInTime(request, client))
      return boundGrantedAccess(access, request, client, deps)
    },
  }
}

/** Not the digest of its secret. */
function visibleOf({ clientId, scopes }: Client): AuthenticatedClient {
  return { clientId, scopes }
}

/** @throws OAuthError, TokenRejected, DependencyUnavailable */
async function readAccess(authorize: () => unknown): Promise<GrantedAccess> {
  try {
    return readGrantedAccess(await authorize())
  } catch (thrown) {
    throw asOurs(thrown)
  }
}

/** A copy, because requests add to the error, and a grant may throw the same one for each of them. */
function asOurs(thrown: unknown): OAuthError | TokenRejected | DependencyUnavailable {
  if (isDependencyUnavailable(thrown)) {
    const { reason, retryAfter, cause, context } = thrown
    return Object.assign(new DependencyUnavailable(reason, { retryAfter, cause }), { context: { ...context } })
  }
  if (isTokenRejected(thrown))
    return Object.assign(new TokenRejected(thrown.reason), { context: { ...thrown.context } })
  if (!isOAuthError(thrown)) return grantFailed(thrown)
  const { code, message, status, headers, reason, context } = thrown
  const refusal = new OAuthError(code, message.replace(NOT_IN_DESCRIPTION, ' '), { status, headers, reason })
  return Object.assign(refusal, { context: { ...context } })
}

function grantFailed(cause: unknown): DependencyUnavailable {
  return new DependencyUnavailable('grant_failed', { cause })
}

/**
 * What the client, the identity provider and the exchange allow of it.
 *
 * @throws OAuthError `invalid_scope`, `invalid_target`
 * @throws TokenRejected `identity_provider_disabled`, `client_not_allowed`, `subject_is_client_id`, `mapped_claims_too_large`
 * @throws DependencyUnavailable `grant_failed`, `claim_mapping_failed`, `client_lookup_failed`
 */
async function boundGrantedAccess(
  access: GrantedAccess,
  request: TokenRequest,
  client: Client,
  { identityProviders, audiences, findClient }: CustomGrantDeps,
): Promise<Authorization> {
  const { subject, scopes, latestExpiry = Number.POSITIVE_INFINITY, bindings = [], response } = access
  const identityProvider = requireIdentityProvider(access.identityProvider, client, identityProviders)
  checkScopes(scopes, [new Set(client.scopes), identityProvider?.scopes])
  await checkSubjectIsNoClient(subject, findClient)
  return {
    subject,
    scopes,
    audiences: narrowAudiences(access.audiences ?? request.all('resource'), audiences),
    claims: await copyOf(access.claims ?? {}),
    lifetime: leastOf([access.lifetime, client.lifetime, identityProvider?.lifetime]),
    latestExpiry,
    bindings,
    ...(identityProvider !== undefined && { identityProvider: identityProvider.name }),
    ...(response !== undefined && { response }),
  }
}

function requireIdentityProvider(
  name: string | undefined,
  client: Client,
  identityProviders: CustomGrantDeps['identityProviders'],
): IdentityProvider | undefined {
  if (name === undefined) return undefined
  const identityProvider = identityProviders.find(name)
  if (identityProvider === undefined) {
    const wanted = 'the name of a registered identity provider'
    throw grantFailed(new ConfigError([{ path: ['authorize()', 'identityProvider'], found: 'another name', wanted }]))
  }
  checkEnabled(identityProvider)
  if (client.identityProviders?.has(name) === false) throw new TokenRejected('client_not_allowed')
  return identityProvider
}

function checkScopes(scopes: readonly string[], bounds: readonly (ReadonlySet<string> | undefined)[]): void {
  const isWithin = (scope: string) => bounds.every((bound) => bound?.has(scope) !== false)
  if (!scopes.every(isWithin)) throw new OAuthError('invalid_scope', 'The client may not obtain one of the scopes')
}

/** As they will be read: what is not JSON is refused, and what the host does with its object later changes nothing. */
function copyOf(claims: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
  const constants = Object.entries(claims).map(([name, value]) => ({ name, map: () => value }))
  return mapClaims(constants, {}, NO_CONTEXT)
}

/** Constants do not look at it. */
const NO_CONTEXT = {} as CheckContext

function leastOf(lifetimes: readonly (number | undefined)[]): number {
  return Math.min(...lifetimes.filter((lifetime) => lifetime !== undefined))
}
