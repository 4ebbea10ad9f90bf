import type { AccessToken } from '../access-token/access-token.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import { readRequiredScope } from '../protected-route/required-scope.js'
import type { Denials } from './denials.js'
import { createPromiseStrategy, type Judge, type PassportStrategy } from './promise-strategy.js'
import { scopeOptions } from './scope-options.js'

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * option `scope` of `passport.authenticate` names the scopes that the token must have.
 */
export function createAccessTokenStrategy(deps: AuthenticateAccessTokenDeps, denials: Denials): PassportStrategy {
  const authenticateWithoutScope = createAuthenticateAccessToken([], deps)
  const judge: Judge<AccessToken> = (req, options) => {
    const ofScope = scopeOptions(options)
    if (Object.keys(ofScope).length === 0) return authenticateWithoutScope(req)
    return createAuthenticateAccessToken(readRequiredScope(ofScope), deps)(req)
  }
  return createPromiseStrategy('access-token', judge, denials)
}
