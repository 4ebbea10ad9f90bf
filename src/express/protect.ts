import type { ServerResponse } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import { type AuthenticateAccessTokenDeps, authenticateAccessToken } from '../access-token/authenticate-access-token.js'
import { type RequiredScope, readRequiredScope } from '../access-token/required-scope.js'
import type { ExpressRequest, Middleware } from './http.js'
import { sendOAuthError } from './send-json.js'

export interface ProtectOptions {
  /** The scopes that a token must have, all of them: an array, or one string with spaces between. Default: none. */
  scope?: RequiredScope
}

interface ProtectedRequest extends ExpressRequest {
  auth?: AccessToken
}

/**
 * Lets a request pass that has an access token with the scopes, as `req.auth`; answers every other one (RFC 6750 §3).
 *
 * @throws ConfigError for options that are not understood: a route must not be open by a slip
 */
export function createProtect(options: ProtectOptions, deps: AuthenticateAccessTokenDeps): Middleware {
  const requiredScopes = readRequiredScope(options)
  return (req, res, next) => void protect(req, res, next, requiredScopes, deps).catch(next)
}

async function protect(
  req: ProtectedRequest,
  res: ServerResponse,
  next: () => void,
  requiredScopes: readonly string[],
  deps: AuthenticateAccessTokenDeps,
): Promise<void> {
  const outcome = await authenticateAccessToken(req, requiredScopes, deps)
  switch (outcome.kind) {
    case 'granted':
      req.auth = outcome.caller
      return next()
    case 'missing':
      res
        .writeHead(401, {
          'WWW-Authenticate': outcome.challenge,
          'Cache-Control': 'no-store',
          'Content-Length': 0,
        })
        .end()
      return
    case 'refused':
      return sendOAuthError(res, outcome.answer)
  }
}
