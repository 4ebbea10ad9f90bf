import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { readMaxAge, readRetryAfter } from './freshness.js'
import { Interruption } from './interruption.js'
import type { JwksConnectionSettings } from './jwks-connection-options.js'
import { JwksFetchError, toJwksFetchError } from './jwks-fetch-error.js'
import { connectionOf, readRequestHeaders, responseTo, sendJwksRequest } from './jwks-request.js'

export interface JwksFetchLimits {
  /** Milliseconds for DNS, TCP and TLS, those of a proxy included. */
  connectionTimeout: number
  /** Milliseconds from then to the end of the body. */
  readTimeout: number
  sizeLimitBytes: number
}

/** What tells one version of a key set from another (RFC 9110 §8.8). */
export interface Validators {
  etag?: string
  lastModified?: string
}

export interface JwksFetch {
  endpoint: URL
  limits: JwksFetchLimits
  connection: JwksConnectionSettings
  /** Milliseconds for all of it. */
  totalTimeout: number
  /** Of the key set that is at hand: the endpoint may answer that it is still the same. */
  validators?: Validators | undefined
  /** Wall clock, in seconds: what a date in `Retry-After` is compared with. */
  now: number
}

export interface JwksAnswer {
  /** undefined: it has not changed. */
  published: PublishedKeySet | undefined
  validators: Validators
  /** Milliseconds for which the endpoint says that it is fresh, where it says so. */
  maxAge: number | undefined
}

export interface PublishedKeySet {
  /** The members of `keys` (RFC 7517 §5). */
  members: readonly unknown[]
  /** The same for the same text. */
  version: string
}

/** What can be sent back as it came. */
const VALIDATOR = /^[\x20-\x7E]{1,512}$/

/**
 * Gets a key set. A deadline for connecting and one for reading, a size limit counted on the bytes received, no
 * redirects, no compression, status 200 only, or 304 where that was asked for; the content type is not trusted.
 *
 * @throws JwksFetchError
 */
export async function fetchJwks(jwksFetch: JwksFetch, closing: AbortSignal): Promise<JwksAnswer> {
  if (closing.aborted) throw new JwksFetchError('closed')
  const { endpoint, limits, connection, validators = {} } = jwksFetch
  const interruption = new Interruption(jwksFetch.totalTimeout, closing)
  try {
    interruption.failAfter(limits.connectionTimeout, 'connection_timeout')
    const headers = await interruption.orEarlier(readRequestHeaders(connection))
    const conditional = { ...headers, ...conditionsOf(validators) }
    const request = sendJwksRequest(endpoint, connection, conditional, interruption.signal)
    await interruption.orEarlier(connectionOf(request, endpoint, connection))
    interruption.failAfter(limits.readTimeout, 'read_timeout')
    const response = await interruption.orEarlier(responseTo(request))
    return await interruption.orEarlier(readAnswer(response, jwksFetch))
  } catch (error) {
    throw toJwksFetchError(error, 'read_failed')
  } finally {
    interruption.end()
  }
}

function conditionsOf({ etag, lastModified }: Validators) {
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
  }
}

async function readAnswer(response: IncomingMessage, jwksFetch: JwksFetch): Promise<JwksAnswer> {
  const { statusCode = 0, headers } = response
  const { validators = {} } = jwksFetch
  const maxAge = readMaxAge(headers)
  const isConditional = validators.etag !== undefined || validators.lastModified !== undefined
  if (statusCode === 304 && isConditional) {
    await once(response.resume(), 'end') // An agent can keep the connection then.
    return { published: undefined, validators, maxAge }
  }
  checkStatus(statusCode, headers, jwksFetch.now)
  const body = await readBody(response, jwksFetch.limits.sizeLimitBytes)
  const version = hash('sha256', body, 'base64url')
  return { published: { members: readMembers(body), version }, validators: readValidators(headers), maxAge }
}

function checkStatus(status: number, headers: IncomingHttpHeaders, now: number): void {
  if (status === 200) return
  const retryAfter = readRetryAfter(headers, now)
  throw new JwksFetchError(status >= 300 && status < 400 ? 'redirected' : 'unexpected_status', {
    code: String(status),
    ...(retryAfter !== undefined && { retryAfter }),
  })
}

function readValidators({ etag = '', 'last-modified': lastModified = '' }: IncomingHttpHeaders): Validators {
  return { ...(VALIDATOR.test(etag) && { etag }), ...(VALIDATOR.test(lastModified) && { lastModified }) }
}

async function readBody(response: IncomingMessage, sizeLimitBytes: number): Promise<string> {
  const { headers } = response
  if ((headers['content-encoding'] || 'identity').toLowerCase() !== 'identity') {
    throw new JwksFetchError('unexpected_encoding')
  }
  if (Number(headers['content-length'] ?? 0) > sizeLimitBytes) throw new JwksFetchError('too_large')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > sizeLimitBytes) throw new JwksFetchError('too_large')
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks)) // Without a byte order mark.
}

function readMembers(body: string): unknown[] {
  const keySet = parseJson(body)
  if (typeof keySet !== 'object' || keySet === null || !Object.hasOwn(keySet, 'keys')) {
    throw new JwksFetchError('not_a_key_set')
  }
  const { keys } = keySet as { keys: unknown }
  if (!Array.isArray(keys)) throw new JwksFetchError('not_a_key_set')
  return keys
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new JwksFetchError('not_json')
  }
}
