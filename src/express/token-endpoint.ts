import type { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { OAuthError } from '../oauth/errors.js'
import type { ProxyWarning } from '../protected-route/proxy-warning.js'
import { handleTokenRequest, type TokenRequestDeps } from '../token-request/handle-token-request.js'
import { MountWarning, type TokenEndpoints } from './endpoint-warnings.js'
import { createFormEndpoint, type FormEndpointDeps } from './form-endpoint.js'
import type { Middleware } from './http.js'
import { createFormParser } from './read-form.js'

/** Bytes that a token request may have in addition to its assertion. */
const MAX_BYTES_BESIDES_ASSERTION = 16_384

/** How token requests are judged by one configuration. */
export interface TokenEndpointDeps extends TokenRequestDeps, FormEndpointDeps {}

/** For token requests with an assertion of at most so many bytes. */
export function createTokenFormParser(maxAssertionBytes: number): Middleware {
  return createFormParser(maxAssertionBytes + MAX_BYTES_BESIDES_ASSERTION)
}

/**
 * `POST /token` (RFC 6749 §3.2).
 *
 * @param configured what is in force
 */
export function createTokenEndpoint(
  configured: () => TokenEndpointDeps,
  urls: TokenEndpoints,
  { events, proxyWarning }: { events: ExchangeEventEmitter; proxyWarning: ProxyWarning },
): Middleware {
  const mountWarning = new MountWarning(urls, events)
  const answer = createFormEndpoint<TokenEndpointDeps>({
    configured,
    act: handleTokenRequest,
    answerRejected: invalidGrant,
    reportRefused: (event) => events.emit('token.rejected', event),
  })
  return (req, res, next) => {
    mountWarning.check(req)
    proxyWarning.check(req)
    answer(req, res, next)
  }
}

/** The same message for everything that can be wrong with an assertion: the event has the reason. */
function invalidGrant({ reason }: TokenRejected): OAuthError {
  return new OAuthError('invalid_grant', 'The assertion is not valid', { reason })
}
