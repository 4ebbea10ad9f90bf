import type { AccessToken } from '../access-token/access-token.js'
import { type VerifyAccessTokenDeps, verifyAccessToken } from '../access-token/verify-access-token.js'
import { printable } from '../errors/printable.js'
import { type AuthenticateBearerDeps, type AwaitedOutcome, authenticateBearer } from './authenticate-bearer.js'
import type { BearerRequest } from './read-bearer-token.js'
import { checkScopes } from './required-scope.js'

export interface AuthenticateAccessTokenDeps extends Pick<AuthenticateBearerDeps<AccessToken>, 'challenge' | 'events'> {
  /** How access tokens are verified now: asked once for each request. */
  verification: () => VerifyAccessTokenDeps
}

/** Judges requests by their access token and the scopes that the route requires. Never throws nor rejects. */
export type AuthenticateAccessToken = (req: BearerRequest) => AwaitedOutcome<AccessToken>

/** For one route, so that each of its requests finds everything ready. */
export function createAuthenticateAccessToken(
  requiredScopes: readonly string[],
  deps: AuthenticateAccessTokenDeps,
): AuthenticateAccessToken {
  const withScopes = (accessToken: AccessToken) => {
    checkScopes(accessToken, requiredScopes, deps.challenge)
    return accessToken
  }
  const bearer: AuthenticateBearerDeps<AccessToken> = {
    challenge: deps.challenge,
    events: deps.events,
    verify: (token) => {
      const accessToken = verifyAccessToken(token, deps.verification())
      return accessToken instanceof Promise ? accessToken.then(withScopes) : withScopes(accessToken)
    },
    describe: ({ sub, clientId, identityProvider }) => ({
      subject: printable(sub),
      clientId,
      ...(identityProvider !== undefined && { identityProvider: printable(identityProvider) }),
    }),
  }
  return (req) => authenticateBearer(req, bearer)
}
