import type { ServerResponse } from 'node:http'
import type { OAuthError } from '../oauth/errors.js'

/** RFC 6749 §5.1: token answers, and errors with them, are never stored. */
const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

type Headers = Readonly<Record<string, string>>

function sendJson(res: ServerResponse, status: number, body: unknown, headers: Headers): void {
  sendText(res, status, JSON.stringify(body), headers)
}

/** Sends JSON that is text already. */
export function sendText(res: ServerResponse, status: number, json: string, headers: Headers): void {
  if (res.headersSent || res.destroyed) return
  res.writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) })
  res.end(json)
}

export function sendUncached(res: ServerResponse, body: unknown): void {
  sendJson(res, 200, body, NO_STORE)
}

/** RFC 6749 §5.2. */
export function sendOAuthError(res: ServerResponse, error: OAuthError): void {
  const body = { error: error.code, error_description: error.message }
  sendJson(res, error.status, body, { ...NO_STORE, ...error.headers })
}
