import type { AccessToken } from '../access-token/access-token.js'
import { type VerifyAccessTokenDeps, verifyAccessToken } from '../access-token/verify-access-token.js'
import { whenReady } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEvents } from '../events/exchange-events.js'
import {
  type AuthenticateRequest,
  type AuthenticateRequestDeps,
  createAuthenticateRequest,
} from './authenticate-request.js'
import { checkScopes } from './required-scope.js'

export interface AuthenticateAccessTokenDeps
  extends Pick<AuthenticateRequestDeps<AccessToken>, 'challenge' | 'events' | 'proxyWarning'> {
  /** How access tokens are verified now: asked once for each request. */
  verification: () => VerifyAccessTokenDeps
}

/** Judges requests by their access token and the scopes that the route requires. */
export function createAuthenticateAccessToken(
  requiredScopes: readonly string[],
  { verification, ...deps }: AuthenticateAccessTokenDeps,
): AuthenticateRequest<AccessToken> {
  const withScopes = (accessToken: AccessToken) => {
    checkScopes(accessToken, requiredScopes, deps.challenge)
    return accessToken
  }
  return createAuthenticateRequest<AccessToken>({
    ...deps,
    verify: (token) => whenReady(verifyAccessToken(token, verification()), withScopes),
    describe: describeCaller,
  })
}

function describeCaller({ sub, clientId, identityProvider }: AccessToken): ExchangeEvents['access.granted'] {
  return {
    subject: printable(sub),
    clientId,
    ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
  }
}
