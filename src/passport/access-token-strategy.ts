import type { AccessToken } from '../access-token/access-token.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import { readRequiredScope, scopeOptions } from '../protected-route/required-scope.js'
import type { PendingRefusals } from './pending-refusals.js'
import { type Authenticate, createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * option `scope` of `passport.authenticate` names the scopes that the token must have.
 */
export function createAccessTokenStrategy(
  deps: AuthenticateAccessTokenDeps,
  pendingRefusals: PendingRefusals,
): PassportStrategy {
  const authenticateWithoutScope = createAuthenticateAccessToken([], deps)
  const authenticate: Authenticate<AccessToken> = (req, options) => {
    const ofScope = scopeOptions(options)
    if (Object.keys(ofScope).length === 0) return authenticateWithoutScope(req)
    return createAuthenticateAccessToken(readRequiredScope(ofScope, 'authenticate'), deps)(req)
  }
  return createPromiseStrategy('access-token', authenticate, pendingRefusals)
}
