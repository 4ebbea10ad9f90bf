import type { Authorization } from '../authorization/authorization.js'
import type { Client } from '../client-auth/client-options.js'
import type { TokenRequest } from '../oauth/token-request.js'

/** One way to get an access token. */
export interface Grant {
  readonly grantType: string
  /** The parameters that a request may have more than once. All others are refused if they are repeated. */
  readonly repeatableParameters: readonly string[]
  /**
   * @throws OAuthError for the client: `invalid_request`, `invalid_scope`, …
   * @throws TokenRejected for a bad assertion: becomes `invalid_grant`
   * @throws DependencyUnavailable for an outage: becomes 503
   */
  authorize(request: TokenRequest, client: Client): Promise<Authorization>
}
