import type { AccessToken, AccessTokenVerifier } from '../access-token/access-token.js'
import { whenReady } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEvents } from '../events/exchange-events.js'
import {
  type AuthenticateRequest,
  type AuthenticateRequestDeps,
  createAuthenticateRequest,
} from './authenticate-request.js'
import { challengedAccess, checkRequiredAccess } from './check-required-access.js'
import type { GetToken } from './read-presented-token.js'
import type { RequiredAccess } from './required-access.js'

export interface AuthenticateAccessTokenDeps
  extends Pick<AuthenticateRequestDeps<AccessToken>, 'challenge' | 'events' | 'proxyWarning'> {
  /** How access tokens are verified now: asked once for each request. */
  verifier: () => AccessTokenVerifier
}

/** Judges requests by their access token and by what the route requires. */
export function createAuthenticateAccessToken(
  access: RequiredAccess,
  { verifier, ...deps }: AuthenticateAccessTokenDeps,
  getToken?: GetToken,
): AuthenticateRequest<AccessToken> {
  const route = { access, challenge: deps.challenge }
  const withAccess = (accessToken: AccessToken) => {
    checkRequiredAccess(accessToken, route)
    return accessToken
  }
  return createAuthenticateRequest<AccessToken>({
    ...deps,
    challenged: challengedAccess(access),
    getToken,
    verify: (token) => whenReady(verifier()(token), withAccess),
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
