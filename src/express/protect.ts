import type { ServerResponse } from 'node:http'
import { type AccessToken, isPresentedAccessToken } from '../access-token/access-token.js'
import { isPending } from '../clock/when-ready.js'
import { fieldOf, hasField } from '../errors/field-of.js'
import { ConfigError } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import type { RouteOutcome } from '../protected-route/authenticate-request.js'
import { type RequiredScope, readRequiredScope } from '../protected-route/required-scope.js'
import { type ExpressRequest, type Middleware, sendOAuthError } from './http.js'

/**
 * Options of `exchange.protect`.
 *
 * @example
 * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => res.json(getAuth(req).sub))
 */
export interface ProtectOptions {
  /** The scopes that a token must have, all of them: an array, or a space-separated string. Default: none. */
  scope?: RequiredScope
}

interface ProtectedRequest extends ExpressRequest {
  auth?: AccessToken
}

/**
 * Lets a request pass if it has an access token with the scopes, which becomes `req.auth`. Answers every other request
 * (RFC 6750 §3).
 *
 * @param given the arguments of `protect`. Options that are undefined are a mistake, such as a misspelled variable, and are
 *   not the same as no options
 * @throws ConfigError for an unknown option, so that a typo cannot leave a route open
 */
export function createProtect(given: readonly unknown[], deps: AuthenticateAccessTokenDeps): Middleware {
  const [options] = given.length === 0 ? [{}] : given
  refuseRequest(options)
  const authenticate = createAuthenticateAccessToken(readRequiredScope(options, 'protect'), deps)
  return (req, res, next) => {
    const outcome = authenticate(req)
    if (isPending(outcome)) outcome.then((awaited) => conclude(req, res, next, awaited, deps)).catch(next)
    else conclude(req, res, next, outcome, deps)
  }
}

/**
 * The access token of a request that `exchange.protect()` or the `'access-token'` strategy of Passport has let pass. Its
 * type needs neither `express-jwt-exchange/augment` nor a check for undefined.
 *
 * Returns only a token that an exchange has verified, never what other middleware has put on `req.auth` or `req.user`.
 *
 * @example
 * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => {
 *   res.json({ for: getAuth(req).sub })
 * })
 *
 * @param req a request of Express, or of another framework that has called `protect`
 * @throws Error if the route is not protected
 */
export function getAuth(req: object): AccessToken {
  for (const field of ['auth', 'user']) {
    const found = fieldOf(req, field)
    if (isPresentedAccessToken(found)) return found
  }
  throw new Error(
    'getAuth: this request has no verified access token; put exchange.protect() or the access-token strategy before the handler',
  )
}

/** @throws ConfigError for `app.get('/orders', exchange.protect, handler)`, which Express calls with each request */
function refuseRequest(options: unknown): void {
  if (isPlainObject(options) || !hasField(options, 'headers')) return
  const message = 'got a request; call it when the route is declared, as in app.get(path, protect(), handler)'
  throw new ConfigError([{ code: 'wrong_type', path: ['protect'], message }])
}

function conclude(
  req: ProtectedRequest,
  res: ServerResponse,
  next: () => void,
  outcome: RouteOutcome<AccessToken>,
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
