import type { AccessToken, AccessTokenVerifier } from '../access-token/access-token.js'
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
  verifier: () => AccessTokenVerifier
}

/** Judges requests by their access token and the scopes that the route requires. */
export function createAuthenticateAccessToken(
  requiredScopes: readonly string[],
  { verifier, ...deps }: AuthenticateAccessTokenDeps,
): AuthenticateRequest<AccessToken> {
  const withScopes = (accessToken: AccessToken) => {
    checkScopes(accessToken, requiredScopes, deps.challenge)
    return accessToken
  }
  return createAuthenticateRequest<AccessToken>({
    ...deps,
    verify: (token) => whenReady(verifier()(token), withScopes),
    describe: describeCaller,
  })
}

function describeCaller({ sub, clientId, identityProvider }: AccessToken): ExchangeEvents['access.granted'] {
  return {
    subject: printable(sub),
    ...(clientId !== undefined && { clientId: printable(clientId) }),
    ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
  }
}
