import type { ServerResponse } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import type { BearerOutcome } from '../protected-route/authenticate-bearer.js'
import { type RequiredScope, readRequiredScope } from '../protected-route/required-scope.js'
import type { ExpressRequest, Middleware } from './http.js'
import { sendOAuthError } from './send-json.js'

/**
 * Options of `exchange.protect`.
 *
 * @example
 * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => res.json(getAuth(req).sub))
 */
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
export function createProtect(options: ProtectOptions | undefined, deps: AuthenticateAccessTokenDeps): Middleware {
  const authenticate = createAuthenticateAccessToken(readRequiredScope(options), deps)
  return (req, res, next) => {
    const outcome = authenticate(req)
    if ('kind' in outcome) conclude(req, res, next, outcome, deps)
    else outcome.then((awaited) => conclude(req, res, next, awaited, deps)).catch(next)
  }
}

function conclude(
  req: ProtectedRequest,
  res: ServerResponse,
  next: () => void,
  outcome: BearerOutcome<AccessToken>,
  { events }: AuthenticateAccessTokenDeps,
): void {
  if (outcome.kind !== 'granted') events.emit('access.denied', outcome.event)
  switch (outcome.kind) {
    case 'granted':
      req.auth = outcome.caller
      next()
      return
    case 'missing':
      // Not chained: the responses of serverless-http return nothing.
      res.writeHead(401, { 'WWW-Authenticate': outcome.challenge, 'Cache-Control': 'no-store', 'Content-Length': 0 })
      res.end()
      return
    case 'refused':
      sendOAuthError(res, outcome.answer)
  }
}
