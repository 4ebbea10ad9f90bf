import type { AccessToken, AccessTokenVerifier } from '../access-token/access-token.js'
import { whenReady } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEvents } from '../events/exchange-events.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import {
  type AuthenticateRequest,
  type AuthenticateRequestDeps,
  createAuthenticateRequest,
} from './authenticate-request.js'
import { challengedAccess, checkRequiredAccess, type RouteAccess } from './check-required-access.js'
import type { GetToken } from './read-presented-token.js'
import type { RequiredAccess } from './required-access.js'
import { createAskCheck } from './route-check.js'

/** What every route that accepts access tokens needs. */
export interface AuthenticateAccessTokenDeps
  extends Pick<AuthenticateRequestDeps<AccessToken>, 'challenge' | 'events' | 'proxyWarning'>,
    Pick<RouteAccess, 'impliedScopes' | 'isForDefaultResource'> {
  /** How access tokens are verified now: asked once for each request. */
  verifier: () => AccessTokenVerifier
  /** By what the functions of the host are bounded now. */
  hostFunctions: () => HostFunctions
}

/** Judges requests by their access token and by what the route requires. */
export function createAuthenticateAccessToken(
  access: RequiredAccess,
  deps: AuthenticateAccessTokenDeps,
  getToken?: GetToken,
): AuthenticateRequest<AccessToken> {
  return createAuthenticateRequest<AccessToken>({
    ...deps,
    challenged: challengedAccess(access),
    getToken,
    verify: createVerifyForRoute(access, deps),
    describe: describeCaller,
  })
}

/**
 * Verifies access tokens, and that they have what a route requires. A token that is known at once needs no promise, unless a
 * function of the host does.
 *
 * @returns a function that throws, or rejects with, TokenRejected, DependencyUnavailable or OAuthError
 */
export function createVerifyForRoute(
  access: RequiredAccess,
  { verifier, hostFunctions, challenge, impliedScopes, isForDefaultResource }: AuthenticateAccessTokenDeps,
): AuthenticateRequestDeps<AccessToken>['verify'] {
  const route = { access, challenge, impliedScopes, isForDefaultResource }
  const withAccess = (accessToken: AccessToken) => {
    checkRequiredAccess(accessToken, route)
    return accessToken
  }
  if (access.check === undefined) {
    return (token, _req, requireSyntax) => whenReady(verifier()(token, requireSyntax), withAccess)
  }
  const askCheck = createAskCheck(access.check, route, hostFunctions)
  return (token, req, requireSyntax) =>
    whenReady(verifier()(token, requireSyntax), (accessToken) => askCheck(withAccess(accessToken), req))
}

/** What the event of a request that passes says. */
export function describeCaller({ sub, clientId, identityProvider }: AccessToken): ExchangeEvents['access.granted'] {
  const event: ExchangeEvents['access.granted'] = { subject: printable(sub) }
  if (clientId !== undefined) event.clientId = printable(clientId)
  if (identityProvider !== undefined) event.identityProvider = printable(identityProvider)
  return event
}
