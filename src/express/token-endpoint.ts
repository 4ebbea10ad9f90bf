import type { ServerResponse } from 'node:http'
import { printable } from '../errors/printable.js'
import type { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'
import { remoteAddressOf } from '../protected-route/describe-request.js'
import { handleTokenRequest, type TokenRequestDeps } from '../token-request/handle-token-request.js'
import { type ExpressRequest, isSecure, type Middleware } from './http.js'
import { ProxyWarning } from './proxy-warning.js'
import { readClientCredentials } from './read-client-credentials.js'
import { createFormParser, readForm } from './read-form.js'
import { sendOAuthError, sendUncached } from './send-json.js'

/** Room in a token request for everything beside the assertion, in bytes. */
const ROOM_BESIDE_ASSERTION = 16_384

/** How token requests are judged now. */
export interface TokenEndpointDeps extends TokenRequestDeps {
  parseForm: Middleware
  /** Whether a request must have come over TLS, as Express's `trust proxy` tells. */
  requireHttps: boolean
}

/** For token requests with an assertion of at most so many bytes. */
export function createTokenFormParser(maxAssertionBytes: number): Middleware {
  return createFormParser(maxAssertionBytes + ROOM_BESIDE_ASSERTION)
}

/**
 * `POST /token` (RFC 6749 §3.2).
 *
 * @param configured what is in force. It is asked again once the body has come, which a client may hold back for long:
 *   by that the request is judged to its end
 */
export function createTokenEndpoint(configured: () => TokenEndpointDeps, events: ExchangeEventEmitter): Middleware {
  const proxyWarning = new ProxyWarning(events)
  return (req, res, next) => {
    proxyWarning.check(req)
    answerTokenRequest(req, res, configured, events).catch(next)
  }
}

async function answerTokenRequest(
  req: ExpressRequest,
  res: ServerResponse,
  configured: () => TokenEndpointDeps,
  events: ExchangeEventEmitter,
): Promise<void> {
  try {
    checkTransport(req, configured())
    const parameters = await readForm(req, res, configured().parseForm)
    const deps = configured()
    checkTransport(req, deps)
    const credentials = readClientCredentials(req, parameters)
    const tokenRequest = { parameters, credentials, remoteAddress: remoteAddressOf(req) }
    sendUncached(res, await handleTokenRequest(tokenRequest, deps))
  } catch (error) {
    const { answer, event } = toRefusal(error, invalidGrant)
    events.emit('token.rejected', { ...event, ...originOf(req, answer) })
    sendOAuthError(res, answer)
  }
}

function originOf(req: ExpressRequest, { code, reason }: OAuthError): { remoteAddress?: string } {
  const isAuthentication = code === 'invalid_client' || reason === 'too_many_client_failures'
  return isAuthentication ? { remoteAddress: printable(remoteAddressOf(req)) } : {}
}

function checkTransport(req: ExpressRequest, { requireHttps }: TokenEndpointDeps): void {
  if (req.method !== 'POST') {
    const headers = { Allow: 'POST' }
    throw new OAuthError('invalid_request', 'The token endpoint takes POST only', { status: 405, headers })
  }
  if (requireHttps && !isSecure(req)) throw new OAuthError('invalid_request', 'The token endpoint takes TLS only')
}

/** One text for everything that can be wrong with an assertion: what it was stands in the event. */
function invalidGrant({ reason }: TokenRejected): OAuthError {
  return new OAuthError('invalid_grant', 'The assertion is not valid', { reason })
}
