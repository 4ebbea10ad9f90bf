import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Clock } from '../clock/clock.js'
import { pause, type Timers } from '../clock/timers.js'
import { parseJson } from '../jwt/parse-json.js'
import type { JwksConnectionSettings } from './connection-options.js'
import { describeText, withoutUserInfo } from './document-kind.js'
import { FetchDeadline } from './fetch-deadline.js'
import { JwksFetchError, toJwksFetchError } from './fetch-error.js'
import { readRetryAfter } from './freshness.js'
import { connectionOf, readRequestHeaders, responseTo, sendRequest } from './send-request.js'

export interface FetchLimits {
  /** Milliseconds for DNS, TCP and TLS, with the endpoint and with a proxy. */
  connectionTimeout: number
  /** Milliseconds from then to the end of the body. */
  readTimeout: number
  sizeLimitBytes: number
}

/** One GET of a document that others publish, or one POST of a form. */
export interface BoundedFetch {
  endpoint: URL
  limits: FetchLimits
  connection: JwksConnectionSettings
  /** Milliseconds for the whole fetch. */
  totalTimeout: number
  /** Seconds since the epoch, for a date in `Retry-After`. */
  now: number
  /** Whether caches on the way must ask the endpoint themselves (RFC 9111 §5.2.1.4). */
  passesCaches?: boolean
  /** Form-encoded parameters. With them it is a POST, otherwise a GET. */
  form?: string
}

/**
 * Gets a document, or posts a form. There is a deadline for connecting and one for reading, and a size limit that counts the bytes received.
 * Redirects are not followed, compression is refused, and the content type is not trusted.
 *
 * @param ownHeaders in addition to the headers of the connection
 * @param read reads the answer
 * @throws JwksFetchError
 */
export async function fetchBounded<Answer>(
  { endpoint, limits, connection, totalTimeout, passesCaches = false, form }: BoundedFetch,
  closing: AbortSignal,
  ownHeaders: Readonly<Record<string, string>>,
  read: (response: IncomingMessage) => Promise<Answer>,
): Promise<Answer> {
  if (closing.aborted) throw new JwksFetchError('closed')
  const deadline = new FetchDeadline(totalTimeout, closing)
  let unanswered: ClientRequest | undefined
  try {
    deadline.failAfter(limits.connectionTimeout, 'connection_timeout')
    const headers = {
      ...(await deadline.inTime(readRequestHeaders(connection))),
      ...(passesCaches && { 'cache-control': 'no-cache' }),
      ...ownHeaders,
    }
    const request = sendRequest(endpoint, connection, headers, { ...limits, signal: deadline.signal }, form)
    unanswered = request
    await deadline.inTime(connectionOf(request, endpoint, connection))
    deadline.failAfter(limits.readTimeout, 'read_timeout')
    const response = await deadline.inTime(responseTo(request))
    unanswered = undefined
    return await deadline.inTime(read(response))
  } catch (error) {
    throw toJwksFetchError(error, 'read_failed').at(endpoint, unanswered?.reusedSocket === true)
  } finally {
    deadline.end()
  }
}

/** The text of an answer of status 200. */
export async function readOk(response: IncomingMessage, boundedFetch: BoundedFetch): Promise<string> {
  const { statusCode = 0, headers } = response
  checkStatus(statusCode, headers, boundedFetch)
  return readBody(response, boundedFetch.limits.sizeLimitBytes)
}

/** @throws JwksFetchError `not_json` */
export function parseJsonBody(body: string): unknown {
  try {
    return parseJson(body)
  } catch {
    throw new JwksFetchError('not_json', { detail: describeText(body) })
  }
}

/** A fetch before it is known when it must end. */
export type Untimed<Fetch extends BoundedFetch> = Omit<Fetch, 'totalTimeout' | 'now'>

export interface FetchWithRetriesDeps {
  clock: Clock
  timers: Timers
}

/** Milliseconds before the connection is tried again. */
const RETRY_PAUSE = 100
const CONNECTION_LOST = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE']

/**
 * Fetches something, and tries again if the connection is refused or reset. All attempts together take no longer than one
 * may.
 *
 * @throws JwksFetchError
 */
export async function fetchWithRetries<Fetch extends BoundedFetch, Answer>(
  fetch: (fetched: Fetch, closing: AbortSignal) => Promise<Answer>,
  fetched: Untimed<Fetch>,
  retries: number,
  closing: AbortSignal,
  { clock, timers }: FetchWithRetriesDeps,
): Promise<Answer> {
  const endsAt = clock.monotonic() + fetched.limits.connectionTimeout + fetched.limits.readTimeout
  for (let retriesLeft = retries; ; retriesLeft -= 1) {
    try {
      const times = { totalTimeout: endsAt - clock.monotonic(), now: clock.now() }
      return await fetch({ ...fetched, ...times } as Fetch, closing)
    } catch (error) {
      const isConnectionLost = CONNECTION_LOST.includes(toJwksFetchError(error, 'read_failed').code ?? '')
      if (retriesLeft <= 0 || !isConnectionLost || endsAt - clock.monotonic() <= RETRY_PAUSE) throw error
      await pause(RETRY_PAUSE, timers)
    }
  }
}

function checkStatus(status: number, headers: IncomingHttpHeaders, { endpoint, now }: BoundedFetch): void {
  if (status === 200) return
  const retryAfter = readRetryAfter(headers, now)
  const isRedirect = status >= 300 && status < 400
  const target = isRedirect ? describeRedirect(headers.location, endpoint) : undefined
  throw new JwksFetchError(isRedirect ? 'redirected' : 'unexpected_status', {
    code: String(status),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(target !== undefined && { detail: target }),
  })
}

/** Without the query, which may hold secrets of a login. The target is never requested. */
function describeRedirect(location: string | undefined, { href }: URL): string | undefined {
  if (location === undefined || !URL.canParse(location, href)) return undefined
  const target = new URL(location, href)
  const hasQuery = target.search !== ''
  target.search = ''
  return `it leads to ${withoutUserInfo(target)}${hasQuery ? '?...' : ''}`
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
