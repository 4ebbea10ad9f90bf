import { inContext } from '../assertion/assertion-context.js'
import { markAssertionUsed } from '../assertion/mark-used.js'
import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { type VerifyAssertionDeps, verifyAssertion } from '../assertion/verify-assertion.js'
import type { Authorization } from '../authorization/authorization.js'
import { boundAccess } from '../authorization/bound-access.js'
import { checkClientMayExchange, checkScopeOfClient } from '../authorization/check-client.js'
import { boundLifetime, checkLastsYet } from '../authorization/token-lifetime.js'
import type { Client } from '../client-auth/client-options.js'
import type { ClientLookup } from '../client-auth/find-client.js'
import { OAuthError } from '../oauth/errors.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { type FormParameters, REPEATABLE_PARAMETERS } from '../oauth/token-request.js'
import { mapClaims } from '../policy/claim-mapping.js'
import { enforcePolicy } from '../policy/policy.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { GrantHandler } from './grant.js'

export interface JwtBearerGrantDeps extends VerifyAssertionDeps {
  /** Those that access tokens can have. */
  audiences: ReadonlySet<string>
  replayProtection: ReplayProtection
  findClient: ClientLookup
}

/** RFC 7523 §2.1: an assertion of a registered identity provider for an access token. */
export function createJwtBearerGrant(deps: JwtBearerGrantDeps): GrantHandler {
  return {
    grantType: JWT_BEARER_GRANT_TYPE,
    repeatableParameters: REPEATABLE_PARAMETERS,
    authorize: async (form, client) => {
      const assertion = form.one('assertion')
      if (assertion === undefined) throw new OAuthError('invalid_request', 'The parameter assertion is missing')
      return authorizeByAssertion(assertion, form, client, deps)
    },
  }
}

/** What an assertion gives to a client, by the parameters `scope` and `resource` of a form. */
export async function authorizeByAssertion(
  encoded: string,
  parameters: FormParameters,
  client: Client,
  deps: JwtBearerGrantDeps,
): Promise<Authorization> {
  checkScopeOfClient(parameters.one('scope'), client)
  const assertion = await verifyAssertion(encoded, client, deps)
  return inContext(assertion.context, () => authorizeVerified(assertion, parameters, client, deps))
}

async function authorizeVerified(
  assertion: VerifiedAssertion,
  parameters: FormParameters,
  client: Client,
  deps: JwtBearerGrantDeps,
): Promise<Authorization> {
  const { identityProvider, payload } = assertion
  const { policy } = identityProvider
  const about = { identityProvider: identityProvider.name, clientId: client.clientId }
  checkClientMayExchange(client, assertion)
  await enforcePolicy(policy, assertion.sub, payload, about)
  const subject = await resolveSubject(assertion)
  await checkSubjectIsNoClient(subject, deps.findClient)
  const request = { scope: parameters.one('scope'), resources: parameters.all('resource'), client }
  const access = boundAccess({ ...request, identityProvider, claims: payload }, deps.audiences)
  const claims = await mapClaims(policy.claimMapping, payload, about)
  const bounds = boundLifetime(assertion, client, access.lifetime)
  checkLastsYet(bounds.latestExpiry, deps.clock.now())
  await markAssertionUsed(assertion, deps)
  return { subject, ...access, ...bounds, claims, identityProvider: identityProvider.name, ...signedBy(assertion) }
}

function signedBy({ context }: VerifiedAssertion): Pick<Authorization, 'kid'> {
  const { kid } = { kid: undefined, ...context }
  return kid === undefined ? {} : { kid }
}
