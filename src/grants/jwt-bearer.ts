import {
  SIGNATURE_WITHOUT_CLIENT,
  type VerifiedAssertion,
  type VerifyAssertionDeps,
  verifyAssertion,
} from '../assertion/verify-assertion.js'
import { type Authorization, type RequestingClient, WITHOUT_CLIENT } from '../authorization/authorization.js'
import { type AuthorizeAssertionDeps, authorizeAssertion } from '../authorization/authorize-assertion.js'
import { checkScopeOfClient } from '../authorization/check-client.js'
import type { RefusalSettings } from '../authorization/refusal-advice.js'
import { OAuthError } from '../oauth/errors.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { type FormParameters, REPEATABLE_PARAMETERS } from '../oauth/token-request.js'
import type { GrantHandler } from './grant.js'

export type JwtBearerGrantDeps = VerifyAssertionDeps & AuthorizeAssertionDeps & RefusalSettings

/** RFC 7523 §2.1: an assertion of a registered identity provider for an access token. */
export function createJwtBearerGrant(deps: JwtBearerGrantDeps): GrantHandler {
  return {
    grantType: JWT_BEARER_GRANT_TYPE,
    repeatableParameters: REPEATABLE_PARAMETERS,
    authorize: async (form, client) => authorizeByAssertion(requireAssertion(form), form, client, deps),
    authorizeWithoutClient: deps.identityProviders.mayBeWithoutClient
      ? async (form) => authorizeByAssertion(requireAssertion(form), form, WITHOUT_CLIENT, deps)
      : undefined,
  }
}

/** @throws OAuthError `invalid_request` */
function requireAssertion(form: FormParameters): string {
  const assertion = form.one('assertion')
  if (assertion === undefined) throw new OAuthError('invalid_request', 'The parameter assertion is missing')
  return assertion
}

/**
 * What an assertion gives to a client, or to its holder alone, by the parameters `scope` and `resource` of a form.
 *
 * @param signal aborted when nobody waits for the answer: the assertion is not marked as used then
 */
export async function authorizeByAssertion(
  encoded: string,
  parameters: FormParameters,
  client: RequestingClient,
  deps: JwtBearerGrantDeps,
  signal?: AbortSignal,
): Promise<Authorization> {
  const [scope, resources] = [parameters.one('scope'), parameters.all('resource')]
  checkScopeOfClient(scope, client)
  const assertion = await verifyPresented(encoded, client, deps)
  return authorizeAssertion({ assertion, client, scope, resources, signal }, deps)
}

function verifyPresented(
  encoded: string,
  { clientId }: RequestingClient,
  deps: JwtBearerGrantDeps,
): Promise<VerifiedAssertion> {
  if (clientId === undefined) return verifyAssertion(encoded, undefined, deps, SIGNATURE_WITHOUT_CLIENT)
  return verifyAssertion(encoded, { clientId }, deps)
}
