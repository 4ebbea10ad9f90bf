import type { IncomingMessage } from 'node:http'
import { type BearerChallenge, INVALID_TOKEN } from './bearer-challenge.js'
import { readAuthorization } from './read-authorization.js'

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const BEARER_SCHEME = /^Bearer(?:\s|$)/i

/** A request with what Express and body parsers add to it. */
export interface BearerRequest extends IncomingMessage {
  /** The URL before routers cut their own part off. */
  originalUrl?: string
  query?: unknown
  body?: unknown
}

/**
 * The token of an `Authorization: Bearer` header (RFC 6750 §2.1); undefined where the request carries none. A token in
 * the query or in a form (§2.2, §2.3) is not accepted; one there beside the header is an error (§3.1).
 *
 * @throws OAuthError `invalid_request` for two tokens, `invalid_token` for a malformed one
 */
export function readBearerToken(req: BearerRequest, challenge: BearerChallenge): string | undefined {
  const [authorization, second] = readAuthorization(req)
  if (authorization === undefined || !BEARER_SCHEME.test(authorization)) return undefined
  if (second !== undefined || hasTokenParameter(req)) {
    throw challenge.error('invalid_request', 'The request carries more than one token', 'token_sent_twice')
  }
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined) throw challenge.error('invalid_token', INVALID_TOKEN, 'malformed_authorization')
  return token
}

function hasTokenParameter(req: BearerRequest): boolean {
  const isForm = req.headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') === true
  return (hasQuery(req) && hasAccessToken(req.query)) || (isForm && hasAccessToken(req.body))
}

/** Express 5 parses the query each time that it is asked for. */
function hasQuery({ originalUrl, url }: BearerRequest): boolean {
  return originalUrl?.includes('?') !== false || url?.includes('?') === true
}

function hasAccessToken(parameters: unknown): boolean {
  return typeof parameters === 'object' && parameters !== null && 'access_token' in parameters
}
