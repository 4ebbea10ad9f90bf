import type { AccessToken } from '../access-token/access-token.js'
import { ConfigError } from '../option-checks/config-error.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import {
  type AssertedCaller,
  type AuthenticateAssertionDeps,
  createAuthenticateAssertion,
} from '../protected-route/authenticate-assertion.js'
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

/**
 * `'jwt-assertion'`: authenticates a request by an identity provider's assertion as the bearer token, for services that
 * want no exchange; `req.user` is the `AssertedCaller`. With `replay: 'once'` each request needs another assertion. An
 * assertion has no scopes: a route that requires some goes to the error handler with a ConfigError.
 */
export function createAssertionStrategy(
  deps: AuthenticateAssertionDeps,
  pendingRefusals: PendingRefusals,
): PassportStrategy {
  const authenticateAssertion = createAuthenticateAssertion(deps)
  const authenticate: Authenticate<AssertedCaller> = async (req, options) => {
    const [name] = Object.keys(scopeOptions(options))
    if (name !== undefined) throw scopeWithoutMeaning(name)
    return authenticateAssertion(req)
  }
  return createPromiseStrategy('jwt-assertion', authenticate, pendingRefusals)
}

function scopeWithoutMeaning(name: string): ConfigError {
  const message = 'an assertion has no scopes; remove this option, or use the access token strategy'
  return new ConfigError([{ code: 'unknown_option', path: ['authenticate', name], message }])
}
