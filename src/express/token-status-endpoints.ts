import { MAX_ACCESS_TOKEN_LENGTH } from '../access-token/verify-access-token.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import type { ProxyWarning } from '../protected-route/proxy-warning.js'
import { type IntrospectTokenDeps, introspectToken } from '../token-request/introspect-token.js'
import { type RevokeTokenDeps, revokeToken } from '../token-request/revoke-token.js'
import { createFormEndpoint, type FormEndpoint, type FormEndpointDeps } from './form-endpoint.js'
import type { Middleware } from './http.js'
import { createFormParser } from './read-form.js'

/** Bytes that a request may have in addition to the token and to the assertion of its client. */
const MAX_BYTES_BESIDES = 16_384

/** How introspection requests are judged by one configuration. */
export interface IntrospectionEndpointDeps extends IntrospectTokenDeps, FormEndpointDeps {}

/** How revocation requests are judged by one configuration. */
export interface RevocationEndpointDeps extends RevokeTokenDeps, FormEndpointDeps {}

interface Reporting {
  events: ExchangeEventEmitter
  proxyWarning: ProxyWarning
}

/** What is in force; undefined: the endpoint is not served, and a request goes on to the host. */
type Configured<Deps> = () => Deps | undefined

/** For requests with an access token, and with an assertion of the client of at most so many bytes. */
export function createStatusFormParser(maxAssertionBytes: number): Middleware {
  return createFormParser(MAX_ACCESS_TOKEN_LENGTH + maxAssertionBytes + MAX_BYTES_BESIDES)
}

/** `POST /introspect` (RFC 7662 §2). */
export function createIntrospectionEndpoint(
  configured: Configured<IntrospectionEndpointDeps>,
  reporting: Reporting,
): Middleware {
  return createStatusEndpoint<IntrospectionEndpointDeps>(configured, introspectToken, reporting)
}

/** `POST /revoke` (RFC 7009 §2). The answer has no body. */
export function createRevocationEndpoint(
  configured: Configured<RevocationEndpointDeps>,
  reporting: Reporting,
): Middleware {
  const act = (request: TokenRequest, deps: RevocationEndpointDeps) => revokeToken(request, deps).then(() => undefined)
  return createStatusEndpoint<RevocationEndpointDeps>(configured, act, reporting)
}

function createStatusEndpoint<Deps extends FormEndpointDeps>(
  configured: Configured<Deps>,
  act: FormEndpoint<Deps>['act'],
  { events, proxyWarning }: Reporting,
): Middleware {
  return (req, res, next) => {
    const atStart = configured()
    if (atStart === undefined) {
      next()
      return
    }
    proxyWarning.check(req)
    const answer = createFormEndpoint<Deps>({
      configured: () => configured() ?? atStart,
      act,
      answerRejected: ({ reason }) => new OAuthError('invalid_request', 'The token is not valid', { reason }),
      reportRefused: (event) => events.emit('token.rejected', event),
    })
    answer(req, res, next)
  }
}
