import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import { isPending } from '../clock/when-ready.js'
import { hasField } from '../errors/field-of.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { ConfigError } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import {
  type AuthenticateAccessTokenDeps,
  createAuthenticateAccessToken,
} from '../protected-route/authenticate-access-token.js'
import { missingToken, type RouteOutcome } from '../protected-route/authenticate-request.js'
import { type GetToken, readGetToken } from '../protected-route/read-presented-token.js'
import {
  createRouteOptionReader,
  type RequiredAccess,
  type RequiredAccessOptions,
  readRequiredAccess,
  refuseOtherOptions,
} from '../protected-route/required-access.js'
import { type ExpressRequest, type Middleware, sendOAuthError } from './http.js'

/**
 * Options of `exchange.protect`. docs/routes.md describes them.
 *
 * @example
 * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => res.json(getAuth(req).sub))
 */
export interface ProtectOptions extends RequiredAccessOptions {
  /**
   * Whether a request without a token passes, too: then `findAuth(req)` and `req.auth` are undefined. A token that is sent must
   * still be valid and have what the other options require. Default: false.
   */
  optional?: boolean
  /**
   * Finds the token of a request, such as in a cookie; undefined: the request has none. The `Authorization` header is then not
   * read. A cookie is also sent by requests that another site makes: protect such a route against them. If the function
   * throws, the request is answered with 503 (`policy_check_failed`). Default: the token is in the `Authorization` header.
   */
  getToken?(req: IncomingMessage): string | undefined
  /**
   * Whether refused requests go to the error handlers of the app, instead of being answered. The error is an `OAuthError` with
   * `status`, `statusCode`, `code`, `headers` and `expose`. Default: false.
   */
  passErrors?: boolean
  /** Whether 401 for a request without a token has a JSON body, as the other refusals have. Default: false. */
  jsonErrors?: boolean
}

interface ProtectSettings extends Pick<Required<ProtectOptions>, 'optional' | 'passErrors' | 'jsonErrors'> {
  access: RequiredAccess
  getToken: GetToken | undefined
}

interface ProtectedRequest extends ExpressRequest {
  auth?: AccessToken
}

/**
 * Lets a request pass if it has an access token with what the options require, which becomes `req.auth`. Answers every other
 * request (RFC 6750 §3).
 *
 * @param given the arguments of `protect`. Options that are undefined are a mistake, such as a misspelled variable, and are
 *   not the same as no options
 * @throws ConfigError for an unknown option, so that a typo cannot leave a route open
 */
export function createProtect(given: readonly unknown[], deps: AuthenticateAccessTokenDeps): Middleware {
  const [options] = given.length === 0 ? [{}] : given
  refuseRequest(options)
  if (given.length > 1) throw wrongArguments('got more than one argument; put all options in one object')
  const settings = readProtectOptions(createRouteOptionReader(options, 'protect'))
  const authenticate = createAuthenticateAccessToken(settings.access, deps, settings.getToken)
  const route = { ...settings, events: deps.events }
  return (req, res, next) => {
    const outcome = authenticate(req)
    if (isPending(outcome)) outcome.then((awaited) => conclude(req, res, next, awaited, route)).catch(next)
    else conclude(req, res, next, outcome, route)
  }
}

function readProtectOptions(reader: OptionReader): ProtectSettings {
  const settings = {
    access: readRequiredAccess(reader),
    optional: reader.boolean('optional', false),
    getToken: readGetToken(reader),
    passErrors: reader.boolean('passErrors', false),
    jsonErrors: reader.boolean('jsonErrors', false),
  }
  refuseOtherOptions(reader)
  return settings
}

/** @throws ConfigError for `app.get('/orders', exchange.protect, handler)`, which Express calls with each request */
function refuseRequest(options: unknown): void {
  if (isPlainObject(options) || !hasField(options, 'headers')) return
  throw wrongArguments('got a request; call it when the route is declared, as in app.get(path, protect(), handler)')
}

function wrongArguments(message: string): ConfigError {
  return new ConfigError([{ code: 'wrong_type', path: ['protect'], message }])
}

interface ProtectedRoute extends ProtectSettings {
  events: ExchangeEventEmitter
}

function conclude(
  req: ProtectedRequest,
  res: ServerResponse,
  next: (error?: unknown) => void,
  outcome: RouteOutcome<AccessToken>,
  route: ProtectedRoute,
): void {
  if (outcome.kind === 'granted') {
    req.auth = outcome.caller
    next()
  } else if (outcome.kind === 'missing' && route.optional) {
    next()
  } else {
    route.events.emit('access.denied', outcome.kind === 'missing' ? outcome.describe() : outcome.event)
    refuse(outcome, res, next, route)
  }
}

function refuse(
  outcome: Exclude<RouteOutcome<AccessToken>, { kind: 'granted' }>,
  res: ServerResponse,
  next: (error?: unknown) => void,
  { passErrors, jsonErrors }: ProtectedRoute,
): void {
  if (outcome.kind === 'missing' && !passErrors && !jsonErrors) {
    // Not chained: the responses of serverless-http return nothing.
    res.writeHead(401, { 'WWW-Authenticate': outcome.challenge, 'Cache-Control': 'no-store', 'Content-Length': 0 })
    res.end()
    return
  }
  const error = outcome.kind === 'missing' ? missingToken(outcome.challenge) : outcome.answer
  if (passErrors) next(error)
  else sendOAuthError(res, error)
}
