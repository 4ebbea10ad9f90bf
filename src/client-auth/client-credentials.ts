import type { RequestReason } from '../errors/reason-codes.js'
import { OAuthError } from '../oauth/errors.js'

/** What a client presented to authenticate itself (RFC 6749 §2.3.1). */
export interface ClientCredentials {
  clientId: string
  clientSecret: string
}

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i
const MAX_CREDENTIALS_LENGTH = 4096
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** One text for every failure, so that it does not tell which clients exist. */
export function invalidClient(reason: RequestReason): OAuthError {
  return new OAuthError('invalid_client', 'Client authentication failed', {
    reason,
    headers: { 'WWW-Authenticate': 'Basic realm="token endpoint", charset="UTF-8"' },
  })
}

/**
 * The credentials of an `Authorization: Basic` header. Id and secret were form-urlencoded before they were joined, so
 * both are decoded after splitting at the first colon (RFC 6749 §2.3.1 and App. B).
 *
 * @throws OAuthError `invalid_client`
 */
export function parseBasicCredentials(authorization: string): ClientCredentials {
  const encoded = authorization.length <= MAX_CREDENTIALS_LENGTH ? BASIC.exec(authorization)?.[1] : undefined
  const decoded = encoded === undefined ? undefined : decodeBase64(encoded)
  const colon = decoded?.indexOf(':') ?? -1
  if (decoded === undefined || colon < 0) throw invalidClient('malformed_credentials')
  const clientId = decodeFormValue(decoded.slice(0, colon))
  const clientSecret = decodeFormValue(decoded.slice(colon + 1))
  if (!clientId || !clientSecret) throw invalidClient('malformed_credentials')
  return { clientId, clientSecret }
}

function decodeBase64(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}

function decodeFormValue(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
