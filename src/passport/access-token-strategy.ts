import { type AuthenticateAccessTokenDeps, authenticateAccessToken } from '../access-token/authenticate-access-token.js'
import { readRequiredScope } from '../access-token/required-scope.js'
import { createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'
import { scopeOptions } from './scope-options.js'

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * option `scope` of `passport.authenticate` names the scopes that the token must have.
 */
export function createAccessTokenStrategy(deps: AuthenticateAccessTokenDeps): PassportStrategy {
  return createPromiseStrategy('access-token', async (req, options) =>
    authenticateAccessToken(req, readRequiredScope(scopeOptions(options)), deps),
  )
}
