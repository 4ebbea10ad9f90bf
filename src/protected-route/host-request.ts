import type { IncomingMessage } from 'node:http'
import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import type { AccessDenied } from '../events/exchange-events.js'

/** A request with what Express and body parsers add to it. */
export interface HostRequest extends IncomingMessage {
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
 * The values of a header that should have one value. The value in `req.headers` counts: a middleware may have set, replaced or
 * removed it, and some hosts fill in nothing else. But it has only the first of two lines, so all values that were sent are
 * read from `req.rawHeaders`, if it is present.
 *
 * @param name in lower case
 */
export function readHeader({ headers, rawHeaders }: Partial<IncomingMessage>, name: string): string[] {
  const lines = Array.isArray(rawHeaders) ? linesOf(rawHeaders, name) : []
  if (lines.length > 1) return lines
  const value = fieldOf(headers, name)
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** Node's `headersDistinct` would copy every other header, too. */
function linesOf(rawHeaders: readonly string[], wanted: string): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    values.push(rawHeaders[at + 1] ?? '')
  }
  return values
}

/** The client's address as Express's `trust proxy` says; on another host, the one that the socket has. */
export function remoteAddressOf(req: HostRequest): string {
  return findAddress(req) ?? req.socket?.remoteAddress ?? ''
}

/** A `trust proxy` function is the host's, and may throw. */
function findAddress(req: HostRequest): string | undefined {
  try {
    return req.ip
  } catch {
    return undefined
  }
}

/** What the event of a refusal says of the request: where it came from, or which route it did not open. */
export function describeRequest(req: HostRequest, status: number): Partial<AccessDenied> {
  if (status === 401) return { remoteAddress: printable(remoteAddressOf(req)) }
  return status === 403 ? { method: printable(req.method ?? ''), route: printable(routeOf(req)) } : {}
}

/** As declared, because a path may hold an id or a secret. If no route is declared, the requested path without the query. */
function routeOf({ route, baseUrl = '', originalUrl, url }: HostRequest): string {
  const path: unknown = route?.path
  if (path !== undefined) return `${baseUrl}${path}`
  return (originalUrl ?? url ?? '').split('?', 1)[0] ?? ''
}
