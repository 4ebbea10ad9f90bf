import type { ServerResponse } from 'node:http'
import { printablePath } from '../errors/printable.js'
import type { TokenRejected } from '../errors/rejections.js'
import type { TokenRequestRefused } from '../events/refusals.js'
import { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { describeSender, pathOf } from '../protected-route/host-request.js'
import { type ExpressRequest, isSecure, type Middleware, sendOAuthError, sendUncached } from './http.js'
import { HttpTokenRequest } from './http-token-request.js'
import { readForm } from './read-form.js'

/** What a form endpoint needs of one configuration. */
export interface FormEndpointDeps {
  parseForm: Middleware
  /** Whether a request must have come over TLS, as Express's `trust proxy` says. */
  requireHttps: boolean
}

/** What an endpoint does with a form that clients post to it, such as a token request. */
export interface FormEndpoint<Deps extends FormEndpointDeps> {
  /**
   * The configuration in force. It is read again when the body has arrived, because a client may delay the body for long. The
   * request is then handled under that configuration to its end.
   */
  configured(): Deps
  /** @returns the members of the answer, or undefined for one without a body @throws what `toRefusal` can translate */
  act(request: TokenRequest, deps: Deps): Promise<object | undefined>
  /** What a rejected token means to the client of this endpoint. */
  answerRejected(rejected: TokenRejected): OAuthError
  reportRefused(event: TokenRequestRefused): void
}

/** Takes a posted form, and answers it or refuses it as OAuth JSON. */
export function createFormEndpoint<Deps extends FormEndpointDeps>(endpoint: FormEndpoint<Deps>): Middleware {
  return (req, res, next) => {
    answerForm(req, res, endpoint).catch(next)
  }
}

async function answerForm<Deps extends FormEndpointDeps>(
  req: ExpressRequest,
  res: ServerResponse,
  endpoint: FormEndpoint<Deps>,
): Promise<void> {
  try {
    const { parseForm, requireHttps } = endpoint.configured()
    checkMethod(req)
    checkTransport(req, requireHttps)
    const parameters = await readForm(req, res, parseForm)
    const deps = endpoint.configured()
    if (deps.requireHttps !== requireHttps) checkTransport(req, deps.requireHttps)
    sendUncached(res, await endpoint.act(new HttpTokenRequest(req, parameters), deps))
  } catch (error) {
    const { answer, event } = toRefusal(error, endpoint.answerRejected)
    endpoint.reportRefused({ ...event, ...describeRequest(req) })
    sendOAuthError(res, answer)
  }
}

function describeRequest(req: ExpressRequest): Pick<TokenRequestRefused, 'method' | 'path' | 'remoteAddress'> {
  return { ...describeSender(req), path: printablePath(pathOf(req.originalUrl ?? req.url)) }
}

function checkMethod({ method }: ExpressRequest): void {
  if (method === 'POST') return
  throw new OAuthError('invalid_request', 'Only POST is supported', { status: 405, headers: { Allow: 'POST' } })
}

function checkTransport(req: ExpressRequest, requireHttps: boolean): void {
  if (requireHttps && !isSecure(req)) throw new OAuthError('invalid_request', 'TLS is required')
}
