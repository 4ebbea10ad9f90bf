import type { IncomingMessage } from 'node:http'
import { fieldOf } from '../errors/field-of.js'
import { printable, printablePath } from '../errors/printable.js'
import type { RequestRefused } from '../events/refusals.js'

/** A request with what Express and body parsers add to it. */
export interface HostRequest extends IncomingMessage {
  /** The URL before routers cut their own part off. */
  originalUrl?: string
  query?: unknown
  body?: unknown
  /** The client's address, as `trust proxy` says. */
  ip?: string
  /** The application, which knows its settings. */
  app?: { get?: (setting: string) => unknown }
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
  if (Array.isArray(rawHeaders) && mayRepeat(rawHeaders, name)) {
    const lines = linesOf(rawHeaders, name)
    if (lines.length > 1) return lines
  }
  const value = fieldOf(headers, name)
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** Whether several headers have a name of this length, so that they must be looked at. */
function mayRepeat(rawHeaders: readonly string[], { length }: string): boolean {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.length === length) count += 1
  return count > 1
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

/** The path of a request's URL, which Koa, Fastify and `node:http` do not keep apart. */
export function pathOf(url = ''): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}

/** What the event of any refusal says of the request. */
export function describeSender(req: HostRequest): Pick<RequestRefused, 'method' | 'remoteAddress'> {
  return { method: printable(req.method ?? ''), remoteAddress: printable(remoteAddressOf(req)) }
}

/**
 * The route as declared, because a path may hold an id or a secret. If no route is declared, the requested path. The path of
 * a mount point is the requested one as well.
 */
export function routeOf({ route, baseUrl = '', originalUrl, url }: HostRequest): string {
  const declared: unknown = route?.path
  if (declared === undefined) return printablePath(pathOf(originalUrl ?? url))
  return printable(`${printablePath(baseUrl)}${declared}`)
}
