import type { FetchFailure } from '../jwks/jwks-fetch-error.js'
import { sideBySide } from './side-by-side.js'

/** What is wrong and what to change, by the code of the underlying error or the HTTP status. */
const ADVICE_ON_CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown: correct jwksUri (jwks_uri), or name if discovery is true',
  EAI_AGAIN: 'DNS does not answer: check the resolver, or set lookup',
  ECONNREFUSED: 'nothing listens there: correct host and port in jwksUri (jwks_uri), or set proxy',
  ECONNRESET: 'the connection was reset: check firewalls, or set proxy',
  ENETUNREACH: 'there is no route: check the network, or set proxy',
  EHOSTUNREACH: 'there is no route: check the network, or set proxy',
  CERT_HAS_EXPIRED: 'the certificate of the endpoint has expired: renew it there',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: correct the host in jwksUri (jwks_uri)',
  '401': 'the endpoint requires credentials: set headers',
  '403': 'the endpoint requires credentials, or refuses those sent: set headers, or allow anonymous reading there',
  '404': 'nothing is there: correct jwksUri (jwks_uri), or discovery',
  '429': 'the endpoint is asked too often: raise cacheMaxAge (cache_max_age)',
}
/** The same by reason. */
const ADVICE: Readonly<Record<string, string>> = {
  request_headers_failed: 'correct the function headers',
  address_not_allowed: 'set network to "any" if this address is meant',
  proxy_refused: 'correct proxy, or allow the host there',
  connection_timeout: 'raise connectionTimeout (connection_timeout), or open the firewall',
  connection_failed: 'correct jwksUri (jwks_uri), or set proxy',
  certificate_not_trusted: 'set ca to the certificate of its authority',
  read_timeout: 'raise readTimeout (read_timeout), or make the endpoint faster',
  read_failed: 'the connection ended early: try again later',
  too_large: 'raise sizeLimitBytes (size_limit_bytes)',
  redirected: 'if that is right, write it into jwksUri (jwks_uri) or discovery',
  unexpected_status: 'the endpoint reports an error: see its log',
  unexpected_encoding: 'turn compression off there',
  not_json: 'correct jwksUri (jwks_uri)',
  not_a_key_set: 'correct jwksUri (jwks_uri)',
  not_metadata: 'correct discovery, or set jwksUri (jwks_uri)',
  metadata_of_another_issuer: 'make name the same, if this is the right identity provider',
  no_usable_key: 'the key set has no usable key: publish one there',
}

/** Why and where a fetch failed, what was found, and which option to change. Printable, at most 200 characters. */
export function describeFetchFailure({ reason, code, url, detail }: FetchFailure): string {
  const known = code !== undefined && Object.hasOwn(ADVICE_ON_CODES, code) ? ADVICE_ON_CODES[code] : undefined
  const why = code === undefined ? reason : `${reason} ${code}`
  const where = url === undefined ? why : `${why}: ${url}`
  const advice = known ?? ADVICE[reason]
  return sideBySide([where, detail, advice].filter((text) => text !== undefined))
}
