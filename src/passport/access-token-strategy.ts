import { type AuthenticateAccessTokenDeps, authenticateAccessToken } from '../access-token/authenticate-access-token.js'
import { readRequiredScope } from '../access-token/check-scopes.js'
import { createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * option `scope` of `passport.authenticate` names the scopes that the token must have.
 */
export function createAccessTokenStrategy(deps: AuthenticateAccessTokenDeps): PassportStrategy {
  return createPromiseStrategy('access-token', (req, options) =>
    authenticateAccessToken(req, readRequiredScope(scopeOf(options)), deps),
  )
}

function scopeOf(options: unknown): string | readonly string[] | undefined {
  const scope = typeof options === 'object' && options !== null && 'scope' in options ? options.scope : undefined
  if (typeof scope === 'string') return scope
  return Array.isArray(scope) ? scope.map(String) : undefined
}
