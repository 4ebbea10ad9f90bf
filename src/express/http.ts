import type { IncomingMessage, ServerResponse } from 'node:http'
import { OAuthError } from '../oauth/errors.js'
import type { HostRequest } from '../protected-route/host-request.js'

/**
 * An Express middleware, described by what it needs. So it fits Express 4 and 5 alike, and our public types name neither.
 */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** What Express adds to a request, besides what authentication at a route reads. Other hosts add less. */
export interface ExpressRequest extends HostRequest {
  /** Whether TLS was used, as `trust proxy` says. */
  secure?: boolean
  /** The same on Fastify, as `trustProxy` says. */
  protocol?: string
}

/** As Express's `req.secure`, or as Fastify's `protocol`; on another host, what the socket says. */
export function isSecure({ secure, protocol, socket }: ExpressRequest): boolean {
  if (secure !== undefined) return secure
  if (protocol !== undefined) return protocol === 'https'
  return socket !== undefined && 'encrypted' in socket && socket.encrypted === true
}

type Headers = Readonly<Record<string, string>>

/** RFC 6749 §5.1: token answers, and errors with them, are never stored. */
const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }
/** Seconds for which caches may keep our key set and metadata. */
const MAX_AGE_OF_DOCUMENTS = 300

/** Answers GET and HEAD with a JSON document that everybody may read and cache. */
export function createPublicDocument(document: unknown): Middleware {
  const json = JSON.stringify(document)
  const headers = { 'Cache-Control': `public, max-age=${MAX_AGE_OF_DOCUMENTS}` }
  return (req, res) => {
    if (req.method === 'GET' || req.method === 'HEAD') {
      sendText(res, 200, json, headers)
    } else {
      const refusal = { status: 405, headers: { Allow: 'GET, HEAD' } }
      sendOAuthError(res, new OAuthError('invalid_request', 'Only GET and HEAD are supported', refusal))
    }
  }
}

/** @param body undefined: an answer without one */
export function sendUncached(res: ServerResponse, body: object | undefined): void {
  if (body !== undefined) sendJson(res, 200, body, NO_STORE)
  else if (!res.headersSent && !res.destroyed) {
    res.writeHead(200, { ...NO_STORE, 'Content-Length': 0 })
    res.end()
  }
}

/** RFC 6749 §5.2. */
export function sendOAuthError(res: ServerResponse, error: OAuthError): void {
  const body = {
    error: error.code,
    error_description: error.message,
    ...(error.uri !== undefined && { error_uri: error.uri }),
  }
  sendJson(res, error.status, body, { ...NO_STORE, ...error.headers })
}

function sendJson(res: ServerResponse, status: number, body: object, headers: Headers): void {
  sendText(res, status, JSON.stringify(body), headers)
}

function sendText(res: ServerResponse, status: number, json: string, headers: Headers): void {
  if (res.headersSent || res.destroyed) return
  res.writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) })
  res.end(json)
}
