import { describeDuration } from './durations.js'
import type { FetchFailure } from './identity-provider-item.js'

/** What the reasons of docs/errors.md mean. */
const MEANINGS: Readonly<Record<string, string>> = {
  request_headers_failed: 'The request headers could not be made',
  bearer_token_file_failed: 'The bearer token file could not be read',
  address_not_allowed: 'The address is not allowed',
  proxy_refused: 'The proxy refused',
  connection_timeout: 'The connection took too long',
  connection_failed: 'The connection failed',
  certificate_not_trusted: 'The TLS certificate is not trusted',
  read_timeout: 'The answer took too long',
  read_failed: 'The answer broke off',
  too_large: 'The answer is too large',
  redirected: 'The endpoint redirects elsewhere',
  unexpected_status: 'The endpoint answered with an error',
  unexpected_encoding: 'The answer is compressed',
  not_json: 'The answer is not JSON',
  not_a_key_set: 'The answer is not a key set',
  not_metadata: 'The answer is not metadata',
  metadata_of_another_issuer: 'The metadata are of another issuer',
  no_usable_key: 'The key set has no usable key',
  closed: 'The exchange was closed',
}

/** `The connection failed (ECONNREFUSED), 5 seconds ago`. */
export function describeFailure({ reason, code, detail, millisecondsAgo }: FetchFailure): string {
  const what = Object.hasOwn(MEANINGS, reason) ? MEANINGS[reason] : reason
  const more = [code, detail].filter((text) => text !== undefined && text !== '').join(': ')
  const when = millisecondsAgo === undefined ? '' : `, ${describeDuration(millisecondsAgo)} ago`
  return `${what}${more === '' ? '' : ` (${more})`}${when}`
}
