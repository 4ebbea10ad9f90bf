import type { Authorization } from '../authorization/authorization.js'
import type { Client } from '../client-auth/client-options.js'
import type { TokenRequestParameters } from '../oauth/token-request.js'

/** One way to get an access token. */
export interface Grant {
  grantType: string
  /**
   * @throws OAuthError for the client: `invalid_request`, `invalid_scope`, …
   * @throws TokenRejected for a bad assertion: becomes `invalid_grant`
   * @throws DependencyUnavailable for an outage: becomes 503
   */
  authorize(parameters: TokenRequestParameters, client: Client): Promise<Authorization>
}
