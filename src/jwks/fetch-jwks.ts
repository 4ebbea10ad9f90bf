import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { fieldOf } from '../errors/field-of.js'

export interface JwksFetchLimits {
  /** Milliseconds for DNS, TCP and TLS. */
  connectionTimeout: number
  /** Milliseconds from then to the end of the body. */
  readTimeout: number
  sizeLimitBytes: number
}

export type JwksFetchFailure =
  | 'connection_timeout'
  | 'connection_failed'
  | 'read_timeout'
  | 'read_failed'
  | 'too_large'
  | 'redirected'
  | 'unexpected_status'
  | 'unexpected_encoding'
  | 'not_json'
  | 'not_a_key_set'
  | 'no_usable_key'
  | 'closed'

export class JwksFetchError extends Error {
  override readonly name = 'JwksFetchError'
  readonly failure: JwksFetchFailure

  constructor(failure: JwksFetchFailure) {
    super(failure)
    this.failure = failure
  }
}

export function isJwksFetchError(error: unknown): error is JwksFetchError {
  return fieldOf(error, 'name') === 'JwksFetchError'
}

/**
 * Gets a key set and returns the members of its `keys` (RFC 7517 §5). A deadline for connecting and one for reading, a
 * size limit counted on the bytes received, no redirects, no compression, status 200 only; the content type is not
 * trusted.
 *
 * @throws JwksFetchError
 */
export async function fetchJwks(endpoint: URL, limits: JwksFetchLimits, closing: AbortSignal): Promise<unknown[]> {
  if (closing.aborted) throw new JwksFetchError('closed')
  const request = sendRequest(endpoint)
  const interruption = interruptible(request, closing)
  try {
    interruption.failAfter(limits.connectionTimeout, 'connection_timeout')
    await interruption.orEarlier(connectionOf(request))
    interruption.failAfter(limits.readTimeout, 'read_timeout')
    const response = await interruption.orEarlier(responseTo(request))
    return readMembers(await interruption.orEarlier(readBody(response, limits.sizeLimitBytes)))
  } catch (error) {
    throw isJwksFetchError(error) ? error : new JwksFetchError('read_failed')
  } finally {
    interruption.end()
    request.destroy()
  }
}

function sendRequest(endpoint: URL): ClientRequest {
  const send = endpoint.protocol === 'https:' ? httpsRequest : httpRequest
  const request = send(endpoint, {
    agent: false,
    headers: {
      accept: 'application/jwk-set+json, application/json',
      'accept-encoding': 'identity',
      'user-agent': 'express-jwt-exchange',
    },
  })
  request.on('error', () => {}) // Whoever waits learns of it; an error that comes later must not be unhandled.
  return request.end()
}

/**
 * Ends the request at a deadline, or when the exchange closes. What waits is told by a promise of its own and not by the
 * streams: some end well, and some not at all, when they are cut off. A new deadline takes the place of the one before.
 */
function interruptible(request: ClientRequest, closing: AbortSignal) {
  let deadline: NodeJS.Timeout | undefined
  let interrupt: (failure: JwksFetchFailure) => void = () => {}
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = (failure) => {
      reject(new JwksFetchError(failure))
      request.destroy()
    }
  })
  interrupted.catch(() => {}) // Nobody may be waiting when it happens.
  const close = () => interrupt('closed')
  closing.addEventListener('abort', close, { once: true })
  return {
    failAfter(milliseconds: number, failure: JwksFetchFailure) {
      clearTimeout(deadline)
      deadline = setTimeout(interrupt, milliseconds, failure)
    },
    orEarlier: <Result>(step: Promise<Result>) => Promise.race([interrupted, step]),
    end() {
      clearTimeout(deadline)
      closing.removeEventListener('abort', close)
    },
  }
}

function connectionOf(request: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once('error', () => reject(new JwksFetchError('connection_failed')))
    request.once('socket', (socket) => socket.once('encrypted' in socket ? 'secureConnect' : 'connect', resolve))
  })
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    // Without an error: Node closes so after 101 Switching Protocols, and a deadline then finds nothing to destroy.
    request.once('close', () => reject(new JwksFetchError('read_failed')))
  })
}

async function readBody(response: IncomingMessage, sizeLimitBytes: number): Promise<string> {
  const { statusCode = 0, headers } = response
  if (statusCode >= 300 && statusCode < 400) throw new JwksFetchError('redirected')
  if (statusCode !== 200) throw new JwksFetchError('unexpected_status')
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
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
  return Buffer.concat(chunks).toString('utf8')
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
