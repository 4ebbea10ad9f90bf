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
import {
  ANY_ACCESS,
  createRouteOptionReader,
  type RequiredAccess,
  readRequiredAccess,
  refuseOtherOptions,
} from '../protected-route/required-access.js'
import type { PendingRefusals } from './pending-refusals.js'
import { type Authenticate, createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'
import { routeOptions } from './route-options.js'

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * options of `passport.authenticate` may say what the token must have.
 */
export function createAccessTokenStrategy(
  deps: AuthenticateAccessTokenDeps,
  pendingRefusals: PendingRefusals,
): PassportStrategy {
  const authenticateAny = createAuthenticateAccessToken(ANY_ACCESS, deps)
  const authenticate: Authenticate<AccessToken> = (req, options) => {
    const ofRoute = routeOptions(options)
    if (ofRoute === undefined) return authenticateAny(req)
    return createAuthenticateAccessToken(readRouteAccess(ofRoute), deps)(req)
  }
  return createPromiseStrategy('access-token', authenticate, pendingRefusals)
}

/** Read at each request: the host may hand over another object each time, or change it. */
function readRouteAccess(options: object): RequiredAccess {
  const reader = createRouteOptionReader(options, 'authenticate')
  const access = readRequiredAccess(reader)
  refuseOtherOptions(reader)
  return access
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
    const [name] = Object.keys(routeOptions(options) ?? {})
    if (name !== undefined) throw optionWithoutMeaning(name)
    return authenticateAssertion(req)
  }
  return createPromiseStrategy('jwt-assertion', authenticate, pendingRefusals)
}

function optionWithoutMeaning(name: string): ConfigError {
  const message =
    'has no effect on an assertion, which the policy of its identity provider judges; remove this option, or use the access token strategy'
  return new ConfigError([{ code: 'unknown_option', path: ['authenticate', name], message }])
}
