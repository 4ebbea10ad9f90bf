import { type VerifyAssertionDeps, verifyAssertion } from '../assertion/verify-assertion.js'
import type { Authorization } from '../authorization/authorization.js'
import { type AuthorizeAssertionDeps, authorizeAssertion } from '../authorization/authorize-assertion.js'
import { checkScopeOfClient } from '../authorization/check-client.js'
import type { RefusalSettings } from '../authorization/refusal-advice.js'
import type { Client } from '../client-auth/client-options.js'
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
    authorize: async (form, client) => {
      const assertion = form.one('assertion')
      if (assertion === undefined) throw new OAuthError('invalid_request', 'The parameter assertion is missing')
      return authorizeByAssertion(assertion, form, client, deps)
    },
  }
}

/**
 * What an assertion gives to a client, by the parameters `scope` and `resource` of a form.
 *
 * @param signal aborted when nobody waits for the answer: the assertion is not marked as used then
 */
export async function authorizeByAssertion(
  encoded: string,
  parameters: FormParameters,
  client: Client,
  deps: JwtBearerGrantDeps,
  signal?: AbortSignal,
): Promise<Authorization> {
  const [scope, resources] = [parameters.one('scope'), parameters.all('resource')]
  checkScopeOfClient(scope, client)
  const assertion = await verifyAssertion(encoded, client, deps)
  return authorizeAssertion({ assertion, client, scope, resources, signal }, deps)
}
