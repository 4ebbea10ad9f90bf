import { inContext } from '../assertion/assertion-context.js'
import { claimAssertion } from '../assertion/claim-assertion.js'
import { resolveSubject, type SubjectOption } from '../assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { type VerifyAssertionDeps, verifyAssertion } from '../assertion/verify-assertion.js'
import type { Client } from '../client-auth/client.js'
import type { FindClient } from '../client-auth/find-client.js'
import { TokenRejected } from '../errors/rejections.js'
import { OAuthError } from '../oauth/errors.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/names.js'
import { enforcePolicy } from '../policy/policy.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { Authorization, Grant, TokenRequestParameters } from './grant.js'
import { grantScopes } from './grant-scopes.js'
import { boundLifetime } from './token-lifetime.js'

export interface JwtBearerGrantDeps extends VerifyAssertionDeps {
  subject: SubjectOption
  replayProtection: ReplayProtection
  findClient: FindClient
}

/** RFC 7523 §2.1: an assertion of a registered identity provider for an access token. */
export function createJwtBearerGrant(deps: JwtBearerGrantDeps): Grant {
  return {
    grantType: JWT_BEARER_GRANT_TYPE,
    authorize: (parameters, client) => authorizeByAssertion(parameters, client, deps),
  }
}

async function authorizeByAssertion(
  parameters: TokenRequestParameters,
  client: Client,
  deps: JwtBearerGrantDeps,
): Promise<Authorization> {
  const encoded = parameters.get('assertion')
  if (encoded === undefined) throw new OAuthError('invalid_request', 'The parameter assertion is missing')
  const assertion = await verifyAssertion(encoded, deps)
  return inContext(assertion.context, () => authorizeVerified(assertion, parameters, client, deps))
}

async function authorizeVerified(
  assertion: VerifiedAssertion,
  parameters: TokenRequestParameters,
  client: Client,
  deps: JwtBearerGrantDeps,
): Promise<Authorization> {
  const { identityProvider, context } = assertion
  checkClientMayExchange(client, assertion)
  const { clientId } = client
  await enforcePolicy(identityProvider.policy, assertion.sub, assertion.payload, {
    issuer: identityProvider.name,
    clientId,
  })
  const subject = await resolveSubject(assertion, deps.subject)
  await checkSubjectIsNoClient(subject, deps)
  const scopes = grantScopes(parameters.get('scope'), client.scopes, identityProvider.scopes)
  const bounds = boundLifetime(assertion, client)
  if (bounds.latestExpiry <= Math.floor(deps.clock.now())) throw new TokenRejected('expired')
  await claimAssertion(assertion, deps.replayProtection)
  const signedBy = context.kid === undefined ? {} : { kid: context.kid }
  return { subject, scopes, ...bounds, identityProvider: identityProvider.name, ...signedBy }
}

function checkClientMayExchange(client: Client, { identityProvider }: VerifiedAssertion): void {
  if (client.identityProviders?.has(identityProvider.name) === false) throw new TokenRejected('client_not_allowed')
}

/** RFC 9700 §4.15: a resource server must not take a user for a client. */
async function checkSubjectIsNoClient(subject: string, deps: JwtBearerGrantDeps): Promise<void> {
  if ((await deps.findClient(subject)) !== undefined) throw new TokenRejected('subject_is_client_id')
}
