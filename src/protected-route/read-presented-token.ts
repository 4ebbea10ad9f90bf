import type { IncomingMessage } from 'node:http'
import { parse as parseQuery } from 'node:querystring'
import type { RequireSyntax } from '../access-token/access-token.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type AuthScheme, type Challenge, type ChallengedAccess, INVALID_TOKEN } from './challenge.js'
import { type HostRequest, readHeader } from './host-request.js'

const BEGINS_WITH: Readonly<Record<AuthScheme, RegExp>> = { Bearer: /^Bearer(?:\s|$)/i }
/** A `b64token` (RFC 6750 §2.1). */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/
const FORM = /^application\/x-www-form-urlencoded/i

/** A function of the host that finds the access token of a request. */
export type GetToken = (req: IncomingMessage) => string | undefined

/**
 * The token of an `Authorization` header of the scheme that is challenged for (RFC 6750 §2.1); undefined if the request has
 * none. A token in the query or in a form (§2.2, §2.3) is not accepted; in addition to the header it is an error (§3.1).
 * Its syntax is not checked yet.
 *
 * @throws OAuthError `invalid_request` for two tokens
 */
export function readPresentedToken(
  req: HostRequest,
  challenge: Challenge,
  challenged: ChallengedAccess = {},
): string | undefined {
  const [authorization, second] = readHeader(req, 'authorization')
  if (authorization === undefined || !BEGINS_WITH[challenge.scheme].test(authorization)) return undefined
  if (second !== undefined || hasTokenParameter(req)) {
    throw challenge.error('invalid_request', 'The request carries more than one token', 'token_sent_twice', challenged)
  }
  let at = challenge.scheme.length
  while (authorization[at] === ' ') at += 1
  return authorization.slice(at)
}

/**
 * For the text after the scheme. Looking at each character takes as long as all other work for a token that was verified before,
 * so it is done only for the others.
 *
 * @returns a function that throws OAuthError `invalid_token` for a malformed one
 */
export function createRequireTokenSyntax(challenge: Challenge, challenged: ChallengedAccess = {}): RequireSyntax {
  return (token) => {
    if (TOKEN.test(token)) return
    throw challenge.error('invalid_token', INVALID_TOKEN, 'malformed_authorization', challenged)
  }
}

/** The option `getToken`; undefined: there is none. */
export function readGetToken(reader: OptionReader): GetToken | undefined {
  if (!reader.isNamed('getToken')) return undefined
  const getToken = reader.hostObject('getToken')
  if (typeof getToken === 'function') return getToken as GetToken
  reader.problem(
    'getToken',
    'a function that gets the request and returns a token or undefined',
    undefined,
    'wrong_type',
  )
  return undefined
}

/**
 * The token that the host finds in a request; undefined if it finds none. It decides what happens to a second token.
 *
 * @throws OAuthError `invalid_token` for anything but a string
 * @throws DependencyUnavailable `policy_check_failed` if the function throws
 */
export function readTokenOfHost(
  req: HostRequest,
  getToken: GetToken,
  challenge: Challenge,
  challenged: ChallengedAccess,
): string | undefined {
  const token = callGetToken(getToken, req)
  if (token === undefined || typeof token === 'string') return token
  if (typeof token === 'object' && token !== null) Promise.resolve(token).catch(() => {}) // It is refused anyway.
  throw challenge.error('invalid_token', INVALID_TOKEN, 'malformed_authorization', challenged)
}

function callGetToken(getToken: GetToken, req: HostRequest): unknown {
  try {
    return getToken(req)
  } catch (cause) {
    throw new DependencyUnavailable('policy_check_failed', { cause })
  }
}

function hasTokenParameter(req: HostRequest): boolean {
  return (hasQuery(req) && hasAccessToken(queryOf(req))) || (isForm(req) && hasAccessToken(req.body))
}

/** Express 5 parses the query each time that it is asked for. */
function hasQuery({ originalUrl, url }: HostRequest): boolean {
  return originalUrl?.includes('?') !== false || (url !== originalUrl && url?.includes('?') === true)
}

/** As the host has parsed it; not every host does. */
function queryOf({ query, url = '' }: HostRequest): unknown {
  return query ?? parseQuery(url.slice(url.indexOf('?') + 1))
}

function isForm(req: HostRequest): boolean {
  return req.headers?.['content-type'] !== undefined && readHeader(req, 'content-type').some((type) => FORM.test(type))
}

function hasAccessToken(parameters: unknown): boolean {
  return typeof parameters === 'object' && parameters !== null && Object.hasOwn(parameters, 'access_token')
}
