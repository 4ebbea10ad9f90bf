import { type AuthenticateBearerDeps, authenticateBearer, type BearerOutcome } from '../bearer/authenticate-bearer.js'
import type { BearerRequest } from '../bearer/read-bearer-token.js'
import { printable } from '../events/printable.js'
import type { AccessToken } from './access-token.js'
import { checkScopes } from './check-scopes.js'
import { type VerifyAccessTokenDeps, verifyAccessToken } from './verify-access-token.js'

export type AuthenticateAccessTokenDeps = VerifyAccessTokenDeps &
  Pick<AuthenticateBearerDeps<AccessToken>, 'challenge' | 'events'>

/** Judges a request by its access token and the scopes that the route requires. Never rejects. */
export function authenticateAccessToken(
  req: BearerRequest,
  requiredScopes: readonly string[],
  deps: AuthenticateAccessTokenDeps,
): Promise<BearerOutcome<AccessToken>> {
  return authenticateBearer(req, {
    challenge: deps.challenge,
    events: deps.events,
    verify: async (token) => {
      const accessToken = await verifyAccessToken(token, deps)
      checkScopes(accessToken, requiredScopes, deps.challenge)
      return accessToken
    },
    describe: ({ sub, clientId }) => ({ subject: printable(sub), clientId }),
  })
}
