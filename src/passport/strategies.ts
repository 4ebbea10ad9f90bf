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
import type { AuthenticateRequest } from '../protected-route/authenticate-request.js'
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

/** What a strategy for access tokens is made of. */
export interface AccessTokenSource {
  deps: AuthenticateAccessTokenDeps
  pendingRefusals: PendingRefusals
}

/** By the strategies of exchanges, for strategies of the host that accept the same access tokens. */
const sources = new WeakMap<object, AccessTokenSource>()

/** What the `accessTokenStrategy` of an exchange is made of; undefined if it is something else. */
export function findAccessTokenSource(strategy: unknown): AccessTokenSource | undefined {
  return typeof strategy === 'object' && strategy !== null ? sources.get(strategy) : undefined
}

/**
 * `'access-token'`: authenticates a request by an access token of this service; `req.user` is the `AccessToken`. The
 * options of `passport.authenticate` may say what the token must have.
 */
export function createAccessTokenStrategy(
  deps: AuthenticateAccessTokenDeps,
  pendingRefusals: PendingRefusals,
): PassportStrategy {
  const authenticate = withRouteOptions((access) => createAuthenticateAccessToken(access, deps))
  const strategy = createPromiseStrategy('access-token', authenticate, { pendingRefusals, passErrors: false })
  sources.set(strategy, { deps, pendingRefusals })
  return strategy
}

/** Judges requests by the options of `passport.authenticate`. What needs none is made once. */
export function withRouteOptions<Caller>(
  createForRoute: (access: RequiredAccess) => AuthenticateRequest<Caller>,
): Authenticate<Caller> {
  const authenticateAny = createForRoute(ANY_ACCESS)
  return (req, options) => {
    const ofRoute = routeOptions(options)
    return ofRoute === undefined ? authenticateAny(req) : createForRoute(readRouteAccess(ofRoute))(req)
  }
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
  return createPromiseStrategy('jwt-assertion', authenticate, { pendingRefusals, passErrors: false })
}

function optionWithoutMeaning(name: string): ConfigError {
  const message =
    'has no effect on an assertion, which the policy of its identity provider judges; remove this option, or use the access token strategy'
  return new ConfigError([{ code: 'unknown_option', path: ['authenticate', name], message }])
}
