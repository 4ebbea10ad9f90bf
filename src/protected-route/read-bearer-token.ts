import type { IncomingMessage } from 'node:http'
import { parse as parseQuery } from 'node:querystring'
import { type BearerChallenge, INVALID_TOKEN } from './bearer-challenge.js'
import { readHeader } from './read-header.js'

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const BEARER_SCHEME = /^Bearer(?:\s|$)/i
const FORM = /^application\/x-www-form-urlencoded/i

/** A request with what Express and body parsers add to it. */
export interface BearerRequest extends IncomingMessage {
  /** The URL before routers cut their own part off. */
  originalUrl?: string
  query?: unknown
  body?: unknown
  /** The client's address, as `trust proxy` says. */
  ip?: string
  /** The mount path of the router that the request is in. */
  baseUrl?: string
  /** The declared route that the request is in. */
  route?: { path?: unknown }
}

/**
 * The token of an `Authorization: Bearer` header (RFC 6750 §2.1); undefined where the request carries none. A token in
 * the query or in a form (§2.2, §2.3) is not accepted; one there beside the header is an error (§3.1).
 *
 * @throws OAuthError `invalid_request` for two tokens, `invalid_token` for a malformed one
 */
export function readBearerToken(req: BearerRequest, challenge: BearerChallenge): string | undefined {
  const [authorization, second] = readHeader(req, 'authorization')
  if (authorization === undefined || !BEARER_SCHEME.test(authorization)) return undefined
  if (second !== undefined || hasTokenParameter(req)) {
    throw challenge.error('invalid_request', 'The request carries more than one token', 'token_sent_twice')
  }
  const token = BEARER.exec(authorization)?.[1]
  if (token === undefined) throw challenge.error('invalid_token', INVALID_TOKEN, 'malformed_authorization')
  return token
}

function hasTokenParameter(req: BearerRequest): boolean {
  return (hasQuery(req) && hasAccessToken(queryOf(req))) || (isForm(req) && hasAccessToken(req.body))
}

/** Express 5 parses the query each time that it is asked for. */
function hasQuery({ originalUrl, url }: BearerRequest): boolean {
  return originalUrl?.includes('?') !== false || url?.includes('?') === true
}

/** As the host has parsed it; not every host does. */
function queryOf({ query, url = '' }: BearerRequest): unknown {
  return query ?? parseQuery(url.slice(url.indexOf('?') + 1))
}

function isForm(req: BearerRequest): boolean {
  return req.headers?.['content-type'] !== undefined && readHeader(req, 'content-type').some((type) => FORM.test(type))
}

function hasAccessToken(parameters: unknown): boolean {
  return typeof parameters === 'object' && parameters !== null && Object.hasOwn(parameters, 'access_token')
}
